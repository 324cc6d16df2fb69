//! IP of both families, options and extension headers.

use wire::ip::{self as ip_wire, IpEmit, IpHeader};
use wire::{checksum, ipv4, ipv4_options as v4, ipv6_ext, ipv6_options as v6};

pub(crate) fn ip(bytes: &[u8]) {
    both(bytes);
    let header_len = usize::from(bytes.first().unwrap_or(&0) & 15) * 4;
    if bytes.len() >= header_len && header_len >= 20 && bytes[0] >> 4 == 4 {
        let mut repaired = bytes.to_vec();
        repaired[10..12].fill(0);
        let sum = checksum::checksum(&repaired[..header_len]);
        repaired[10..12].copy_from_slice(&sum.to_be_bytes());
        both(&repaired);
    }
}

fn both(packet: &[u8]) {
    if let Ok(header) = ip_wire::parse_merged(packet) {
        assert!(header.total_len() <= packet.len());
    }
    match ip_wire::parse(packet) {
        Ok(header) => accepted(packet, &header),
        Err(why) => assert!(why.problem().is_none_or(|at| usize::from(at.pointer) < packet.len())),
    }
}

fn accepted(packet: &[u8], header: &IpHeader) {
    assert!(header.total_len() <= packet.len());
    assert_eq!(header.payload(packet).len(), header.payload_len);
    assert_eq!(packet.get(header.protocol_at), Some(&header.protocol));
    for loopback in [false, true] {
        if let Err(why) = header.check_sender(loopback) {
            let _ = header.sender_problem(&why);
        }
    }
    let _ = header.pseudo_header().fold();
    let emit = IpEmit {
        src: header.src,
        dst: header.dst,
        protocol: header.protocol,
        hop_limit: header.hop_limit,
        traffic_class: header.traffic_class,
        identification: header.identification as u16,
        dont_fragment: header.dont_fragment,
        payload_len: header.payload_len,
        flow_label: header.flow_label,
    };
    let mut again = vec![0; header.total_len()];
    let expected = if header.src.is_v4() {
        let options = &packet[20..header.header_len];
        let len = ipv4::emit_with(&mut again, &emit, header.fragment, options);
        assert_eq!(len, Ok(header.header_len));
        // Fragments are written without DF.
        let dont_fragment = header.dont_fragment && header.fragment.is_none();
        IpHeader { dont_fragment, ..*header }
    } else {
        let chain = ipv6_ext::headers(packet, header.header_len).map(|ext| ext.bytes.len());
        assert_eq!(40 + chain.sum::<usize>(), header.header_len);
        if header.header_len != 40 {
            return;
        }
        assert_eq!(ip_wire::emit(&mut again, &emit), Ok(40));
        *header
    };
    again[header.header_len..].copy_from_slice(header.payload(packet));
    assert_eq!(ip_wire::parse(&again), Ok(expected));
}

/// `bytes` are the options area of a header.
pub(crate) fn ipv4_options(bytes: &[u8]) {
    let area = &bytes[..bytes.len().min(40) / 4 * 4];
    let header = [&[0x45; 20][..], area].concat();
    assert!(v4::options(&header).count() <= area.len() + 1);
    let mut writer = v4::OptionWriter::new();
    let mut read = Vec::new();
    for option in v4::options(&header).map_while(Result::ok) {
        if let Some(known) = option.known() {
            let mut alone = v4::OptionWriter::new();
            if alone.put(&known) {
                let header = [&header[..20], alone.finish()].concat();
                let again = v4::options(&header).next().and_then(Result::ok);
                assert_eq!(again.and_then(|option| option.known()), Some(known));
            }
            if let v4::Known::Cipso(cipso) = known {
                assert!(cipso.iter().count() <= cipso.tags.len());
            }
        }
        assert!(writer.raw(option.kind, option.data), "what was read fits again");
        read.push(option);
    }
    let again = [&header[..20], writer.finish()].concat();
    assert!(v4::options(&again).map_while(Result::ok).eq(read));
    assert!(v4::copied(&header).finish().len() <= area.len());
    let _ = v4::find(&header, v4::OPTION_ROUTER_ALERT);
}

/// `bytes` are a hop-by-hop or destination options header.
pub(crate) fn ipv6_options(bytes: &[u8]) {
    assert!(v6::options(bytes).count() <= bytes.len() + 1);
    for (_, option) in v6::options(bytes).map_while(Result::ok) {
        let Ok(known) = option.known() else { continue };
        let mut writer = v6::OptionsWriter::<512>::new();
        if !writer.put(&known) {
            continue;
        }
        let Some(header) = writer.finish(59) else { continue };
        let (_, again) = v6::options(header).next().expect("one").expect("sound");
        assert_eq!(again.known(), Ok(known));
    }
}

/// `bytes` are an extension header chain behind a fixed header: routing headers, and the walk that
/// believes nothing.
pub(crate) fn ipv6_routing(bytes: &[u8]) {
    if let Ok(routing) = ipv6_ext::parse_routing(bytes) {
        let mut again = vec![0; 4 + routing.data.len()];
        let len = ipv6_ext::emit_routing(&mut again, &routing);
        assert_eq!(len, Ok(again.len()));
        assert_eq!(again, bytes[..again.len()]);
    }
    let Some((first, rest)) = bytes.split_first() else { return };
    let mut packet = [&[0x60, 0, 0, 0, 0, 0, *first, 64][..], &[0x20; 32], rest].concat();
    packet[4..6].copy_from_slice(&(rest.len() as u16).to_be_bytes());
    let _ = ipv6_ext::skip(&packet, *first);
    for merged in [false, true] {
        let Ok(chain) = ipv6_ext::walk(&packet, *first, merged) else { continue };
        assert!(chain.header_len <= packet.len());
        assert_eq!(packet.get(chain.protocol_at), Some(&chain.protocol));
        let total = ipv6_ext::headers(&packet, chain.header_len).map(|ext| ext.bytes.len());
        assert_eq!(40 + total.sum::<usize>(), chain.header_len);
    }
}
