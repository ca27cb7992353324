// SPDX-License-Identifier: BSD-2-Clause
/* detect/lists and enrich/: files of the operator, read and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "detect/lists.h"
#include "enrich/enrich.h"

static char path[64];

static const char *file(const char *content)
{
	int fd;

	strcpy(path, "/tmp/fluxtap-list-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	return path;
}

static int load(struct lists *l, const char *content)
{
	struct detect_config cfg = detect_config_default();
	const char *files[] = { file(content) };
	int err;

	cfg.allow_lists = (struct config_list){ files, 1 };
	err = lists_load(l, &cfg);
	unlink(path);
	return err;
}

static const struct list_entry *find(const struct lists *l, const char *text, uint32_t now_s)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return lists_find(l, LIST_ALLOW, &name, now_s);
}

static void entries_match_names_below_and_expire(void **state)
{
	struct lists l = { 0 };
	const struct list_entry *e;

	(void)state;
	assert_int_equal(
		load(&l, "# ours\n"
			 "cdn.example  asn=64496,AS64497 port=443 ttl>=60 expires=2027-01-31  our "
			 "network # told by ops\n\n"
			 "*.Dyn.Example\tcustomers\n"),
		0);
	e = find(&l, "a.b.cdn.example", 1800000000);
	assert_non_null(e);
	assert_int_equal(e->asns_len, 2);
	assert_int_equal(e->asns[1], 64497);
	assert_int_equal(e->ports[0], 443);
	assert_int_equal(e->ttl_min_s, 60);
	assert_string_equal(e->reason, "our network ");
	assert_null(find(&l, "cdn.example", 1801440000)); /* 2027-02-01 */
	assert_non_null(find(&l, "cdn.example", 1801439999));
	assert_non_null(find(&l, "dyn.example", 1900000000));
	assert_null(find(&l, "notcdn.example", 1800000000));
	assert_null(find(&l, "example", 1800000000));
	lists_fini(&l);
}

static void faults_leave_the_old_lists(void **state)
{
	static const char *const bad[] = { "good.example ok\n.. bad\n",
					   "a.example asn=x\n",
					   "a.example expires=31.1.2027\n",
					   "a.example port=70000\n",
					   ".\n",
					   "a.example ttl>=1,2\n" };
	struct lists l = { 0 };

	(void)state;
	assert_int_equal(load(&l, "kept.example\n"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(load(&l, bad[i]), -EINVAL);
		assert_non_null(find(&l, "kept.example", 1));
	}
	lists_fini(&l);
}

static void missing_list_is_named(void **state)
{
	static const char *const files[] = { "/nonexistent/allow.txt" };
	struct detect_config cfg = detect_config_default();
	struct lists l = { 0 };

	(void)state;
	cfg.deny_lists = (struct config_list){ files, 1 };
	assert_int_equal(lists_load(&l, &cfg), -ENOENT);
}

static int open_csv(const char *content, struct enrich **ret)
{
	char source[80];
	const char *sources[] = { source };
	int err;

	snprintf(source, sizeof(source), "csv:%s", file(content));
	err = enrich_open(sources, 1, ret);
	unlink(path);
	return err;
}

static uint32_t asn_at(struct enrich *e, const char *text)
{
	struct origin o;
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	enrich_lookup(e, &a, &o);
	return o.asn;
}

static void csv_ranges_are_found(void **state)
{
	struct enrich *e;
	char name[48];

	(void)state;
	assert_int_equal(open_csv("# table\n"
				  "2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,AS64499,Six\r\n"
				  "192.0.2.0,192.0.2.127,64496,\"Comma, \"\"Inc\"\"\",DE\n"
				  "192.0.2.128,192.0.2.255,64497,Other,FR\n",
				  &e),
			 0);
	for (int i = 0; i < 2; i++) { /* the second time from the cache */
		assert_int_equal(asn_at(e, "192.0.2.0"), 64496);
		assert_int_equal(asn_at(e, "192.0.2.127"), 64496);
		assert_int_equal(asn_at(e, "192.0.2.128"), 64497);
		assert_int_equal(asn_at(e, "192.0.3.0"), 0);
		assert_int_equal(asn_at(e, "192.0.1.255"), 0);
		assert_int_equal(asn_at(e, "2001:db8::77"), 64499);
	}
	assert_string_equal(enrich_as_name(e, 64496, name, sizeof(name)), "Comma, \"Inc\"");
	assert_string_equal(enrich_as_name(e, 1, name, sizeof(name)), "");
	enrich_close(e);
}

static void bad_tables_are_refused(void **state)
{
	static const char *const bad[] = { "192.0.2.0,192.0.2.9\n", "x,192.0.2.9,1,a\n",
					   "192.0.2.9,192.0.2.0,1,a\n",
					   "192.0.2.0,192.0.2.9,no,a\n",
					   "192.0.2.0,192.0.2.9,1,a\n192.0.2.5,192.0.2.20,2,b\n" };
	static const char *const missing[] = { "csv:/nonexistent.csv" };
	static const char *const absent[] = { "mmdb:/nonexistent.mmdb" };
	static const char *const unknown[] = { "maxmind" };
	struct enrich *e = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(open_csv(bad[i], &e), -EINVAL);
	assert_int_equal(enrich_open(missing, 1, &e), -ENOENT);
	assert_int_equal(enrich_open(absent, 1, &e), -ENOENT);
	assert_int_equal(enrich_open(unknown, 1, &e), -EINVAL);
	assert_null(e);
}

static void libloc_knows_a_public_address(void **state)
{
	static const char *const sources[] = { "libloc" };
	struct enrich *e;
	struct ip_addr a;
	struct origin o;

	(void)state;
	assert_int_equal(enrich_open(sources, 1, &e), 0);
	if (!enrich_has_asn(e)) {
		enrich_close(e);
		print_message("# package libloc-database is not installed\n");
		skip();
	}
	ip_parse("8.8.8.8", &a);
	assert_true(enrich_lookup(e, &a, &o));
	assert_int_equal(o.asn, 15169);
	ip_parse("2001:4860:4860::8888", &a);
	assert_true(enrich_lookup(e, &a, &o));
	assert_int_equal(o.asn, 15169);
	enrich_close(e);
}

static void configuration_is_checked(void **state)
{
	struct detect_config cfg = detect_config_default();
	const char *key = NULL, *why = NULL;
	static const char *const prefixes[] = { "198.18.0.1/15" };

	(void)state;
	assert_int_equal(detect_config_check(&cfg, &key, &why), 0);
	cfg.high_score = 1;
	assert_int_equal(detect_config_check(&cfg, &key, &why), -EINVAL);
	assert_string_equal(key, "high_score");
	cfg = detect_config_default();
	cfg.home_networks = (struct config_list){ prefixes, 1 };
	assert_int_equal(detect_config_check(&cfg, &key, &why), -EINVAL);
	assert_string_equal(key, "home_networks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_match_names_below_and_expire),
		cmocka_unit_test(faults_leave_the_old_lists),
		cmocka_unit_test(missing_list_is_named),
		cmocka_unit_test(csv_ranges_are_found),
		cmocka_unit_test(bad_tables_are_refused),
		cmocka_unit_test(libloc_knows_a_public_address),
		cmocka_unit_test(configuration_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
