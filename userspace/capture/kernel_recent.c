// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections begun before their address was watched.  A client connects to what it was told within
 * a millisecond; the monitor reads the answer up to a fifth of a second later.  The program keeps
 * the last beginnings and refusals of each CPU.  They are read beside the ring, in order of time:
 * when one's turn has come, the answers before it have been read, and it is known whether its
 * address is watched, just as when a capture is replayed.
 */
#include "capture/kernel_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "dns.skel.h"

static size_t map_bytes(const struct recent *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (r->cpus * FT_RECENT_SLOTS * sizeof(*r->slots) + page - 1) / page * page;
}

int recent_open(struct kernel *k)
{
	struct recent *r = &k->recent;
	void *at;

	r->cpus = (size_t)k->cpus;
	r->watch_fd = bpf_map__fd(k->bpf->maps.ft_watch);
	r->seen = calloc(r->cpus, sizeof(*r->seen));
	r->waiting = calloc(r->cpus * FT_RECENT_SLOTS, sizeof(*r->waiting));
	if (!r->seen || !r->waiting)
		return -ENOMEM;
	at = mmap(NULL, map_bytes(r), PROT_READ, MAP_SHARED, bpf_map__fd(k->bpf->maps.ft_recent),
		  0);
	if (at == MAP_FAILED)
		return -errno;
	r->slots = at;
	return 0;
}

void recent_close(struct recent *r)
{
	if (r->slots)
		munmap((void *)(uintptr_t)r->slots, map_bytes(r));
	free(r->seen);
	free(r->waiting);
	*r = (struct recent){ 0 };
}

/* The @n-th of a CPU. False: it has been written over, or is about to be. */
static bool read_slot(const struct ft_recent *slots, uint64_t n, struct ft_flow *ret)
{
	const struct ft_recent *slot = &slots[(n - 1) % FT_RECENT_SLOTS];

	if (__atomic_load_n(&slot->n, __ATOMIC_ACQUIRE) != n)
		return false;
	memcpy(ret, (const void *)&slot->flow, sizeof(*ret));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&slot->n, __ATOMIC_RELAXED) == n;
}

static uint64_t newest(const struct ft_recent *slots)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FT_RECENT_SLOTS; i++) {
		uint64_t at = __atomic_load_n(&slots[i].n, __ATOMIC_RELAXED);

		if (at > n)
			n = at;
	}
	return n;
}

static void take_cpu(struct recent *r, size_t cpu)
{
	const struct ft_recent *slots = r->slots + cpu * FT_RECENT_SLOTS;
	uint64_t next = r->seen[cpu] + 1, last;

	/* most often nothing has come */
	if (__atomic_load_n(&slots[r->seen[cpu] % FT_RECENT_SLOTS].n, __ATOMIC_RELAXED) < next)
		return;
	last = newest(slots);
	if (last - r->seen[cpu] > FT_RECENT_SLOTS) {
		r->missed += last - r->seen[cpu] - FT_RECENT_SLOTS;
		next = last - FT_RECENT_SLOTS + 1;
	}
	for (; next <= last; next++) {
		if (r->waiting_len < r->cpus * FT_RECENT_SLOTS &&
		    read_slot(slots, next, &r->waiting[r->waiting_len]))
			r->waiting_len++;
		else
			r->missed++;
	}
	r->seen[cpu] = last;
}

static int by_time(const void *a, const void *b)
{
	const struct ft_flow *x = a, *y = b;

	return (x->hdr.time_ns > y->hdr.time_ns) - (x->hdr.time_ns < y->hdr.time_ns);
}

void recent_take(struct recent *r)
{
	memmove(r->waiting, r->waiting + r->given,
		(r->waiting_len - r->given) * sizeof(*r->waiting));
	r->waiting_len -= r->given;
	r->given = 0;
	for (size_t cpu = 0; cpu < r->cpus; cpu++)
		take_cpu(r, cpu);
	qsort(r->waiting, r->waiting_len, sizeof(*r->waiting), by_time);
}

static bool is_watched(const struct recent *r, const uint8_t *addr)
{
	uint8_t one;

	return bpf_map_lookup_elem(r->watch_fd, addr, &one) == 0;
}

int recent_give(struct recent *r, uint64_t until_ns, ring_fn fn, void *ctx)
{
	int n = 0;

	while (r->given < r->waiting_len && r->waiting[r->given].hdr.time_ns <= until_ns) {
		const struct ft_flow *f = &r->waiting[r->given++];

		if (!is_watched(r, f->pkt.src) && !is_watched(r, f->pkt.dst))
			continue;
		fn(ctx, f, sizeof(*f));
		n++;
	}
	r->found += (uint64_t)n;
	return n;
}
