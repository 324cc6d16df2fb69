//! Whatever is wrong: one line on standard error, nothing on standard output, the right status.

use std::io::Write;
use std::net::Shutdown;
use std::path::Path;
use std::process::Stdio;

use client::call::ErrorBody;
use serde_json::json;

use crate::fake::{self, Daemon, Ran};

fn check(ran: &Ran, status: i32, stderr: &str) {
    let expected = Ran { status, stdout: String::new(), stderr: format!("ctl: {stderr}\n") };
    assert_eq!(ran, &expected);
}

/// The daemon is not even asked.
#[test]
fn wrong_arguments_have_status_2() {
    let daemon = Daemon::new();
    let known = "link, address, route, neighbor, socket, stats, daemon";
    let usage = "(usage: ctl address add ADDRESS/PREFIX dev NAME)";
    for (line, stderr) in [
        ("", format!("no object given; known: {known} (try: ctl help)")),
        ("lnk", format!("unknown object \"lnk\"; known: {known}")),
        ("s", "object \"s\" is ambiguous: socket, stats".into()),
        ("link set", "unknown link command \"set\"; known: show".into()),
        (
            "-x link",
            "unknown option \"-x\"; known: -j, -p, -4, -6, -s, -d, --ipc-socket PATH".into(),
        ),
        ("-4 -6 link", "-4 and -6 exclude each other".into()),
        ("a add 10.0.1.8/24", format!("address add needs dev NAME {usage}")),
        ("a add 10.0.1.8/40 dev tap7", format!("/40 is not a prefix length (0 to 32) {usage}")),
        ("a add x dev tap7", format!("\"x\" is not an IPv4 or IPv6 address {usage}")),
        ("-4 address add ::8/64 dev tap7", "::8/64 is an IPv6 address, but -4 was given".into()),
        ("route add default", "route add needs via ADDRESS, dev NAME or both".into()),
        (
            "route add 10.9.0.0/16 via fe80::1",
            "10.9.0.0/16 and fe80::1 are of different families".into(),
        ),
        (
            "-6 route add default via 10.0.1.1",
            "10.0.1.1 is an IPv4 address, but -6 was given".into(),
        ),
        ("-6 route show via 10.0.1.1", "10.0.1.1 is an IPv4 address, but -6 was given".into()),
        ("-6 neighbor show 10.0.1.1", "10.0.1.1 is an IPv4 address, but -6 was given".into()),
    ] {
        check(&daemon.ctl(line), 2, &stderr);
        assert_eq!(daemon.calls(), [], "{line}");
    }
}

/// An empty list would look like counters that are zero.
#[test]
fn a_part_that_no_counter_has_is_refused() {
    let daemon = Daemon::new();
    let said = "no counter has \"nosuchword\" in its name (ctl stats all lists them)";
    for line in ["stats show nosuchword", "-j stats all nosuchword"] {
        check(&daemon.ctl(line), 2, said);
    }
    assert_eq!(daemon.text("stats show tcp_no_socket"), "", "there is one, and it is zero");
}

#[test]
fn an_unknown_interface_has_status_2() {
    let daemon = Daemon::new();
    for line in [
        "link show tap9",
        "address show tap9",
        "route show dev tap9",
        "neighbor show dev tap9",
        "-j -4 neighbor flush dev tap9",
    ] {
        check(&daemon.ctl(line), 2, "no interface \"tap9\"; there are: tap7, eth1, tun0");
    }
}

#[test]
fn a_refusal_has_status_2_and_the_daemons_words() {
    let daemon = Daemon::answering(|call| match call.method.as_str() {
        "add" => Err(ErrorBody::from_errno(19, "Cannot find device \"tap9\"")),
        "del" => Err(ErrorBody::new("ValueError", "two\nlines\u{1b}[1m")),
        _ => Err(ErrorBody::new("KeyError", "")),
    });
    check(&daemon.ctl("address add 10.0.1.8/24 dev tap9"), 2, "Cannot find device \"tap9\"");
    check(&daemon.ctl("route del default"), 2, "two lines [1m");
    check(&daemon.ctl("stats"), 2, "KeyError");
    check(&daemon.ctl("-4 neighbor flush"), 2, "KeyError");
}

/// An entry that has gone by itself does not stop a flush, another refusal does.
#[test]
fn a_flush_goes_on_after_a_missing_entry() {
    for (errno, status) in [(2, 0), (1, 2)] {
        let daemon = Daemon::answering(move |call| match call.method.as_str() {
            "show" => Ok(serde_json::to_value(fake::neighbors()).unwrap()),
            _ => Err(ErrorBody::from_errno(errno, "no")),
        });
        assert_eq!(daemon.ctl("-4 neighbor flush").status, status);
        assert_eq!(daemon.calls().len(), if status == 0 { 3 } else { 2 });
    }
}

#[test]
fn no_daemon_has_status_1() {
    let path = Path::new("/nonexistent/pytcp.sock");
    let why = "No such file or directory (is pytcp-xdp running?)";
    for line in ["link", "-j route", "address add 10.0.1.8/24 dev tap7", "-6 neighbor flush"] {
        let ran = fake::run(path, line);
        check(&ran, 1, &format!("cannot connect to {}: {why}", path.display()));
    }
    let stale = std::env::temp_dir().join(format!("pytcp-ctl-{}-stale.sock", std::process::id()));
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    let why = "Connection refused (is pytcp-xdp running?)";
    check(&fake::run(&stale, "link"), 1, &format!("cannot connect to {}: {why}", stale.display()));
    std::fs::remove_file(stale).unwrap();
}

/// Where the daemon is sought when nothing is said. What is there is no daemon, so that one of this
/// machine is not found instead.
/// DAEMON-02.
#[test]
fn the_default_path_is_in_the_runtime_directory() {
    let folder = std::env::temp_dir().join(format!("pyx-ctl-run-{}", std::process::id()));
    let path = folder.join("pytcp.sock");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&path, "").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ctl"));
    let output = command.arg("link").env("XDG_RUNTIME_DIR", &folder).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("cannot connect to {}: ", path.display())), "{stderr}");
}

#[test]
fn a_daemon_that_hangs_up_has_status_1() {
    let path = Daemon::serving(|sock, _| sock.shutdown(Shutdown::Both).unwrap());
    let stderr = "lost the connection to the daemon: the daemon closed the connection";
    check(&fake::run(&path, "link"), 1, stderr);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn answers_that_make_no_sense_have_status_1() {
    let daemon = Daemon::answering(|_| Ok(json!({"odd": true})));
    for line in ["link", "-j link", "route", "socket"] {
        let ran = daemon.ctl(line);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
        assert!(ran.stderr.contains("the daemon's answer makes no sense: "), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1);
    }
    let path = Daemon::serving(|mut sock, _| sock.write_all(&[0xff; 100]).unwrap());
    let ran = fake::run(&path, "link");
    assert_eq!((ran.status, ran.stderr.lines().count()), (1, 1), "{}", ran.stderr);
    std::fs::remove_file(path).unwrap();
}

/// `ctl route | head -1` is nothing to complain about; a full disk is.
#[test]
fn standard_output_may_close() {
    let daemon = Daemon::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = fake::command(&daemon.path, "route");
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));

    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = fake::command(&daemon.path, "route");
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"ctl: cannot write: "));
}
