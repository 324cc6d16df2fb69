//! Tests of `dhcpv6_options`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn one(bytes: &[u8]) -> DhcpOption<'_> {
    let mut found = Options::parse(bytes).unwrap().iter();
    let option = found.next().unwrap();
    assert_eq!(found.next(), None);
    option
}

/// The bytes of an option.
fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let len = data.len() as u16;
    [&code.to_be_bytes(), &len.to_be_bytes(), data].concat()
}

/// DHCP6-03: lengths that fit the type, and those that do not.
#[test]
fn dhcp6_03_lengths() {
    let table: &[(u16, &[usize], &[usize])] = &[
        (CLIENT_ID, &[1, 14, 130], &[0, 131]),
        (SERVER_ID, &[1, 14, 130], &[0, 131]),
        (IA_NA, &[12], &[0, 11, 13, 15]),
        (IA_PD, &[12], &[0, 11, 13]),
        (IA_ADDRESS, &[24], &[0, 23, 25]),
        (IA_PREFIX, &[25], &[0, 24, 26]),
        (OPTION_REQUEST, &[0, 2, 40], &[1, 3]),
        (PREFERENCE, &[1], &[0, 2]),
        (ELAPSED_TIME, &[2], &[0, 1, 3]),
        (STATUS, &[2, 3, 30], &[0, 1]),
        (RAPID_COMMIT, &[0], &[1]),
        (NAME_SERVERS, &[16, 32], &[0, 15, 17]),
        (REFRESH_TIME, &[4], &[0, 3, 5]),
        (SOL_MAX_RT, &[4], &[3]),
        (INF_MAX_RT, &[4], &[3]),
        (999, &[0, 1, 300], &[]),
    ];
    for (code, fit, do_not) in table {
        for len in *fit {
            let bytes = option(*code, &vec![0; *len]);
            assert!(Options::parse(&bytes).is_ok(), "{code} {len}");
        }
        for len in *do_not {
            let bytes = option(*code, &vec![0; *len]);
            assert_eq!(Options::parse(&bytes), Err(Malformed::Option), "{code} {len}");
        }
    }
    assert_eq!(one(&option(999, &[1])), DhcpOption::Unknown { code: 999, data: &[1] });
    assert_eq!(one(&option(PREFERENCE, &[7])), DhcpOption::Preference(7));
    assert_eq!(one(&option(ELAPSED_TIME, &[1, 0])), DhcpOption::ElapsedTime(256));
    assert_eq!(one(&option(OPTION_REQUEST, &[0, 23])), DhcpOption::OptionRequest(&[[0, 23]]));
    let mut prefix = [0; 25];
    prefix[8] = 129;
    assert_eq!(Options::parse(&option(IA_PREFIX, &prefix)), Err(Malformed::Option));
}

/// DHCP6-04: the status codes.
#[test]
fn dhcp6_04_status_codes() {
    let named = [
        StatusCode::Success,
        StatusCode::UnspecFail,
        StatusCode::NoAddrsAvail,
        StatusCode::NoBinding,
        StatusCode::NotOnLink,
        StatusCode::UseMulticast,
        StatusCode::NoPrefixAvail,
    ];
    for (code, status) in (0..).zip(named) {
        assert_eq!((StatusCode::from_code(code), status.code()), (status, code));
        let bytes = option(STATUS, &[0, code as u8, b'x']);
        assert_eq!(one(&bytes), DhcpOption::Status { code: status, message: b"x" });
        assert_eq!(Options::parse(&bytes).unwrap().status(), status);
    }
    assert_eq!(StatusCode::from_code(7), StatusCode::Other(7));
    assert_eq!(StatusCode::Other(7).code(), 7);
    assert_eq!(Options::default().status(), StatusCode::Success);
}

/// DHCP6-05: header and length of each option fit, those inside others included.
#[test]
fn dhcp6_05_chains() {
    for bytes in [&[0][..], &[0, 14, 0], &[0, 14, 0, 1], &[0, 14, 0, 0, 0]] {
        assert_eq!(Options::parse(bytes), Err(Malformed::Option), "{bytes:?}");
    }
    let inner = option(IA_ADDRESS, &[&[0; 24][..], &option(STATUS, &[0])].concat());
    let bytes = option(IA_NA, &[&[0; 12][..], &inner].concat());
    assert_eq!(Options::parse(&bytes), Err(Malformed::Option));
}

/// However deep options lie, reading ends at the second level.
#[test]
fn deep_options_are_not_followed() {
    let mut bytes = Vec::new();
    for _ in 0..4000 {
        bytes = option(IA_NA, &[&[0; 12][..], &bytes].concat());
    }
    let DhcpOption::IaNa(outer) = one(&bytes) else { panic!("an association") };
    let Some(DhcpOption::IaNa(inner)) = outer.options.iter().next() else { panic!("another") };
    let deepest = inner.options.iter().next().unwrap();
    assert!(matches!(deepest, DhcpOption::Unknown { code: IA_NA, .. }));
}

#[test]
fn writers_refuse_what_cannot_be() {
    let mut writer = OptionWriter::<600>::new();
    assert!(!writer.put(&DhcpOption::ClientId(&[])));
    assert!(!writer.put(&DhcpOption::ServerId(&[0; 131])));
    assert!(!writer.put(&DhcpOption::NameServers(&[])));
    assert!(!writer.put(&DhcpOption::Unknown { code: 999, data: &[0; 597] }));
    let prefix = IaPrefix {
        ip: Ipv6Addr::UNSPECIFIED,
        prefix: 129,
        preferred_s: 0,
        valid_s: 0,
        options: Options::default(),
    };
    assert!(!writer.put(&DhcpOption::IaPrefix(prefix)));
    assert!(writer.options().bytes().is_empty());
    assert!(writer.put(&DhcpOption::Unknown { code: 999, data: &[0; 596] }));
    let mut large = OptionWriter::<70000>::default();
    assert!(!large.put(&DhcpOption::Unknown { code: 999, data: &[0; 65536] }));
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200), kinds in vec(0u8..27, 0..8)) {
        // Types of real options in front of noise reach deeper.
        let mut area = bytes;
        for (at, kind) in kinds.iter().enumerate() {
            if let Some([high, low, _, len]) = area.get_mut(at * 28..at * 28 + 4) {
                (*high, *low, *len) = (0, *kind, 24);
            }
        }
        if let Ok(options) = Options::parse(&area) {
            for option in options.iter() {
                let _ = option.to_string();
            }
        }
    }

    #[test]
    fn parse_after_put(
        duid in vec(any::<u8>(), 1..=130), numbers: [u32; 5], ip: [u8; 16], prefix in 0u8..=128,
        codes in vec(any::<[u8; 2]>(), 0..9), servers in vec(any::<[u8; 16]>(), 1..4),
        text in vec(any::<u8>(), 0..20), status: u16, time: u16, preference: u8,
    ) {
        let [iaid, t1_s, t2_s, preferred_s, valid_s] = numbers;
        let mut deepest = OptionWriter::<64>::new();
        let code = StatusCode::from_code(status);
        let status = DhcpOption::Status { code, message: &text };
        prop_assert!(deepest.put(&status));
        let options = deepest.options();
        let ip = ip.into();
        let address = IaAddress { ip, preferred_s, valid_s, options };
        let mut addresses = OptionWriter::<128>::new();
        prop_assert!(addresses.put(&DhcpOption::IaAddress(address)));
        let prefix = IaPrefix { ip, prefix, preferred_s, valid_s, options };
        let mut prefixes = OptionWriter::<128>::new();
        prop_assert!(prefixes.put(&DhcpOption::IaPrefix(prefix)));
        let wanted = [
            DhcpOption::ClientId(&duid),
            DhcpOption::ServerId(&duid),
            DhcpOption::IaNa(Ia { iaid, t1_s, t2_s, options: addresses.options() }),
            DhcpOption::IaPd(Ia { iaid, t1_s, t2_s, options: prefixes.options() }),
            DhcpOption::OptionRequest(&codes),
            DhcpOption::Preference(preference),
            DhcpOption::ElapsedTime(time),
            status,
            DhcpOption::RapidCommit,
            DhcpOption::NameServers(&servers),
            DhcpOption::SearchList(&text),
            DhcpOption::RefreshTime(t1_s),
            DhcpOption::SolMaxRt(t1_s),
            DhcpOption::InfMaxRt(t1_s),
            DhcpOption::Unknown { code: 900, data: &text },
        ];
        let mut writer = OptionWriter::<1024>::new();
        prop_assert!(wanted.iter().all(|option| writer.put(option)));
        let read = Options::parse(writer.options().bytes()).unwrap();
        let mut again = OptionWriter::<1024>::new();
        for (found, put) in read.iter().zip(&wanted) {
            prop_assert_eq!(found.to_string(), put.to_string());
            prop_assert!(again.put(&found));
        }
        prop_assert_eq!(again.options().bytes(), writer.options().bytes());
    }
}
