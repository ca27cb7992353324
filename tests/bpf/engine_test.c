// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernel walk and native parser on the same frames: records octet for octet, counters one by one.
 * Frames of every kind, many damaged ones made of them, and the corpora where they are at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>

#include "capture/pcap.h"
#include "libframes.h"
#include "libtap.h"

struct both {
	struct kernel_engine *kernel;
	struct decoder *native;
	uint64_t frames;
	size_t kernel_n, native_n;
	struct tap_record of_kernel, of_native;
};

static void keep_kernel(void *ctx, const struct ft_event_hdr *rec)
{
	struct both *b = ctx;

	b->kernel_n++;
	memcpy(b->of_kernel.bytes, rec, rec->size);
}

static void keep_native(void *ctx, const struct ft_event_hdr *rec)
{
	struct both *b = ctx;

	b->native_n++;
	memcpy(b->of_native.bytes, rec, rec->size);
}

static int open_both(void **state)
{
	struct decode_config cfg = {.ports = {53}, .ports_len = 1};
	struct both *b = calloc(1, sizeof(*b));
	char err[256];
	int code = b ? kernel_engine_open(&cfg, NULL, &b->kernel, err, sizeof(err)) : -ENOMEM;

	if (code == -EOPNOTSUPP) { /* the tests are skipped */
		free(b);
		return 0;
	}
	if (code || decoder_new(&cfg, &b->native))
		return -1;
	*state = b;
	return 0;
}

static int close_both(void **state)
{
	struct both *b = *state;

	if (!b)
		return 0;
	kernel_engine_close(b->kernel);
	decoder_free(b->native);
	free(b);
	return 0;
}

static void dump(const struct frame *f)
{
	for (uint32_t i = 0; i < f->captured && i < 600; i++)
		print_error("%02x", f->bytes[i]);
	print_error("\n");
}

/* Budgets of work are the kernel's alone: such a record may say less. */
static bool gave_up(const struct both *b)
{
	return b->kernel_n == 1 && b->of_kernel.hdr.kind == FT_EVENT_RESPONSE &&
	       b->of_kernel.response.status == FT_REASON_TOO_MANY_RECORDS;
}

static void compare(struct both *b, const struct frame *f, const char *what)
{
	bool same;

	b->frames++;
	b->kernel_n = b->native_n = 0;
	assert_int_equal(kernel_engine_frame(b->kernel, f, keep_kernel, b), 0);
	decoder_frame(b->native, f, keep_native, b);
	same = b->kernel_n == b->native_n &&
	       (!b->kernel_n ||
		(b->of_kernel.hdr.size == b->of_native.hdr.size &&
		 !memcmp(b->of_kernel.bytes, b->of_native.bytes, b->of_kernel.hdr.size)));
	if (same || gave_up(b))
		return;
	print_error("%s, frame %llu: kernel %zu records, native %zu\n", what,
		    (unsigned long long)b->frames, b->kernel_n, b->native_n);
	dump(f);
	fail();
}

static void compare_counters(struct both *b)
{
	const uint64_t *kernel = kernel_engine_counters(b->kernel);
	const uint64_t *native = decoder_counters(b->native);

	tap_check_ledger(kernel);
	for (int i = 0; i < FT_COUNTER_MAX; i++)
		assert_int_equal(kernel[i], native[i]);
}

static struct frame frame_of(const struct packet *p)
{
	return (struct frame){.time_ns = 1700000000000000000ULL,
			      .bytes = p->b,
			      .captured = (uint32_t)p->len,
			      .wire = (uint32_t)p->len,
			      .interface = 3,
			      .link_type = 1};
}

/* A kernel without the walk has no engine. */
static struct both *both_of(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void frames_of_every_kind(void **state)
{
	struct both *b = both_of(state);
	static struct packet p;

	for (size_t i = 0; i < frame_kinds; i++) {
		struct frame f;

		frame_build(i, &p);
		f = frame_of(&p);
		compare(b, &f, frame_name(i));
	}
	compare_counters(b);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

/* A few octets changed, mostly behind the headers; sometimes cut, sometimes a pointer put in. */
static void damage(struct packet *p, uint64_t *seed)
{
	uint32_t n = 1 + next_random(seed) % 4;

	while (n--) {
		size_t at = next_random(seed) % p->len;
		uint32_t how = next_random(seed) % 8;

		if (how < 5 && p->dns && p->dns < p->len)
			at = p->dns + next_random(seed) % (p->len - p->dns);
		if (how == 0 && at + 1 < p->len) {
			p->b[at] = 0xc0;
			p->b[at + 1] = (uint8_t)(next_random(seed) % 128);
		} else if (how == 1) {
			p->b[at] ^= (uint8_t)(1 << next_random(seed) % 8);
		} else if (how == 2) {
			p->b[at] = (uint8_t)(next_random(seed) % 70);
		} else {
			p->b[at] = (uint8_t)next_random(seed);
		}
	}
	if (next_random(seed) % 16 == 0 && p->len > 20)
		p->len -= next_random(seed) % 20;
}

static void damaged_frames(void **state)
{
	const char *count = getenv("FLUXTAP_DAMAGED_FRAMES");
	uint32_t frames = count ? (uint32_t)strtoul(count, NULL, 10) : 30000;
	struct both *b = both_of(state);
	static struct packet p;
	uint64_t seed = 20261121;

	for (uint32_t i = 0; i < frames; i++) {
		size_t kind = next_random(&seed) % frame_kinds;
		struct frame f;

		frame_build(kind, &p);
		damage(&p, &seed);
		f = frame_of(&p);
		compare(b, &f, frame_name(kind));
	}
	compare_counters(b);
}

static void compare_file(struct both *b, const char *path)
{
	struct pcap_reader *r;
	struct frame f;
	char err[256];

	if (pcap_reader_open(path, &r, err, sizeof(err)))
		return; /* the oracle's files and damaged ones lie beside */
	while (pcap_reader_next(r, &f) == 1)
		compare(b, &f, path);
	pcap_reader_close(r);
}

static void captures_at_hand(void **state)
{
	static const char *const patterns[] = {
		"tests/data/*.pcap*", "../shared/corpora/pcap/*.pcap",
		"../shared/corpora/pcap/*.pcapng", "../shared/corpora/pcap/*.cap",
		"../shared/corpora/negative/*"};
	struct both *b = both_of(state);
	uint64_t before = b->frames;
	glob_t found;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (glob(patterns[i], 0, NULL, &found))
			continue;
		for (size_t j = 0; j < found.gl_pathc; j++)
			compare_file(b, found.gl_pathv[j]);
		globfree(&found);
	}
	compare_counters(b);
	print_message("%llu frames of captures compared\n",
		      (unsigned long long)(b->frames - before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_every_kind),
		cmocka_unit_test(damaged_frames),
		cmocka_unit_test(captures_at_hand),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
