// SPDX-License-Identifier: BSD-2-Clause
/*
 * differential messages COUNT [SEED]: mutated DNS messages, each in a frame of its own, through the
 * kernel programs (BPF_PROG_TEST_RUN) and through the native engine: both must hand over the same
 * octets. differential frames COUNT [SEED]: mutated frames of several link types likewise.
 *
 * They begin as those of tests/data/fuzz/message or /frame and grow by what mutations leave behind.
 * The one difference allowed: the kernel walk gives up on a message with more labels and pointers
 * than it reads (too_many_records), and the native one reads on. Ends with 1 at the first
 * difference, after writing the frame to build/differential-frame.bin.
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/kernel.h"

#define MESSAGE_MAX 1400 /* what one page of test_run data holds, headers and room kept off */
#define POOL_MAX    4096
#define HEADERS	    42
#define AGAIN	    4

/* A DNS message, or a frame. */
struct message {
	uint16_t len;
	uint16_t link_type;
	uint8_t b[MESSAGE_MAX];
};

struct record {
	size_t n;
	_Alignas(8) uint8_t bytes[DECODE_RECORD_MAX];
};

struct differential {
	struct kernel_engine *kernel;
	struct decoder *native;
	struct message *pool;
	size_t pool_len, originals;
	uint64_t rng;
	bool frames;
	struct record a, b;
	uint64_t by_status[FT_COUNTER_MAX];
	uint64_t gave_up, fragments, segments, refused, nothing, repeated;
};

static uint32_t draw(struct differential *d, uint32_t below)
{
	d->rng ^= d->rng << 13;
	d->rng ^= d->rng >> 7;
	d->rng ^= d->rng << 17;
	return (uint32_t)((d->rng >> 32) * below >> 32);
}

/* Seeds of frames begin with two octets of link type and one that does not matter here. */
static bool read_seed(const struct differential *d, FILE *f, struct message *m)
{
	uint8_t head[3] = { 0, 1 };

	if (d->frames && fread(head, 1, 3, f) != 3)
		return false;
	m->link_type = (uint16_t)(head[0] << 8 | head[1]);
	m->len = (uint16_t)fread(m->b, 1, sizeof(m->b), f);
	return m->len >= 14;
}

static int load_pool(struct differential *d)
{
	const char *pattern = d->frames ? "tests/data/fuzz/frame/*" : "tests/data/fuzz/message/*";
	glob_t g;

	if (glob(pattern, 0, NULL, &g)) {
		fprintf(stderr, "differential: no messages at %s\n", pattern);
		return -ENOENT;
	}
	for (size_t i = 0; i < g.gl_pathc && d->pool_len < POOL_MAX / 2; i++) {
		FILE *f = fopen(g.gl_pathv[i], "rb");
		struct message *m = &d->pool[d->pool_len];

		if (!f)
			continue;
		d->pool_len += read_seed(d, f, m);
		fclose(f);
	}
	globfree(&g);
	d->originals = d->pool_len;
	return d->pool_len ? 0 : -ENOENT;
}

/* --- mutations ------------------------------------------------------------------------------- */

static void insert(struct differential *d, struct message *m, const uint8_t *bytes, size_t n)
{
	size_t at = draw(d, m->len + 1U);

	if (m->len + n > MESSAGE_MAX)
		return;
	memmove(m->b + at + n, m->b + at, m->len - at);
	memcpy(m->b + at, bytes, n);
	m->len = (uint16_t)(m->len + n);
}

static void remove_some(struct differential *d, struct message *m)
{
	size_t at = draw(d, m->len), n = 1 + draw(d, 16);

	if (at + n > m->len)
		return;
	memmove(m->b + at, m->b + at + n, m->len - at - n);
	m->len = (uint16_t)(m->len - n);
}

static void put_pointer(struct differential *d, struct message *m)
{
	size_t at = 12 + draw(d, m->len > 14 ? m->len - 14U : 1);

	if (at + 2 > m->len)
		return;
	m->b[at] = (uint8_t)(0xc0 | draw(d, 64) * (draw(d, 8) == 0));
	m->b[at + 1] = (uint8_t)(draw(d, 4) ? draw(d, (uint32_t)at + 2) : draw(d, 256));
}

static void put_interesting(struct differential *d, struct message *m)
{
	static const uint8_t values[] = { 0,  1,  2,  4,    5,	  12,	16,   28,
					  41, 63, 64, 0x7f, 0x80, 0xbf, 0xc0, 0xff };

	m->b[draw(d, m->len)] = values[draw(d, sizeof(values))];
}

/* A record with a type that the walk looks into, at the end, and counted. */
static void append_record(struct differential *d, struct message *m)
{
	static const uint8_t types[] = { 1, 1, 2, 5, 5, 28, 16 };
	uint8_t type = types[draw(d, sizeof(types))];
	uint8_t rr[64] = { 0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0 };
	size_t n = type == 1 ? 4 : type == 28 ? 16 : 2 + draw(d, 8), section = 6 + 2 * draw(d, 3);

	rr[6] = (uint8_t)draw(d, 256);
	for (size_t i = 0; i < n; i++)
		rr[12 + i] = (uint8_t)draw(d, 256);
	if (type == 2 || type == 5) {
		rr[12] = (uint8_t)(n - 3);
		rr[12 + n - 2] = 0xc0;
		rr[12 + n - 1] = (uint8_t)(12 + draw(d, m->len > 200 ? 200 : m->len));
		if (n == 2)
			rr[12] = 0xc0;
	}
	rr[11] = (uint8_t)n;
	if (m->len + 12 + n > MESSAGE_MAX)
		return;
	memcpy(m->b + m->len, rr, 12 + n);
	m->len = (uint16_t)(m->len + 12 + n);
	if (++m->b[section + 1] == 0)
		m->b[section]++;
}

static void splice(struct differential *d, struct message *m)
{
	const struct message *other = &d->pool[draw(d, (uint32_t)d->pool_len)];
	size_t from = draw(d, other->len), n = 1 + draw(d, other->len - (uint32_t)from);

	insert(d, m, other->b + from, n);
}

/* Lengths and counts stand in pairs of octets: one a little more or less. */
static void nudge(struct differential *d, struct message *m)
{
	size_t at = draw(d, m->len - 1U);
	uint16_t v = (uint16_t)(m->b[at] << 8 | m->b[at + 1]);

	v = (uint16_t)(v + draw(d, 9) - 4);
	m->b[at] = (uint8_t)(v >> 8);
	m->b[at + 1] = (uint8_t)v;
}

static void mutate_octets(struct differential *d, struct message *m)
{
	uint8_t octet = (uint8_t)draw(d, 256);

	switch (draw(d, 8)) {
	case 0:
		m->b[draw(d, m->len)] ^= (uint8_t)(1U << draw(d, 8));
		break;
	case 1:
		m->b[draw(d, m->len)] = octet;
		break;
	case 2:
		remove_some(d, m);
		break;
	case 3:
		insert(d, m, &octet, 1);
		break;
	case 4:
		m->len = (uint16_t)(12 + draw(d, m->len - 11U));
		break;
	case 5:
		splice(d, m);
		break;
	case 6:
		nudge(d, m);
		break;
	default:
		put_interesting(d, m);
	}
	if (m->len < 12)
		m->len = 12;
}

static void mutate_message(struct differential *d, struct message *m)
{
	switch (draw(d, 4)) {
	case 0: /* counts */
		m->b[5 + 2 * draw(d, 4)] = (uint8_t)draw(d, 8);
		break;
	case 1:
		append_record(d, m);
		break;
	case 2:
		put_pointer(d, m);
		break;
	default:
		mutate_octets(d, m);
	}
}

/* EtherTypes, protocols and ports that lead into another layer. */
static void put_layer(struct differential *d, struct message *m)
{
	static const uint8_t layers[][2] = { { 8, 0 },	     { 0x86, 0xdd }, { 0x81, 0 },
					     { 0x88, 0xa8 }, { 0x88, 0x64 }, { 0x88, 0x47 },
					     { 0x65, 0x58 }, { 0x88, 0xbe }, { 0x22, 0xeb },
					     { 0x12, 0xb5 }, { 0x17, 0xc1 }, { 0x08, 0x68 },
					     { 0x0d, 0xd8 }, { 0, 53 },	     { 0x45, 0 },
					     { 0x60, 0 } };
	static const uint8_t protos[] = { 4, 6, 17, 41, 43, 44, 47, 50, 51, 60, 0, 58 };
	static const uint8_t places[] = { 9, 12, 20, 23, 34, 36, 38, 42, 54 };
	size_t at = places[draw(d, sizeof(places))];

	if (draw(d, 2) && at + 2U <= m->len)
		memcpy(m->b + at, layers[draw(d, sizeof(layers) / 2)], 2);
	else if (at < m->len)
		m->b[at] = protos[draw(d, sizeof(protos))];
}

static void mutate_frame(struct differential *d, struct message *m)
{
	if (draw(d, 4) == 0)
		put_layer(d, m);
	else if (draw(d, 3) == 0 && m->len > 80) /* the headers, not the payload */
		m->b[draw(d, 80)] ^= (uint8_t)(1U << draw(d, 8));
	else
		mutate_octets(d, m);
}

/* --- one message ----------------------------------------------------------------------------- */

static size_t frame_around(uint8_t *f, const struct message *m)
{
	static const uint8_t headers[HEADERS] = {
		2,    0,  0,   0,  0,	1, 2, 0,  0,	0,    0, 2, 0x08, 0, /* Ethernet */
		0x45, 0,  0,   0,  0,	1, 0, 0,  64,	17,   0, 0, 192,  0,
		2,    53, 198, 51, 100, 7, 0, 53, 0x9c, 0x40, 0, 0, 0,	  0,
	};
	size_t udp = 8U + m->len, ip = 20U + udp;

	memcpy(f, headers, HEADERS);
	f[16] = (uint8_t)(ip >> 8);
	f[17] = (uint8_t)ip;
	f[38] = (uint8_t)(udp >> 8);
	f[39] = (uint8_t)udp;
	memcpy(f + HEADERS, m->b, m->len);
	return HEADERS + (size_t)m->len;
}

static void keep(void *ctx, const struct ft_event_hdr *rec)
{
	struct record *r = ctx;

	r->n++;
	memcpy(r->bytes, rec, rec->size);
}

/* The walk gave up for its length: what it did read must still be a part of what native read. */
static bool is_allowed(struct differential *d)
{
	const struct ft_response *a = (const struct ft_response *)d->a.bytes;
	const struct ft_response *b = (const struct ft_response *)d->b.bytes;

	if (a->hdr.kind != FT_EVENT_RESPONSE || a->status != FT_REASON_TOO_MANY_RECORDS)
		return false;
	d->gave_up++;
	return b->hdr.kind == FT_EVENT_RESPONSE && a->records[0] <= b->records[0] &&
	       memcmp(&a->pkt, &b->pkt, sizeof(a->pkt)) == 0;
}

static bool is_same(struct differential *d)
{
	const struct ft_event_hdr *a = (const struct ft_event_hdr *)d->a.bytes;

	if (d->a.n != d->b.n)
		return false;
	if (!d->a.n || memcmp(d->a.bytes, d->b.bytes, a->size) == 0)
		return true;
	return is_allowed(d);
}

static void note(struct differential *d)
{
	const struct ft_response *b = (const struct ft_response *)d->b.bytes;

	if (!d->b.n)
		d->nothing++;
	else if (b->hdr.kind == FT_EVENT_RESPONSE)
		d->by_status[b->status]++;
	else if (b->hdr.kind == FT_EVENT_FRAGMENT)
		d->fragments++;
	else if (b->hdr.kind == FT_EVENT_SEGMENT)
		d->segments++;
	else
		d->refused++;
}

static void report_difference(struct differential *d, const uint8_t *frame, size_t len)
{
	FILE *f = fopen("build/differential-frame.bin", "wb");
	const struct ft_response *r[2] = { (const struct ft_response *)d->a.bytes,
					   (const struct ft_response *)d->b.bytes };
	static const char *const names[2] = { "kernel", "native" };

	if (f) {
		fwrite(frame, 1, len, f);
		fclose(f);
	}
	for (int i = 0; i < 2; i++)
		printf("%s: %zu records; kind %u status %s novelty %u answers %u/%u/%u hash %016" PRIx64
		       " fingerprint %016" PRIx64 " ttl %u..%u size %u\n",
		       names[i], i ? d->b.n : d->a.n, r[i]->hdr.kind, reason_name(r[i]->status),
		       r[i]->novelty, r[i]->records[0], r[i]->records[1], r[i]->records[2],
		       (uint64_t)r[i]->name_hash, (uint64_t)r[i]->fingerprint, r[i]->ttl_min,
		       r[i]->ttl_max, r[i]->hdr.size);
}

/* Most mutants break early and teach little: what stays in the pool reads on past its question. */
static void keep_mutant(struct differential *d, const struct message *m)
{
	const struct ft_response *b = (const struct ft_response *)d->b.bytes;

	if (!d->b.n || b->hdr.kind == FT_EVENT_REFUSED)
		return;
	if (b->hdr.kind == FT_EVENT_RESPONSE &&
	    (b->status == FT_REASON_BAD_QUESTION || draw(d, b->status == FT_REASON_NONE ? 2 : 16)))
		return;
	if (d->pool_len < POOL_MAX)
		d->pool[d->pool_len++] = *m;
	else
		d->pool[d->originals + draw(d, (uint32_t)(POOL_MAX - d->originals))] = *m;
}

/* A new mutant of the pool in *m, and its frame. */
static size_t next_frame(struct differential *d, struct message *m, uint8_t *frame)
{
	bool from_start = draw(d, 2);

	*m = d->pool[draw(d, (uint32_t)(from_start ? d->originals : d->pool_len))];
	for (uint32_t n = 1 + draw(d, 3); n; n--) {
		if (d->frames)
			mutate_frame(d, m);
		else
			mutate_message(d, m);
	}
	if (d->frames) {
		memcpy(frame, m->b, m->len);
		return m->len;
	}
	if (draw(d, 64)) /* nearly all shall be responses */
		m->b[2] |= 0x80;
	return frame_around(frame, m);
}

static int compare(struct differential *d, const struct frame *f)
{
	int err;

	d->a.n = d->b.n = 0;
	err = kernel_engine_frame(d->kernel, f, keep, &d->a);
	if (err) {
		fprintf(stderr, "differential: test run: %s\n", strerror(-err));
		return err;
	}
	decoder_frame(d->native, f, keep, &d->b);
	if (is_same(d))
		return 0;
	report_difference(d, f->bytes, f->captured);
	return -EBADMSG;
}

/*
 * The kernel remembers what the names of a sound message came to: the same once more, and with an
 * octet changed here and there, each time beside what it now remembers.
 */
static int again(struct differential *d, struct frame *f, uint8_t *frame)
{
	const struct ft_response *b = (const struct ft_response *)d->b.bytes;
	int err;

	if (!d->b.n || b->hdr.kind != FT_EVENT_RESPONSE || b->status != FT_REASON_NONE)
		return 0;
	d->repeated++;
	err = compare(d, f);
	for (int n = 0; n < AGAIN && !err; n++) {
		uint8_t *p = frame + draw(d, f->captured);
		uint8_t was = *p;

		*p ^= (uint8_t)(1U << draw(d, 8));
		err = compare(d, f);
		*p = was;
	}
	return err;
}

static int one(struct differential *d, uint64_t i)
{
	uint8_t frame[HEADERS + MESSAGE_MAX];
	struct frame f = { .time_ns = 1000000000 + i, .bytes = frame };
	struct message m;
	int err;

	f.captured = f.wire = (uint32_t)next_frame(d, &m, frame);
	f.link_type = m.link_type;
	err = compare(d, &f);
	if (err)
		return err;
	note(d);
	keep_mutant(d, &m);
	return again(d, &f, frame);
}

static void print_totals(const struct differential *d, uint64_t done)
{
	printf("%" PRIu64 " %s, the same from both engines: nothing %" PRIu64 " fragments %" PRIu64
	       " segments %" PRIu64 " refused %" PRIu64 " walk given up %" PRIu64
	       " once more and with an octet changed %" PRIu64,
	       done, d->frames ? "frames" : "messages", d->nothing, d->fragments, d->segments,
	       d->refused, d->gave_up, d->repeated);
	for (unsigned int i = FT_REASON_NONE; i < FT_COUNTER_MAX; i++)
		if (d->by_status[i])
			printf(" %s %" PRIu64, i == FT_REASON_NONE ? "sound" : reason_name(i),
			       d->by_status[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static struct differential d;
	const struct decode_config cfg = { .ports = { 53 }, .ports_len = 1 };
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000, done = 0;
	char err[300];
	int rc = 0;

	d.frames = argc > 1 && strcmp(argv[1], "frames") == 0;
	if (argc < 2 || (!d.frames && strcmp(argv[1], "messages") != 0)) {
		fprintf(stderr, "usage: %s messages|frames [COUNT [SEED]]\n", argv[0]);
		return 2;
	}
	d.rng = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	d.rng = d.rng * 0x9e3779b97f4a7c15ULL | 1;
	d.pool = calloc(POOL_MAX, sizeof(*d.pool));
	if (!d.pool || load_pool(&d) || decoder_new(&cfg, &d.native))
		return 1;
	if (kernel_engine_open(&cfg, NULL, &d.kernel, err, sizeof(err))) {
		fprintf(stderr, "differential: %s\n", err);
		return 1;
	}
	for (; done < count && !rc; done++)
		rc = one(&d, done);
	if (!rc)
		print_totals(&d, done);
	/* link types that have no Ethernet form, frames under 14 octets; of messages none */
	if (!rc && kernel_engine_native(d.kernel)) {
		printf("%" PRIu64 " did not go through the kernel\n",
		       kernel_engine_native(d.kernel));
		rc = !d.frames || kernel_engine_native(d.kernel) > done / 2 ? -EIO : 0;
	}
	kernel_engine_close(d.kernel);
	decoder_free(d.native);
	free(d.pool);
	return rc != 0;
}
