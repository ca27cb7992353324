// SPDX-License-Identifier: BSD-2-Clause
/*
 * live_frames OBJECT IFACE [-t SECONDS] [-r RATE] [-p PERMILLE] [-k addresses|servers]: DNS
 * responses of tests/bench/sender.bpf.c out of an interface, made and sent by the kernel itself
 * (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18). What the other end of a veth does with them is done on
 * this processor too. RATE 0 is as fast as it goes. Always bounded: ten seconds by default, a
 * minute at most. Prints one JSON object: frames sent, seconds, seconds of CPU.
 */
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "../bpf/libpacket.h"
#include "../bpf/libpacket.c"

#define QNAME	    12
#define BATCH	    64U
#define AT_ONCE	    1000000U /* a run takes tens of milliseconds to set up */
#define SECONDS_MAX 60.0
#define NAMES_LOG2  15U

struct settings { /* the .rodata of sender.bpf.c, in its order */
	uint32_t to_ifindex, hex_at, address_at, addresses, new_permille, names_log2;
	uint64_t ns_per_batch;
};

struct times { /* its .bss */
	uint64_t sent, first_ns, last_ns, batches;
};

struct options {
	const char *object, *iface;
	double seconds, rate;
	uint32_t permille;
	bool servers;
};

static double cpu_s(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* 172 octets with four addresses; 174 with three, a name server and EDNS. */
static void make_frame(struct packet *p, bool servers, struct settings *ret)
{
	packet_response(p, "www.n00000000.example.");
	ret->hex_at = (uint32_t)p->dns + QNAME + 4 + 2;
	ret->addresses = servers ? 3 : 4;
	ret->address_at = (uint32_t)p->len + 12;
	for (uint32_t i = 0; i < ret->addresses; i++)
		packet_a(p, 1, QNAME, 300, "198.19.0.1");
	if (servers)
		packet_target(p, 2, QNAME + 4, 2, 3600, "ns1", QNAME + 4);
	packet_record(p, 3, 0, 41, 0, "", 0);
	packet_done(p);
}

static int load(const struct options *o, const struct settings *s, int *ret_times)
{
	struct bpf_object *object = bpf_object__open_file(o->object, NULL);
	struct bpf_program *program;
	const struct bpf_map *rodata, *bss;
	size_t bytes = 0;
	void *values;

	if (!object)
		return -errno;
	rodata = bpf_object__find_map_by_name(object, ".rodata");
	if (!rodata)
		return -ENOENT;
	values = (void *)(uintptr_t)bpf_map__initial_value((struct bpf_map *)(uintptr_t)rodata,
							   &bytes);
	if (!values || bytes < sizeof(*s))
		return -EINVAL;
	memcpy(values, s, sizeof(*s));
	if (bpf_object__load(object))
		return -errno;
	bss = bpf_object__find_map_by_name(object, ".bss");
	if (!bss || bpf_map__value_size(bss) < sizeof(struct times))
		return -ENOENT;
	*ret_times = bpf_map__fd(bss);
	program = bpf_object__find_program_by_name(object, "bench_sender");
	return program ? bpf_program__fd(program) : -ENOENT;
}

static int run(int fd, struct packet *p, uint32_t frames)
{
	struct xdp_md context = { .data_end = (uint32_t)p->len };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = (uint32_t)p->len,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = (int)frames,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	return bpf_prog_test_run_opts(fd, &opts);
}

/* The program's own times of the run: what it takes to set up does not count. */
static int flood(const struct options *o, int fd, struct packet *p, int times_fd)
{
	double cpu = cpu_s(), seconds = 0;
	struct times t = { 0 };
	uint32_t zero = 0;

	while (seconds < o->seconds) {
		double left = o->seconds - seconds;
		uint32_t frames = o->rate > 0 ? (uint32_t)(left * o->rate) : AT_ONCE;
		int err;

		t.first_ns = t.batches = 0;
		err = bpf_map_update_elem(times_fd, &zero, &t, 0);
		if (!err)
			err = run(fd, p, (frames / BATCH + 1) * BATCH);
		if (!err)
			err = bpf_map_lookup_elem(times_fd, &zero, &t);
		if (err || t.last_ns <= t.first_ns) {
			fprintf(stderr, "live_frames: %s\n", err ? strerror(errno) : "not run");
			return 1;
		}
		seconds += (double)(t.last_ns - t.first_ns) / 1e9;
		if (o->rate > 0)
			break;
	}
	printf("{\"sent\": %llu, \"seconds\": %.3f, \"cpu\": %.3f, \"octets\": %zu}\n",
	       (unsigned long long)t.sent, seconds, cpu_s() - cpu, p->len);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .seconds = 10, .permille = 60 };
	struct settings s = { .names_log2 = NAMES_LOG2 };
	static struct packet p;
	int c, fd, times = -1;

	while ((c = getopt(argc, argv, "t:r:p:k:")) != -1) {
		if (c == 't')
			o.seconds = atof(optarg);
		else if (c == 'r')
			o.rate = atof(optarg);
		else if (c == 'p')
			o.permille = (uint32_t)atoi(optarg);
		else if (c == 'k')
			o.servers = optarg[0] == 's';
		else
			return 2;
	}
	if (argc - optind != 2 || !(o.seconds > 0 && o.seconds <= SECONDS_MAX)) {
		fputs("usage: live_frames OBJECT IFACE [-t SECONDS] [-r RATE] [-p PERMILLE]\n"
		      "       [-k addresses|servers]\n",
		      stderr);
		return 2;
	}
	o.object = argv[optind];
	o.iface = argv[optind + 1];
	make_frame(&p, o.servers, &s);
	s.to_ifindex = if_nametoindex(o.iface);
	s.new_permille = o.permille;
	s.ns_per_batch = o.rate > 0 ? (uint64_t)(1e9 * BATCH / o.rate) : 0;
	fd = s.to_ifindex ? load(&o, &s, &times) : -errno;
	if (fd < 0) {
		fprintf(stderr, "live_frames: %s, %s: %s\n", o.object, o.iface, strerror(-fd));
		return 1;
	}
	return flood(&o, fd, &p, times);
}
