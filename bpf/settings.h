/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What the daemon writes into the programs between open and load, and the layout of the tables
 * it sizes or reads.  Shared by bpf/ and userspace/capture/kernel*.c alone.
 */
#ifndef FLUXTAP_SETTINGS_H
#define FLUXTAP_SETTINGS_H

#include "decode.h"

enum ft_clients { FT_CLIENTS_OFF, FT_CLIENTS_HOSTS, FT_CLIENTS_ALL };

enum ft_fragments_mode {
	FT_FRAGMENTS_OFF,
	FT_FRAGMENTS_KNOWN, /* later ones but those whose first is known to be none of DNS */
	FT_FRAGMENTS_ALL, /* no table: what the native engine does */
};

struct ft_settings {
	__u64 seed;
	/*
	 * ft_question_place(seed). Times where a word of the message lies, it is added to the word
	 * before its halves are multiplied (as in NH, RFC 4418 5): it counts by where it lies, and
	 * nobody outside knows how.
	 */
	__u64 step;
	__u32 refresh_ticks; /* of the set told last */
	__u32 return_ticks; /* of one that others have replaced */
	__u32 ticks_per_second;
	__u32 ns_per_tick;
	__u32 first_shift; /* of the field of that name in struct ft_known_set */
	__u32 filter_mask; /* sets of ft_filter minus one */
	__u32 clients_mask; /* lines of ft_clients minus one */
	__u32 skeletons_mask; /* lines of ft_skeletons minus one */
	__u32 wake_bytes; /* wake the reader when the ring fills past this; 0: never */
	__u32 ring_quiet; /* octets a CPU adds to a ring that is nearly empty before it asks */
	__u32 mark_refresh; /* bytes pending past which refreshes are shed; 0: never */
	__u32 mark_change; /* and changes */
	__u32 refused_per_s; /* per CPU; 0: no limit */
	__u32 malformed_per_s;
	__u32 fragments_per_s;
	__u32 flows_per_s;
	__u32 dhcp_per_s;
	/* first sightings below one zone, all CPUs; 0: no limit. See fold.h */
	__u32 zone_names_per_s;
	__u32 zone_denials_per_s;
	__u8 filter;
	__u8 clients; /* enum ft_clients */
	__u8 follow_tcp;
	__u8 follow_fragments; /* enum ft_fragments_mode */
	__u8 translations; /* the kernel says where it put a client's address back */
	__u8 given_clock; /* time is what user space says: test runs of a capture */
	struct ft_ports ports;
};

#define FT_FILTER_WAYS	  4
#define FT_KNOWN_SETS	  4 /* a power of two */
#define FT_REPEATS_MAX	  0xff00 /* a set's record goes up then; with room for all CPUs at once */
#define FT_SKELETON_WAYS  4
#define FT_FRAGMENT_LINES 1024 /* of eight packets each */
#define FT_ZONE_SETS	  1024 /* of four zones each, 64 KiB */
#define FT_FLOW_LINES	  1024 /* of eight UDP flows each */
#define FT_WATCH_MAX	  16384
#define FT_RECENT_SLOTS	  2048 /* of each CPU */
#define FT_INPUT_BARE	  2 /* in ft_inputs: without link header; 1: with */
#define FT_RECORD_HEAD	  (sizeof(struct ft_event_hdr) + sizeof(struct ft_packet))

/*
 * What connections lately began or were refused with addresses that are not watched: whoever is
 * told an address connects to it before user space has read the answer. Slots of a CPU lie
 * together, its n-th in slot (n - 1) % FT_RECENT_SLOTS. @n is 0 while it is written: who reads
 * the same n before and after has a whole record.
 */
struct ft_recent {
	__u64 n;
	struct ft_flow flow;
};

/*
 * What a question was answered with. Repeats belong to the set: were they the name's, an address
 * would seem to have been there since others were. Remembered are as many sets as come and go
 * within one refresh interval; one that stayed away longer goes up in any case.
 */
struct ft_known_set {
	__u32 fingerprint; /* its low half, the last bit set; 0: free */
	__u32 emitted; /* ticks when its last record went up; half the clock's range ago in a free one */
	/*
	 * Low half: repeats since then. High half: when the first of them came, in ticks >>
	 * first_shift behind `emitted`. One word, so that both are taken at once.
	 */
	__u32 repeats;
};

/* One question in the repeat filter: a cache line. */
struct ft_known {
	__u32 tag; /* high half of the name hash, the last bit set; 0: free */
	__u32 seen; /* ticks << 2; the way seen longest ago makes room. Low bits: the set told last */
	__u32 ttl_min; /* over the repeats of all sets since one of them went up; ~0: none */
	__u32 ttl_max;
	struct ft_known_set set[FT_KNOWN_SETS];
};
_Static_assert(sizeof(struct ft_known) == 64, "one cache line a name");

#define FT_FILTER_SET_BYTES (FT_FILTER_WAYS * sizeof(struct ft_known))

#define FT_CPUS_MAX 1024 /* a power of two */

/* What one CPU has counted. */
struct ft_counters {
	__u64 n[FT_COUNTER_MAX]; /* enum ft_counter */
	__u64 evictions; /* names that made room in the filter */
	__u64 evicted_repeats; /* repeats of theirs that no record carries */
	__u64 skeletons_learnt; /* responses read name by name that need it no more */
	__u64 samples; /* REFUSED and FLOW records in the ring: beside the ledger */
	__u64 samples_lost; /* those over their rate or without room */
	__u64 evicted_folded; /* folded responses that no record tells of */
} __attribute__((aligned(512))); /* no line is two CPUs' */

#endif
