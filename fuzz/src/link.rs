//! Ethernet, LLC, ARP and the one-line display.

use wire::{arp as arp_wire, display as line, ethernet as eth, llc as llc_wire};

pub(crate) fn ethernet(bytes: &[u8]) {
    let Ok(frame) = eth::parse(bytes) else { return };
    assert_eq!(frame.header_len + frame.payload.len(), bytes.len());
    let tags: Vec<eth::Tag> = frame.tags.iter().flatten().copied().collect();
    let mut header = vec![0; frame.header_len];
    let len = eth::emit_tagged(&mut header, frame.dst, frame.src, &tags, frame.ethertype);
    assert_eq!((len, &header[..]), (Ok(frame.header_len), &bytes[..frame.header_len]));
    if let Ok(payload) = frame.length_payload() {
        assert_eq!(payload.len(), usize::from(frame.ethertype));
    }
}

pub(crate) fn llc(bytes: &[u8]) {
    let Ok(llc) = llc_wire::parse(bytes) else { return };
    let _ = llc.carried();
    let mut header = [0; 8];
    if let Ok(len) = llc_wire::emit(&mut header, &llc) {
        let again = [&header[..len], llc.payload].concat();
        assert_eq!(llc_wire::parse(&again), Ok(llc));
    }
}

pub(crate) fn arp(bytes: &[u8]) {
    let Ok(arp) = arp_wire::parse(bytes) else { return };
    let mut again = [0; arp_wire::LEN];
    assert_eq!(arp_wire::emit(&mut again, &arp), Ok(arp_wire::LEN));
    assert_eq!(again, bytes[..arp_wire::LEN]);
}

pub(crate) fn display(bytes: &[u8]) {
    // Neither line can be longer than some constant and a few characters a byte.
    let limit = 1000 + 80 * bytes.len();
    assert!(line::frame(bytes).to_string().len() < limit);
    assert!(line::packet(bytes).to_string().len() < limit);
}
