// SPDX-License-Identifier: BSD-2-Clause
/* What the monitor says of itself: ledger, statistics, live view, answers on the control socket. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/monitor_impl.h"
#include "cli/reproduce.h"
#include "report/eve.h"
#include "report/explain.h"
#include "report/json.h"
#include "ui/status_json.h"

#define SECOND_NS 1000000000ULL

static void fill_outputs(const struct monitor *m, struct ledger *ret)
{
	struct sink_stats sink;

	if (m->eve || m->out) {
		sink_stats(m->eve ? m->eve : m->out, &sink);
		ret->events_written = sink.lines;
		for (int i = 0; i < SINK_CLASSES; i++)
			ret->events_dropped += sink.dropped[i];
		ret->events_dropped += sink.lost;
	}
	if (m->store) {
		struct store_stats store;

		store_stats(m->store, &store);
		ret->history_written = store.rows_written;
		ret->history_dropped = store.dropped + store.alerts_dropped;
	}
}

static void fill_filter(const struct monitor *m, struct ledger *ret)
{
	struct kernel_stats stats;

	kernel_stats(m->kernel, &stats);
	ret->filter_names_max = stats.names_max;
	ret->filter_evictions = stats.filter_evictions;
	ret->filter_evicted_repeats = stats.filter_evicted_repeats;
	ret->filter_evicted_folded = stats.evicted_folded;
	ret->filter_skeletons_learnt = stats.skeletons_learnt;
	ret->samples_lost = stats.samples_lost;
	ret->flows_before_watch = stats.recent_found;
	ret->flows_overwritten = stats.recent_missed;
	/* read, but not handed on */
	ret->consumed += stats.bad_records;
	ret->malformed[FT_REASON_BAD_EVENT] += stats.bad_records;
}

#define READINGS_AT_ONCE 1000
#define READINGS_MAX	 (READINGS_AT_ONCE + 50)

/*
 * Before reading @i: other CPUs go on while this one reads, so that a sum may be one off for some
 * nanoseconds; or for milliseconds, where a virtual CPU lost its processor amid a frame.
 */
static void await_others(int i)
{
	if (i >= READINGS_AT_ONCE)
		poll(NULL, 0, 1);
}

/* Counters at an instant at which no frame is half counted; a sum that really is off stays so. */
static void read_kernel(const struct monitor *m, struct ledger *ret)
{
	for (int i = 0; i < READINGS_MAX; i++) {
		await_others(i);
		kernel_counters(m->kernel, ret->kernel);
		if (ledger_kernel_balanced(ret) && ret->kernel[FT_STAGE_EMITTED] >= ret->consumed)
			return;
	}
}

/* True once @records are counted as emitted: a record is counted just after it is in the ring. */
static bool were_emitted(const struct monitor *m, uint64_t records)
{
	uint64_t counters[FT_COUNTER_MAX];

	for (int i = 0; i < READINGS_MAX; i++) {
		await_others(i);
		kernel_counters(m->kernel, counters);
		if (counters[FT_STAGE_EMITTED] >= records)
			return true;
	}
	return false;
}

/*
 * What waits in the ring is counted there, not inferred. This thread reads nothing from it
 * meanwhile, but more may come: there lies what was emitted before the counting, and at most what
 * was emitted until after it. If there is less or more, the ledger shows what was found.
 */
static void fill_kernel(const struct monitor *m, struct ledger *ret)
{
	uint64_t found;

	read_kernel(m, ret);
	ret->in_ring = kernel_ring_records(m->kernel);
	found = ret->consumed + ret->in_ring;
	if (ret->kernel[FT_STAGE_EMITTED] >= ret->consumed &&
	    ret->kernel[FT_STAGE_EMITTED] <= found && were_emitted(m, found))
		ret->in_ring = ret->kernel[FT_STAGE_EMITTED] - ret->consumed;
}

void monitor_ledger(struct monitor *m, uint64_t now_ns, struct ledger *ret)
{
	memset(ret, 0, sizeof(*ret));
	pipeline_fill_ledger(m->pipeline, ret);
	fill_filter(m, ret);
	fill_kernel(m, ret);
	fill_outputs(m, ret);
	timeline_stats(m->timeline, &ret->timelines);
	if (m->foreign)
		foreign_stats(m->foreign, &ret->foreign);
	if (m->connect) {
		struct connect_stats connect;

		connect_stats(m->connect, &connect);
		ret->connect_records = connect.records;
		ret->connect_lost = connect.lost;
	}
	ret->uptime_ns = now_ns - m->started_ns;
	for (size_t i = 0; i < m->interfaces_len && !ret->capture_mode; i++)
		ret->capture_mode = m->interfaces[i].mode;
	ret->filtering = kernel_filters(m->kernel);
}

void monitor_stats(struct monitor *m, uint64_t now_ns)
{
	struct ledger ledger;
	const char *which = NULL;

	monitor_ledger(m, now_ns, &ledger);
	pipeline_stats(m->pipeline, now_ns, &ledger);
	if (!ledger_balanced(&ledger, &which))
		log_warn("the loss ledger does not balance: %s", which);
}

static const char *mode_of(const struct monitor_interface *i)
{
	if (i->place == IFACE_COVERED)
		return "seen below";
	return i->mode ? i->mode : "waiting";
}

/* @ret borrows @ifaces, @ledger and the monitor's scratch. */
static void fill_status(struct monitor *m, uint64_t now_ns, struct ledger *ledger,
			struct status_iface ifaces[VIEW_IFACES_MAX], struct status *ret)
{
	struct status status = {
		.time_ns = now_ns,
		.sensor = m->setup->sensor,
		.ledger = ledger,
		.ifaces = ifaces,
		.top = m->top,
	};

	monitor_ledger(m, now_ns, ledger);
	for (size_t i = 0; i < m->interfaces_len && i < VIEW_IFACES_MAX; i++)
		ifaces[status.ifaces_len++] = (struct status_iface){
			.name = m->interfaces[i].name,
			.mode = mode_of(&m->interfaces[i]),
		};
	status.top_len = detector_top(pipeline_detector(m->pipeline), now_ns, m->top, MONITOR_TOP);
	*ret = status;
}

void monitor_draw(struct monitor *m, uint64_t now_ns)
{
	struct status_iface ifaces[VIEW_IFACES_MAX];
	struct ledger ledger;
	struct status status;

	fill_status(m, now_ns, &ledger, ifaces, &status);
	live_status(m->live, &status);
	live_pump(m->live);
}

/* --- control socket -------------------------------------------------------------------------- */

static void answer_error(struct buf *reply, const char *text)
{
	json_lit(reply, "{\"error\":");
	json_string(reply, text, strlen(text));
	json_end(reply, '}');
	reply->len--; /* the comma behind it */
}

static void answer_top(struct monitor *m, struct buf *reply)
{
	struct status_iface ifaces[VIEW_IFACES_MAX];
	struct ledger ledger;
	struct status status;
	struct view *view = malloc(sizeof(*view));

	if (!view) {
		answer_error(reply, "out of memory");
		return;
	}
	fill_status(m, monitor_clock(), &ledger, ifaces, &status);
	view_fill(view, &status);
	status_json(reply, view);
	free(view);
}

static void answer_stats(struct monitor *m, struct buf *reply)
{
	struct eve_context ctx = { .sensor = m->setup->sensor };
	struct ledger ledger;
	uint64_t now_ns = monitor_clock();

	monitor_ledger(m, now_ns, &ledger);
	eve_stats(reply, &ctx, now_ns, &ledger);
	if (reply->len && reply->bytes[reply->len - 1] == '\n')
		reply->len--;
}

/* The event, for scripts; or {"text":…}, for people. */
static void put_explanation(struct monitor *m, const struct explanation *e, bool text,
			    struct buf *reply)
{
	const struct human_style style = setup_human_style(false);
	const struct eve_context ctx = { .sensor = m->setup->sensor,
					 .utc_offset_s = style.utc_offset_s };

	if (!text) {
		eve_explanation(reply, &ctx, e);
	} else {
		buf_reset(&m->text);
		human_explanation(&m->text, &style, e);
		json_lit(reply, "{\"text\":");
		json_string(reply, m->text.bytes, m->text.len);
		json_end(reply, '}');
	}
	reply->len--; /* the newline, or the comma behind it */
}

/* "explain": the alert event, for scripts; "explain-text": {"text":…}, for people. */
static void answer_explain(struct monitor *m, const char *argument, bool text, struct buf *reply)
{
	struct alert *alert = m->top;
	struct buf command = { 0 };
	struct explanation e;
	struct dns_name name;

	if (dns_name_from_text(argument, &name)) {
		answer_error(reply, "not a domain name");
		return;
	}
	if (detector_explain(pipeline_detector(m->pipeline), &name, monitor_clock(), alert)) {
		answer_error(reply, "nothing is known of this name: no answer for it was seen, or "
				    "it has never changed");
		return;
	}
	explanation_fill(&e, alert, m->timeline);
	e.reproduce =
		reproduce_from_events(&command, m->setup->config, m->opt->config_path, m->opt->sets,
				      m->opt->sets_len, &name, alert->time_ns, &e.no_reproduce);
	put_explanation(m, &e, text, reply);
	buf_fini(&command);
}

void monitor_answer(void *ctx, const char *command, const char *argument, struct buf *reply)
{
	struct monitor *m = ctx;

	if (!m->pipeline || !m->kernel)
		answer_error(reply, "the monitor is starting");
	else if (!strcmp(command, "top"))
		answer_top(m, reply);
	else if (!strcmp(command, "stats"))
		answer_stats(m, reply);
	else if (!strcmp(command, "explain"))
		answer_explain(m, argument, false, reply);
	else if (!strcmp(command, "explain-text"))
		answer_explain(m, argument, true, reply);
}

/* --- state and configuration ----------------------------------------------------------------- */

void monitor_save_state(struct monitor *m)
{
	const char *dir = m->setup->config->state.path;
	int err = detector_save(pipeline_detector(m->pipeline), dir);

	if (err)
		log_warn("state.path: %s: learned state not saved: %s", dir, strerror(-err));
}

/* SIGHUP: lists and thresholds at once; what is opened at the start stays as it is. */
void monitor_reload(struct monitor *m)
{
	struct setup fresh = { 0 };

	m->reload = false;
	if (m->eve)
		sink_reopen(m->eve);
	if (setup_load(&fresh, m->opt->config_path, m->opt->sets, m->opt->sets_len)) {
		log_warn("configuration not reloaded: what was read before stays in force");
		setup_fini(&fresh);
		return;
	}
	detector_reconfigure(pipeline_detector(m->pipeline), &fresh.config->detect);
	/* the pipeline goes on borrowing the ASN sources it was opened with */
	enrich_close(fresh.enrich);
	config_free(m->setup->config);
	m->setup->config = fresh.config;
	log_info("configuration and lists reloaded");
}
