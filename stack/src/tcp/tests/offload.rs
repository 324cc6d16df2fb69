//! What the device does for us: checksums and cutting.

use wire::offload::{DeviceCaps, GsoKind, TxChecksum};

use super::harness::*;
use super::transfer::pattern;
use crate::limits::Limits;
use crate::socket::SocketRings;
use crate::time::Duration;

const CAPS: DeviceCaps = DeviceCaps { tx_checksum: true, gso_max: 65_536, gso4: true, gso6: true };

fn lab(caps: DeviceCaps) -> (Lab, SocketRings) {
    let limits = Limits { tcp_connections: 4, ..Limits::default() };
    let (mut lab, ends) =
        Lab::with(Host::with("10.0.0.1", limits, caps)).open(&[2, 4, 5, 180, 1, 3, 3, 7]);
    let conn = lab.host.tcp.conn_mut(ends.id).unwrap();
    conn.congestion.set_cwnd(1 << 20, 1460);
    (lab, ends)
}

fn write(lab: &mut Lab, ends: &mut SocketRings, len: usize) -> Vec<Frame> {
    assert_eq!(ends.tx.write(&pattern(0, len)), len);
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
    core::iter::from_fn(|| lab.host.transmit()).collect()
}

/// GAP-33.
#[test]
fn a_device_that_cuts_gets_runs_of_whole_segments() {
    let (mut lab, mut ends) = lab(CAPS);
    let frames = write(&mut lab, &mut ends, 200_000);
    let lens: Vec<usize> = frames.iter().map(|f| f.seg().data.len()).collect();
    // 44 segments of 1460 bytes are the most that 65535 bytes of IP packet hold.
    assert_eq!(lens, [64_240, 64_240, 64_240, 7_280]);
    for frame in &frames {
        let gso = frame.meta.gso.unwrap();
        assert_eq!((gso.kind, gso.size, gso.header_len), (GsoKind::Tcp4, 1460, 40));
        assert_eq!(frame.meta.checksum, TxChecksum::Partial { start: 20, offset: 16 });
        assert_eq!(frame.meta.len as usize, frame.bytes.len());
    }
    let text: Vec<u8> = frames.iter().flat_map(|f| f.seg().data).collect();
    assert_eq!(text, pattern(0, 200_000));
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 200_000);
}

#[test]
fn a_frame_of_one_segment_asks_for_no_cutting() {
    let (mut lab, mut ends) = lab(CAPS);
    let frames = write(&mut lab, &mut ends, 1460);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].meta.gso, None);
    let frames = write(&mut lab, &mut ends, 1461);
    assert_eq!(frames[0].meta.gso.unwrap().size, 1460);
}

#[test]
fn without_caps_segments_are_whole_and_summed() {
    for caps in [
        DeviceCaps::default(),
        DeviceCaps { gso4: false, ..CAPS },
        DeviceCaps { gso_max: 0, ..CAPS },
    ] {
        let (mut lab, mut ends) = lab(caps);
        let frames = write(&mut lab, &mut ends, 5000);
        let lens: Vec<usize> = frames.iter().map(|f| f.seg().data.len()).collect();
        assert_eq!(lens, [1460, 1460, 1460, 620]);
        assert!(frames.iter().all(|f| f.meta.gso.is_none()));
        let complete = frames[0].meta.checksum == TxChecksum::Complete;
        assert_eq!(complete, !caps.tx_checksum);
    }
}

#[test]
fn the_device_s_limit_and_the_slot_limit_a_run() {
    let (mut lab, mut ends) = lab(DeviceCaps { gso_max: 10_000, ..CAPS });
    let frames = write(&mut lab, &mut ends, 20_000);
    assert!(frames.iter().all(|f| f.bytes.len() <= 10_000));
    assert_eq!(frames[0].seg().data.len(), 6 * 1460);

    ends.tx.write(&pattern(0, 5000));
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
    for (slot, len) in [(4000, 2 * 1460), (1000, 960)] {
        let mut slot = vec![0; slot];
        let meta = lab.host.act(|tcp, cx| tcp.transmit(cx, IFINDEX, &mut slot)).unwrap();
        assert_eq!(meta.len, 40 + len);
    }
    // A slot too small for a header takes nothing and breaks nothing.
    let mut slot = [0; 30];
    assert!(lab.host.act(|tcp, cx| tcp.transmit(cx, IFINDEX, &mut slot)).is_none());
}

#[test]
fn runs_end_with_the_fin_only_at_the_end() {
    let (mut lab, mut ends) = lab(CAPS);
    ends.tx.write(&pattern(0, 70_000));
    ends.tx.finish();
    let frames = write(&mut lab, &mut ends, 0);
    let flags: Vec<_> = frames.iter().map(|f| f.seg().flags).collect();
    assert_eq!(flags, [ACK, FIN | PSH]);
}

#[test]
fn a_timeout_sends_a_run_again_as_the_window_allows() {
    let (mut lab, mut ends) = lab(CAPS);
    write(&mut lab, &mut ends, 100_000);
    let again = lab.host.pass(Duration::from_millis(250));
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].1.data.len(), 1460);
    lab.ack += 60_000;
    lab.send(&lab.seg(ACK)).unwrap();
    let frame = lab.host.transmit().unwrap();
    assert_eq!(frame.seg().seq, lab.ack);
    assert_eq!(frame.seg().data.len(), 40_000);
    assert_eq!(frame.meta.gso.unwrap().size, 1460);
}

/// Streams between two hosts whose devices cut and merge.
#[test]
fn runs_cross_a_link() {
    let limits = || Limits { tcp_connections: 4, ..Limits::default() };
    for ips in [["10.0.0.1", "10.0.0.2"], ["2001:db8::1", "2001:db8::2"]] {
        let [a, b] = ips.map(|ip| Host::with(ip, limits(), CAPS));
        let mut pair = Pair::new(a, b);
        super::transfer::exchange(&mut pair, 5_000_000, Duration::from_secs(60));
        assert!(pair.frames < 5_000_000 * 2 / 1460, "{} frames", pair.frames);
    }
}
