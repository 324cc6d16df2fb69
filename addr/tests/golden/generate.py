"""Writes python.txt: what Python's ipaddress and socket modules say about some values.

Run with Python 3.11 or later: python3 generate.py > python.txt. Lines are fields with | between
them; the first names the question, the second is its input, the rest are the answers. Lists are
joined by spaces. The seed is fixed, so that the table changes only with this file.
"""

import ipaddress as ip
import random
import socket

rng = random.Random(7217)


def row(*fields):
    print("|".join(str(field) for field in fields))


def texts(values):
    return " ".join(str(value) for value in values)


def canonical(family, text):
    try:
        packed = socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None
    return socket.inet_ntop(family, packed), int.from_bytes(packed, "big")


def damage(text):
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + rng.choice("0159afg.:/") + text[at:]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    return text[:at] + rng.choice("0:.") + text[at + 1 :]


def sparse():
    """IPv6 text with runs of zeros, in one of several spellings."""
    groups = [rng.choice([0, 0, 0, 1, 0xDB8, rng.randrange(65536)]) for _ in range(8)]
    value = sum(group << 16 * (7 - i) for i, group in enumerate(groups))
    address = ip.IPv6Address(value)
    if rng.random() < 0.3:
        tail = str(ip.IPv4Address(rng.randrange(1 << 32)))
        return ":".join("%x" % group for group in groups[:6]) + ":" + tail
    return rng.choice([str(address), address.exploded, str(address).upper()])


def address_texts():
    for _ in range(250):
        text = str(ip.IPv4Address(rng.randrange(1 << 32)))
        if rng.random() < 0.6:
            text = damage(text)
        yield 4, socket.AF_INET, text
    for _ in range(500):
        text = sparse()
        if rng.random() < 0.5:
            text = damage(text)
        yield 6, socket.AF_INET6, text


def flags(address):
    names = ["is_multicast", "is_loopback", "is_link_local", "is_unspecified"]
    return "".join("01"[getattr(address, name)] for name in names)


def addresses():
    for version, family, text in address_texts():
        found = canonical(family, text)
        # glibc shows ::a.b.c.d and ::ffff:0:a.b.c.d dotted, which RFC 5952 does not ask for.
        if found is None:
            row("bad%d" % version, text)
        elif version == 4 or found[1] >> 32 not in (0, 0xFFFF0000):
            address = (ip.IPv4Address if version == 4 else ip.IPv6Address)(found[1])
            row("text%d" % version, text, found[0], found[1], flags(address), address.exploded,
                address.reverse_pointer)


def tunnels():
    for prefix in ["2002", "2001:0", "2003"]:
        for _ in range(10):
            value = int(ip.IPv6Address(prefix + "::")) | rng.randrange(1 << 96)
            address = ip.IPv6Address(value)
            row("tunnel", address, address.sixtofour, texts(address.teredo or ["None"]))


def networks():
    for _ in range(60):
        for version, width, cls in [(4, 32, ip.IPv4Network), (6, 128, ip.IPv6Network)]:
            length = rng.randrange(width + 1)
            address = rng.randrange(1 << width)
            net = cls((address, length), strict=False)
            longer = min(width, length + rng.randrange(1, 5))
            inner = cls((rng.randrange(1 << width) & int(net.hostmask) | int(net.network_address),
                         rng.randrange(length, width + 1)), strict=False)
            text = ip.ip_address(address) if width == 32 else ip.IPv6Address(address)
            given = "%s/%d" % (text, length)
            row("net%d" % version, given, net, net.netmask, net.hostmask, net.broadcast_address,
                net.num_addresses, longer, texts(net.subnets(new_prefix=longer)),
                net.supernet(), inner, texts(net.address_exclude(inner)))


def hosts():
    for text in ["10.0.0.0/28", "10.0.0.4/30", "10.0.0.2/31", "10.0.0.1/32"]:
        row("hosts4", text, texts(ip.ip_network(text).hosts()))
    for text in ["2001:db8::/125", "2001:db8::4/126", "2001:db8::2/127", "2001:db8::1/128"]:
        row("hosts6", text, texts(ip.ip_network(text).hosts()))


def summaries():
    for _ in range(100):
        base = rng.choice([0x0A000000, 0xFFFFFF00, 0])
        nets = [ip.IPv4Network((base + rng.randrange(256), rng.randrange(25, 33)), strict=False)
                for _ in range(rng.randrange(1, 16))]
        row("sum4", texts(nets), texts(ip.collapse_addresses(nets)))
        base = rng.choice([0x20010DB8 << 96, (1 << 128) - 256, 0])
        nets = [ip.IPv6Network((base + rng.randrange(256), rng.randrange(121, 129)), strict=False)
                for _ in range(rng.randrange(1, 16))]
        row("sum6", texts(nets), texts(ip.collapse_addresses(nets)))


def formats():
    # Not n, which is binary or hexadecimal here, nor #X, which writes 0X.
    padded = [">50s", "^50s", "s", ""]
    for code in ["b", "x", "X", "#b", "#x", "_b", "_x", "_X", "#_b", "#_x"] + padded:
        for text in ["10.0.0.1", "255.255.255.255", "2001:db8::1", "::"]:
            row("format", text, code, format(ip.ip_address(text), code))


addresses()
tunnels()
networks()
hosts()
summaries()
formats()
