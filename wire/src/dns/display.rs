//! The line of a message, in tcpdump's words.

use std::fmt::{self, Display, Formatter};

use super::{
    CLASS_CH, CLASS_HS, CLASS_IN, Message, Question, RecordData, ResponseCode, TYPE_A, TYPE_AAAA,
    TYPE_CNAME, TYPE_MX, TYPE_NS, TYPE_OPT, TYPE_PTR, TYPE_SOA, TYPE_TXT,
};

impl Display for ResponseCode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoError => "NoError",
            Self::FormErr => "FormErr",
            Self::ServFail => "ServFail",
            Self::NxDomain => "NXDomain",
            Self::NotImp => "NotImp",
            Self::Refused => "Refused",
            Self::Other(code) => return write!(f, "Resp{code}"),
        })
    }
}

impl Display for Message<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.header.id)?;
        if self.header.opcode != 0 {
            write!(f, " op{}", self.header.opcode)?;
        }
        if self.header.response {
            self.show_response(f)?
        } else {
            self.show_query(f)?
        }
        write!(f, " ({})", self.bytes.len())
    }
}

impl Message<'_> {
    fn show_query(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.header.recursion_desired { "+" } else { "" })?;
        f.write_str(if self.header.z & 1 != 0 { "%" } else { "" })?;
        let Self { questions, answers, authority, additional, .. } = self;
        show_count(f, answers.count, 0, "a")?;
        show_count(f, questions.count, 1, "q")?;
        show_count(f, authority.count, 0, "n")?;
        show_count(f, additional.count, 0, "au")?;
        self.questions().try_for_each(|question| write!(f, " {question}"))
    }

    fn show_response(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        if header.rcode != ResponseCode::NoError {
            write!(f, " {}", header.rcode)?;
        }
        f.write_str(if header.authoritative { "*" } else { "" })?;
        f.write_str(if header.recursion_available { "" } else { "-" })?;
        f.write_str(if header.truncated { "|" } else { "" })?;
        f.write_str(if header.z & 2 != 0 { "$" } else { "" })?;
        let Self { questions, answers, authority, additional, .. } = self;
        show_count(f, questions.count, 1, "q")?;
        write!(f, " {}/{}/{}", answers.count, authority.count, additional.count)?;
        let mut comma = "";
        self.answers().try_for_each(|record| {
            f.write_str(comma)?;
            show_class(f, record.class)?;
            write!(f, " {}", record.data)?;
            comma = ",";
            Ok(())
        })
    }
}

/// A count that is not the usual one.
fn show_count(f: &mut Formatter<'_>, count: u16, usual: u16, name: &str) -> fmt::Result {
    if count == usual { Ok(()) } else { write!(f, " [{count}{name}]") }
}

fn show_class(f: &mut Formatter<'_>, class: u16) -> fmt::Result {
    match class {
        CLASS_IN => Ok(()),
        CLASS_CH => f.write_str(" CHAOS"),
        CLASS_HS => f.write_str(" HS"),
        class => write!(f, " (Class {class})"),
    }
}

/// The name of a type of record.
struct Kind(u16);

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            TYPE_A => "A",
            TYPE_NS => "NS",
            TYPE_CNAME => "CNAME",
            TYPE_SOA => "SOA",
            TYPE_PTR => "PTR",
            TYPE_MX => "MX",
            TYPE_TXT => "TXT",
            TYPE_AAAA => "AAAA",
            TYPE_OPT => "OPT",
            255 => "ANY",
            kind => return write!(f, "Type{kind}"),
        })
    }
}

impl Display for Question<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Kind(self.kind))?;
        show_class(f, self.class)?;
        write!(f, "? {}", self.name)
    }
}

impl Display for RecordData<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Kind(self.kind()))?;
        match self {
            Self::A(ip) => write!(f, " {ip}"),
            Self::Aaaa(ip) => write!(f, " {ip}"),
            Self::Ns(name) | Self::Cname(name) | Self::Ptr(name) => write!(f, " {name}"),
            Self::Mx { preference, exchange } => write!(f, " {exchange} {preference}"),
            Self::Txt(strings) => {
                strings.iter().try_for_each(|string| write!(f, " \"{}\"", string.escape_ascii()))
            }
            Self::Soa(_) | Self::Unknown { .. } => Ok(()),
        }
    }
}
