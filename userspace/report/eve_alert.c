// SPDX-License-Identifier: BSD-2-Clause
/* The "alert" event: the `alert` object of Suricata and the `flux` object with the evidence. */
#include "report/eve_common.h"
#include "detect/signature.h"

static void member_u64(struct buf *out, const char *key, uint64_t value)
{
	buf_str(out, key);
	json_u64(out, value);
}

static void member_double(struct buf *out, const char *key, double value)
{
	buf_str(out, key);
	json_double(out, value);
}

static void member_time(struct buf *out, const char *key, uint64_t time_ns, int utc_offset_s)
{
	if (!time_ns)
		return;
	buf_str(out, key);
	json_time(out, time_ns, utc_offset_s);
}

static void member_true(struct buf *out, const char *key, bool value)
{
	if (!value)
		return;
	buf_str(out, key);
	json_lit(out, "true,");
}

static void member_bool(struct buf *out, const char *key, bool value)
{
	buf_str(out, key);
	buf_str(out, value ? "true," : "false,");
}

static void add_signature(struct buf *out, const struct alert *a)
{
	const struct signature *sig = verdict_signature(a);

	json_lit(out, "\"alert\":{\"action\":\"allowed\",");
	member_u64(out, "\"gid\":", 1);
	member_u64(out, "\"signature_id\":", sig->id);
	member_u64(out, "\"rev\":", sig->rev);
	json_member(out, "\"signature\":", sig->text);
	json_member(out, "\"category\":", sig->category);
	member_u64(out, "\"severity\":", (uint64_t)alert_severity(a));
	json_lit(out, "\"metadata\":{\"mitre_technique_id\":[\"T1568.001\"],"
		      "\"mitre_tactic_id\":[\"TA0011\"],\"d3fend\":[\"D3-DNSTA\"]}},");
}

static void add_terms(struct buf *out, const struct alert *a)
{
	json_lit(out, "\"terms\":[");
	for (size_t i = 0; i < a->terms_len; i++) {
		const struct alert_term *t = &a->terms[i];

		json_lit(out, "{");
		json_member(out, "\"name\":", t->name);
		member_double(out, "\"value\":", t->value);
		member_double(out, "\"weight\":", t->weight);
		member_double(out, "\"contribution\":", t->contribution);
		json_end(out, '}');
	}
	json_end(out, ']');
}

static void add_networks(struct buf *out, const struct alert *a)
{
	if (a->evidence.asns_len)
		json_lit(out, "\"asns\":[");
	for (size_t i = 0; i < a->evidence.asns_len; i++) {
		const struct alert_asn *as = &a->evidence.asns[i];

		json_lit(out, "{");
		member_u64(out, "\"asn\":", as->asn);
		member_u64(out, "\"count\":", as->count);
		json_member(out, "\"name\":", as->name);
		json_end(out, '}');
	}
	if (a->evidence.asns_len)
		json_end(out, ']');
	if (!a->evidence.countries_len)
		return;
	json_lit(out, "\"countries\":[");
	for (size_t i = 0; i < a->evidence.countries_len; i++)
		json_string(out, a->evidence.countries[i], strlen(a->evidence.countries[i]));
	json_end(out, ']');
}

static void add_ips(struct buf *out, const struct alert *a, int utc_offset_s)
{
	json_lit(out, "\"ips\":[");
	for (size_t i = 0; i < a->evidence.ips_len; i++) {
		const struct alert_ip *ip = &a->evidence.ips[i];

		json_lit(out, "{\"ip\":");
		json_ip(out, &ip->ip);
		if (ip->asn)
			member_u64(out, "\"asn\":", ip->asn);
		json_member(out, "\"country\":", ip->country);
		member_time(out, "\"first_seen\":", ip->first_ns, utc_offset_s);
		member_time(out, "\"last_seen\":", ip->last_ns, utc_offset_s);
		member_u64(out, "\"sightings\":", ip->sightings);
		member_u64(out, "\"connects\":", ip->connects);
		json_end(out, '}');
	}
	json_end(out, ']');
}

static void add_nameservers(struct buf *out, const struct alert *a, int utc_offset_s)
{
	if (!a->evidence.nameservers_len)
		return;
	json_lit(out, "\"nameservers\":[");
	for (size_t i = 0; i < a->evidence.nameservers_len; i++) {
		const struct alert_nameserver *ns = &a->evidence.nameservers[i];

		json_lit(out, "{\"name\":");
		json_name(out, &ns->name);
		member_time(out, "\"first_seen\":", ns->first_ns, utc_offset_s);
		member_time(out, "\"last_seen\":", ns->last_ns, utc_offset_s);
		if (ns->ips_len) {
			json_lit(out, "\"ips\":[");
			for (size_t k = 0; k < ns->ips_len; k++)
				json_ip(out, &ns->ips[k]);
			json_end(out, ']');
		}
		json_end(out, '}');
	}
	json_end(out, ']');
}

static void add_evidence(struct buf *out, const struct alert *a, int utc_offset_s)
{
	json_lit(out, "\"evidence\":{");
	member_u64(out, "\"distinct_ips\":", a->evidence.distinct_ips);
	if (a->evidence.has_pool) {
		member_double(out, "\"pool_estimate\":", a->evidence.pool_estimate);
		member_double(out, "\"pool_low\":", a->evidence.pool_low);
		member_double(out, "\"pool_high\":", a->evidence.pool_high);
	}
	member_double(out, "\"coverage\":", a->evidence.coverage);
	member_double(out, "\"novelty\":", a->evidence.novelty);
	member_double(out, "\"reentry\":", a->evidence.reentry);
	member_double(out, "\"effective_asns\":", a->evidence.effective_asns);
	add_networks(out, a);
	member_u64(out, "\"prefixes\":", a->evidence.prefixes);
	member_u64(out, "\"ttl_max\":", a->evidence.ttl_max);
	member_u64(out, "\"fresh_sets\":", a->evidence.fresh_sets);
	member_u64(out, "\"changes\":", a->evidence.changes);
	member_time(out, "\"first_seen\":", a->evidence.first_ns, utc_offset_s);
	member_time(out, "\"last_seen\":", a->evidence.last_ns, utc_offset_s);
	add_ips(out, a, utc_offset_s);
	add_nameservers(out, a, utc_offset_s);
	json_end(out, '}');
}

static void add_hosts(struct buf *out, const struct alert *a)
{
	if (!a->hosts_len)
		return;
	json_lit(out, "\"hosts\":[");
	for (size_t i = 0; i < a->hosts_len; i++) {
		const struct alert_host *h = &a->hosts[i];

		json_lit(out, "{\"ip\":");
		json_ip(out, &h->ip);
		if (h->has_mac) {
			json_lit(out, "\"mac\":");
			json_mac(out, h->mac);
		}
		json_member(out, "\"hostname\":", h->hostname[0] ? h->hostname : NULL);
		member_u64(out, "\"queries\":", h->queries);
		member_u64(out, "\"connects\":", h->connects);
		json_end(out, '}');
	}
	json_end(out, ']');
}

static void add_process(struct buf *out, const struct alert_process *p)
{
	json_lit(out, "{");
	member_u64(out, "\"pid\":", p->pid);
	if (p->ppid)
		member_u64(out, "\"ppid\":", p->ppid);
	json_member(out, "\"exe\":", p->exe);
	json_member(out, "\"comm\":", p->comm);
	json_member(out, "\"cmdline\":", p->cmdline);
	member_u64(out, "\"uid\":", p->uid);
	json_member(out, "\"unit\":", p->unit);
	json_member(out, "\"container_id\":", p->container_id);
	if (!ip_is_unspecified(&p->host)) {
		json_lit(out, "\"host\":");
		json_ip(out, &p->host);
	}
	member_u64(out, "\"connects\":", p->connects);
	member_u64(out, "\"failures\":", p->failures);
	member_u64(out, "\"distinct_ips\":", p->distinct_ips);
	member_u64(out, "\"bytes_toserver\":", p->bytes_toserver);
	member_u64(out, "\"bytes_toclient\":", p->bytes_toclient);
	json_end(out, '}');
}

static void add_parties(struct buf *out, const struct alert *a)
{
	add_hosts(out, a);
	if (a->processes_len) {
		json_lit(out, "\"processes\":[");
		for (size_t i = 0; i < a->processes_len; i++)
			add_process(out, &a->processes[i]);
		json_end(out, ']');
	}
	if (a->home_nodes_len) {
		json_lit(out, "\"home_nodes\":[");
		for (size_t i = 0; i < a->home_nodes_len; i++)
			json_ip(out, &a->home_nodes[i]);
		json_end(out, ']');
	}
	if (a->members_len) {
		json_lit(out, "\"members\":[");
		for (size_t i = 0; i < a->members_len; i++)
			json_name(out, &a->members[i]);
		json_end(out, ']');
	}
}

static void add_judgement(struct buf *out, const struct alert *a)
{
	if (a->domain.len) {
		json_lit(out, "\"domain\":");
		json_name(out, &a->domain);
	}
	if (a->registered_domain.len) {
		json_lit(out, "\"registered_domain\":");
		json_name(out, &a->registered_domain);
	}
	json_member(out, "\"verdict\":", verdict_name(a->verdict));
	json_member(out, "\"state\":", alert_state_name(a->state));
	json_member(out, "\"confidence\":", confidence_name(a->confidence));
	member_double(out, "\"score\":", a->score);
	member_double(out, "\"probability\":", a->probability);
	json_member(out, "\"reason\":", a->reason);
	add_terms(out, a);
}

static void add_limits(struct buf *out, const struct alert *a)
{
	json_lit(out, "\"vantage\":{");
	member_bool(out, "\"ns_visible\":", a->vantage.ns_visible);
	member_bool(out, "\"connects_visible\":", a->vantage.connects_visible);
	member_u64(out, "\"resolvers\":", a->vantage.resolvers);
	json_end(out, '}');
	if (a->would_change_if_len) {
		json_lit(out, "\"would_change_if\":[");
		for (size_t i = 0; i < a->would_change_if_len; i++)
			json_string(out, a->would_change_if[i], strlen(a->would_change_if[i]));
		json_end(out, ']');
	}
	json_member(out, "\"suppressed_by\":", a->suppressed_by);
	member_true(out, "\"allowlist_mismatch\":", a->allowlist_mismatch);
	member_true(out, "\"degraded\":", a->degraded);
}

void eve_alert(struct buf *out, const struct eve_context *ctx, const struct alert *alert)
{
	eve_begin(out, ctx, alert->time_ns, "alert");
	eve_capture(out, ctx);
	add_signature(out, alert);
	json_lit(out, "\"flux\":{");
	add_judgement(out, alert);
	add_evidence(out, alert, ctx->utc_offset_s);
	add_parties(out, alert);
	add_limits(out, alert);
	json_end(out, '}');
	json_end_line(out);
}
