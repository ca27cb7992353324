// SPDX-License-Identifier: BSD-2-Clause
#include "capture/udp_hold.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 1024 /* a power of two */

struct held {
	struct ft_conn rec;
	bool probe;
};

/* The latest connect of a thread, one place a thread id modulo the size; collisions forget. */
struct latest {
	uint64_t at; /* its number in the queue */
	uint32_t tid;
};

struct udp_hold {
	udp_hold_fn fn;
	void *ctx;
	uint64_t hold_ns, first, next; /* numbers of the queue's ends; modulo UDP_HOLD_MAX */
	uint64_t probes, full;
	struct latest latest[THREADS_MAX];
	struct held queue[UDP_HOLD_MAX];
};

int udp_hold_new(uint64_t hold_ns, udp_hold_fn fn, void *ctx, struct udp_hold **ret)
{
	struct udp_hold *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->hold_ns = hold_ns;
	h->fn = fn;
	h->ctx = ctx;
	*ret = h;
	return 0;
}

void udp_hold_free(struct udp_hold *h)
{
	free(h);
}

static void release_first(struct udp_hold *h)
{
	struct held *held = &h->queue[h->first++ % UDP_HOLD_MAX];

	if (held->probe)
		h->probes++;
	else
		h->fn(h->ctx, &held->rec);
}

/* A port that nobody means: 0 (no service asked for), 9 (Go), 65535 (musl). */
static bool is_probe_port(__be16 dport)
{
	return !dport || dport == htons(9) || dport == htons(65535);
}

static bool is_v4(const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

/*
 * glibc takes one socket for all addresses of a family. The same address again is a client that
 * reconnects; several sockets to several hosts are one that means it (NTP).
 */
static bool is_same_sorting(const struct ft_conn *a, const struct ft_conn *b)
{
	if (b->flags & FT_CONN_SAME_PEER || !memcmp(a->dst, b->dst, sizeof(a->dst)))
		return false;
	return a->sock == b->sock || (a->dport == b->dport && is_v4(a->dst) != is_v4(b->dst) &&
				      b->hdr.time_ns - a->hdr.time_ns < UDP_HOLD_BURST_NS);
}

void udp_hold_add(struct udp_hold *h, const struct ft_conn *rec)
{
	struct latest *l = &h->latest[rec->tid % THREADS_MAX];
	struct held *held;

	if (h->next - h->first == UDP_HOLD_MAX) {
		h->full++;
		release_first(h);
	}
	held = &h->queue[h->next % UDP_HOLD_MAX];
	held->rec = *rec;
	held->probe = is_probe_port(rec->dport);
	/* questions to several resolvers at once are no sorting */
	if (rec->dport != htons(53) && l->tid == rec->tid && l->at >= h->first && l->at < h->next) {
		struct held *before = &h->queue[l->at % UDP_HOLD_MAX];

		if (is_same_sorting(&before->rec, rec))
			before->probe = held->probe = true;
	}
	l->tid = rec->tid;
	l->at = h->next++;
}

void udp_hold_release(struct udp_hold *h, uint64_t now_ns)
{
	while (h->first < h->next &&
	       h->queue[h->first % UDP_HOLD_MAX].rec.hdr.time_ns + h->hold_ns <= now_ns)
		release_first(h);
}

uint64_t udp_hold_probes(const struct udp_hold *h)
{
	return h->probes;
}

uint64_t udp_hold_full(const struct udp_hold *h)
{
	return h->full;
}
