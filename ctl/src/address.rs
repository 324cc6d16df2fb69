//! `ctl address`: addresses on interfaces, as ip-address(8) shows them.

use std::fmt::Write;

use addr::{Cidr, Ip};
use client::admin::{self, Address, AddressAdd, AddressDel, LIFETIME_FOREVER, Link};

use crate::argument::Arg;
use crate::link;
use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let session = request.connect()?;
    let links = request.links(&session)?;
    let mut addresses: Vec<Address> = request.fetch(&session, &admin::Request::AddressShow)?;
    addresses.retain(|address| {
        request.wants_family(address.family)
            && links.iter().any(|link| link.ifindex == address.ifindex)
    });
    request.report(&addresses, |addresses| {
        let mut text = String::new();
        for link in &links {
            let of_link: Vec<_> = addresses.iter().filter(|a| a.ifindex == link.ifindex).collect();
            // Asked for one family, an interface without it has nothing to say, as in ip(8).
            if request.options().family.is_none() || !of_link.is_empty() {
                text.push_str(&interface(link, &of_link));
            }
        }
        text
    })
}

fn interface(link: &Link, addresses: &[&Address]) -> String {
    let mut text = link::head(link);
    for address in addresses {
        let family = if address.family == 6 { "inet6" } else { "inet" };
        let Address { prefix, scope, flags, .. } = address;
        let _ = write!(text, "    {family} {}/{prefix}", address.address);
        if !scope.is_empty() {
            let _ = write!(text, " scope {scope}");
        }
        for flag in flags.iter().filter(|flag| *flag != "permanent") {
            let _ = write!(text, " {flag}");
        }
        if let Some(protocol) = &address.protocol {
            let _ = write!(text, " proto {protocol}");
        }
        text.push('\n');
        if let (Some(valid), Some(preferred)) =
            (address.valid_life_time, address.preferred_life_time)
        {
            let (valid, preferred) = (lifetime(valid), lifetime(preferred));
            let _ = writeln!(text, "       valid_lft {valid} preferred_lft {preferred}");
        }
    }
    text
}

/// A lifetime as ip-address(8) prints it.
fn lifetime(seconds: u32) -> String {
    match seconds {
        LIFETIME_FOREVER => "forever".into(),
        seconds => format!("{seconds}sec"),
    }
}

/// Without a prefix length the address is a network of its own, as in ip-address(8).
pub(crate) fn add(request: &Request) -> Result<String, Failure> {
    request.check_family(Arg::Local)?;
    let address = request.required(Arg::Local)?;
    let interface = request.required_interface()?;
    let done = request.change(&admin::Request::AddressAdd(AddressAdd { address, interface }))?;
    if !has_prefix(request) {
        Request::note(&format!("{} has no prefix length: taken as {address}", address.ip));
    }
    Ok(done)
}

/// Without a prefix length an IPv4 address means the first one that is equal but for its prefix
/// length, as in ip-address(8).
pub(crate) fn delete(request: &Request) -> Result<String, Failure> {
    request.check_family(Arg::Local)?;
    let mut address: Cidr = request.required(Arg::Local)?;
    let mut found = None;
    if !has_prefix(request) && address.ip.is_v4() {
        found = prefix_of(request, address.ip)?;
        address.prefix = found.unwrap_or(address.prefix);
    }
    let interface = request.interface();
    let done = request.change(&admin::Request::AddressDel(AddressDel { address, interface }))?;
    if found.is_some() {
        Request::note(&format!("{} has no prefix length: {address} was deleted", address.ip));
    }
    Ok(done)
}

fn has_prefix(request: &Request) -> bool {
    request.value(Arg::Local).is_some_and(|text| text.contains('/'))
}

/// The prefix length of the first such address of the interface.
fn prefix_of(request: &Request, ip: Ip) -> Result<Option<u8>, Failure> {
    let session = request.connect()?;
    let addresses: Vec<Address> = request.fetch(&session, &admin::Request::AddressShow)?;
    let first = addresses.iter().find(|address| {
        request.value(Arg::Dev).is_none_or(|dev| dev == address.ifname)
            && address.address.parse() == Ok(ip)
    });
    Ok(first.map(|address| address.prefix))
}
