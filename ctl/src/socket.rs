//! `ctl socket`: sockets in the columns of ss(8), with `-s` the inside of TCP connections.

use client::Session;
use client::admin::{self, Socket, SocketPage, SocketShow, TcpDetail};

use crate::argument::Arg;
use crate::column::lay_out;
use crate::option::Options;
use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let session = request.connect()?;
    let mut sockets = fetch(request, &session)?;
    let any_kind = request.has(Arg::Tcp) == request.has(Arg::Udp);
    sockets.retain(|socket| {
        request.wants_family(socket.family)
            && (any_kind || request.has(if socket.kind == "udp" { Arg::Udp } else { Arg::Tcp }))
            && (!request.has(Arg::Listening) || is_listening(socket))
            && request.wants(Arg::State, &socket.state)
    });
    request.report(&sockets, |sockets| table(sockets, request.options()))
}

/// All sockets, asked for in pages, so that a long list holds up nobody.
fn fetch(request: &Request, session: &Session) -> Result<Vec<Socket>, Failure> {
    let mut sockets = Vec::new();
    let mut after = None;
    loop {
        let show = admin::Request::SocketShow(SocketShow::page(after));
        let page: SocketPage = request.fetch(session, &show)?;
        sockets.extend(page.sockets);
        after = page.next;
        if after.is_none() {
            return Ok(sockets);
        }
    }
}

/// A UDP socket listens while it has no peer.
fn is_listening(socket: &Socket) -> bool {
    matches!(socket.state.as_str(), "LISTEN" | "UNCONN")
}

fn table(sockets: &[Socket], options: &Options) -> String {
    let titles = ["Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(sockets.iter().map(row));
    if options.details {
        rows[0].push("Shard".to_owned());
        for (row, socket) in rows[1..].iter_mut().zip(sockets) {
            // Without a number there is one shard only.
            row.push(socket.shard.unwrap_or_default().to_string());
        }
    }
    let mut lines = lay_out(&rows, &[2, 3, 6]).into_iter();
    let mut text = lines.next().unwrap_or_default() + "\n";
    for (line, socket) in lines.zip(sockets) {
        text.push_str(&line);
        text.push('\n');
        if let Some(info) = socket.info.as_ref().filter(|_| options.statistics) {
            text.push_str(&inside(info));
        }
    }
    text
}

fn row(socket: &Socket) -> Vec<String> {
    // As in ss(8) the interface stands behind the local address.
    let local = match (&socket.ifname, socket.local.rsplit_once(':')) {
        (Some(ifname), Some((address, port))) => format!("{address}%{ifname}:{port}"),
        _ => socket.local.clone(),
    };
    vec![
        socket.kind.clone(),
        socket.state.clone(),
        socket.recv_queue.to_string(),
        socket.send_queue.to_string(),
        local,
        socket.remote.clone(),
    ]
}

/// One line in the manner of `ss -i`; as there times are milliseconds, the congestion
/// window is segments, and the rest bytes.
fn inside(info: &TcpDetail) -> String {
    let mut words: Vec<String> = info.options.clone();
    if !info.congestion.is_empty() {
        words.push(info.congestion.clone());
    }
    let millis = |us: u64| us as f64 / 1000.0;
    words.push(format!("rto:{}", millis(info.rto_us)));
    words.extend(some("backoff", info.backoff.into()));
    words.push(format!("rtt:{}/{}", millis(info.rtt_us), millis(info.rttvar_us)));
    words.push(format!("mss:{}", info.mss));
    words.push(format!("rcvmss:{}", info.rcv_mss));
    let segments = |bytes: u64| bytes / u64::from(info.mss.max(1));
    words.push(format!("cwnd:{}", segments(info.cwnd)));
    if let Some(ssthresh) = info.ssthresh {
        words.push(format!("ssthresh:{}", segments(ssthresh)));
    }
    words.push(format!("bytes_sent:{}", info.bytes_sent));
    words.push(format!("bytes_received:{}", info.bytes_received));
    words.push(format!("in_flight:{}", info.in_flight));
    words.push(format!("retrans:{}/{}", info.retries, info.retransmits));
    words.extend(some("lost", info.lost));
    words.extend(some("sacked", info.sacked));
    // As in ss(8), what everybody starts with is not told.
    words.extend(some("reordering", info.reordering.into()).filter(|_| info.reordering != 3));
    words.extend(some("pacing_rate", info.pacing_rate.unwrap_or(0)));
    words.extend(some("notsent", info.not_sent));
    words.push(format!("minrtt:{}", millis(info.min_rtt_us)));
    if info.rcv_rtt_us > 0 {
        words.push(format!("rcv_rtt:{}", millis(info.rcv_rtt_us)));
    }
    words.push(format!("rcv_space:{}", info.rcv_space));
    words.push(format!("snd_wnd:{}", info.send_window));
    words.push(format!("rcv_wnd:{}", info.recv_window));
    words.push(format!("skmem:(rb{},tb{})", info.rcv_buffer, info.snd_buffer));
    if let Some(timer) = &info.timer {
        let (name, left) = (&timer.name, millis(timer.left_us));
        words.push(format!("timer:({name},{left}ms,{})", info.retries));
    }
    format!("\t {}\n", words.join(" "))
}

/// A word for what is there.
fn some(name: &str, value: u64) -> Option<String> {
    (value > 0).then(|| format!("{name}:{value}"))
}
