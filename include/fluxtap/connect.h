/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Records that the connect programs put into their own ring, ft_conn_ring.
 *
 * Host byte order unless the type says __be16.  hdr.time_ns and attempt_ns are CLOCK_MONOTONIC
 * nanoseconds; start_ns is CLOCK_BOOTTIME, as the kernel keeps the start of a process.  Padding is
 * named and zero.  hdr.size is the record's size, a multiple of 8.
 *
 * A process is named by (pid, start_ns, exec_id): its record goes ahead of the first connection
 * that refers to it and again from time to time, so that a reader may forget.
 */
#ifndef FLUXTAP_CONNECT_H
#define FLUXTAP_CONNECT_H

#include <fluxtap/event.h>

#define FT_CONN_VERSION 1

enum ft_conn_kind { /* append only */
		    FT_CONN_PROCESS = 1, /* struct ft_conn_process */
		    FT_CONN_CONNECT = 2, /* struct ft_conn */
};

enum ft_conn_event { /* append only */
		     FT_CONN_ATTEMPT = 1, /* started; its outcome cannot be followed (table full) */
		     FT_CONN_OK =
			     2, /* TCP: established. UDP: connect() or sendto() took the address */
		     FT_CONN_FAILED = 3,
		     FT_CONN_CLOSED = 4, /* an established one ended */
};

enum ft_conn_flags {
	FT_CONN_UNCONNECTED = 1, /* UDP: sendto()/sendmsg() with an address, no connect() */
	FT_CONN_SAME_PEER = 2, /* UDP: the socket had this peer just before: no sorting */
};

struct ft_conn {
	struct ft_event_hdr hdr; /* kind FT_CONN_CONNECT; time of the outcome */
	__u64 attempt_ns; /* when it began; equal to the time of the outcome for UDP */
	__u64 established_ns; /* CLOSED only */
	__u64 start_ns; /* of the process */
	__u64 sock; /* inode of the socket, where connect() tells it; else 0 */
	__u64 bytes_sent; /* CLOSED only: payload, retransmissions not counted twice */
	__u64 bytes_received;
	__u32 pid; /* thread group id in the initial namespace */
	__u32 tid;
	__u32 exec_id;
	__u32 netns; /* inode of the socket's network namespace */
	__s32 err; /* positive errno; 0: none */
	__u8 src[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 dst[16];
	__be16 sport; /* 0 while the socket has none */
	__be16 dport;
	__u8 event; /* enum ft_conn_event */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 flags; /* enum ft_conn_flags */
	__u8 pad[5];
};
_Static_assert(sizeof(struct ft_conn) == 128, "ft_conn is ABI");

/*
 * text: three lists, one behind the other.  cmdline: arguments, each ended by a zero octet; the
 * last may be cut off.  exe and cgroup: path components from the last to the first, each ended by
 * a zero octet ("curl", "bin", "usr" is /usr/bin/curl).
 */
#define FT_CONN_EXE_DEPTH     24 /* components and mounts crossed */
#define FT_CONN_CGROUP_DEPTH  12
#define FT_CONN_PART_BYTES    256
#define FT_CONN_CMDLINE_BYTES 256
#define FT_CONN_TEXT_BYTES    1280

struct ft_conn_process {
	struct ft_event_hdr hdr; /* kind FT_CONN_PROCESS */
	__u64 start_ns;
	__u64 cgroup_id;
	__u32 pid;
	__u32 ppid;
	__u32 exec_id;
	__u32 uid;
	__u16 cmdline_bytes;
	__u16 exe_bytes;
	__u16 cgroup_bytes;
	__u8 exe_cut; /* 1: the path is longer than what is here */
	__u8 cgroup_cut;
	__u8 comm[16]; /* of the thread group's leader */
	__u8 text[FT_CONN_TEXT_BYTES];
};
_Static_assert(sizeof(struct ft_conn_process) == 72 + FT_CONN_TEXT_BYTES, "ft_conn_process is ABI");

/* In the map ft_conn_counts, summed over its lines; append only. */
#define FT_CONN_COUNTERS(X)                                                              \
	X(CONNECTS, connects) /* connection records that should have gone out */         \
	X(PROCESSES, processes) /* process records that should have gone out */          \
	X(RING_FULL, ring_full) /* of both: no room in the ring */                       \
	X(TABLE_FULL, table_full) /* TCP connections whose outcome cannot be followed */ \
	X(NO_SOCKET, no_socket) /* connect() returned and its socket was not found */    \
	X(OWN, own) /* the monitor's own */                                              \
	X(UDP_REPEAT, udp_repeat) /* unconnected datagrams of a flow already reported */ \
	X(STALE, stale) /* TCP connections whose end went by unseen */                   \
	X(UDP_PROBE, udp_probe) /* UDP connects that sort addresses, but the first two */

enum ft_conn_counter {
#define FT_AS_ENUM(upper, lower) FT_CONN_COUNT_##upper,
	FT_CONN_COUNTERS(FT_AS_ENUM)
#undef FT_AS_ENUM
		FT_CONN_COUNT_MAX
};

#define FT_CONN_COUNT_CPUS 256 /* a power of two */
struct ft_conn_count_line {
	__u64 n[16]; /* by enum ft_conn_counter */
};
_Static_assert(FT_CONN_COUNT_MAX <= 16, "two cache lines a CPU");

#endif
