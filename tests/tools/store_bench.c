// SPDX-License-Identifier: BSD-2-Clause
/*
 * store_bench PATH [RESPONSES]: cost of the history for the thread that feeds it, and rows a
 * second to the file at PATH (created, left behind). Responses of four addresses for 20,000 names
 * in turn, a set of the interval's size written whenever it is full. Prints JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "store/store.h"

#define NAMES	20000U
#define ANSWERS 4U

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct dns_name *make_names(void)
{
	struct dns_name *names = calloc(NAMES, sizeof(*names));
	char text[64];

	for (unsigned int i = 0; names && i < NAMES; i++) {
		snprintf(text, sizeof(text), "host-%u.service.example", i);
		dns_name_from_text(text, &names[i]);
	}
	return names;
}

static void feed(struct store *s, const struct dns_name *names, unsigned long responses)
{
	struct dns_obs_record records[ANSWERS];
	struct dns_observation obs = { .records = records, .records_len = ANSWERS };

	for (unsigned long i = 0; i < responses; i++) {
		const struct dns_name *owner = &names[hash_mix(i) % NAMES];

		obs.time_ns = 1795255200000000000U + i * 10000U;
		obs.qname = owner;
		for (unsigned int k = 0; k < ANSWERS; k++) {
			uint8_t v4[4] = { 198, 18, (uint8_t)(owner - names), (uint8_t)k };

			records[k] = (struct dns_obs_record){ .owner = owner,
							      .type = DNS_TYPE_A,
							      .addr = ip_from_v4(v4) };
		}
		store_observe(s, &obs);
	}
}

int main(int argc, char **argv)
{
	unsigned long responses = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	struct store_config cfg = store_config_default();
	struct dns_name *names = make_names();
	struct store_stats stats;
	double cpu, wall;
	const char *notice;
	struct store *s;
	char err[512];

	if (argc < 2 || !names) {
		fprintf(stderr, "usage: store_bench PATH [RESPONSES]\n");
		return 2;
	}
	cfg.path = argv[1];
	cfg.block = true;
	if (store_open(&cfg, &s, &notice, err, sizeof(err))) {
		fprintf(stderr, "store_bench: %s\n", err);
		return 1;
	}
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	wall = seconds(CLOCK_MONOTONIC);
	feed(s, names, responses);
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	store_close(s, UINT64_MAX, &stats);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	printf("{\"bench\":\"store\",\"responses\":%lu,\"records\":%llu,\"ns_per_record\":%.1f,"
	       "\"rows_written\":%llu,\"rows_per_s\":%.0f,\"transactions\":%llu}\n",
	       responses, (unsigned long long)stats.observed, cpu * 1e9 / (double)stats.observed,
	       (unsigned long long)stats.rows_written, (double)stats.rows_written / wall,
	       (unsigned long long)stats.transactions);
	free(names);
	return 0;
}
