//! Tests of `llc`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ethernet;
use crate::fixture::golden;

fn carried(bytes: &[u8]) -> Carried {
    parse(bytes).unwrap().carried()
}

fn snap(oui: [u8; 3], pid: u16) -> Carried {
    carried(&[&[SAP_SNAP, SAP_SNAP, CONTROL_UI][..], &oui, &pid.to_be_bytes()].concat())
}

/// ETH-07: three bytes, unnumbered only.
#[test]
fn eth_07_unnumbered_frames_only() {
    let frame = golden("llc_stp");
    let payload = ethernet::parse(&frame).unwrap().length_payload().unwrap();
    let llc = parse(payload).unwrap();
    assert_eq!((llc.dsap, llc.ssap, llc.control), (SAP_STP, SAP_STP, CONTROL_UI));
    assert_eq!((llc.snap, llc.payload.len()), (None, 35));
    let mut emitted = [0; 3];
    assert_eq!(emit(&mut emitted, &llc), Ok(3));
    assert_eq!(emitted[..], payload[..3]);
    for len in 0..3 {
        assert_eq!(parse(&payload[..len]), Err(Malformed::Truncated));
    }
    for control in [0, 1, 2, 0xf1] {
        assert_eq!(parse(&[SAP_ISO, SAP_ISO, control, 0]), Err(Malformed::HeaderLength));
        assert_eq!(emit(&mut [0; 3], &Llc { control, ..llc }), Err(EmitError::Value));
    }
    assert_eq!(emit(&mut [0; 2], &llc), Err(EmitError::NoRoom));
}

/// ETH-08, ETH-09: the names; WIRE-04: a number without one stays a number.
#[test]
fn eth_08_eth_09_names() {
    let saps = [0x00, 0x02, 0x04, 0x06, 0x08, 0x0e, 0x42, 0xaa, 0xbc, 0xe0, 0xf0, 0xfe, 0xff];
    for sap in 0..=255 {
        assert_eq!(sap_name(sap).is_some(), saps.contains(&sap), "{sap:#x}");
    }
    for control in [0x03, 0xaf, 0xbf, 0xe3, 0xf3] {
        assert!(control_name(control).is_some());
        assert!(parse(&[SAP_NULL, SAP_NULL, control]).is_ok());
    }
    assert_eq!((control_name(0x0f), oui_name([1, 2, 3]), cisco_name(1)), (None, None, None));
}

/// ETH-10: each service has its verdict.
#[test]
fn eth_10_dispatch() {
    assert_eq!(carried(&[SAP_STP, SAP_STP, CONTROL_UI]), Carried::Stp);
    assert_eq!(carried(&[SAP_IPX, SAP_IPX, CONTROL_UI]), Carried::Ipx);
    assert_eq!(carried(&[SAP_GLOBAL, SAP_GLOBAL, CONTROL_UI]), Carried::Global);
    assert_eq!(carried(&[SAP_NETBIOS, SAP_NETBIOS, CONTROL_UI]), Carried::UnknownSap(0xf0));
    assert_eq!(carried(&[0x77, SAP_SNAP, CONTROL_UI]), Carried::UnknownSap(0x77));
}

/// ETH-11, ETH-12: SNAP headers, and IP inside them.
#[test]
fn eth_11_eth_12_snap() {
    let frame = golden("snap_ip4");
    let outer = ethernet::parse(&frame).unwrap().length_payload().unwrap();
    let llc = parse(outer).unwrap();
    assert_eq!(llc.snap, Some(Snap { oui: OUI_ETHERTYPE, pid: ETHERTYPE_IPV4 }));
    assert_eq!(llc.carried(), Carried::Ethertype(ETHERTYPE_IPV4));
    assert!(crate::ip::parse(llc.payload).is_ok());
    let mut emitted = [0; 8];
    assert_eq!(emit(&mut emitted, &llc), Ok(8));
    assert_eq!(emitted[..], outer[..8]);
    for pid in [ETHERTYPE_ARP, ETHERTYPE_IPV6] {
        assert_eq!(snap(OUI_ETHERTYPE, pid), Carried::Ethertype(pid));
    }
    assert_eq!(snap(OUI_ETHERTYPE, 0x88cc), Carried::OtherEthertype(0x88cc));
    for oui in [OUI_8021, OUI_APPLE, [1, 2, 3]] {
        assert_eq!(snap(oui, 1), Carried::UnknownSnap(Snap { oui, pid: 1 }));
    }
    let cut = [SAP_SNAP, SAP_SNAP, CONTROL_UI, 0, 0, 0, 8];
    assert_eq!(parse(&cut), Err(Malformed::Truncated));
    assert!(
        [OUI_ETHERTYPE, OUI_CISCO, OUI_8021, OUI_APPLE].map(oui_name).iter().all(Option::is_some)
    );
}

/// ETH-13: Cisco's protocols are told apart.
#[test]
fn eth_13_cisco() {
    for pid in [0x010b, 0x010c, 0x0111, 0x2000, 0x2001, 0x2003, 0x2004] {
        assert_eq!(snap(OUI_CISCO, pid), Carried::Cisco(pid));
    }
    let other = Snap { oui: OUI_CISCO, pid: 0x2002 };
    assert_eq!(snap(OUI_CISCO, 0x2002), Carried::UnknownSnap(other));
}

proptest! {
    #[test]
    fn any_bytes(mut bytes in vec(any::<u8>(), 0..32), snap: bool, unnumbered: bool) {
        if let [dsap, ssap, control, ..] = &mut bytes[..] {
            if snap {
                (*dsap, *ssap) = (SAP_SNAP, SAP_SNAP);
            }
            if unnumbered {
                *control |= 3;
            }
        }
        if let Ok(llc) = parse(&bytes) {
            let mut emitted = [0; 8];
            let len = emit(&mut emitted, &llc).unwrap();
            prop_assert_eq!(&emitted[..len], &bytes[..len]);
            prop_assert_eq!(len + llc.payload.len(), bytes.len());
            let _ = llc.carried();
        }
    }
}
