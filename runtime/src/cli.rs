//! The command line of `pytcp-xdp`.
//!
//! Options about an interface belong to the last `--iface` before them, so the order of occurrence
//! counts; everything else may stand anywhere. Whatever is wrong becomes one line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use addr::{Cidr, Ip, Mac};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use runtime::{Backend, Builder, Interface, Layout, Pace, Sharing};

/// What the command line asks for.
pub(crate) struct Arguments {
    pub(crate) builder: Builder,
    pub(crate) ipc_socket: PathBuf,
    pub(crate) demo: bool,
    pub(crate) verbose: bool,
}

/// An answer instead of arguments: help, the version, or what is wrong.
pub(crate) struct Answer {
    text: String,
    is_error: bool,
}

impl Answer {
    pub(crate) fn say(self) -> ExitCode {
        if self.is_error {
            eprintln!("pytcp-xdp: {}", one_line(&self.text));
            return ExitCode::from(2);
        }
        print!("{}", self.text);
        ExitCode::SUCCESS
    }
}

/// Reads the command line.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, Answer> {
    let matches = command().try_get_matches_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Answer { text: error.to_string(), is_error: false }
        }
        _ => Answer { text: complaint(&error.to_string()), is_error: true },
    })?;
    arguments(&matches).map_err(|text| Answer { text, is_error: true })
}

/// The part of clap's message that says what is wrong.
fn complaint(message: &str) -> String {
    let hints = ["\nUsage:", "\nFor more information"];
    let end = hints.iter().filter_map(|hint| message.find(hint)).min().unwrap_or(message.len());
    let message = &message[..end];
    message.strip_prefix("error: ").unwrap_or(message).to_string()
}

/// Text without line breaks and double spaces, and without the number that the standard library
/// puts behind the system's words: "(os error 2)".
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(" (os error ") {
        Some((before, after)) => {
            let after = after.split_once(')').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        None => line,
    }
}

fn arguments(matches: &ArgMatches) -> Result<Arguments, String> {
    let mut builder = Builder::new()
        .shards(matches.get_one::<u64>("shards").map_or(1, |shards| *shards as usize))
        .layout(matches.get_one("layout").copied().unwrap_or_default())
        .pace(matches.get_one("busy-poll").copied().unwrap_or_default())
        .demo_services(matches.get_flag("demo"))
        .bench_services(matches.get_flag("bench-services"));
    if let Some(cores) = matches.get_one::<Vec<usize>>("cores") {
        builder = builder.cores(cores.iter().copied());
    }
    for interface in interfaces(matches)? {
        builder = builder.interface(interface);
    }
    Ok(Arguments {
        builder,
        ipc_socket: matches
            .get_one::<PathBuf>("ipc-socket")
            .cloned()
            .unwrap_or_else(client::default_path),
        demo: matches.get_flag("demo"),
        verbose: matches.get_flag("verbose"),
    })
}

/// The interfaces, each with the options that follow it.
fn interfaces(matches: &ArgMatches) -> Result<Vec<Interface>, String> {
    let names = occurrences::<String>(matches, "iface");
    let mut all: Vec<Interface> = Vec::new();
    for (_, name) in &names {
        if all.iter().any(|other| other.name() == name) {
            return Err(format!("--iface {name} is given twice"));
        }
        all.push(Interface::new(name.clone()));
    }
    let mut each = |option: &str, apply: &mut dyn FnMut(Interface, usize) -> Interface| {
        let places: Vec<usize> =
            matches.indices_of(option).map(Iterator::collect).unwrap_or_default();
        for (number, place) in places.into_iter().enumerate() {
            let owner = names.iter().rposition(|(at, _)| *at < place);
            let owner = owner.ok_or_else(|| format!("--{option} stands before any --iface"))?;
            let interface = std::mem::replace(&mut all[owner], Interface::new(""));
            all[owner] = apply(interface, number);
        }
        Ok::<(), String>(())
    };
    let backends = occurrences::<Backend>(matches, "backend");
    let sharings = occurrences::<Sharing>(matches, "steering");
    let addresses = occurrences::<Cidr>(matches, "address");
    let gateways = occurrences::<Ip>(matches, "gateway");
    let mtus = occurrences::<u32>(matches, "mtu");
    let macs = occurrences::<Mac>(matches, "mac");
    let queues = occurrences::<u32>(matches, "queues");
    each("backend", &mut |interface, n| interface.backend(backends[n].1))?;
    each("steering", &mut |interface, n| interface.sharing(sharings[n].1))?;
    each("address", &mut |interface, n| interface.address(addresses[n].1))?;
    each("gateway", &mut |interface, n| interface.gateway(gateways[n].1))?;
    each("mtu", &mut |interface, n| interface.mtu(mtus[n].1))?;
    each("mac", &mut |interface, n| interface.mac(macs[n].1))?;
    each("queues", &mut |interface, n| interface.queues(queues[n].1))?;
    if all.is_empty() {
        return Err("--iface NAME is missing".into());
    }
    Ok(all)
}

/// The values of an option with their places on the command line.
fn occurrences<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    option: &str,
) -> Vec<(usize, T)> {
    let places = matches.indices_of(option).into_iter().flatten();
    let values = matches.get_many::<T>(option).into_iter().flatten();
    places.zip(values.cloned()).collect()
}

fn command() -> Command {
    Command::new("pytcp-xdp")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A TCP/IP stack in user space, on AF_XDP or TAP/TUN")
        .args(interface_options())
        .args(process_options())
        .after_help(
            "What follows an --iface belongs to it, up to the next one. A TAP or TUN device that \
             does not exist is created.\n\nExample: pytcp-xdp --iface tap7 --address 10.0.1.7/24 \
             --gateway 10.0.1.1 --demo",
        )
}

fn interface_options() -> [Arg; 8] {
    let many = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Append);
    [
        many("iface")
            .short('i')
            .visible_alias("interface")
            .value_name("NAME")
            .help("Interface to open; repeatable"),
        many("backend")
            .value_name("KIND")
            .value_parser(backend)
            .help("How to open it: auto, tap, tun or xdp [default: auto]"),
        many("steering").value_name("HOW").value_parser(sharing).help(
            "XDP: exclusive takes every frame, shared only those for the stack's addresses \
                 [default: shared if the kernel has an address there]",
        ),
        many("address")
            .aliases(["ip4-address", "ip6-address"])
            .value_name("CIDR")
            .value_parser(parser::<Cidr>)
            .help("Address of the stack there, such as 10.0.1.7/24; repeatable"),
        many("gateway")
            .value_name("ADDR")
            .value_parser(parser::<Ip>)
            .help("Default gateway there; repeatable, one for each family"),
        many("mtu")
            .value_name("BYTES")
            .value_parser(value_parser!(u32).range(68..=65_535))
            .help("Largest IP packet [default: the device's]"),
        many("mac")
            .alias("mac-address")
            .value_name("MAC")
            .value_parser(mac)
            .help("The stack's link address there [default: the NIC's; a TAP's from its name]"),
        many("queues").value_name("N").value_parser(value_parser!(u32).range(1..=64)).help(
            "Queues of the device to open [default: all; of a TAP or TUN one for each shard]",
        ),
    ]
}

fn process_options() -> [Arg; 8] {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    [
        Arg::new("ipc-socket")
            .long("ipc-socket")
            .value_name("PATH")
            .value_parser(value_parser!(PathBuf))
            .help("Control socket [default: $XDG_RUNTIME_DIR/pytcp.sock, else /run/pytcp.sock]"),
        Arg::new("shards")
            .long("shards")
            .value_name("N")
            .value_parser(value_parser!(u64).range(1..=64))
            .help("Parts of the stack, each with a thread of its own [default: 1]"),
        Arg::new("layout")
            .long("layout")
            .value_name("LAYOUT")
            .value_parser(layout)
            .help("fused: shards step the ports; split: a thread for each port [default: fused]"),
        Arg::new("cores")
            .long("cores")
            .value_name("LIST")
            .value_parser(cores)
            .help("Cores to pin to, such as 0,1: the shards' threads, then the ports'"),
        Arg::new("busy-poll")
            .long("busy-poll")
            .value_name("US")
            .num_args(0..=1)
            .default_missing_value("forever")
            .value_parser(pace)
            .help(
                "Look for work for so many microseconds before sleeping; without a number, always",
            ),
        flag("demo").help("Serve echo, discard, chargen and HTTP, and say what to try"),
        flag("bench-services").hide(true),
        flag("verbose").short('v').help("Log what happens"),
    ]
}

fn parser<T: std::str::FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn mac(text: &str) -> Result<Mac, String> {
    let mac: Mac = parser(text)?;
    match mac.is_unicast() {
        true => Ok(mac),
        false => Err("not the address of one station".into()),
    }
}

fn backend(text: &str) -> Result<Backend, String> {
    match text {
        "auto" => Ok(Backend::Auto),
        "tap" => Ok(Backend::Tap),
        "tun" => Ok(Backend::Tun),
        "xdp" => Ok(Backend::Xdp),
        _ => Err("none of auto, tap, tun, xdp".into()),
    }
}

fn sharing(text: &str) -> Result<Sharing, String> {
    match text {
        "auto" => Ok(Sharing::Auto),
        "exclusive" => Ok(Sharing::Exclusive),
        "shared" => Ok(Sharing::Shared),
        _ => Err("none of auto, exclusive, shared".into()),
    }
}

fn layout(text: &str) -> Result<Layout, String> {
    match text {
        "fused" => Ok(Layout::Fused),
        "split" => Ok(Layout::Split),
        _ => Err("neither fused nor split".into()),
    }
}

fn cores(text: &str) -> Result<Vec<usize>, String> {
    let known = core_affinity::get_core_ids().unwrap_or_default();
    let core = |text: &str| {
        let id: usize = text.trim().parse().map_err(|_| format!("{text:?} is no core's number"))?;
        match known.iter().any(|core| core.id == id) {
            true => Ok(id),
            false => Err(format!("there is no core {id}")),
        }
    };
    text.split(',').map(core).collect()
}

fn pace(text: &str) -> Result<Pace, String> {
    match text {
        "forever" => Ok(Pace::Spin),
        "0" => Ok(Pace::Sleep),
        _ => {
            let us = text.parse().map_err(|_| "no number of microseconds".to_string())?;
            Ok(Pace::Linger(Duration::from_micros(us)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &str) -> String {
        let args = ["pytcp-xdp"].into_iter().chain(args.split_whitespace());
        match parse(args.map(OsString::from)) {
            Ok(_) => String::new(),
            Err(answer) => one_line(&answer.text),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn daemon_03_options_belong_to_the_interface_before_them() {
        let args = "pytcp-xdp -i tap7 --ip4-address 10.0.1.7/24 --mtu 1400 --busy-poll --demo \
                    --interface tun3 --address 172.16.1.2/24 --address 2001:db8:1::2/64";
        let matches = command().try_get_matches_from(args.split_whitespace()).unwrap();
        let interfaces = interfaces(&matches).unwrap();
        let shown: Vec<String> = interfaces.iter().map(|i| format!("{i:?}")).collect();
        assert!(shown[0].contains("10.0.1.7/24") && shown[0].contains("1400"), "{}", shown[0]);
        assert!(
            shown[1].contains("2001:db8:1::2/64") && !shown[1].contains("1400"),
            "{}",
            shown[1]
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let error = std::io::Error::from_raw_os_error(2);
        let text = format!("control socket:\n  {error} (is the folder there?)");
        let line = "control socket: No such file or directory (is the folder there?)";
        assert_eq!(one_line(&text), line);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (args, what) in [
            ("", "--iface"),
            ("--address 10.0.1.7/24", "--iface"),
            ("--iface tap7 --address 10.0.1.300/24", "10.0.1.300/24"),
            ("--iface tap7 --mac 01:00:5e:00:00:01", "--mac"),
            ("--iface tap7 --backend pigeon", "none of auto"),
            ("--iface tap7 --steering wheel", "none of auto, exclusive, shared"),
            ("--iface tap7 --cores 0,9999", "9999"),
            ("--iface tap7 --shards 0", "1..=64"),
            ("--iface tap7 --shards 65", "1..=64"),
            ("--iface tap7 --queues 0", "1..=64"),
            ("--queues 2 --iface tap7", "--queues stands before any --iface"),
            ("--iface tap7 --iface tap7", "twice"),
            ("--frobnicate", "--frobnicate"),
        ] {
            assert!(said(args).contains(what), "{args}: {}", said(args));
        }
    }
}
