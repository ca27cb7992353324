// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's own tables, full: watched addresses, fragmented packets, UDP flows. And a program
 * that the verifier refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "libtap.h"

#include "dns.skel.h"

/* One for all: loading takes long on an emulated machine. */
static struct tap *t;

static int open_tap(void **state)
{
	struct kernel_config cfg = kernel_config_default();

	(void)state;
	cfg.filter_bytes = 1 << 20;
	cfg.ring_bytes = 1 << 20;
	t = tap_open(&cfg, NULL);
	return 0;
}

static int close_tap(void **state)
{
	(void)state;
	tap_close(t);
	return 0;
}

static struct ip_addr address(uint32_t n)
{
	uint8_t b[4] = { 198, 19, (uint8_t)(n >> 8), (uint8_t)n };

	return ip_from_v4(b);
}

static void udp_to(struct packet *p, uint32_t n, uint16_t sport)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	memcpy(p->b + 14 + 16, address(n).b + 12, 4);
	packet_udp(p, sport, 4433);
	packet_u32(p, 0);
	packet_done(p);
}

static void watch_map_refuses_what_is_too_much(void **state)
{
	static struct packet p;
	struct ip_addr a;

	(void)state;
	for (uint32_t n = 0; n < FT_WATCH_MAX; n++) {
		a = address(n);
		assert_int_equal(kernel_watch(t->k, &a, true), 0);
	}
	a = address(FT_WATCH_MAX);
	assert_int_equal(kernel_watch(t->k, &a, true), -ENOSPC);
	/* those that found a place are reported, the other one is not, all are counted */
	udp_to(&p, 7, 1000);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_NOT_DNS);
	assert_int_equal(t->records_len, 1);
	udp_to(&p, FT_WATCH_MAX, 1000);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_NOT_DNS);
	assert_int_equal(t->records_len, 0);
	a = address(7);
	assert_int_equal(kernel_watch(t->k, &a, false), 0);
	a = address(FT_WATCH_MAX);
	assert_int_equal(kernel_watch(t->k, &a, true), 0);
}

static void full_flow_table_reports_again(void **state)
{
	uint32_t reported = 0, again = 0;
	static struct packet p;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint16_t port = 1024; port < 1024 + (round ? 1 : 9) * FT_FLOW_LINES; port++) {
			udp_to(&p, 8, port); /* watched since the test before */
			assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_NOT_DNS);
			*(round ? &again : &reported) += (uint32_t)t->records_len;
		}
	/* each flow once; those that had to make room once more, so that none is missed */
	assert_int_equal(reported, 9 * FT_FLOW_LINES);
	assert_in_range(again, 1, FT_FLOW_LINES - 1);
}

/* A fragment of the packet @id, first (from a port that is none of DNS) or later. */
static void fragment(struct packet *p, uint16_t id, bool first)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, first ? 0x2000 : 185, 0);
	p->b[14 + 4] = (uint8_t)(id >> 8);
	p->b[14 + 5] = (uint8_t)id;
	packet_u32(p, 4433u << 16 | 4433);
	packet_u32(p, 0);
	packet_u32(p, 0);
	packet_done(p);
}

static void full_fragment_table_lets_pass(void **state)
{
	uint32_t followed = 0, passed = 0;
	static struct packet p;

	(void)state;
	for (uint32_t id = 0; id < 10 * FT_FRAGMENT_LINES; id++) {
		fragment(&p, (uint16_t)id, true);
		assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_NOT_DNS);
	}
	for (uint32_t id = 0; id < 10 * FT_FRAGMENT_LINES; id++) {
		unsigned int end;

		fragment(&p, (uint16_t)id, false);
		end = tap_run(t, TAP_XDP, &p);
		followed += end == FT_REASON_FRAGMENT_LATER;
		passed += end == FT_STAGE_EMITTED;
	}
	/* some have made room; what is not known to be another's goes up */
	assert_int_equal(followed + passed, 10 * FT_FRAGMENT_LINES);
	assert_in_range(followed, 4 * FT_FRAGMENT_LINES, 8 * FT_FRAGMENT_LINES);
}

static void ring_is_counted_without_reading_it(void **state)
{
	static struct packet p;
	uint64_t before[FT_COUNTER_MAX];

	(void)state;
	kernel_counters(t->k, before);
	assert_int_equal(kernel_ring_records(t->k), 0);
	for (uint16_t id = 1; id <= 5; id++) { /* as if they had overtaken their first */
		fragment(&p, (uint16_t)(60000 + id), false);
		assert_int_equal(tap_run_unread(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	}
	udp_to(&p, 9, 1000); /* a sample: beside what was emitted */
	assert_int_equal(tap_run_unread(t, TAP_XDP, &p), FT_STAGE_NOT_DNS);
	assert_int_equal(kernel_ring_records(t->k), 5);
	assert_int_equal(t->counters[FT_STAGE_EMITTED] - before[FT_STAGE_EMITTED], 5);
	tap_read(t);
	assert_int_equal(t->records_len, 6);
	assert_int_equal(kernel_ring_records(t->k), 0);
}

static void refused_program_is_named(void **state)
{
	struct dns_bpf *b;
	char text[400] = "";
	int err;

	(void)state;
	kernel_forget_messages();
	kernel_explain_load(-EACCES, text, sizeof(text));
	assert_non_null(strstr(text, "not permitted"));
	libbpf_set_print(kernel_libbpf_log);
	b = dns_bpf__open();
	assert_non_null(b);
	for (struct bpf_program *p = bpf_object__next_program(b->obj, NULL); p;
	     p = bpf_object__next_program(b->obj, p))
		bpf_program__set_autoload(p, p == b->progs.ft_xdp);
	/* of another type its context is none of XDP */
	bpf_program__set_type(b->progs.ft_xdp, BPF_PROG_TYPE_SOCKET_FILTER);
	err = dns_bpf__load(b);
	assert_true(err < 0);
	kernel_explain_load(-EACCES, text, sizeof(text)); /* the same as for a lack of rights */
	print_message("# %s\n", text);
	assert_null(strstr(text, "not permitted"));
	assert_non_null(strstr(text, "verifier of this kernel refuses prog 'ft_xdp'"));
	assert_null(strstr(text, "does not say why"));
	dns_bpf__destroy(b);
}

/* Their counters lie in the order of their numbers: gaps count. */
static void processors_are_counted_by_number(void **state)
{
	(void)state;
	assert_int_equal(kernel_cpu_numbers("0\n"), 1);
	assert_int_equal(kernel_cpu_numbers("0-1\n"), 2);
	assert_int_equal(kernel_cpu_numbers("0-3,8-11\n"), 12);
	assert_int_equal(kernel_cpu_numbers("0,2,64"), 65);
	assert_int_equal(kernel_cpu_numbers("\n"), -EINVAL);
	assert_int_equal(kernel_cpu_numbers(""), -EINVAL);
	assert_int_equal(kernel_cpu_numbers("0-"), -EINVAL);
	assert_int_equal(kernel_cpu_numbers("0-99999999999"), -EINVAL);
	assert_in_range(t->k->cpus, libbpf_num_possible_cpus(), FT_CPUS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watch_map_refuses_what_is_too_much),
		cmocka_unit_test(full_flow_table_reports_again),
		cmocka_unit_test(full_fragment_table_lets_pass),
		cmocka_unit_test(ring_is_counted_without_reading_it),
		cmocka_unit_test(processors_are_counted_by_number),
		cmocka_unit_test(refused_program_is_named),
	};

	return cmocka_run_group_tests(tests, open_tap, close_tap);
}
