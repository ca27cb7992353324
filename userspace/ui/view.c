// SPDX-License-Identifier: BSD-2-Clause
#include "ui/view.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "capture/record.h"

/*
 * Cut where it must be; what is shown is a view, not the record. File names of programs are chosen
 * by others: what a terminal might obey does not get into a view.
 */
static void copy(char *to, size_t len, const char *from)
{
	size_t n = from ? strnlen(from, len - 1) : 0;

	for (size_t i = 0; i < n; i++)
		to[i] = isprint((unsigned char)from[i]) ? from[i] : '?';
	to[n] = '\0';
}

static uint64_t sum_reasons(const uint64_t *counters)
{
	uint64_t sum = 0;

	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++)
		sum += counters[i];
	return sum;
}

static void fill_counters(struct view *v, const struct ledger *l)
{
	v->uptime_s = l->uptime_ns / 1000000000U;
	v->seen = l->kernel[FT_STAGE_SEEN];
	v->responses = l->kernel[FT_STAGE_RESPONSE];
	v->emitted = l->kernel[FT_STAGE_EMITTED];
	v->repeats = l->kernel[FT_STAGE_REPEAT];
	v->ring_full = l->kernel[FT_STAGE_RING_FULL];
	v->shed = l->kernel[FT_STAGE_SHED];
	v->refused = sum_reasons(l->kernel);
	v->parsed = l->parsed;
	v->malformed = sum_reasons(l->malformed);
	v->fresh_sets = l->detect.fresh_sets;
	v->changes = l->detect.changes;
	v->alerts = l->detect.alerts;
	v->names = l->detect.names;
	v->candidates = l->detect.candidates;
	v->evicted = l->detect.evicted_names + l->detect.evicted_candidates + l->correlate.evicted +
		     l->reassembly.evicted_fragments + l->reassembly.evicted_streams;
	v->table_bytes = l->detect.table_bytes + l->correlate.table_bytes;
	v->connections = l->correlate.connections;
	v->unexplained = l->correlate.unexplained;
	v->connect_lost = l->connect_lost;
	v->events_dropped = l->events_dropped;
	v->history_dropped = l->history_dropped;
}

/* The most frequent reasons of both sides of the ring, by insertion. */
static void fill_reasons(struct view *v, const struct ledger *l)
{
	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++) {
		uint64_t count = l->kernel[i] + l->malformed[i] + l->given_up[i];
		size_t at = v->reasons_len;

		if (!count)
			continue;
		while (at > 0 && v->reasons[at - 1].count < count)
			at--;
		if (at == VIEW_REASONS_MAX)
			continue;
		if (v->reasons_len < VIEW_REASONS_MAX)
			v->reasons_len++;
		memmove(&v->reasons[at + 1], &v->reasons[at],
			(v->reasons_len - at - 1) * sizeof(v->reasons[0]));
		copy(v->reasons[at].name, sizeof(v->reasons[at].name), reason_name(i));
		v->reasons[at].count = count;
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void fill_process(struct view_row *row, const struct alert *a)
{
	const struct alert_process *busiest = NULL;
	char text[sizeof(row->process)];

	for (size_t i = 0; i < a->processes_len; i++)
		if (!busiest || a->processes[i].connects > busiest->connects)
			busiest = &a->processes[i];
	for (size_t i = 0; i < a->hosts_len; i++)
		row->connects += a->hosts[i].connects;
	if (!busiest)
		return;
	snprintf(text, sizeof(text), "%.24s[%u]",
		 busiest->exe[0] ? base_name(busiest->exe) : busiest->comm, busiest->pid);
	copy(row->process, sizeof(row->process), text);
}

static void fill_row(struct view_row *row, const struct alert *a)
{
	char name[DNS_NAME_TEXT_MAX] = "";

	memset(row, 0, sizeof(*row));
	if (a->domain.len)
		dns_name_format(&a->domain, name);
	copy(row->domain, sizeof(row->domain), name);
	if (a->verdict != VERDICT_NONE)
		copy(row->verdict, sizeof(row->verdict), verdict_name(a->verdict));
	if (a->confidence != CONFIDENCE_NONE)
		copy(row->confidence, sizeof(row->confidence), confidence_name(a->confidence));
	row->score = a->score;
	row->effective_asns = a->evidence.effective_asns;
	row->novelty = a->evidence.novelty;
	row->reentry = a->evidence.reentry;
	row->distinct_ips = a->evidence.distinct_ips;
	row->fresh_sets = a->evidence.fresh_sets;
	row->ttl_max = a->evidence.ttl_max;
	fill_process(row, a);
}

void view_fill(struct view *ret, const struct status *status)
{
	const char *which = NULL;

	memset(ret, 0, sizeof(*ret));
	ret->time_ns = status->time_ns;
	copy(ret->sensor, sizeof(ret->sensor), status->sensor);
	ret->balanced = ledger_balanced(status->ledger, &which);
	copy(ret->unbalanced, sizeof(ret->unbalanced), which);
	ret->filtering = status->ledger->filtering;
	fill_counters(ret, status->ledger);
	fill_reasons(ret, status->ledger);
	for (; ret->ifaces_len < status->ifaces_len && ret->ifaces_len < VIEW_IFACES_MAX;
	     ret->ifaces_len++) {
		struct view_iface *iface = &ret->ifaces[ret->ifaces_len];

		copy(iface->name, sizeof(iface->name), status->ifaces[ret->ifaces_len].name);
		copy(iface->mode, sizeof(iface->mode), status->ifaces[ret->ifaces_len].mode);
	}
	for (; ret->rows_len < status->top_len && ret->rows_len < VIEW_ROWS_MAX; ret->rows_len++)
		fill_row(&ret->rows[ret->rows_len], &status->top[ret->rows_len]);
}
