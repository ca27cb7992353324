// SPDX-License-Identifier: BSD-2-Clause
/* The repeat filter: what goes up, what is held back, what the next record says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "libtap.h"

#define QNAME 12 /* where the question's name stands */

/* A response to @qname with the addresses of @list, separated by blanks. */
static void answer(struct packet *p, const char *qname, const char *list, uint32_t ttl)
{
	char addr[32];
	int n;

	packet_response(p, qname);
	while (sscanf(list, "%31s%n", addr, &n) == 1) {
		packet_a(p, 1, QNAME, ttl, addr);
		list += n;
	}
	packet_done(p);
}

static unsigned int run_answer(struct tap *t, const char *qname, const char *list, uint32_t ttl)
{
	static struct packet p;

	answer(&p, qname, list, ttl);
	return tap_run(t, TAP_XDP, &p);
}

/* The one record that came out. */
static const struct ft_response *only(const struct tap *t)
{
	assert_int_equal(t->records_len, 1);
	assert_int_equal(t->records[0].hdr.kind, FT_EVENT_RESPONSE);
	return &t->records[0].response;
}

/* There is no filter without the walk. */
static struct tap *open_walk(const struct kernel_config *cfg,
			     void (*adjust)(struct ft_settings *))
{
	struct tap *t = tap_open(cfg, adjust);

	tap_need_walk(t);
	return t;
}

static struct tap *open_default(void (*adjust)(struct ft_settings *))
{
	struct kernel_config cfg = kernel_config_default();

	cfg.filter_bytes = 1 << 20;
	cfg.ring_bytes = 1 << 16;
	cfg.refresh_ns = 0;
	return open_walk(&cfg, adjust);
}

static void first_goes_up_repeats_do_not(void **state)
{
	struct tap *t = open_default(NULL);

	(void)state;
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_NAME);
	assert_int_equal(only(t)->repeats, 0);
	assert_true(only(t)->first_ns == 0);
	assert_int_equal(only(t)->records[0], 1);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_REPEAT);
		assert_int_equal(t->records_len, 0);
	}
	tap_close(t);
}

static void order_case_and_ttl_do_not_matter(void **state)
{
	struct tap *t = open_default(NULL);

	(void)state;
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1 192.0.2.2", 60), FT_STAGE_EMITTED);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2 192.0.2.1", 60), FT_STAGE_REPEAT);
	assert_int_equal(run_answer(t, "A.exAMPle.", "192.0.2.2 192.0.2.1", 60), FT_STAGE_REPEAT);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1 192.0.2.2", 5), FT_STAGE_REPEAT);
	tap_close(t);
}

static void every_part_of_the_set_matters(void **state)
{
	struct tap *t = open_default(NULL);
	static struct packet p;

	(void)state;
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_CHANGED);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1 192.0.2.1", 60), FT_STAGE_EMITTED);
	answer(&p, "a.example.", "192.0.2.1", 60);
	p.b[p.dns + 3] |= 3; /* NXDOMAIN */
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	/* the same address elsewhere: in the authority and additional sections, as NS, as AAAA */
	packet_response(&p, "a.example.");
	packet_a(&p, 3, QNAME, 60, "192.0.2.1");
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	packet_response(&p, "a.example.");
	packet_a(&p, 1, QNAME, 60, "192.0.2.1");
	packet_target(&p, 2, QNAME, 2, 60, "ns1", QNAME);
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	packet_response(&p, "a.example.");
	packet_a(&p, 1, QNAME, 60, "192.0.2.1");
	packet_target(&p, 2, QNAME, 2, 60, "ns2", QNAME);
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	packet_response(&p, "a.example.");
	packet_aaaa(&p, 1, QNAME, 60, "2001:db8::1");
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_REPEAT);
	tap_close(t);
}

static void compression_does_not_matter(void **state)
{
	struct tap *t = open_default(NULL);
	static struct packet p;

	(void)state;
	packet_response(&p, "a.example.");
	packet_target(&p, 1, QNAME, 5, 60, "www", QNAME + 2);
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	packet_response(&p, "a.example.");
	packet_target(&p, 1, QNAME, 5, 60, "WWW.Example", 0);
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_REPEAT);
	packet_response(&p, "a.example.");
	packet_target(&p, 1, QNAME, 5, 60, "wwwexample", 0);
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	tap_close(t);
}

static void sets_in_rotation_become_quiet(void **state)
{
	static const char *const sets[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"};
	struct tap *t = open_default(NULL);

	(void)state;
	_Static_assert(sizeof(sets) / sizeof(sets[0]) == FT_KNOWN_SETS, "as many as remembered");
	for (size_t i = 0; i < FT_KNOWN_SETS; i++)
		assert_int_equal(run_answer(t, "a.example.", sets[i], 60), FT_STAGE_EMITTED);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < FT_KNOWN_SETS; i++)
			assert_int_equal(run_answer(t, "a.example.", sets[i], 60), FT_STAGE_REPEAT);
	tap_close(t);
}

#define SECOND 1000000000ULL
#define START  (1700000000 * SECOND)

static void given_clock(struct ft_settings *s)
{
	s->given_clock = 1;
	s->refresh_ticks = 60 * s->ticks_per_second;
	s->return_ticks = s->refresh_ticks / 16;
	s->first_shift = 0;
	s->mark_refresh = 0;
}

static void next_record_carries_the_repeats(void **state)
{
	struct tap *t = open_default(given_clock);
	uint64_t tick = kernel_tick_ns();

	(void)state;
	tap_clock(t, START);
	run_answer(t, "a.example.", "192.0.2.1", 60);
	for (uint32_t i = 0; i < 25; i++) {
		tap_clock(t, START + (7 + i) * SECOND);
		assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 20 + i), FT_STAGE_REPEAT);
	}
	tap_clock(t, START + 61 * SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 30), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_REFRESH);
	assert_int_equal(only(t)->repeats, 25);
	assert_int_equal(only(t)->ttl_min, 20);
	assert_int_equal(only(t)->ttl_max, 44);
	assert_in_range(only(t)->first_ns - tap_unix(t), START + 7 * SECOND - tick,
			START + 7 * SECOND + tick);
	assert_int_equal(t->counters[FT_STAGE_REPEAT], 25);
	tap_clock(t, START + 122 * SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 30), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->repeats, 0);
	assert_int_equal(only(t)->ttl_min, 30);
	assert_int_equal(only(t)->ttl_max, 30);
	assert_true(only(t)->first_ns == 0);
	tap_close(t);
}

/* An address was not there before it was first answered, however long others had been. */
static void repeats_belong_to_their_set(void **state)
{
	struct tap *t = open_default(given_clock);

	(void)state;
	tap_clock(t, START);
	run_answer(t, "a.example.", "192.0.2.1", 60);
	for (int i = 0; i < 5; i++)
		run_answer(t, "a.example.", "192.0.2.1", 60);
	tap_clock(t, START + 10 * SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_CHANGED);
	assert_int_equal(only(t)->repeats, 0);
	assert_true(only(t)->first_ns == 0);
	run_answer(t, "a.example.", "192.0.2.2", 60);
	/* each is due by its own time */
	tap_clock(t, START + 62 * SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_REPEAT);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->repeats, 5);
	tap_clock(t, START + 71 * SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->repeats, 2);
	tap_close(t);
}

/* What goes and comes back is a change: told of after seconds; what merely stays is not. */
static void a_set_that_comes_back_is_told_of_soon(void **state)
{
	struct tap *t = open_default(given_clock);

	(void)state;
	tap_clock(t, START);
	run_answer(t, "a.example.", "192.0.2.1", 60);
	tap_clock(t, START + SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_EMITTED);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_REPEAT);
	tap_clock(t, START + 5 * SECOND);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_REPEAT);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_REFRESH);
	assert_int_equal(only(t)->repeats, 1);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.2", 60), FT_STAGE_EMITTED);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_REPEAT);
	tap_close(t);
}

/* Who owes no repeats to anybody makes room first; then what went up longest ago, and is counted. */
static void sets_make_room_and_it_is_counted(void **state)
{
	struct tap *t = open_default(given_clock);
	struct kernel_stats stats;
	char list[32];

	(void)state;
	tap_clock(t, START);
	for (int i = 0; i < FT_KNOWN_SETS; i++) {
		snprintf(list, sizeof(list), "192.0.2.%d", i);
		tap_clock(t, START + (unsigned int)i * SECOND);
		assert_int_equal(run_answer(t, "a.example.", list, 60), FT_STAGE_EMITTED);
		if (i != 2)
			assert_int_equal(run_answer(t, "a.example.", list, 60), FT_STAGE_REPEAT);
	}
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.98", 60), FT_STAGE_EMITTED);
	run_answer(t, "a.example.", "192.0.2.98", 60);
	kernel_stats(t->k, &stats);
	assert_int_equal(stats.filter_evicted_repeats, 0);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.99", 60), FT_STAGE_EMITTED);
	kernel_stats(t->k, &stats);
	assert_int_equal(stats.filter_evicted_repeats, 1);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_REPEAT);
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.0", 60), FT_STAGE_EMITTED);
	tap_close(t);
}

/* A count that its sixteen bits would not hold goes up before its time. */
static void a_full_count_goes_up(void **state)
{
	struct tap *t = open_default(given_clock);
	uint64_t carried = 0;

	(void)state;
	tap_clock(t, START);
	for (uint32_t i = 0; i <= 2 * FT_REPEATS_MAX + 2; i++) {
		run_answer(t, "a.example.", "192.0.2.1", 60);
		if (t->records_len)
			carried += only(t)->repeats;
	}
	assert_int_equal(carried, 2 * FT_REPEATS_MAX);
	assert_int_equal(t->counters[FT_STAGE_EMITTED], 3);
	tap_close(t);
}

static void fast_refresh(struct ft_settings *s)
{
	s->refresh_ticks = 3;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void refresh_is_due_by_the_clock(void **state)
{
	struct tap *t = open_default(fast_refresh);
	double give_up = seconds() + 10;
	uint32_t held = 0;

	(void)state;
	run_answer(t, "a.example.", "192.0.2.1", 60);
	do {
		assert_true(seconds() < give_up);
		if (run_answer(t, "a.example.", "192.0.2.1", 60) == FT_STAGE_REPEAT)
			held++;
	} while (!t->records_len);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_REFRESH);
	assert_int_equal(only(t)->repeats, held);
	tap_close(t);
}

static void names_and_types_are_apart(void **state)
{
	struct tap *t = open_default(NULL);
	static struct packet p;

	(void)state;
	assert_int_equal(run_answer(t, "a.example.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	assert_int_equal(run_answer(t, "b.example.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	assert_int_equal(run_answer(t, "aexample.", "192.0.2.1", 60), FT_STAGE_EMITTED);
	packet_init(&p);
	packet_ethernet(&p, 0x0800);
	packet_ipv4(&p, 17, 0, 0);
	packet_udp(&p, 53, 40000);
	packet_dns(&p, 1, 0x8180);
	packet_question(&p, "a.example.", 28);
	packet_a(&p, 1, QNAME, 60, "192.0.2.1");
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_NAME);
	tap_close(t);
}

static void without_question_nothing_is_filtered(void **state)
{
	struct tap *t = open_default(NULL);
	static struct packet p;

	(void)state;
	packet_init(&p);
	packet_ethernet(&p, 0x0800);
	packet_ipv4(&p, 17, 0, 0);
	packet_udp(&p, 53, 40000);
	packet_dns(&p, 1, 0x8180);
	packet_done(&p);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
		assert_int_equal(only(t)->novelty, FT_NOVELTY_UNFILTERED);
		assert_true(only(t)->name_hash == 0);
	}
	tap_close(t);
}

static void broken_messages_go_up_to_a_rate(void **state)
{
	struct kernel_config cfg = kernel_config_default();
	static struct packet p;
	struct tap *t;
	double start;
	unsigned int up = 0, over = 0;

	(void)state;
	cfg.filter_bytes = 1 << 20;
	cfg.malformed_per_s = 5;
	t = open_walk(&cfg, NULL);
	answer(&p, "a.example.", "192.0.2.1", 60);
	p.b[p.dns + 7] = 9; /* nine answers, one there */
	start = seconds();
	for (int i = 0; i < 100; i++) {
		unsigned int end = tap_run(t, TAP_XDP, &p);

		if (end == FT_STAGE_EMITTED) {
			up++;
			assert_int_equal(only(t)->novelty, FT_NOVELTY_BROKEN);
			assert_int_equal(only(t)->status, FT_REASON_BAD_NAME);
			assert_int_equal(only(t)->records[0], 1);
		} else {
			over++;
			assert_int_equal(end, FT_REASON_MALFORMED_RATE);
		}
	}
	assert_int_equal(up + over, 100);
	assert_true(up >= 5);
	/* per CPU and begun second */
	assert_true(up <= 5 * (unsigned int)(seconds() - start + 2) * (unsigned int)t->k->cpus);
	tap_close(t);
}

static void full_table_makes_room_and_counts_it(void **state)
{
	struct kernel_config cfg = kernel_config_default();
	struct kernel_stats stats;
	struct tap *t;
	char name[32];

	(void)state;
	cfg.filter_bytes = FT_FILTER_SET_BYTES * 4;
	cfg.refresh_ns = 0;
	t = open_walk(&cfg, NULL);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%d.example.", i);
		assert_int_equal(run_answer(t, name, "192.0.2.1", 60), FT_STAGE_EMITTED);
		assert_int_equal(run_answer(t, name, "192.0.2.1", 60), FT_STAGE_REPEAT);
	}
	kernel_stats(t->k, &stats);
	assert_int_equal(stats.names_max, 4 * FT_FILTER_WAYS);
	assert_int_equal(stats.filter_evictions, 100 - stats.names_max);
	assert_int_equal(stats.filter_evicted_repeats, stats.filter_evictions);
	tap_close(t);
}

static void run_to_client(struct tap *t, uint8_t client, const char *list, unsigned int want)
{
	static struct packet p;

	answer(&p, "a.example.", list, 60);
	p.b[14 + 19] = client;
	assert_int_equal(tap_run(t, TAP_XDP, &p), want);
	if (want == FT_STAGE_EMITTED && client > 1)
		assert_int_equal(only(t)->novelty, FT_NOVELTY_CLIENT);
}

static void new_clients_count_when_asked_for(void **state)
{
	struct kernel_config cfg = kernel_config_default();
	struct tap *t;

	(void)state;
	cfg.filter_bytes = 1 << 20;
	cfg.refresh_ns = 0;
	t = open_walk(&cfg, NULL);
	run_to_client(t, 1, "192.0.2.1", FT_STAGE_EMITTED);
	run_to_client(t, 2, "192.0.2.1", FT_STAGE_REPEAT);
	tap_close(t);

	cfg.clients = KERNEL_CLIENTS_HOSTS;
	t = open_walk(&cfg, NULL);
	run_to_client(t, 1, "192.0.2.1", FT_STAGE_EMITTED);
	run_to_client(t, 1, "192.0.2.2", FT_STAGE_EMITTED);
	run_to_client(t, 2, "192.0.2.1", FT_STAGE_EMITTED);
	run_to_client(t, 2, "192.0.2.1", FT_STAGE_REPEAT);
	run_to_client(t, 2, "192.0.2.2", FT_STAGE_REPEAT);
	tap_close(t);

	cfg.clients = KERNEL_CLIENTS_ALL;
	t = open_walk(&cfg, NULL);
	run_to_client(t, 1, "192.0.2.1", FT_STAGE_EMITTED);
	run_to_client(t, 1, "192.0.2.2", FT_STAGE_EMITTED);
	run_to_client(t, 2, "192.0.2.1", FT_STAGE_EMITTED);
	run_to_client(t, 2, "192.0.2.1", FT_STAGE_REPEAT);
	run_to_client(t, 2, "192.0.2.2", FT_STAGE_EMITTED);
	run_to_client(t, 2, "192.0.2.2", FT_STAGE_REPEAT);
	tap_close(t);
}

/* Fill the ring with first sightings until @pending bytes wait. */
static void fill_ring(struct tap *t, size_t pending)
{
	static struct packet p;
	char name[32];

	while (kernel_ring_pending(t->k) <= pending) {
		snprintf(name, sizeof(name), "fill%u.example.",
			 (unsigned int)t->counters[FT_STAGE_SEEN]);
		answer(&p, name, "192.0.2.1", 60);
		assert_int_equal(tap_run_unread(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	}
}

static void always_refresh(struct ft_settings *s)
{
	s->refresh_ticks = 0;
}

static void pressure_sheds_refreshes_then_changes_never_firsts(void **state)
{
	struct tap *t = open_default(always_refresh);
	size_t ring = t->k->ring.bytes;
	static struct packet same, changed, first;

	(void)state;
	answer(&same, "a.example.", "192.0.2.1", 60);
	answer(&changed, "a.example.", "192.0.2.2", 60);
	answer(&first, "b.example.", "192.0.2.1", 60);
	assert_int_equal(tap_run(t, TAP_XDP, &same), FT_STAGE_EMITTED);
	assert_int_equal(tap_run(t, TAP_XDP, &same), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_REFRESH);
	fill_ring(t, ring / 2);
	assert_int_equal(tap_run_unread(t, TAP_XDP, &same), FT_STAGE_SHED);
	fill_ring(t, ring / 4 * 3);
	assert_int_equal(tap_run_unread(t, TAP_XDP, &changed), FT_STAGE_SHED);
	assert_int_equal(tap_run_unread(t, TAP_XDP, &first), FT_STAGE_EMITTED);
	tap_close(t);
}

static void drop(void *ctx, const struct ft_event_hdr *rec)
{
	(void)ctx;
	(void)rec;
}

/* One more first sighting of the size of an answer with one address. */
static unsigned int refused_for_room(struct tap *t)
{
	static unsigned int n;
	static struct packet p;
	char name[32];

	snprintf(name, sizeof(name), "f%u.ex.", n++);
	answer(&p, name, "192.0.2.1", 60);
	return tap_run_unread(t, TAP_XDP, &p);
}

static void what_found_no_room_comes_up_again(void **state)
{
	struct tap *t = open_default(given_clock);
	static struct packet p;
	char name[32];
	unsigned int end = FT_STAGE_EMITTED;

	(void)state;
	/* known, with three repeats to its account */
	tap_clock(t, START);
	answer(&p, "a.example.", "192.0.2.1", 60);
	for (int i = 0; i < 4; i++)
		tap_run(t, TAP_XDP, &p);
	for (int i = 0; end == FT_STAGE_EMITTED; i++) {
		snprintf(name, sizeof(name), "fill%d.example.", i);
		answer(&p, name, "192.0.2.1", 60);
		end = tap_run_unread(t, TAP_XDP, &p);
	}
	assert_int_equal(end, FT_STAGE_RING_FULL);
	while (kernel_poll(t->k, 0, drop, NULL) > 0)
		;
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_NAME);
	/* nor had the record of what was known one, and its repeats are not forgotten */
	answer(&p, "a.example.", "192.0.2.1", 60);
	tap_clock(t, START + 61 * SECOND);
	for (end = FT_STAGE_EMITTED; end == FT_STAGE_EMITTED;)
		end = refused_for_room(t);
	assert_int_equal(tap_run_unread(t, TAP_XDP, &p), FT_STAGE_RING_FULL);
	while (kernel_poll(t->k, 0, drop, NULL) > 0)
		;
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_REFRESH);
	assert_int_equal(only(t)->repeats, 3);
	assert_true(only(t)->first_ns != 0);
	tap_close(t);
}

/* What kernels without bpf_loop() get. */
static void without_the_walk_everything_goes_up(void **state)
{
	struct kernel_config cfg = kernel_config_default();
	static struct packet p;
	struct tap *t;

	(void)state;
	cfg.ring_bytes = 1 << 16;
	cfg.no_walk = true;
	t = tap_open(&cfg, NULL);
	assert_false(kernel_filters(t->k));
	answer(&p, "a.example.", "192.0.2.1", 60);
	for (int i = 0; i < 6; i++) {
		if (i == 3)
			p.b[p.dns + 7] = 9; /* nine answers, one there: user space will see */
		assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
		assert_int_equal(only(t)->novelty, FT_NOVELTY_UNFILTERED);
		assert_int_equal(only(t)->walked, 0);
		assert_int_equal(only(t)->message_bytes, p.len - p.dns);
		assert_memory_equal(only(t)->message, p.b + p.dns, p.len - p.dns);
	}
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_goes_up_repeats_do_not),
		cmocka_unit_test(order_case_and_ttl_do_not_matter),
		cmocka_unit_test(every_part_of_the_set_matters),
		cmocka_unit_test(compression_does_not_matter),
		cmocka_unit_test(sets_in_rotation_become_quiet),
		cmocka_unit_test(next_record_carries_the_repeats),
		cmocka_unit_test(repeats_belong_to_their_set),
		cmocka_unit_test(a_set_that_comes_back_is_told_of_soon),
		cmocka_unit_test(sets_make_room_and_it_is_counted),
		cmocka_unit_test(a_full_count_goes_up),
		cmocka_unit_test(refresh_is_due_by_the_clock),
		cmocka_unit_test(names_and_types_are_apart),
		cmocka_unit_test(without_question_nothing_is_filtered),
		cmocka_unit_test(broken_messages_go_up_to_a_rate),
		cmocka_unit_test(full_table_makes_room_and_counts_it),
		cmocka_unit_test(new_clients_count_when_asked_for),
		cmocka_unit_test(pressure_sheds_refreshes_then_changes_never_firsts),
		cmocka_unit_test(what_found_no_room_comes_up_again),
		cmocka_unit_test(without_the_walk_everything_goes_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
