//! Messages of IGMP and MLD.

use addr::Ip;
use wire::membership::{self, Record, Records, Sources};
use wire::{igmp, mld};

use crate::random::Random;

fn octets<const N: usize>(random: &mut Random, front: &[u8]) -> [u8; N] {
    let mut octets = [0; N];
    octets.iter_mut().for_each(|octet| *octet = random.u8());
    octets[..front.len()].copy_from_slice(front);
    octets
}

fn sources<const N: usize>(random: &mut Random) -> Vec<[u8; N]> {
    let front: &[u8] = if N == 4 { &[10] } else { &[0x20, 1] };
    (0..random.below(4)).map(|_| octets(random, front)).collect()
}

/// Group records, as they stand in a report.
fn records<const N: usize>(
    random: &mut Random,
    mut group: impl FnMut(&mut Random) -> Ip,
    emit: impl FnOnce(Records<'_, N>) -> usize,
) {
    let sources: Vec<Vec<[u8; N]>> = (0..random.below(4)).map(|_| sources(random)).collect();
    let each = |sources| Record {
        kind: 1 + random.below(6) as u8,
        group: group(random),
        sources: Sources::new(sources),
        aux: if random.chance(10) { &[1, 2, 3, 4] } else { &[] },
    };
    let all: Vec<Record<'_, N>> = sources.iter().map(Vec::as_slice).map(each).collect();
    let mut area = [0; 512];
    let records = Records::write(&mut area, &all).expect("room enough");
    assert_ne!(emit(records), 0);
}

fn tail<'a, const N: usize>(
    random: &mut Random,
    sources: &'a [[u8; N]],
) -> membership::QueryTail<'a, N> {
    membership::QueryTail {
        suppress: random.chance(50),
        robustness: random.u8() & 7,
        interval_s: u32::from(random.u8()),
        sources: Sources::new(sources),
    }
}

fn group_v4(random: &mut Random) -> Ip {
    let front = [224 + random.u8() % 16];
    Ip::v4(octets(random, &front))
}

pub(super) fn igmp_message(random: &mut Random) -> Vec<u8> {
    let group = group_v4(random);
    let mut bytes = vec![0; 600];
    let of = sources(random);
    let message = match random.below(7) {
        0 => igmp::Message::QueryV2 { max_response_ds: 1 + random.u8() % 255, group },
        1 => igmp::Message::ReportV1 { group },
        2 => igmp::Message::ReportV2 { group },
        3 => igmp::Message::Leave { group },
        4 => igmp::Message::QueryV3 {
            max_response_ds: u32::from(random.u16() % 3000),
            group,
            tail: tail(random, &of),
        },
        _ => {
            let mut len = 0;
            records(random, group_v4, |records| {
                len = igmp::emit(&mut bytes, &igmp::Message::ReportV3(records)).unwrap();
                len
            });
            bytes.truncate(len);
            return bytes;
        }
    };
    let len = igmp::emit(&mut bytes, &message).unwrap();
    assert_ne!(len, 0);
    bytes.truncate(len);
    bytes
}

pub(super) fn mld_message(random: &mut Random, src: Ip, group: Ip) -> Vec<u8> {
    let mut bytes = vec![0; 600];
    let of = sources(random);
    let message = match random.below(6) {
        0 => mld::Message::QueryV1 { max_response_ms: random.u16(), group },
        1 => mld::Message::ReportV1 { group },
        2 => mld::Message::Done { group },
        3 => mld::Message::QueryV2 {
            max_response_ms: random.u32() % 100_000,
            group,
            tail: tail(random, &of),
        },
        _ => {
            let mut len = 0;
            let any = |random: &mut Random| Ip::v6(octets(random, &[0xff, 2]));
            records(random, any, |records| {
                len = mld::emit(&mut bytes, src, group, &mld::Message::ReportV2(records)).unwrap();
                len
            });
            bytes.truncate(len);
            return bytes;
        }
    };
    let len = mld::emit(&mut bytes, src, group, &message).unwrap();
    assert_ne!(len, 0);
    bytes.truncate(len);
    bytes
}
