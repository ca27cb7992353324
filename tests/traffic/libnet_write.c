// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables for libnet: an invented one that needs nothing, and the networks of the libloc database
 * (package libloc-database) with their real prefixes, cut to what the generators can use.
 */
#include "libnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libloc/as.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIXES_PER_AS 48 /* largest first is not needed: the first ones met suffice */

static void write_v4(FILE *f, uint32_t start, uint32_t size, uint32_t asn, const char *name,
		     const char *country)
{
	uint32_t end = start + size - 1;

	fprintf(f, "%u.%u.%u.%u,%u.%u.%u.%u,%u,%s,%s\n", start >> 24, start >> 16 & 255,
		start >> 8 & 255, start & 255, end >> 24, end >> 16 & 255, end >> 8 & 255,
		end & 255, asn, name, country);
}

struct invented {
	const char *name;
	uint32_t count, prefixes, prefix_bits;
};

/* Prefixes walk upwards through 20.0.0.0–91.255.255.255, past what is not global, in random strides. */
int net_write_synthetic(const char *path, uint64_t seed)
{
	static const struct invented kinds[] = { { "Access", 600, 6, 18 },
						 { "Hosting", 120, 10, 21 },
						 { "Amazon cloud", 6, 40, 17 },
						 { "CDN", 12, 12, 20 } };
	static const char countries[][3] = { "US", "DE", "UA", "RU", "RO", "BR", "IN", "FR",
					     "PL", "TR", "VN", "ID", "JP", "GB", "NL", "IT" };
	struct random r = random_stream(seed, 0, 0, 0);
	FILE *f = fopen(path, "we");
	uint32_t at = 20U << 24, asn = 1000;

	if (!f)
		return -errno;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (uint32_t n = 0; n < kinds[k].count; n++, asn++) {
			const char *country = countries[random_below(&r, 16)];
			char name[48];

			snprintf(name, sizeof(name), "%s %u", kinds[k].name, n);
			for (uint32_t p = 0; p < kinds[k].prefixes; p++) {
				uint32_t size = 1U << (32 - kinds[k].prefix_bits);

				at = (at + size - 1) & ~(size - 1);
				write_v4(f, at, size, asn, name, country);
				at += size << random_below(&r, 2);
			}
			fprintf(f, "2a%02x:%x::,2a%02x:%x:ffff:ffff:ffff:ffff:ffff:ffff,%u,%s,%s\n",
				asn >> 8 & 255, asn & 255, asn >> 8 & 255, asn & 255, asn, name,
				country);
		}
	return fclose(f) ? -errno : 0;
}

struct exporter {
	struct loc_database *db;
	FILE *out;
	uint32_t *seen_asn; /* open addressing: how many prefixes an AS has been given */
	uint8_t *seen_count;
};

#define SEEN_SLOTS (1U << 18)

static uint8_t *seen(struct exporter *x, uint32_t asn)
{
	uint32_t i = (uint32_t)hash_mix(asn) & (SEEN_SLOTS - 1);

	while (x->seen_asn[i] && x->seen_asn[i] != asn)
		i = (i + 1) & (SEEN_SLOTS - 1);
	x->seen_asn[i] = asn;
	return &x->seen_count[i];
}

static void as_name(struct exporter *x, uint32_t asn, char *buf, size_t len)
{
	struct loc_as *as = NULL;

	snprintf(buf, len, "AS%u", asn);
	if (loc_database_get_as(x->db, &as, asn) || !as)
		return;
	snprintf(buf, len, "%s", loc_as_get_name(as) ? loc_as_get_name(as) : buf);
	for (char *c = buf; *c; c++)
		if (*c == ',' || *c == '\n' || *c == '"')
			*c = ' ';
	loc_as_unref(as);
}

static void format_block(char *buf, size_t len, uint32_t v, bool v4, bool end)
{
	if (v4)
		snprintf(buf, len, "%u.%u.%u.%u", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
	else
		snprintf(buf, len, "%x:%x:%s", v >> 16, v & 0xffff,
			 end ? "ffff:ffff:ffff:ffff:ffff:ffff" : ":");
}

/*
 * One row for what the look-up at block @from found: @from to before @to when the network is at
 * least a block, else the network. Rows never overlap, although networks nest.
 */
static void export_network(struct exporter *x, struct loc_network *network, uint32_t from,
			   uint64_t to, bool v4, unsigned int step)
{
	uint32_t asn = loc_network_get_asn(network);
	const char *country = loc_network_get_country_code(network);
	char first[64], last[64], name[48];
	uint8_t *count = asn ? seen(x, asn) : NULL;

	if (!count || *count >= PREFIXES_PER_AS)
		return;
	++*count;
	as_name(x, asn, name, sizeof(name));
	if (loc_network_prefix(network) <= step) {
		format_block(first, sizeof(first), from, v4, false);
		format_block(last, sizeof(last), (uint32_t)(to - 1), v4, true);
	} else {
		snprintf(first, sizeof(first), "%s", loc_network_format_first_address(network));
		snprintf(last, sizeof(last), "%s", loc_network_format_last_address(network));
	}
	fprintf(x->out, "%s,%s,%u,%s,%.2s\n", first, last, asn, name, country ? country : "");
}

/* Blocks that networks do not cross: those of @step bits, counted in the 32 bits at @at. */
struct walk {
	uint32_t first, last;
	unsigned int step, longest;
	int at; /* octet of the address where the 32 bits lie */
};

/* The library's enumerator takes minutes for the whole table, one look-up a block seconds. */
static void export_walk(struct exporter *x, const struct walk *w)
{
	uint32_t block = 1U << (32 - w->step);

	for (uint64_t v = w->first; v <= w->last;) {
		struct in6_addr addr = { 0 };
		struct loc_network *network = NULL;
		uint64_t next = (v | (block - 1)) + 1;
		uint32_t be = htonl((uint32_t)v);

		if (w->at == 12)
			addr.s6_addr[10] = addr.s6_addr[11] = 0xff;
		memcpy(addr.s6_addr + w->at, &be, 4);
		if (!loc_database_lookup(x->db, &addr, &network) && network) {
			unsigned int bits = loc_network_prefix(network);

			if (bits < w->step && bits > 0)
				next = (v | ((1ULL << (32 - bits)) - 1)) + 1;
			if (bits <= w->longest) /* longer ones say little and are many */
				export_network(x, network, (uint32_t)v, next, w->at == 12,
					       w->step);
			loc_network_unref(network);
		}
		v = next;
	}
}

int net_write_libloc(const char *path, const char *database)
{
	static const struct walk walks[] = {
		{ 0x01000000, 0xdfffffff, 22, 21, 12 }, /* unicast IPv4 */
		{ 0x24000000, 0x240fffff, 32, 40, 0 },	/* the registries' blocks of 2000::/3 */
		{ 0x26000000, 0x260fffff, 32, 40, 0 },	{ 0x28000000, 0x280fffff, 32, 40, 0 },
		{ 0x2a000000, 0x2a0fffff, 32, 40, 0 },	{ 0x2c000000, 0x2c0fffff, 32, 40, 0 },
	};
	struct exporter x = { .seen_asn = calloc(SEEN_SLOTS, sizeof(uint32_t)),
			      .seen_count = calloc(SEEN_SLOTS, 1) };
	struct loc_ctx *ctx = NULL;
	FILE *in = fopen(database, "re");
	int err = in ? 0 : -errno;

	if (!err && (!x.seen_asn || !x.seen_count))
		err = -ENOMEM;
	if (!err && (loc_new(&ctx) || loc_database_new(ctx, &x.db, in)))
		err = -EBADMSG;
	if (!err && !(x.out = fopen(path, "we")))
		err = -errno;
	for (size_t i = 0; !err && i < sizeof(walks) / sizeof(walks[0]); i++)
		export_walk(&x, &walks[i]);
	if (x.out && fclose(x.out) && !err)
		err = -errno;
	if (x.db)
		loc_database_unref(x.db);
	if (ctx)
		loc_unref(ctx);
	if (in)
		fclose(in);
	free(x.seen_asn);
	free(x.seen_count);
	return err;
}
