//! Values on the command line: what each looks like, and the check before the daemon is asked.
//!
//! A check returns the value in its canonical form, or what is wrong with it. Addresses are read
//! by the same crate as in the stack, so that both agree on what an address is.

use addr::{Cidr, Ip, Mac};

/// A kind of value.
pub(crate) struct Value {
    /// How the help and the errors call it.
    pub(crate) what: &'static str,
    pub(crate) check: fn(&str) -> Result<String, String>,
}

pub(crate) static NAME: Value = Value { what: "NAME", check: name };
pub(crate) static ADDRESS: Value = Value { what: "ADDRESS", check: address };
pub(crate) static INTERFACE_ADDRESS: Value =
    Value { what: "ADDRESS/PREFIX", check: interface_address };
pub(crate) static DESTINATION: Value =
    Value { what: "{ default | NETWORK/PREFIX }", check: destination };
pub(crate) static LINK_ADDRESS: Value = Value { what: "MAC", check: link_address };
pub(crate) static METRIC: Value = Value { what: "NUMBER", check: metric };
pub(crate) static SOCKET_STATE: Value = Value { what: "STATE", check: socket_state };
pub(crate) static NEIGHBOR_STATE: Value = Value { what: "STATE", check: neighbor_state };
pub(crate) static PROTOCOL: Value = Value { what: "PROTOCOL", check: protocol };
pub(crate) static WORD: Value = Value { what: "WORD", check: |text| Ok(text.to_owned()) };

/// Longest interface name, as in Linux.
const NAME_MAX: usize = 15;

fn name(text: &str) -> Result<String, String> {
    let odd = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if text.is_empty() || text.len() > NAME_MAX || text.contains(odd) {
        return Err(format!("{text:?} is not an interface name (at most {NAME_MAX} characters)"));
    }
    Ok(text.to_owned())
}

fn address(text: &str) -> Result<String, String> {
    let ip: Ip = text.parse().map_err(|_| not_an_address(text))?;
    if !ip.is_unicast() {
        return Err(format!("{ip} is not the address of one host"));
    }
    Ok(ip.to_string())
}

fn interface_address(text: &str) -> Result<String, String> {
    let cidr = cidr(text)?;
    if !cidr.ip.is_unicast() {
        return Err(format!("{} is not the address of one host", cidr.ip));
    }
    // Whether a prefix length was given matters to what is done with the address.
    Ok(if text.contains('/') { cidr.to_string() } else { cidr.ip.to_string() })
}

fn destination(text: &str) -> Result<String, String> {
    if matches!(text, "default" | "any" | "all") {
        return Ok("default".to_owned());
    }
    let cidr = cidr(text)?;
    let network = cidr.network();
    if network.ip != cidr.ip {
        return Err(format!("{text} has bits beyond its prefix (the network is {network})"));
    }
    Ok(cidr.to_string())
}

fn cidr(text: &str) -> Result<Cidr, String> {
    let Some((ip, prefix)) = text.split_once('/') else {
        return text.parse().map_err(|_| not_an_address(text));
    };
    let ip: Ip = ip.parse().map_err(|_| not_an_address(ip))?;
    text.parse().map_err(|_| {
        let width = if ip.is_v4() { 32 } else { 128 };
        format!("/{prefix} is not a prefix length (0 to {width})")
    })
}

fn not_an_address(text: &str) -> String {
    format!("{text:?} is not an IPv4 or IPv6 address")
}

fn link_address(text: &str) -> Result<String, String> {
    let mac: Mac = text
        .parse()
        .map_err(|_| format!("{text:?} is not a MAC address such as 02:00:00:00:00:01"))?;
    if !mac.is_unicast() {
        return Err(format!("{mac} is not the address of one station"));
    }
    Ok(mac.to_string())
}

fn metric(text: &str) -> Result<String, String> {
    let metric: u32 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a metric (a number from 0 to {})", u32::MAX))?;
    Ok(metric.to_string())
}

/// A state as ss(8) calls it, in what it prints or in what it takes.
fn socket_state(text: &str) -> Result<String, String> {
    const STATES: &[&str] = &[
        "LISTEN",
        "SYN-SENT",
        "SYN-RECV",
        "ESTAB",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "CLOSE-WAIT",
        "CLOSING",
        "LAST-ACK",
        "TIME-WAIT",
        "CLOSED",
        "UNCONN",
    ];
    match text.to_ascii_lowercase().as_str() {
        "established" => Ok("ESTAB".into()),
        "listening" => Ok("LISTEN".into()),
        "unconnected" => Ok("UNCONN".into()),
        _ => one_of("a state", text, STATES),
    }
}

fn neighbor_state(text: &str) -> Result<String, String> {
    const STATES: &[&str] =
        &["PERMANENT", "REACHABLE", "STALE", "DELAY", "PROBE", "INCOMPLETE", "FAILED"];
    one_of("a state", text, STATES)
}

fn protocol(text: &str) -> Result<String, String> {
    one_of("a protocol", text, &["kernel", "boot", "static", "ra", "dhcp", "redirect"])
}

/// The one of `words` that `text` is, in any case of letters.
fn one_of(what: &str, text: &str, words: &[&str]) -> Result<String, String> {
    match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        Some(word) => Ok((*word).to_owned()),
        None => Err(format!("{text:?} is not {what}: {}", words.join(", ").to_lowercase())),
    }
}
