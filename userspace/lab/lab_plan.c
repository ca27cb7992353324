// SPDX-License-Identifier: BSD-2-Clause
/* The address plan of 198.18.0.0/15 and the rotation of each name. */
#include "lab/lab_plan.h"

#include <stdint.h>

#include "base/hash.h"

const char *const lab_company[LAB_COMPANY] = { "www.roundrobin.example", "www.pool.example",
					       "www.static.example", "pool.time.example" };

/* Ten access networks of a /20 each from 198.19.0.0 on; the pool takes them in turn. */
void lab_flux_addr(unsigned int i, char buf[LAB_ADDR_MAX])
{
	unsigned int network = i % LAB_FLUX_ASNS, host = i / LAB_FLUX_ASNS;

	snprintf(buf, LAB_ADDR_MAX, "198.19.%u.%u", network * 16 + host % 16, 10 + host * 7 % 200);
}

/* Name servers live in other places of the same networks' kind: eight /21 from 198.18.64.0 on. */
void lab_ns_addr(unsigned int i, char buf[LAB_ADDR_MAX])
{
	snprintf(buf, LAB_ADDR_MAX, "198.18.%u.%u", 64 + i % 8 * 8, 10 + i / 8);
}

/* Two networks of one operator, three quarters in the first. */
void lab_cdn_addr(unsigned int i, char buf[LAB_ADDR_MAX])
{
	snprintf(buf, LAB_ADDR_MAX, "198.18.%u.%u", i % 4 ? 128 : 144, 20 + i);
}

/* Eight networks whose members lend their clocks: a /21 each from 198.18.192.0 on. */
void lab_time_addr(unsigned int i, char buf[LAB_ADDR_MAX])
{
	snprintf(buf, LAB_ADDR_MAX, "198.18.%u.%u", 192 + i % LAB_TIME_NETS * 8,
		 30 + i / LAB_TIME_NETS * 5);
}

void lab_flux_set(unsigned int round, unsigned int set[LAB_FLUX_SET])
{
	for (unsigned int k = 0; k < LAB_FLUX_SET; k++)
		set[k] = (round * LAB_FLUX_SET + k) % LAB_FLUX_POOL;
}

void lab_ns_set(unsigned int round, unsigned int set[LAB_NS_SET])
{
	for (unsigned int k = 0; k < LAB_NS_SET; k++)
		set[k] = (round * LAB_NS_SET + k) % LAB_NS_POOL;
}

/* @n different ones of @pool, at random but the same in every run (a partial shuffle). */
static void draw(unsigned int round, unsigned int pool, unsigned int *set, unsigned int n)
{
	unsigned int all[LAB_TIME_POOL];
	uint64_t random = hash_mix(round + 1);

	for (unsigned int i = 0; i < pool; i++)
		all[i] = i;
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = k + (unsigned int)(random % (pool - k));

		set[k] = all[i];
		all[i] = all[k];
		random = hash_mix(random);
	}
}

/* A content network: the load decides which of its machines are handed out. */
void lab_cdn_set(unsigned int round, unsigned int set[LAB_CDN_SET])
{
	draw(round, LAB_CDN_POOL, set, LAB_CDN_SET);
}

/* Four drawn anew each time out of all that take part, as public pools of time servers do. */
void lab_time_set(unsigned int round, unsigned int set[LAB_TIME_SET])
{
	draw(round, LAB_TIME_POOL, set, LAB_TIME_SET);
}

bool lab_flux_listens(unsigned int i)
{
	return i % 3 != 2; /* machines that nobody looks after are often off */
}

void lab_write_asns(FILE *out)
{
	/* documentation numbers (RFC 5398), user-assigned countries (ISO 3166-1) */
	fputs("198.18.0.0,198.18.1.255,64496,Lab core,XZ\n"
	      "198.18.128.0,198.18.143.255,64497,Lab content one,XZ\n"
	      "198.18.144.0,198.18.159.255,64498,Lab content two,XZ\n"
	      "198.18.160.0,198.18.175.255,64499,Lab hosting,XZ\n",
	      out);
	for (unsigned int i = 0; i < 8; i++)
		fprintf(out, "198.18.%u.0,198.18.%u.255,%u,Lab access N%u,X%c\n", 64 + i * 8,
			71 + i * 8, 64500 + i, i, 'K' + (char)i);
	for (unsigned int i = 0; i < LAB_TIME_NETS; i++)
		fprintf(out, "198.18.%u.0,198.18.%u.255,%u,Lab clocks %u,X%c\n", 192 + i * 8,
			199 + i * 8, i < 4 ? 64508 + i : 65542 + i, i, 'S' + (char)(i % 7));
	for (unsigned int i = 0; i < LAB_FLUX_ASNS; i++)
		fprintf(out, "198.19.%u.0,198.19.%u.255,%u,Lab access %u,X%c\n", i * 16,
			i * 16 + 15, 65536 + i, i, 'A' + (char)i);
}

void lab_write_listeners(FILE *out)
{
	char addr[LAB_ADDR_MAX];

	for (unsigned int i = 0; i < LAB_FLUX_POOL; i++) {
		lab_flux_addr(i, addr);
		if (lab_flux_listens(i))
			fprintf(out, "tcp %s\n", addr);
	}
	for (unsigned int i = 0; i < LAB_CDN_POOL; i++) {
		lab_cdn_addr(i, addr);
		fprintf(out, "tcp %s\n", addr);
	}
	for (unsigned int i = 0; i < LAB_TIME_POOL; i++) {
		lab_time_addr(i, addr);
		fprintf(out, "ntp %s\n", addr);
	}
	for (unsigned int i = 1; i <= 4; i++)
		fprintf(out, "tcp 198.18.160.%u\n", i);
	fputs("tcp 198.18.160.80\n", out);
}
