//! Tests of `network`.

use proptest::prelude::*;

use super::*;
use crate::{
    Cidr, ErrorKind, Interface, Ipv4Interface, Ipv4Mask, Ipv6Interface, Ipv6Mask, ScopedIpv6,
};

fn net4(text: &str) -> Ipv4Network {
    text.parse().unwrap()
}

fn net6(text: &str) -> Ipv6Network {
    text.parse().unwrap()
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// ADDR-90.
#[test]
fn addr_90_default() {
    assert_eq!(Ipv4Network::default().to_string(), "0.0.0.0/0");
    assert_eq!(Ipv6Network::default().to_string(), "::/0");
}

/// ADDR-91.
#[test]
fn addr_91_from_a_pair() {
    let (ip, mask) = (Ipv4Addr::new(10, 1, 2, 3), Ipv4Mask::new(8).unwrap());
    assert_eq!(Ipv4Network::new(ip, mask), net4("10.0.0.0/8"));
    let error = Ipv4Network::strict(ip, mask).unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Format, Problem::HostBitsSet));
    assert_eq!(Ipv4Network::strict(ip & mask, mask), Ok(net4("10.0.0.0/8")));
    assert_eq!(Ipv4Network::from_text_strict("10.0.0.0/8"), Ok(net4("10.0.0.0/8")));
    assert_eq!(Ipv4Network::from_text_strict("10.0.0.1"), Ok(net4("10.0.0.1/32")));
    assert!(Ipv4Network::from_text_strict("10.0.0.1/8").is_err());
    assert!(Ipv6Network::from_text_strict("2001:db8::1/64").is_err());
    let mask = Ipv6Mask::new(10).unwrap();
    assert_eq!(Ipv6Network::new("fe80::1".parse().unwrap(), mask), net6("fe80::/10"));
}

/// ADDR-92, VEC-24.
#[test]
fn addr_92_ipv4_text() {
    let forms = [
        "10.0.1.0/24",
        "10.0.1.9/255.255.255.0",
        "10.0.1.0 255.255.255.0",
        "10.0.1.0 /24",
        " 10.0.1.7/24 ",
    ];
    for text in forms {
        assert_eq!(net4(text).to_string(), "10.0.1.0/24", "{text}");
    }
    assert_eq!(net4("10.0.1.7").to_string(), "10.0.1.7/32");
    let refused = [
        ("10.0.0.0/08", Problem::LeadingZero, 9),
        ("10.0.0.0/8/8", Problem::UnexpectedCharacter, 10),
        ("10.0.0.0/255.0.0.0/8", Problem::UnexpectedCharacter, 18),
        ("10.0.0.0//8", Problem::UnexpectedCharacter, 9),
        ("10.0.0.0/8 255.0.0.0", Problem::UnexpectedCharacter, 8),
        ("10.0.0.0/33", Problem::PrefixTooLong, 9),
        ("10.0.0.0/", Problem::MissingDigits, 9),
        ("10.0.0.0  255.0.0.0", Problem::UnexpectedCharacter, 9),
        ("10.0.0.0 8", Problem::TooFewParts, 10),
        ("10.0.0.0 /", Problem::MissingDigits, 10),
        ("10.0.0.0 / 8", Problem::UnexpectedCharacter, 10),
        ("10.0.0.0/255.0.255.0", Problem::MaskNotContiguous, 9),
        ("10.0.0.0/0.0.0.255", Problem::MaskNotContiguous, 9),
        ("10.0.0/8", Problem::TooFewParts, 6),
        ("/8", Problem::Empty, 0),
        ("", Problem::Empty, 0),
        ("2001:db8::/32", Problem::UnexpectedCharacter, 4),
    ];
    for (text, problem, at) in refused {
        let error = text.parse::<Ipv4Network>().unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, Some(at)), "{text}");
        assert_eq!((error.kind(), error.subject()), (ErrorKind::Format, Subject::Network));
    }
}

/// ADDR-93.
#[test]
fn addr_93_ipv6_text() {
    assert_eq!(net6("2001:db8::1/32").to_string(), "2001:db8::/32");
    assert_eq!(net6("2001:db8::1").to_string(), "2001:db8::1/128");
    assert_eq!(net6("::/0"), Ipv6Network::default());
    let refused = [
        ("fe80::%eth0/64", Problem::ZoneNotAllowed, 6),
        ("fe80::1%eth0", Problem::ZoneNotAllowed, 7),
        ("::/129", Problem::PrefixTooLong, 3),
        ("::/064", Problem::LeadingZero, 3),
        ("::/ffff::", Problem::UnexpectedCharacter, 3),
        ("::/64/64", Problem::UnexpectedCharacter, 5),
        (":: /64", Problem::UnexpectedCharacter, 2),
        ("10.0.0.0/8", Problem::TooFewParts, 8),
    ];
    for (text, problem, at) in refused {
        let error = text.parse::<Ipv6Network>().unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, Some(at)), "{text}");
    }
    // The pair form takes addresses without zones only: a zone is a matter of types.
    let zoned: ScopedIpv6 = "fe80::1%eth0".parse().unwrap();
    assert_eq!(Ipv6Network::host(zoned.ip()).to_string(), "fe80::1/128");
}

/// ADDR-94.
#[test]
fn addr_94_properties() {
    let network = net4("10.0.16.0/20");
    assert_eq!(network.address(), Ipv4Addr::new(10, 0, 16, 0));
    assert_eq!((network.mask(), network.prefix_len()), (Ipv4Mask::new(20).unwrap(), 20));
    assert_eq!(
        (network.last(), network.broadcast()),
        (Ipv4Addr::new(10, 0, 31, 255), network.last())
    );
    assert_eq!((network.max_prefixlen(), network.num_addresses()), (32, Some(4096)));
    assert_eq!(network.hostmask().to_string(), "0.0.15.255");
    let network = net6("2001:db8::/126");
    assert_eq!(
        (network.last(), network.num_addresses()),
        ("2001:db8::3".parse().unwrap(), Some(4))
    );
    assert_eq!((network.max_prefixlen(), network.hostmask().to_string().as_str()), (128, "::3"));
    assert_eq!(net6("::/1").num_addresses(), Some(1 << 127));
    assert_eq!(net6("::/0").num_addresses(), None);
    assert_eq!(net4("1.1.1.1/32").num_addresses(), Some(1));
}

/// ADDR-95.
#[test]
fn addr_95_iteration_and_index() {
    let network = net4("10.0.0.0/30");
    assert_eq!(texts(network.addresses()), ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert_eq!(texts(network.addresses().rev()), ["10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.0"]);
    let at = |index| network.nth(index).map(|ip| ip.octets()[3]);
    assert_eq!([0, 3, -1, -4].map(at), [Ok(0), Ok(3), Ok(3), Ok(0)]);
    for index in [4, -5, i128::MAX, i128::MIN] {
        let error = network.nth(index).unwrap_err();
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::IndexOutOfRange));
    }
    let all = net6("::/0");
    assert_eq!(all.nth(-1).unwrap(), Ipv6Addr::from([255; 16]));
    assert_eq!(all.nth(i128::MAX).unwrap().to_string(), "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_eq!(all.nth(i128::MIN).unwrap().to_string(), "8000::");
}

/// ADDR-96, ADDR-97, VEC-25.
#[test]
fn addr_96_addr_97_hosts() {
    assert_eq!(texts(net4("10.0.0.0/30").hosts()), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(texts(net4("10.0.0.0/31").hosts()), ["10.0.0.0", "10.0.0.1"]);
    assert_eq!(texts(net4("10.0.0.7/32").hosts()), ["10.0.0.7"]);
    assert_eq!(net4("0.0.0.0/0").hosts().count(), (1 << 32) - 2);
    assert_eq!(net4("0.0.0.0/0").hosts().next_back().unwrap().to_string(), "255.255.255.254");
    let six = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
    assert_eq!(texts(net6("2001:db8::/126").hosts()), six);
    assert_eq!(texts(net6("2001:db8::/127").hosts()), ["2001:db8::", "2001:db8::1"]);
    assert_eq!(texts(net6("2001:db8::9/128").hosts()), ["2001:db8::9"]);
    assert_eq!(net6("::/0").hosts().next(), Some(Ipv6Addr::LOCALHOST));
    assert_eq!(net6("::/0").hosts().last(), Some(Ipv6Addr::from([255; 16])));
}

/// ADDR-98.
#[test]
fn addr_98_subnets() {
    assert_eq!(texts(net4("10.0.0.0/8").halves()), ["10.0.0.0/9", "10.128.0.0/9"]);
    let quarters = ["10.0.0.0/10", "10.64.0.0/10", "10.128.0.0/10", "10.192.0.0/10"];
    assert_eq!(texts(net4("10.0.0.0/8").subnets(10).unwrap()), quarters);
    assert_eq!(texts(net4("10.0.0.0/8").subnets_by(2).unwrap()), quarters);
    assert_eq!(texts(net6("::/0").halves()), ["::/1", "8000::/1"]);
    assert_eq!(
        net6("::/0").subnets(128).unwrap().last(),
        Some(net6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
    );
    let single = net4("10.0.0.1/32");
    assert_eq!(single.halves().collect::<Vec<_>>(), [single]);
    assert_eq!(single.subnets_by(5).unwrap().collect::<Vec<_>>(), [single]);
    assert_eq!(single.subnets(32).unwrap().collect::<Vec<_>>(), [single]);
    let network = net4("10.0.0.0/8");
    let errors = [
        network.subnets_by(0).unwrap_err(),
        network.subnets_by(25).unwrap_err(),
        network.subnets_by(255).unwrap_err(),
        network.subnets(8).unwrap_err(),
        network.subnets(7).unwrap_err(),
        network.subnets(33).unwrap_err(),
        network.subnets(255).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::PrefixDifference));
    }
}

/// ADDR-99.
#[test]
fn addr_99_supernet() {
    assert_eq!(net4("10.128.0.0/9").parent(), net4("10.0.0.0/8"));
    assert_eq!(net4("10.128.0.0/9").supernet_by(9), Ok(net4("0.0.0.0/0")));
    assert_eq!(net6("2001:db8::/32").supernet(16), Ok(net6("2001::/16")));
    let all = Ipv6Network::default();
    assert_eq!((all.parent(), all.supernet_by(3), all.supernet(0)), (all, Ok(all), Ok(all)));
    let network = net4("10.0.0.0/8");
    let errors = [
        network.supernet_by(0).unwrap_err(),
        network.supernet_by(9).unwrap_err(),
        network.supernet(8).unwrap_err(),
        network.supernet(9).unwrap_err(),
        network.supernet(200).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::PrefixDifference));
    }
}

/// ADDR-101.
#[test]
fn addr_101_relations() {
    let (whole, half, other) = (net4("10.0.0.0/8"), net4("10.128.0.0/9"), net4("11.0.0.0/8"));
    assert!(whole.overlaps(half) && half.overlaps(whole) && !whole.overlaps(other));
    assert!(half.subnet_of(whole) && !whole.subnet_of(half) && !half.subnet_of(other));
    assert!(whole.supernet_of(half) && !half.supernet_of(whole));
    // A network that begins where the other does, but is larger.
    let first = net4("10.0.0.0/9");
    assert!(first.subnet_of(whole) && !whole.subnet_of(first) && !first.supernet_of(whole));
    assert!(whole.subnet_of(whole) && whole.supernet_of(whole) && whole.overlaps(whole));
    let [four, six]: [IpNetwork; 2] = ["0.0.0.0/0", "::/0"].map(|text| text.parse().unwrap());
    assert!(!four.overlaps(six) && !four.subnet_of(six) && !four.supernet_of(six));
    let part: IpNetwork = half.into();
    assert!(part.subnet_of(four) && four.supernet_of(part) && four.overlaps(part));
    assert!(six.overlaps(six) && six.subnet_of(six));
}

/// ADDR-102.
#[test]
fn addr_102_containment() {
    let network = net4("10.0.0.0/8");
    assert!(
        network.contains(Ipv4Addr::new(10, 255, 0, 1))
            && !network.contains(Ipv4Addr::new(11, 0, 0, 0))
    );
    assert!(network.contains("10.1.1.1/24".parse::<Ipv4Interface>().unwrap()));
    let link = net6("fe80::/10");
    assert!(link.contains("fe80::1%eth0".parse::<ScopedIpv6>().unwrap()));
    assert!(link.contains("fe80::1%eth0/64".parse::<Ipv6Interface>().unwrap()));
    assert!(!link.contains(Ipv6Addr::LOCALHOST));
    let [four, six]: [IpNetwork; 2] = ["0.0.0.0/0", "::/0"].map(|text| text.parse().unwrap());
    assert!(four.contains(Ipv4Addr::LOCALHOST) && !four.contains(Ipv6Addr::LOCALHOST));
    assert!(six.contains(Ipv6Addr::LOCALHOST) && !six.contains(Ipv4Addr::LOCALHOST));
    assert!(six.contains("fe80::1%eth0/64".parse::<Ipv6Interface>().unwrap()));
    assert!(!six.contains("10.1.1.1/24".parse::<crate::IpInterface>().unwrap()));
}

/// ADDR-104.
#[test]
fn addr_104_order() {
    let sorted = [
        "0.0.0.0/0",
        "0.0.0.0/8",
        "9.0.0.0/8",
        "10.0.0.0/8",
        "10.0.0.0/9",
        "10.0.0.1/32",
        "10.1.0.0/16",
    ];
    assert!(sorted.map(net4).is_sorted_by(|a, b| a < b));
}

/// The forms of other code.
#[test]
fn conversions() {
    let four: ipnet::Ipv4Net = net4("10.0.0.0/8").into();
    assert_eq!(
        (four.to_string().as_str(), Ipv4Network::from(four)),
        ("10.0.0.0/8", net4("10.0.0.0/8"))
    );
    let hosty: ipnet::IpNet = "2001:db8::5/64".parse().unwrap();
    assert_eq!(IpNetwork::from(hosty).to_string(), "2001:db8::/64");
    assert_eq!(ipnet::IpNet::from(IpNetwork::from(hosty)), hosty.trunc());
    let cidr = Cidr::from(net6("2001:db8::/64"));
    assert_eq!((cidr.to_string().as_str(), cidr.bits128()), ("2001:db8::/64", 64));
    assert_eq!(IpNetwork::try_from(cidr), Ok(net6("2001:db8::/64").into()));
    assert_eq!(Cidr::from(net6("::ffff:10.0.0.0/104")).to_string(), "10.0.0.0/8");
    assert_eq!(Cidr::from(net6("::ffff:0:0/95")).to_string(), "::fffe:0:0/95");
    assert_eq!(Cidr::from(IpNetwork::from(net4("10.0.0.0/8"))).to_string(), "10.0.0.0/8");
    let by_hand = Cidr { prefix: 77, ..Cidr::from(net4("10.0.0.0/8")) };
    assert!(IpNetwork::try_from(by_hand).is_err());
    let interface: Interface<Ipv4Addr> = "10.1.1.1/16".parse().unwrap();
    assert_eq!(Ipv4Network::from(interface), net4("10.1.0.0/16"));
}

fn arb4() -> impl Strategy<Value = (Ipv4Network, ipnet::Ipv4Net)> {
    (any::<u32>(), 0u8..=32).prop_map(|(bits, len)| {
        let ip = Ipv4Addr::from_bits(bits);
        (Ipv4Network::with_prefix(ip, len).unwrap(), ipnet::Ipv4Net::new(ip, len).unwrap().trunc())
    })
}

fn arb6() -> impl Strategy<Value = (Ipv6Network, ipnet::Ipv6Net)> {
    (any::<u128>(), 0u8..=128).prop_map(|(bits, len)| {
        let ip = Ipv6Addr::from_bits(bits);
        (Ipv6Network::with_prefix(ip, len).unwrap(), ipnet::Ipv6Net::new(ip, len).unwrap().trunc())
    })
}

proptest! {
    #[test]
    fn ipv4_as_ipnet_sees_it((ours, theirs) in arb4(), (a, b) in arb4(), bits: u32) {
        prop_assert_eq!(ours.to_string(), theirs.to_string());
        prop_assert_eq!(ours.to_string().parse(), Ok(ours));
        prop_assert_eq!(ours.last(), theirs.broadcast());
        prop_assert_eq!(ours.mask().as_address(), theirs.netmask());
        prop_assert_eq!(ours.hostmask().as_address(), theirs.hostmask());
        let ip = Ipv4Addr::from_bits(bits);
        prop_assert_eq!(ours.contains(ip), theirs.contains(&ip));
        prop_assert_eq!(ours.supernet_of(a), theirs.contains(&b));
        prop_assert_eq!(ours.overlaps(a), theirs.contains(&b) || b.contains(&theirs));
        prop_assert_eq!(ours.hosts().next(), theirs.hosts().next());
        prop_assert_eq!(ours.hosts().next_back(), theirs.hosts().next_back());
        let parent = theirs.supernet().unwrap_or(theirs);
        prop_assert_eq!(ours.parent().to_string(), parent.to_string());
    }

    #[test]
    fn ipv6_as_ipnet_sees_it((ours, theirs) in arb6(), (a, b) in arb6(), more in 1u8..=12) {
        prop_assert_eq!(ours.to_string(), theirs.to_string());
        prop_assert_eq!(ours.to_string().parse(), Ok(ours));
        prop_assert_eq!(ours.last(), theirs.broadcast());
        prop_assert_eq!(ours.mask().as_address(), theirs.netmask());
        prop_assert_eq!(ours.supernet_of(a), theirs.contains(&b));
        let longer = ours.prefix_len().saturating_add(more);
        if longer <= 128 {
            let subnets: Vec<_> = ours.subnets(longer).unwrap().map(ipnet::Ipv6Net::from).collect();
            prop_assert_eq!(subnets, theirs.subnets(longer).unwrap().collect::<Vec<_>>());
        }
    }

    /// Networks around one address: the longer prefix is the part.
    #[test]
    fn addr_101_nested_as_ipnet_sees_it(
        bits: u128,
        high in 0u32..128,
        a in 0u8..=128,
        b in 0u8..=128,
    ) {
        // Low bits clear, so that many of the networks begin alike.
        let ip = Ipv6Addr::from_bits(bits >> high << high);
        let [x, y] = [a, b].map(|len| Ipv6Network::with_prefix(ip, len).unwrap());
        let [p, q] = [x, y].map(ipnet::Ipv6Net::from);
        prop_assert_eq!((x.subnet_of(y), x.supernet_of(y)), (q.contains(&p), p.contains(&q)));
        prop_assert!(x.overlaps(y));
    }

    #[test]
    fn an_index_is_a_step_of_the_list((network, _) in arb6(), index in 0u32..1000) {
        let step = network.addresses().nth(index as usize);
        prop_assert_eq!(network.nth(index.into()).ok(), step);
        let back = network.addresses().nth_back(index as usize);
        prop_assert_eq!(network.nth(-1 - i128::from(index)).ok(), back);
    }

    #[test]
    fn any_text(text in "[0-9a-f:./% ]{0,24}|\\PC{0,12}") {
        let errors = [
            text.parse::<Ipv4Network>().err(),
            text.parse::<Ipv6Network>().err(),
            text.parse::<IpNetwork>().err(),
            text.parse::<Ipv6Interface>().err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(error.position().is_some_and(|at| text.is_char_boundary(at)));
        }
    }
}
