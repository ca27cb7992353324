// SPDX-License-Identifier: BSD-2-Clause
/* store/: the log of alerts, printed, followed, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "store/query.h"
#include "libstore.h"
#include "libvalues.h"

static void log_alert(struct store *s, const char *domain, const char *json, const char *text)
{
	struct alert *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->time_ns = T0 * 1000000000U;
	a->verdict = VERDICT_SLOW_FLUX;
	a->confidence = CONFIDENCE_MEDIUM;
	a->domain = name_of(domain);
	a->score = 2.5;
	store_alert(s, a, json, strlen(json), text, strlen(text));
	free(a);
}

struct seen_alerts {
	size_t len;
	int64_t last_id;
	char domains[4][64];
};

static bool remember_alert(void *ctx, const struct logged_alert *alert)
{
	struct seen_alerts *seen = ctx;

	assert_true(seen->len < 4);
	assert_true(alert->id > seen->last_id);
	seen->last_id = alert->id;
	snprintf(seen->domains[seen->len++], 64, "%s", alert->domain);
	assert_string_equal(alert->verdict, "slow-flux");
	assert_string_equal(alert->confidence, "medium");
	assert_string_equal(alert->state, "raised");
	assert_true(alert->score == 2.5);
	assert_int_equal(alert->time_ns, T0 * 1000000000U);
	return true;
}

static void alerts_are_logged_in_order(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	struct seen_alerts seen = { 0 };
	struct store_reader *r;
	struct store_stats stats;

	(void)state;
	log_alert(s, "a.example", "{\"n\":1}\n", "block 1\n");
	log_alert(s, "b.example", "{\"n\":2}\n", "block 2\n");
	log_alert(s, "a.example", "{\"n\":3}", "block 3");
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.alerts_written, 3);
	assert_int_equal(store_reader_open(path, &r, err, sizeof(err)), 0);
	assert_int_equal(store_alerts(r, 0, NULL, remember_alert, &seen, err, sizeof(err)), 0);
	assert_int_equal(seen.len, 3);
	assert_string_equal(seen.domains[1], "b.example");
	seen = (struct seen_alerts){ .last_id = 1 };
	assert_int_equal(store_alerts(r, 1, "a.example", remember_alert, &seen, err, sizeof(err)),
			 0);
	assert_int_equal(seen.len, 1);
	store_reader_close(r);
}

static char *print_alerts(enum print_format format)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(alerts_print(path, false, format, NULL, out, err, sizeof(err)), 2);
	fclose(out);
	return text;
}

static void alerts_print_json_and_text(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	char *text;

	(void)state;
	log_alert(s, "a.example", "{\"n\":1}\n", "block 1\n");
	log_alert(s, "b.example", "{\"n\":2}\n", "block 2\n  more\n");
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	text = print_alerts(PRINT_JSON);
	assert_string_equal(text, "{\"n\":1}\n{\"n\":2}\n");
	free(text);
	text = print_alerts(PRINT_TABLE);
	assert_string_equal(text, "block 1\n\nblock 2\n  more\n\n");
	free(text);
}

struct follower {
	FILE *out;
	volatile sig_atomic_t stop;
	int64_t printed;
	char err[256];
};

static void *follow(void *arg)
{
	struct follower *f = arg;

	f->printed = alerts_print(path, true, PRINT_JSON, &f->stop, f->out, f->err, sizeof(f->err));
	fclose(f->out);
	return NULL;
}

/* The follower sees what is logged after it began; reads block until it does. */
static void alerts_are_followed(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	struct follower f = { 0 };
	pthread_t thread;
	char line[64];
	FILE *in;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	f.out = fdopen(fds[1], "w");
	in = fdopen(fds[0], "r");
	assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
	log_alert(s, "a.example", "{\"n\":1}", "x");
	assert_non_null(fgets(line, sizeof(line), in));
	assert_string_equal(line, "{\"n\":1}\n");
	log_alert(s, "b.example", "{\"n\":2}", "x");
	assert_non_null(fgets(line, sizeof(line), in));
	assert_string_equal(line, "{\"n\":2}\n");
	f.stop = 1;
	assert_null(fgets(line, sizeof(line), in));
	pthread_join(thread, NULL);
	assert_int_equal(f.printed, 2);
	fclose(in);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
}

static void alert_log_is_bounded(void **state)
{
	struct store_config cfg = quiet_config();
	struct seen_alerts seen = { 0 };
	struct store_reader *r;
	struct store *s;

	(void)state;
	cfg.max_alerts = 3;
	s = open_store(&cfg);
	for (unsigned int i = 0; i < 10; i++)
		log_alert(s, "a.example", "{}", "x");
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	assert_int_equal(store_reader_open(path, &r, err, sizeof(err)), 0);
	assert_int_equal(store_alerts(r, 0, NULL, remember_alert, &seen, err, sizeof(err)), 0);
	assert_int_equal(seen.len, 3);
	assert_int_equal(seen.last_id, 10);
	store_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_NEW_FILE(alerts_are_logged_in_order),
		ON_A_NEW_FILE(alerts_print_json_and_text),
		ON_A_NEW_FILE(alerts_are_followed),
		ON_A_NEW_FILE(alert_log_is_bounded),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
