/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * UDP connects that sort addresses (RFC 6724), as glibc does them: one socket to one address after
 * the other, and nothing is sent.  The first two of them go to the reader, which then knows; those
 * behind them only count.  The reader's window (userspace/capture/udp_hold.h) is the wider one: what
 * is left out here it would have left out.
 */
#ifndef FT_CONNECT_SORTING_H
#define FT_CONNECT_SORTING_H

#include "connect_maps.h"
#include <bpf/bpf_endian.h>

#define FT_CONN_SORTING_MAX 4096

/* Set between open and load: so many ticks apart two connects belong together. */
const volatile __u64 ft_conn_sorting_ticks;

/* The last UDP connect of a thread, one place a thread id modulo the size; collisions forget. */
struct ft_conn_sorting {
	__u64 sock; /* inode */
	__u64 peer; /* digest of its address and port */
	__u64 tick;
	__u32 tid;
	__u8 told; /* it and the one before went out, and the reader takes both for sorting */
	__u8 pad[3];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_CONN_SORTING_MAX);
	__type(key, __u32);
	__type(value, struct ft_conn_sorting);
} ft_conn_sorting SEC(".maps");

enum ft_sorting { FT_SORTING_NEW, FT_SORTING_SAME_PEER, FT_SORTING_TOLD };

static __always_inline enum ft_sorting ft_sorting(__u32 tid, __u64 sock, __u64 peer, __be16 dport)
{
	__u32 slot = tid % FT_CONN_SORTING_MAX;
	struct ft_conn_sorting *s = bpf_map_lookup_elem(&ft_conn_sorting, &slot);
	enum ft_sorting ret = FT_SORTING_NEW;
	__u64 tick;

	if (!s)
		return FT_SORTING_NEW;
	tick = bpf_jiffies64();
	if (s->tid != tid || s->sock != sock || tick - s->tick > ft_conn_sorting_ticks) {
		s->tid = tid;
		s->sock = sock;
		s->told = false;
	} else if (s->peer == peer) {
		ret = FT_SORTING_SAME_PEER;
		s->told = false;
	} else if (dport == bpf_htons(53)) { /* questions to several resolvers are none */
		s->told = false;
	} else {
		ret = s->told ? FT_SORTING_TOLD : FT_SORTING_NEW;
		s->told = true;
	}
	s->peer = peer;
	s->tick = tick;
	return ret;
}

#endif
