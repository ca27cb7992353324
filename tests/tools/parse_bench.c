// SPDX-License-Identifier: BSD-2-Clause
/*
 * parse_bench [ROUNDS]: nanoseconds of CPU a response costs in the native engine, step by step, for
 * the four responses that the kernel programs are measured with. The least and the median of eleven
 * runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/decode.h"
#include "capture/reassembly.h"
#include "dns/message.h"
#include "dns/psl.h"

#define HEADERS 42
#define RUNS	11

struct subject {
	const char *name;
	uint8_t frame[1024];
	size_t len;
};

static void put(struct subject *s, const void *bytes, size_t n)
{
	memcpy(s->frame + s->len, bytes, n);
	s->len += n;
}

static void put_rr(struct subject *s, uint8_t section, const char *owner, size_t owner_len,
		   uint8_t type, const void *rdata, uint8_t n)
{
	uint8_t fixed[10] = { 0, type, 0, 1, 0, 0, 0, 60, 0, n };

	put(s, owner, owner_len);
	put(s, fixed, 10);
	put(s, rdata, n);
	s->frame[HEADERS + 7 + 2 * section]++;
}

static void start(struct subject *s, const char *name)
{
	static const uint8_t headers[HEADERS + 12] = {
		2,   0, 0, 0,  0,    1,	   2,  0,  0, 0, 0,    2,    0x08, 0,	 0x45, 0,
		0,   0, 0, 1,  0,    0,	   64, 17, 0, 0, 192,  0,    2,	   53,	 198,  51,
		100, 7, 0, 53, 0x9c, 0x40, 0,  0,  0, 0, 0x12, 0x34, 0x81, 0x80, 0,    1,
	};

	memset(s, 0, sizeof(*s));
	s->name = name;
	put(s, headers, sizeof(headers));
	put(s, "\7service\6region\7example\3com\0\0\1\0\1", 32);
}

static void finish(struct subject *s)
{
	size_t ip = s->len - 14, udp = ip - 20;

	s->frame[16] = (uint8_t)(ip >> 8);
	s->frame[17] = (uint8_t)ip;
	s->frame[38] = (uint8_t)(udp >> 8);
	s->frame[39] = (uint8_t)udp;
}

static void put_addresses(struct subject *s, const char *owner, unsigned int n)
{
	for (uint8_t i = 0; i < n; i++)
		put_rr(s, 0, owner, 2, 1, (uint8_t[]){ 192, 0, 2, i }, 4);
}

static void put_delegation(struct subject *s)
{
	uint8_t ns[2] = { 0xc0, 0 };

	for (int i = 0; i < 2; i++) {
		put_rr(s, 1, "\xc0\x1b", 2, 2, i ? "\3ns2\xc0\x1b" : "\3ns1\xc0\x1b", 6);
		ns[0] = (uint8_t)(0xc0 | (s->len - 6 - HEADERS) >> 8);
		ns[1] = (uint8_t)(s->len - 6 - HEADERS);
		put_rr(s, 2, (const char *)ns, 2, 1, (uint8_t[]){ 192, 0, 2, 99 }, 4);
	}
}

static void build(struct subject s[4])
{
	start(&s[0], "1 A");
	put_addresses(&s[0], "\xc0\x0c", 1);
	start(&s[1], "8 A");
	put_addresses(&s[1], "\xc0\x0c", 8);
	start(&s[2], "CNAME, 4 A, NS, glue");
	put_rr(&s[2], 0, "\xc0\x0c", 2, 5, "\4edge\3cdn\7example\3net\0", 22);
	put_addresses(&s[2], "\xc0\x38", 4);
	start(&s[3], "13 A, NS, glue");
	put_addresses(&s[3], "\xc0\x0c", 13);
	for (int i = 0; i < 4; i++) {
		if (i >= 2)
			put_delegation(&s[i]);
		finish(&s[i]);
	}
}

struct bench {
	const struct subject *subject;
	struct decoder *decoder;
	struct reassembly *reassembly;
	struct dns_message message;
	struct dns_arena *arena;
	uint64_t sum; /* keeps the compiler from leaving work out */
};

static const uint8_t *message_of(const struct bench *b, size_t *ret_len)
{
	*ret_len = b->subject->len - HEADERS;
	return b->subject->frame + HEADERS;
}

static void on_record(void *ctx, const struct ft_event_hdr *rec)
{
	struct bench *b = ctx;

	b->sum += rec->size;
}

static void step_decode(struct bench *b)
{
	struct frame f = {
		.bytes = b->subject->frame,
		.captured = (uint32_t)b->subject->len,
		.wire = (uint32_t)b->subject->len,
		.link_type = 1,
	};

	decoder_frame(b->decoder, &f, on_record, b);
}

static void step_parse(struct bench *b)
{
	size_t len;
	const uint8_t *bytes = message_of(b, &len);

	b->sum += (uint64_t)dns_message_parse(&b->message, bytes, len);
}

static void step_observe(struct bench *b)
{
	struct dns_observation o;

	step_parse(b);
	b->sum += (uint64_t)dns_message_observe(&b->message, b->arena, &o) + o.records_len;
}

static void step_fingerprint(struct bench *b)
{
	step_parse(b);
	b->sum += dns_message_fingerprint(&b->message) + dns_message_name_hash(&b->message);
}

static void step_registered(struct bench *b)
{
	struct dns_name registered;
	struct dns_observation o;

	step_parse(b);
	dns_message_observe(&b->message, b->arena, &o);
	b->sum += dns_registered_domain(o.qname, &registered);
}

static void on_message(void *ctx, const struct message_unit *unit)
{
	struct bench *b = ctx;
	const struct dns_message *m = decoder_message(b->decoder, unit->response);
	struct dns_observation o;

	dns_message_observe(m, b->arena, &o);
	b->sum += o.records_len;
}

static void on_record_all(void *ctx, const struct ft_event_hdr *rec)
{
	struct bench *b = ctx;

	reassembly_feed(b->reassembly, rec);
}

static void step_all(struct bench *b)
{
	struct frame f = {
		.bytes = b->subject->frame,
		.captured = (uint32_t)b->subject->len,
		.wire = (uint32_t)b->subject->len,
		.link_type = 1,
	};

	decoder_frame(b->decoder, &f, on_record_all, b);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_ns(struct bench *b, void (*step)(struct bench *), unsigned long rounds,
			double *ret_least)
{
	double ns[RUNS];

	for (int run = 0; run < RUNS; run++) {
		struct timespec from, to;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		for (unsigned long i = 0; i < rounds; i++)
			step(b);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		ns[run] = ((double)(to.tv_sec - from.tv_sec) * 1e9 +
			   (double)(to.tv_nsec - from.tv_nsec)) /
			  (double)rounds;
	}
	qsort(ns, RUNS, sizeof(ns[0]), by_value);
	*ret_least = ns[0];
	return ns[RUNS / 2];
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct bench *);
	} steps[] = {
		{ "parse", step_parse },      { "+fprint", step_fingerprint },
		{ "+observe", step_observe }, { "+suffix", step_registered },
		{ "decode", step_decode },    { "all", step_all },
	};
	const struct reassembly_ops ops = { .message = on_message };
	struct reassembly_config rcfg = reassembly_config_default();
	struct decode_config dcfg = { .ports = { 53 }, .ports_len = 1 };
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	static struct subject subjects[4];
	struct bench b = { 0 };

	dns_message_init(&b.message);
	if (dns_arena_new(&b.arena) || decoder_new(&dcfg, &b.decoder) ||
	    reassembly_new(&rcfg, &ops, &b, &b.reassembly))
		return 1;
	build(subjects);
	printf("%-22s %6s", "response", "bytes");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		printf("  %11s", steps[i].name);
	printf("   ns a response\n");
	for (int s = 0; s < 4; s++) {
		b.subject = &subjects[s];
		step_parse(&b);
		if (b.message.status != FT_REASON_NONE || b.message.trailing)
			return 1;
		printf("%-22s %6zu", b.subject->name, b.subject->len);
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			double least, median = median_ns(&b, steps[i].run, rounds, &least);

			printf("  %5.0f %5.0f", least, median);
		}
		printf("\n");
	}
	reassembly_free(b.reassembly);
	decoder_free(b.decoder);
	dns_arena_free(b.arena);
	dns_message_fini(&b.message);
	return b.sum == 0;
}
