// SPDX-License-Identifier: BSD-2-Clause
#include "libstore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "libvalues.h"
#include "store/query.h"

char folder[] = "/tmp/fluxtap-store-XXXXXX";
char path[64];
char err[512];

int make_folder(void **state)
{
	(void)state;
	log_set_level((enum log_level) - 1); /* failures are made on purpose here */
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/history.db", folder);
	return 0;
}

int remove_files(void **state)
{
	char name[80];

	(void)state;
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	unlink(path);
	return 0;
}

int remove_folder(void **state)
{
	remove_files(state);
	return rmdir(folder);
}

/* Writes only when asked to. */
struct store_config quiet_config(void)
{
	struct store_config cfg = store_config_default();

	cfg.path = path;
	cfg.sensor = "gw1";
	cfg.interval_ns = HOUR_NS;
	return cfg;
}

struct store *open_store(const struct store_config *cfg)
{
	struct store *s = NULL;
	const char *notice;

	if (store_open(cfg, &s, &notice, err, sizeof(err)))
		fail_msg("%s", err);
	assert_string_equal(notice, "");
	return s;
}

/* One record as a response of its own. @data is an address for A and AAAA, else a name. */
void observe(struct store *s, uint64_t at_s, const char *owner_text, uint16_t type,
	     const char *data, uint32_t repeats)
{
	struct dns_name owner = name_of(owner_text), target;
	struct dns_obs_record record = { .owner = &owner, .type = type, .ttl_s = 60 };
	struct dns_observation obs = { .time_ns = at_s * 1000000000U,
				       .qname = &owner,
				       .repeats = repeats,
				       .records = &record,
				       .records_len = 1 };

	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		assert_int_equal(ip_parse(data, &record.addr), 0);
	} else {
		target = name_of(data);
		record.target = &target;
	}
	store_observe(s, &obs);
}

void observe_numbered(struct store *s, uint64_t at_s, unsigned int i)
{
	char name[32], addr[32];

	snprintf(name, sizeof(name), "n%u.example", i);
	snprintf(addr, sizeof(addr), "198.18.%u.%u", i / 256 % 256, i % 256);
	observe(s, at_s, name, DNS_TYPE_A, addr, 0);
}

/* What `history` prints, as lines of JSON in one array. */
yajl_val query(const char *term)
{
	char *text = NULL, *array;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int64_t n = history_print(path, term, PRINT_JSON, 0, out, err, sizeof(err));
	yajl_val v;

	fclose(out);
	if (n < 0)
		fail_msg("%s", err);
	array = malloc(len + 3);
	assert_non_null(array);
	array[0] = '[';
	memcpy(array + 1, text, len);
	for (size_t i = 1; i < len; i++)
		array[i] = array[i] == '\n' ? ',' : array[i];
	memcpy(array + (len ? len : 1), "]", 2);
	v = yajl_tree_parse(array, err, sizeof(err));
	if (!v)
		fail_msg("%s in %s", err, array);
	assert_int_equal(v->u.array.len, n);
	free(array);
	free(text);
	return v;
}

yajl_val member(yajl_val v, size_t i, const char *key)
{
	const char *keys[] = { key, NULL };

	assert_true(i < v->u.array.len);
	return yajl_tree_get(v->u.array.values[i], keys, yajl_t_any);
}

void assert_text(yajl_val v, size_t i, const char *key, const char *expected)
{
	yajl_val found = member(v, i, key);

	if (!found || !YAJL_IS_STRING(found))
		fail_msg("no %s", key);
	else
		assert_string_equal(found->u.string, expected);
}

void assert_number(yajl_val v, size_t i, const char *key, uint64_t expected)
{
	yajl_val found = member(v, i, key);

	assert_non_null(found);
	assert_true(YAJL_IS_INTEGER(found));
	assert_int_equal(YAJL_GET_INTEGER(found), expected);
}

size_t query_len(const char *term)
{
	yajl_val v = query(term);
	size_t n = v->u.array.len;

	yajl_tree_free(v);
	return n;
}
