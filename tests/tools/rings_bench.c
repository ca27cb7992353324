// SPDX-License-Identifier: BSD-2-Clause
/*
 * rings_bench [-r ROUNDS] [-n RUNS] RING_OBJECT [CAPTURE]
 *
 * Is one ring enough, and one thread that reads it? First: nanoseconds a response in the real XDP
 * program on two processors at once, each with a name of its own, by BPF_PROG_TEST_RUN with repeat,
 * when each response becomes a record: one processor alone, both with a ring of their own (the
 * program loaded twice), both with one ring; the same of a program (RING_OBJECT) that does nothing
 * but write records. Rounds are interleaved, medians shown. The ring is emptied between the runs
 * and holds them all.
 *
 * Then: how many records of CAPTURE's responses a second of one core takes from the ring through
 * the whole analysis, as `run` does. Needs root and two processors.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "../bpf/libpacket.h"
#include "../bpf/libpacket.c"
#include "capture/kernel_private.h"
#include "capture/pcap.h"
#include "cli/setup.h"

#define QNAME	   12
#define ROUNDS_MAX 101
#define RING_BYTES (64UL << 20)
#define CHANGED	   0.06 /* share of responses that become records, for what is worked out */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "rings_bench: %s: %s\n", what, why);
	exit(1);
}

/* --- two processors at once --------------------------------------------------------------------
 */

struct lane {
	unsigned int cpu;
	int fd;
	const struct packet *p;
	uint32_t runs;
	pthread_barrier_t *start; /* NULL: alone */
	double ns; /* a run, as the kernel says */
};

static void *run_lane(void *ctx)
{
	struct lane *l = ctx;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = (int)l->runs, .data_in = l->p->b,
		    .data_size_in = (uint32_t)l->p->len);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(l->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		fail("processor", "cannot be had");
	if (l->start)
		pthread_barrier_wait(l->start);
	if (bpf_prog_test_run_opts(l->fd, &opts))
		fail("bpf_prog_test_run", strerror(errno));
	l->ns = opts.duration;
	return NULL;
}

/* Mean of both lanes, or of the first on each processor alone. */
static double run_lanes(struct lane lanes[2], bool together)
{
	pthread_barrier_t start;
	pthread_t threads[2];

	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; i < 2; i++) {
		lanes[i].start = together ? &start : NULL;
		if (pthread_create(&threads[i], NULL, run_lane, &lanes[i]))
			fail("thread", "cannot be started");
		if (!together)
			pthread_join(threads[i], NULL);
	}
	for (int i = 0; together && i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	return (lanes[0].ns + lanes[1].ns) / 2;
}

/* What writes into a ring: the real programs or the bare one. */
struct writer {
	int fd;
	struct kernel *k; /* or */
	struct ring ring;
};

static void nothing(void *ctx, const void *rec, size_t bytes)
{
	(void)ctx;
	(void)rec;
	(void)bytes;
}

static struct ring *ring_of(struct writer *w)
{
	return w->k ? &w->k->ring : &w->ring;
}

static void drain(struct writer *w)
{
	while (ring_read(ring_of(w), 1 << 20, nothing, NULL) > 0)
		;
}

enum how { ALONE, OWN_RINGS, ONE_RING, HOWS };

struct subject {
	const char *what;
	struct writer *w; /* two */
	struct packet *p; /* two */
	double ns[HOWS][ROUNDS_MAX], ratio[ROUNDS_MAX];
};

static void one_round(struct subject *s, int round, const unsigned int cpus[2], uint32_t runs)
{
	for (int how = 0; how < HOWS; how++) {
		struct lane lanes[2] = {
			{ .cpu = cpus[0], .fd = s->w[0].fd, .p = &s->p[0], .runs = runs },
			{ .cpu = cpus[1],
			  .fd = s->w[how == OWN_RINGS].fd,
			  .p = &s->p[1],
			  .runs = runs },
		};

		s->ns[how][round] = run_lanes(lanes, how != ALONE);
		drain(&s->w[0]);
		drain(&s->w[1]);
	}
	s->ratio[round] = s->ns[ONE_RING][round] / s->ns[OWN_RINGS][round];
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return values[n / 2];
}

static void print_subject(struct subject *s, int rounds)
{
	double ns[HOWS], ratio = median(s->ratio, rounds);

	for (int how = 0; how < HOWS; how++)
		ns[how] = median(s->ns[how], rounds);
	printf("%-36s %7.0f %10.0f %9.0f   %5.2f (%4.2f-%4.2f) %10.1f\n", s->what, ns[ALONE],
	       ns[OWN_RINGS], ns[ONE_RING], ratio, s->ratio[0], s->ratio[rounds - 1],
	       2e3 / ns[ONE_RING]);
}

/* --- what is run --------------------------------------------------------------------------------
 */

static void frame_one(struct packet *p, const char *name)
{
	packet_response(p, name);
	packet_a(p, 1, QNAME, 60, "198.18.10.1");
	packet_record(p, 3, 0, 41, 0, "", 0);
	packet_done(p);
}

/* A CNAME into another zone, its addresses, two name servers there with glue. */
static void frame_cname(struct packet *p, const char *name)
{
	uint16_t target, at[2];

	packet_response(p, name);
	target = packet_target(p, 1, QNAME, 5, 300, "shop-7.edge.pool-of-hosts.example.net", 0);
	packet_a(p, 1, target, 60, "198.18.10.1");
	packet_a(p, 1, target, 60, "198.18.10.2");
	for (int i = 0; i < 2; i++)
		at[i] = packet_target(p, 2, (uint16_t)(target + 12), 2, 86400, i ? "ns2" : "ns1",
				      (uint16_t)(target + 12));
	for (int i = 0; i < 2; i++)
		packet_a(p, 3, at[i], 86400, "198.18.200.1");
	packet_record(p, 3, 0, 41, 0, "", 0);
	packet_done(p);
}

static void no_marks(struct ft_settings *s)
{
	s->wake_bytes = 0; /* nobody waits */
	s->mark_refresh = 0;
	s->mark_change = 0;
}

static void all_records(struct ft_settings *s)
{
	no_marks(s);
	s->refresh_ticks = 0; /* each known answer goes up: look-up, record, entry */
}

static struct kernel *load(const struct kernel_config *given, void (*adjust)(struct ft_settings *))
{
	struct kernel_config cfg = *given;
	struct kernel *k;
	char err[256];

	cfg.ring_bytes = RING_BYTES;
	cfg.xdp_only = true;
	if (kernel_load(&cfg, adjust, &k, err, sizeof(err)))
		fail("kernel programs", err);
	return k;
}

static void load_real(struct writer w[2], void (*adjust)(struct ft_settings *))
{
	struct kernel_config cfg = kernel_config_default();

	cfg.refresh_ns = 0;
	cfg.seed = FT_SEED_FIXED;
	for (int i = 0; i < 2; i++) {
		w[i].k = load(&cfg, adjust);
		w[i].fd = w[i].k->xdp_fd;
	}
}

static void load_bare(struct writer w[2], const char *path)
{
	for (int i = 0; i < 2; i++) {
		struct bpf_object *object = bpf_object__open_file(path, NULL);

		if (!object || bpf_object__load(object))
			fail(path, strerror(errno));
		w[i].fd = bpf_program__fd(bpf_object__find_program_by_name(object, "bench_output"));
		if (ring_open(&w[i].ring, bpf_object__find_map_fd_by_name(object, "bench_ring"),
			      RING_BYTES))
			fail(path, "no ring");
	}
}

static void two_rings(const char *object, int rounds, uint32_t runs, const unsigned int cpus[2])
{
	static struct writer real[2], quiet[2], bare[2];
	static struct packet one[2], cname[2];
	static struct subject subjects[] = {
		{ .what = "ring alone, records of 256 octets", .w = bare, .p = one },
		{ .what = "1 A: with record", .w = real, .p = one },
		{ .what = "CNAME, 2 A, NS, glue: with record", .w = real, .p = cname },
		{ .what = "1 A: unchanged", .w = quiet, .p = one },
		{ .what = "CNAME, 2 A, NS, glue: unchanged", .w = quiet, .p = cname },
	};
	const size_t n = sizeof(subjects) / sizeof(subjects[0]);

	load_bare(bare, object);
	load_real(real, all_records);
	load_real(quiet, no_marks);
	for (int i = 0; i < 2; i++) {
		frame_one(&one[i], i ? "www.othershop.example." : "www.someshop.example.");
		frame_cname(&cname[i], i ? "www.othershop.example." : "www.someshop.example.");
	}
	for (int i = 0; i < rounds; i++)
		for (size_t j = 0; j < n; j++)
			one_round(&subjects[j], i, cpus, runs);
	printf("# processors %u and %u, %d rounds of %u runs; ns a response on each\n", cpus[0],
	       cpus[1], rounds, runs);
	printf("%-36s %7s %10s %9s   %s %17s\n", "frame", "alone", "own rings", "one ring",
	       "one : own", "M/s of both");
	for (size_t j = 0; j < n; j++)
		print_subject(&subjects[j], rounds);
	for (int i = 0; i < 2; i++) {
		kernel_close(real[i].k);
		kernel_close(quiet[i].k);
		ring_close(&bare[i].ring);
	}
}

/* --- the reader --------------------------------------------------------------------------------
 */

static double thread_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct reading {
	struct pipeline *pipeline;
	struct kernel *k;
	uint64_t responses, records;
	size_t line_bytes;
	double seconds;
};

static void count_line(void *ctx, enum pipeline_event kind, const char *line, size_t len)
{
	(void)kind;
	(void)line;
	((struct reading *)ctx)->line_bytes += len;
}

static void watch(void *ctx, const struct ip_addr *addr, bool on)
{
	kernel_watch(((struct reading *)ctx)->k, addr, on);
}

static void read_all(struct reading *r)
{
	double start = thread_s();
	int n;

	while ((n = kernel_poll(r->k, 0, pipeline_record, r->pipeline)) > 0)
		r->records += (uint64_t)n;
	r->seconds += thread_s() - start;
}

static void feed(struct reading *r, const char *path)
{
	struct pcap_reader *reader;
	struct frame f;
	char err[256];
	int rc;

	if (pcap_reader_open(path, &reader, err, sizeof(err)))
		fail("capture", err);
	while ((rc = pcap_reader_next(reader, &f)) > 0) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.bytes,
			    .data_size_in = f.captured);

		if (bpf_prog_test_run_opts(r->k->xdp_fd, &opts))
			fail("bpf_prog_test_run", strerror(errno));
		r->responses++;
		if (kernel_ring_pending(r->k) > RING_BYTES / 4) /* as much as in daily use */
			read_all(r);
	}
	if (rc)
		fail("capture", pcap_reader_error(reader));
	read_all(r);
	pcap_reader_close(reader);
}

struct variant {
	const char *what;
	struct setup_override sets[3];
	size_t sets_len;
	double a_second[ROUNDS_MAX];
	uint64_t responses, records;
};

/* The settings are the defaults of `run` but for @v's; what becomes of lines is not counted. */
static void read_through(struct variant *v, int round, const char *path)
{
	static const struct pipeline_ops ops = { .line = count_line, .watch = watch };
	struct setup setup = { 0 };
	struct kernel_config kernel;
	struct pipeline_config cfg;
	struct reading r = { 0 };
	struct hash_key key;

	if (setup_load(&setup, "/dev/null", v->sets, v->sets_len))
		fail("settings", "not loaded");
	hash_key_random(&key);
	setup_pipeline_config(&setup, &key, &cfg);
	setup_kernel_config(&setup, &kernel);
	if (pipeline_new(&cfg, &ops, &r, &r.pipeline))
		fail("analysis", "not opened");
	r.k = load(&kernel, no_marks);
	feed(&r, path);
	v->responses = r.responses;
	v->records = r.records;
	v->a_second[round] = (double)r.records / r.seconds;
	kernel_close(r.k);
	pipeline_free(r.pipeline);
	setup_fini(&setup);
}

#define NO_CLIENTS                                       \
	{                                                \
		.key = "capture.clients", .value = "off" \
	}
#define NO_FILTER                                         \
	{                                                 \
		.key = "capture.filter", .value = "false" \
	}
#define NO_LINES                                     \
	{                                            \
		.key = "eve.types", .value = "alert" \
	}

static void one_reader(const char *path, int rounds)
{
	static struct variant variants[] = {
		{ "new and changed, alerts alone", { NO_CLIENTS, NO_LINES }, 2, { 0 }, 0, 0 },
		{ "new and changed, JSON of each", { NO_CLIENTS }, 1, { 0 }, 0, 0 },
		{ "no filter, alerts alone", { NO_FILTER, NO_LINES }, 2, { 0 }, 0, 0 },
		{ "no filter, JSON of each", { NO_FILTER }, 1, { 0 }, 0, 0 },
	};
	const size_t n = sizeof(variants) / sizeof(variants[0]);

	for (int i = 0; i < rounds; i++)
		for (size_t j = 0; j < n; j++)
			read_through(&variants[j], i, path);
	printf("\n%-30s %9s %9s %8s %31s %20s\n", "records through the analysis", "responses",
	       "records", "share", "records a core second", "M responses/s at 6 %");
	for (size_t j = 0; j < n; j++) {
		struct variant *v = &variants[j];
		double mid = median(v->a_second, rounds);

		printf("%-30s %9llu %9llu %6.1f %% %11.0f (%7.0f-%8.0f) %20.1f\n", v->what,
		       (unsigned long long)v->responses, (unsigned long long)v->records,
		       100.0 * (double)v->records / (double)v->responses, mid, v->a_second[0],
		       v->a_second[rounds - 1], mid / CHANGED / 1e6);
	}
}

static void two_cpus(unsigned int ret[2])
{
	cpu_set_t set;
	int n = 0;

	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			ret[n++] = i;
	if (n < 2)
		fail("processors", "two are needed");
}

int main(int argc, char **argv)
{
	int rounds = 9, opt;
	unsigned int cpus[2];
	uint32_t runs = 100000;

	while ((opt = getopt(argc, argv, "r:n:")) != -1) {
		if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 'n')
			runs = (uint32_t)atoi(optarg);
		else
			return 2;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || optind == argc || runs < 1 || runs > 100000) {
		fprintf(stderr, "usage: rings_bench [-r ROUNDS] [-n RUNS] RING_OBJECT [CAPTURE]\n");
		return 2;
	}
	two_cpus(cpus);
	two_rings(argv[optind], rounds, runs, cpus);
	if (optind + 1 < argc)
		one_reader(argv[optind + 1], rounds > 5 ? 5 : rounds);
	return 0;
}
