// SPDX-License-Identifier: BSD-2-Clause
/* The "stats" event: the loss ledger, stage by stage, and the sizes of the tables. */
#include "report/eve_common.h"
#include "report/ledger.h"

struct member {
	const char *key; /* with quotes and colon */
	uint64_t value;
};

static void add_members(struct buf *out, const struct member *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(out, members[i].key);
		json_u64(out, members[i].value);
	}
}

#define add_object(out, key, ...)                                                 \
	do {                                                                      \
		const struct member members_[] = { __VA_ARGS__ };                 \
                                                                                  \
		json_lit(out, key "{");                                           \
		add_members(out, members_, sizeof(members_) / sizeof(*members_)); \
		json_end(out, '}');                                               \
	} while (0)

/* Only reasons that occurred. */
static void add_reasons(struct buf *out, const char *key, const uint64_t *counters)
{
	buf_str(out, key);
	json_lit(out, "{");
	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++) {
		if (!counters[i])
			continue;
		json_lit(out, "\"");
		buf_str(out, reason_name(i));
		json_lit(out, "\":");
		json_u64(out, counters[i]);
	}
	json_end(out, '}');
}

static void add_kernel(struct buf *out, const struct ledger *l)
{
	json_lit(out, "\"kernel\":{");
	for (unsigned int i = 0; i < FT_STAGE_MAX; i++) {
		json_lit(out, "\"");
		buf_str(out, stage_name(i));
		json_lit(out, "\":");
		json_u64(out, l->kernel[i]);
	}
	add_reasons(out, "\"refused\":", l->kernel);
	json_end(out, '}');
}

static void add_pipeline(struct buf *out, const struct ledger *l)
{
	const struct reassembly_stats *r = &l->reassembly;

	add_object(out, "\"ring\":", { "\"consumed\":", l->consumed },
		   { "\"in_ring\":", l->in_ring }, { "\"samples\":", l->samples });
	json_lit(out, "\"reassembly\":{");
	add_members(out,
		    (const struct member[]){ { "\"records\":", r->records },
					     { "\"passed\":", r->passed },
					     { "\"fragments\":", r->fragments },
					     { "\"segments\":", r->segments },
					     { "\"from_fragments\":", r->from_fragments },
					     { "\"from_tcp\":", r->from_tcp },
					     { "\"ignored\":", r->ignored },
					     { "\"evicted_fragments\":", r->evicted_fragments },
					     { "\"evicted_streams\":", r->evicted_streams },
					     { "\"bytes_pending\":", r->bytes_pending } },
		    10);
	add_reasons(out, "\"given_up\":", l->given_up);
	json_end(out, '}');
	json_lit(out, "\"dns\":{\"parsed\":");
	json_u64(out, l->parsed);
	add_reasons(out, "\"malformed\":", l->malformed);
	json_end(out, '}');
}

static void add_analysis(struct buf *out, const struct ledger *l)
{
	const struct correlate_stats *c = &l->correlate;
	const struct detector_stats *d = &l->detect;

	add_object(out, "\"connect\":", { "\"records\":", l->connect_records },
		   { "\"lost\":", l->connect_lost });
	add_object(
		out, "\"correlate\":", { "\"answers\":", c->answers },
		{ "\"relayed\":", c->relayed }, { "\"connections\":", c->connections },
		{ "\"explained\":", c->explained }, { "\"unexplained\":", c->unexplained },
		{ "\"late\":", c->late }, { "\"same_host\":", c->same_host },
		{ "\"same_process\":", c->same_process }, { "\"nameless\":", c->nameless },
		{ "\"encrypted_dns\":", c->encrypted_dns }, { "\"not_counted\":", c->not_counted },
		{ "\"evicted\":", c->evicted }, { "\"evicted_names\":", c->evicted_names },
		{ "\"evicted_ties\":", c->evicted_ties }, { "\"table_bytes\":", c->table_bytes });
	add_object(out, "\"detect\":", { "\"responses\":", d->responses },
		   { "\"fresh_sets\":", d->fresh_sets }, { "\"changes\":", d->changes },
		   { "\"candidates\":", d->candidates }, { "\"alerts\":", d->alerts },
		   { "\"names\":", d->names }, { "\"evicted_names\":", d->evicted_names },
		   { "\"evicted_candidates\":", d->evicted_candidates },
		   { "\"folded_names\":", d->folded_names }, { "\"suppressed\":", d->suppressed },
		   { "\"table_bytes\":", d->table_bytes },
		   { "\"candidate_bytes\":", d->candidate_bytes });
}

/* What only some deployments have: absent where it is. */
static void add_filter(struct buf *out, const struct ledger *l)
{
	if (!l->filter_names_max)
		return;
	add_object(out, "\"filter\":", { "\"names_max\":", l->filter_names_max },
		   { "\"evictions\":", l->filter_evictions },
		   { "\"evicted_repeats\":", l->filter_evicted_repeats },
		   { "\"evicted_folded\":", l->filter_evicted_folded },
		   { "\"skeletons_learnt\":", l->filter_skeletons_learnt },
		   { "\"samples_lost\":", l->samples_lost });
}

static void add_observed(struct buf *out, const struct ledger *l)
{
	if (l->observed)
		add_object(out, "\"logs\":", { "\"responses\":", l->observed });
}

static void add_timelines(struct buf *out, const struct timeline_stats *t)
{
	if (t->bytes)
		add_object(out, "\"explain\":", { "\"names\":", t->names },
			   { "\"evicted\":", t->evicted }, { "\"table_bytes\":", t->bytes });
}

static void add_flows(struct buf *out, const struct ledger *l)
{
	const struct flow_stats *f = &l->flows;

	if (!f->records)
		return;
	add_object(out, "\"gateway\":", { "\"records\":", f->records },
		   { "\"attempts\":", f->attempts }, { "\"ok\":", f->ok },
		   { "\"refused\":", f->refused }, { "\"timed_out\":", f->timed_out },
		   { "\"udp\":", f->udp }, { "\"repeats\":", f->repeats },
		   { "\"strays\":", f->strays }, { "\"local\":", f->local },
		   { "\"evicted\":", f->evicted }, { "\"evicted_local\":", f->evicted_local },
		   { "\"before_watch\":", l->flows_before_watch },
		   { "\"overwritten\":", l->flows_overwritten },
		   { "\"table_bytes\":", f->table_bytes });
}

static void add_leases(struct buf *out, const struct lease_stats *l)
{
	if (!l->messages)
		return;
	json_lit(out, "\"dhcp\":{");
	add_members(out,
		    (const struct member[]){ { "\"messages\":", l->messages },
					     { "\"taken\":", l->taken },
					     { "\"names\":", l->names },
					     { "\"evicted\":", l->evicted },
					     { "\"table_bytes\":", l->table_bytes } },
		    5);
	json_lit(out, "\"refused\":{");
	for (unsigned int i = LEASE_OK + 1; i < LEASE_REASON_MAX; i++) {
		if (!l->refused[i])
			continue;
		json_lit(out, "\"");
		buf_str(out, lease_reason_name(i));
		json_lit(out, "\":");
		json_u64(out, l->refused[i]);
	}
	json_end(out, '}');
	json_end(out, '}');
}

static void add_foreign(struct buf *out, const struct foreign_stats *f)
{
	if (!f->senders && !f->lines)
		return;
	json_lit(out, "\"foreign\":{");
	add_members(out,
		    (const struct member[]){ { "\"lines\":", f->lines },
					     { "\"connections\":", f->connections },
					     { "\"answers\":", f->answers },
					     { "\"senders\":", f->senders },
					     { "\"senders_refused\":", f->senders_refused } },
		    5);
	json_lit(out, "\"refused\":{");
	for (unsigned int i = FOREIGN_OK + 1; i < FOREIGN_REASON_MAX; i++) {
		if (!f->refused[i])
			continue;
		json_lit(out, "\"");
		buf_str(out, foreign_reason_name(i));
		json_lit(out, "\":");
		json_u64(out, f->refused[i]);
	}
	json_end(out, '}');
	json_end(out, '}');
}

static void add_blind(struct buf *out, const struct ledger *l)
{
	if (!l->blind_len)
		return;
	json_lit(out, "\"blind\":[");
	for (size_t i = 0; i < l->blind_len; i++) {
		const struct correlate_blind *b = &l->blind[i];

		json_lit(out, "{\"ip\":");
		json_ip(out, &b->host);
		json_member(out, "\"exe\":", b->exe);
		json_lit(out, "\"connections\":");
		json_u64(out, b->connections);
		json_lit(out, "\"unexplained\":");
		json_u64(out, b->unexplained);
		json_lit(out, "\"share\":");
		json_double(out,
			    b->connections ? (double)b->unexplained / (double)b->connections : 0.0);
		json_lit(out, "\"encrypted_dns\":");
		json_u64(out, b->encrypted_dns);
		json_end(out, '}');
	}
	json_end(out, ']');
}

static void add_outputs(struct buf *out, const struct ledger *l)
{
	add_object(out, "\"events\":", { "\"written\":", l->events_written },
		   { "\"dropped\":", l->events_dropped });
	add_object(out, "\"history\":", { "\"written\":", l->history_written },
		   { "\"dropped\":", l->history_dropped });
}

void eve_stats(struct buf *out, const struct eve_context *ctx, uint64_t time_ns,
	       const struct ledger *ledger)
{
	const char *which;
	bool balanced = ledger_balanced(ledger, &which);

	eve_begin(out, ctx, time_ns, "stats");
	json_lit(out, "\"stats\":{\"uptime\":");
	json_u64(out, ledger->uptime_ns / 1000000000U);
	json_member(out, "\"capture_mode\":", ledger->capture_mode);
	buf_str(out, ledger->filtering ? "\"filtering\":true," : "\"filtering\":false,");
	buf_str(out, balanced ? "\"balanced\":true," : "\"balanced\":false,");
	json_member(out, "\"unbalanced\":", which);
	add_kernel(out, ledger);
	add_pipeline(out, ledger);
	add_analysis(out, ledger);
	add_filter(out, ledger);
	add_observed(out, ledger);
	add_timelines(out, &ledger->timelines);
	add_flows(out, ledger);
	add_leases(out, &ledger->leases);
	add_foreign(out, &ledger->foreign);
	add_blind(out, ledger);
	add_outputs(out, ledger);
	json_end(out, '}');
	json_end_line(out);
}
