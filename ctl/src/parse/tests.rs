//! The grammar itself: prefixes, keywords, checks, and help that covers all of it.

use super::*;
use crate::grammar::Verb;
use crate::option::Scope;

fn command(line: &str) -> Result<(&'static Command, Request), String> {
    let words = line.split_whitespace().map(str::to_owned).collect();
    match parse(words)? {
        Intent::Run(command, request) => Ok((command, request)),
        Intent::Print(text) => Err(text),
    }
}

fn run(line: &str) -> Result<Request, String> {
    command(line).map(|(_, request)| request)
}

fn error(line: &str) -> String {
    run(line).err().unwrap_or_else(|| panic!("{line:?} is accepted"))
}

#[test]
fn names_may_be_any_unique_prefix() {
    for (short, long) in [
        ("l", "link show"),
        ("a", "address show"),
        ("addr", "address show"),
        ("addr l", "address show"),
        ("a s", "address show"),
        ("address lst", "address show"),
        ("r", "route show"),
        ("ro sh", "route show"),
        ("n", "neighbor show"),
        ("neigh", "neighbor show"),
        ("neighbour", "neighbor show"),
        ("n f", "neighbor flush"),
        ("ss", "socket show"),
        ("so", "socket show"),
        ("st", "stats show"),
        ("d", "daemon show"),
        ("ss tcp", "socket show tcp"),
        ("route dev tap7", "route show dev tap7"),
        ("stats all", "stats show all"),
        ("a d 10.0.1.8/24 dev tap7", "address delete 10.0.1.8/24 dev tap7"),
        ("a del 10.0.1.8/24 dev tap7", "address delete 10.0.1.8/24 dev tap7"),
    ] {
        let (short, long) = (command(short).unwrap(), command(long).unwrap());
        assert!(std::ptr::eq(short.0, long.0));
    }
}

#[test]
fn what_is_not_unique_is_refused() {
    assert_eq!(error("s"), "object \"s\" is ambiguous: socket, stats");
    let known = "link, address, route, neighbor, socket, stats, daemon";
    assert_eq!(error("lnk"), format!("unknown object \"lnk\"; known: {known}"));
    assert_eq!(error(""), format!("no object given; known: {known} (try: ctl help)"));
    assert_eq!(error("l -j"), "option \"-j\" must stand before the object");
    assert_eq!(error("a x"), "unknown address command \"x\"; known: show, add, delete");
}

#[test]
fn arguments_come_in_any_order_with_or_without_their_keyword() {
    for line in [
        "route add default via 10.0.1.1 dev tap7 metric 7",
        "r a metric 7 dev tap7 via 10.0.1.1 default",
        "route add to default via 10.0.1.1 dev tap7 metric 07",
        "route add dev tap7 any metric 7 via 10.0.1.1",
    ] {
        let request = run(line).unwrap();
        let values = [Arg::To, Arg::Via, Arg::Dev, Arg::Metric]
            .map(|arg| request.value(arg).map(str::to_owned));
        assert_eq!(
            values,
            ["default", "10.0.1.1", "tap7", "7"].map(|value| Some(value.to_owned())),
            "{line}"
        );
    }
    assert_eq!(run("link show tap7").unwrap().value(Arg::Dev), Some("tap7"));
    assert_eq!(run("link show dev tap7").unwrap().value(Arg::Dev), Some("tap7"));
    // A keyword in place of a value is that value.
    assert_eq!(run("address add 10.0.1.8/24 dev dev").unwrap().value(Arg::Dev), Some("dev"));
}

#[test]
fn states_and_protocols_are_those_there_are() {
    for (line, arg, value) in [
        ("ss state established", Arg::State, "ESTAB"),
        ("ss state time-wait", Arg::State, "TIME-WAIT"),
        ("ss state Listening", Arg::State, "LISTEN"),
        ("neigh nud stale", Arg::Nud, "STALE"),
        ("route proto KERNEL", Arg::Proto, "kernel"),
    ] {
        assert_eq!(run(line).unwrap().value(arg), Some(value), "{line}");
    }
    for line in ["ss state frob", "neigh nud frob", "route proto frob"] {
        assert!(error(line).contains("\"frob\" is not a "), "{}", error(line));
    }
}

#[test]
fn values_are_made_canonical() {
    let address = |line: &str| run(line).unwrap().value(Arg::Local).map(str::to_owned);
    assert_eq!(address("a a 10.0.1.8 dev t").as_deref(), Some("10.0.1.8"));
    assert_eq!(address("a a 2001:DB8:0::8/64 dev t").as_deref(), Some("2001:db8::8/64"));
    let request = run("n a 10.0.1.9 lladdr 02-00-00-00-00-0A dev t").unwrap();
    assert_eq!(request.value(Arg::Lladdr), Some("02:00:00:00:00:0a"));
    // CLI-03: a host is a network of its own.
    let destination = |line: &str| run(line).unwrap().value(Arg::To).map(str::to_owned);
    assert_eq!(destination("r a 192.0.2.7 via 10.0.1.1").as_deref(), Some("192.0.2.7/32"));
    assert_eq!(destination("r a 2001:DB8::7 dev t").as_deref(), Some("2001:db8::7/128"));
    assert_eq!(destination("r a default via 10.0.1.1").as_deref(), Some("default"));
}

#[test]
fn options_stand_before_the_object() {
    let request = run("-j -p -s -d -6 --ipc-socket /tmp/x.sock ss").unwrap();
    let options = request.options();
    assert!(options.json && options.pretty && options.statistics && options.details);
    assert_eq!(options.family, Some(6));
    assert_eq!(options.path.as_deref(), Some(std::path::Path::new("/tmp/x.sock")));
    assert!(run("--json -statistics --ipc-socket=/x link").unwrap().options().json);
    assert_eq!(
        error("-x link"),
        "unknown option \"-x\"; known: -j, -p, -4, -6, -s, -d, --ipc-socket PATH"
    );
    assert_eq!(error("-4 -6 link"), "-4 and -6 exclude each other");
    assert!(error("--ipc-socket").contains("needs a PATH"));
    assert!(error("--ipc-socket= link").contains("needs a PATH"));
    assert!(error("--ipc-socketx link").contains("unknown option"));
}

/// An option that a command is not concerned by is refused, and what it takes is said.
#[test]
fn an_option_without_effect_is_refused() {
    for (line, message) in [
        ("-4 link", "-4 changes nothing of link show, which takes -j, -p, -s, -d"),
        ("-6 link show tap7", "-6 changes nothing of link show, which takes -j, -p, -s, -d"),
        ("-6 stats", "-6 changes nothing of stats show, which takes -j, -p, -d"),
        ("-s daemon", "-s changes nothing of daemon show, which takes -j, -p"),
        ("-s route", "-s changes nothing of route show, which takes -j, -p, -4, -6"),
        ("-d neighbor", "-d changes nothing of neighbor show, which takes -j, -p, -4, -6"),
        ("-p link", "-p changes the form of JSON: it needs -j"),
    ] {
        assert_eq!(error(line), message);
    }
    for object in OBJECTS {
        for command in object.commands.iter().filter(|command| command.verb == Verb::Show) {
            let words = format!("{} {}", object.name, command.verb.name());
            assert!(run(&format!("-j -p {words}")).is_ok());
            for (scope, option) in
                [(Scope::Family, "-4"), (Scope::Statistics, "-s"), (Scope::Details, "-d")]
            {
                let taken = command.options.contains(&scope);
                assert_eq!(run(&format!("{option} {words}")).is_ok(), taken, "{option} {words}");
            }
        }
    }
}

/// Each is wrong in one way; the message says which and how to say it right.
#[test]
fn wrong_arguments() {
    let add = "(usage: ctl address add ADDRESS/PREFIX dev NAME)";
    for (line, message) in [
        ("address add", "address add needs ADDRESS/PREFIX"),
        ("address add 10.0.1.8/24", "address add needs dev NAME"),
        ("address add 10.0.1.8/24 dev", "dev needs NAME"),
        ("address add 10.0.1.8/24 dev tap7 dev tap8", "dev is given twice"),
        ("address add 10.0.1.8/24 10.0.1.9/24 dev tap7", "\"10.0.1.9/24\" is not expected here"),
        ("address add 10.0.1.8/24 dev tap7 via", "\"via\" is not expected here"),
        ("address add -j 10.0.1.8/24 dev tap7", "option \"-j\" must stand before the object"),
        ("address add 10.0.1.300/24 dev tap7", "\"10.0.1.300\" is not an IPv4 or IPv6 address"),
        ("address add tap7 10.0.1.8/24", "\"tap7\" is not an IPv4 or IPv6 address"),
        ("address add 10.0.1.8/33 dev tap7", "/33 is not a prefix length (0 to 32)"),
        ("address add ::1/129 dev tap7", "/129 is not a prefix length (0 to 128)"),
        ("address add 10.0.1.8/x dev tap7", "/x is not a prefix length (0 to 32)"),
        ("address add 224.0.0.1/4 dev tap7", "224.0.0.1 is not the address of one host"),
        ("address add 0.0.0.0/8 dev tap7", "0.0.0.0 is not the address of one host"),
        (
            "address add 10.0.1.8/24 dev tap/7",
            "dev: \"tap/7\" is not an interface name (at most 15 characters)",
        ),
    ] {
        assert_eq!(error(line), format!("{message} {add}"));
    }
}

#[test]
fn wrong_values_of_other_objects() {
    for (line, message) in [
        (
            "route add 10.0.1.5/24 via 10.0.0.1",
            "10.0.1.5/24 has bits beyond its prefix (the network is 10.0.1.0/24)",
        ),
        ("route add default via 10.0.0", "via: \"10.0.0\" is not an IPv4 or IPv6 address"),
        (
            "route add default via 10.0.0.1 metric -1",
            "metric: \"-1\" is not a metric (a number from 0 to 4294967295)",
        ),
        ("route del", "route delete needs { default | NETWORK/PREFIX }"),
        ("neighbor add 10.0.1.9 dev tap7", "neighbor add needs lladdr MAC"),
        (
            "neighbor add 10.0.1.9 lladdr 02:00 dev tap7",
            "lladdr: \"02:00\" is not a MAC address such as 02:00:00:00:00:01",
        ),
        (
            "neighbor add 10.0.1.9 lladdr ff:ff:ff:ff:ff:ff dev tap7",
            "lladdr: ff:ff:ff:ff:ff:ff is not the address of one station",
        ),
        ("neighbor del 10.0.1.9/32 dev tap7", "\"10.0.1.9/32\" is not an IPv4 or IPv6 address"),
        ("socket show open", "\"open\" is not expected here"),
    ] {
        let error = error(line);
        assert!(error.starts_with(message) && error.contains(" (usage: ctl "), "{error}");
    }
}

#[test]
fn help_names_everything() {
    let all = error("help");
    for object in OBJECTS {
        assert!(all.contains(object.name) && all.contains(object.about), "{}", object.name);
        let of_object = error(&format!("{} help", object.name));
        for command in object.commands {
            assert!(!command.about.is_empty());
            assert!(of_object.contains(&help::usage(object, command)));
            let of_command = error(&format!("{} {} --help", object.name, command.verb.name()));
            assert_eq!(of_command, of_object);
            for param in command.params {
                assert!(
                    of_object.contains(param.about),
                    "{} {}",
                    command.verb.name(),
                    param.arg.name()
                );
            }
        }
    }
    assert!(error("-V").starts_with("ctl "));
    assert_eq!(error("-j --help"), all);
}

/// No prefix rule can reach a name that is a prefix of another object's or command's name.
#[test]
fn every_full_name_is_reachable() {
    for object in OBJECTS {
        for name in object.names() {
            assert!(std::ptr::eq(pick("object", name, OBJECTS).unwrap(), object));
        }
        for command in object.commands {
            for name in command.names() {
                assert!(std::ptr::eq(pick("command", name, object.commands).unwrap(), command));
            }
        }
    }
}

/// No command is carried out by the code of another.
#[test]
fn every_command_has_an_action_of_its_own() {
    let commands: Vec<_> = OBJECTS.iter().flat_map(|object| object.commands).collect();
    for (i, command) in commands.iter().enumerate() {
        let earlier = commands[..i].iter().find(|other| other.action == command.action);
        assert!(earlier.is_none(), "{:?}", command.action);
    }
}
