// SPDX-License-Identifier: BSD-2-Clause
/* See libtap.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/bpf.h>

#include "libtap.h"

#include "dns.skel.h"

#define TAP_KEPT 4

static void tap_free(struct tap *t)
{
	kernel_close(t->k);
	free(t);
}

/* --- loaded once, emptied between tests ---------------------------------------------------------
 *
 * Loading takes the verifier a second, and a quarter of a minute on an emulated machine. A tap that
 * was closed waits for the next test that wants the same settings.
 */
static struct closed {
	struct tap *t;
	struct kernel_config cfg;
	void (*adjust)(struct ft_settings *);
} closed[TAP_KEPT];

static struct tap *take_closed(const struct kernel_config *cfg,
			       void (*adjust)(struct ft_settings *))
{
	for (size_t i = 0; i < TAP_KEPT; i++) {
		struct tap *t = closed[i].t;

		if (!t || closed[i].adjust != adjust || memcmp(&closed[i].cfg, cfg, sizeof(*cfg)))
			continue;
		closed[i].t = NULL;
		return t;
	}
	return NULL;
}

/* Each entry zero, as after loading. */
static void empty_array(int fd, size_t entries, size_t value_bytes)
{
	void *zero = calloc(entries, value_bytes);
	uint32_t *keys = calloc(entries, sizeof(*keys)), n = (uint32_t)entries;

	assert_non_null(zero);
	assert_non_null(keys);
	for (uint32_t i = 0; i < n; i++)
		keys[i] = i;
	assert_int_equal(bpf_map_update_batch(fd, keys, zero, &n, NULL), 0);
	assert_int_equal(n, entries);
	free(keys);
	free(zero);
}

static void empty_per_cpu(int fd, size_t value_bytes)
{
	void *zero = calloc((size_t)libbpf_num_possible_cpus(), (value_bytes + 7) & ~7UL);

	assert_non_null(zero);
	assert_int_equal(bpf_map_update_elem(fd, &(uint32_t){ 0 }, zero, BPF_ANY), 0);
	free(zero);
}

static void empty_hash(int fd)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

static void empty_map(const struct bpf_map *m)
{
	int fd = bpf_map__fd(m);

	switch (bpf_map__type(m)) {
	case BPF_MAP_TYPE_ARRAY:
		empty_array(fd, bpf_map__max_entries(m), bpf_map__value_size(m));
		break;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		assert_int_equal(bpf_map__max_entries(m), 1);
		empty_per_cpu(fd, bpf_map__value_size(m));
		break;
	case BPF_MAP_TYPE_HASH:
		assert_true(bpf_map__key_size(m) <= 64);
		empty_hash(fd);
		break;
	case BPF_MAP_TYPE_RINGBUF: /* is read to its end */
		break;
	default:
		fail_msg("%s: a kind of map that nobody empties", bpf_map__name(m));
	}
}

static void forget(void *ctx, const struct ft_event_hdr *rec)
{
	(void)ctx;
	(void)rec;
}

/* As if just loaded. */
static void empty(struct tap *t)
{
	struct kernel *k = t->k;
	const struct bpf_map *m;

	while (kernel_poll(k, 0, forget, NULL) > 0)
		;
	bpf_object__for_each_map(m, k->bpf->obj) {
		if (!bpf_map__is_internal(m))
			empty_map(m);
	}
	memset(k->bpf->bss, 0, sizeof(*k->bpf->bss));
	recent_close(&k->recent);
	assert_int_equal(recent_open(k), 0);
	k->bad_records = 0;
	memset(t->counters, 0, sizeof(t->counters));
}

static struct tap *open_some(const struct kernel_config *cfg, bool xdp_only,
			     void (*adjust)(struct ft_settings *))
{
	struct kernel_config c = *cfg;
	char err[256] = "";
	struct tap *t;

	c.xdp_only = xdp_only;
	if (!c.seed)
		c.seed = FT_SEED_FIXED;
	t = take_closed(&c, adjust);
	if (t) {
		empty(t);
		return t;
	}
	t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->adjust = adjust;
	if (kernel_load(&c, adjust, &t->k, err, sizeof(err)))
		fail_msg("%s", err);
	return t;
}

struct tap *tap_open(const struct kernel_config *cfg, void (*adjust)(struct ft_settings *))
{
	return open_some(cfg, true, adjust);
}

struct tap *tap_open_all(const struct kernel_config *cfg, void (*adjust)(struct ft_settings *))
{
	return open_some(cfg, false, adjust);
}

void tap_need_walk(struct tap *t)
{
	if (t->k->full)
		return;
	tap_close(t);
	skip();
}

void tap_close(struct tap *t)
{
	struct closed *place = &closed[0];

	for (size_t i = 0; i < TAP_KEPT; i++)
		if (!closed[i].t)
			place = &closed[i];
	if (place->t)
		tap_free(place->t);
	*place = (struct closed){ .t = t, .cfg = t->k->cfg, .adjust = t->adjust };
}

static void keep(void *ctx, const struct ft_event_hdr *rec)
{
	struct tap *t = ctx;

	assert_true(t->records_len < TAP_RECORDS);
	assert_int_equal(rec->size % 8, 0);
	memcpy(t->records[t->records_len++].bytes, rec, rec->size);
}

void tap_read(struct tap *t)
{
	t->records_len = 0;
	assert_true(kernel_poll(t->k, 0, keep, t) >= 0);
	assert_int_equal(t->k->bad_records, 0);
}

void tap_check_ledger(const uint64_t c[FT_COUNTER_MAX])
{
	uint64_t refused = 0;

	for (int i = FT_REASON_NONE; i < FT_COUNTER_MAX; i++)
		refused += c[i];
	assert_int_equal(c[FT_STAGE_SEEN],
			 c[FT_STAGE_NOT_DNS] + c[FT_STAGE_QUERY] + c[FT_STAGE_RESPONSE]);
	assert_int_equal(c[FT_STAGE_RESPONSE], c[FT_STAGE_EMITTED] + c[FT_STAGE_REPEAT] +
						       c[FT_STAGE_FOLDED] + c[FT_STAGE_RING_FULL] +
						       c[FT_STAGE_SHED] + refused);
	assert_int_equal(c[FT_REASON_NONE], 0);
}

static int way_fd(const struct tap *t, enum tap_way way)
{
	return way == TAP_XDP ? t->k->xdp_fd : way == TAP_TC_IN ? t->k->tc_in_fd : t->k->tc_out_fd;
}

/* Which one of the ends has moved, by exactly one. */
static unsigned int where_it_ended(const uint64_t *before, const uint64_t *after)
{
	unsigned int end = FT_COUNTER_MAX;

	assert_int_equal(after[FT_STAGE_SEEN], before[FT_STAGE_SEEN] + 1);
	for (unsigned int i = 0; i < FT_COUNTER_MAX; i++) {
		if (i == FT_STAGE_SEEN || i == FT_STAGE_RESPONSE || after[i] == before[i])
			continue;
		assert_int_equal(after[i], before[i] + 1);
		assert_int_equal(end, FT_COUNTER_MAX);
		end = i;
	}
	assert_int_not_equal(end, FT_COUNTER_MAX);
	return end;
}

unsigned int tap_run_unread(struct tap *t, enum tap_way way, const struct packet *p)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1, .data_in = p->b,
		    .data_size_in = (uint32_t)p->len);
	uint64_t before[FT_COUNTER_MAX];

	kernel_counters(t->k, before);
	assert_int_equal(bpf_prog_test_run_opts(way_fd(t, way), &opts), 0);
	if (way == TAP_XDP)
		assert_int_equal(opts.retval, 2); /* XDP_PASS */
	else
		assert_int_equal((int)opts.retval, -1); /* TC_ACT_UNSPEC */
	kernel_counters(t->k, t->counters);
	tap_check_ledger(t->counters);
	return where_it_ended(before, t->counters);
}

unsigned int tap_run(struct tap *t, enum tap_way way, const struct packet *p)
{
	unsigned int end = tap_run_unread(t, way, p);

	tap_read(t);
	return end;
}

void tap_clock(struct tap *t, uint64_t time_ns)
{
	t->k->bpf->bss->ft_given_ns = time_ns;
	t->k->bpf->bss->ft_given_ticks = time_ns / kernel_tick_ns();
}

uint64_t tap_unix(const struct tap *t)
{
	return (uint64_t)t->k->unix_offset_ns;
}
