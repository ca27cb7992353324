// SPDX-License-Identifier: BSD-2-Clause
#include "capture/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "capture/connect_attach.h"
#include "capture/process.h"
#include "capture/ring.h"
#include "capture/sockdiag.h"
#include "capture/udp_hold.h"
#include "connect.skel.h"

struct connect_capture {
	struct connect_config cfg;
	struct connect_bpf *bpf;
	struct connect_links links;
	struct ring ring;
	struct process_table *processes;
	struct udp_hold *hold;
	const struct ft_conn_count_line *counts;
	uint64_t records, bad_records;
	uint64_t monotonic_to_unix_ns;
	/* while a poll is under way */
	connection_fn fn;
	void *ctx;
	int handed_over;
};

struct connect_config connect_config_default(void)
{
	struct connect_config cfg = {
		.ring_bytes = 4 << 20,
		.wakeup_bytes = 1 << 20,
		.max_sockets = 65536,
		.max_processes = 16384,
		.udp_sends = true,
		.udp_hold_ns = 20000000,
		.ignore_pid = (uint32_t)getpid(),
	};

	return cfg;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- records to connections ------------------------------------------------------------------ */

static bool record_sound(const void *rec, size_t bytes)
{
	const struct ft_event_hdr *hdr = rec;

	if (bytes < sizeof(*hdr) || hdr->size != bytes || hdr->version != FT_CONN_VERSION)
		return false;
	if (hdr->kind == FT_CONN_CONNECT)
		return bytes == sizeof(struct ft_conn);
	if (hdr->kind == FT_CONN_PROCESS) {
		const struct ft_conn_process *p = rec;

		return bytes == sizeof(*p) &&
		       (size_t)p->cmdline_bytes + p->exe_bytes + p->cgroup_bytes <=
			       FT_CONN_TEXT_BYTES;
	}
	return false;
}

static enum connection_state state_of(uint8_t event)
{
	switch (event) {
	case FT_CONN_OK:
		return CONNECTION_OK;
	case FT_CONN_FAILED:
		return CONNECTION_FAILED;
	case FT_CONN_CLOSED:
		return CONNECTION_CLOSED;
	default:
		return CONNECTION_ATTEMPT;
	}
}

static void hand_over(void *ctx, const struct ft_conn *rec)
{
	struct connect_capture *c = ctx;
	struct connection conn;

	memset(&conn, 0, offsetof(struct connection, names));
	conn.time_ns = rec->attempt_ns + c->monotonic_to_unix_ns;
	conn.source = CONNECTION_LOCAL;
	conn.state = state_of(rec->event);
	conn.src = ip_from_v6(rec->src);
	conn.dst = ip_from_v6(rec->dst);
	conn.sport = ntohs(rec->sport);
	conn.dport = ntohs(rec->dport);
	conn.proto = rec->proto;
	conn.latency_us = (rec->hdr.time_ns - rec->attempt_ns) / 1000;
	conn.err = rec->err;
	/* closed by the process while it waited: no error in the socket, but no connection either
	 */
	if (conn.state == CONNECTION_FAILED && !conn.err)
		conn.err = ECONNABORTED;
	if (conn.state == CONNECTION_CLOSED) {
		conn.has_bytes = true;
		conn.bytes_toserver = rec->bytes_sent;
		conn.bytes_toclient = rec->bytes_received;
		conn.duration_ns = rec->hdr.time_ns - rec->established_ns;
		conn.latency_us = (rec->established_ns - rec->attempt_ns) / 1000;
	}
	process_table_get(c->processes, rec->pid, rec->start_ns, rec->exec_id, &conn.process);
	conn.has_process = true;
	conn.process.netns = rec->netns;
	c->handed_over++;
	c->fn(c->ctx, &conn);
}

static void ring_record(void *ctx, const void *data, size_t bytes)
{
	struct connect_capture *c = ctx;
	const struct ft_conn *rec = data;

	c->records++;
	if (!record_sound(data, bytes)) {
		c->bad_records++;
		return;
	}
	if (rec->hdr.kind == FT_CONN_PROCESS)
		process_table_record(c->processes, data);
	else if (rec->proto == IPPROTO_UDP && rec->event == FT_CONN_OK &&
		 !(rec->flags & FT_CONN_UNCONNECTED))
		udp_hold_add(c->hold, rec);
	else
		hand_over(c, rec);
}

int connect_poll(struct connect_capture *c, uint64_t now_ns, connection_fn fn, void *ctx)
{
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);

	c->monotonic_to_unix_ns = now_ns - mono_ns;
	c->fn = fn;
	c->ctx = ctx;
	c->handed_over = 0;
	ring_read(&c->ring, INT_MAX, ring_record, c);
	udp_hold_release(c->hold, mono_ns);
	return c->handed_over;
}

static void existing_socket(void *ctx, const struct sockdiag_socket *s)
{
	struct connect_capture *c = ctx;
	struct connection conn;

	memset(&conn, 0, offsetof(struct connection, names));
	conn.time_ns = c->monotonic_to_unix_ns;
	conn.source = CONNECTION_LOCAL;
	conn.state = CONNECTION_OK;
	conn.preexisting = true;
	conn.src = s->src;
	conn.dst = s->dst;
	conn.sport = s->sport;
	conn.dport = s->dport;
	conn.proto = IPPROTO_TCP;
	conn.has_process = s->pid && !process_table_running(c->processes, s->pid, &conn.process);
	conn.process.netns = s->netns;
	if (!conn.has_process)
		conn.process.uid = s->uid;
	c->handed_over++;
	c->fn(c->ctx, &conn);
}

int connect_existing(struct connect_capture *c, uint64_t now_ns, connection_fn fn, void *ctx)
{
	int err;

	c->monotonic_to_unix_ns = now_ns; /* the one time all of them get */
	c->fn = fn;
	c->ctx = ctx;
	c->handed_over = 0;
	err = sockdiag_outgoing(existing_socket, c);
	return err ? err : c->handed_over;
}

/* --- life cycle ------------------------------------------------------------------------------ */

/* Sets of eight, so many that half are free: one in several thousand is full before the table is. */
static int set_up_sockets(struct connect_bpf *bpf, uint32_t max_sockets)
{
	bool exchange = connect_has_exchange();
	uint32_t sets = 1;
	int err;

	while (exchange && sets < 1U << 24 && (uint64_t)sets * 4 < max_sockets)
		sets *= 2;
	bpf->rodata->ft_conn_sets_mask = sets - 1;
	err = bpf_map__set_max_entries(bpf->maps.ft_conn_sets, sets);
	return err ? err
		   : bpf_map__set_max_entries(bpf->maps.ft_conn_socks, exchange ? 1 : max_sockets);
}

/* Whole ticks of the kernel's coarse clock that lie within @ns for sure. */
static uint64_t ticks_within(uint64_t ns)
{
	struct timespec tick;
	uint64_t tick_ns;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		return 0;
	tick_ns = (uint64_t)tick.tv_sec * 1000000000 + (uint64_t)tick.tv_nsec;
	return tick_ns && ns > tick_ns ? ns / tick_ns - 1 : 0;
}

static int set_up_bpf(struct connect_capture *c)
{
	struct connect_bpf *bpf = connect_bpf__open();
	int err;

	if (!bpf)
		return -errno;
	c->bpf = bpf;
	bpf->rodata->ft_conn_own_pid = c->cfg.ignore_pid;
	bpf->rodata->ft_conn_wakeup_bytes = (uint32_t)c->cfg.wakeup_bytes;
	err = bpf_map__set_max_entries(bpf->maps.ft_conn_ring, (uint32_t)c->cfg.ring_bytes);
	if (!err)
		err = set_up_sockets(bpf, c->cfg.max_sockets);
	if (err)
		return err;
	bpf->rodata->ft_conn_sorting_ticks = ticks_within(c->cfg.udp_hold_ns);
	connect_links_choose(&c->links, bpf, c->cfg.udp_sends);
	return connect_bpf__load(bpf);
}

static int map_counts(struct connect_capture *c)
{
	size_t bytes = sizeof(struct ft_conn_count_line) * FT_CONN_COUNT_CPUS;
	void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED,
			bpf_map__fd(c->bpf->maps.ft_conn_counts), 0);

	if (at == MAP_FAILED)
		return -errno;
	c->counts = at;
	return 0;
}

int connect_open(const struct connect_config *cfg, const struct hash_key *key,
		 struct connect_capture **ret)
{
	uint64_t boot_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	struct connect_capture *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	err = process_table_new(cfg->max_processes, boot_ns, key, &c->processes);
	if (!err)
		err = udp_hold_new(cfg->udp_hold_ns, hand_over, c, &c->hold);
	if (!err)
		err = set_up_bpf(c);
	if (!err)
		err = map_counts(c);
	if (err)
		goto err_close;
	err = ring_open(&c->ring, bpf_map__fd(c->bpf->maps.ft_conn_ring),
			bpf_map__max_entries(c->bpf->maps.ft_conn_ring));
	if (err)
		goto err_close;
	*ret = c;
	return 0;

err_close:
	connect_close(c);
	return err;
}

int connect_attach(struct connect_capture *c)
{
	return connect_links_attach(&c->links, c->bpf);
}

void connect_close(struct connect_capture *c)
{
	if (!c)
		return;
	connect_links_detach(&c->links);
	ring_close(&c->ring);
	if (c->counts)
		munmap((void *)(uintptr_t)c->counts,
		       sizeof(struct ft_conn_count_line) * FT_CONN_COUNT_CPUS);
	connect_bpf__destroy(c->bpf);
	udp_hold_free(c->hold);
	process_table_free(c->processes);
	free(c);
}

int connect_fd(const struct connect_capture *c)
{
	return c->ring.fd;
}

static uint64_t count_of(const struct connect_capture *c, enum ft_conn_counter which)
{
	uint64_t sum = 0;

	for (unsigned int cpu = 0; cpu < FT_CONN_COUNT_CPUS; cpu++)
		sum += __atomic_load_n(&c->counts[cpu].n[which], __ATOMIC_RELAXED);
	return sum;
}

void connect_stats(const struct connect_capture *c, struct connect_stats *ret)
{
	struct process_stats p;

	process_table_stats(c->processes, &p);
	*ret = (struct connect_stats){
		.records = c->records,
		.lost = count_of(c, FT_CONN_COUNT_RING_FULL),
		.table_full = count_of(c, FT_CONN_COUNT_TABLE_FULL),
		.stale = count_of(c, FT_CONN_COUNT_STALE),
		.bad_records = c->bad_records,
		.own = count_of(c, FT_CONN_COUNT_OWN),
		.no_socket = count_of(c, FT_CONN_COUNT_NO_SOCKET),
		.udp_repeats = count_of(c, FT_CONN_COUNT_UDP_REPEAT),
		.udp_probes = udp_hold_probes(c->hold) + count_of(c, FT_CONN_COUNT_UDP_PROBE),
		.udp_hold_full = udp_hold_full(c->hold),
		.processes = p.processes,
		.processes_evicted = p.evicted,
		.processes_unknown = p.unknown,
		.table_bytes = p.table_bytes,
		.syscalls = c->links.syscalls,
		.udp_sends = c->links.udp_sends,
	};
}
