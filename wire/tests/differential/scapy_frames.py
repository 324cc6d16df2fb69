"""Frames by scapy and readings by scapy, for the test that compares them with ours.

Usage: scapy_frames.py SEED COUNT < hex-lines

First COUNT frames of its own: each line is the frame in hexadecimal and what went into it, as
tshark's field name=value. Then one line for each frame on standard input, with what scapy reads in
it and whether the checksums are what scapy computes. Numbers are decimal.
"""

import random
import sys

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw, raw


def mac(rng):
    return "02:" + ":".join("%02x" % rng.randrange(256) for _ in range(5))


def address(rng, v4):
    if v4:
        return "10.%d.%d.%d" % tuple(rng.randrange(256) for _ in range(3))
    return "2001:db8::%x" % rng.randrange(1, 65536)


def ip_layer(rng, v4, fields):
    src, dst = address(rng, v4), address(rng, v4)
    hops, traffic_class = rng.randrange(1, 256), rng.randrange(256)
    if v4:
        ident = rng.randrange(65536)
        fields.update({"ip.src": src, "ip.dst": dst, "ip.ttl": hops, "ip.id": ident,
                       "ip.dsfield": traffic_class, "ip.flags.df": 1})
        return IP(src=src, dst=dst, ttl=hops, tos=traffic_class, id=ident, flags="DF")
    label = rng.randrange(1 << 20)
    fields.update({"ipv6.src": src, "ipv6.dst": dst, "ipv6.hlim": hops,
                   "ipv6.tclass": traffic_class, "ipv6.flow": label})
    return IPv6(src=src, dst=dst, hlim=hops, tc=traffic_class, fl=label)


def tcp_layer(rng, fields):
    number = lambda bits: rng.randrange(1 << bits)
    sport, dport = rng.randrange(1, 65536), rng.randrange(1, 65536)
    seq, ack, window = number(32), number(32), number(16)
    options = []
    flags = rng.choice(["S", "SA", "A", "PA", "FA", "R", "RA", "PAU"])
    if "S" in flags:
        mss, shift = number(16), rng.randrange(14)
        options += [("MSS", mss), ("SAckOK", b""), ("NOP", None), ("WScale", shift)]
        fields.update({"tcp.options.mss_val": mss, "tcp.options.wscale.shift": shift})
    if rng.random() < 0.5:
        value, echo = number(32), number(32)
        options += [("NOP", None), ("NOP", None), ("Timestamp", (value, echo))]
        fields.update({"tcp.options.timestamp.tsval": value, "tcp.options.timestamp.tsecr": echo})
    elif "S" not in flags and rng.random() < 0.5:
        left, right = number(32), number(32)
        options += [("NOP", None), ("NOP", None), ("SAck", (left, right))]
        fields.update({"tcp.options.sack_le": left, "tcp.options.sack_re": right})
    fields.update({"tcp.srcport": sport, "tcp.dstport": dport, "tcp.seq_raw": seq,
                   "tcp.ack_raw": ack, "tcp.window_size_value": window, "tcp.checksum.status": 1})
    for letter, name in [("S", "syn"), ("A", "ack"), ("F", "fin"), ("R", "reset"), ("P", "push")]:
        fields["tcp.flags." + name] = int(letter in flags)
    return TCP(sport=sport, dport=dport, seq=seq, ack=ack, window=window, flags=flags,
               options=options)


def transport(rng, v4, fields):
    kind = rng.randrange(4)
    if kind < 2:
        return tcp_layer(rng, fields)
    if kind == 2:
        sport, dport = rng.randrange(1, 65536), rng.randrange(1, 65536)
        fields.update({"udp.srcport": sport, "udp.dstport": dport, "udp.checksum.status": 1})
        return UDP(sport=sport, dport=dport)
    ident, seq = rng.randrange(65536), rng.randrange(65536)
    if v4:
        fields.update({"icmp.type": 8, "icmp.ident": ident, "icmp.seq": seq,
                       "icmp.checksum.status": 1})
        return ICMP(id=ident, seq=seq)
    fields.update({"icmpv6.type": 128, "icmpv6.echo.identifier": ident,
                   "icmpv6.echo.sequence_number": seq, "icmpv6.checksum.status": 1})
    return ICMPv6EchoRequest(id=ident, seq=seq)


def build(rng):
    src, dst = mac(rng), mac(rng)
    fields = {"eth.src": src, "eth.dst": dst}
    frame = Ether(src=src, dst=dst)
    if rng.random() < 0.2:
        tag = rng.randrange(4096)
        fields["vlan.id"] = tag
        frame = frame / Dot1Q(vlan=tag)
    choice, v4 = rng.randrange(12), rng.random() < 0.5
    if choice == 0:
        psrc, pdst, op = address(rng, True), address(rng, True), rng.randrange(1, 3)
        fields.update({"arp.opcode": op, "arp.src.hw_mac": src, "arp.src.proto_ipv4": psrc,
                       "arp.dst.hw_mac": dst, "arp.dst.proto_ipv4": pdst})
        return frame / ARP(op=op, hwsrc=src, psrc=psrc, hwdst=dst, pdst=pdst), fields
    if choice == 1:
        target = address(rng, False)
        packet = ip_layer(rng, False, fields)
        packet.hlim = fields["ipv6.hlim"] = 255
        fields.update({"icmpv6.type": 136, "icmpv6.nd.na.target_address": target,
                       "icmpv6.opt.target_linkaddr": src, "icmpv6.nd.na.flag.s": 1})
        advertisement = ICMPv6ND_NA(tgt=target, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=src)
        return frame / packet / advertisement, fields
    payload = bytes(rng.randrange(256) for _ in range(rng.randrange(80)))
    return frame / ip_layer(rng, v4, fields) / transport(rng, v4, fields) / Raw(payload), fields


def verdict(layer, name="chksum"):
    """1 if the layer's checksum is the one scapy computes for it, else 0."""
    packet = layer.underlayer.copy() if layer.underlayer and name == "chksum" else layer.copy()
    sent = getattr(layer, name)
    inner = packet[type(layer)]
    delattr(inner, name)
    return int(getattr(type(packet)(raw(packet))[type(layer)], name) == sent)


def read(frame):
    fields = {}
    packet = Ether(frame)
    fields.update({"eth.src": packet.src, "eth.dst": packet.dst, "eth.type": packet.type})
    ip = packet.getlayer(IP) or packet.getlayer(IPv6)
    if isinstance(ip, IPv6):
        fields.update({"ipv6.src": ip.src, "ipv6.dst": ip.dst, "ipv6.plen": ip.plen,
                       "ipv6.hlim": ip.hlim, "ipv6.tclass": ip.tc, "ipv6.flow": ip.fl})
    elif ip is not None:
        fields.update({"ip.src": ip.src, "ip.dst": ip.dst, "ip.len": ip.len, "ip.id": ip.id,
                       "ip.hdr_len": ip.ihl * 4, "ip.ttl": ip.ttl, "ip.proto": ip.proto,
                       "ip.dsfield": ip.tos, "ip.frag_offset": ip.frag})
    top = ip.payload if ip is not None else None
    if isinstance(top, TCP):
        fields.update({"tcp.srcport": top.sport, "tcp.dstport": top.dport, "tcp.seq_raw": top.seq,
                       "tcp.ack_raw": top.ack, "tcp.hdr_len": (top.dataofs or 0) * 4,
                       "tcp.window_size_value": top.window, "tcp.urgent_pointer": top.urgptr,
                       "tcp.flags.syn": int(top.flags.S), "tcp.flags.fin": int(top.flags.F),
                       "tcp.checksum.status": verdict(top)})
    elif isinstance(top, UDP):
        status = 3 if top.chksum == 0 else verdict(top)
        fields.update({"udp.srcport": top.sport, "udp.dstport": top.dport, "udp.length": top.len,
                       "udp.checksum.status": status})
    elif isinstance(top, ICMP):
        fields.update({"icmp.type": top.type, "icmp.code": top.code,
                       "icmp.checksum.status": verdict(top)})
    return fields


def show(frame, fields):
    print(frame.hex(), *("%s=%s" % pair for pair in fields.items()), sep="\t")


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        packet, fields = build(rng)
        show(raw(packet), fields)
    for line in sys.stdin:
        frame = bytes.fromhex(line.strip())
        show(frame, read(frame))


main()
