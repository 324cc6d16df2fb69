//! The grammar: every object, its commands and their arguments, in one table.
//!
//! [`crate::parse`] reads command lines by it and [`crate::help`] prints it, so that neither can
//! know anything that the other does not. Objects and commands may be shortened to any prefix that
//! only one of them has; keywords stand as they are. The table holds no code: a command names its
//! [`Action`], and [`crate::run`] has the code of each.

use crate::argument::Arg;
use crate::option::Scope;
use crate::value::{
    ADDRESS, DESTINATION, INTERFACE_ADDRESS, LINK_ADDRESS, METRIC, NAME, NEIGHBOR_STATE, PROTOCOL,
    SOCKET_STATE, Value, WORD,
};

/// What a command line is about.
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) about: &'static str,
    /// The first one is meant when none is named, or one of its keywords stands in its place.
    pub(crate) commands: &'static [Command],
}

/// What is to be done with it.
pub(crate) struct Command {
    pub(crate) verb: Verb,
    pub(crate) action: Action,
    pub(crate) about: &'static str,
    /// The options that change what it does; `-j`, `-p` and `--ipc-socket` are for every command.
    pub(crate) options: &'static [Scope],
    pub(crate) params: &'static [Param],
}

/// The name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Show,
    Add,
    Delete,
    Flush,
}

/// What a command does; each has a command of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    LinkShow,
    AddressShow,
    AddressAdd,
    AddressDelete,
    RouteShow,
    RouteAdd,
    RouteDelete,
    NeighborShow,
    NeighborAdd,
    NeighborDelete,
    NeighborFlush,
    SocketShow,
    StatsShow,
    DaemonShow,
}

impl Verb {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Add => "add",
            Self::Delete => "delete",
            Self::Flush => "flush",
        }
    }

    /// Other names for the same.
    pub(crate) const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Show => &["list", "lst"],
            Self::Delete => &["del"],
            Self::Add | Self::Flush => &[],
        }
    }
}

/// One argument of a command.
pub(crate) struct Param {
    pub(crate) arg: Arg,
    /// Other keywords for the same.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
}

/// How an argument stands on the command line.
pub(crate) enum Place {
    /// The value alone; the keyword may stand before it.
    Bare(&'static Value),
    /// The keyword and the value.
    Keyword(&'static Value),
    /// The keyword alone.
    Flag,
}

const fn param(arg: Arg, place: Place, about: &'static str) -> Param {
    Param { arg, aliases: &[], place, required: false, about }
}

const fn required(param: Param) -> Param {
    Param { required: true, ..param }
}

const DEV: Param = param(Arg::Dev, Place::Keyword(&NAME), "the interface");
const BARE_DEV: Param = param(Arg::Dev, Place::Bare(&NAME), "only this interface");
const ONLY_DEV: Param = param(Arg::Dev, Place::Keyword(&NAME), "only this interface");
const LOCAL: Param = param(Arg::Local, Place::Bare(&INTERFACE_ADDRESS), "the address");
const VIA: Param = param(Arg::Via, Place::Keyword(&ADDRESS), "the gateway");
const METRIC_PARAM: Param = param(Arg::Metric, Place::Keyword(&METRIC), "the lowest wins");
const PROTO: Param =
    Param { aliases: &["protocol"], ..param(Arg::Proto, Place::Keyword(&PROTOCOL), "who made it") };

/// All there is.
pub(crate) static OBJECTS: &[Object] = &[
    Object {
        name: "link",
        aliases: &[],
        about: "ports of the stack",
        commands: &[Command {
            verb: Verb::Show,
            action: Action::LinkShow,
            about: "ports; with -s also traffic, frames and XDP verdicts",
            options: &[Scope::Statistics, Scope::Details],
            params: &[BARE_DEV],
        }],
    },
    Object {
        name: "address",
        aliases: &["addr"],
        about: "addresses on interfaces",
        commands: &[
            Command {
                verb: Verb::Show,
                action: Action::AddressShow,
                about: "interfaces and their addresses",
                options: &[Scope::Family],
                params: &[BARE_DEV],
            },
            Command {
                verb: Verb::Add,
                action: Action::AddressAdd,
                about: "give an interface an address",
                options: &[Scope::Family],
                params: &[required(LOCAL), required(DEV)],
            },
            Command {
                verb: Verb::Delete,
                action: Action::AddressDelete,
                about: "take an address from an interface",
                options: &[Scope::Family],
                params: &[required(LOCAL), required(DEV)],
            },
        ],
    },
    Object { name: "route", aliases: &[], about: "where packets go", commands: ROUTE_COMMANDS },
    Object {
        name: "neighbor",
        aliases: &["neighbour"],
        about: "hosts on the link (ARP and ND)",
        commands: NEIGHBOR_COMMANDS,
    },
    Object {
        name: "socket",
        aliases: &["ss"],
        about: "sockets, as ss(8) lists them",
        commands: &[Command {
            verb: Verb::Show,
            action: Action::SocketShow,
            about: "sockets; with -s also the inside of TCP connections (ms, segments, bytes)",
            options: &[Scope::Family, Scope::Statistics, Scope::Details],
            params: &[
                param(Arg::Tcp, Place::Flag, "TCP sockets"),
                param(Arg::Udp, Place::Flag, "UDP sockets"),
                param(Arg::Listening, Place::Flag, "listening sockets only"),
                param(Arg::State, Place::Keyword(&SOCKET_STATE), "only in this state"),
            ],
        }],
    },
    Object {
        name: "stats",
        aliases: &[],
        about: "counters of the whole stack",
        commands: &[Command {
            verb: Verb::Show,
            action: Action::StatsShow,
            about: "counters and drops that are not zero",
            options: &[Scope::Details],
            params: &[
                param(Arg::Match, Place::Bare(&WORD), "only names that contain this"),
                param(Arg::All, Place::Flag, "zeros too"),
            ],
        }],
    },
    Object {
        name: "daemon",
        aliases: &[],
        about: "the daemon itself",
        commands: &[Command {
            verb: Verb::Show,
            action: Action::DaemonShow,
            about: "version, process id, seconds since it started",
            options: &[],
            params: &[],
        }],
    },
];

const ROUTE_COMMANDS: &[Command] = &[
    Command {
        verb: Verb::Show,
        action: Action::RouteShow,
        about: "routes",
        options: &[Scope::Family],
        params: &[
            param(Arg::To, Place::Bare(&DESTINATION), "only this destination"),
            ONLY_DEV,
            param(Arg::Via, Place::Keyword(&ADDRESS), "only by this gateway"),
            PROTO,
        ],
    },
    Command {
        verb: Verb::Add,
        action: Action::RouteAdd,
        about: "add a route",
        options: &[Scope::Family],
        params: &[
            required(param(Arg::To, Place::Bare(&DESTINATION), "the destination")),
            VIA,
            DEV,
            METRIC_PARAM,
            param(Arg::Src, Place::Keyword(&ADDRESS), "the source address to prefer"),
        ],
    },
    Command {
        verb: Verb::Delete,
        action: Action::RouteDelete,
        about: "remove a route",
        options: &[Scope::Family],
        params: &[
            required(param(Arg::To, Place::Bare(&DESTINATION), "the destination")),
            VIA,
            METRIC_PARAM,
        ],
    },
];

const NEIGHBOR_COMMANDS: &[Command] = &[
    Command {
        verb: Verb::Show,
        action: Action::NeighborShow,
        about: "the neighbor cache",
        options: &[Scope::Family],
        params: &[
            param(Arg::To, Place::Bare(&ADDRESS), "only this neighbor"),
            ONLY_DEV,
            param(Arg::Nud, Place::Keyword(&NEIGHBOR_STATE), "only in this state"),
        ],
    },
    Command {
        verb: Verb::Add,
        action: Action::NeighborAdd,
        about: "add a permanent entry",
        options: &[Scope::Family],
        params: &[
            required(param(Arg::To, Place::Bare(&ADDRESS), "the neighbor")),
            required(param(Arg::Lladdr, Place::Keyword(&LINK_ADDRESS), "its MAC address")),
            required(DEV),
        ],
    },
    Command {
        verb: Verb::Delete,
        action: Action::NeighborDelete,
        about: "remove an entry",
        options: &[Scope::Family],
        params: &[required(param(Arg::To, Place::Bare(&ADDRESS), "the neighbor")), required(DEV)],
    },
    Command {
        verb: Verb::Flush,
        action: Action::NeighborFlush,
        about: "remove all entries but permanent ones",
        options: &[Scope::Family],
        params: &[ONLY_DEV],
    },
];
