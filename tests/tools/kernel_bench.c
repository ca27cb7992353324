// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nanoseconds a frame in the real XDP program, by BPF_PROG_TEST_RUN with repeat, for frames of
 * several kinds and states of the filter: unchanged; with a record, since a known answer is due;
 * changed, another address each time; first, another name each time.  Each measurement alternates
 * with one of an empty XDP program, or where the frame changes with one behind the program that
 * changes it; the table has medians and ranges over the rounds.  The last two columns are of the
 * processor's own counters, for the kernel's part: machine instructions, and cycles of the fastest
 * round, both over those of the empty program.  They depend least on what else the machine does.
 * Needs root.
 *
 *	kernel_bench [-r ROUNDS] [-n REPEAT] [-m NAMES] [-b FILTER_MIB] [-k KIND] [-w]
 *
 * -k: only the frames whose name in the table begins so. -w: while an address is watched.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "../bpf/libpacket.h"
#include "../bpf/libpacket.c"
#include "capture/kernel_private.h"

#define QNAME	   12
#define ROUNDS_MAX 101

struct bench {
	int rounds;
	uint32_t repeat;
	uint32_t names;
	size_t filter_bytes;
	const char *kind;
	int empty_fd;
	int counters[2]; /* instructions, cycles; -1: the machine has none */
	struct kernel *k; /* as in daily use */
	struct kernel *due; /* each response goes up: the cost of the record */
	struct kernel *quiet; /* as in daily use, but nobody is woken or told of pressure */
};

/* --- frames ------------------------------------------------------------------------------------
 */

static void frame_tcp(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 6, 0x4000, 0);
	packet_tcp(p, 443, 50000, 0x18);
	while (p->len < 194)
		packet_u8(p, 0x17);
	packet_done(p);
}

static void frame_udp(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	packet_udp(p, 443, 50000);
	while (p->len < 194)
		packet_u8(p, 0x17);
	packet_done(p);
}

static void frame_tcp6(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x86dd);
	packet_ipv6(p, 6);
	packet_tcp(p, 443, 50000, 0x18);
	while (p->len < 214)
		packet_u8(p, 0x17);
	packet_done(p);
}

static void frame_query(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	packet_udp(p, 40000, 53);
	packet_dns(p, 0x1234, 0x0100);
	packet_question(p, "www.someshop.example.", 1);
	packet_done(p);
}

static void edns(struct packet *p)
{
	packet_record(p, 3, 0, 41, 0, "", 0);
}

static void addresses(struct packet *p, int n)
{
	char text[32];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "198.18.%d.%d", 10 + i, 1 + i);
		packet_a(p, 1, QNAME, 60, text);
	}
}

static void frame_one(struct packet *p)
{
	packet_response(p, "www.someshop.example.");
	addresses(p, 1);
	edns(p);
	packet_done(p);
}

static void frame_eight(struct packet *p)
{
	packet_response(p, "www.someshop.example.");
	addresses(p, 8);
	edns(p);
	packet_done(p);
}

/* Where the first of addresses() stands in the frame. */
static size_t find_address(const struct packet *p)
{
	static const uint8_t address[4] = { 198, 18, 10, 1 };
	const uint8_t *at = memmem(p->b, p->len, address, sizeof(address));

	return (size_t)(at - p->b);
}

/* Name servers below @zone with their glue. */
static void delegation(struct packet *p, uint16_t zone, int n, int with_aaaa)
{
	uint16_t at[8];
	char text[40];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "ns%d", i + 1);
		at[i] = packet_target(p, 2, zone, 2, 86400, text, zone);
	}
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "198.18.200.%d", i + 1);
		packet_a(p, 3, at[i], 86400, text);
		snprintf(text, sizeof(text), "2001:db8::%d", i + 1);
		if (with_aaaa)
			packet_aaaa(p, 3, at[i], 86400, text);
	}
}

/* CNAME into another zone, its address, two name servers there with A and AAAA. */
static void frame_cname(struct packet *p)
{
	uint16_t target;

	packet_response(p, "www.someshop.example.");
	target = packet_target(p, 1, QNAME, 5, 300, "shop-7.edge.pool-of-hosts.example.net", 0);
	packet_a(p, 1, target, 60, "198.18.10.1");
	packet_a(p, 1, target, 60, "198.18.10.2");
	delegation(p, (uint16_t)(target + 12), 2, 1);
	packet_a(p, 3, (uint16_t)(target + 12), 60, "198.18.200.9");
	edns(p);
	packet_done(p);
}

static void frame_thirteen(struct packet *p)
{
	packet_response(p, "www.someshop.example.");
	addresses(p, 13);
	delegation(p, QNAME + 4, 4, 1);
	edns(p);
	packet_done(p);
}

/* --- measuring ---------------------------------------------------------------------------------
 */

/* As fluxtap's program is loaded: those that are called through one array must agree. */
static int load_xdp(const char *name, const struct bpf_insn *code, size_t len)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS,
		    .expected_attach_type = BPF_XDP);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", code, len, &opts);
}

static int load_empty(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 2 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_xdp("bench_empty", code, 2);
}

#define STEP 0x1e3779b1 /* odd: no word comes twice */

/*
 * A program that adds STEP to the word at @at of the frame, which test runs leave as it is then,
 * and goes on in @then_fd, as long as *@ret_map is open.
 */
static int load_changing(size_t at, int then_fd, int *ret_map)
{
	int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "bench_then", 4, 4, 1, NULL);
	const __s16 off = (__s16)at;
	struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 3, .src_reg = 1, .off = 4 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 2 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4, .imm = off + 4 },
		{ .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 7 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 5, .src_reg = 2, .off = off },
		{ .code = BPF_ALU | BPF_ADD | BPF_K, .dst_reg = 5, .imm = STEP },
		{ .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 5, .off = off },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 }, /* XDP_ABORTED */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	__u32 zero = 0;
	int fd;

	fd = load_xdp("bench_changing", code, sizeof(code) / sizeof(code[0]));
	if (fd < 0 || bpf_map_update_elem(map, &zero, &then_fd, BPF_ANY)) {
		fprintf(stderr, "kernel_bench: %s\n", strerror(errno));
		exit(1);
	}
	*ret_map = map;
	return fd;
}

static double now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

#define MANY_RUNS 1000U

/*
 * Nanoseconds of one of @repeat runs. The kernel's own figure leaves off what is less than a whole
 * one; of many it is this thread's time on the processor, with the call's own in it, as in that of
 * the empty program. (The call also sleeps until no processor runs the program.)
 */
static double run(int fd, const struct packet *p, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = (int)repeat, .data_in = p->b,
		    .data_size_in = (uint32_t)p->len);
	double start = now_ns(CLOCK_THREAD_CPUTIME_ID);

	if (bpf_prog_test_run_opts(fd, &opts) || opts.retval != XDP_PASS) {
		fprintf(stderr, "kernel_bench: test run: %s, verdict %u\n", strerror(errno),
			opts.retval);
		exit(1);
	}
	return repeat < MANY_RUNS ? opts.duration
				  : (now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / repeat;
}

static int open_counter(uint64_t config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.exclude_user = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_counter(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == (ssize_t)sizeof(value) ? value : 0;
}

/* run(), and the least that it took by each counter in any round, a frame, into @least. */
static double run_counted(const struct bench *b, int fd, const struct packet *p, uint32_t repeat,
			  double *least)
{
	uint64_t before[2];
	double ns, took;

	for (int i = 0; i < 2; i++)
		before[i] = read_counter(b->counters[i]);
	ns = run(fd, p, repeat);
	for (int i = 0; i < 2; i++) {
		took = (double)(read_counter(b->counters[i]) - before[i]) / repeat;
		if (!least[i] || took < least[i])
			least[i] = took;
	}
	return ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void drop(void *ctx, const struct ft_event_hdr *rec)
{
	(void)ctx;
	(void)rec;
}

static void drain(struct kernel *k)
{
	while (kernel_poll(k, 0, drop, NULL) > 0)
		;
}

struct figures {
	double ns[ROUNDS_MAX];
	double over[ROUNDS_MAX]; /* over the empty program of the same round */
	double counted[2]; /* over it in the fastest round: instructions, cycles; 0: unknown */
};

static void print_figures(const struct bench *b, const char *what, size_t bytes, struct figures *f)
{
	size_t n = (size_t)b->rounds;

	qsort(f->ns, n, sizeof(double), compare);
	qsort(f->over, n, sizeof(double), compare);
	printf("%-34s %5zu B %8.1f  [%6.1f–%7.1f] %8.1f", what, bytes, f->ns[n / 2], f->ns[0],
	       f->ns[n - 1], f->over[n / 2]);
	for (int i = 0; i < 2; i++) {
		if (f->counted[i] > 0)
			printf(" %8.0f", f->counted[i]);
		else
			printf(" %8s", "-");
	}
	putchar('\n');
}

/*
 * The same frame again and again, or with another word at @changing each time. The ring is emptied
 * before each round and holds it all.
 */
static void measure_beside(const struct bench *b, struct kernel *k, int fd, int empty_fd,
			   const char *what, struct packet *p, uint32_t repeat, size_t changing)
{
	struct figures f = { 0 };
	double least[2] = { 0 }, least_empty[2] = { 0 };
	uint32_t word;

	if (strncmp(what, b->kind, strlen(b->kind)) != 0)
		return;
	run(fd, p, 10);
	for (int i = 0; i < b->rounds; i++) {
		double empty = run_counted(b, empty_fd, p, repeat, least_empty);

		drain(k);
		f.ns[i] = run_counted(b, fd, p, repeat, least);
		f.over[i] = f.ns[i] - empty;
		if (changing) { /* where this round left it */
			memcpy(&word, p->b + changing, sizeof(word));
			word += repeat * STEP;
			memcpy(p->b + changing, &word, sizeof(word));
		}
	}
	for (int i = 0; i < 2; i++)
		f.counted[i] = least[i] - least_empty[i];
	print_figures(b, what, p->len, &f);
}

static void measure(const struct bench *b, struct kernel *k, const char *what, struct packet *p,
		    uint32_t repeat)
{
	measure_beside(b, k, k->xdp_fd, b->empty_fd, what, p, repeat, 0);
}

/* --- many names --------------------------------------------------------------------------------
 */

/* Eight letters at the front of the question's name: another name for each @n. */
static void set_name(struct packet *p, uint32_t n)
{
	for (int i = 0; i < 7; i++, n /= 26)
		p->b[p->dns + QNAME + 1 + (size_t)i] = (uint8_t)('a' + n % 26);
}

static void frame_many(struct packet *p)
{
	packet_response(p, "aaaaaaa.shop-of-th.example.");
	addresses(p, 1);
	edns(p);
	packet_done(p);
}

/*
 * Each run is one frame here, so that the name can change: the time is the program's own, as
 * test_run reports it, which for one run has the clock's cost in it; the empty program's too.
 */
static double cycle(int fd, struct packet *p, uint32_t names, uint32_t step)
{
	double sum = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < names; i += step, n++) {
		set_name(p, i);
		sum += run(fd, p, 1);
	}
	return sum / n;
}

static void measure_many(const struct bench *b, struct kernel *k)
{
	static struct packet p;
	struct figures again = { 0 }, warm = { 0 };
	struct bench one = *b;
	double start = now_ns(CLOCK_MONOTONIC);
	uint64_t before[FT_COUNTER_MAX], after[FT_COUNTER_MAX];

	frame_many(&p);
	for (uint32_t i = 0; i < b->names; i++) {
		set_name(&p, i);
		run(k->xdp_fd, &p, 1);
		if (!(i & 0x3fff))
			drain(k);
	}
	drain(k);
	printf("# %u names taught in %.1f s\n", b->names, (now_ns(CLOCK_MONOTONIC) - start) / 1e9);
	one.rounds = b->rounds > 5 ? 5 : b->rounds;
	kernel_counters(k, before);
	for (int i = 0; i < one.rounds; i++) {
		double empty = cycle(b->empty_fd, &p, b->names, 11);

		again.ns[i] = cycle(k->xdp_fd, &p, b->names, 11);
		again.over[i] = again.ns[i] - empty;
		drain(k);
		empty = cycle(b->empty_fd, &p, 1000, 1);
		cycle(k->xdp_fd, &p, 100, 1);
		warm.ns[i] = cycle(k->xdp_fd, &p, 100, 1);
		warm.over[i] = warm.ns[i] - empty;
	}
	kernel_counters(k, after);
	print_figures(&one, "single runs, 100 names", p.len, &warm);
	print_figures(&one, "single runs, all names cycling", p.len, &again);
	printf("# held back meanwhile: %.2f %%\n",
	       100.0 * (double)(after[FT_STAGE_REPEAT] - before[FT_STAGE_REPEAT]) /
		       (double)(after[FT_STAGE_RESPONSE] - before[FT_STAGE_RESPONSE]));
}

/* --- programs ----------------------------------------------------------------------------------
 */

static void print_program(const char *name, int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	printf("# %-8s %6u instructions verified, %5u translated, %6u bytes of machine code\n",
	       name, info.verified_insns, (unsigned int)(info.xlated_prog_len / 8),
	       info.jited_prog_len);
}

static void nobody_waits(struct ft_settings *s)
{
	s->wake_bytes = 1U << 30;
	s->mark_refresh = 0;
	s->mark_change = 0;
}

static void all_due(struct ft_settings *s)
{
	nobody_waits(s);
	s->refresh_ticks = 0; /* each known answer goes up: look-up, record, entry */
}

static struct kernel *load(const struct bench *b, enum kernel_clients clients,
			   void (*adjust)(struct ft_settings *))
{
	struct kernel_config cfg = kernel_config_default();
	struct kernel *k;
	char err[256];

	cfg.filter_bytes = b->filter_bytes;
	cfg.refresh_ns = 0;
	cfg.clients = clients;
	cfg.seed = FT_SEED_FIXED;
	cfg.ring_bytes = 64 << 20;
	cfg.zone_names_per_s = 0; /* a million names of one zone are no flood here */
	if (kernel_load(&cfg, adjust, &k, err, sizeof(err))) {
		fprintf(stderr, "kernel_bench: %s\n", err);
		exit(1);
	}
	return k;
}

/* An address of the answer, or the name, is another one each time. */
static void measure_changing(const struct bench *b, const char *what, const struct packet *p,
			     size_t at)
{
	struct packet own = *p;
	int map, empty_map, fd = load_changing(at, b->quiet->xdp_fd, &map);
	int empty_fd = load_changing(at, b->empty_fd, &empty_map);

	measure_beside(b, b->quiet, fd, empty_fd, what, &own, 50000, at);
	close(fd);
	close(map);
	close(empty_fd);
	close(empty_map);
}

static void measure_kinds(const struct bench *b)
{
	static const struct {
		const char *what;
		void (*frame)(struct packet *);
	} plain[] = { { "TCP, not DNS", frame_tcp },
		      { "UDP, not DNS", frame_udp },
		      { "TCP over IPv6, not DNS", frame_tcp6 },
		      { "query", frame_query } },
	  responses[] = { { "1 A", frame_one },
			  { "8 A", frame_eight },
			  { "CNAME, 2 A, NS, glue", frame_cname },
			  { "13 A, NS, glue", frame_thirteen } };
	static struct packet p;
	char what[64];

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		plain[i].frame(&p);
		measure(b, b->k, plain[i].what, &p, b->repeat);
	}
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
		responses[i].frame(&p);
		snprintf(what, sizeof(what), "%s: unchanged", responses[i].what);
		measure(b, b->k, what, &p, b->repeat);
		snprintf(what, sizeof(what), "%s: with record", responses[i].what);
		measure(b, b->due, what, &p, 50000);
		snprintf(what, sizeof(what), "%s: changed", responses[i].what);
		measure_changing(b, what, &p, find_address(&p));
		snprintf(what, sizeof(what), "%s: first", responses[i].what);
		measure_changing(b, what, &p, p.dns + QNAME + 5);
	}
}

/* The same with clients told apart, who are one here: look-up of the pair, nothing new. */
static void measure_clients(const struct bench *b)
{
	static struct packet p;
	struct kernel *hosts = load(b, KERNEL_CLIENTS_HOSTS, NULL),
		      *all = load(b, KERNEL_CLIENTS_ALL, NULL);

	frame_one(&p);
	measure(b, hosts, "1 A: unchanged, clients: hosts", &p, b->repeat);
	measure(b, all, "1 A: unchanged, clients: all", &p, b->repeat);
	kernel_close(hosts);
	kernel_close(all);
}

int main(int argc, char **argv)
{
	struct bench b = {
		.rounds = 15,
		.repeat = 1000000,
		.names = 1000000,
		.filter_bytes = 256 << 20,
		.kind = "",
	};
	struct utsname u;
	bool watch = false;
	int opt;

	while ((opt = getopt(argc, argv, "r:n:m:b:k:w")) != -1) {
		if (opt == 'r')
			b.rounds = atoi(optarg);
		else if (opt == 'n')
			b.repeat = (uint32_t)atoi(optarg);
		else if (opt == 'm')
			b.names = (uint32_t)atoi(optarg);
		else if (opt == 'k')
			b.kind = optarg;
		else if (opt == 'w')
			watch = true;
		else if (opt == 'b')
			b.filter_bytes = (size_t)atoi(optarg) << 20;
		else
			return 2;
	}
	if (b.rounds < 1 || b.rounds > ROUNDS_MAX || b.repeat < 1) {
		fprintf(stderr, "kernel_bench: 1 to %d rounds\n", ROUNDS_MAX);
		return 2;
	}
	b.empty_fd = load_empty();
	if (b.empty_fd < 0) {
		fprintf(stderr, "kernel_bench: %s\n", strerror(errno));
		return 1;
	}
	b.counters[0] = open_counter(PERF_COUNT_HW_INSTRUCTIONS);
	b.counters[1] = open_counter(PERF_COUNT_HW_CPU_CYCLES);
	b.k = load(&b, KERNEL_CLIENTS_OFF, NULL);
	b.due = load(&b, KERNEL_CLIENTS_OFF, all_due);
	b.quiet = load(&b, KERNEL_CLIENTS_OFF, nobody_waits);
	if (watch) {
		struct ip_addr other = ip_from_v4((const uint8_t[]){ 198, 19, 255, 1 });

		kernel_watch(b.k, &other, true);
		kernel_watch(b.due, &other, true);
		kernel_watch(b.quiet, &other, true);
	}
	uname(&u);
	printf("# Linux %s %s, %d rounds of %u runs\n", u.release, u.machine, b.rounds, b.repeat);
	print_program("xdp", b.k->xdp_fd);
	print_program("tc in", b.k->tc_in_fd);
	printf("%-34s %7s %8s  %-17s %8s %8s %8s\n", "frame", "bytes", "median", "[range]",
	       "-empty", "insns", "cycles");
	measure_kinds(&b);
	measure_clients(&b);
	if (b.names)
		measure_many(&b, b.k);
	kernel_close(b.k);
	kernel_close(b.due);
	kernel_close(b.quiet);
	close(b.empty_fd);
	return 0;
}
