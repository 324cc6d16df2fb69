//! The table of sockets against a plain list.

use addr::Ip;
use proptest::prelude::*;

use super::*;
use crate::host::fixture::ip;

const ADDRESSES: [&str; 6] =
    ["0.0.0.0", "::", "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"];

#[derive(Clone, Debug)]
struct Model {
    index: u32,
    local: Endpoint,
    only_v6: bool,
    remote: Option<Endpoint>,
}

impl Model {
    fn takes(&self, local: Endpoint, remote: Endpoint) -> bool {
        let address = if self.local.ip == Ip::UNSPECIFIED_V4 {
            local.ip.is_v4()
        } else if self.local.ip == Ip::UNSPECIFIED_V6 {
            local.ip.is_v6() || !self.only_v6
        } else {
            self.local.ip == local.ip
        };
        address && self.local.port == local.port && self.remote.is_none_or(|r| r == remote)
    }
}

proptest! {
    /// No two sockets can take one datagram, unless one of them is connected; the lookup finds the
    /// socket that takes it; ports come free again.
    #[test]
    fn udps_01_sock_60_against_a_list(
        steps in prop::collection::vec((0u8..4, 0usize..6, 1u16..4, any::<bool>()), 1..60)
    ) {
        let limits = Limits { udp_sockets: 16, ..Limits::default() };
        let mut table = Table::new(&limits, Home::SINGLE);
        let mut model: Vec<Model> = Vec::new();
        for (what, address, port, flag) in steps {
            let local = Endpoint::new(ip(ADDRESSES[address]), port);
            match what {
                0 | 1 => {
                    let free = table.is_free(local.ip, port, flag);
                    let clash = |a: &Model, b: &Model| {
                        ADDRESSES.iter().skip(2).any(|to| {
                            let to = Endpoint::new(ip(to), port);
                            let from = Endpoint::new(ip("192.0.2.1"), 1);
                            let open = |m: &Model| Model { remote: None, ..m.clone() };
                            open(a).takes(to, from) && open(b).takes(to, from)
                        })
                    };
                    let new = Model { index: 0, local, only_v6: flag, remote: None };
                    prop_assert_eq!(free, !model.iter().any(|m| clash(m, &new)));
                    if free && model.len() < 16 {
                        let ((rx, _), (_, tx)) = (byte_ring(64), byte_ring(64));
                        let id = table.insert(local, flag, rx, tx).unwrap();
                        model.push(Model { index: id.index, ..new });
                    }
                }
                2 if !model.is_empty() => {
                    let gone = model.remove(address % model.len());
                    table.unbind(gone.index);
                    table.remove(gone.index);
                }
                _ => {
                    let remote = Endpoint::new(ip("192.0.2.1"), 7);
                    let taker = model.iter().find(|m| m.takes(local, remote));
                    let expected = if local.ip.is_unspecified() { None } else { taker };
                    if !local.ip.is_unspecified() {
                        prop_assert_eq!(table.lookup(local, remote), expected.map(|m| m.index));
                    }
                }
            }
            prop_assert_eq!(table.iter_from(0).count(), model.len());
        }
    }

    #[test]
    fn records_round_trip(
        len in any::<u16>(),
        v4 in any::<bool>(),
        port in any::<u16>(),
        none in any::<bool>(),
    ) {
        let peer = Endpoint::new(ip(if v4 { "10.0.0.1" } else { "2001:db8::1" }), port);
        let record = Record { len, peer: (!none).then_some(peer) };
        let bytes = record.write();
        prop_assert_eq!(bytes.len(), RECORD_LEN);
        prop_assert_eq!(Record::read(&bytes), record);
    }
}

#[test]
fn record_layout_byte_for_byte() {
    let record = Record { len: 0x1234, peer: Some("10.0.0.1:53".parse().unwrap()) };
    #[rustfmt::skip]
    let golden = [
        0x34, 0x12, 4, 0, 53, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1,
    ];
    assert_eq!(record.write(), golden);
}
