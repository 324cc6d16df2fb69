//! Tests of `membership`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// VEC-17: the reference's encodings, the longest beyond all of them (IGMP-03).
#[test]
fn vec_17_codes_encoded() {
    let encoded = [100, 127, 128, 1000, 31744, 40000].map(encode_code);
    assert_eq!(encoded, [100, 127, 128, 175, 255, 255]);
    assert_eq!(encode_code(u32::MAX), 255);
}

/// VEC-18: the reference's decodings.
#[test]
fn vec_18_codes_decoded() {
    assert_eq!([0x80, 0x8f, 0xff].map(decode_code), [128, 248, 31744]);
    assert_eq!(decode_code(0xff), CODE_MAX);
}

#[test]
fn every_code_comes_back() {
    for code in 0..=255 {
        assert_eq!(encode_code(decode_code(code)), code);
    }
    for value in 128..=CODE_MAX {
        let said = decode_code(encode_code(value));
        assert!(said <= value && value - said < value / 16, "{value} said as {said}");
    }
}

#[test]
fn addresses_of_the_other_family_are_refused() {
    let mapped = Ip::v4([224, 0, 0, 1]);
    let record = Record::<16> { kind: 4, group: mapped, sources: Sources::new(&[]), aux: &[] };
    assert_eq!(Records::write(&mut [0; 64], &[record]), Err(EmitError::Value));
    let record =
        Record::<4> { group: Ip::ALL_NODES, sources: Sources::new(&[]), kind: 4, aux: &[] };
    assert_eq!(Records::write(&mut [0; 64], &[record]), Err(EmitError::Value));
    let bytes = [&[4, 0, 0, 0][..], mapped.octets()].concat();
    assert_eq!(Records::<16>::parse(&bytes, 1), Err(Malformed::MappedAddress));
    let bytes = [&[4, 0, 0, 1][..], Ip::ALL_NODES.octets(), mapped.octets()].concat();
    assert_eq!(Records::<16>::parse(&bytes, 1), Err(Malformed::MappedAddress));
}

#[test]
fn records_that_cannot_be_written() {
    let group = Ip::v4([224, 0, 0, 251]);
    let record = Record::<4> { kind: 4, group, sources: Sources::new(&[[10, 0, 0, 1]]), aux: &[] };
    assert_eq!((record.len(), record.is_empty(), record.kind_name()), (12, false, Some("to_ex")));
    assert_eq!(Records::write(&mut [0; 11], &[record]), Err(EmitError::NoRoom));
    assert_eq!(
        Records::write(&mut [0; 64], &[Record { aux: &[1, 2], ..record }]),
        Err(EmitError::Value)
    );
    assert_eq!(
        Records::write(&mut [0; 2000], &[Record { aux: &[0; 1024], ..record }]),
        Err(EmitError::Value)
    );
    assert!(Records::write(&mut [0; 2000], &[Record { aux: &[0; 1020], ..record }]).is_ok());
    assert_eq!(Record { kind: 7, ..record }.kind_name(), None);
    assert!(Records::<4>::default().is_empty() && Sources::<4>::default().is_empty());
}

proptest! {
    #[test]
    fn any_records(
        bytes in vec(prop::sample::select(vec![0u8, 1, 2, 4, 224]), 0..120),
        count in 0u16..8,
    ) {
        for len in [Records::<4>::parse(&bytes, count).map(|records| records.iter().count()),
                    Records::<16>::parse(&bytes, count).map(|records| records.iter().count())]
            .into_iter().flatten() {
            prop_assert_eq!(len, usize::from(count));
        }
    }

    #[test]
    fn parse_after_write(
        list in vec((1u8..=6, any::<[u8; 4]>(), vec(any::<[u8; 4]>(), 0..5), 0usize..4), 0..6),
    ) {
        let aux = [7; 16];
        let records: Vec<_> = list.iter().map(|(kind, group, sources, words)| Record::<4> {
            kind: *kind,
            group: Ip::v4(*group),
            sources: Sources::new(sources),
            aux: &aux[..words * 4],
        }).collect();
        let mut buf = [0; 400];
        let written = Records::write(&mut buf, &records).unwrap();
        prop_assert_eq!(written.iter().collect::<Vec<_>>(), &records[..]);
        prop_assert_eq!(Records::<4>::parse(written.bytes(), written.count()), Ok(written));
        prop_assert_eq!(written.len(), records.len());
    }
}
