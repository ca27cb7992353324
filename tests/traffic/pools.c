// SPDX-License-Identifier: BSD-2-Clause
/* How many small harmless pools come to medium before anything is learned: see libpools.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libpools.h"

/* The same table as `evaluate` uses, and writes where there is none. */
static int open_networks(const char *path, struct net **ret_net, struct enrich **ret_enrich)
{
	char source[512];
	const char *const sources[] = { source };
	int err = 0;

	if (access(path, R_OK) && net_write_libloc(path, "/var/lib/location/database.db"))
		err = net_write_synthetic(path, 1);
	snprintf(source, sizeof(source), "csv:%s", path);
	err = err ? err : net_load(path, ret_net);
	return err ? err : enrich_open(sources, 1, ret_enrich);
}

static void print_row(const struct pools_sweep *s, const struct pools_share *share)
{
	printf("| %s | %u | %s | %u |", s->fixed ? "fixed sets" : "drawn anew", s->networks,
	       s->both_sides ? "both sides of the resolver" : "clients' side", s->count);
	for (int k = 0; k < POOLS_TIMES; k++)
		printf(" %.3f |", share->at_medium[k]);
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const uint32_t networks[] = { 1, 2, 4, 8, 16 };
	const char *path = argc > 1 ? argv[1] : "build/evaluate/asn.csv";
	struct pools_sweep s = { .count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 200,
				 .seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 4711 };
	struct enrich *enrich = NULL;
	struct net *net = NULL;

	if (!s.count || open_networks(path, &net, &enrich)) {
		fputs("pools [ASN.csv [POOLS [SEED]]]\n", stderr);
		return 1;
	}
	printf("\n### Small pools, cold\n\nSeed %llu; share at medium within the time.\n\n"
	       "| answers | networks | seen | pools | 1 min | 10 min | 1 h |\n"
	       "| --- | ---: | --- | ---: | ---: | ---: | ---: |\n",
	       (unsigned long long)s.seed);
	for (int kind = 0; kind < 4; kind++)
		for (size_t n = 0; n < sizeof(networks) / sizeof(networks[0]); n++) {
			struct pools_share share;

			s.fixed = kind < 2;
			s.both_sides = kind % 2 == 0;
			s.networks = networks[n];
			share = pools_sweep(&s, net, enrich);
			print_row(&s, &share);
		}
	enrich_close(enrich);
	net_free(net);
	return 0;
}
