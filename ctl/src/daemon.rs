//! `ctl daemon`: the daemon itself.

use client::admin::{self, DaemonInfo};

use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let info: DaemonInfo = request.fetch(&request.connect()?, &admin::Request::DaemonInfo)?;
    request.report(&[info], |infos| {
        let text = |info: &DaemonInfo| {
            let DaemonInfo { version, pid, uptime } = info;
            format!("pytcp-xdp {version} pid {pid} up {uptime} s\n")
        };
        infos.iter().map(text).collect()
    })
}
