//! Which protocols control speaks on an interface.

/// A set of protocols whose messages go to control. What is not in the set goes the way it would
/// go if control did not exist: to a socket, or into an ICMP error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlProtocols(u8);

impl ControlProtocols {
    /// No protocol.
    pub const NONE: Self = Self(0);
    /// Datagrams to the DHCPv4 client port, whatever address they are for (RFC 2131 §4.1).
    pub const DHCPV4: Self = Self(1);
    /// Datagrams to the DHCPv6 client port (RFC 8415 §7.2).
    pub const DHCPV6: Self = Self(2);
    /// IGMP messages (RFC 3376).
    pub const IGMP: Self = Self(4);
    /// MLD messages (RFC 3810).
    pub const MLD: Self = Self(8);

    /// Whether any protocol of `other` is in the set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::ops::BitOr for ControlProtocols {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
