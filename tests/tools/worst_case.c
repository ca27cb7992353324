// SPDX-License-Identifier: BSD-2-Clause
/*
 * worst_case [FILE…]: what the most expensive message costs, of all shapes of libworst.h at 65,535
 * octets, and of the files named (inputs of the message fuzzer): CPU microseconds of its walk, of
 * its fingerprint, of its observation and of its records as text, the least of eleven runs, with
 * the memory that each step holds for it. The worst of each.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/libworst.h"
#include "dns/message.h"
#include "dns/text.h"

#define RUNS 11

enum step { STEP_PARSE, STEP_FINGERPRINT, STEP_OBSERVE, STEP_TEXT, STEPS };

static const char *const step_names[STEPS] = { "walk", "fingerprint", "observation", "text" };

struct cost {
	double us;
	size_t bytes;
	char name[128];
};

struct parser {
	struct dns_message message;
	struct dns_arena *arena;
	struct buf out;
};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A record as events show it. */
static void add_text(struct parser *p, const struct dns_rr *rr)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name owner;
	size_t pos = rr->owner;

	dns_name_parse(p->message.bytes, p->message.len, &pos, &owner);
	dns_name_format(&owner, text);
	buf_add(&p->out, text, strlen(text));
	dns_rdata_format(&p->message, rr, &p->out);
}

static void run_step(struct parser *p, enum step step, const uint8_t *bytes, size_t len)
{
	struct dns_observation o;

	if (step == STEP_PARSE) {
		dns_message_parse(&p->message, bytes, len);
	} else if (step == STEP_FINGERPRINT) {
		dns_message_fingerprint(&p->message);
	} else if (step == STEP_OBSERVE) {
		dns_message_observe(&p->message, p->arena, &o);
	} else {
		buf_reset(&p->out);
		for (size_t i = 0; i < p->message.rrs_len; i++)
			add_text(p, &p->message.rrs[i]);
	}
}

/* Fresh, so that what is in use afterwards is this message's. */
static void measure(const uint8_t *bytes, size_t len, const char *name, struct cost worst[STEPS])
{
	struct parser p = { 0 };

	dns_message_init(&p.message);
	if (dns_arena_new(&p.arena))
		exit(1);
	for (enum step step = STEP_PARSE; step < STEPS; step++) {
		size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, used;
		double least = 1e18;

		for (int i = 0; i < RUNS; i++) {
			double begin = cpu_us(), us;

			run_step(&p, step, bytes, len);
			us = cpu_us() - begin;
			least = us < least ? us : least;
		}
		used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
		if (least > worst[step].us) {
			worst[step].us = least;
			snprintf(worst[step].name, sizeof(worst[step].name), "%s", name);
		}
		worst[step].bytes = used > worst[step].bytes ? used : worst[step].bytes;
	}
	dns_message_fini(&p.message);
	dns_arena_free(p.arena);
	buf_fini(&p.out);
}

static void print(const char *what, const struct cost worst[STEPS])
{
	printf("%s\n", what);
	for (enum step step = STEP_PARSE; step < STEPS; step++)
		printf("  %-22s %9.1f us  %9zu octets at most  (%s)\n", step_names[step],
		       worst[step].us, worst[step].bytes, worst[step].name);
}

int main(int argc, char **argv)
{
	static uint8_t bytes[WORST_BYTES];
	struct cost worst[STEPS] = { 0 };
	struct worst_shape s;
	char name[96];
	size_t i;

	for (i = 0; worst_shape(i, &s); i++)
		measure(bytes, worst_build(&s, bytes, sizeof(bytes)), worst_name(&s, name), worst);
	printf("%zu shapes of 65,535 octets\n", i);
	print("", worst);
	memset(worst, 0, sizeof(worst));
	for (int j = 1; j < argc; j++) {
		FILE *f = fopen(argv[j], "rb");
		size_t n = f ? fread(bytes, 1, sizeof(bytes), f) : 0;

		if (f)
			fclose(f);
		measure(bytes, n, argv[j], worst);
	}
	if (argc > 1)
		print("files", worst);
	return 0;
}
