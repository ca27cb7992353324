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

static struct tap *open_some(const struct kernel_config *cfg, bool xdp_only,
			     void (*adjust)(struct ft_settings *))
{
	struct tap *t = calloc(1, sizeof(*t));
	char err[256] = "";
	struct kernel_config c = *cfg;

	assert_non_null(t);
	c.xdp_only = xdp_only;
	if (!c.seed)
		c.seed = FT_SEED_FIXED;
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
	kernel_close(t->k);
	free(t);
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
	assert_int_equal(c[FT_STAGE_RESPONSE], c[FT_STAGE_EMITTED] + c[FT_STAGE_REPEAT] + c[FT_STAGE_FOLDED] +
						       c[FT_STAGE_RING_FULL] + c[FT_STAGE_SHED] +
						       refused);
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

	assert_int_equal(kernel_counters(t->k, before), 0);
	assert_int_equal(bpf_prog_test_run_opts(way_fd(t, way), &opts), 0);
	if (way == TAP_XDP)
		assert_int_equal(opts.retval, 2); /* XDP_PASS */
	else
		assert_int_equal((int)opts.retval, -1); /* TC_ACT_UNSPEC */
	assert_int_equal(kernel_counters(t->k, t->counters), 0);
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
