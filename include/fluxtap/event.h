/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Records that the DNS programs put into the ring ft_ring, and that the native
 * decoder makes from captures: everything behind the ring sees these and nothing else.
 *
 * All fields are in host byte order unless their type says __be16/__be32.  Times
 * are CLOCK_MONOTONIC nanoseconds in the ring (bpf_ktime_get_ns()); the reader adds
 * the offset to real time; captures carry real time from the start.  Padding is
 * named and zero.  A record's size is hdr.size, a multiple of 8 in the ring.
 */
#ifndef FLUXTAP_EVENT_H
#define FLUXTAP_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define FT_EVENT_VERSION 1

#define FT_MAX_VLANS	  4
#define FT_MAX_TUNNELS	  4
/* Largest UDP DNS message the kernel programs carry; longer ones: message_too_large. */
#define FT_MAX_UDP_DNS	  16384

enum ft_event_kind { /* append only */
	FT_EVENT_RESPONSE = 1, /* struct ft_response: a DNS response over UDP, whole */
	FT_EVENT_FRAGMENT = 2, /* struct ft_fragment: a piece of an IP packet that may be one */
	FT_EVENT_SEGMENT = 3,  /* struct ft_segment: TCP from a DNS port, payload or SYN/FIN/RST */
	FT_EVENT_REFUSED = 4,  /* struct ft_refused: a frame refused, sampled by rate */
	FT_EVENT_FLOW = 5,     /* struct ft_flow: a gateway connection to a watched address */
	FT_EVENT_DHCP = 6,     /* struct ft_segment, seq, ack and flags 0: a DHCPv4 message */
};

struct ft_event_hdr {
	__u16 kind;	/* enum ft_event_kind */
	__u16 version;	/* FT_EVENT_VERSION */
	__u32 size;	/* whole record in bytes, this header and the payload included */
	__u64 time_ns;
};
_Static_assert(sizeof(struct ft_event_hdr) == 16, "ft_event_hdr is ABI");

enum ft_tunnel { /* append only */
	FT_TUNNEL_NONE = 0,
	FT_TUNNEL_PPPOE,
	FT_TUNNEL_MPLS,
	FT_TUNNEL_GRE,
	FT_TUNNEL_IPIP,	  /* IPv4 in IPv4 or IPv6 */
	FT_TUNNEL_IP6IP,  /* IPv6 in IPv4 or IPv6 (6in4) */
	FT_TUNNEL_VXLAN,
	FT_TUNNEL_GENEVE,
	FT_TUNNEL_GTPU,
	FT_TUNNEL_ERSPAN,
	FT_TUNNEL_TEREDO,
};

enum ft_direction {
	FT_DIR_INGRESS = 0,
	FT_DIR_EGRESS = 1,
	FT_DIR_CAPTURE = 2, /* from a file */
};

/* Where a packet came from; the innermost IP and UDP/TCP layer, like tshark's last. */
struct ft_packet {
	__u8 src[16];		/* IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2) */
	__u8 dst[16];
	__be16 sport;
	__be16 dport;
	__u32 ifindex;		/* capture files: interface number of the file */
	__u32 wire_bytes;	/* frame length */
	__u16 vlan[FT_MAX_VLANS]; /* VLAN ids, outermost first */
	__u8 tunnel[FT_MAX_TUNNELS]; /* enum ft_tunnel, outermost first */
	__u8 vlans;
	__u8 tunnels;
	__u8 ip_version;	/* 4 or 6 */
	__u8 ip_proto;		/* IPPROTO_UDP or IPPROTO_TCP */
	__u8 direction;		/* enum ft_direction */
	__u8 has_mac;		/* 1: smac and dmac of the outermost Ethernet header are set */
	__u8 smac[6];
	__u8 dmac[6];
	__u8 ip_ttl;		/* TTL or hop limit of the innermost IP header */
	__u8 pad[5];
};
_Static_assert(sizeof(struct ft_packet) == 80, "ft_packet is ABI");

enum ft_novelty { /* why the filter let a response through; append only */
	FT_NOVELTY_UNFILTERED = 0,
	FT_NOVELTY_NAME = 1,	/* question not in the filter's table */
	FT_NOVELTY_CHANGED = 2,	/* fingerprint not among those remembered for the question */
	FT_NOVELTY_REFRESH = 3,	/* known, but the refresh interval has passed */
	FT_NOVELTY_CLIENT = 4,	/* (client, question) not seen before */
	FT_NOVELTY_BROKEN = 5,	/* the walk met a fault: status says which */
	FT_NOVELTY_FOLDED = 6,	/* as NAME; `repeats` are other names, folded in the same zone */
};

struct ft_response {
	struct ft_event_hdr hdr;
	struct ft_packet pkt;
	__u64 name_hash;	/* ft_name_hash() of the first question; 0 without one */
	__u64 fingerprint;	/* ft_fingerprint: see fingerprint.h; 0 when not walked */
	__u32 repeats;		/* identical responses held back since the set's last record */
	__u32 ttl_min;		/* over this and those repeats: smallest and largest TTL of the */
	__u32 ttl_max;		/* A/AAAA/NS/CNAME records in the answer section; 0 without */
	__u16 records[3];	/* records read in answer, authority, additional */
	__u16 status;		/* FT_REASON_NONE, or what broke the walk (enum ft_counter) */
	__u16 message_bytes;	/* bytes of the DNS message in `message` */
	__u8 novelty;		/* enum ft_novelty */
	__u8 walked;		/* 1: the kernel or native walk read the message to status */
	__u64 first_ns;		/* time of the first of the repeats, 0 without repeats */
	__u8 message[];
};
_Static_assert(sizeof(struct ft_response) == 144, "ft_response is ABI");

/* A piece of a fragmented IP packet, payload behind the (fragment) header. */
struct ft_fragment {
	struct ft_event_hdr hdr;
	struct ft_packet pkt;	/* ports only in a first fragment that holds them, else 0 */
	__u32 id;		/* IPv4 identification or IPv6 fragment identification */
	__u16 offset;		/* bytes */
	__u16 payload_bytes;
	__u8 more;		/* more fragments follow */
	__u8 pad[7];
	__u8 payload[];
};
_Static_assert(sizeof(struct ft_fragment) == 112, "ft_fragment is ABI");

struct ft_segment {
	struct ft_event_hdr hdr;
	struct ft_packet pkt;
	__u32 seq;
	__u32 ack;
	__u16 payload_bytes;
	__u8 flags;		/* TCP flags byte: FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	__u8 pad[5];
	__u8 payload[];
};
_Static_assert(sizeof(struct ft_segment) == 112, "ft_segment is ABI");

struct ft_refused {
	struct ft_event_hdr hdr;
	struct ft_packet pkt;	/* as far as it was read */
	__u16 reason;		/* enum ft_counter, FT_REASON_* */
	__u8 pad[6];
};
_Static_assert(sizeof(struct ft_refused) == 104, "ft_refused is ABI");

enum ft_flow_event {
	FT_FLOW_SYN = 1,
	FT_FLOW_SYNACK = 2,
	FT_FLOW_RST = 3,
	FT_FLOW_UDP = 4,	/* first datagram of a new UDP flow */
};

struct ft_flow {
	struct ft_event_hdr hdr;
	struct ft_packet pkt;
	__u8 event;		/* enum ft_flow_event */
	__u8 pad[7];
};
_Static_assert(sizeof(struct ft_flow) == 104, "ft_flow is ABI");

#endif
