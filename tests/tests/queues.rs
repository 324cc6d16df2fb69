//! Every queue of a device reaches the stack, whatever the number of shards.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tests::{Backend, FAMILIES, Lab, binary};

/// Forty connections, which the kernel spreads over the queues of the pair.
fn forty_connect(label: &str, queues: u32, more: &[&str]) {
    let lab = Lab::with_queues(label, Backend::Xdp, queues, more);
    // Before the sockets were there the kernel may have got a frame.
    let without_socket = || lab.link()["xdp"]["pass_no_socket"].clone();
    let before = without_socket();
    for family in FAMILIES {
        let to = SocketAddr::from((family.stack, 7));
        let connect = || TcpStream::connect_timeout(&to, Duration::from_secs(3));
        let stand: Vec<_> = lab.space.inside(|| (0..40).map(|_| connect()).collect());
        let failed = stand.iter().filter(|stream| stream.is_err()).count();
        assert_eq!(failed, 0, "of 40 to {to}: {}", lab.daemon.said());
    }
    assert_eq!(without_socket(), before, "{}", lab.link());
    let last = queues - 1;
    assert!(lab.daemon.said().contains(&format!("queues 0-{last}")), "{}", lab.daemon.said());
    assert!(!lab.daemon.said().contains("ethtool"), "{}", lab.daemon.said());
}

#[test]
fn a_device_of_two_queues_is_served_by_one_shard() {
    forty_connect("twoqueues", 2, &[]);
    forty_connect("twoqueues", 2, &["--layout", "split"]);
}

#[test]
fn a_device_of_five_queues_is_served_by_two_shards() {
    forty_connect("fivequeues", 5, &["--shards", "2"]);
}

/// What cannot be served is refused before anything is attached, with the number that would do.
#[test]
fn a_number_of_queues_that_the_device_does_not_have_is_refused() {
    let refused = |queues: u32, more: &[&str]| {
        let space = Lab::wire_queues("noqueues", Backend::Xdp, queues);
        let out = space
            .command(binary("pytcp-xdp").to_str().expect("path"))
            .args(["--iface", "veth7", "--backend", "xdp"])
            .args(more)
            .args(["--ipc-socket", &format!("/tmp/{}.sock", space.name())])
            .output()
            .expect("pytcp-xdp");
        assert!(!out.status.success());
        assert!(!space.ip("link show veth7").contains("xdp"));
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let nine = refused(2, &["--queues", "9"]);
    assert!(nine.contains("veth7: has 2 receive queue(s), 9 are asked for"), "{nine}");
    let many = refused(65, &[]);
    assert!(many.contains("has 65 receive queues, of which 64 can be served"), "{many}");
    assert!(many.contains("ethtool -L veth7 combined 64"), "{many}");
}
