/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Maps and settings of the connect programs. */
#ifndef FT_CONNECT_MAPS_H
#define FT_CONNECT_MAPS_H

#include "vmlinux_connect.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <fluxtap/connect.h>

#define FT_CONN_KNOWN_MAX   16384
#define FT_CONN_CALLS_MAX   4096
#define FT_CONN_UDP_MAX	    16384
#define FT_CONN_ANNOUNCE_NS 60000000000ULL
#define FT_CONN_UDP_NS	    30000000000ULL

/* Set between open and load. */
const volatile __u32 ft_conn_own_pid; /* whose connections are ignored */
const volatile __u32 ft_conn_wakeup_bytes; /* wake the reader when this much waits; 0 never */
const volatile bool ft_conn_typed_task; /* bpf_get_current_task_btf() is to be had (Linux 5.11) */
const volatile bool
	ft_conn_coarse_clock; /* for the cgroup hooks, bpf_ktime_get_coarse_ns() likewise */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20); /* set from the configuration */
} ft_conn_ring SEC(".maps");

/*
 * One line a CPU (CPUs beyond share), mapped into the reader: a daemon without privileges may not
 * ask for map elements on older kernels.  Atomic, because a soft interrupt may come in between.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FT_CONN_COUNT_CPUS);
	__type(key, __u32);
	__type(value, struct ft_conn_count_line);
} ft_conn_counts SEC(".maps");

/* Processes announced lately, one place a pid modulo the size: 11 ns, where an LRU hash costs 45.
 */
struct ft_conn_known {
	__u64 start_ns;
	__u64 announced_ns;
	__u32 pid;
	__u32 exec_id;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_CONN_KNOWN_MAX);
	__type(key, __u32);
	__type(value, struct ft_conn_known);
} ft_conn_known SEC(".maps");

/* Per thread: the socket whose SYN was last sent, and the arguments of a connect() under way. */
struct ft_conn_call {
	__u32 tid;
	__s32 fd;
	__u64 addr;
	__u64 syn_sock;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_CONN_CALLS_MAX);
	__type(key, __u32);
	__type(value, struct ft_conn_call);
} ft_conn_calls SEC(".maps");

/* Unconnected UDP flows reported lately. */
struct ft_conn_udp {
	__u64 flow;
	__u64 time_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_CONN_UDP_MAX);
	__type(key, __u32);
	__type(value, struct ft_conn_udp);
} ft_conn_udp SEC(".maps");

static __always_inline void ft_conn_count(__u32 which)
{
	__u32 cpu = bpf_get_smp_processor_id() % FT_CONN_COUNT_CPUS;
	struct ft_conn_count_line *line = bpf_map_lookup_elem(&ft_conn_counts, &cpu);

	if (line)
		__sync_fetch_and_add(&line->n[which], 1);
}

/*
 * Waking the reader costs 14 us: it looks by itself, and is woken once, by the records that take
 * the fill over the mark; what comes after them finds it on its way.
 */
static __always_inline __u64 ft_conn_wakeup(void)
{
	__u64 beyond;

	if (!ft_conn_wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	beyond = bpf_ringbuf_query(&ft_conn_ring, BPF_RB_AVAIL_DATA) - ft_conn_wakeup_bytes;
	return beyond < 2 * sizeof(struct ft_conn) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

#endif
