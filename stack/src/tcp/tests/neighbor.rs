//! Connections and link addresses: waiting, failing, confirming.

use addr::{Endpoint, Mac};
use wire::offload::Medium;

use super::harness::*;
use crate::cx::Request;
use crate::event::Readiness;
use crate::fib::{FibUpdate, Link};
use crate::socket::SocketError;
use crate::tcp::state::State;
use crate::time::Duration;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);

fn ethernet() -> (Lab, Endpoint) {
    let mut host = Host::new("10.0.0.1");
    host.fib.edit_tables(|tables| tables.interfaces[0].medium = Medium::Ethernet);
    let lab = Lab::with(host);
    let remote = lab.theirs;
    (lab, remote)
}

fn set_link(lab: &mut Lab, link: Link) {
    let ip = lab.theirs.ip;
    lab.host.fib.apply(&FibUpdate::Neighbor { ifindex: IFINDEX, ip, link: Some(link) });
    lab.host.act(|tcp, cx| tcp.neighbor_changed(cx, (IFINDEX, ip)));
}

fn transmit(lab: &mut Lab) -> Option<Vec<u8>> {
    lab.host.transmit().map(|frame| frame.bytes)
}

#[test]
fn a_syn_waits_for_the_link_address() {
    let (mut lab, remote) = ethernet();
    let ends = lab.host.connect(remote).unwrap();
    assert!(lab.host.tcp.has_output(IFINDEX));
    assert!(transmit(&mut lab).is_none());
    assert!(!lab.host.tcp.has_output(IFINDEX));
    let asked = lab.host.requests();
    assert!(asked.is_empty() || asked == [Request::Resolve(IFINDEX, remote.ip)]);
    set_link(&mut lab, Link::Known(MAC));
    let frame = transmit(&mut lab).expect("the SYN");
    assert_eq!(frame[..6], MAC.0);
    assert_eq!(lab.state(&ends), State::SynSent);
}

#[test]
fn the_link_address_is_asked_for() {
    let (mut lab, remote) = ethernet();
    lab.host.connect(remote).unwrap();
    transmit(&mut lab);
    assert_eq!(lab.host.requests(), [Request::Resolve(IFINDEX, remote.ip)]);
    // If the request got lost, the repeated SYN asks again.
    lab.host.pass(Duration::from_millis(1100));
    assert_eq!(lab.host.requests(), [Request::Resolve(IFINDEX, remote.ip)]);
}

#[test]
fn a_neighbor_that_does_not_answer_fails_the_attempt() {
    let (mut lab, remote) = ethernet();
    let ends = lab.host.connect(remote).unwrap();
    transmit(&mut lab);
    set_link(&mut lab, Link::Pending);
    assert_eq!(lab.state(&ends), State::SynSent);
    set_link(&mut lab, Link::Failed);
    assert_eq!(ends.rx.error(), Some(SocketError::HostUnreachable.code()));
    assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
}

/// A failure remembered from before is no answer to this attempt.
#[test]
fn an_old_failure_is_asked_again() {
    let (mut lab, remote) = ethernet();
    set_link(&mut lab, Link::Failed);
    let ends = lab.host.connect(remote).unwrap();
    transmit(&mut lab);
    assert_eq!(lab.host.requests(), [Request::Resolve(IFINDEX, remote.ip)]);
    assert_eq!(lab.state(&ends), State::SynSent);
    set_link(&mut lab, Link::Known(MAC));
    assert!(transmit(&mut lab).is_some());
}

#[test]
fn a_route_that_goes_away_fails_the_attempt() {
    let (mut lab, remote) = ethernet();
    let ends = lab.host.connect(remote).unwrap();
    transmit(&mut lab);
    lab.host.fib.edit_tables(|tables| tables.routes.clear());
    lab.host.act(|tcp, cx| tcp.tables_changed(cx));
    assert_eq!(ends.rx.error(), Some(SocketError::NetworkUnreachable.code()));
}

#[test]
fn an_attempt_whose_syn_never_left_times_out_as_unreachable() {
    let (mut lab, remote) = ethernet();
    let ends = lab.host.connect(remote).unwrap();
    lab.host.pass(Duration::from_secs(200));
    assert_eq!(ends.rx.error(), Some(SocketError::HostUnreachable.code()));
}

/// RFC 4861 §7.3.1; at most once a second.
#[test]
fn progress_confirms_the_neighbor_tcpi_17() {
    let (mut lab, remote) = ethernet();
    set_link(&mut lab, Link::Known(MAC));
    let mut ends = lab.host.connect(remote).unwrap();
    lab.ours = ends.local;
    assert!(transmit(&mut lab).is_some());
    lab.ack = lab.host.conn(ends.id).snd.nxt;
    let confirmed = |lab: &mut Lab| {
        let asked = lab.host.requests();
        asked.iter().filter(|r| matches!(r, Request::Confirmed(..))).count()
    };
    lab.send(&lab.seg(SYN_ACK).options(&SYN_OPTIONS)).unwrap();
    lab.seq += 1;
    assert_eq!(confirmed(&mut lab), 1);
    transmit(&mut lab);
    for (wait, count) in [(0, 0), (500, 0), (500, 1), (10, 0)] {
        lab.host.now += Duration::from_millis(wait);
        ends.tx.write(b"x");
        let id = ends.id;
        lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
        transmit(&mut lab);
        lab.ack += 1;
        lab.send(&lab.seg(ACK)).unwrap();
        assert_eq!(confirmed(&mut lab), count);
    }
}

#[test]
fn an_established_connection_outlives_a_lost_neighbor() {
    let (mut lab, _) = ethernet();
    set_link(&mut lab, Link::Known(MAC));
    let remote = lab.theirs;
    let mut ends = lab.host.connect(remote).unwrap();
    lab.ours = ends.local;
    transmit(&mut lab);
    lab.ack = lab.host.conn(ends.id).snd.nxt;
    lab.send(&lab.seg(SYN_ACK)).unwrap();
    transmit(&mut lab);
    set_link(&mut lab, Link::Failed);
    ends.tx.write(b"x");
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
    assert!(transmit(&mut lab).is_none());
    lab.host.pass(Duration::from_secs(3));
    set_link(&mut lab, Link::Failed);
    assert_eq!(lab.state(&ends), State::Established);
    set_link(&mut lab, Link::Known(MAC));
    assert!(transmit(&mut lab).is_some());
}
