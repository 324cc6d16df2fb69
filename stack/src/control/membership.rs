//! Multicast groups: telling routers and snooping bridges which groups are wanted here.

pub(crate) mod mld;
