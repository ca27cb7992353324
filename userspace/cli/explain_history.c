// SPDX-License-Identifier: BSD-2-Clause
#include "cli/explain_history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#include "base/log.h"
#include "cli/reproduce.h"
#include "cli/setup.h"
#include "detect/weights.h"
#include "dns/text.h"
#include "report/explain.h"
#include "report/json.h"
#include "store/query.h"

#define ZONES_ABOVE	3
#define NAMESERVERS_MAX 16
#define SECOND_NS	1000000000ULL

struct found {
	struct explanation e;
	struct alert alert; /* what the last logged one says of terms and vantage */
	struct buf json, text; /* of the last alert */
	bool servers_only; /* of the records that come now */
	char servers[NAMESERVERS_MAX][DNS_NAME_TEXT_MAX];
	size_t servers_len;
};

/* --- the records ----------------------------------------------------------------------------- */

static bool on_record(void *ctx, const struct history_record *r)
{
	struct found *f = ctx;
	bool is_ns = strcmp(r->rrtype, "NS") == 0;
	struct timeline_entry e = {
		.time_ns = (uint64_t)r->time_first * SECOND_NS,
		.last_ns = (uint64_t)r->time_last * SECOND_NS,
		.kind = is_ns ? TIMELINE_SERVERS : TIMELINE_RECORD,
		.ttl_s = r->ttl_s,
		.count = r->count > UINT32_MAX ? UINT32_MAX : (uint32_t)r->count,
	};

	if (f->servers_only && !is_ns)
		return true;
	dns_type_from_text(r->rrtype, &e.rrtype);
	snprintf(e.text, sizeof(e.text), "%.63s", r->rdata);
	timeline_add(&f->e.timeline, &e);
	if (is_ns && f->servers_len < NAMESERVERS_MAX)
		snprintf(f->servers[f->servers_len++], sizeof(f->servers[0]), "%s", r->rdata);
	return true;
}

static bool on_glue(void *ctx, const struct history_record *r)
{
	struct found *f = ctx;
	struct timeline_entry e = { .time_ns = (uint64_t)r->time_first * SECOND_NS,
				    .last_ns = (uint64_t)r->time_last * SECOND_NS,
				    .kind = TIMELINE_SERVERS,
				    .rrtype = DNS_TYPE_A,
				    .ttl_s = r->ttl_s,
				    .count = r->count > UINT32_MAX ? UINT32_MAX
								   : (uint32_t)r->count };

	if (ip_parse(r->rdata, &e.addrs[0]))
		return true;
	snprintf(e.text, sizeof(e.text), "%.63s", r->rrname);
	timeline_add(&f->e.timeline, &e);
	return true;
}

/* The name's own records, the NS records of the zones above it, the addresses of those servers. */
static int read_records(struct store_reader *reader, const struct dns_name *name, struct found *f,
			char *err, size_t err_len)
{
	unsigned int labels = dns_name_labels(name);
	char text[DNS_NAME_TEXT_MAX];
	int rc;

	dns_name_format(name, text);
	rc = store_query(reader, text, on_record, f, err, err_len);
	f->servers_only = true;
	for (unsigned int up = 1; up < labels && up <= ZONES_ABOVE && !rc; up++) {
		struct dns_name zone = dns_name_parent(name, up);

		dns_name_format(&zone, text);
		rc = store_query(reader, text, on_record, f, err, err_len);
	}
	for (size_t i = 0; i < f->servers_len && !rc; i++)
		rc = store_query(reader, f->servers[i], on_glue, f, err, err_len);
	return rc;
}

/* --- the alerts ------------------------------------------------------------------------------ */

static int index_of(const char *text, const char *(*name_of)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(name_of(i), text))
			return i;
	return 0;
}

static const char *nth_verdict(int i)
{
	return verdict_name((enum verdict)i);
}

static const char *nth_confidence(int i)
{
	return confidence_name((enum confidence)i);
}

static const char *nth_state(int i)
{
	return alert_state_name((enum alert_state)i);
}

static bool on_alert(void *ctx, const struct logged_alert *a)
{
	struct found *f = ctx;
	struct timeline_entry e = {
		.time_ns = a->time_ns,
		.last_ns = a->time_ns,
		.kind = TIMELINE_VERDICT,
		.verdict = (uint8_t)index_of(a->verdict, nth_verdict, VERDICT_DENIED + 1),
		.confidence = (uint8_t)index_of(a->confidence, nth_confidence, CONFIDENCE_HIGH + 1),
		.state = (uint8_t)index_of(a->state, nth_state, ALERT_DOWNGRADED + 1),
		.score = (float)a->score,
		.count = 1,
	};

	timeline_add(&f->e.timeline, &e);
	f->alert.time_ns = a->time_ns;
	buf_reset(&f->json);
	buf_str(&f->json, a->json);
	buf_reset(&f->text);
	buf_str(&f->text, a->text);
	return true;
}

static yajl_val member(yajl_val v, const char *name)
{
	const char *path[] = { name, NULL };

	return v ? yajl_tree_get(v, path, yajl_t_any) : NULL;
}

/* The names of terms are those of this program: others have no profile to be compared with. */
static void add_term(struct alert *a, yajl_val v)
{
	yajl_val name = member(v, "name"), value = member(v, "value"), weight = member(v, "weight");

	const char *text = YAJL_GET_STRING(name);

	if (!text || !YAJL_IS_NUMBER(value) || !YAJL_IS_NUMBER(weight))
		return;
	for (int t = 0; t < TERM_COUNT && a->terms_len < ALERT_TERMS_MAX; t++) {
		struct alert_term *term = &a->terms[a->terms_len];

		if (strcmp(term_weights[t].name, text) != 0)
			continue;
		term->name = term_weights[t].name;
		term->value = strtod(YAJL_GET_NUMBER(value), NULL);
		term->weight = strtod(YAJL_GET_NUMBER(weight), NULL);
		term->contribution = term->value * term->weight;
		a->terms_len++;
		return;
	}
}

/* Terms and vantage out of the event as it was written. */
static void read_alert(struct found *f)
{
	char *copy = f->json.len ? strndup(f->json.bytes, f->json.len) : NULL, problem[64];
	yajl_val root = copy ? yajl_tree_parse(copy, problem, sizeof(problem)) : NULL;
	yajl_val flux = member(root, "flux"), terms = member(flux, "terms");
	yajl_val vantage = member(flux, "vantage");

	for (size_t i = 0; YAJL_IS_ARRAY(terms) && i < YAJL_GET_ARRAY(terms)->len; i++)
		add_term(&f->alert, YAJL_GET_ARRAY(terms)->values[i]);
	f->alert.vantage.ns_visible = YAJL_IS_TRUE(member(vantage, "ns_visible"));
	f->alert.vantage.connects_visible = YAJL_IS_TRUE(member(vantage, "connects_visible"));
	yajl_tree_free(root);
	free(copy);
}

/* --- the command ----------------------------------------------------------------------------- */

static void put_text(const struct found *f, const char *name, struct buf *out)
{
	const struct human_style style = setup_human_style(isatty(STDOUT_FILENO) == 1);

	if (f->text.len)
		buf_add(out, f->text.bytes, f->text.len);
	else
		buf_printf(out, "%s  no verdict on record\n", name);
	human_explained(out, &style, &f->e);
}

static void put_json(const struct found *f, const struct dns_name *name, struct buf *out)
{
	const int utc_offset_s = setup_human_style(false).utc_offset_s;
	size_t len = f->json.len;

	while (len && (f->json.bytes[len - 1] == '\n' || f->json.bytes[len - 1] == '}'))
		if (f->json.bytes[--len] == '}')
			break;
	if (len) {
		buf_add(out, f->json.bytes, len);
	} else {
		json_lit(out, "{\"flux\":{\"domain\":");
		json_name(out, name);
		json_end(out, '}');
		out->len--;
	}
	json_lit(out, ",\"explain\":");
	explain_json(out, utc_offset_s, &f->e);
	json_end(out, '}');
	out->len--;
	buf_char(out, '\n');
}

static void put(struct found *f, const struct dns_name *name, const struct config *config,
		const char *config_path, bool text)
{
	struct buf out = { 0 }, command = { 0 };
	char shown[DNS_NAME_TEXT_MAX];

	dns_name_format(name, shown);
	read_alert(f);
	f->e.alert = &f->alert;
	benign_match(&f->alert, &f->e.benign);
	if (f->json.len)
		f->e.reproduce = reproduce_from_events(&command, config, config_path, NULL, 0, name,
						       f->alert.time_ns, &f->e.no_reproduce);
	if (text)
		put_text(f, shown, &out);
	else
		put_json(f, name, &out);
	if (out.len)
		fwrite(out.bytes, 1, out.len, stdout);
	buf_fini(&out);
	buf_fini(&command);
}

int explain_history(const char *path, const char *name, const struct config *config,
		    const char *config_path, bool text)
{
	struct found *f = calloc(1, sizeof(*f));
	struct store_reader *reader = NULL;
	char err[512] = "out of memory", shown[DNS_NAME_TEXT_MAX];
	struct dns_name wire;
	int rc = f ? 0 : -ENOMEM;

	if (!rc && dns_name_from_text(name, &wire)) {
		snprintf(err, sizeof(err), "'%s' is no domain name", name);
		rc = -EINVAL;
	}
	if (!rc)
		rc = store_reader_open(path, &reader, err, sizeof(err));
	if (!rc)
		rc = read_records(reader, &wire, f, err, sizeof(err));
	if (!rc) {
		dns_name_format(&wire, shown);
		rc = store_alerts(reader, 0, shown, on_alert, f, err, sizeof(err));
	}
	if (!rc && !f->e.timeline.len) {
		snprintf(err, sizeof(err), "%s: nothing is known of %s", path, name);
		rc = -ENODATA;
	}
	if (rc)
		log_error("explain: %s", err);
	else
		put(f, &wire, config, config_path, text);
	store_reader_close(reader);
	if (f) {
		buf_fini(&f->json);
		buf_fini(&f->text);
	}
	free(f);
	return rc;
}
