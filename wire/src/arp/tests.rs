//! Tests of `arp`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;

fn request() -> Arp {
    Arp {
        operation: REQUEST,
        sender_mac: Mac([2, 0, 0, 0, 0, 1]),
        sender_ip: [10, 0, 0, 1].into(),
        target_mac: Mac::UNSPECIFIED,
        target_ip: [10, 0, 0, 2].into(),
    }
}

fn parsed(arp: &Arp) -> Result<Arp, Malformed> {
    let mut bytes = [0; LEN];
    assert_eq!(emit(&mut bytes, arp), Ok(LEN));
    parse(&bytes)
}

#[test]
fn arp_01_golden_request_both_ways() {
    let bytes = golden("arp_request");
    assert_eq!(parse(&bytes), Ok(request()));
    let mut emitted = [0; LEN];
    emit(&mut emitted, &request()).unwrap();
    assert_eq!(emitted[..], bytes);
}

#[test]
fn arp_02_integrity() {
    let bytes = golden("arp_request");
    assert_eq!(parse(&bytes[..27]), Err(Malformed::Truncated));
    for (at, what) in [(1, "hardware"), (2, "protocol"), (4, "MAC length"), (5, "IP length")] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        assert_eq!(parse(&bytes), Err(Malformed::Field), "{what}");
    }
    let padded = [&bytes[..], &[0; 18]].concat();
    assert_eq!(parse(&padded), Ok(request()), "padding is ignored");
}

#[test]
fn arp_03_sanity() {
    let base = request();
    let reply = Arp { operation: REPLY, ..base };
    let cases = [
        ("probe", Arp { sender_ip: [0; 4].into(), ..base }, Ok(())),
        ("reply", reply, Ok(())),
        ("operation", Arp { operation: 3, ..base }, Err(Malformed::Field)),
        ("reply from nobody", Arp { sender_ip: [0; 4].into(), ..reply }, Err(Malformed::Source)),
        ("zero MAC", Arp { sender_mac: Mac::UNSPECIFIED, ..base }, Err(Malformed::Source)),
        ("broadcast MAC", Arp { sender_mac: Mac::BROADCAST, ..base }, Err(Malformed::Source)),
        ("group MAC", Arp { sender_mac: Mac([1, 0, 94, 0, 0, 1]), ..base }, Err(Malformed::Source)),
        ("loopback", Arp { sender_ip: [127, 0, 0, 1].into(), ..base }, Err(Malformed::Source)),
        ("group", Arp { sender_ip: [224, 0, 0, 1].into(), ..base }, Err(Malformed::Source)),
        ("broadcast", Arp { sender_ip: [255; 4].into(), ..base }, Err(Malformed::Source)),
        ("to group", Arp { target_ip: [224, 0, 0, 1].into(), ..base }, Err(Malformed::Destination)),
        ("to all", Arp { target_ip: [255; 4].into(), ..base }, Err(Malformed::Destination)),
    ];
    for (name, arp, expected) in cases {
        assert_eq!(parsed(&arp), expected.map(|()| arp), "{name}");
    }
}

#[test]
fn emit_needs_room() {
    assert_eq!(emit(&mut [0; 27], &request()), Err(EmitError::NoRoom));
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_tail_behind_a_sound_head(tail in vec(any::<u8>(), 20..40)) {
        let bytes = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &tail].concat();
        if let Ok(arp) = parse(&bytes) {
            let mut emitted = [0; LEN];
            emit(&mut emitted, &arp).unwrap();
            prop_assert_eq!(&emitted[..], &bytes[..LEN]);
        }
    }
}
