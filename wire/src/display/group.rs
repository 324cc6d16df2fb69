//! IGMP and MLD messages, their records and sources.

use std::fmt::{self, Formatter};

use super::malformed;
use crate::igmp::{self, Message as Igmp};
use crate::ip::IpHeader;
use crate::membership::{Records, Sources};
use crate::mld::{self, Message as Mld};

pub(super) fn show_igmp(f: &mut Formatter<'_>, message: &[u8]) -> fmt::Result {
    match igmp::parse(message) {
        Err(why) => malformed(f, "igmp", why, message.len()),
        Ok(Igmp::QueryV1 { .. }) => f.write_str("igmp query v1"),
        Ok(Igmp::QueryV2 { max_response_ds, group }) => {
            let (s, ds) = (max_response_ds / 10, max_response_ds % 10);
            write!(f, "igmp query v2 [max resp time {s}.{ds}s]")?;
            if group.is_unspecified() { Ok(()) } else { write!(f, " [gaddr {group}]") }
        }
        Ok(Igmp::QueryV3 { max_response_ds, group, tail }) => {
            let (s, ds) = (max_response_ds / 10, max_response_ds % 10);
            write!(f, "igmp query v3 [max resp time {s}.{ds}s] [gaddr {group}")?;
            show_sources(f, &tail.sources)?;
            f.write_str("]")
        }
        Ok(Igmp::ReportV1 { group }) => write!(f, "igmp v1 report {group}"),
        Ok(Igmp::ReportV2 { group }) => write!(f, "igmp v2 report {group}"),
        Ok(Igmp::Leave { group }) => write!(f, "igmp leave {group}"),
        Ok(Igmp::ReportV3(records)) => {
            f.write_str("igmp v3 report")?;
            show_records(f, &records)
        }
    }
}

pub(super) fn show_mld(
    f: &mut Formatter<'_>,
    header: &IpHeader,
    kind: u8,
    body: &[u8],
) -> fmt::Result {
    f.write_str("multicast listener ")?;
    match mld::parse(header, kind, body) {
        Err(why) => malformed(f, "discovery", why, body.len() + 4),
        Ok(Mld::QueryV1 { max_response_ms, group }) => {
            write!(f, "query v1 [max resp delay {max_response_ms}] [gaddr {group}]")
        }
        Ok(Mld::QueryV2 { max_response_ms, group, tail }) => {
            write!(f, "query v2 [max resp delay {max_response_ms}] [gaddr {group}")?;
            show_sources(f, &tail.sources)?;
            f.write_str("]")
        }
        Ok(Mld::ReportV1 { group }) => write!(f, "report {group}"),
        Ok(Mld::Done { group }) => write!(f, "done {group}"),
        Ok(Mld::ReportV2(records)) => {
            f.write_str("report v2")?;
            show_records(f, &records)
        }
    }
}

fn show_records<const N: usize>(f: &mut Formatter<'_>, records: &Records<'_, N>) -> fmt::Result {
    write!(f, ", {} group record(s)", records.len())?;
    records.iter().try_for_each(|record| {
        write!(f, " [gaddr {} ", record.group)?;
        match record.kind_name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "type-{}", record.kind)?,
        }
        show_sources(f, &record.sources)?;
        f.write_str("]")
    })
}

fn show_sources<const N: usize>(f: &mut Formatter<'_>, sources: &Sources<'_, N>) -> fmt::Result {
    f.write_str(" {")?;
    sources.iter().try_for_each(|source| write!(f, " {source}"))?;
    f.write_str(" }")
}
