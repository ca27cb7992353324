/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of a BPF ring buffer (Documentation/bpf/ringbuf.rst of the kernel).  Own, because it gives
 * back the room in batches (each store to the consumer position costs the producers a cache miss),
 * stops after a number of records, and maps the data once: libbpf maps it twice, and each page of a
 * ring counts as resident from the start.
 */
#ifndef CAPTURE_RING_H
#define CAPTURE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_RECORD_MAX (128U << 10) /* a longer one that wraps around comes with no bytes */

struct ring {
	int fd; /* of the map: readable for poll() and its like when there is something to read */
	size_t bytes; /* power of two */
	size_t mapped; /* of the data: its beginning again behind its end, so that records never
			  wrap */
	unsigned long *consumer; /* positions, each on a page of its own */
	const unsigned long *producer;
	const uint8_t *data;
};

typedef void (*ring_fn)(void *ctx, const void *rec, size_t bytes);

int ring_open(struct ring *r, int map_fd, size_t bytes);
void ring_close(struct ring *r); /* one that is all zero is fine */
size_t ring_pending(const struct ring *r);
/* Records that wait and that @counts says yes to. */
size_t ring_count(const struct ring *r, bool (*counts)(const void *rec, size_t bytes));
/* Hand over at most @max records; returns how many. */
int ring_read(struct ring *r, int max, ring_fn fn, void *ctx);

#endif
