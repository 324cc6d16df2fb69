//! The grammar: every object, its commands and their arguments, in one table.
//!
//! [`crate::parse`] reads command lines by it and [`crate::help`] prints it, so that neither can
//! know anything that the other does not. Objects and commands may be shortened to any prefix that
//! only one of them has; keywords stand as they are.

use crate::request::{Failure, Request};
use crate::value::{
    ADDRESS, DESTINATION, INTERFACE_ADDRESS, LINK_ADDRESS, METRIC, NAME, NEIGHBOR_STATE, PROTOCOL,
    SOCKET_STATE, Value, WORD,
};
use crate::{address, daemon, link, neighbor, route, socket, stats};

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
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) about: &'static str,
    pub(crate) params: &'static [Param],
    pub(crate) run: fn(&Request) -> Result<String, Failure>,
}

/// One argument of a command.
pub(crate) struct Param {
    pub(crate) name: &'static str,
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

const fn param(name: &'static str, place: Place, about: &'static str) -> Param {
    Param { name, aliases: &[], place, required: false, about }
}

const fn required(param: Param) -> Param {
    Param { required: true, ..param }
}

const DEV: Param = param("dev", Place::Keyword(&NAME), "the interface");
const BARE_DEV: Param = param("dev", Place::Bare(&NAME), "only this interface");
const ONLY_DEV: Param = param("dev", Place::Keyword(&NAME), "only this interface");
const VIA: Param = param("via", Place::Keyword(&ADDRESS), "the gateway");
const METRIC_PARAM: Param = param("metric", Place::Keyword(&METRIC), "the lowest wins");
const PROTO: Param =
    Param { aliases: &["protocol"], ..param("proto", Place::Keyword(&PROTOCOL), "who made it") };

const SHOW: Command =
    Command { name: "show", aliases: &["list", "lst"], about: "", params: &[], run: daemon::show };
const ADD: Command = Command { name: "add", aliases: &[], ..SHOW };
const DELETE: Command = Command { name: "delete", aliases: &["del"], ..SHOW };

/// All there is.
pub(crate) static OBJECTS: &[Object] = &[
    Object {
        name: "link",
        aliases: &[],
        about: "ports of the stack",
        commands: &[Command {
            about: "ports; with -s also traffic, frames and XDP verdicts",
            params: &[BARE_DEV],
            run: link::show,
            ..SHOW
        }],
    },
    Object {
        name: "address",
        aliases: &["addr"],
        about: "addresses on interfaces",
        commands: &[
            Command {
                about: "interfaces and their addresses",
                params: &[BARE_DEV],
                run: address::show,
                ..SHOW
            },
            Command {
                about: "give an interface an address",
                params: &[
                    required(param("local", Place::Bare(&INTERFACE_ADDRESS), "the address")),
                    required(DEV),
                ],
                run: address::add,
                ..ADD
            },
            Command {
                about: "take an address from an interface",
                params: &[
                    required(param("local", Place::Bare(&INTERFACE_ADDRESS), "the address")),
                    required(DEV),
                ],
                run: address::delete,
                ..DELETE
            },
        ],
    },
    Object {
        name: "route",
        aliases: &[],
        about: "where packets go",
        commands: &[
            Command {
                about: "routes",
                params: &[
                    param("to", Place::Bare(&DESTINATION), "only this destination"),
                    ONLY_DEV,
                    param("via", Place::Keyword(&ADDRESS), "only by this gateway"),
                    PROTO,
                ],
                run: route::show,
                ..SHOW
            },
            Command {
                about: "add a route",
                params: &[
                    required(param("to", Place::Bare(&DESTINATION), "the destination")),
                    VIA,
                    DEV,
                    METRIC_PARAM,
                    param("src", Place::Keyword(&ADDRESS), "the source address to prefer"),
                ],
                run: route::add,
                ..ADD
            },
            Command {
                about: "remove a route",
                params: &[
                    required(param("to", Place::Bare(&DESTINATION), "the destination")),
                    VIA,
                    METRIC_PARAM,
                ],
                run: route::delete,
                ..DELETE
            },
        ],
    },
    Object {
        name: "neighbor",
        aliases: &["neighbour"],
        about: "hosts on the link (ARP and ND)",
        commands: &[
            Command {
                about: "the neighbor cache",
                params: &[
                    param("to", Place::Bare(&ADDRESS), "only this neighbor"),
                    ONLY_DEV,
                    param("nud", Place::Keyword(&NEIGHBOR_STATE), "only in this state"),
                ],
                run: neighbor::show,
                ..SHOW
            },
            Command {
                about: "add a permanent entry",
                params: &[
                    required(param("to", Place::Bare(&ADDRESS), "the neighbor")),
                    required(param("lladdr", Place::Keyword(&LINK_ADDRESS), "its MAC address")),
                    required(DEV),
                ],
                run: neighbor::add,
                ..ADD
            },
            Command {
                about: "remove an entry",
                params: &[
                    required(param("to", Place::Bare(&ADDRESS), "the neighbor")),
                    required(DEV),
                ],
                run: neighbor::delete,
                ..DELETE
            },
            Command {
                name: "flush",
                aliases: &[],
                about: "remove all entries",
                params: &[ONLY_DEV],
                run: neighbor::flush,
            },
        ],
    },
    Object {
        name: "socket",
        aliases: &["ss"],
        about: "sockets, as ss(8) lists them",
        commands: &[Command {
            about: "sockets; with -s also the inside of TCP connections (ms, segments, bytes)",
            params: &[
                param("tcp", Place::Flag, "TCP sockets"),
                param("udp", Place::Flag, "UDP sockets"),
                param("listening", Place::Flag, "listening sockets only"),
                param("state", Place::Keyword(&SOCKET_STATE), "only in this state"),
            ],
            run: socket::show,
            ..SHOW
        }],
    },
    Object {
        name: "stats",
        aliases: &[],
        about: "counters of the whole stack",
        commands: &[Command {
            about: "counters and drops that are not zero",
            params: &[
                param("match", Place::Bare(&WORD), "only names that contain this"),
                param("all", Place::Flag, "zeros too"),
            ],
            run: stats::show,
            ..SHOW
        }],
    },
    Object {
        name: "daemon",
        aliases: &[],
        about: "the daemon itself",
        commands: &[Command {
            about: "version, process id, seconds since it started",
            run: daemon::show,
            ..SHOW
        }],
    },
];
