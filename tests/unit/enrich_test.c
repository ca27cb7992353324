// SPDX-License-Identifier: BSD-2-Clause
/* The walk of a libloc database beside libloc's own look-up, and of databases that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include <libloc/libloc.h>
#include <libloc/database.h>
#include <libloc/network.h>

#include "base/hash.h"
#include "enrich/locdb.h"

#define DATABASE  "/usr/share/libloc-location/location.db"
#define ADDRESSES 60000U

static struct ip_addr random_address(uint64_t i)
{
	uint64_t hi = hash_mix(2 * i + 1), lo = hash_mix(2 * i + 2);
	struct ip_addr a;
	uint8_t v4[4];

	memcpy(v4, &hi, 4);
	if (i % 2)
		return ip_from_v4(v4);
	memcpy(a.b, &hi, 8);
	memcpy(a.b + 8, &lo, 8);
	a.b[0] = 0x20 | (a.b[0] & 0xf); /* where addresses are assigned */
	if (i % 4)
		a.b[1] &= 0x0f;
	return a;
}

static bool by_libloc(struct loc_database *db, const struct ip_addr *addr, struct origin *ret)
{
	struct loc_network *network = NULL;
	struct in6_addr in6;
	const char *country;

	memset(ret, 0, sizeof(*ret));
	memcpy(&in6, addr->b, sizeof(in6));
	if (loc_database_lookup(db, &in6, &network) || !network)
		return false;
	ret->asn = loc_network_get_asn(network);
	country = loc_network_get_country_code(network);
	if (country && strlen(country) == 2)
		memcpy(ret->country, country, 3);
	loc_network_unref(network);
	return true;
}

static void test_equals_libloc(void **state)
{
	FILE *f = fopen(DATABASE, "re");
	struct loc_database *theirs;
	struct loc_ctx *ctx;
	struct locdb *ours;
	unsigned int found = 0;

	(void)state;
	assert_non_null(f);
	assert_int_equal(loc_new(&ctx), 0);
	assert_int_equal(loc_database_new(ctx, &theirs, f), 0);
	assert_int_equal(locdb_open(fileno(f), &ours), 0);
	for (uint64_t i = 0; i < ADDRESSES; i++) {
		struct ip_addr addr = random_address(i);
		struct origin a, b = { 0 };
		bool known = by_libloc(theirs, &addr, &a);

		assert_int_equal(known, locdb_lookup(ours, &addr, &b));
		assert_int_equal(a.asn, b.asn);
		assert_string_equal(a.country, b.country);
		found += known && a.asn;
	}
	assert_true(found > ADDRESSES / 4);
	locdb_close(ours);
	loc_database_unref(theirs);
	loc_unref(ctx);
	fclose(f);
}

/* Nodes may point anywhere in a damaged file: answers may be wrong, reads stay inside. */
static void test_damaged(void **state)
{
	static const uint8_t sizes[] = { 0, 7, 40, 59, 60, 72, 200 };
	uint8_t bytes[256];
	struct locdb *db;

	(void)state;
	for (unsigned int seed = 0; seed < 300; seed++) {
		size_t len = sizes[seed % sizeof(sizes)];
		int fd = memfd_create("locdb", MFD_CLOEXEC);

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)hash_mix(seed * 1000 + i);
		memcpy(bytes, "LOCDBXX\1", 8);
		if (seed % 3) { /* sections inside, nodes wild */
			memset(bytes + 28, 0, 24);
			bytes[39] = bytes[47] = 60;
			bytes[43] = 24;
			bytes[51] = (uint8_t)(len > 60 ? len - 60 : 0);
		}
		assert_int_equal(write(fd, bytes, len), (ssize_t)len);
		if (locdb_open(fd, &db) == 0) {
			for (uint64_t i = 0; i < 200; i++) {
				struct ip_addr addr = random_address(i);
				struct origin o;

				locdb_lookup(db, &addr, &o);
			}
			locdb_close(db);
		}
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_libloc),
		cmocka_unit_test(test_damaged),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
