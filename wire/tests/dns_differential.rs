//! DNS against hickory-proto: what either writes the other reads the same, and where both read
//! damaged bytes they agree.
//!
//! hickory-proto compresses names when it writes, so its messages also exercise our pointers. The
//! two may differ in what they refuse: ours refuses bytes behind the last record and leaves types
//! beyond its list unread, hickory-proto reads many more types and refuses some of their data.

use hickory_proto::op::{Message as Theirs, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{CNAME, MX, NS, PTR, SOA, TXT};
use hickory_proto::rr::{Name as TheirName, RData, Record as TheirRecord, RecordType};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::Malformed;
use wire::dns::{
    self, Header, Message, Name, NameBuf, Question, Record, RecordData, Soa, Strings, Writer,
};

/// What a message is made of: names by number, from a list of related ones.
#[derive(Clone, Debug)]
struct Parts {
    id: u16,
    bits: [bool; 6],
    rcode: u8,
    names: Vec<Vec<Vec<u8>>>,
    question: (usize, u16),
    answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    owner: usize,
    target: usize,
    kind: usize,
    ttl: u32,
    numbers: [u32; 5],
    text: Vec<u8>,
}

const NAMES: usize = 4;
const TYPES: [u16; 3] = [dns::TYPE_A, dns::TYPE_AAAA, dns::TYPE_MX];

fn parts() -> impl Strategy<Value = Parts> {
    let label = || vec(prop::sample::select(b"abcxyz09-".to_vec()), 1..12);
    let names = (vec(label(), 1..4), vec(label(), NAMES)).prop_map(|(suffix, firsts)| {
        firsts.into_iter().map(|first| [&[first], &suffix[..]].concat()).collect()
    });
    let answer = (
        0..NAMES,
        0..NAMES,
        0usize..8,
        0..u32::MAX >> 1,
        any::<[u32; 5]>(),
        vec(any::<u8>(), 0..60),
    )
        .prop_map(|(owner, target, kind, ttl, numbers, text)| Answer {
            owner,
            target,
            kind,
            ttl,
            numbers,
            text,
        });
    let question = (0..NAMES, prop::sample::select(TYPES.to_vec()));
    (any::<u16>(), any::<[bool; 6]>(), 0u8..6, names, question, vec(answer, 0..6)).prop_map(
        |(id, bits, rcode, names, question, answers)| Parts {
            id,
            bits,
            rcode,
            names,
            question,
            answers,
        },
    )
}

fn our_name(labels: &[Vec<u8>]) -> NameBuf {
    let text: Vec<_> = labels.iter().map(|label| str::from_utf8(label).unwrap()).collect();
    text.join(".").parse().unwrap()
}

fn their_name(labels: &[Vec<u8>]) -> TheirName {
    TheirName::from_labels(labels.iter().map(|label| &label[..])).unwrap()
}

impl Parts {
    /// By our writer.
    fn ours(&self) -> Vec<u8> {
        let names: Vec<NameBuf> = self.names.iter().map(|name| our_name(name)).collect();
        let [response, authoritative, truncated, recursion_desired, recursion_available, ad] =
            self.bits;
        let header = Header {
            id: self.id,
            response,
            opcode: 0,
            authoritative,
            truncated,
            recursion_desired,
            recursion_available,
            z: u8::from(ad) << 1,
            rcode: dns::ResponseCode::from_bits(self.rcode),
        };
        let mut bytes = vec![0; 8192];
        let mut writer = Writer::new(&mut bytes, header);
        let (name, kind) = self.question;
        assert!(writer.question(&Question::new(names[name].name(), kind)));
        for answer in &self.answers {
            let text = [&[answer.text.len() as u8][..], &answer.text].concat();
            let target = names[answer.target].name();
            let [serial, refresh_s, retry_s, expire_s, minimum_s] = answer.numbers;
            let data = match answer.kind {
                0 => RecordData::A(serial.into()),
                1 => RecordData::Aaaa(u128::from(serial).into()),
                2 => RecordData::Ns(target),
                3 => RecordData::Cname(target),
                4 => RecordData::Ptr(target),
                5 => RecordData::Mx { preference: serial as u16, exchange: target },
                6 => RecordData::Txt(Strings::parse(&text).unwrap()),
                _ => RecordData::Soa(Soa {
                    mname: target,
                    rname: names[answer.owner].name(),
                    serial,
                    refresh_s,
                    retry_s,
                    expire_s,
                    minimum_s,
                }),
            };
            let name = names[answer.owner].name();
            let record = Record { name, class: dns::CLASS_IN, ttl_s: answer.ttl, data };
            assert!(writer.answer(&record));
        }
        let len = writer.finish().unwrap();
        bytes.truncate(len);
        bytes
    }

    /// By theirs.
    fn theirs(&self) -> Vec<u8> {
        let names: Vec<TheirName> = self.names.iter().map(|name| their_name(name)).collect();
        let [response, authoritative, truncated, recursion_desired, recursion_available, ad] =
            self.bits;
        let kind = if response { MessageType::Response } else { MessageType::Query };
        let mut message = Theirs::new(self.id, kind, OpCode::Query);
        message.metadata.authoritative = authoritative;
        message.metadata.truncation = truncated;
        message.metadata.recursion_desired = recursion_desired;
        message.metadata.recursion_available = recursion_available;
        message.metadata.authentic_data = ad;
        message.metadata.response_code = hickory_proto::op::ResponseCode::from(0, self.rcode);
        let (name, kind) = self.question;
        message.add_query(Query::query(names[name].clone(), RecordType::from(kind)));
        for answer in &self.answers {
            let target = names[answer.target].clone();
            let owner = names[answer.owner].clone();
            let [serial, refresh, retry, expire, minimum] = answer.numbers;
            let data = match answer.kind {
                0 => RData::A(hickory_proto::rr::rdata::A(serial.into())),
                1 => RData::AAAA(hickory_proto::rr::rdata::AAAA(u128::from(serial).into())),
                2 => RData::NS(NS(target)),
                3 => RData::CNAME(CNAME(target)),
                4 => RData::PTR(PTR(target)),
                5 => RData::MX(MX::new(serial as u16, target)),
                6 => RData::TXT(TXT::from_bytes(vec![&answer.text[..]])),
                _ => RData::SOA(SOA::new(
                    target,
                    owner.clone(),
                    serial,
                    refresh as i32,
                    retry as i32,
                    expire as i32,
                    minimum,
                )),
            };
            message.add_answer(TheirRecord::from_rdata(owner, answer.ttl, data));
        }
        message.to_vec().unwrap()
    }
}

fn same_name(ours: Name<'_>, theirs: &TheirName) {
    assert!(ours.labels().eq(theirs.iter()), "{ours} {theirs}");
}

/// Both accepted; what did they read? Returns how many answers were compared in full.
fn agree(ours: &Message<'_>, theirs: &Theirs) -> usize {
    let (header, other) = (&ours.header, &theirs.metadata);
    assert_eq!(header.id, other.id);
    assert_eq!(header.response, other.message_type == MessageType::Response);
    assert_eq!(header.opcode, u8::from(other.op_code));
    assert_eq!(header.authoritative, other.authoritative);
    assert_eq!(header.truncated, other.truncation);
    assert_eq!(header.recursion_desired, other.recursion_desired);
    assert_eq!(header.recursion_available, other.recursion_available);
    assert_eq!(header.z & 2 != 0, other.authentic_data);
    assert_eq!(header.z & 1 != 0, other.checking_disabled);
    assert_eq!(header.rcode.bits(), other.response_code.low());
    assert_eq!(ours.questions().count(), theirs.queries.len());
    for (ours, theirs) in ours.questions().zip(&theirs.queries) {
        same_name(ours.name, &theirs.name);
        assert_eq!(ours.kind, u16::from(theirs.query_type));
    }
    assert_eq!(ours.answers().count(), theirs.answers.len());
    ours.answers().zip(&theirs.answers).filter(|(ours, theirs)| same_record(ours, theirs)).count()
}

fn same_record(ours: &Record<'_>, theirs: &TheirRecord) -> bool {
    same_name(ours.name, &theirs.name);
    assert_eq!(ours.data.kind(), u16::from(theirs.record_type()));
    match (&ours.data, &theirs.data) {
        (RecordData::A(ours), RData::A(theirs)) => assert_eq!(*ours, theirs.0),
        (RecordData::Aaaa(ours), RData::AAAA(theirs)) => assert_eq!(*ours, theirs.0),
        (RecordData::Ns(ours), RData::NS(theirs)) => same_name(*ours, &theirs.0),
        (RecordData::Cname(ours), RData::CNAME(theirs)) => same_name(*ours, &theirs.0),
        (RecordData::Ptr(ours), RData::PTR(theirs)) => same_name(*ours, &theirs.0),
        (RecordData::Mx { preference, exchange }, RData::MX(theirs)) => {
            assert_eq!(*preference, theirs.preference);
            same_name(*exchange, &theirs.exchange);
        }
        (RecordData::Txt(ours), RData::TXT(theirs)) => {
            assert!(ours.iter().eq(theirs.txt_data.iter().map(|text| &text[..])));
        }
        (RecordData::Soa(ours), RData::SOA(theirs)) => {
            same_name(ours.mname, &theirs.mname);
            same_name(ours.rname, &theirs.rname);
            assert_eq!((ours.serial, ours.minimum_s), (theirs.serial, theirs.minimum));
            assert_eq!(
                [ours.refresh_s, ours.retry_s, ours.expire_s],
                [theirs.refresh as u32, theirs.retry as u32, theirs.expire as u32]
            );
        }
        _ => return false,
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// DNS-01, DNS-03, DNS-06, DNS-07
    #[test]
    fn ours_is_read_by_hickory(parts in parts()) {
        let bytes = parts.ours();
        let theirs = Theirs::from_vec(&bytes).unwrap();
        prop_assert_eq!(agree(&dns::parse(&bytes).unwrap(), &theirs), parts.answers.len());
    }

    /// DNS-01, DNS-02, DNS-03, DNS-07
    #[test]
    fn hickory_is_read_by_ours(parts in parts()) {
        let bytes = parts.theirs();
        let theirs = Theirs::from_vec(&bytes).unwrap();
        prop_assert_eq!(agree(&dns::parse(&bytes).unwrap(), &theirs), parts.answers.len());
    }

    /// DNS-02, DNS-05
    #[test]
    fn damaged_messages_are_refused_or_read_alike(
        parts in parts(),
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut bytes = parts.theirs();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        match (dns::parse(&bytes), Theirs::from_vec(&bytes)) {
            (Ok(ours), Ok(theirs)) => { agree(&ours, &theirs); }
            // hickory-proto does not look behind the last record.
            (Err(why), Ok(_)) => prop_assert_eq!(why, Malformed::Field),
            _ => {}
        }
    }
}
