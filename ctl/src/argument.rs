//! Arguments of commands by name.

/// An argument of a command; its name is the keyword on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Arg {
    /// All records, zeros too.
    All,
    /// An interface.
    Dev,
    /// Listening sockets.
    Listening,
    /// A link-layer address.
    Lladdr,
    /// The address of an interface.
    Local,
    /// A part of a name.
    Match,
    /// The metric of a route.
    Metric,
    /// The state of a neighbor, as ip-neighbour(8) calls it.
    Nud,
    /// Who made a route.
    Proto,
    /// The preferred source address of a route.
    Src,
    /// The state of a socket.
    State,
    /// TCP sockets.
    Tcp,
    /// A destination, or a neighbor.
    To,
    /// UDP sockets.
    Udp,
    /// A gateway.
    Via,
}

impl Arg {
    /// The keyword.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Dev => "dev",
            Self::Listening => "listening",
            Self::Lladdr => "lladdr",
            Self::Local => "local",
            Self::Match => "match",
            Self::Metric => "metric",
            Self::Nud => "nud",
            Self::Proto => "proto",
            Self::Src => "src",
            Self::State => "state",
            Self::Tcp => "tcp",
            Self::To => "to",
            Self::Udp => "udp",
            Self::Via => "via",
        }
    }
}
