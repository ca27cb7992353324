/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of this machine's processes: the connect programs loaded and attached, their ring
 * read, processes put beside their connections.  Everything that needs privileges happens in
 * open, attach and existing; poll works for a process without any.
 *
 * What is seen: TCP however it was begun, to its outcome and its end; UDP by connect(); UDP by
 * sendto() and sendmsg() with an address where a cgroup v2 hierarchy is to be had.  Not seen: UDP
 * connects and immediate TCP failures (no route) by io_uring or by 32-bit programs; sockets of
 * other protocols.
 */
#ifndef CAPTURE_CONNECT_H
#define CAPTURE_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "correlate/connection.h"

struct connect_config {
	size_t ring_bytes; /* power of two; default 4 MiB */
	size_t wakeup_bytes; /* the descriptor becomes readable at this fill; default 1/4 */
	uint32_t max_sockets; /* TCP connections followed at a time; default 65536, 128 octets each */
	size_t max_processes; /* default 16384 */
	bool udp_sends; /* attach the hooks of sendto() and sendmsg(); default true */
	uint64_t udp_hold_ns; /* UDP connects wait this long for being told from probes;
				 default 20 ms */
	uint32_t ignore_pid; /* whose connections do not count; default: this process */
};

/* Borrowed for the call; @conn->names is empty, for the join to fill. */
typedef void (*connection_fn)(void *ctx, struct connection *conn);

struct connect_capture;
struct connect_config connect_config_default(void);

/* Load. @key seeds the process table. Negative errno; the log says more. */
int connect_open(const struct connect_config *cfg, const struct hash_key *key,
		 struct connect_capture **ret);
int connect_attach(struct connect_capture *c);
void connect_close(struct connect_capture *c); /* detaches; NULL is fine */

/*
 * The outgoing TCP connections that are established now, of every network namespace that a
 * process is in: state CONNECTION_OK, preexisting set, time_ns is @now_ns. Returns how many, or a
 * negative errno. After attach, so that none falls in between; one begun just now may come twice.
 */
int connect_existing(struct connect_capture *c, uint64_t now_ns, connection_fn fn, void *ctx);

/* Readable when the ring fills up; otherwise poll by a timer. */
int connect_fd(const struct connect_capture *c);

/*
 * Hand over what is in the ring. @now_ns: Unix time now, for bringing the kernel's times to it.
 * Returns how many connections. Call again within udp_hold_ns or a little more.
 *
 * UDP connects that send nothing, but ask the kernel which source address it would take, are how
 * resolvers sort addresses (RFC 6724). What looks like that is counted as probes and not handed
 * over: one socket to several addresses in a row (glibc), one thread to the same port over IPv4 and
 * IPv6 within 5 ms, ports 0, 9 (Go) and 65535 (musl). c-ares' look like any other. Of those by one
 * socket the programs themselves leave out the third and what follows it, and count it.
 */
int connect_poll(struct connect_capture *c, uint64_t now_ns, connection_fn fn, void *ctx);

struct connect_stats {
	uint64_t records; /* read from the ring */
	uint64_t lost; /* ring full */
	uint64_t table_full; /* TCP connections without outcome */
	uint64_t stale;		/* TCP connections whose end went by unseen */
	uint64_t bad_records; /* of a kind, version or size not known here */
	uint64_t own, no_socket, udp_repeats;
	uint64_t udp_probes, udp_hold_full;
	uint64_t processes, processes_evicted, processes_unknown;
	size_t table_bytes;
	bool syscalls, udp_sends; /* attached */
};
void connect_stats(const struct connect_capture *c, struct connect_stats *ret);

#endif
