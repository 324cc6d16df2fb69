//! LLC and SNAP headers: what 802.3 frames carry (IEEE 802.2 §3, RFC 1042).
//!
//! ```text
//! | DSAP | SSAP | control |            then, if both are SNAP: | OUI, 3 bytes | PID, 2 bytes |
//! ```
//!
//! A host speaks Ethernet II; these frames come from bridges and routers on the link (spanning
//! tree, CDP) and from the few stations that wrap IP in SNAP. Only unnumbered frames have the
//! three-byte header; the connection-oriented ones are refused. [`Llc::carried`] names what
//! the frame holds, so that each kind can be counted.

use crate::ethernet::{ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use crate::{EmitError, Malformed};

/// Bytes of an LLC header.
pub const HEADER_LEN: usize = 3;
/// Bytes of a SNAP header.
pub const SNAP_LEN: usize = 5;

/// Service access point: none.
pub const SAP_NULL: u8 = 0x00;
/// Service access point: LLC management.
pub const SAP_MANAGEMENT: u8 = 0x02;
/// Service access point: SNA path control.
pub const SAP_SNA_PATH: u8 = 0x04;
/// Service access point: IP.
pub const SAP_IP: u8 = 0x06;
/// Service access point: SNA.
pub const SAP_SNA: u8 = 0x08;
/// Service access point: PROWAY network management.
pub const SAP_PROWAY: u8 = 0x0e;
/// Service access point: spanning tree.
pub const SAP_STP: u8 = 0x42;
/// Service access point: SNAP.
pub const SAP_SNAP: u8 = 0xaa;
/// Service access point: Banyan VINES.
pub const SAP_VINES: u8 = 0xbc;
/// Service access point: IPX.
pub const SAP_IPX: u8 = 0xe0;
/// Service access point: NetBIOS.
pub const SAP_NETBIOS: u8 = 0xf0;
/// Service access point: ISO network layer.
pub const SAP_ISO: u8 = 0xfe;
/// Service access point: everybody.
pub const SAP_GLOBAL: u8 = 0xff;

/// Control: unnumbered information.
pub const CONTROL_UI: u8 = 0x03;
/// Control: exchange identification.
pub const CONTROL_XID: u8 = 0xaf;
/// Control: exchange identification, answer wanted.
pub const CONTROL_XID_POLL: u8 = 0xbf;
/// Control: test.
pub const CONTROL_TEST: u8 = 0xe3;
/// Control: test, answer wanted.
pub const CONTROL_TEST_POLL: u8 = 0xf3;

/// Organization: none, the PID is an EtherType (RFC 1042).
pub const OUI_ETHERTYPE: [u8; 3] = [0, 0, 0];
/// Organization: Cisco.
pub const OUI_CISCO: [u8; 3] = [0, 0, 0x0c];
/// Organization: IEEE 802.1.
pub const OUI_8021: [u8; 3] = [0, 0x80, 0xc2];
/// Organization: Apple.
pub const OUI_APPLE: [u8; 3] = [0x08, 0, 0x07];

/// Cisco: spanning tree of a VLAN.
pub const CISCO_PVST: u16 = 0x010b;
/// Cisco: VLAN bridge spanning tree.
pub const CISCO_VLAN_BRIDGE: u16 = 0x010c;
/// Cisco: unidirectional link detection.
pub const CISCO_UDLD: u16 = 0x0111;
/// Cisco: discovery.
pub const CISCO_CDP: u16 = 0x2000;
/// Cisco: group management.
pub const CISCO_CGMP: u16 = 0x2001;
/// Cisco: VLAN trunking.
pub const CISCO_VTP: u16 = 0x2003;
/// Cisco: dynamic trunking.
pub const CISCO_DTP: u16 = 0x2004;

/// A received LLC frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Llc<'a> {
    /// For which service.
    pub dsap: u8,
    /// From which service; the lowest bit marks a response.
    pub ssap: u8,
    /// The control byte, always of an unnumbered frame.
    pub control: u8,
    /// The SNAP header, if both services are SNAP.
    pub snap: Option<Snap>,
    /// What follows.
    pub payload: &'a [u8],
}

/// A SNAP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snap {
    /// Whose numbers.
    pub oui: [u8; 3],
    /// The protocol, among them.
    pub pid: u16,
}

/// What an LLC frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// ARP, IPv4 or IPv6 behind a SNAP header: as good as an Ethernet II frame of that type.
    Ethertype(u16),
    /// Another EtherType behind a SNAP header.
    OtherEthertype(u16),
    /// Spanning tree.
    Stp,
    /// IPX.
    Ipx,
    /// A frame for every service.
    Global,
    /// A Cisco protocol, one of the `CISCO_` numbers.
    Cisco(u16),
    /// A SNAP header with numbers not known here.
    UnknownSnap(Snap),
    /// A service not known here.
    UnknownSap(u8),
}

/// Reads the payload of an 802.3 frame.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header has,
/// [`Malformed::HeaderLength`] if the control field is not that of an unnumbered frame.
///
/// ```
/// use wire::llc::{self, Carried};
/// let frame = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45];
/// let parsed = llc::parse(&frame).unwrap();
/// assert_eq!((parsed.carried(), parsed.payload), (Carried::Ethertype(0x0800), &[0x45][..]));
/// ```
pub fn parse(payload: &[u8]) -> Result<Llc<'_>, Malformed> {
    let ([dsap, ssap, control], rest) =
        payload.split_first_chunk::<HEADER_LEN>().ok_or(Malformed::Truncated)?;
    if control & 3 != 3 {
        return Err(Malformed::HeaderLength);
    }
    let mut llc = Llc { dsap: *dsap, ssap: *ssap, control: *control, snap: None, payload: rest };
    if *dsap == SAP_SNAP && *ssap == SAP_SNAP {
        let ([a, b, c, d, e], rest) =
            rest.split_first_chunk::<SNAP_LEN>().ok_or(Malformed::Truncated)?;
        llc.snap = Some(Snap { oui: [*a, *b, *c], pid: u16::from_be_bytes([*d, *e]) });
        llc.payload = rest;
    }
    Ok(llc)
}

impl Llc<'_> {
    /// Names what the frame holds.
    pub fn carried(&self) -> Carried {
        match (self.snap, self.dsap) {
            (Some(snap), _) => snap.carried(),
            (None, SAP_STP) => Carried::Stp,
            (None, SAP_IPX) => Carried::Ipx,
            (None, SAP_GLOBAL) => Carried::Global,
            (None, sap) => Carried::UnknownSap(sap),
        }
    }
}

impl Snap {
    fn carried(self) -> Carried {
        match (self.oui, self.pid) {
            (OUI_ETHERTYPE, ETHERTYPE_ARP | ETHERTYPE_IPV4 | ETHERTYPE_IPV6) => {
                Carried::Ethertype(self.pid)
            }
            (OUI_ETHERTYPE, pid) => Carried::OtherEthertype(pid),
            (OUI_CISCO, pid) if cisco_name(pid).is_some() => Carried::Cisco(pid),
            _ => Carried::UnknownSnap(self),
        }
    }
}

/// The name of a service access point; the group or response bit is not looked at where the name
/// does not need it.
pub fn sap_name(sap: u8) -> Option<&'static str> {
    Some(match sap {
        SAP_NULL => "Null",
        SAP_MANAGEMENT => "LLC management",
        SAP_SNA_PATH => "SNA path control",
        SAP_IP => "IP",
        SAP_SNA => "SNA",
        SAP_PROWAY => "ProWay NM",
        SAP_STP => "STP",
        SAP_SNAP => "SNAP",
        SAP_VINES => "Banyan VINES",
        SAP_IPX => "IPX",
        SAP_NETBIOS => "NetBIOS",
        SAP_ISO => "ISO",
        SAP_GLOBAL => "Global",
        _ => return None,
    })
}

/// The name of an unnumbered control byte.
pub fn control_name(control: u8) -> Option<&'static str> {
    Some(match control {
        CONTROL_UI => "UI",
        CONTROL_XID | CONTROL_XID_POLL => "XID",
        CONTROL_TEST | CONTROL_TEST_POLL => "TEST",
        _ => return None,
    })
}

/// The name of an organization.
pub fn oui_name(oui: [u8; 3]) -> Option<&'static str> {
    Some(match oui {
        OUI_ETHERTYPE => "Ethernet",
        OUI_CISCO => "Cisco",
        OUI_8021 => "802.1",
        OUI_APPLE => "AppleTalk",
        _ => return None,
    })
}

/// The name of a Cisco protocol.
pub fn cisco_name(pid: u16) -> Option<&'static str> {
    Some(match pid {
        CISCO_PVST => "PVST+",
        CISCO_VLAN_BRIDGE => "VLAN Bridge",
        CISCO_UDLD => "UDLD",
        CISCO_CDP => "CDP",
        CISCO_CGMP => "CGMP",
        CISCO_VTP => "VTP",
        CISCO_DTP => "DTP",
        _ => return None,
    })
}

/// Writes an LLC header, and a SNAP header if `llc.snap` is set, to the front of `buf`.
///
/// The payload is not written. Returns the length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the control byte is
/// not of an unnumbered frame.
pub fn emit(buf: &mut [u8], llc: &Llc<'_>) -> Result<usize, EmitError> {
    if llc.control & 3 != 3 {
        return Err(EmitError::Value);
    }
    let Snap { oui: [a, b, c], pid } = llc.snap.unwrap_or(Snap { oui: OUI_ETHERTYPE, pid: 0 });
    let [d, e] = pid.to_be_bytes();
    let whole = [llc.dsap, llc.ssap, llc.control, a, b, c, d, e];
    let len = HEADER_LEN + if llc.snap.is_some() { SNAP_LEN } else { 0 };
    buf.get_mut(..len).ok_or(EmitError::NoRoom)?.copy_from_slice(&whole[..len]);
    Ok(len)
}

#[cfg(test)]
mod tests;
