// SPDX-License-Identifier: BSD-2-Clause
/* Events in, a judgement out. The event stream is the only thing the judgement rests on. */
#include "lab/lab_watch.h"

#include <stdarg.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "lab/lab_cgroup.h"

#define DISTINCT_WANTED	   10
#define NAMESERVERS_WANTED 4 /* more than any one answer of the parent zone holds */

/* --- reading JSON --------------------------------------------------------------------------- */

static yajl_val find(yajl_val v, const char *a, const char *b, const char *c, yajl_type type)
{
	const char *path[] = { a, b, c, NULL };

	return yajl_tree_get(v, path, type);
}

/* "" when absent. */
static const char *text_of(yajl_val v)
{
	return YAJL_IS_STRING(v) ? v->u.string : "";
}

static long long number_of(yajl_val v)
{
	return YAJL_IS_INTEGER(v) ? v->u.number.i : 0;
}

static size_t length_of(yajl_val v)
{
	return YAJL_IS_ARRAY(v) ? v->u.array.len : 0;
}

/* --- alerts --------------------------------------------------------------------------------- */

static void show_networks(FILE *out, yajl_val asns)
{
	for (size_t i = 0; i < length_of(asns); i++)
		fprintf(out, "%s AS%lld %s", i ? "," : "",
			number_of(find(asns->u.array.values[i], "asn", NULL, NULL, yajl_t_number)),
			text_of(find(asns->u.array.values[i], "name", NULL, NULL, yajl_t_string)));
}

#define ID_MAX	 256
#define ID_SHOWN 12 /* as container tools abbreviate their ids */

/* @max: characters shown. */
static void show_named(FILE *out, const char *label, yajl_val v, int max)
{
	if (YAJL_IS_STRING(v))
		fprintf(out, "%s%.*s", label, max, v->u.string);
}

static void show_parties(FILE *out, yajl_val flux)
{
	yajl_val hosts = find(flux, "hosts", NULL, NULL, yajl_t_array);
	yajl_val procs = find(flux, "processes", NULL, NULL, yajl_t_array);

	for (size_t i = 0; i < length_of(hosts); i++) {
		yajl_val h = hosts->u.array.values[i];

		fprintf(out, "         host %s", text_of(find(h, "ip", NULL, NULL, yajl_t_string)));
		show_named(out, " ", find(h, "mac", NULL, NULL, yajl_t_string), ID_MAX);
		fprintf(out, ", %lld connections\n",
			number_of(find(h, "connects", NULL, NULL, yajl_t_number)));
	}
	for (size_t i = 0; i < length_of(procs); i++) {
		yajl_val p = procs->u.array.values[i];

		fprintf(out, "         process %lld %s",
			number_of(find(p, "pid", NULL, NULL, yajl_t_number)),
			text_of(find(p, "exe", NULL, NULL, yajl_t_string)));
		show_named(out, ", unit ", find(p, "unit", NULL, NULL, yajl_t_string), ID_MAX);
		show_named(out, ", container ", find(p, "container_id", NULL, NULL, yajl_t_string),
			   ID_SHOWN);
		fprintf(out, ", %lld connections, %lld failed\n",
			number_of(find(p, "connects", NULL, NULL, yajl_t_number)),
			number_of(find(p, "failures", NULL, NULL, yajl_t_number)));
	}
}

static void show_terms(FILE *out, yajl_val terms)
{
	fputs("         because", out);
	for (size_t i = 0; i < length_of(terms); i++) {
		yajl_val t = terms->u.array.values[i];
		yajl_val c = find(t, "contribution", NULL, NULL, yajl_t_number);

		if (YAJL_IS_NUMBER(c) && (c->u.number.d > 0.05 || c->u.number.d < -0.05))
			fprintf(out, " %s %+.1f",
				text_of(find(t, "name", NULL, NULL, yajl_t_string)), c->u.number.d);
	}
	fputc('\n', out);
}

static void show_alert(FILE *out, yajl_val flux, unsigned int elapsed_s)
{
	yajl_val servers = find(flux, "evidence", "nameservers", NULL, yajl_t_array);
	yajl_val score = find(flux, "score", NULL, NULL, yajl_t_number);

	fprintf(out, "[%4u s] %s: %s, confidence %s, score %.1f (%s)\n", elapsed_s,
		text_of(find(flux, "domain", NULL, NULL, yajl_t_string)),
		text_of(find(flux, "verdict", NULL, NULL, yajl_t_string)),
		text_of(find(flux, "confidence", NULL, NULL, yajl_t_string)),
		YAJL_IS_NUMBER(score) ? score->u.number.d : 0,
		text_of(find(flux, "state", NULL, NULL, yajl_t_string)));
	fprintf(out, "         %lld addresses in",
		number_of(find(flux, "evidence", "distinct_ips", NULL, yajl_t_number)));
	show_networks(out, find(flux, "evidence", "asns", NULL, yajl_t_array));
	fputc('\n', out);
	for (size_t i = 0; i < length_of(servers); i++)
		fprintf(out, "%s%s%s", i ? ", " : "         name servers ",
			text_of(find(servers->u.array.values[i], "name", NULL, NULL,
				     yajl_t_string)),
			i + 1 == length_of(servers) ? "\n" : "");
	show_parties(out, flux);
	show_terms(out, find(flux, "terms", NULL, NULL, yajl_t_array));
	fflush(out);
}

static bool is_medium_or_high(const char *confidence)
{
	return strcmp(confidence, "medium") == 0 || strcmp(confidence, "high") == 0;
}

/* Is @name one of the lab's names, or its registered domain? */
static bool is_of(const char *lab_name, const char *name)
{
	return strcmp(lab_name, name) == 0 || strcmp(strchr(lab_name, '.') + 1, name) == 0;
}

static bool is_text(yajl_val object, const char *key, const char *wanted)
{
	return strcmp(text_of(find(object, key, NULL, NULL, yajl_t_string)), wanted) == 0;
}

/* On the gateway a client is known by its address and MAC. */
static bool is_client(const struct lab_watch *w, yajl_val host)
{
	return is_text(host, "ip", LAB_CLIENT_IP) &&
	       (w->scenario == LAB_HOST || is_text(host, "mac", LAB_CLIENT_MAC));
}

/* On the host the process is known with what started it. */
static bool is_updater(const struct lab_watch *w, yajl_val process)
{
	return number_of(find(process, "pid", NULL, NULL, yajl_t_number)) == w->client_pid &&
	       is_text(process, "exe", w->client_exe) &&
	       (w->scenario != LAB_HOST || (is_text(process, "unit", LAB_UNIT) &&
					    is_text(process, "container_id", LAB_CONTAINER)));
}

static void read_parties(struct lab_watch *w, yajl_val flux)
{
	yajl_val hosts = find(flux, "hosts", NULL, NULL, yajl_t_array);
	yajl_val procs = find(flux, "processes", NULL, NULL, yajl_t_array);

	for (size_t i = 0; i < length_of(hosts); i++)
		w->has_host |= is_client(w, hosts->u.array.values[i]);
	for (size_t i = 0; i < length_of(procs); i++)
		w->has_process |= is_updater(w, procs->u.array.values[i]);
}

static void read_rotating(struct lab_watch *w, yajl_val flux)
{
	const char *wanted = w->scenario == LAB_DOUBLE ? "double-flux" : "single-flux";
	const char *verdict = text_of(find(flux, "verdict", NULL, NULL, yajl_t_string));
	const char *confidence = text_of(find(flux, "confidence", NULL, NULL, yajl_t_string));
	long long ips = number_of(find(flux, "evidence", "distinct_ips", NULL, yajl_t_number));
	size_t servers = length_of(find(flux, "evidence", "nameservers", NULL, yajl_t_array));

	snprintf(w->verdict, sizeof(w->verdict), "%s", verdict);
	snprintf(w->confidence, sizeof(w->confidence), "%s", confidence);
	w->has_verdict |= strcmp(verdict, wanted) == 0 && is_medium_or_high(confidence);
	if (ips > w->distinct_ips)
		w->distinct_ips = (unsigned int)ips;
	if (servers > w->nameservers)
		w->nameservers = (unsigned int)servers;
	read_parties(w, flux);
}

static void read_alert(struct lab_watch *w, yajl_val event, unsigned int elapsed_s)
{
	yajl_val flux = find(event, "flux", NULL, NULL, yajl_t_object);
	const char *domain = text_of(find(flux, "domain", NULL, NULL, yajl_t_string));
	const char *confidence = text_of(find(flux, "confidence", NULL, NULL, yajl_t_string));

	if (!flux)
		return;
	if (w->out)
		show_alert(w->out, flux, elapsed_s);
	if (is_of(LAB_FLUX_NAME, domain))
		read_rotating(w, flux);
	for (int i = 0; i < LAB_COMPANY; i++)
		if (is_of(lab_company[i], domain) && is_medium_or_high(confidence))
			snprintf(w->company_flagged[i], sizeof(w->company_flagged[i]), "%s, %s",
				 text_of(find(flux, "verdict", NULL, NULL, yajl_t_string)),
				 confidence);
}

/* --- the other events ----------------------------------------------------------------------- */

static void read_dns(struct lab_watch *w, yajl_val event)
{
	yajl_val queries = find(event, "dns", "queries", NULL, yajl_t_array);

	for (size_t q = 0; q < length_of(queries); q++)
		for (int i = 0; i < LAB_COMPANY; i++)
			w->company_seen[i] +=
				strcmp(text_of(find(queries->u.array.values[q], "rrname", NULL,
						    NULL, yajl_t_string)),
				       lab_company[i]) == 0;
}

static void read_stats(struct lab_watch *w, yajl_val event)
{
	yajl_val balanced = find(event, "stats", "balanced", NULL, yajl_t_any);

	if (!balanced)
		balanced = find(event, "stats", "ledger", "balanced", yajl_t_any);
	w->has_stats = true;
	w->is_balanced = YAJL_IS_TRUE(balanced);
}

static void read_line(struct lab_watch *w, const char *line, unsigned int elapsed_s)
{
	yajl_val event = yajl_tree_parse(line, NULL, 0);
	const char *type;

	if (!event) {
		w->bad_lines++;
		return;
	}
	w->events++;
	type = text_of(find(event, "event_type", NULL, NULL, yajl_t_string));
	if (strcmp(type, "alert") == 0)
		read_alert(w, event, elapsed_s);
	else if (strcmp(type, "dns") == 0)
		read_dns(w, event);
	else if (strcmp(type, "stats") == 0)
		read_stats(w, event);
	yajl_tree_free(event);
}

void lab_watch_init(struct lab_watch *w, enum lab_scenario scenario, FILE *out)
{
	memset(w, 0, sizeof(*w));
	w->scenario = scenario;
	w->out = out;
}

void lab_watch_explained(struct lab_watch *w, int i, const char *reply)
{
	yajl_val event = yajl_tree_parse(reply, NULL, 0);
	yajl_val score = find(event, "flux", "score", NULL, yajl_t_number);

	if (YAJL_IS_NUMBER(score))
		snprintf(w->company_score[i], sizeof(w->company_score[i]), ", score %.1f",
			 YAJL_GET_DOUBLE(score));
	yajl_tree_free(event);
}

void lab_watch_fini(struct lab_watch *w)
{
	buf_fini(&w->line);
}

void lab_watch_feed(struct lab_watch *w, const char *bytes, size_t len, unsigned int elapsed_s)
{
	for (const char *end; len && (end = memchr(bytes, '\n', len));) {
		size_t n = (size_t)(end - bytes) + 1;

		buf_add(&w->line, bytes, n - 1);
		buf_char(&w->line, '\0');
		if (!w->line.failed)
			read_line(w, w->line.bytes, elapsed_s);
		buf_reset(&w->line);
		bytes += n;
		len -= n;
	}
	buf_add(&w->line, bytes, len);
}

/* --- judgement ------------------------------------------------------------------------------ */

static bool has_nameservers(const struct lab_watch *w)
{
	return w->scenario != LAB_DOUBLE || w->nameservers >= NAMESERVERS_WANTED;
}

bool lab_watch_is_complete(const struct lab_watch *w)
{
	return w->has_verdict && w->distinct_ips >= DISTINCT_WANTED && w->has_process &&
	       w->has_host && has_nameservers(w);
}

static unsigned int tell(FILE *out, bool came, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static unsigned int tell(FILE *out, bool came, const char *fmt, ...)
{
	va_list ap;

	fputs(came ? "ok      " : "not ok  ", out);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fputc('\n', out);
	return !came;
}

static unsigned int report_company(const struct lab_watch *w, FILE *out)
{
	unsigned int failed = 0;

	for (int i = 0; i < LAB_COMPANY; i++) {
		if (*w->company_flagged[i])
			failed += tell(out, false, "%s is harmless, but was flagged: %s%s",
				       lab_company[i], w->company_flagged[i], w->company_score[i]);
		else
			failed += tell(out, w->company_seen[i] > 0,
				       "%s: seen %llu times, not flagged%s", lab_company[i],
				       (unsigned long long)w->company_seen[i], w->company_score[i]);
	}
	return failed;
}

unsigned int lab_watch_report(const struct lab_watch *w, FILE *out, bool stopped_well)
{
	unsigned int failed = 0;

	failed += tell(out, w->has_verdict, "%s: %s%s%s", LAB_FLUX_NAME,
		       *w->verdict ? w->verdict : "no alert", *w->verdict ? ", confidence " : "",
		       w->confidence);
	failed += tell(out, w->distinct_ips >= DISTINCT_WANTED,
		       "evidence: %u distinct addresses, at least %d wanted", w->distinct_ips,
		       DISTINCT_WANTED);
	if (w->scenario == LAB_DOUBLE)
		failed += tell(out, has_nameservers(w),
			       "evidence: %u name servers, at least %d wanted", w->nameservers,
			       NAMESERVERS_WANTED);
	if (w->scenario == LAB_HOST)
		failed += tell(out, w->has_process,
			       "process: pid %lld, %s, unit " LAB_UNIT ", container %.12s",
			       (long long)w->client_pid, w->client_exe, LAB_CONTAINER);
	else
		failed += tell(out, w->has_process, "process: pid %lld, %s",
			       (long long)w->client_pid, w->client_exe);
	failed += tell(out, w->has_host, "host: " LAB_CLIENT_IP "%s",
		       w->scenario == LAB_HOST ? "" : " " LAB_CLIENT_MAC);
	failed += report_company(w, out);
	failed += tell(out, w->has_stats && w->is_balanced, "loss ledger balances");
	failed += tell(out, w->bad_lines == 0 && stopped_well,
		       "monitor ended when told to; %llu events, %llu damaged lines",
		       (unsigned long long)w->events, (unsigned long long)w->bad_lines);
	return failed;
}
