//! Tests of `summary`.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, Ipv4Network, Ipv6Network};

fn nets<const N: usize>(texts: [&str; N]) -> [Ipv4Network; N] {
    texts.map(|text| text.parse().unwrap())
}

/// ADDR-100, VEC-25.
#[test]
fn addr_100_exclude() {
    let rest = |whole: &str, part: &str| -> Result<Vec<String>, AddrError> {
        let [whole, part] = nets([whole, part]);
        Ok(whole.address_exclude(part)?.map(|network| network.to_string()).collect())
    };
    assert_eq!(
        rest("10.0.0.0/29", "10.0.0.2/31"),
        Ok(vec!["10.0.0.4/30".into(), "10.0.0.0/31".into()])
    );
    assert_eq!(rest("10.0.0.0/8", "10.0.0.0/8"), Ok(vec![]));
    for (whole, part) in [("10.0.0.0/8", "11.0.0.0/8"), ("10.0.0.0/9", "10.0.0.0/8")] {
        let error = rest(whole, part).unwrap_err();
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::NotContained));
    }
    let one = Ipv6Network::host(Ipv6Addr::from([255; 16]));
    let rest = Ipv6Network::default().address_exclude(one).unwrap();
    assert_eq!((rest.len(), rest.count()), (128, 128));
}

/// ADDR-103, VEC-25.
#[test]
fn addr_103_summarize() {
    let summary = Ipv4Network::summarize(nets(["10.0.0.0/25", "10.0.0.128/25", "10.0.1.0"]));
    assert_eq!(summary, nets(["10.0.0.0/24", "10.0.1.0/32"]));
    let overlapping =
        nets(["10.0.0.64/26", "9.0.0.0/8", "10.0.0.0/24", "10.0.0.0/24", "8.0.0.0/8"]);
    assert_eq!(Ipv4Network::summarize(overlapping), nets(["8.0.0.0/7", "10.0.0.0/24"]));
    // Neighbours that no network holds together stay apart.
    let apart = nets(["10.0.1.0/24", "10.0.2.0/24"]);
    assert_eq!(Ipv4Network::summarize(apart), apart);
    let addresses = [3, 1, 2, 4].map(|last| Ipv4Addr::new(10, 0, 0, last));
    assert_eq!(
        Ipv4Network::summarize(addresses),
        nets(["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"])
    );
    assert_eq!(Ipv4Network::summarize(nets([])), []);
    assert_eq!(
        Ipv4Network::summarize(nets(["255.255.255.255", "255.255.255.254"])),
        nets(["255.255.255.254/31"])
    );
    assert_eq!(Ipv4Network::summarize(nets(["0.0.0.0/1", "128.0.0.0/1"])), nets(["0.0.0.0/0"]));
    let halves = Ipv6Network::default().halves();
    assert_eq!(Ipv6Network::summarize(halves), [Ipv6Network::default()]);

    let mixed = [IpNetwork::from(Ipv4Addr::LOCALHOST), IpNetwork::from(Ipv6Addr::LOCALHOST)];
    let error = IpNetwork::summarize(mixed).unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::MixedVersions));
    assert_eq!(IpNetwork::summarize::<IpNetwork>([]), Ok(vec![]));
    let one = IpNetwork::summarize([mixed[1], mixed[1]]).unwrap();
    assert_eq!(one, [mixed[1]]);
}

proptest! {
    /// In a small range: the summary covers the same addresses, is sorted, shares nothing, and no
    /// two neighbours could be one network.
    #[test]
    fn addr_103_summaries_are_minimal(
        spans in proptest::collection::vec((0u8..=255, 24u8..=32), 0..24),
    ) {
        let make = |(last, len)| {
            Ipv4Network::with_prefix(Ipv4Addr::new(10, 9, 8, last), len).unwrap()
        };
        let networks: Vec<_> = spans.into_iter().map(make).collect();
        let summary = Ipv4Network::summarize(networks.iter().copied());
        for last in 0..=255 {
            let ip = Ipv4Addr::new(10, 9, 8, last);
            let before = networks.iter().any(|network| network.contains(ip));
            let after = summary.iter().filter(|network| network.contains(ip)).count();
            prop_assert_eq!(after, usize::from(before));
        }
        prop_assert!(summary.is_sorted());
        for pair in summary.windows(2) {
            prop_assert!(pair[0].mask() != pair[1].mask() || pair[0].parent() != pair[1].parent());
        }
    }

    /// What is left and what was taken away make up the whole.
    #[test]
    fn addr_100_the_rest_and_the_part_are_the_whole(
        bits: u128,
        outer in 0u8..=128,
        inner in 0u8..=128,
    ) {
        let ip = Ipv6Addr::from_bits(bits);
        let whole = Ipv6Network::with_prefix(ip, outer.min(inner)).unwrap();
        let part = Ipv6Network::with_prefix(ip, outer.max(inner)).unwrap();
        let rest: Vec<_> = whole.address_exclude(part).unwrap().collect();
        let apart = |network: &Ipv6Network| !network.overlaps(part) && network.subnet_of(whole);
        prop_assert!(rest.iter().all(apart));
        let all = rest.into_iter().chain([part]);
        prop_assert_eq!(Ipv6Network::summarize(all), [whole]);
    }
}
