//! The state of a link: administratively up or down, carrier, MTU, link address.
//!
//! As Linux: when an interface goes down, the routes over it that somebody added are removed and
//! its neighbours are forgotten; when it loses its carrier, its routes stay and are dead until the
//! carrier is back, and its permanent neighbours stay. Two choices that Linux leaves to a sysctl:
//! addresses stay (`keep_addr_on_down` 1), and routes without a carrier do not match
//! (`ignore_routes_with_linkdown` 1), so that another interface on the same subnet takes over. An
//! MTU below 1280 ends IPv6 on the interface. A changed link address is not announced
//! (`arp_notify` 0, `ndisc_notify` 0).

use addr::{IfIndex, Mac};
use wire::offload::Medium;

use crate::control::cx::ControlCx;
use crate::control::error::ControlError;
use crate::control::interface::{check_mac, check_mtu};
use crate::fib::{Fib, LinkState};

/// A change of a link; a field that is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// Linux `IFF_UP`.
    pub up: Option<bool>,
    /// Linux `IFF_LOWER_UP`.
    pub carrier: Option<bool>,
    /// Largest IP packet, bytes.
    pub mtu: Option<u32>,
    /// Our own link address; of no effect on a bare IP medium.
    pub mac: Option<Mac>,
}

/// The outcome of a change, from which control derives routes, neighbours and announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) before: LinkState,
    pub(crate) after: LinkState,
    pub(crate) mac_changed: bool,
    /// IPv6 was possible here before.
    pub(crate) had_v6: bool,
    /// IPv6 is possible here now.
    pub(crate) has_v6: bool,
}

/// Changes the record of an interface. None if nothing changed.
pub(crate) fn set(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    change: &LinkChange,
) -> Result<Option<Effect>, ControlError> {
    if ifindex == Fib::LOOPBACK {
        return Err(ControlError::Invalid("the loopback interface stays as it is"));
    }
    let interface = cx.interfaces.named(ifindex)?;
    let mtu = change.mtu.unwrap_or(interface.mtu);
    let mac = change.mac.filter(|_| interface.medium == Medium::Ethernet).unwrap_or(interface.mac);
    check_mtu(mtu)?;
    if interface.medium == Medium::Ethernet {
        check_mac(mac)?;
    }
    let before = interface.state;
    let after = LinkState {
        up: change.up.unwrap_or(before.up),
        carrier: change.carrier.unwrap_or(before.carrier),
    };
    let effect = Effect {
        before,
        after,
        mac_changed: mac != interface.mac,
        had_v6: interface.has_v6(),
        has_v6: mtu >= crate::control::interface::MTU_MIN_V6,
    };
    if after == before && !effect.mac_changed && mtu == interface.mtu {
        return Ok(None);
    }
    (interface.mtu, interface.mac, interface.state) = (mtu, mac, after);
    Ok(Some(effect))
}
