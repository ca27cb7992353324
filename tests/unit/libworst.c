// SPDX-License-Identifier: BSD-2-Clause
/* See libworst.h. */
#include "libworst.h"

#include <stdio.h>
#include <string.h>

#define HEADER	     12
#define NAME_OCTETS  254 /* without the root's */
#define POINTERS_MAX 126 /* one more is the record's own */

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_SOA = 6, TYPE_MX = 15, TYPE_TXT = 16, TYPE_UNKNOWN = 65280 };

static const unsigned int cell_counts[] = { 0, 1, 31, POINTERS_MAX };
static const unsigned int label_counts[] = { 0, 1, 127 };
static const unsigned int label_sizes[] = { 1, 3, 63 };
static const uint16_t types[] = { 0, TYPE_A, TYPE_NS, TYPE_SOA, TYPE_MX, TYPE_TXT, TYPE_UNKNOWN };

#define N(a) (sizeof(a) / sizeof((a)[0]))

bool worst_shape(size_t i, struct worst_shape *ret)
{
	if (i >= N(cell_counts) * N(label_counts) * N(label_sizes) * N(types))
		return false;
	ret->type = types[i % N(types)];
	i /= N(types);
	ret->label_octets = label_sizes[i % N(label_sizes)];
	i /= N(label_sizes);
	ret->labels = label_counts[i % N(label_counts)];
	ret->cells = cell_counts[i / N(label_counts)];
	return true;
}

struct builder {
	uint8_t *b;
	size_t len, room, chain; /* chain: where the last cell is */
	unsigned int octets; /* of the name so far, the root's left out */
	bool full;
};

static void put(struct builder *w, const void *bytes, size_t n)
{
	if (w->full || w->room - w->len < n) {
		w->full = true;
		return;
	}
	memcpy(w->b + w->len, bytes, n);
	w->len += n;
}

static void put_u16(struct builder *w, size_t v)
{
	put(w, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

/* Upper case, and an octet that text has to escape: what folding and output make most of. */
static void put_labels(struct builder *w, const struct worst_shape *s)
{
	uint8_t label[64];

	memset(label, 0xff, sizeof(label));
	label[0] = (uint8_t)s->label_octets;
	for (unsigned int i = 0; i < s->labels; i++) {
		if (w->octets + 1 + s->label_octets > NAME_OCTETS)
			return;
		put(w, label, 1 + s->label_octets);
		w->octets += 1 + s->label_octets;
	}
}

static void put_chain(struct builder *w, const struct worst_shape *s)
{
	for (unsigned int i = 0; i < s->cells; i++) {
		size_t before = w->chain;

		w->chain = w->len;
		put_labels(w, s);
		if (i)
			put_u16(w, 0xc000 | before);
		else
			put(w, "", 1);
	}
}

static void put_name(struct builder *w, const struct worst_shape *s)
{
	if (s->cells) {
		put_u16(w, 0xc000 | w->chain);
		return;
	}
	w->octets = 0;
	put_labels(w, s);
	put(w, "", 1);
}

static void put_rdata(struct builder *w, const struct worst_shape *s)
{
	static const uint8_t zeros[20];

	if (s->type == TYPE_MX)
		put_u16(w, 10);
	if (s->type == TYPE_NS || s->type == TYPE_SOA || s->type == TYPE_MX)
		put_name(w, s);
	if (s->type == TYPE_SOA) {
		put_name(w, s);
		put(w, zeros, 20);
	}
	if (s->type == TYPE_A)
		put(w, "\300\0\2\1", 4);
	if (s->type == TYPE_TXT)
		put(w, "\1\377\1\377\1\377", 6);
}

static void put_record(struct builder *w, const struct worst_shape *s)
{
	size_t at;

	put_name(w, s);
	put_u16(w, s->type);
	put_u16(w, 1);
	put(w, "\0\0\0\74\0\0", 6);
	at = w->len;
	put_rdata(w, s);
	if (w->full)
		return;
	w->b[at - 2] = (uint8_t)((w->len - at) >> 8);
	w->b[at - 1] = (uint8_t)(w->len - at);
}

static void set_count(struct builder *w, unsigned int section, size_t n)
{
	w->b[4 + 2 * section] = (uint8_t)(n >> 8);
	w->b[5 + 2 * section] = (uint8_t)n;
}

/* Whole entries only: what does not fit is taken back. */
static size_t fill(struct builder *w, const struct worst_shape *s)
{
	size_t n = 0;

	while (n < UINT16_MAX) {
		size_t before = w->len;

		if (s->type)
			put_record(w, s);
		else
			put_name(w, s), put(w, "\0\1\0\1", 4);
		if (w->full) {
			w->len = before;
			break;
		}
		n++;
	}
	return n;
}

size_t worst_build(const struct worst_shape *s, uint8_t *bytes, size_t len)
{
	struct builder w = { .b = bytes, .room = len };

	memset(bytes, 0, HEADER);
	bytes[2] = 0x81;
	w.len = HEADER;
	/* the chain lies in the rdata of a record of a type that nobody looks into */
	if (s->cells) {
		size_t at;

		put(&w, "\0\377\0\0\1\0\0\0\0\0\0", 11);
		at = w.len;
		put_chain(&w, s);
		bytes[at - 2] = (uint8_t)((w.len - at) >> 8);
		bytes[at - 1] = (uint8_t)(w.len - at);
		if (!s->type) { /* questions come first: they point at the header's octets instead
				 */
			w.len = HEADER;
			put_chain(&w, &(struct worst_shape){ .cells = 1,
							     .labels = s->labels,
							     .label_octets = s->label_octets });
			put(&w, "\0\1\0\1", 4);
		}
	}
	if (s->type)
		set_count(&w, 1, fill(&w, s) + (s->cells > 0));
	else
		set_count(&w, 0, fill(&w, s) + (s->cells > 0));
	return w.len;
}

const char *worst_name(const struct worst_shape *s, char buf[96])
{
	snprintf(buf, 96, "%u cells of %u labels of %u octets, type %u", s->cells, s->labels,
		 s->label_octets, s->type);
	return buf;
}
