//! Addresses of interfaces: their assignment, their states, the end of their lifetimes.
//!
//! This machine keeps the records in step with the groups that they need and with the timer queue.
//! What an address implies elsewhere (announcements, routes, the snapshot) follows from the
//! [`Effect`] that each step returns.

use addr::{Cidr, IfIndex, Ip};
use wire::offload::Medium;

use crate::control::cx::ControlCx;
use crate::control::error::ControlError;
use crate::control::interface::{Interface, check_address};
use crate::control::timers::TimerId;
use crate::fib::{AddressFlags, AddressOrigin, AddressState, InterfaceAddress};
use crate::time::{Duration, Instant};

/// An address to be assigned.
///
/// ```
/// use core::time::Duration;
/// use stack::control::{AddressConfig, AddressOrigin};
///
/// let lease = AddressConfig::new("10.0.0.9/24".parse().unwrap())
///     .origin(AddressOrigin::Dhcp)
///     .valid_for(Duration::from_secs(3600))
///     .preferred_for(Duration::from_secs(1800));
/// assert_eq!(lease.cidr.prefix, 24);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressConfig {
    /// Address and prefix length.
    pub cidr: Cidr,
    /// Who assigns it.
    pub origin: AddressOrigin,
    /// Its first state: tentative where duplicate detection has still to run.
    pub state: AddressState,
    /// How long it is valid (`valid_lft`); none for ever.
    pub valid: Option<Duration>,
    /// How long it is preferred (`preferred_lft`); none as long as it is valid.
    pub preferred: Option<Duration>,
    /// Properties.
    pub flags: AddressFlags,
}

impl AddressConfig {
    /// A permanent address that the administrator assigns.
    #[must_use]
    pub const fn new(cidr: Cidr) -> Self {
        Self {
            cidr,
            origin: AddressOrigin::Static,
            state: AddressState::Preferred,
            valid: None,
            preferred: None,
            flags: AddressFlags::NONE,
        }
    }

    /// The same, assigned by `origin`.
    #[must_use]
    pub const fn origin(self, origin: AddressOrigin) -> Self {
        Self { origin, ..self }
    }

    /// The same, in `state` at first.
    #[must_use]
    pub const fn state(self, state: AddressState) -> Self {
        Self { state, ..self }
    }

    /// The same, to be removed after `valid`.
    #[must_use]
    pub const fn valid_for(self, valid: Duration) -> Self {
        Self { valid: Some(valid), ..self }
    }

    /// The same, to be deprecated after `preferred`.
    #[must_use]
    pub const fn preferred_for(self, preferred: Duration) -> Self {
        Self { preferred: Some(preferred), ..self }
    }

    /// The same, with these properties.
    #[must_use]
    pub const fn flags(self, flags: AddressFlags) -> Self {
        Self { flags, ..self }
    }

    /// The record that it makes at `now`.
    fn record(&self, now: Instant) -> Result<InterfaceAddress, ControlError> {
        // As Linux (`inet6_addr_add`): EINVAL.
        if self.valid == Some(Duration::ZERO) {
            return Err(ControlError::Invalid("the valid lifetime is zero"));
        }
        if self.preferred > self.valid && self.valid.is_some() {
            return Err(ControlError::Invalid("the preferred lifetime exceeds the valid one"));
        }
        let deprecated = self.preferred == Some(Duration::ZERO);
        let state = match self.state {
            AddressState::Preferred | AddressState::Optimistic if deprecated => {
                AddressState::Deprecated
            }
            state => state,
        };
        Ok(InterfaceAddress {
            cidr: self.cidr,
            origin: self.origin,
            state,
            valid_until: self.valid.map(|span| now + span),
            preferred_until: self.preferred.map(|span| now + span),
            flags: self.flags,
        })
    }
}

impl From<Cidr> for AddressConfig {
    fn from(cidr: Cidr) -> Self {
        Self::new(cidr)
    }
}

/// The outcome of a step, from which control derives routes, groups and announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The record before; none if the address is new.
    pub(crate) old: Option<InterfaceAddress>,
    /// The record now; none if the address was removed.
    pub(crate) new: Option<InterfaceAddress>,
    /// The solicited-node group was joined (true) or left (false) by this step.
    pub(crate) group: Option<bool>,
}

impl Effect {
    /// The address can be used from now on and could not before.
    pub(crate) fn is_assigned_now(&self) -> bool {
        let assigned = |record: Option<InterfaceAddress>| record.is_some_and(|a| a.is_assigned());
        assigned(self.new) && !assigned(self.old)
    }
}

/// Assigns an address.
pub(crate) fn add(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    config: &AddressConfig,
) -> Result<Effect, ControlError> {
    let count: usize = cx.interfaces.iter().map(|i| i.addresses.len()).sum();
    let interface = cx.interfaces.named(ifindex)?;
    check_address(interface, config.cidr)?;
    let record = config.record(cx.now)?;
    if interface.owns(config.cidr.ip) {
        return Err(ControlError::AddressExists(config.cidr.ip));
    }
    if count >= cx.limits.addresses {
        return Err(ControlError::Full("addresses"));
    }
    interface.addresses.push(record);
    // RFC 4862 §5.4.2: the group is joined before the address is verified.
    let group = join(interface, config.cidr.ip);
    arm(cx, ifindex, &record);
    Ok(Effect { old: None, new: Some(record), group })
}

/// Replaces the record of an address, or assigns it: what a renewed lease or an advertised prefix
/// does.
pub(crate) fn replace(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    config: &AddressConfig,
) -> Result<Effect, ControlError> {
    let interface = cx.interfaces.named(ifindex)?;
    let present = interface.addresses.iter().find(|a| a.cidr == config.cidr);
    if present.is_none() {
        return add(cx, ifindex, config);
    }
    let record = config.record(cx.now)?;
    Ok(update(cx, ifindex, config.cidr.ip, |a| *a = record).unwrap_or(Effect {
        old: None,
        new: None,
        group: None,
    }))
}

/// Takes an address away.
pub(crate) fn del(cx: &mut ControlCx, ifindex: IfIndex, ip: Ip) -> Result<Effect, ControlError> {
    let interface = cx.interfaces.named(ifindex)?;
    let place = interface.addresses.iter().position(|a| a.ip() == ip);
    let old = interface.addresses.remove(place.ok_or(ControlError::NoAddress(ip))?);
    let left = has_solicited_node(interface, ip) && interface.leave(ip.solicited_node());
    cx.timers.cancel(TimerId::Address(ifindex, ip));
    Ok(Effect { old: Some(old), new: None, group: left.then_some(false) })
}

/// Serves the end of a lifetime (RFC 4862 §5.5.4): removes the address or makes it deprecated.
pub(crate) fn expire(cx: &mut ControlCx, ifindex: IfIndex, ip: Ip) -> Option<Effect> {
    let interface = cx.interfaces.get(ifindex)?;
    let record = interface.addresses.iter().find(|a| a.ip() == ip)?;
    if record.valid_until.is_some_and(|at| at <= cx.now) {
        return del(cx, ifindex, ip).ok();
    }
    update(cx, ifindex, ip, |a| a.state = AddressState::Deprecated)
}

/// Changes a record in place.
fn update(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    ip: Ip,
    change: impl FnOnce(&mut InterfaceAddress),
) -> Option<Effect> {
    let interface = cx.interfaces.named(ifindex).ok()?;
    let record = interface.addresses.iter_mut().find(|a| a.ip() == ip)?;
    let old = *record;
    change(record);
    let new = *record;
    arm(cx, ifindex, &new);
    Some(Effect { old: Some(old), new: Some(new), group: None })
}

fn join(interface: &mut Interface, ip: Ip) -> Option<bool> {
    (has_solicited_node(interface, ip) && interface.join(ip.solicited_node())).then_some(true)
}

/// Whether an address has a solicited-node group on the interface. As on Linux
/// (`addrconf_join_solict`), there is none where nobody resolves link addresses.
fn has_solicited_node(interface: &Interface, ip: Ip) -> bool {
    ip.is_v6() && interface.medium == Medium::Ethernet
}

fn arm(cx: &mut ControlCx, ifindex: IfIndex, record: &InterfaceAddress) {
    cx.timers.set(TimerId::Address(ifindex, record.ip()), record.next_change());
}
