// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections begun before their address was watched.  A client connects to what it was told within
 * a millisecond; the monitor reads the answer up to a fifth of a second later.  The program keeps
 * the last beginnings and refusals of each CPU; they are looked through here for new addresses.
 */
#include "capture/kernel_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "dns.skel.h"

/* What began longer before is of somebody who knew the address from elsewhere. */
#define LOOK_BACK_NS 2000000000ULL

static size_t map_bytes(const struct recent *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (r->slots_len * sizeof(*r->slots) + page - 1) / page * page;
}

int recent_open(struct kernel *k)
{
	struct recent *r = &k->recent;
	void *at;

	r->slots_len = bpf_map__max_entries(k->bpf->maps.ft_recent);
	r->added = calloc(RECENT_ADDED_MAX, sizeof(*r->added));
	if (!r->added)
		return -ENOMEM;
	at = mmap(NULL, map_bytes(r), PROT_READ, MAP_SHARED, bpf_map__fd(k->bpf->maps.ft_recent), 0);
	if (at == MAP_FAILED)
		return -errno;
	r->slots = at;
	return 0;
}

void recent_close(struct recent *r)
{
	if (r->slots)
		munmap((void *)(uintptr_t)r->slots, map_bytes(r));
	free(r->added);
	*r = (struct recent){ 0 };
}

void recent_want(struct recent *r, const struct ip_addr *addr)
{
	if (r->added_len == RECENT_ADDED_MAX) {
		r->missed++;
		return;
	}
	memcpy(r->added[r->added_len++], addr->b, sizeof(addr->b));
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static bool wanted(const struct recent *r, const uint8_t *addr)
{
	return bsearch(addr, r->added, r->sorted, sizeof(*r->added), by_bytes);
}

/* False: nothing there, or it was written meanwhile. */
static bool read_slot(const struct ft_recent *slot, struct ft_recent *ret)
{
	uint64_t n = __atomic_load_n(&slot->n, __ATOMIC_ACQUIRE);

	if (!n)
		return false;
	memcpy(&ret->flow, (const void *)&slot->flow, sizeof(ret->flow));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	ret->n = __atomic_load_n(&slot->n, __ATOMIC_RELAXED);
	return ret->n == n;
}

/* The slots of a CPU from the oldest on, so that a SYN comes before what answered it. */
static int read_cpu(struct recent *r, const struct ft_recent *slots, uint64_t since_ns, ring_fn fn,
		    void *ctx)
{
	struct ft_recent kept;
	uint64_t newest = 0;
	size_t first = 0;
	int n = 0;

	for (size_t i = 0; i < FT_RECENT_SLOTS; i++) {
		uint64_t at = __atomic_load_n(&slots[i].n, __ATOMIC_RELAXED);

		if (at > newest) {
			newest = at;
			first = (i + 1) % FT_RECENT_SLOTS;
		}
	}
	if (newest > FT_RECENT_SLOTS && read_slot(&slots[first], &kept) &&
	    kept.flow.hdr.time_ns > since_ns)
		r->missed++;
	for (size_t i = 0; newest && i < FT_RECENT_SLOTS; i++) {
		if (!read_slot(&slots[(first + i) % FT_RECENT_SLOTS], &kept) ||
		    kept.flow.hdr.time_ns < since_ns)
			continue;
		if (!wanted(r, kept.flow.pkt.src) && !wanted(r, kept.flow.pkt.dst))
			continue;
		fn(ctx, &kept.flow, sizeof(kept.flow));
		n++;
	}
	return n;
}

int recent_read(struct recent *r, ring_fn fn, void *ctx)
{
	struct timespec ts;
	uint64_t now_ns;
	int n = 0;

	if (!r->added_len)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	r->sorted = r->added_len; /* what @fn adds is behind, for the next time */
	qsort(r->added, r->sorted, sizeof(*r->added), by_bytes);
	for (size_t i = 0; i < r->slots_len; i += FT_RECENT_SLOTS)
		n += read_cpu(r, r->slots + i, now_ns > LOOK_BACK_NS ? now_ns - LOOK_BACK_NS : 0,
			      fn, ctx);
	r->added_len -= r->sorted;
	memmove(r->added, r->added + r->sorted, r->added_len * sizeof(*r->added));
	r->found += (uint64_t)n;
	return n;
}
