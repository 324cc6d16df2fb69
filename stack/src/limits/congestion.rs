//! The names of the congestion control algorithms, as `TCP_CONGESTION` has them.

use core::fmt;
use core::str::FromStr;

/// How the congestion window of a connection follows its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CongestionAlgorithm {
    /// CUBIC (RFC 9438) with HyStart++ (RFC 9406).
    #[default]
    Cubic,
    /// NewReno's window (RFC 5681) with bytes counted (RFC 3465).
    Reno,
}

impl CongestionAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Cubic, Self::Reno];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Reno => "reno",
        }
    }
}

impl fmt::Display for CongestionAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no congestion control of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such congestion control")]
pub struct UnknownAlgorithm;

impl FromStr for CongestionAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}
