// SPDX-License-Identifier: BSD-2-Clause
/*
 * Processor time of the churn and detection stage per response, and its memory per name:
 * bench_detect [RESPONSES [MEMORY_MIB]]. One name in twenty draws 2 of 12 addresses anew for
 * each TTL of 60 s, the rest keep theirs; names are asked at random, so that most look-ups miss
 * the cache. Each size twice: at 200,000 responses a second, where most are replays of a cache,
 * and spread over an hour, where most are fresh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "detect/config.h"
#include "detect/detector.h"

#define NS 1000000000ULL

struct bench {
	struct dns_name *names;
	size_t names_len;
	uint64_t alerts;
	uint64_t random;
};

static void on_alert(void *ctx, const struct alert *a)
{
	(void)a;
	((struct bench *)ctx)->alerts++;
}

static uint64_t next(struct bench *b)
{
	b->random += 0x9e3779b97f4a7c15ULL;
	return hash_mix(b->random);
}

static int make_names(struct bench *b, size_t n)
{
	b->names = calloc(n, sizeof(*b->names));
	if (!b->names)
		return -1;
	b->names_len = n;
	for (size_t i = 0; i < n; i++) {
		char text[64];

		snprintf(text, sizeof(text), "h%zu.domain%zu.example", i, i / 4);
		if (dns_name_from_text(text, &b->names[i]))
			return -1;
	}
	return 0;
}

static void address(uint64_t h, struct ip_addr *ret)
{
	uint8_t v4[4] = { (uint8_t)(1 + h % 99), (uint8_t)(h >> 8), (uint8_t)(h >> 16),
			  (uint8_t)(h >> 24) };

	if (v4[0] == 10)
		v4[0] = 11;
	*ret = ip_from_v4(v4);
}

/* One response about name @i at @time_ns: a cache that fetches anew each minute. */
static void respond(struct bench *b, struct detector *d, size_t i, uint64_t time_ns)
{
	uint64_t minute = time_ns / NS / 60 + i % 60, draw = hash_mix(i);
	struct dns_obs_record rr[2] = { 0 };
	struct dns_observation obs = { .time_ns = time_ns,
				       .qtype = DNS_TYPE_A,
				       .qclass = 1,
				       .qname = &b->names[i],
				       .records = rr,
				       .records_len = 2 };

	address(i % 50 + 1, &obs.client);
	address(7, &obs.server);
	for (unsigned int k = 0; k < 2; k++) {
		uint64_t which = i % 20 ? k : hash_mix(minute * 2 + k + draw) % 12;

		rr[k].owner = &b->names[i];
		rr[k].type = DNS_TYPE_A;
		rr[k].ttl_s = (uint32_t)(60 - (time_ns / NS) % 60);
		address(hash_mix(draw + which), &rr[k].addr);
	}
	detector_response(d, &obs);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run(size_t names, size_t responses, uint64_t step_ns, unsigned long memory_mib)
{
	static const struct detector_ops ops = { .alert = on_alert };
	struct detect_config cfg = detect_config_default();
	struct bench b = { .random = 1 };
	struct detector_stats s;
	struct detector *d;
	uint64_t time_ns = 1800000000ULL * NS;
	double t0, t1;

	cfg.memory_bytes = (uint64_t)memory_mib << 20;
	if (make_names(&b, names) || detector_new(&cfg, NULL, &hash_key_fixed, &ops, &b, &d))
		return 1;
	for (size_t i = 0; i < names; i++) /* all names known */
		respond(&b, d, i, time_ns + i);
	t0 = seconds();
	for (size_t i = 0; i < responses; i++)
		respond(&b, d, next(&b) % names, time_ns + NS + i * step_ns);
	t1 = seconds();
	detector_stats(d, &s);
	printf("%8zu names  %5.0f ns/response  %5.1f MiB of tables  %lu names kept  %lu candidates"
	       "  fresh %.1f %%  alerts %lu\n",
	       names, (t1 - t0) / (double)responses * 1e9, (double)s.table_bytes / 1048576,
	       (unsigned long)s.names, (unsigned long)s.candidates,
	       100.0 * (double)s.fresh_sets / (double)(responses + names), (unsigned long)b.alerts);
	detector_free(d);
	free(b.names);
	return 0;
}

int main(int argc, char **argv)
{
	size_t responses = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000;
	unsigned long mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;

	uint64_t steps_ns[] = { 5000, responses ? 3600 * NS / responses : 1 };
	int err = 0;

	for (size_t names = 10000; names <= 1000000 && !err; names *= 10)
		for (size_t i = 0; i < 2 && !err; i++)
			err = run(names, responses, steps_ns[i], mib);
	return err;
}
