//! Just enough Ethernet, ARP, IPv4 and UDP byte work for the bare responder and the limits.
//!
//! It shares nothing with our own `wire` on purpose: the ceiling must not move when that changes.
//! Offsets are those of an untagged Ethernet frame with an IPv4 header without options.

/// Length of an Ethernet header.
pub const ETHERNET_LEN: usize = 14;
/// Where a transport header starts in a frame.
pub const TRANSPORT: usize = 34;
/// ARP's ethertype.
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// IPv4's ethertype.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// TCP's protocol number.
pub const PROTO_TCP: u8 = 6;
/// UDP's protocol number.
pub const PROTO_UDP: u8 = 17;

/// A hardware address.
pub type Mac = [u8; 6];
/// An IPv4 address.
pub type Ip4 = [u8; 4];

/// Adds `bytes` to a running ones' complement sum; all but the last part must have even length.
pub fn sum(mut sum: u64, bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(8);
    let mut add = |word: u64| {
        let (next, carry) = sum.overflowing_add(word);
        sum = next + u64::from(carry);
    };
    for word in &mut words {
        add(u64::from_ne_bytes([
            word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7],
        ]));
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        add(u64::from_ne_bytes(word));
    }
    sum
}

/// Folds a running sum to 16 bits.
pub fn fold(sum: u64) -> u16 {
    let mut sum = (sum & 0xffff_ffff) + (sum >> 32);
    for _ in 0..3 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The running sum of a pseudo-header.
pub fn pseudo(src: Ip4, dst: Ip4, protocol: u8, len: u16) -> u64 {
    let len = len.to_be_bytes();
    let header = [
        src[0], src[1], src[2], src[3], dst[0], dst[1], dst[2], dst[3], 0, protocol, len[0], len[1],
    ];
    sum(0, &header)
}

/// Writes an Ethernet header.
pub fn ethernet(frame: &mut [u8], dst: Mac, src: Mac, ethertype: u16) {
    frame[..6].copy_from_slice(&dst);
    frame[6..12].copy_from_slice(&src);
    frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
}

/// Writes an IPv4 header, checksum included.
pub fn ipv4(packet: &mut [u8], src: Ip4, dst: Ip4, protocol: u8, total: u16) {
    let header = &mut packet[..20];
    header.fill(0);
    header[0] = 0x45;
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[6] = 0x40;
    header[8] = 64;
    header[9] = protocol;
    header[12..16].copy_from_slice(&src);
    header[16..20].copy_from_slice(&dst);
    rewrite_ipv4_checksum(header);
}

/// Writes the checksum of a 20-byte IPv4 header anew.
pub fn rewrite_ipv4_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let checksum = !fold(sum(0, header));
    header[10..12].copy_from_slice(&checksum.to_ne_bytes());
}

/// Writes a whole frame of `len` bytes with an IPv4 UDP datagram in it, checksum absent. Pairs are
/// source then destination.
pub fn udp(frame: &mut [u8], len: usize, macs: [Mac; 2], ips: [Ip4; 2], ports: [u16; 2]) {
    frame[..len].fill(0);
    ethernet(frame, macs[1], macs[0], ETHERTYPE_IPV4);
    ipv4(&mut frame[ETHERNET_LEN..], ips[0], ips[1], PROTO_UDP, (len - ETHERNET_LEN) as u16);
    frame[34..36].copy_from_slice(&ports[0].to_be_bytes());
    frame[36..38].copy_from_slice(&ports[1].to_be_bytes());
    frame[38..40].copy_from_slice(&((len - TRANSPORT) as u16).to_be_bytes());
}

/// Turns an ARP request for `ip` into its answer; true when the first 42 bytes are one now.
pub fn answer_arp(frame: &mut [u8], ip: Ip4, mac: Mac) -> bool {
    if frame.len() < 42 || frame[20..22] != [0, 1] || frame[38..42] != ip {
        return false;
    }
    let mut asker = [0; 10];
    asker.copy_from_slice(&frame[22..32]);
    let mut asker_mac = [0; 6];
    asker_mac.copy_from_slice(&asker[..6]);
    ethernet(frame, asker_mac, mac, ETHERTYPE_ARP);
    frame[20..22].copy_from_slice(&[0, 2]);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&ip);
    frame[32..42].copy_from_slice(&asker);
    true
}

/// Two bytes at `at`, most significant first.
pub fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Four bytes at `at`, most significant first.
pub fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_header_sums_to_all_ones() {
        let mut packet = [0; 20];
        ipv4(&mut packet, [10, 0, 0, 1], [10, 0, 0, 2], PROTO_TCP, 40);
        assert_eq!(fold(sum(0, &packet)), 0xffff);
    }

    #[test]
    fn sum_of_an_odd_tail_pads_with_zero() {
        assert_eq!(fold(sum(0, &[1, 2, 3])), fold(sum(0, &[1, 2, 3, 0])));
        let long: Vec<u8> = (0..=254).collect();
        let by_pairs = long.chunks(2).fold(0u64, |s, c| {
            s + u64::from(u16::from_ne_bytes([c[0], c.get(1).copied().unwrap_or(0)]))
        });
        assert_eq!(fold(sum(0, &long)), fold(by_pairs));
    }

    #[test]
    fn arp_request_for_us_becomes_the_answer() {
        let mut frame = [0u8; 42];
        ethernet(&mut frame, [0xff; 6], [2, 0, 0, 0, 0, 1], ETHERTYPE_ARP);
        frame[20..22].copy_from_slice(&[0, 1]);
        frame[22..28].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame[28..32].copy_from_slice(&[10, 0, 0, 1]);
        frame[38..42].copy_from_slice(&[10, 0, 0, 2]);
        let mut other = frame;
        assert!(!answer_arp(&mut other, [10, 0, 0, 3], [2, 0, 0, 0, 0, 2]));
        assert!(answer_arp(&mut frame, [10, 0, 0, 2], [2, 0, 0, 0, 0, 2]));
        assert_eq!(frame[..6], [2, 0, 0, 0, 0, 1]);
        assert_eq!(frame[20..32], [0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2]);
        assert_eq!(frame[32..42], [2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
    }
}
