//! The HTML page with the stack's live state. It shows the same records as `ctl`.

use std::fmt::Write as _;

use client::admin::Socket;

use super::state::State;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;\
padding:0 1rem;color:#1c2430;background:#fff}h1{font-size:1.5rem}\
h2{font-size:1.1rem;margin:1.6rem 0 .3rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem .8rem .2rem 0;\
border-bottom:1px solid #e3e7ec;font-variant-numeric:tabular-nums}th{font-weight:600;color:#5b6675}\
code,td{font-family:ui-monospace,monospace;font-size:.86rem}\
@media(prefers-color-scheme:dark){body{background:#14181d;color:#d8dee6}\
th,td{border-color:#2b333d}}";

/// The whole page.
pub(super) fn html(state: &State) -> String {
    let mut page = String::with_capacity(16 * 1024);
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><title>pytcp-xdp</title>\
         <style>{STYLE}</style><h1>pytcp-xdp {}</h1>\
         <p>This page came over a TCP/IP stack in user space, up for {} s. \
         The same as JSON: <a href=/state.json>/state.json</a>. Bytes to fetch: \
         <code>/bytes/N</code>. <code>curl -T FILE</code> to <code>/upload</code> answers length \
         and SHA-256.</p>",
        escape(&state.daemon.version),
        state.daemon.uptime
    );
    links(&mut page, state);
    shards(&mut page, state);
    table(&mut page, "Addresses", &["interface", "address", "scope"], &state.addresses, |a| {
        vec![a.ifname.clone(), format!("{}/{}", a.address, a.prefix), a.scope.clone()]
    });
    table(
        &mut page,
        "Neighbours",
        &["address", "interface", "link address", "state"],
        &state.neighbors,
        |n| {
            let lladdr = n.lladdr.clone().unwrap_or_default();
            vec![n.address.clone(), n.ifname.clone(), lladdr, n.state.clone()]
        },
    );
    let columns = ["destination", "gateway", "interface", "metric", "made by"];
    table(&mut page, "Routes", &columns, &state.routes, |r| {
        let gateway = r.gateway.clone().unwrap_or_default();
        let metric = r.metric.to_string();
        vec![r.destination.clone(), gateway, r.ifname.clone(), metric, r.protocol.clone()]
    });
    let columns = ["kind", "state", "local", "remote", "to read", "to send"];
    table(&mut page, "Sockets", &columns, &state.sockets, |s| {
        // A listener's queues are of connections: those that wait, and how many may.
        let queues = match s.state.as_str() {
            "LISTEN" => Default::default(),
            _ => (s.recv_queue.to_string(), s.send_queue.to_string()),
        };
        vec![s.kind.clone(), s.state.clone(), s.local.clone(), s.remote.clone(), queues.0, queues.1]
    });
    let stats = &state.stats;
    for (title, counts) in [("Counters", &stats.counters), ("Drops", &stats.drops)] {
        let counts: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
        table(&mut page, title, &["name", "count"], &counts, |(name, count)| {
            vec![(*name).clone(), count.to_string()]
        });
    }
    page.push_str("</html>\n");
    page
}

fn links(page: &mut String, state: &State) {
    let columns = ["interface", "mode", "link address", "MTU", "received", "sent"];
    table(page, "Interfaces", &columns, &state.links, |l| {
        let traffic = |packets: u64, bytes: u64| format!("{packets} ({bytes} bytes)");
        vec![
            format!("{}: {}", l.ifindex, l.name),
            l.mode.clone(),
            l.mac.clone().unwrap_or_default(),
            l.mtu.to_string(),
            traffic(l.stats.rx_packets, l.stats.rx_bytes),
            traffic(l.stats.tx_packets, l.stats.tx_bytes),
        ]
    });
}

/// The parts of the totals that each shard has, if there are several.
fn shards(page: &mut String, state: &State) {
    let numbers: Vec<_> = (0..state.stats.shards.len()).collect();
    if numbers.len() < 2 {
        return;
    }
    let columns = ["shard", "sockets", "received", "sent", "drops"];
    table(page, "Shards", &columns, &numbers, |number| {
        let here = |socket: &&Socket| socket.shard.is_some_and(|shard| shard as usize == *number);
        let traffic = || state.links.iter().filter_map(|link| link.shards.get(*number));
        let drops = &state.stats.shards[*number].drops;
        vec![
            number.to_string(),
            state.sockets.iter().filter(here).count().to_string(),
            traffic().map(|stats| stats.rx_packets).sum::<u64>().to_string(),
            traffic().map(|stats| stats.tx_packets).sum::<u64>().to_string(),
            drops.values().sum::<u64>().to_string(),
        ]
    });
}

fn table<T>(
    page: &mut String,
    title: &str,
    columns: &[&str],
    records: &[T],
    cells: impl Fn(&T) -> Vec<String>,
) {
    let _ = write!(page, "<h2>{title}</h2><table><tr>");
    for column in columns {
        let _ = write!(page, "<th>{column}");
    }
    for record in records.iter().take(RECORDS_MAX) {
        page.push_str("<tr>");
        for cell in cells(record) {
            let _ = write!(page, "<td>{}", escape(&cell));
        }
    }
    page.push_str("</table>");
    if records.len() > RECORDS_MAX {
        let _ = write!(page, "<p>and {} more</p>", records.len() - RECORDS_MAX);
    }
}

/// Records shown of one kind; JSON has them all.
const RECORDS_MAX: usize = 200;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
