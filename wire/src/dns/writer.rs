//! Writing messages.

use zerocopy::IntoBytes;

use crate::EmitError;

use super::{
    CLASS_IN, HEADER_LEN, Header, Layout, Name, Question, Record, RecordData, TYPE_A, TYPE_AAAA,
    TYPE_CNAME, TYPE_MX, TYPE_NS, TYPE_OPT, TYPE_PTR, TYPE_SOA, TYPE_TXT,
};

/// Writes a query that asks the server to recurse; returns its length, or 0 if `buf` is too short
/// or there is no question.
pub fn query(buf: &mut [u8], id: u16, questions: &[Question<'_>]) -> usize {
    let header = Header { id, recursion_desired: true, ..Header::default() };
    let mut writer = Writer::new(buf, header);
    let fits = questions.iter().all(|question| writer.question(question));
    if fits && !questions.is_empty() { writer.finish().unwrap() } else { 0 }
}

/// Builds a message in a lent buffer: questions first, then the sections in their order.
///
/// Each verb says whether the entry fitted and is in order; one that is not leaves no trace. Names
/// are written without pointers.
///
/// ```
/// use wire::dns::{self, Header, NameBuf, Question, Record, RecordData, Writer};
/// let name: NameBuf = "a.test".parse().unwrap();
/// let (name, class) = (name.name(), dns::CLASS_IN);
/// let mut bytes = [0; 512];
/// let mut writer = Writer::new(&mut bytes, Header { id: 7, response: true, ..Header::default() });
/// assert!(writer.question(&Question { name, kind: dns::TYPE_A, class }));
/// let data = RecordData::A([10, 0, 0, 1].into());
/// assert!(writer.answer(&Record { name, class, ttl_s: 60, data }));
/// let len = writer.finish().unwrap();
/// assert_eq!(dns::parse(&bytes[..len]).unwrap().to_string(), "7- 1/0/0 A 10.0.0.1 (46)");
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    header: Header,
    len: usize,
    counts: [u16; 4],
}

impl<'a> Writer<'a> {
    /// An empty message.
    pub fn new(buf: &'a mut [u8], header: Header) -> Self {
        Self { buf, header, len: HEADER_LEN, counts: [0; 4] }
    }

    /// Appends a question.
    pub fn question(&mut self, question: &Question<'_>) -> bool {
        self.entry(0, |open| {
            open.name(question.name)?;
            open.put(&question.kind.to_be_bytes())?;
            open.put(&question.class.to_be_bytes())
        })
    }

    /// Appends an answer.
    pub fn answer(&mut self, record: &Record<'_>) -> bool {
        self.entry(1, |open| open.record(record))
    }

    /// Appends a record about who is an authority.
    pub fn authority(&mut self, record: &Record<'_>) -> bool {
        self.entry(2, |open| open.record(record))
    }

    /// Appends a further record.
    pub fn additional(&mut self, record: &Record<'_>) -> bool {
        self.entry(3, |open| open.record(record))
    }

    /// Says that responses of up to `udp_len` bytes are welcome (EDNS).
    pub fn edns(&mut self, udp_len: u16) -> bool {
        let data = RecordData::Unknown { kind: TYPE_OPT, data: &[] };
        self.additional(&Record { name: Name::ROOT, class: udp_len, ttl_s: 0, data })
    }

    /// Writes the header; returns the length of the message.
    ///
    /// # Errors
    /// [`EmitError::NoRoom`] if the buffer is too short for a header.
    pub fn finish(self) -> Result<usize, EmitError> {
        let Header { id, .. } = self.header;
        let layout = Layout {
            id: id.into(),
            flags: self.header.flags().into(),
            counts: self.counts.map(Into::into),
        };
        layout.write_to_prefix(self.buf).map_err(|_| EmitError::NoRoom)?;
        Ok(self.len)
    }

    /// One entry of `section`, all of it or nothing.
    fn entry(&mut self, section: usize, write: impl FnOnce(&mut Open<'_>) -> Option<()>) -> bool {
        let in_order = self.counts.iter().skip(section + 1).all(|count| *count == 0);
        let Some(count) = self.counts[section].checked_add(1).filter(|_| in_order) else {
            return false;
        };
        let mut open = Open { buf: self.buf, at: self.len };
        let written = write(&mut open);
        let at = open.at;
        if written.is_some() && at <= usize::from(u16::MAX) {
            self.len = at;
            self.counts[section] = count;
            return true;
        }
        false
    }
}

/// An entry that is being written.
struct Open<'a> {
    buf: &'a mut [u8],
    at: usize,
}

impl Open<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.buf.get_mut(self.at..self.at + bytes.len())?.copy_from_slice(bytes);
        self.at += bytes.len();
        Some(())
    }

    fn name(&mut self, name: Name<'_>) -> Option<()> {
        self.at += name.emit(self.buf.get_mut(self.at..)?).ok()?;
        Some(())
    }

    fn record(&mut self, record: &Record<'_>) -> Option<()> {
        self.name(record.name)?;
        self.put(&record.data.kind().to_be_bytes())?;
        self.put(&record.class.to_be_bytes())?;
        self.put(&record.ttl_s.to_be_bytes())?;
        let len_at = self.at;
        self.put(&[0; 2])?;
        self.data(&record.data)?;
        let len = u16::try_from(self.at - len_at - 2).ok()?;
        self.buf.get_mut(len_at..len_at + 2)?.copy_from_slice(&len.to_be_bytes());
        Some(())
    }

    fn data(&mut self, data: &RecordData<'_>) -> Option<()> {
        match *data {
            RecordData::A(ip) => self.put(&ip.octets()),
            RecordData::Aaaa(ip) => self.put(&ip.octets()),
            RecordData::Ns(name) | RecordData::Cname(name) | RecordData::Ptr(name) => {
                self.name(name)
            }
            RecordData::Mx { preference, exchange } => {
                self.put(&preference.to_be_bytes())?;
                self.name(exchange)
            }
            RecordData::Txt(strings) => self.put(strings.bytes()),
            RecordData::Soa(soa) => {
                self.name(soa.mname)?;
                self.name(soa.rname)?;
                [soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s]
                    .iter()
                    .try_for_each(|number| self.put(&number.to_be_bytes()))
            }
            RecordData::Unknown { data, .. } => self.put(data),
        }
    }
}

impl RecordData<'_> {
    /// The type.
    pub fn kind(&self) -> u16 {
        match self {
            Self::A(_) => TYPE_A,
            Self::Ns(_) => TYPE_NS,
            Self::Cname(_) => TYPE_CNAME,
            Self::Soa(_) => TYPE_SOA,
            Self::Ptr(_) => TYPE_PTR,
            Self::Mx { .. } => TYPE_MX,
            Self::Txt(_) => TYPE_TXT,
            Self::Aaaa(_) => TYPE_AAAA,
            Self::Unknown { kind, .. } => *kind,
        }
    }
}

impl<'a> Question<'a> {
    /// A question of class IN.
    pub fn new(name: Name<'a>, kind: u16) -> Self {
        Self { name, kind, class: CLASS_IN }
    }
}
