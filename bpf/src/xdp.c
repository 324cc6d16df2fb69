// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Steering: which frames of an interface go to the stack's AF_XDP sockets, and which to the kernel.
 *
 * Exclusive: every frame goes to the socket of its queue. Shared: a frame goes to the socket if it
 * is for our MAC and for one of our addresses: IPv4 and IPv6 by destination, ARP by target or
 * sender. What is for a group or for all (broadcast) may be for the kernel as well, and a frame
 * cannot be both redirected and passed; so it is passed, and a packet socket, whose filter is
 * `hear` below, gives the stack a copy. The exception is a neighbor solicitation for an address of
 * ours, which is nobody else's. The rest goes to the kernel, and so does a frame of a VLAN, or one
 * whose queue has no socket. Addresses are one set for each family, in which those that are to be
 * heard beside the kernel (groups, broadcast) are marked; user space keeps the sets in step with
 * what it has. Ports can be left to the kernel although their address is ours.
 *
 * A tag may lie beside the frame, where the program does not see it. Compiled with DRIVER_TAGS it
 * asks the driver for it, and passes a frame of a VLAN in both modes; that takes a driver that can
 * say it, and a program that is bound to the device.
 *
 * Each frame is counted once, by verdict. The same numbers are in lib.rs.
 *
 * Whoever sends frames decides what is in them: every access is preceded by a check against the end
 * of the frame, and both walks (tags, extension headers) are bounded. A frame too short to judge
 * goes to the kernel. A large frame may lie in several buffers; the program sees the first, where
 * all headers are.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline
#define BE16(x) ((u16)((((x) & 0xff) << 8) | (((x) >> 8) & 0xff)))

/* From the kernel's interface, which never changes. */
#define MAP_TYPE_HASH 1
#define MAP_TYPE_ARRAY 2
#define MAP_TYPE_PERCPU_ARRAY 6
#define MAP_TYPE_XSKMAP 17
#define XDP_PASS 2
struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};
/* What a socket filter sees of a packet, as far as it is used here. */
struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present;
	u32 vlan_tci;
};
#define PACKET_MULTICAST 2 /* of the packet types: to us, to all, to a group; above: not for us */
static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const redirect_map)(void *map, u64 key, u64 flags) = (void *)51;
static long (*const skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)26;

enum mode { SHARED, EXCLUSIVE };

/* What an address is to us: values of the sets. */
enum part {
	OURS = 1, /* taken */
	HEARD = 2, /* a group or broadcast: the kernel's too */
};

enum verdict {
	REDIRECT_EXCLUSIVE,
	REDIRECT_ARP,
	REDIRECT_IPV4,
	REDIRECT_IPV6,
	REDIRECT_ND,
	PASS_MAC,
	PASS_VLAN,
	PASS_ETHERTYPE,
	PASS_ARP,
	PASS_IPV4,
	PASS_IPV6,
	PASS_GROUP,
	PASS_ND,
	PASS_PORT,
	PASS_MALFORMED,
	PASS_NO_SOCKET,
	VERDICTS,
};

struct config {
	u32 mode;
	u32 kernel_ports; /* nonzero: some are left to the kernel */
	u8 mac[6];
	u8 reserved[2];
};

struct port {
	u16 number; /* as on the wire */
	u8 protocol;
	u8 reserved;
};

struct ip6 {
	u8 octets[16];
};

#define ADDRESSES_MAX 4096
#define PORTS_MAX 1024
#define QUEUES_MAX 64

#define UINT(name, value) int (*name)[value]
#define TYPE(name, type) type *name

struct {
	UINT(type, MAP_TYPE_ARRAY);
	UINT(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct config);
} config SEC(".maps");

struct {
	UINT(type, MAP_TYPE_HASH);
	UINT(max_entries, ADDRESSES_MAX);
	TYPE(key, u32); /* as on the wire */
	TYPE(value, u8);
} addresses4 SEC(".maps");

struct {
	UINT(type, MAP_TYPE_HASH);
	UINT(max_entries, ADDRESSES_MAX);
	TYPE(key, struct ip6);
	TYPE(value, u8);
} addresses6 SEC(".maps");

struct {
	UINT(type, MAP_TYPE_HASH);
	UINT(max_entries, PORTS_MAX);
	TYPE(key, struct port);
	TYPE(value, u8);
} kernel_ports SEC(".maps");

struct {
	UINT(type, MAP_TYPE_XSKMAP);
	UINT(max_entries, QUEUES_MAX);
	TYPE(key, u32);
	TYPE(value, u32);
} xsks SEC(".maps");

struct {
	UINT(type, MAP_TYPE_PERCPU_ARRAY);
	UINT(max_entries, VERDICTS);
	TYPE(key, u32);
	TYPE(value, u64);
} verdicts SEC(".maps");

struct ethernet {
	u8 dst[6];
	u8 src[6];
	u16 type;
} __attribute__((packed));

struct vlan {
	u16 tag;
	u16 type;
} __attribute__((packed));

struct arp {
	u16 hardware;
	u16 protocol;
	u8 hardware_len;
	u8 protocol_len;
	u16 operation;
	u8 sender_mac[6];
	u32 sender;
	u8 target_mac[6];
	u32 target;
} __attribute__((packed));

struct ipv4 {
	u8 version_len;
	u8 tos;
	u16 total_len;
	u16 identification;
	u16 fragment;
	u8 ttl;
	u8 protocol;
	u16 checksum;
	u32 src;
	u32 dst;
} __attribute__((packed));

struct ipv6 {
	u8 version_class;
	u8 class_flow[3];
	u16 payload_len;
	u8 next;
	u8 hop_limit;
	struct ip6 src;
	struct ip6 dst;
} __attribute__((packed));

/* Hop-by-hop, destination and routing headers begin so; a fragment header is just that long. */
struct extension {
	u8 next;
	u8 len; /* in units of eight bytes, beyond the first */
	u16 fragment;
	u32 rest;
} __attribute__((packed));

struct neighbor {
	u8 type;
	u8 code;
	u16 checksum;
	u32 reserved;
	struct ip6 target;
} __attribute__((packed));

struct ports {
	u16 src;
	u16 dst;
} __attribute__((packed));

#define TYPE_IPV4 BE16(0x0800)
#define TYPE_ARP BE16(0x0806)
#define TYPE_VLAN BE16(0x8100)
#define TYPE_IPV6 BE16(0x86dd)
#define TYPE_QINQ BE16(0x88a8)
#define TAGS_MAX 2
#define VLAN_ID BE16(0x0fff)

#define PROTO_HOP_BY_HOP 0
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_ICMPV6 58
#define PROTO_DESTINATION 60
#define EXTENSIONS_MAX 8

#define NEIGHBOR_SOLICITATION 135
#define NEIGHBOR_ADVERTISEMENT 136

#define IPV4_OFFSET BE16(0x1fff)
#define IPV6_OFFSET BE16(0xfff8)

/* Whether a T fits between p and the end. */
#define FITS(p, end) ((void *)((p) + 1) <= (end))

/* The port rule, for the transport header at l4 of a frame that is ours by its address. */
INLINE u32 judge_port(const struct config *cfg, u8 protocol, void *l4, void *end, u32 ours)
{
	struct ports *ports = l4;
	struct port key = { .protocol = protocol };

	if (!cfg->kernel_ports || (protocol != PROTO_TCP && protocol != PROTO_UDP))
		return ours;
	if (!FITS(ports, end))
		return PASS_MALFORMED;
	key.number = ports->dst;
	return map_lookup(&kernel_ports, &key) ? PASS_PORT : ours;
}

INLINE int is_ours4(u32 address)
{
	u8 *part = map_lookup(&addresses4, &address);

	return part && *part == OURS;
}

INLINE int is_ours6(const struct ip6 *address)
{
	u8 *part = map_lookup(&addresses6, address);

	return part && *part == OURS;
}

INLINE u32 judge_arp(const struct ethernet *eth, void *l3, void *end)
{
	struct arp *arp = l3;

	if (!FITS(arp, end))
		return PASS_MALFORMED;
	if (arp->hardware != BE16(1) || arp->protocol != TYPE_IPV4 || arp->hardware_len != 6 ||
	    arp->protocol_len != 4)
		return PASS_MALFORMED;
	/* What all hear tells the kernel who is where, too. */
	if (eth->dst[0] & 1)
		return PASS_ARP;
	/* Questions and answers for us; and others that use our address, or defend it against a probe. */
	return is_ours4(arp->target) || is_ours4(arp->sender) ? REDIRECT_ARP : PASS_ARP;
}

INLINE u32 judge_ipv4(const struct config *cfg, void *l3, void *end)
{
	struct ipv4 *ip = l3;
	u32 header, dst;
	u8 *part;

	if (!FITS(ip, end))
		return PASS_MALFORMED;
	header = (ip->version_len & 0x0f) * 4;
	if (ip->version_len >> 4 != 4 || header < sizeof(*ip))
		return PASS_MALFORMED;
	dst = ip->dst;
	part = map_lookup(&addresses4, &dst);
	/* 224.0.0.0/4 and the limited broadcast, as on the wire */
	if ((part && *part == HEARD) || (((u8 *)&dst)[0] & 0xf0) == 0xe0 || dst == 0xffffffff)
		return PASS_GROUP;
	if (!part)
		return PASS_IPV4;
	/* Only the first fragment has ports; fragments all go where the address says. */
	if (ip->fragment & (IPV4_OFFSET | BE16(0x2000)))
		return REDIRECT_IPV4;
	return judge_port(cfg, ip->protocol, l3 + header, end, REDIRECT_IPV4);
}

/*
 * Neighbor discovery to a group. Solicited-node groups are shared by addresses that end alike, so a
 * solicitation is for whoever has its target. An advertisement to all tells the kernel too.
 */
INLINE u32 judge_neighbor(struct neighbor *nd, void *end)
{
	struct ip6 target;

	if (!FITS(nd, end))
		return PASS_MALFORMED;
	target = nd->target;
	return nd->type == NEIGHBOR_SOLICITATION && is_ours6(&target) ? REDIRECT_ND : PASS_ND;
}

INLINE u32 judge_ipv6(const struct config *cfg, void *l3, void *end)
{
	struct ipv6 *ip = l3;
	struct ip6 dst;
	void *l4 = l3 + sizeof(*ip);
	u32 by_address;
	int i, group, ours, fragment = 0;
	u8 next;

	if (!FITS(ip, end) || ip->version_class >> 4 != 6)
		return PASS_MALFORMED;
	dst = ip->dst;
	group = dst.octets[0] == 0xff;
	ours = !group && is_ours6(&dst);
	by_address = group ? PASS_GROUP : ours ? REDIRECT_IPV6 : PASS_IPV6;
	next = ip->next;
#pragma unroll
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension *ext = l4;

		if (next != PROTO_HOP_BY_HOP && next != PROTO_ROUTING && next != PROTO_DESTINATION &&
		    next != PROTO_FRAGMENT)
			break;
		if (!FITS(ext, end))
			return PASS_MALFORMED;
		if (next == PROTO_FRAGMENT) {
			fragment = (ext->fragment & (IPV6_OFFSET | BE16(1))) != 0;
			l4 += sizeof(*ext);
		} else {
			l4 += sizeof(*ext) + ext->len * 8;
		}
		next = ext->next;
		/* What follows a fragment header is in the first fragment only. */
		if (fragment)
			return by_address;
	}
	if (next == PROTO_ICMPV6) {
		struct neighbor *nd = l4;

		if (l4 + 1 > end)
			return PASS_MALFORMED;
		if (nd->type == NEIGHBOR_SOLICITATION || nd->type == NEIGHBOR_ADVERTISEMENT)
			return group ? judge_neighbor(nd, end) : ours ? REDIRECT_ND : PASS_ND;
	}
	return ours ? judge_port(cfg, next, l4, end, by_address) : by_address;
}

INLINE int is_ours(const struct config *cfg, const struct ethernet *eth)
{
	int i;

	if (eth->dst[0] & 1)
		return 1;
#pragma unroll
	for (i = 0; i < 6; i++)
		if (eth->dst[i] != cfg->mac[i])
			return 0;
	return 1;
}

INLINE u32 judge(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethernet *eth = data;
	const struct config *cfg;
	void *l3 = data + sizeof(*eth);
	u32 zero = 0;
	u16 type;
	int i;

	cfg = map_lookup(&config, &zero);
	if (!cfg || !FITS(eth, end))
		return PASS_MALFORMED;
	if (cfg->mode == EXCLUSIVE)
		return REDIRECT_EXCLUSIVE;
	if (!is_ours(cfg, eth))
		return PASS_MAC;
	type = eth->type;
#pragma unroll
	for (i = 0; i < TAGS_MAX; i++) {
		struct vlan *vlan = l3;

		if (type != TYPE_VLAN && type != TYPE_QINQ)
			break;
		if (!FITS(vlan, end))
			return PASS_MALFORMED;
		/* A priority tag means the untagged network. */
		if (vlan->tag & VLAN_ID)
			return PASS_VLAN;
		type = vlan->type;
		l3 += sizeof(*vlan);
	}
	switch (type) {
	case TYPE_ARP:
		return judge_arp(eth, l3, end);
	case TYPE_IPV4:
		return judge_ipv4(cfg, l3, end);
	case TYPE_IPV6:
		return judge_ipv6(cfg, l3, end);
	default:
		return PASS_ETHERTYPE;
	}
}

#ifdef DRIVER_TAGS
/* Asks the driver for a tag that the device, or a sender on this machine, put beside the frame. */
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, u16 *protocol, u16 *tag)
	__attribute__((section(".ksyms")));

INLINE int is_of_vlan(const struct xdp_md *ctx)
{
	u16 protocol = 0, tag = 0;

	return !bpf_xdp_metadata_rx_vlan_tag(ctx, &protocol, &tag) && (tag & 0x0fff);
}
#else
INLINE int is_of_vlan(const struct xdp_md *ctx)
{
	(void)ctx;
	return 0;
}
#endif

SEC("xdp.frags")
int steer(struct xdp_md *ctx)
{
	u32 queue = ctx->rx_queue_index, verdict = judge(ctx);
	u64 *count;

	if (verdict <= REDIRECT_ND && is_of_vlan(ctx))
		verdict = PASS_VLAN;
	if (verdict <= REDIRECT_ND && !map_lookup(&xsks, &queue))
		verdict = PASS_NO_SOCKET;
	count = map_lookup(&verdicts, &verdict);
	if (count)
		*count += 1;
	return verdict <= REDIRECT_ND ? redirect_map(&xsks, queue, XDP_PASS) : XDP_PASS;
}

/* Accepts a copy of what the kernel and the stack both are to hear. */
SEC("socket")
int hear(struct __sk_buff *skb)
{
	struct ethernet eth;
	struct ip6 dst6;
	u32 dst4;
	u8 *part;

	if (skb->pkt_type > PACKET_MULTICAST || (skb->vlan_present && (skb->vlan_tci & 0x0fff)))
		return 0;
	if (skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return 0;
	switch (eth.type) {
	case TYPE_ARP:
		return eth.dst[0] & 1 ? (int)skb->len : 0;
	case TYPE_IPV4:
		if (skb_load_bytes(skb, sizeof(eth) + 16, &dst4, sizeof(dst4)))
			return 0;
		part = map_lookup(&addresses4, &dst4);
		break;
	case TYPE_IPV6:
		if (skb_load_bytes(skb, sizeof(eth) + 24, &dst6, sizeof(dst6)))
			return 0;
		part = map_lookup(&addresses6, &dst6);
		break;
	default:
		return 0;
	}
	return part && *part == HEARD ? (int)skb->len : 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
