// SPDX-License-Identifier: BSD-2-Clause
/*
 * Stories: text files with a virtual clock, told to the join and the detector, and what must come
 * of them.  Every tests/scenario/NAME.story is one test.  A line:
 *
 *	; a comment
 *	set KEY=VALUE			home=PREFIX, allow="LINE", deny="LINE" (lines of a list),
 *					hours=N of earlier life without any verdict's cap
 *	asn START END NUMBER NAME	a network
 *	at TIME EVENT			TIME: 90s, 5m, 2h, 3d
 *	every STEP from TIME until TIME EVENT
 *	expect alert NAME KEY(=|>=)VALUE …	verdict, confidence, state, ips, ns, processes,
 *					hosts, members, home, by (TIME), suppressed
 *	expect no alert NAME		none of medium or above that is not suppressed
 *	expect churn NAME addresses=N
 *
 *	EVENT ({n} in it: how often it was told before): response NAME ttl=N A… [cname=NAME]
 *[server=IP] [client=IP] [ns=NAME/IP,…] connect CLIENT DST:PORT [pid=N exe=PATH] [udp] [fail]
 *
 * An address may be a choice made anew at each event: 2/12@198.19.0.0/16 stands for two of
 * twelve addresses spread evenly over the prefix, ~2/12@… for the two whose turn it is.  In
 * connect, last(NAME) is an address of the name's latest answer.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "correlate/correlate.h"
#include "detect/config.h"
#include "detect/detector.h"
#include "dns/name.h"

#define NS     1000000000ULL
#define T0_NS  (1800000000ULL * NS)
#define EVENTS 4096
#define WORDS  32
#define NAMES  64

struct event {
	double from_s, until_s, step_s;
	unsigned int told, line;
	char text[256];
};

struct seen { /* what became of a name */
	char name[256];
	struct alert last; /* of medium or above, not suppressed */
	bool alerted, suppressed;
	double first_s;
	unsigned int states[3], distinct, homes;
	struct ip_addr latest[16];
	size_t latest_len;
};

struct story {
	const char *path;
	struct event *events;
	size_t events_len;
	char (*expects)[256];
	size_t expects_len;
	struct seen *seen;
	size_t seen_len;
	struct detector *d;
	struct correlator *c;
	char asn_path[64], allow_path[64], deny_path[64];
	FILE *asn, *allow, *deny;
	const char *home[4];
	size_t home_len;
	uint64_t random;
	unsigned int failures;
	double end_s;
};

static void fail(struct story *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# %s: ", s->path);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	s->failures++;
}

static double seconds(const char *text)
{
	char *unit;
	double n = strtod(text, &unit);

	return n * (*unit == 'm' ? 60 : *unit == 'h' ? 3600 : *unit == 'd' ? 86400 : 1);
}

static struct seen *seen_of(struct story *s, const char *name)
{
	for (size_t i = 0; i < s->seen_len; i++)
		if (strcmp(s->seen[i].name, name) == 0)
			return &s->seen[i];
	if (s->seen_len == NAMES) {
		fail(s, "more than %d names", NAMES);
		return &s->seen[0];
	}
	snprintf(s->seen[s->seen_len].name, sizeof(s->seen[0].name), "%s", name);
	return &s->seen[s->seen_len++];
}

static struct seen *seen_name(struct story *s, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];

	dns_name_format(name, text);
	return seen_of(s, text);
}

static void on_alert(void *ctx, const struct alert *a)
{
	struct story *s = ctx;
	struct seen *seen = seen_name(s, &a->domain);

	seen->homes += a->is_home_node_alert;
	seen->states[a->state]++;
	seen->suppressed |= a->suppressed_by[0] != '\0';
	if (a->state == ALERT_DOWNGRADED || a->confidence < CONFIDENCE_MEDIUM)
		return;
	if (!seen->alerted)
		seen->first_s = (double)(a->time_ns - T0_NS) / 1e9;
	seen->alerted = true;
	seen->last = *a;
}

static void on_churn(void *ctx, const struct churn_change *c)
{
	seen_name(ctx, c->rrname)->distinct = c->distinct;
}

/* --- events ------------------------------------------------------------------------------ */

static struct ip_addr nth(const struct ip_prefix *p, uint32_t i, uint32_t of)
{
	struct ip_addr a = p->addr;
	uint64_t size = 1ULL << (128 - p->bits > 40 ? 40 : 128 - p->bits);
	uint64_t offset = size / of * i + 1;
	unsigned int at = p->bits <= 64 ? 7 : 15; /* IPv6: choose the /64 */

	for (; offset && at < 16; at--, offset >>= 8) {
		a.b[at] = (uint8_t)(a.b[at] + (offset & 255));
		if (!at)
			break;
	}
	return a;
}

static size_t choose(struct story *s, const char *text, unsigned int turn, struct ip_addr *ret)
{
	bool in_turn = *text == '~';
	unsigned int k, n;
	char prefix[64];
	struct ip_prefix p;

	if (sscanf(text + in_turn, "%u/%u@%63s", &k, &n, prefix) != 3) {
		if (ip_parse(text, ret)) {
			fail(s, "\"%s\" is no address", text);
			return 0;
		}
		return 1;
	}
	if (ip_prefix_parse(prefix, &p) || k > 16 || !n || k > n) {
		fail(s, "\"%s\" is no choice of addresses", text);
		return 0;
	}
	for (unsigned int i = 0; i < k; i++) {
		s->random += 0x9e3779b97f4a7c15ULL;
		ret[i] = nth(&p, in_turn ? (turn * k + i) % n : (uint32_t)(hash_mix(s->random) % n),
			     n);
	}
	return k;
}

static void tell_response(struct story *s, char **word, size_t n, double at_s, unsigned int turn)
{
	static struct dns_name names[24];
	struct dns_obs_record rr[48] = { 0 };
	struct dns_observation obs = { .time_ns = T0_NS + (uint64_t)(at_s * 1e9),
				       .qclass = 1,
				       .qtype = DNS_TYPE_A,
				       .has_authority = true,
				       .qname = &names[0],
				       .records = rr };
	struct dns_name *owner = &names[0];
	struct seen *seen = seen_of(s, word[1]);
	size_t used = 3;
	uint32_t ttl = 60;

	dns_name_from_text(word[1], &names[0]);
	names[1] = dns_name_parent(&names[0], dns_name_labels(&names[0]) - 2);
	ip_parse("198.18.200.53", &obs.server);
	ip_parse("198.18.200.1", &obs.client);
	seen->latest_len = 0;
	for (size_t i = 2; i < n; i++) {
		if (strncmp(word[i], "ttl=", 4) == 0) {
			ttl = (uint32_t)atoi(word[i] + 4);
		} else if (strncmp(word[i], "server=", 7) == 0) {
			ip_parse(word[i] + 7, &obs.server);
		} else if (strncmp(word[i], "client=", 7) == 0) {
			ip_parse(word[i] + 7, &obs.client);
		} else if (strncmp(word[i], "cname=", 6) == 0) {
			dns_name_from_text(word[i] + 6, &names[2]);
			rr[obs.records_len++] = (struct dns_obs_record){ .owner = owner,
									 .target = &names[2],
									 .ttl_s = 300,
									 .type = DNS_TYPE_CNAME };
			owner = &names[2];
		} else if (strncmp(word[i], "ns=", 3) == 0) {
			char *slash = strchr(word[i], '/');
			struct ip_addr glue;

			*slash = '\0';
			dns_name_from_text(word[i] + 3, &names[used]);
			if (choose(s, slash + 1, turn, &glue) != 1)
				continue;
			rr[obs.records_len++] = (struct dns_obs_record){ .owner = &names[1],
									 .target = &names[used],
									 .ttl_s = ttl,
									 .type = DNS_TYPE_NS,
									 .section = DNS_AUTHORITY };
			rr[obs.records_len++] =
				(struct dns_obs_record){ .owner = &names[used],
							 .addr = glue,
							 .ttl_s = ttl,
							 .type = ip_is_v4(&glue) ? DNS_TYPE_A
										 : DNS_TYPE_AAAA,
							 .section = DNS_ADDITIONAL };
			used++;
		} else {
			size_t k = choose(s, word[i], turn, seen->latest + seen->latest_len);

			for (size_t j = 0; j < k; j++) {
				struct ip_addr a = seen->latest[seen->latest_len++];

				rr[obs.records_len++] = (struct dns_obs_record){
					.owner = owner,
					.addr = a,
					.ttl_s = ttl,
					.type = ip_is_v4(&a) ? DNS_TYPE_A : DNS_TYPE_AAAA
				};
				obs.qtype = ip_is_v4(&a) ? DNS_TYPE_A : DNS_TYPE_AAAA;
			}
		}
	}
	correlator_response(s->c, &obs);
	detector_response(s->d, &obs);
}

static void tell_connect(struct story *s, char **word, size_t n, double at_s, unsigned int turn)
{
	struct connection conn = { .time_ns = T0_NS + (uint64_t)(at_s * 1e9),
				   .source = CONNECTION_LOCAL,
				   .state = CONNECTION_OK,
				   .proto = IPPROTO_TCP,
				   .sport = (uint16_t)(20000 + turn % 40000) };
	char *port = strrchr(word[2], ':');

	if (!port || ip_parse(word[1], &conn.src)) {
		fail(s, "connect wants CLIENT DST:PORT");
		return;
	}
	*port = '\0';
	conn.dport = (uint16_t)atoi(port + 1);
	if (strncmp(word[2], "last(", 5) == 0) {
		struct seen *seen;

		word[2][strlen(word[2]) - 1] = '\0';
		seen = seen_of(s, word[2] + 5);
		if (!seen->latest_len)
			return;
		conn.dst = seen->latest[turn % seen->latest_len];
	} else if (choose(s, word[2], turn, &conn.dst) != 1) {
		return;
	}
	for (size_t i = 3; i < n; i++) {
		if (strcmp(word[i], "fail") == 0) {
			conn.state = CONNECTION_FAILED;
			conn.err = ECONNREFUSED;
		} else if (strcmp(word[i], "udp") == 0) {
			conn.proto = IPPROTO_UDP;
		} else if (strncmp(word[i], "pid=", 4) == 0) {
			conn.has_process = true;
			conn.process.pid = (uint32_t)atoi(word[i] + 4);
		} else if (strncmp(word[i], "exe=", 4) == 0) {
			conn.process.exe = word[i] + 4;
		}
	}
	correlator_connection(s->c, &conn);
	detector_connection(s->d, &conn);
}

static size_t split(char *text, char **word)
{
	char *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " \t\n", &save); w && n < WORDS;
	     w = strtok_r(NULL, " \t\n", &save))
		word[n++] = w;
	return n;
}

/* The event's text with {n} replaced by how often it was told. */
static void number(char *out, size_t len, const struct event *e)
{
	const char *at = strstr(e->text, "{n}");

	if (at)
		snprintf(out, len, "%.*s%u%s", (int)(at - e->text), e->text, e->told, at + 3);
	else
		snprintf(out, len, "%s", e->text);
}

static void tell(struct story *s, struct event *e, double at_s)
{
	char copy[256], *word[WORDS];
	size_t n;

	number(copy, sizeof(copy), e);
	n = split(copy, word);
	if (n >= 3 && strcmp(word[0], "response") == 0)
		tell_response(s, word, n, at_s, e->told);
	else if (n >= 3 && strcmp(word[0], "connect") == 0)
		tell_connect(s, word, n, at_s, e->told);
	else
		fail(s, "line %u: unknown event", e->line);
}

/* All events in the order of time; equal times in the order of the file. */
static void tell_all(struct story *s)
{
	for (;;) {
		struct event *next = NULL;
		double at_s = INFINITY;

		for (size_t i = 0; i < s->events_len; i++) {
			struct event *e = &s->events[i];
			double t = e->from_s + e->told * e->step_s;

			if (t <= e->until_s && t < at_s && (!e->told || e->step_s > 0)) {
				at_s = t;
				next = e;
			}
		}
		if (!next)
			return;
		tell(s, next, at_s);
		s->end_s = at_s;
		next->told++;
	}
}

/* --- expectations ------------------------------------------------------------------------ */

static double measure(const struct seen *seen, const char *key, const char **ret_text)
{
	const struct alert *a = &seen->last;

	*ret_text = NULL;
	if (strcmp(key, "verdict") == 0)
		*ret_text = verdict_name(a->verdict);
	else if (strcmp(key, "confidence") == 0)
		return a->confidence;
	else if (strcmp(key, "ips") == 0)
		return a->evidence.distinct_ips;
	else if (strcmp(key, "ns") == 0)
		return (double)a->evidence.nameservers_len;
	else if (strcmp(key, "processes") == 0)
		return (double)a->processes_len;
	else if (strcmp(key, "exe") == 0)
		*ret_text = a->processes[0].exe;
	else if (strcmp(key, "hosts") == 0)
		return (double)a->hosts_len;
	else if (strcmp(key, "members") == 0)
		return (double)a->members_len;
	else if (strcmp(key, "home") == 0)
		return seen->homes;
	else if (strcmp(key, "by") == 0)
		return seen->first_s;
	else if (strcmp(key, "raised") == 0)
		return seen->states[ALERT_RAISED];
	else if (strcmp(key, "downgraded") == 0)
		return seen->states[ALERT_DOWNGRADED];
	return NAN;
}

static double wanted(const char *key, const char *text)
{
	static const char *const levels[] = { "none", "low", "medium", "high" };

	for (unsigned int i = 0; i < 4 && strcmp(key, "confidence") == 0; i++)
		if (strcmp(text, levels[i]) == 0)
			return i;
	return seconds(text);
}

static void explain(struct story *s, const char *text)
{
	struct alert *a = calloc(1, sizeof(*a));
	struct dns_name name;

	if (a && !dns_name_from_text(text, &name) &&
	    !detector_explain(s->d, &name, T0_NS + (uint64_t)(s->end_s * 1e9), a)) {
		printf("#   %s score %.2f, %u fresh sets, %u changes:", verdict_name(a->verdict),
		       a->score, a->evidence.fresh_sets, a->evidence.changes);
		for (size_t i = 0; i < a->terms_len; i++)
			if (a->terms[i].contribution != 0)
				printf(" %s=%+.2f", a->terms[i].name, a->terms[i].contribution);
		printf("\n");
	}
	free(a);
}

static void check_alert(struct story *s, char **word, size_t n)
{
	const struct seen *seen = seen_of(s, word[2]);

	if (!seen->alerted) {
		fail(s, "no alert for %s", word[2]);
		explain(s, word[2]);
		return;
	}
	for (size_t i = 3; i < n; i++) {
		char *op = strpbrk(word[i], "<>="), *value;
		const char *text;
		double have;
		char which;

		if (!op) {
			fail(s, "\"%s\" is no condition", word[i]);
			continue;
		}
		which = *op;
		value = op + (op[1] == '=' ? 2 : 1);
		*op = '\0';
		have = measure(seen, word[i], &text);
		if (text	   ? strcmp(text, value) != 0
		    : which == '>' ? !(have >= wanted(word[i], value))
		    : which == '<' ? !(have <= wanted(word[i], value))
				   : have != wanted(word[i], value))
			fail(s, "%s: %s is %s%g, expected %c %s", word[2], word[i],
			     text ? text : "", text ? 0 : have, which, value);
	}
}

static void check(struct story *s, char *line)
{
	char *word[WORDS];
	size_t n = split(line, word);

	if (n >= 3 && strcmp(word[1], "alert") == 0)
		check_alert(s, word, n);
	else if (n == 4 && strcmp(word[1], "no") == 0) {
		if (seen_of(s, word[3])->alerted)
			fail(s, "alert for %s (score %.2f)", word[3],
			     seen_of(s, word[3])->last.score);
	} else if (n == 3 && strcmp(word[1], "suppressed") == 0) {
		if (!seen_of(s, word[2])->suppressed)
			fail(s, "nothing suppressed for %s", word[2]);
	} else if (n == 4 && strcmp(word[1], "churn") == 0) {
		if (seen_of(s, word[2])->distinct != (unsigned int)atoi(word[3] + 10))
			fail(s, "%s: %u addresses, expected %s", word[2],
			     seen_of(s, word[2])->distinct, word[3] + 10);
	} else {
		fail(s, "unknown expectation");
	}
}

/* --- reading ----------------------------------------------------------------------------- */

static void add_event(struct story *s, const char *text, double from_s, double until_s,
		      double step_s, unsigned int line)
{
	struct event *e = &s->events[s->events_len];

	if (s->events_len == EVENTS) {
		fail(s, "more than %d events", EVENTS);
		return;
	}
	*e = (struct event){ .from_s = from_s, .until_s = until_s, .step_s = step_s, .line = line };
	snprintf(e->text, sizeof(e->text), "%s", text);
	s->events_len++;
}

static FILE *temporary(char *path, size_t len, const char *what)
{
	int fd;

	snprintf(path, len, "/tmp/fluxtap-%s-XXXXXX", what);
	fd = mkstemp(path);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static void take_line(struct story *s, char *line, unsigned int number)
{
	char a[64], b[64], c[64], d[64];
	int at = 0;

	if (sscanf(line, "at %63s %n", a, &at) == 1 && at)
		add_event(s, line + at, seconds(a), seconds(a), 0, number);
	else if (sscanf(line, "every %63s from %63s until %63s %n", a, b, c, &at) == 3 && at)
		add_event(s, line + at, seconds(b), seconds(c), seconds(a), number);
	else if (sscanf(line, "asn %63s %63s %63s %63s", a, b, c, d) == 4)
		fprintf(s->asn, "%s,%s,%s,%s\n", a, b, c, d);
	else if (sscanf(line, "home %63s", a) == 1 && s->home_len < 4)
		s->home[s->home_len++] = strdup(a);
	else if (strncmp(line, "allow ", 6) == 0)
		fprintf(s->allow, "%s", line + 6);
	else if (strncmp(line, "deny ", 5) == 0)
		fprintf(s->deny, "%s", line + 5);
	else if (strncmp(line, "expect ", 7) == 0 && s->expects_len < 64)
		snprintf(s->expects[s->expects_len++], 256, "%s", line);
	else
		fail(s, "line %u: not understood", number);
}

static bool read_story(struct story *s)
{
	FILE *f = fopen(s->path, "r");
	char line[256];
	unsigned int number = 0;

	if (!f) {
		fail(s, "%s", strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (line[0] != ';' && line[0] != '\n')
			take_line(s, line, number);
	}
	fclose(f);
	return true;
}

static void run_story(struct story *s)
{
	static const struct detector_ops ops = { .churn = on_churn, .alert = on_alert };
	static const char *const special[] = { "198.18.0.0/15", "2001:db8::/32" };
	char source[80];
	const char *sources[] = { source }, *allow[] = { s->allow_path },
		   *deny[] = { s->deny_path };
	struct detect_config cfg = detect_config_default();
	struct correlate_config join = correlate_config_default();
	struct enrich *enrich = NULL;

	cfg.memory_bytes = 8 << 20;
	cfg.count_special = (struct config_list){ special, 2 };
	cfg.home_networks = (struct config_list){ s->home, s->home_len };
	cfg.allow_lists = (struct config_list){ allow, 1 };
	cfg.deny_lists = (struct config_list){ deny, 1 };
	snprintf(source, sizeof(source), "csv:%s", s->asn_path);
	if (enrich_open(sources, 1, &enrich) || correlator_new(&join, &hash_key_fixed, &s->c) ||
	    detector_new(&cfg, enrich, &hash_key_fixed, &ops, s, &s->d)) {
		fail(s, "cannot set up");
		return;
	}
	tell_all(s);
	for (size_t i = 0; i < s->expects_len; i++)
		check(s, s->expects[i]);
	detector_free(s->d);
	correlator_free(s->c);
	enrich_close(enrich);
}

static bool play(const char *path)
{
	struct story s = { .path = path, .random = 1 };
	unsigned int failures;

	s.events = calloc(EVENTS, sizeof(*s.events));
	s.expects = calloc(64, sizeof(*s.expects));
	s.seen = calloc(NAMES, sizeof(*s.seen));
	s.asn = temporary(s.asn_path, sizeof(s.asn_path), "asn");
	s.allow = temporary(s.allow_path, sizeof(s.allow_path), "allow");
	s.deny = temporary(s.deny_path, sizeof(s.deny_path), "deny");
	if (!s.events || !s.expects || !s.seen || !s.asn || !s.allow || !s.deny)
		fail(&s, "out of memory or of files");
	else if (read_story(&s)) {
		fclose(s.asn), fclose(s.allow), fclose(s.deny);
		if (!s.expects_len)
			fail(&s, "expects nothing");
		if (!s.failures)
			run_story(&s);
	}
	failures = s.failures;
	unlink(s.asn_path), unlink(s.allow_path), unlink(s.deny_path);
	for (size_t i = 0; i < s.home_len; i++)
		free((char *)s.home[i]);
	free(s.events), free(s.expects), free(s.seen);
	return failures == 0;
}

static int is_story(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 6 && strcmp(e->d_name + n - 6, ".story") == 0;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "tests/scenario";
	struct dirent **list;
	int n = scandir(dir, &list, is_story, alphasort), failed = 0;

	if (n <= 0) {
		printf("not ok 1 - no stories in %s\n", dir);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		char path[512];
		bool ok;

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		ok = play(path);
		failed += !ok;
		printf("%sok %d - %s\n", ok ? "" : "not ", i + 1, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return failed > 0;
}
