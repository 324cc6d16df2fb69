//! What `show` prints, as columns and as JSON.

use serde_json::{json, to_value};

use crate::fake::{self, Daemon};

/// CLI-12: interfaces without addresses.
/// CTL-07.
#[test]
fn link() {
    let daemon = Daemon::new();
    let text = "\
2: tap7: <BROADCAST,MULTICAST,UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:07 mode tap vnet_hdr tso4 tso6
3: eth1: <BROADCAST,MULTICAST,UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:01 mode xdp driver copy
4: tun0: <POINTOPOINT,UP> mtu 1500 state UP
    link/none
";
    assert_eq!(daemon.text("link"), text);
    assert_eq!(daemon.text("l list"), text);
    let one: String = text.split_inclusive('\n').take(2).collect();
    assert_eq!(daemon.text("link show tap7"), one);
    assert_eq!(daemon.text("link show dev tap7"), one);
    assert_eq!(daemon.json("-j link"), to_value(fake::links()).unwrap());
    assert_eq!(daemon.json("-j link show tun0"), to_value(&fake::links()[2..]).unwrap());
}

/// CTL-83.
#[test]
fn link_with_statistics() {
    let daemon = Daemon::new();
    assert_eq!(
        daemon.text("-s link show tap7"),
        "\
2: tap7: <BROADCAST,MULTICAST,UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:07 mode tap vnet_hdr tso4 tso6
    RX: bytes packets errors dropped
         3456      12      0       1
    TX: bytes packets errors dropped
          890       7      0       0
    frames: total 64  fill 32  rx 0  stack 0  tx 0  completion 0  free 32
    offload: tx-checksum tso4
    losses: queue_full 1
"
    );
    let end = "    losses: rx_dropped 0  rx_ring_full 1\n    xdp: ours 5  pass 9\n";
    assert!(daemon.text("-s link show eth1").ends_with(end));
}

/// CLI-09: interfaces with flags, MTU, link address and addresses.
#[test]
fn address() {
    let daemon = Daemon::new();
    assert_eq!(
        daemon.text("a"),
        "\
2: tap7: <BROADCAST,MULTICAST,UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:07 mode tap vnet_hdr tso4 tso6
    inet 10.0.1.7/24 scope global
    inet6 fe80::7/64 scope link tentative proto kernel_ll
       valid_lft forever preferred_lft 600sec
3: eth1: <BROADCAST,MULTICAST,UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:01 mode xdp driver copy
    inet 192.0.2.3/24 scope global
4: tun0: <POINTOPOINT,UP> mtu 1500 state UP
    link/none
"
    );
    assert_eq!(
        daemon.text("-6 addr show"),
        "\
2: tap7: <BROADCAST,MULTICAST,UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:07 mode tap vnet_hdr tso4 tso6
    inet6 fe80::7/64 scope link tentative proto kernel_ll
       valid_lft forever preferred_lft 600sec
"
    );
    assert!(daemon.text("-4 addr show eth1").ends_with("    inet 192.0.2.3/24 scope global\n"));
    assert_eq!(daemon.json("-j address"), to_value(fake::addresses()).unwrap());
    assert_eq!(daemon.json("-j -6 address"), to_value(&fake::addresses()[1..2]).unwrap());
    assert_eq!(daemon.json("-j address show tun0"), json!([]));
}

/// CTL-30.
/// CLI-02.
#[test]
fn route() {
    let daemon = Daemon::new();
    assert_eq!(
        daemon.text("r"),
        "\
default via 10.0.1.1 dev tap7 proto static metric 100
10.0.1.0/24 dev tap7 proto kernel scope link src 10.0.1.7
default via fe80::1 dev eth1 proto ra metric 1024
"
    );
    for (line, from, to) in [
        ("-j route", 0, 3),
        ("-j -4 route", 0, 2),
        ("-j -6 route", 2, 3),
        ("-j route show 10.0.1.0/24", 1, 2),
        ("-j route show dev eth1", 2, 3),
        ("-j route show via 10.0.1.1", 0, 1),
        ("-j route show protocol KERNEL", 1, 2),
    ] {
        assert_eq!(daemon.json(line), to_value(&fake::routes()[from..to]).unwrap(), "{line}");
    }
}

/// CLI-05: the neighbors of all interfaces.
/// CTL-43.
#[test]
fn neighbor() {
    let daemon = Daemon::new();
    assert_eq!(
        daemon.text("neigh"),
        "\
10.0.1.1 dev tap7 lladdr 02:00:00:00:00:01 REACHABLE
10.0.1.99 dev tap7 INCOMPLETE
fe80::1 dev eth1 lladdr 02:00:00:00:00:01 STALE
"
    );
    for (line, from, to) in [
        ("-j neighbor", 0, 3),
        ("-j -4 neighbor", 0, 2),
        ("-j neighbor show 10.0.1.99", 1, 2),
        ("-j neighbor show dev eth1", 2, 3),
        ("-j neighbor show nud stale", 2, 3),
    ] {
        assert_eq!(daemon.json(line), to_value(&fake::neighbors()[from..to]).unwrap(), "{line}");
    }
}

/// CLI-01: the columns of ss(8), and its filters.
/// CTL-70.
/// DIFF-21, GAP-69.
#[test]
fn socket() {
    let daemon = Daemon::new();
    assert_eq!(
        daemon.text("ss"),
        "\
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port
tcp   LISTEN      0    128 0.0.0.0:80         0.0.0.0:*
tcp   ESTAB       0   1448 10.0.1.7:80        10.0.1.1:40000
udp   UNCONN      0      0 [::]%tap7:53       [::]:*
"
    );
    for (line, from, to) in [
        ("-j socket", 0, 3),
        ("-j socket show tcp", 0, 2),
        ("-j socket show udp", 2, 3),
        ("-j socket show tcp udp", 0, 3),
        ("-j -6 socket", 2, 3),
        ("-j socket show tcp listening", 0, 1),
        ("-j socket show state estab", 1, 2),
    ] {
        assert_eq!(daemon.json(line), to_value(&fake::sockets()[from..to]).unwrap(), "{line}");
    }
    let details = daemon.text("-s socket show state estab");
    assert_eq!(
        details.lines().nth(2).unwrap(),
        "\t sack ts cubic rto:200 backoff:1 rtt:0.12/0.03 mss:1448 rcvmss:536 cwnd:10 \
         bytes_sent:100000 bytes_received:512 in_flight:1448 retrans:1/2 lost:500 sacked:1000 \
         reordering:4 pacing_rate:9000 notsent:7 minrtt:0.09 rcv_rtt:0.2 rcv_space:14600 \
         snd_wnd:65535 rcv_wnd:65160 skmem:(rb131072,tb65536) timer:(on,4.5ms,1)"
    );
}

#[test]
fn stats() {
    let daemon = Daemon::new();
    assert_eq!(
        daemon.text("stats"),
        "\
counter ip_received  1234
counter udp_received    7
drop    ip_not_ours     3
"
    );
    assert_eq!(daemon.text("stats show udp"), "counter udp_received 7\n");
    assert_eq!(
        daemon.json("-j stats show tcp all"),
        json!([
            {"name": "tcp_resets_sent", "kind": "counter", "value": 0},
            {"name": "tcp_no_socket", "kind": "drop", "value": 0},
        ])
    );
}

/// A list is asked for page by page.
#[test]
fn pages_of_sockets() {
    let daemon = Daemon::answering(|call| {
        let sockets = fake::sockets();
        Ok(match call.args["after"].as_str() {
            None => json!({"sockets": sockets[..2], "next": "0.2"}),
            Some("0.2") => json!({"sockets": [], "next": "1.0"}),
            _ => json!({"sockets": sockets[2..]}),
        })
    });
    assert_eq!(daemon.json("-j ss"), to_value(fake::sockets()).unwrap());
    let after: Vec<_> = daemon.calls().iter().map(|call| call.args["after"].clone()).collect();
    assert_eq!(after, [json!(null), json!("0.2"), json!("1.0")]);
}

/// The canned records as two shards have made them.
fn two_shards() -> Daemon {
    Daemon::answering(|call| {
        let mut value = match call.api.as_str() {
            "link" => to_value(&fake::links()[..1]),
            "socket" => to_value(fake::sockets()),
            _ => to_value(fake::stats()),
        }
        .unwrap();
        match call.api.as_str() {
            "link" => {
                value[0]["shards"] = json!([
                    {"rx_packets": 10, "rx_bytes": 3000, "tx_packets": 7, "tx_bytes": 890},
                    {"rx_packets": 2, "rx_bytes": 456, "rx_dropped": 1},
                ]);
            }
            "socket" => {
                for (i, socket) in value.as_array_mut().unwrap().iter_mut().enumerate() {
                    socket["shard"] = json!(i % 2);
                }
            }
            _ => {
                value["shards"] = json!([
                    {"counters": {"ip_received": 1000}, "drops": {"ip_not_ours": 3}},
                    {"counters": {"ip_received": 234, "udp_received": 7}},
                ]);
            }
        }
        Ok(value)
    })
}

/// With `-d` the parts of each shard stand under the totals.
/// RUN-09, STAT-91.
#[test]
fn shards() {
    let daemon = two_shards();
    assert!(daemon.text("-d link").ends_with(
        "\
    shard RX bytes packets errors dropped TX bytes packets errors dropped
        0     3000      10      0       0      890       7      0       0
        1      456       2      0       1        0       0      0       0
"
    ));
    assert_eq!(
        daemon.text("-d stats"),
        "\
counter ip_received  1234
          shard 0    1000
          shard 1     234
counter udp_received    7
          shard 0       0
          shard 1       7
drop    ip_not_ours     3
          shard 0       3
          shard 1       0
"
    );
    assert_eq!(
        daemon.text("-d ss"),
        "\
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Shard
tcp   LISTEN      0    128 0.0.0.0:80         0.0.0.0:*             0
tcp   ESTAB       0   1448 10.0.1.7:80        10.0.1.1:40000        1
udp   UNCONN      0      0 [::]%tap7:53       [::]:*                0
"
    );
    assert!(!daemon.text("stats").contains("shard"));
    assert_eq!(daemon.json("-j stats show udp")[0]["shards"], json!([0, 7]));
}

/// A daemon with one shard, or an older one, tells no parts.
#[test]
fn one_shard_has_no_parts() {
    let daemon = Daemon::new();
    assert_eq!(daemon.text("-d link"), daemon.text("link"));
    assert_eq!(daemon.text("-d stats"), daemon.text("stats"));
}

#[test]
fn daemon() {
    let daemon = Daemon::new();
    assert_eq!(daemon.text("daemon"), "pytcp-xdp 0.1.0 pid 4711 up 90 s\n");
    assert_eq!(daemon.json("-j daemon"), json!([{"version": "0.1.0", "pid": 4711, "uptime": 90}]));
    assert!(daemon.text("-j -p daemon").lines().count() > 3);
}

#[test]
fn help_needs_no_daemon() {
    let nowhere = std::path::Path::new("/nonexistent.sock");
    for line in ["help", "-h", "route help", "route add help", "-V"] {
        let ran = fake::run(nowhere, line);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line}");
        assert!(!ran.stdout.is_empty());
    }
    let text = fake::run(nowhere, "route help").stdout;
    let usage = "ctl route add { default | NETWORK/PREFIX } [via ADDRESS] [dev NAME] \
                 [metric NUMBER] [src ADDRESS]\n";
    assert!(text.contains(usage), "{text}");
}

/// Names from the daemon cannot steer the terminal.
#[test]
fn control_characters_are_not_printed() {
    let daemon = Daemon::answering(|_| {
        Ok(json!([{"ifindex": 1, "name": "\u{1b}[2Jtap\n7", "kind": "tap", "state": "UP"}]))
    });
    let text = daemon.text("link");
    assert!(text.starts_with("1: ?[2Jtap?7: <> mtu 0 state UP\n"), "{text:?}");
    assert_eq!(daemon.json("-j link")[0]["name"], "\u{1b}[2Jtap\n7");
}
