/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * TCP sockets from SYN_SENT to CLOSE.  The kernel takes every socket to CLOSE before it frees it,
 * so entries do not outlive sockets, unless the tracepoint is passed over (seen on a machine short
 * of CPU time): hence the peer is compared before an entry is believed.  Full means counted and
 * reported as ATTEMPT.
 *
 * The table is an array of sets of eight: one line of memory tells that a socket is not in it, as
 * accepted ones never are, and to put one in and take it out costs a tenth of what it costs with a
 * hash map.  It takes an atomic exchange; kernels whose BPF has none get programs with the hash map
 * (@sets false), for they refuse any program that there is one in.
 */
#ifndef FT_CONNECT_SOCKS_H
#define FT_CONNECT_SOCKS_H

#include "connect_maps.h"

#define FT_CONN_WAYS 8

struct ft_conn_tracked {
	__u64 attempt_ns;
	__u64 established_ns; /* 0: not yet */
	__u64 start_ns;
	__u32 pid;
	__u32 tid;
	__u32 exec_id;
	__u32 netns;
	__u64 peer; /* digest of the peer's address and port */
};

struct ft_conn_set {
	__u64 socks[FT_CONN_WAYS]; /* 0: free */
	struct ft_conn_tracked tracked[FT_CONN_WAYS];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384); /* a power of two, set from the configuration */
	__type(key, __u32);
	__type(value, struct ft_conn_set);
} ft_conn_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536); /* set from the configuration */
	__type(key, __u64);
	__type(value, struct ft_conn_tracked);
} ft_conn_socks SEC(".maps");

const volatile __u32 ft_conn_sets_mask; /* set between open and load */

/* The verifier lets nobody calculate with a pointer, but with its lower half. */
static __always_inline struct ft_conn_set *ft_sock_set(const struct sock *sk)
{
	__u32 at;

	asm volatile("r1 = %1; w1 = w1; %0 = r1" : "=r"(at) : "r"(sk) : "r1");
	at = ((at >> 6) * 0x9e3779b1U) >> 8 & ft_conn_sets_mask;
	return bpf_map_lookup_elem(&ft_conn_sets, &at);
}

struct ft_sock_place {
	__u64 *sock;
	struct ft_conn_tracked *tracked; /* NULL: not there */
};

static __always_inline struct ft_sock_place ft_sock_find(const struct sock *sk, bool sets)
{
	struct ft_sock_place place = {};
	struct ft_conn_set *set;
	__u64 key = (__u64)sk;

	if (!sets) {
		place.tracked = bpf_map_lookup_elem(&ft_conn_socks, &key);
		return place;
	}
	set = ft_sock_set(sk);
	if (!set)
		return place;
#pragma unroll
	for (int i = 0; i < FT_CONN_WAYS; i++) {
		if (set->socks[i] == key) {
			place.sock = &set->socks[i];
			place.tracked = &set->tracked[i];
			return place;
		}
	}
	return place;
}

/* What was read of the entry has been read by then: the exchange is a barrier. */
static __always_inline void ft_sock_forget(const struct sock *sk, const struct ft_sock_place *place,
					   bool sets)
{
	__u64 key = (__u64)sk;

	if (!sets)
		bpf_map_delete_elem(&ft_conn_socks, &key);
	else if (place->sock)
		__sync_lock_test_and_set(place->sock, 0);
}

/* Takes the place of an earlier socket in the same memory.  False: no room. */
static __always_inline bool ft_sock_keep(const struct sock *sk, const struct ft_conn_tracked *t,
					 bool sets)
{
	struct ft_sock_place place;
	struct ft_conn_set *set;
	__u64 key = (__u64)sk;

	if (!sets)
		return !bpf_map_update_elem(&ft_conn_socks, &key, t, BPF_ANY);
	place = ft_sock_find(sk, sets);
	if (place.tracked) {
		*place.tracked = *t;
		return true;
	}
	set = ft_sock_set(sk);
	if (!set)
		return false;
#pragma unroll
	for (int i = 0; i < FT_CONN_WAYS; i++) {
		if (!set->socks[i] && !__sync_val_compare_and_swap(&set->socks[i], 0, key)) {
			set->tracked[i] = *t;
			return true;
		}
	}
	return false;
}

#endif
