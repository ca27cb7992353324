// SPDX-License-Identifier: BSD-2-Clause
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/worker.h"
#include "store/aggregate.h"
#include "store/database.h"

struct store {
	struct store_config cfg;
	struct database db; /* the thread's, once it runs */
	pthread_t thread;
	char notice[512];

	pthread_mutex_t lock; /* all below */
	pthread_cond_t wake; /* for the thread */
	pthread_cond_t moved; /* a round has ended */
	struct aggregate *filling;
	struct stored_row *alerts, **alerts_tail;
	size_t alerts_waiting;
	struct store_stats stats;
	uint64_t asked, answered; /* flushes */
	int last_error;
	bool closing, done;

	/* the thread's alone */
	struct aggregate *writing;
	struct stored_row *writing_alerts;
	bool reported;
};

struct store_config store_config_default(void)
{
	return (struct store_config){ .interval_ns = 5000000000U,
				      .max_entries = 65536,
				      .max_bytes = 8U << 20,
				      .max_alerts_waiting = 4096,
				      .max_rows = 10000000,
				      .max_age_s = 180U * 86400,
				      .max_alerts = 1000000,
				      .key = hash_key_fixed };
}

static void free_rows(struct stored_row *row)
{
	while (row) {
		struct stored_row *next = row->next;

		free(row);
		row = next;
	}
}

/* --- the thread ------------------------------------------------------------------------------ */

/* What waits becomes what is written, unless a failed round is still to be tried again. */
static void take_waiting(struct store *s)
{
	struct aggregate *empty = s->writing;

	if (aggregate_len(s->writing) || s->writing_alerts)
		return;
	s->writing = s->filling;
	s->filling = empty;
	s->writing_alerts = s->alerts;
	s->alerts = NULL;
	s->alerts_tail = &s->alerts;
	s->alerts_waiting = 0;
}

static size_t count_alerts(const struct stored_row *row)
{
	size_t n = 0;

	for (; row; row = row->next)
		n++;
	return n;
}

static void report(struct store *s, int err)
{
	if (err && !s->reported)
		log_error("history cannot be written, trying again: %s", strerror(-err));
	if (!err && s->reported)
		log_info("history is written again");
	s->reported = err != 0;
}

/* Called without the lock; the results are booked under it by the caller. */
static int write_round(struct store *s, struct store_stats *ret_done)
{
	int64_t pruned = 0;
	int err = 0;

	memset(ret_done, 0, sizeof(*ret_done));
	if (aggregate_len(s->writing) || s->writing_alerts) {
		err = database_write(&s->db, s->writing, s->writing_alerts);
		ret_done->errors = err != 0;
		ret_done->transactions = err == 0;
	}
	if (!err) {
		ret_done->rows_written = aggregate_len(s->writing);
		ret_done->alerts_written = count_alerts(s->writing_alerts);
		aggregate_clear(s->writing);
		free_rows(s->writing_alerts);
		s->writing_alerts = NULL;
		pruned = database_prune(&s->db, &s->cfg);
		err = pruned < 0 ? (int)pruned : 0;
	}
	ret_done->pruned = pruned > 0 ? (uint64_t)pruned : 0;
	ret_done->rows = s->db.rows;
	report(s, err);
	return err;
}

static void book(struct store *s, const struct store_stats *done)
{
	s->stats.errors += done->errors;
	s->stats.transactions += done->transactions;
	s->stats.rows_written += done->rows_written;
	s->stats.alerts_written += done->alerts_written;
	s->stats.pruned += done->pruned;
	s->stats.rows = done->rows;
}

static void run_round(struct store *s)
{
	uint64_t asked = s->asked;
	struct store_stats done;
	int err;

	take_waiting(s);
	pthread_mutex_unlock(&s->lock);
	err = write_round(s, &done);
	pthread_mutex_lock(&s->lock);
	book(s, &done);
	s->last_error = err;
	s->answered = asked;
	pthread_cond_broadcast(&s->moved);
}

static bool is_urgent(const struct store *s)
{
	return s->closing || s->asked != s->answered ||
	       (!s->last_error && (s->alerts || aggregate_is_nearly_full(s->filling)));
}

static void *store_thread(void *arg)
{
	struct store *s = arg;
	uint64_t next = worker_clock_ns() + s->cfg.interval_ns;

	pthread_mutex_lock(&s->lock);
	while (!s->closing) {
		if (!is_urgent(s) && worker_clock_ns() < next) {
			worker_wait_until(&s->wake, &s->lock, next);
			continue;
		}
		run_round(s);
		next = worker_clock_ns() + s->cfg.interval_ns;
	}
	run_round(s); /* a failed round, if there is one … */
	if (!s->last_error)
		run_round(s); /* … and what came behind it */
	s->done = true;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- callers --------------------------------------------------------------------------------- */

#define ZONES_MAX 4 /* zone cuts looked at in one response; real ones show one */

struct zones {
	const struct dns_name *names[ZONES_MAX];
	size_t len;
};

/* The zone cuts that the response itself shows: owners of the NS records of its authority section.
 */
static void find_zones(const struct dns_observation *obs, struct zones *ret)
{
	ret->len = 0;
	for (size_t i = 0; obs->has_authority && i < obs->records_len; i++) {
		const struct dns_obs_record *r = &obs->records[i];

		if (r->section != DNS_AUTHORITY || r->type != DNS_TYPE_NS)
			continue;
		if (ret->len && dns_name_equal(r->owner, ret->names[ret->len - 1]))
			continue;
		ret->names[ret->len++] = r->owner;
		if (ret->len == ZONES_MAX)
			return;
	}
}

/* The deepest of them at or above @owner, or NULL. */
static const struct dns_name *zone_of(const struct zones *zones, const struct dns_name *owner)
{
	const struct dns_name *zone = NULL;

	for (size_t i = 0; i < zones->len; i++)
		if ((!zone || zones->names[i]->len > zone->len) &&
		    dns_name_within(owner, zones->names[i]))
			zone = zones->names[i];
	return zone;
}

static bool add_record(struct store *s, const struct aggregate_record *r)
{
	if (aggregate_add(s->filling, r))
		return true;
	while (s->cfg.block && !s->closing) {
		pthread_cond_signal(&s->wake);
		pthread_cond_wait(&s->moved, &s->lock);
		if (aggregate_add(s->filling, r))
			return true;
		if (s->last_error)
			return false;
	}
	return false;
}

static void observe_record(struct store *s, const struct dns_observation *obs,
			   const struct zones *zones, const struct dns_obs_record *rr)
{
	bool is_addr = rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA;
	struct aggregate_record r = {
		.owner = rr->owner,
		.target = is_addr ? NULL : rr->target,
		.addr = is_addr ? &rr->addr : NULL,
		.zone = zone_of(zones, rr->owner),
		.type = rr->type,
		.first_s = (int64_t)((obs->first_ns ? obs->first_ns : obs->time_ns) / 1000000000U),
		.last_s = (int64_t)(obs->time_ns / 1000000000U),
		.count = 1 + (uint64_t)obs->repeats,
		.ttl_s = rr->ttl_s,
	};

	if (!is_addr && !rr->target)
		return;
	s->stats.observed++;
	if (!add_record(s, &r))
		s->stats.dropped++;
}

void store_observe(struct store *s, const struct dns_observation *obs)
{
	struct zones zones;
	bool was_full;

	if (!obs->records_len)
		return;
	find_zones(obs, &zones);
	pthread_mutex_lock(&s->lock);
	was_full = aggregate_is_nearly_full(s->filling);
	for (size_t i = 0; i < obs->records_len; i++)
		observe_record(s, obs, &zones, &obs->records[i]);
	if (!was_full && aggregate_is_nearly_full(s->filling))
		pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

static char *put_bytes(char **at, const char *bytes, size_t len)
{
	char *start = *at;

	memcpy(start, bytes, len);
	start[len] = '\0';
	*at += len + 1;
	return start;
}

static struct stored_row *make_row(const struct alert *alert, const char *json, size_t json_len,
				   const char *text, size_t text_len)
{
	char domain[DNS_NAME_TEXT_MAX] = "", registered[DNS_NAME_TEXT_MAX] = "";
	size_t domain_len = 0, registered_len = 0;
	struct stored_row *row;
	char *at;

	if (alert->domain.len)
		domain_len = dns_name_format(&alert->domain, domain);
	if (alert->registered_domain.len)
		registered_len = dns_name_format(&alert->registered_domain, registered);
	row = malloc(sizeof(*row) + domain_len + registered_len + json_len + text_len + 4);
	if (!row)
		return NULL;
	*row = (struct stored_row){ .time_ns = alert->time_ns,
				    .score = alert->score,
				    .verdict = verdict_name(alert->verdict),
				    .state = alert_state_name(alert->state),
				    .confidence = confidence_name(alert->confidence),
				    .json_len = json_len,
				    .text_len = text_len };
	at = (char *)(row + 1);
	row->domain = put_bytes(&at, domain, domain_len);
	row->registered_domain = put_bytes(&at, registered, registered_len);
	row->json = put_bytes(&at, json, json_len);
	row->text = put_bytes(&at, text, text_len);
	return row;
}

void store_alert(struct store *s, const struct alert *alert, const char *json, size_t json_len,
		 const char *text, size_t text_len)
{
	struct stored_row *row;

	if (json_len && json[json_len - 1] == '\n')
		json_len--;
	row = make_row(alert, json, json_len, text, text_len);
	pthread_mutex_lock(&s->lock);
	while (s->cfg.block && s->alerts_waiting >= s->cfg.max_alerts_waiting && !s->last_error) {
		pthread_cond_signal(&s->wake);
		pthread_cond_wait(&s->moved, &s->lock);
	}
	if (row && s->alerts_waiting < s->cfg.max_alerts_waiting) {
		*s->alerts_tail = row;
		s->alerts_tail = &row->next;
		s->alerts_waiting++;
		row = NULL;
		pthread_cond_signal(&s->wake);
	} else {
		s->stats.alerts_dropped++;
	}
	pthread_mutex_unlock(&s->lock);
	free(row);
}

int store_flush(struct store *s)
{
	uint64_t ticket;
	int err;

	pthread_mutex_lock(&s->lock);
	ticket = ++s->asked;
	pthread_cond_signal(&s->wake);
	while (s->answered < ticket && !s->done)
		pthread_cond_wait(&s->moved, &s->lock);
	err = s->last_error;
	pthread_mutex_unlock(&s->lock);
	return err;
}

void store_stats(struct store *s, struct store_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	ret->waiting = aggregate_len(s->filling);
	pthread_mutex_unlock(&s->lock);
}

/* --- life ------------------------------------------------------------------------------------ */

static void store_free(struct store *s)
{
	aggregate_free(s->filling);
	aggregate_free(s->writing);
	free_rows(s->alerts);
	free_rows(s->writing_alerts);
	pthread_cond_destroy(&s->moved);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct store *store_alloc(const struct store_config *cfg)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cfg = *cfg;
	s->cfg.path = s->cfg.sensor = NULL; /* not kept */
	s->alerts_tail = &s->alerts;
	pthread_mutex_init(&s->lock, NULL);
	worker_cond_init(&s->wake);
	worker_cond_init(&s->moved);
	if (aggregate_new(cfg->max_entries, cfg->max_bytes, &cfg->key, &s->filling) ||
	    aggregate_new(cfg->max_entries, cfg->max_bytes, &cfg->key, &s->writing)) {
		store_free(s);
		return NULL;
	}
	return s;
}

static void note_unclean(struct store *s, const struct store_config *cfg)
{
	if (s->db.was_unclean)
		snprintf(
			s->notice, sizeof(s->notice),
			"%s: the last run did not end cleanly; the history is intact, but its last "
			"%.3g s before the end may be missing",
			cfg->path, (double)cfg->interval_ns / 1e9);
}

int store_open(const struct store_config *cfg, struct store **ret_store, const char **ret_notice,
	       char *err, size_t err_len)
{
	struct store *s = store_alloc(cfg);
	int rc;

	if (!s) {
		snprintf(err, err_len, "%s: no memory for the history", cfg->path);
		return -ENOMEM;
	}
	rc = database_open(&s->db, cfg->path, cfg->sensor, err, err_len);
	if (rc)
		goto err_free;
	s->stats.rows = s->db.rows;
	note_unclean(s, cfg);
	rc = worker_start(&s->thread, "ft-store", store_thread, s);
	if (rc) {
		snprintf(err, err_len, "%s: no thread for the history: %s", cfg->path,
			 strerror(-rc));
		goto err_close;
	}
	*ret_store = s;
	*ret_notice = s->notice;
	return 0;

err_close:
	database_close(&s->db, false);
err_free:
	store_free(s);
	return rc;
}

int store_close(struct store *s, uint64_t timeout_ns, struct store_stats *ret_stats)
{
	uint64_t deadline = worker_clock_ns();
	int rc = 0;

	if (!s)
		return 0;
	deadline = timeout_ns > UINT64_MAX - deadline ? UINT64_MAX : deadline + timeout_ns;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->wake);
	while (!s->done && (deadline == UINT64_MAX || worker_clock_ns() < deadline)) {
		if (deadline == UINT64_MAX)
			pthread_cond_wait(&s->moved, &s->lock);
		else
			worker_wait_until(&s->moved, &s->lock, deadline);
	}
	while (!s->done) {
		rc = -ETIMEDOUT;
		/* the statement under way fails, and its transaction; again, if it was between two
		 */
		sqlite3_interrupt(s->db.db);
		worker_wait_until(&s->moved, &s->lock, worker_clock_ns() + 10000000U);
	}
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	if (!rc)
		rc = s->last_error;
	s->stats.dropped += aggregate_len(s->filling) + aggregate_len(s->writing);
	s->stats.alerts_dropped += count_alerts(s->alerts) + count_alerts(s->writing_alerts);
	if (ret_stats)
		*ret_stats = s->stats;
	database_close(&s->db, rc == 0);
	store_free(s);
	return rc;
}
