//! The record of an address of ours: what it is, where it came from, how long it lasts.

use addr::{Cidr, Ip};

use crate::time::Instant;

/// Where an address is in its life (RFC 4862 §2, RFC 4429 §2.1, Linux `IFA_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressState {
    /// Its uniqueness is being verified: never a source, never answered for.
    Tentative,
    /// Being verified and in use meanwhile, with restrictions (RFC 4429).
    Optimistic,
    /// In unrestricted use.
    #[default]
    Preferred,
    /// In use, but new communication should choose another one.
    Deprecated,
    /// Another station has it (Linux `IFA_F_DADFAILED`): never a source, never answered for.
    Duplicated,
}

impl AddressState {
    /// Whether the address is assigned (RFC 4862 §2): packets to it are ours, and it may be a
    /// source.
    #[must_use]
    pub const fn is_assigned(self) -> bool {
        matches!(self, Self::Optimistic | Self::Preferred | Self::Deprecated)
    }

    /// The flag that `ip address` prints; none for a preferred address.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Tentative => Some("tentative"),
            Self::Optimistic => Some("optimistic"),
            Self::Preferred => None,
            Self::Deprecated => Some("deprecated"),
            Self::Duplicated => Some("dadfailed"),
        }
    }
}

/// Who assigned an address (Linux `IFA_PROTO`; `ip address` prints it as `proto`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressOrigin {
    /// The addresses of the loopback interface.
    KernelLoopback,
    /// A prefix of a router advertisement (RFC 4862 §5.5).
    KernelRa,
    /// Link-local, made from the link address or at random (RFC 4862 §5.3, RFC 3927).
    KernelLinkLocal,
    /// The administrator.
    #[default]
    Static,
    /// A DHCP lease.
    Dhcp,
}

impl AddressOrigin {
    /// The name as `ip address` prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KernelLoopback => "kernel_lo",
            Self::KernelRa => "kernel_ra",
            Self::KernelLinkLocal => "kernel_ll",
            Self::Static => "static",
            Self::Dhcp => "dhcp",
        }
    }
}

/// Properties that are not states (Linux `IFA_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressFlags(u8);

impl AddressFlags {
    /// No property.
    pub const NONE: Self = Self(0);
    /// A privacy address (RFC 8981): preferred as a source (RFC 6724 §5 rule 7).
    pub const TEMPORARY: Self = Self(1);
    /// It implies no route to its subnet.
    pub const NO_PREFIX_ROUTE: Self = Self(2);

    /// Every flag with its name in `ip address`.
    const NAMES: [(Self, &'static str); 2] =
        [(Self::TEMPORARY, "temporary"), (Self::NO_PREFIX_ROUTE, "noprefixroute")];

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those that are set, as `ip address` prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

impl core::ops::BitOr for AddressFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Address and prefix length.
    pub cidr: Cidr,
    /// Who assigned it.
    pub origin: AddressOrigin,
    /// Where it is in its life.
    pub state: AddressState,
    /// When its valid lifetime ends and it is removed; none for never (RFC 4862 §5.5.4).
    pub valid_until: Option<Instant>,
    /// When its preferred lifetime ends and it becomes deprecated; none for never.
    pub preferred_until: Option<Instant>,
    /// Properties.
    pub flags: AddressFlags,
}

impl InterfaceAddress {
    /// The address itself.
    #[inline]
    #[must_use]
    pub const fn ip(&self) -> Ip {
        self.cidr.ip
    }

    /// Whether it may be a source and is answered for.
    #[inline]
    #[must_use]
    pub const fn is_assigned(&self) -> bool {
        self.state.is_assigned()
    }

    /// When time alone changes it next.
    #[must_use]
    pub fn next_change(&self) -> Option<Instant> {
        let preferred = matches!(self.state, AddressState::Preferred | AddressState::Optimistic);
        let preferred_until = self.preferred_until.filter(|_| preferred);
        [self.valid_until, preferred_until].into_iter().flatten().min()
    }
}

impl From<Cidr> for InterfaceAddress {
    /// A permanent address that the administrator assigned.
    fn from(cidr: Cidr) -> Self {
        Self {
            cidr,
            origin: AddressOrigin::default(),
            state: AddressState::default(),
            valid_until: None,
            preferred_until: None,
            flags: AddressFlags::NONE,
        }
    }
}
