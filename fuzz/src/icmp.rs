//! Both ICMPs and what they carry: quotes, objects, neighbor discovery, membership.

use addr::Ip;
use wire::icmp::{self as icmp_wire, Message, Quote};
use wire::ip::IpHeader;
use wire::{checksum, icmp_ext as ext, icmpv4 as v4, icmpv6 as v6, igmp as igmp_wire};
use wire::{mld as mld_wire, ndp as ndp_wire, ndp_options};

const LINK_LOCAL: Ip = Ip::v6([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const GLOBAL: Ip = Ip::v6([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
const GROUP: Ip = Ip::v6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 3]);

/// The message with a checksum that holds, for those without a pseudo header.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    if message.len() >= 4 {
        message[2..4].fill(0);
        let sum = checksum::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

pub(crate) fn icmpv4(bytes: &[u8]) {
    let _ = v4::parse(bytes);
    let message = repaired(bytes);
    let Ok(parsed) = v4::parse(&message) else { return };
    let _ = parsed.is_error();
    let mut again = vec![0; message.len()];
    assert_eq!(v4::emit(&mut again, &parsed), Ok(message.len()));
    assert_eq!(v4::parse(&again), Ok(parsed));
}

pub(crate) fn icmpv6(bytes: &[u8]) {
    let _ = v6::parse(LINK_LOCAL, GROUP, bytes);
    let mut message = bytes.to_vec();
    v6::set_checksum(&mut message, LINK_LOCAL, GROUP);
    let Ok(parsed) = v6::parse(LINK_LOCAL, GROUP, &message) else { return };
    let _ = parsed.is_error();
    let mut again = vec![0; message.len()];
    let len = v6::emit(&mut again, LINK_LOCAL, GROUP, &parsed);
    if message.len() >= icmp_wire::HEADER_LEN {
        assert_eq!(len, Ok(message.len()));
        assert_eq!(v6::parse(LINK_LOCAL, GROUP, &again), Ok(parsed));
    }
}

pub(crate) fn icmp_quote(bytes: &[u8]) {
    for family in [true, false] {
        assert!(icmp_wire::quote(bytes, family).len() <= 1232);
    }
    let Ok(quote) = Quote::parse(bytes) else { return };
    let _ = (quote.ports(), quote.tcp_seq(), quote.echo());
    assert!(quote.transport.len() <= bytes.len());
}

pub(crate) fn icmp_ext(bytes: &[u8]) {
    for family in [true, false] {
        let Ok(Some(extended)) = ext::split(bytes, family) else { continue };
        objects(&extended.objects, bytes.len());
        let found: Vec<ext::Object<'_>> = extended.objects.iter().collect();
        let error = Message::TimeExceeded { code: 0, quote: extended.quote };
        let mut buf = [0; 1500];
        let len = match family {
            true => ext::emit_v4(&mut buf, &error, &found),
            false => ext::emit_v6(&mut buf, LINK_LOCAL, GLOBAL, &error, &found),
        };
        let Ok(len) = len else { continue };
        let again = ext::split(&buf[..len], family).expect("sound").expect("has objects");
        assert!(again.objects.iter().eq(found));
    }
    if let Ok(list) = ext::Objects::parse(bytes) {
        objects(&list, bytes.len());
    }
}

fn objects(list: &ext::Objects<'_>, len: usize) {
    assert!(list.iter().count() * 4 <= len);
    for object in list.iter() {
        assert!(object.labels().count() * 4 <= object.data.len());
    }
}

/// The header, type and code of an ICMPv6 body: chosen by two bytes.
fn header(choice: u8, len: usize) -> IpHeader {
    IpHeader {
        src: [LINK_LOCAL, GLOBAL, Ip::UNSPECIFIED_V6, GROUP][usize::from(choice & 3)],
        dst: [GROUP, LINK_LOCAL, Ip::ALL_NODES, Ip::ALL_ROUTERS][usize::from(choice >> 2 & 3)],
        protocol: wire::ip::PROTO_ICMPV6,
        protocol_at: 6,
        hop_limit: if choice & 0x10 == 0 { 255 } else { 1 },
        traffic_class: 0,
        flow_label: 0,
        identification: 0,
        fragment: None,
        dont_fragment: true,
        header_len: 40,
        payload_len: len,
    }
}

/// The body of a message that was just emitted, as a receiver gets it.
fn received<'a>(header: &IpHeader, message: &'a [u8]) -> (u8, u8, &'a [u8]) {
    match v6::parse(header.src, header.dst, message) {
        Ok(Message::Other { kind, code, body }) => (kind, code, body),
        other => panic!("{other:?} is none of its family"),
    }
}

pub(crate) fn ndp(bytes: &[u8]) {
    let Some(([choice, kind], body)) = bytes.split_first_chunk::<2>() else { return };
    let (header, kind) = (header(*choice, body.len() + 4), 133 + kind % 5);
    let Ok(message) = ndp_wire::parse(&header, kind, 0, body) else { return };
    let options = match message {
        ndp_wire::Message::RouterSolicitation { options }
        | ndp_wire::Message::NeighborSolicitation { options, .. }
        | ndp_wire::Message::Redirect { options, .. } => options,
        ndp_wire::Message::RouterAdvertisement(ra) => ra.options,
        ndp_wire::Message::NeighborAdvertisement(na) => na.options,
    };
    assert!(options.iter().count() <= options.bytes().len() / 8);
    let _ = (options.source_mac(), options.target_mac(), options.nonce());
    options.iter().for_each(|option| written_again(&option));
    let mut again = vec![0; body.len() + 4];
    let len = ndp_wire::emit(&mut again, header.src, header.dst, &message).expect("room");
    let (kind, code, body) = received(&header, &again[..len]);
    assert_eq!(ndp_wire::parse(&header, kind, code, body), Ok(message));
}

/// Writing what was read may drop host bits and padding, once; after that nothing changes.
fn written_again(option: &ndp_options::NdpOption<'_>) {
    let mut first = ndp_options::OptionWriter::<2048>::new();
    if !first.put(option) {
        return;
    }
    let once = first.options().iter().next().expect("what was written");
    let mut second = ndp_options::OptionWriter::<2048>::new();
    assert!(second.put(&once));
    assert_eq!(second.options().iter().next(), Some(once));
}

pub(crate) fn igmp(bytes: &[u8]) {
    let _ = igmp_wire::parse(bytes);
    let message = repaired(bytes);
    let Ok(parsed) = igmp_wire::parse(&message) else { return };
    let mut again = vec![0; message.len()];
    let len = igmp_wire::emit(&mut again, &parsed).expect("room");
    assert_eq!(igmp_wire::parse(&again[..len]), Ok(parsed));
}

pub(crate) fn mld(bytes: &[u8]) {
    let Some(([choice, kind], body)) = bytes.split_first_chunk::<2>() else { return };
    let kind = [130, 131, 132, 143][usize::from(kind & 3)];
    let header = header(*choice ^ 0x10, body.len() + 4);
    let Ok(message) = mld_wire::parse(&header, kind, body) else { return };
    let mut again = vec![0; body.len() + 4];
    let len = mld_wire::emit(&mut again, header.src, header.dst, &message).expect("room");
    let (kind, _, body) = received(&header, &again[..len]);
    assert_eq!(mld_wire::parse(&header, kind, body), Ok(message));
}
