/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Settings, maps and per-CPU memory of the DNS programs. */
#ifndef FLUXTAP_MAPS_H
#define FLUXTAP_MAPS_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "decode.h"
#include "settings.h"

const volatile struct ft_settings ft_settings = {
	.seed = FT_SEED_FIXED,
	.step = FT_SEED_FIXED * FT_NAME_BASE,
	.refresh_ticks = ~0U,
	.follow_tcp = 1,
	.follow_fragments = FT_FRAGMENTS_KNOWN,
	.ports = {.len = 1, .port = {53}},
};

#define FT_INPUTS_MAX 1024 /* as many as the daemon attaches to */

/*
 * Written by user space. ft_watching: how many addresses ft_watch holds, 0 keeps the look-ups
 * away. ft_bare: how many of the interfaces in ft_inputs have no link header.
 */
__u32 ft_watching = 0;
__u32 ft_bare = 0;

/* With given_clock, written before each frame: Unix time, and the same in ticks. */
__u64 ft_given_ns = 0;
__u64 ft_given_ticks = 0;

/* Indices wrap inside; what lies beyond is read by whole words and masked away. */
#define FT_MESSAGE_MASK	 (FT_MAX_UDP_DNS - 1)
#define FT_MESSAGE_SLACK 128

#define FT_MEMO_SLOTS  64
#define FT_LABEL_SLOTS 256

/* A name that was read to its end in the message at hand. */
struct ft_memo {
	__u64 key; /* generation << 16 | offset in the message */
	__u64 sum; /* see fingerprint.h */
	__u32 octets;
	__u32 pointers;
	__u64 pad; /* a size that needs no multiplication */
};

/* The name being read. */
struct ft_name_cursor {
	__u32 start;
	__u32 pos;
	__u32 run; /* where the current run of labels began */
	__u32 end; /* behind the name in place; 0 until known */
	__u32 octets;
	__u32 pointers;
	__u32 target; /* of the first pointer, 0 before */
	__u32 fault;
	struct ft_name name;
	/* What stands before the first pointer. */
	struct ft_name prefix;
	__u32 prefix_octets;
	__u32 done;
};

struct ft_walk {
	__u64 generation;
	__u64 sum;
	__u32 pos;
	__u32 len;
	__u32 answers; /* index of the first record behind the answer section */
	__u32 authorities; /* and behind the authority section */
	__u32 steps; /* labels and pointers read */
	__u32 status;
	__u32 ttl_min;
	__u32 ttl_max;
	__u64 name_hash;
	__u32 records[3];
	__u32 rcode;
	struct ft_name_cursor cur;
	/* By the short way: */
	__u64 name_sum; /* of the name read last */
	__u64 key; /* the head hashed last, without its TTL */
	__u64 skeleton; /* see skeleton.h */
	__u32 records_at; /* where the first record begins */
	__u32 records_all;
	__u32 left; /* records of the part at hand */
	__u32 covered; /* the names read lie in what the skeleton is made of */
};

struct ft_rate {
	__u64 second; /* ticks when it began */
	__u64 used;
};

enum ft_rate_index { FT_RATE_REFUSED, FT_RATE_MALFORMED, FT_RATE_FRAGMENT, FT_RATE_FLOW, FT_RATE_DHCP, FT_RATES };

struct ft_scratch {
	struct ft_walk walk;
	struct ft_rate rate[FT_RATES];
	__u32 ring_room; /* octets that may go into the ring before asking how full it is */
	__u32 asleep; /* the ring was low: the reader may have to be woken */
	__u64 recent; /* how many ft_recent this CPU wrote */
	__u64 rotor; /* picks the victim in tables without an age */
	struct ft_memo memo[FT_MEMO_SLOTS];
	__u64 label_at[FT_LABEL_SLOTS]; /* generation << 16 | offset where a label began */
	/* A record under construction: head in d, what follows the packet behind it. */
	struct ft_decode d;
	union {
		struct {
			__u8 response_tail[sizeof(struct ft_response) - FT_RECORD_HEAD];
			__u8 message[FT_MAX_UDP_DNS + FT_MESSAGE_SLACK];
		};
		struct {
			__u8 piece_tail[sizeof(struct ft_segment) - FT_RECORD_HEAD];
			__u8 payload[FT_MAX_UDP_DNS + FT_MESSAGE_SLACK];
		};
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_scratch);
} ft_scratch SEC(".maps");

/*
 * Each processor's own, side by side. Not a per-CPU array, whose look-up takes twice as many
 * instructions: a quarter of all that a frame takes which is not DNS.
 */
struct ft_counters ft_counters[FT_CPUS_MAX] = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ft_ring SEC(".maps");

/* The repeat filter: sets of FT_FILTER_WAYS names, found by the hash of the question. */
struct ft_filter_set {
	struct ft_known way[FT_FILTER_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_filter_set);
} ft_filter SEC(".maps");

/* Responses whose names need no second reading; see skeleton.h. */
struct ft_skeletons {
	struct {
		__u64 check;
		__u64 names;
	} way[FT_SKELETON_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_skeletons);
} ft_skeletons SEC(".maps");

/* Lines of tags: which client was told which name; which packets' fragments; which UDP flows. */
struct ft_line {
	__u64 tag[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_line);
} ft_clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_FRAGMENT_LINES);
	__type(key, __u32);
	__type(value, struct ft_line);
} ft_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_FLOW_LINES);
	__type(key, __u32);
	__type(value, struct ft_line);
} ft_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FT_WATCH_MAX);
	__uint(key_size, 16);
	__uint(value_size, 1);
} ft_watch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FT_RECENT_SLOTS); /* times CPUs */
	__type(key, __u32);
	__type(value, struct ft_recent);
} ft_recent SEC(".maps");

/*
 * Interfaces whose ingress is watched, by FT_INPUT_*: what is forwarded from one has been seen
 * already.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FT_INPUTS_MAX);
	__type(key, __u32);
	__type(value, __u8);
} ft_inputs SEC(".maps");

/* The key of what there is one of: not on the stack, where it would be written each time. */
static const __u32 ft_only = 0;

FT_INLINE struct ft_scratch *ft_get_scratch(void)
{
	return bpf_map_lookup_elem(&ft_scratch, &ft_only);
}

FT_INLINE struct ft_counters *ft_get_counters(void)
{
	/* user space does not load this where there are more processors */
	struct ft_counters *c = &ft_counters[bpf_get_smp_processor_id() & (FT_CPUS_MAX - 1)];

	asm volatile("" : "+r"(c)); /* else the compiler works it out anew wherever it is used */
	return c;
}

/* The clock of everything that ages here: a load, where a helper costs five to thirty ns. */
FT_INLINE __u64 ft_ticks(void)
{
	return ft_settings.given_clock ? ft_given_ticks : bpf_jiffies64();
}

/* The time of a record. */
FT_INLINE __u64 ft_now_ns(void)
{
	return ft_settings.given_clock ? ft_given_ns : bpf_ktime_get_ns();
}

/* True while fewer than @per_second were granted on this CPU in this second; 0 is no limit. */
FT_INLINE bool ft_rate_allows(struct ft_rate *rate, __u32 per_second)
{
	__u64 now;

	if (!per_second)
		return true;
	now = ft_ticks();
	if (now - rate->second >= ft_settings.ticks_per_second) {
		rate->second = now;
		rate->used = 0;
	}
	return rate->used++ < per_second;
}

#endif
