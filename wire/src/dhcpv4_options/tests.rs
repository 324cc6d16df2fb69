//! Tests of `dhcpv4_options`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::dhcpv4;
use crate::fixture_apps::golden;

fn options(area: &[u8]) -> Options<'_> {
    Options::parse(area, &[], &[]).unwrap().0
}

fn refused(area: &[u8]) -> bool {
    Options::parse(area, &[], &[]) == Err(Malformed::Option)
}

fn one(area: &[u8]) -> DhcpOption<'_> {
    let mut found = options(area).iter();
    let option = found.next().unwrap();
    assert_eq!(found.next(), None);
    option
}

fn route(destination: [u8; 4], prefix: u8, gateway: [u8; 4]) -> Route {
    Route { destination: Cidr::new(Ip::v4(destination), prefix).unwrap(), gateway: gateway.into() }
}

const TEN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

#[test]
fn dhcp4_02_the_chain() {
    assert_eq!(options(&[]).iter().count(), 0);
    assert_eq!(options(&[PAD, PAD]).iter().count(), 0);
    assert_eq!(options(&[PAD, END, SUBNET_MASK, 9]).iter().count(), 0);
    assert_eq!(options(&[200, 0, PAD, 201, 1, 5]).iter().count(), 2);
    for area in [&[200][..], &[200, 1], &[200, 3, 1, 2], &[200, 0, 201]] {
        assert!(refused(area), "{area:?}");
    }
}

/// DHCP4-03: every known option, its least and most, and what is refused.
#[test]
fn dhcp4_03_values() {
    assert_eq!(one(&[1, 4, 255, 255, 254, 0]), DhcpOption::SubnetMask(23));
    assert_eq!(one(&[1, 4, 255, 255, 255, 255]), DhcpOption::SubnetMask(32));
    assert_eq!(one(&[1, 4, 0, 0, 0, 0]), DhcpOption::SubnetMask(0));
    assert_eq!(one(&[50, 4, 10, 0, 0, 1]), DhcpOption::RequestedAddress(TEN));
    assert_eq!(one(&[51, 4, 0, 0, 1, 0]), DhcpOption::LeaseTime(256));
    assert_eq!(one(&[53, 1, 5]), DhcpOption::MessageType(MessageType::Ack));
    assert_eq!(one(&[54, 4, 10, 0, 0, 1]), DhcpOption::ServerId(TEN));
    assert_eq!(one(&[57, 2, 2, 64]), DhcpOption::MaxMessageSize(576));
    assert_eq!(one(&[58, 4, 0, 0, 0, 7]), DhcpOption::RenewalTime(7));
    assert_eq!(one(&[59, 4, 0, 0, 0, 8]), DhcpOption::RebindingTime(8));
    assert_eq!(one(&[55, 3, 121, 1, 3]), DhcpOption::ParameterList([121, 1, 3][..].into()));
    assert_eq!(one(&[61, 2, 1, 2]), DhcpOption::ClientId([1, 2][..].into()));
    assert_eq!(one(&[12, 3, b'l', b'a', b'b']), DhcpOption::HostName("lab".into()));
    let wrong: &[&[u8]] = &[
        &[1, 4, 255, 0, 255, 0],
        &[1, 3, 255, 255, 255],
        &[3, 0],
        &[3, 3, 1, 2, 3],
        &[3, 5, 1, 2, 3, 4, 5],
        &[12, 0],
        &[12, 2, 0xc3, 0x28],
        &[50, 3, 1, 2, 3],
        &[51, 5, 1, 2, 3, 4, 5],
        &[52, 1, 0],
        &[52, 1, 4],
        &[52, 2, 1, 1],
        &[53, 0],
        &[53, 2, 1, 1],
        &[54, 2, 1, 1],
        &[55, 0],
        &[57, 1, 9],
        &[57, 2, 2, 63],
        &[58, 1, 1],
        &[59, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        &[61, 0],
        &[61, 1, 1],
        &[121, 0],
        &[121, 4, 0, 1, 2, 3],
    ];
    for area in wrong {
        assert!(refused(area), "{area:?}");
    }
}

#[test]
fn dhcp4_03_unknown_options_are_kept() {
    let unknown = |code, value: &'static [u8]| DhcpOption::Unknown { code, value: value.into() };
    assert_eq!(one(&[224, 2, 1, 2]), unknown(224, &[1, 2]));
    assert_eq!(one(&[80, 0]), unknown(80, &[]));
    // No lease hangs on these: shown as they are.
    assert_eq!(one(&[6, 3, 1, 2, 3]), unknown(6, &[1, 2, 3]));
    assert_eq!(one(&[26, 2, 0, 67]), unknown(26, &[0, 67]));
    assert_eq!(one(&[15, 1, 0xff]), unknown(15, &[0xff]));
}

#[test]
fn dhcp4_04_pieces_count_as_one_value() {
    let area = [121, 3, 24, 10, 0, 51, 4, 0, 0, 0, 1, 121, 2, 1, 10, 0, 121, 3, 0, 0, 9, 255];
    let options = options(&area);
    assert_eq!(options.iter().count(), 2);
    let value = options.value(CLASSLESS_ROUTES).unwrap();
    assert_eq!((value.len(), value.as_slice(), value.pieces().count()), (8, None, 3));
    assert!(value == [24, 10, 0, 1, 10, 0, 0, 9]);
    assert_eq!(value.copy_to(&mut [0; 7]), None);
    let routes = options.classless_routes().unwrap();
    assert_eq!(routes.iter().collect::<Vec<_>>(), [route([10, 0, 1, 0], 24, [10, 0, 0, 9])]);
    // A number cut in two is a number; one repeated is too long.
    assert_eq!(one(&[51, 1, 0, 51, 3, 0, 1, 0]), DhcpOption::LeaseTime(256));
    assert!(refused(&[51, 4, 0, 0, 0, 1, 51, 4, 0, 0, 0, 1]));
    let split = [12, 2, b'l', 0xc3, 12, 1, 0xa4];
    let DhcpOption::HostName(name) = one(&split) else { panic!("a name") };
    assert_eq!((name.to_string(), name.as_str()), ("lä".to_string(), None));
}

/// DHCP4-04, DHCP4-05: pieces in several areas join in the order of the areas.
#[test]
fn dhcp4_05_pieces_in_overloaded_areas() {
    let (area, file, sname) = ([52, 1, 3, 61, 1, 1], [61, 1, 2, 255, 7], [0, 61, 1, 3]);
    let (options, overload) = Options::parse(&area, &file, &sname).unwrap();
    assert_eq!(overload, Overload { file: true, sname: true });
    assert!(options.client_id().unwrap() == [1, 2, 3]);
    let (options, _) = Options::parse(&[52, 1, 2, 61, 1, 1], &file, &sname).unwrap();
    assert!(options.client_id().unwrap() == [1, 3]);
    let (options, _) = Options::parse(&[61, 2, 1, 1], &file, &sname).unwrap();
    assert!(options.client_id().unwrap() == [1, 1]);
    // Overload counts in the options field only, and only once.
    assert!(Options::parse(&area, &[52, 1, 2], &[]).is_err());
    assert!(Options::parse(&area, &[61, 9], &sname).is_err());
}

#[test]
fn dhcp4_06_classless_routes() {
    let bytes = golden("dhcp4_ack");
    let message = dhcpv4::parse(&bytes).unwrap();
    let expected = [
        route([10, 0, 1, 0], 24, [10, 0, 0, 9]),
        route([0; 4], 0, [10, 0, 0, 1]),
        route([192, 0, 2, 1], 32, [0; 4]),
    ];
    let routes = message.options.classless_routes().unwrap();
    assert_eq!(routes.iter().collect::<Vec<_>>(), expected);
    let mut writer = OptionWriter::new(MessageType::Ack);
    assert!(writer.classless_routes(&expected));
    assert!(options(writer.finish()).value(CLASSLESS_ROUTES).unwrap() == routes.value());
    // Every width takes as many octets as it needs; bits beyond it count for nothing.
    for width in 0..=32u8 {
        let octets = usize::from(width).div_ceil(8);
        let mut area = vec![121, (5 + octets) as u8, width];
        area.extend(vec![0xff; octets]);
        area.extend([10, 0, 0, 1]);
        let DhcpOption::ClasslessRoutes(routes) = one(&area) else { panic!("{width}") };
        let found = routes.iter().next().unwrap().destination;
        assert_eq!(found, Cidr::new(Ip::v4([0xff; 4]), width).unwrap().network());
        area.pop();
        area[1] -= 1;
        assert!(refused(&area), "{width}");
    }
    assert!(refused(&[121, 9, 33, 1, 2, 3, 4, 10, 0, 0, 1]));
    assert!(refused(&[121, 6, 0, 10, 0, 0, 1, 24]));
}

#[test]
fn dhcp4_09_at_most_308_bytes() {
    let mut writer = OptionWriter::new(MessageType::Discover);
    let name = "a".repeat(255);
    assert!(writer.host_name(&name));
    assert!(!writer.host_name(&name));
    // 3 and 257 are taken; the end mark needs one.
    assert!(!writer.put(&DhcpOption::VendorClass([7; 46][..].into())));
    assert!(writer.put(&DhcpOption::VendorClass([7; 45][..].into())));
    assert_eq!(writer.finish().len(), OPTIONS_MAX);
    assert!(!writer.put(&DhcpOption::Unknown { code: 200, value: [][..].into() }));
    assert_eq!(dhcpv4::HEADER_LEN + OPTIONS_MAX + 28, 576);
    assert_eq!(options(writer.finish()).iter().count(), 3);
}

/// DHCP4-04 when writing: long values are cut into pieces.
#[test]
fn dhcp4_04_long_values_are_written_in_pieces() {
    let long: Vec<u8> = (0..=255).chain(0..30).collect();
    let mut writer = OptionWriter::new(MessageType::Ack);
    assert!(writer.put(&DhcpOption::ClientId(long[..].into())));
    let area = writer.finish();
    assert_eq!(area[3..5], [61, 255]);
    assert_eq!(area[260..262], [61, 31]);
    assert!(options(area).client_id().unwrap() == long[..]);
}

/// VEC-20: the client id made of a hardware address.
#[test]
fn vec_20_client_id() {
    let duid = crate::dhcpv6::duid_ll(addr::Mac([2, 0, 0, 0x77, 0x77, 0x77]));
    let mut writer = OptionWriter::new(MessageType::Discover);
    assert!(writer.client_id(0, &duid));
    let id = [0xff, 0, 0, 0, 0, 0, 3, 0, 1, 2, 0, 0, 0x77, 0x77, 0x77];
    assert!(options(writer.finish()).client_id().unwrap() == id);
    assert!(!writer.client_id(0, &[]));
}

#[test]
fn writers_refuse_what_cannot_be() {
    let mut writer = OptionWriter::new(MessageType::Ack);
    let before = writer.finish().to_vec();
    assert!(!writer.subnet_mask(33));
    assert!(!writer.routers(&[]));
    assert!(!writer.host_name(""));
    assert!(!writer.host_name(&"a".repeat(256)));
    assert!(!writer.max_message_size(575));
    assert!(!writer.parameter_list(&[]));
    assert!(!writer.classless_routes(&[]));
    let v6 = Cidr::new(Ip::ALL_NODES, 24).unwrap();
    assert!(!writer.classless_routes(&[Route { destination: v6, gateway: TEN }]));
    assert!(!writer.put(&DhcpOption::Mtu(67)));
    assert!(!writer.put(&DhcpOption::ClientId([1][..].into())));
    assert!(!writer.put(&DhcpOption::MessageType(MessageType::Ack)));
    assert!(!writer.put(&DhcpOption::Overload(Overload::default())));
    for code in [PAD, OVERLOAD, MESSAGE_TYPE, END] {
        assert!(!writer.put(&DhcpOption::Unknown { code, value: [1][..].into() }));
    }
    assert_eq!(writer.finish(), before);
    for prefix in 0..=32 {
        let mut writer = OptionWriter::new(MessageType::Ack);
        assert!(writer.subnet_mask(prefix));
        assert_eq!(options(writer.finish()).prefix(), Some(prefix));
    }
}

proptest! {
    #[test]
    fn any_bytes(
        area in vec(any::<u8>(), 0..200),
        file in vec(any::<u8>(), 0..128),
        sname in vec(any::<u8>(), 0..64),
    ) {
        if let Ok((options, _)) = Options::parse(&area, &file, &sname) {
            for option in options.iter() {
                let _ = option.to_string();
            }
        }
    }

    /// What was written is read, and what was read is written the same.
    #[test]
    fn parse_after_put(
        prefix in 0u8..=32, routers in vec(any::<[u8; 4]>(), 1..6), name in "[a-zä]{1,20}",
        numbers: [u32; 4], codes in vec(any::<u8>(), 1..20), size in 576u16.., mtu in 68u16..,
        code in 128u8..255, value in vec(any::<u8>(), 0..40),
    ) {
        let [ip, lease, renewal, rebinding] = numbers;
        let wanted = [
            DhcpOption::SubnetMask(prefix),
            DhcpOption::Routers(routers[..].into()),
            DhcpOption::HostName(name[..].into()),
            DhcpOption::RequestedAddress(ip.into()),
            DhcpOption::LeaseTime(lease),
            DhcpOption::RenewalTime(renewal),
            DhcpOption::RebindingTime(rebinding),
            DhcpOption::ParameterList(codes[..].into()),
            DhcpOption::MaxMessageSize(size),
            DhcpOption::Mtu(mtu),
            DhcpOption::Unknown { code, value: value[..].into() },
        ];
        let mut writer = OptionWriter::new(MessageType::Ack);
        prop_assert!(wanted.iter().all(|option| writer.put(option)));
        let read: Vec<_> = options(writer.finish()).iter().skip(1).collect();
        prop_assert_eq!(&read[..], &wanted[..]);
        let mut again = OptionWriter::new(MessageType::Ack);
        prop_assert!(read.iter().all(|option| again.put(option)));
        prop_assert_eq!(again.finish(), writer.finish());
    }
}
