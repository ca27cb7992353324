// SPDX-License-Identifier: BSD-2-Clause
#include "capture/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

/* Room is given back after this many bytes. */
#define BATCH_BYTES 16384

int ring_open(struct ring *r, int map_fd, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = bytes + (bytes < RING_RECORD_MAX ? bytes : RING_RECORD_MAX);
	uint8_t *positions, *rest;
	int err;

	positions = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (positions == MAP_FAILED)
		return -errno;
	rest = mmap(NULL, page + mapped, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (rest == MAP_FAILED) {
		err = -errno;
		munmap(positions, page);
		return err;
	}
	*r = (struct ring){
		.fd = map_fd,
		.bytes = bytes,
		.mapped = mapped,
		.consumer = (unsigned long *)(void *)positions,
		.producer = (const unsigned long *)(const void *)rest,
		.data = rest + page,
	};
	return 0;
}

void ring_close(struct ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!r->consumer)
		return;
	munmap(r->consumer, page);
	munmap((void *)(uintptr_t)r->producer, page + r->mapped);
	*r = (struct ring){ .fd = -1 };
}

size_t ring_pending(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - *r->consumer;
}

/* @len of a record whose header is at @at, 0 for one that does not fit into the mapping. */
static size_t whole(const struct ring *r, size_t at, uint32_t len)
{
	return len <= r->mapped - at - BPF_RINGBUF_HDR_SZ ? len : 0;
}

size_t ring_count(const struct ring *r, bool (*counts)(const void *rec, size_t bytes))
{
	unsigned long pos = *r->consumer;
	unsigned long end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	size_t n = 0;

	while (pos < end) {
		size_t at = pos & (r->bytes - 1);
		const uint8_t *head = r->data + at;
		uint32_t len =
			__atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);

		/* one that is being written is not yet emitted; its length is there */
		if (!(len & (BPF_RINGBUF_DISCARD_BIT | BPF_RINGBUF_BUSY_BIT)))
			n += counts(head + BPF_RINGBUF_HDR_SZ, whole(r, at, len));
		len &= ~((uint32_t)BPF_RINGBUF_DISCARD_BIT | (uint32_t)BPF_RINGBUF_BUSY_BIT);
		pos += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
	}
	return n;
}

int ring_read(struct ring *r, int max, ring_fn fn, void *ctx)
{
	unsigned long pos = *r->consumer, given = pos;
	unsigned long end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	int n = 0;

	while (pos < end && n < max) {
		size_t at = pos & (r->bytes - 1);
		const uint8_t *head = r->data + at;
		uint32_t len =
			__atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			fn(ctx, head + BPF_RINGBUF_HDR_SZ, whole(r, at, len));
			n++;
		}
		len &= ~(uint32_t)BPF_RINGBUF_DISCARD_BIT;
		pos += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		if (pos - given >= BATCH_BYTES) {
			__atomic_store_n(r->consumer, pos, __ATOMIC_RELEASE);
			given = pos;
		}
	}
	if (pos != given)
		__atomic_store_n(r->consumer, pos, __ATOMIC_RELEASE);
	return n;
}
