// SPDX-License-Identifier: BSD-2-Clause
#include "report/explain.h"

#include <netinet/in.h>
#include <string.h>

#include "dns/text.h"
#include "report/json.h"

#define FIRST_SHOWN TIMELINE_HEAD
#define LAST_SHOWN  12

void explanation_fill(struct explanation *ret, const struct alert *alert, struct timeline *t)
{
	*ret = (struct explanation){ .alert = alert };
	timeline_get(t, alert, &ret->timeline);
	benign_match(alert, &ret->benign);
}

static bool has_addr(const struct timeline_entry *e, size_t i)
{
	return !ip_is_unspecified(&e->addrs[i]);
}

/* --- for people ------------------------------------------------------------------------------ */

struct text {
	struct buf *out;
	const struct human_style *style;
};

static void label(struct text *k, const char *text)
{
	if (k->style->colour)
		buf_str(k->out, "\033[2m");
	buf_printf(k->out, "  %-12s", text);
	if (k->style->colour)
		buf_str(k->out, "\033[0m");
}

static void add_addrs(struct text *k, const struct timeline_entry *e)
{
	char ip[IP_TEXT_MAX];
	size_t n = 0;

	for (; n < TIMELINE_ADDRS && has_addr(e, n); n++)
		buf_printf(k->out, "%s%s", n ? ", " : ": ", ip_format(&e->addrs[n], ip));
	if (n && e->added > n)
		buf_printf(k->out, " and %u more", e->added - (unsigned int)n);
}

static void add_change(struct text *k, const struct timeline_entry *e)
{
	char type[16];

	buf_printf(k->out, "%-4s  +%u -%u%s", dns_type_name(e->rrtype, type), e->added, e->removed,
		   e->kind == TIMELINE_RETURNED ? " (known ones)" : "");
	buf_printf(k->out, ", %u answered, %u so far, TTL %u", e->set_size, e->distinct, e->ttl_s);
	add_addrs(k, e);
}

static void add_servers(struct text *k, const struct timeline_entry *e)
{
	buf_str(k->out, "NS    ");
	if (e->added || e->removed)
		buf_printf(k->out, "+%u -%u", e->added, e->removed);
	if (e->text[0])
		buf_str(k->out, "  ");
	human_text(k->out, e->text);
	add_addrs(k, e);
}

static void add_connect(struct text *k, const struct timeline_entry *e)
{
	char ip[IP_TEXT_MAX];

	buf_printf(k->out, "to %s port %u/%s", ip_format(&e->addrs[0], ip), e->port,
		   e->proto == IPPROTO_UDP ? "udp" : "tcp");
	if (has_addr(e, 1))
		buf_printf(k->out, " from %s", ip_format(&e->addrs[1], ip));
	if (e->text[0])
		buf_str(k->out, " by ");
	human_text(k->out, e->text);
	buf_str(k->out, e->err ? ", failed" : ", ok");
	if (e->err)
		buf_printf(k->out, " (%s)",
			   strerrorname_np(e->err) ? strerrorname_np(e->err) : "?");
	if (e->count > 1)
		buf_printf(k->out, ", %u times", e->count);
}

static void add_verdict(struct text *k, const struct timeline_entry *e)
{
	buf_printf(k->out, "%s, %s confidence, %s, score %+.2f",
		   verdict_name((enum verdict)e->verdict),
		   confidence_name((enum confidence)e->confidence),
		   alert_state_name((enum alert_state)e->state), (double)e->score);
	if (e->text[0])
		buf_str(k->out, ": ");
	human_text(k->out, e->text);
}

static void add_record(struct text *k, const struct timeline_entry *e)
{
	char type[16];

	buf_printf(k->out, "%-4s  ", dns_type_name(e->rrtype, type));
	human_text(k->out, e->text);
	if (e->ttl_s)
		buf_printf(k->out, "  TTL %u,", e->ttl_s);
	buf_printf(k->out, "  %u %s", e->count, e->count == 1 ? "sighting" : "sightings");
	if (e->last_ns > e->time_ns) {
		buf_str(k->out, " until ");
		human_time(k->out, k->style, e->last_ns);
	}
}

static void add_entry(struct text *k, const struct timeline_entry *e)
{
	human_time(k->out, k->style, e->time_ns);
	buf_printf(k->out, "  %-11s  ", timeline_kind_name((enum timeline_kind)e->kind));
	switch ((enum timeline_kind)e->kind) {
	case TIMELINE_FIRST:
		buf_str(k->out, "seen for the first time");
		break;
	case TIMELINE_CHANGED:
	case TIMELINE_RETURNED:
		add_change(k, e);
		break;
	case TIMELINE_SERVERS:
		add_servers(k, e);
		break;
	case TIMELINE_CONNECT:
		add_connect(k, e);
		break;
	case TIMELINE_VERDICT:
		add_verdict(k, e);
		break;
	case TIMELINE_RECORD:
		add_record(k, e);
		break;
	}
	buf_char(k->out, '\n');
}

static bool is_routine(const struct timeline_entry *e)
{
	return e->kind != TIMELINE_VERDICT && e->kind != TIMELINE_FIRST;
}

/* The first and the last entries; of those between, the verdicts. */
static void human_timeline(struct buf *out, const struct human_style *style,
			   const struct timeline_view *v)
{
	struct text k = { out, style };
	size_t routine = 0, at = 0;
	uint64_t hidden = 0;
	bool gap = false;

	for (size_t i = 0; i < v->len; i++)
		routine += is_routine(&v->entries[i]);
	if (routine > FIRST_SHOWN + LAST_SHOWN)
		hidden = routine - FIRST_SHOWN - LAST_SHOWN;
	hidden += v->left_out;
	for (size_t i = 0; i < v->len; i++) {
		const struct timeline_entry *e = &v->entries[i];
		bool between = false;

		if (is_routine(e)) {
			between = at >= FIRST_SHOWN && at + LAST_SHOWN < routine;
			if (at++ == FIRST_SHOWN && hidden && !gap) {
				label(&k, "");
				buf_printf(out, "… %llu more …\n", (unsigned long long)hidden);
				gap = true;
			}
		}
		if (between)
			continue;
		label(&k, i ? "" : "timeline");
		add_entry(&k, e);
	}
}

static void add_benign(struct text *k, const struct benign_match *b)
{
	if (!b->nearest)
		return;
	label(k, "nearest");
	buf_printf(k->out, "benign class: %s (%s)", b->nearest->name, b->nearest->id);
	for (size_t i = 0; i < b->others_len; i++)
		buf_printf(k->out, ", %s (%s)", b->others[i]->name, b->others[i]->id);
	buf_printf(k->out, ", %.2f log-odds away", b->distance);
	if (b->second)
		buf_printf(k->out, "; then %s, %.2f", b->second->name, b->second_distance);
	buf_char(k->out, '\n');
	for (size_t i = 0; i < b->against_len; i++) {
		const struct benign_difference *d = &b->against[i];

		label(k, i ? "" : "against it");
		buf_printf(k->out, "%6.2f  %-24s value %.3g, there %.3g", d->log_odds, d->term,
			   d->value, d->low);
		if (d->high > d->low)
			buf_printf(k->out, " to %.3g", d->high);
		buf_char(k->out, '\n');
	}
	if (!b->against_len) {
		label(k, "against it");
		buf_str(k->out, "nothing: by these terms it could be one\n");
	}
	if (b->learning) {
		label(k, "");
		buf_str(k->out, "age, popularity and neighbours not compared: still learning\n");
	}
	if (b->blind) {
		label(k, "");
		buf_str(k->out, "connections not compared: none are visible\n");
	}
}

void human_explained(struct buf *out, const struct human_style *style, const struct explanation *e)
{
	struct text k = { out, style };

	human_timeline(out, style, &e->timeline);
	add_benign(&k, &e->benign);
	if (!e->reproduce && !e->no_reproduce)
		return;
	label(&k, "reproduce");
	human_text(out, e->reproduce ? e->reproduce : e->no_reproduce);
	buf_char(out, '\n');
}

void human_explanation(struct buf *out, const struct human_style *style,
		       const struct explanation *e)
{
	struct human_style as_of = *style;

	as_of.as_of = true;
	human_alert(out, &as_of, e->alert);
	human_explained(out, style, e);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void member(struct buf *out, const char *key, uint64_t value)
{
	buf_str(out, key);
	json_u64(out, value);
}

static void member_double(struct buf *out, const char *key, double value)
{
	buf_str(out, key);
	json_double(out, value);
}

static void json_change(struct buf *out, const struct timeline_entry *e)
{
	member(out, "\"added\":", e->added);
	member(out, "\"removed\":", e->removed);
	if (e->kind == TIMELINE_SERVERS)
		return;
	member(out, "\"set_size\":", e->set_size);
	member(out, "\"distinct\":", e->distinct);
	member(out, "\"ttl\":", e->ttl_s);
}

static void json_connect(struct buf *out, const struct timeline_entry *e)
{
	json_lit(out, "\"dest_ip\":");
	json_ip(out, &e->addrs[0]);
	member(out, "\"dest_port\":", e->port);
	json_member(out, "\"proto\":", e->proto == IPPROTO_UDP ? "UDP" : "TCP");
	json_lit(out, "\"src_ip\":");
	json_ip(out, &e->addrs[1]);
	json_member(out, "\"result\":", e->err ? strerrorname_np(e->err) : "ok");
	json_member(out, "\"program\":", e->text);
	member(out, "\"count\":", e->count);
}

static void json_verdict(struct buf *out, const struct timeline_entry *e)
{
	json_member(out, "\"verdict\":", verdict_name((enum verdict)e->verdict));
	json_member(out, "\"confidence\":", confidence_name((enum confidence)e->confidence));
	json_member(out, "\"state\":", alert_state_name((enum alert_state)e->state));
	member_double(out, "\"score\":", (double)e->score);
	json_member(out, "\"reason\":", e->text);
}

static void json_entry(struct buf *out, int utc_offset_s, const struct timeline_entry *e)
{
	enum timeline_kind kind = (enum timeline_kind)e->kind;
	char type[16];

	json_lit(out, "{\"timestamp\":");
	json_time(out, e->time_ns, utc_offset_s);
	json_member(out, "\"kind\":", timeline_kind_name(kind));
	if (e->rrtype)
		json_member(out, "\"rrtype\":", dns_type_name(e->rrtype, type));
	if (kind == TIMELINE_CHANGED || kind == TIMELINE_RETURNED || kind == TIMELINE_SERVERS)
		json_change(out, e);
	if (kind == TIMELINE_CONNECT)
		json_connect(out, e);
	else if (kind == TIMELINE_VERDICT)
		json_verdict(out, e);
	else if (kind == TIMELINE_RECORD)
		member(out, "\"count\":", e->count);
	if (kind == TIMELINE_RECORD && e->ttl_s)
		member(out, "\"ttl\":", e->ttl_s);
	if (kind == TIMELINE_RECORD || kind == TIMELINE_SERVERS)
		json_member(out, "\"rdata\":", e->text);
	if (kind != TIMELINE_CONNECT && has_addr(e, 0)) {
		json_lit(out, "\"ips\":[");
		for (size_t i = 0; i < TIMELINE_ADDRS && has_addr(e, i); i++)
			json_ip(out, &e->addrs[i]);
		json_end(out, ']');
	}
	if (e->last_ns > e->time_ns) {
		json_lit(out, "\"last_seen\":");
		json_time(out, e->last_ns, utc_offset_s);
	}
	json_end(out, '}');
}

static void json_benign(struct buf *out, const struct benign_match *b)
{
	json_lit(out, "\"nearest_benign\":{");
	json_member(out, "\"class\":", b->nearest->id);
	json_member(out, "\"name\":", b->nearest->name);
	member_double(out, "\"distance\":", b->distance);
	json_lit(out, "\"others\":[");
	for (size_t i = 0; i < b->others_len; i++)
		json_string(out, b->others[i]->id, strlen(b->others[i]->id));
	json_end(out, ']');
	json_lit(out, "\"against\":[");
	for (size_t i = 0; i < b->against_len; i++) {
		const struct benign_difference *d = &b->against[i];

		json_lit(out, "{");
		json_member(out, "\"term\":", d->term);
		member_double(out, "\"value\":", d->value);
		member_double(out, "\"low\":", d->low);
		member_double(out, "\"high\":", d->high);
		member_double(out, "\"log_odds\":", d->log_odds);
		json_end(out, '}');
	}
	json_end(out, ']');
	buf_str(out, b->learning ? "\"learning\":true," : "\"learning\":false,");
	buf_str(out, b->blind ? "\"blind\":true," : "\"blind\":false,");
	json_end(out, '}');
}

void explain_json(struct buf *out, int utc_offset_s, const struct explanation *e)
{
	json_lit(out, "{\"timeline\":[");
	for (size_t i = 0; i < e->timeline.len; i++)
		json_entry(out, utc_offset_s, &e->timeline.entries[i]);
	json_end(out, ']');
	member(out, "\"left_out\":", e->timeline.left_out);
	if (e->benign.nearest)
		json_benign(out, &e->benign);
	json_member(out, "\"reproduce\":", e->reproduce);
	json_end(out, '}');
}

void eve_explanation(struct buf *out, const struct eve_context *ctx, const struct explanation *e)
{
	eve_alert(out, ctx, e->alert);
	if (out->len < 2 || out->failed)
		return;
	out->len -= 2; /* its bracket and newline */
	json_lit(out, ",\"explain\":");
	explain_json(out, ctx->utc_offset_s, e);
	json_end(out, '}');
	out->len--;
	buf_char(out, '\n');
}
