//! Why an administrator's request was refused, in the words that `ip(8)` uses where it has some.

use addr::{Cidr, IfIndex, Ip};

/// Why an administrator's request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No interface has this number.
    #[error("Cannot find device with index {0}")]
    NoInterface(IfIndex),
    /// An interface of this name exists.
    #[error("File exists: interface \"{0}\"")]
    InterfaceExists(String),
    /// The address is assigned already.
    #[error("File exists: address {0} is already assigned")]
    AddressExists(Ip),
    /// The address is not assigned to this interface.
    #[error("Cannot assign requested address: {0} is not on this interface")]
    NoAddress(Ip),
    /// A route with this destination and metric exists.
    #[error("File exists: route to {0} with this metric")]
    RouteExists(Cidr),
    /// No such route.
    #[error("No such process: no route to {0}")]
    NoRoute(Cidr),
    /// The gateway is not a neighbour, or is one of our own addresses.
    #[error("Nexthop has invalid gateway: {0}")]
    InvalidGateway(Ip),
    /// Neither gateway nor interface was given.
    #[error("Nexthop device required for route to {0}")]
    DeviceRequired(Cidr),
    /// The neighbour has a permanent entry.
    #[error("File exists: neighbor {0}")]
    NeighborExists(Ip),
    /// The neighbour has no entry.
    #[error("No such file or directory: no neighbor {0}")]
    NoNeighbor(Ip),
    /// The request went to a worker that control does not run on.
    #[error("Operation not supported: control runs beside shard 0")]
    NotHere,
    /// The request makes no sense; the text says why.
    #[error("Invalid argument: {0}")]
    Invalid(&'static str),
    /// A bound of [`crate::Limits`] is reached.
    #[error("No buffer space available: too many {0}")]
    Full(&'static str),
}

impl ControlError {
    /// Linux's errno for it.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::NoInterface(_) | Self::DeviceRequired(_) => 19,
            Self::InterfaceExists(_)
            | Self::AddressExists(_)
            | Self::RouteExists(_)
            | Self::NeighborExists(_) => 17,
            Self::NoAddress(_) => 99,
            Self::NoRoute(_) => 3,
            Self::InvalidGateway(_) => 101,
            Self::NoNeighbor(_) => 2,
            Self::NotHere => 95,
            Self::Invalid(_) => 22,
            Self::Full(_) => 105,
        }
    }
}
