//! `ctl daemon`: the daemon itself.

use client::admin::DaemonInfo;

use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let info: DaemonInfo = request.fetch(&request.connect()?, "daemon", "info")?;
    request.report(&[info], |infos| {
        let text = |info: &DaemonInfo| {
            let DaemonInfo { version, pid, uptime } = info;
            format!("pytcp-xdp {version} pid {pid} up {uptime} s\n")
        };
        infos.iter().map(text).collect()
    })
}
