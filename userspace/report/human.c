// SPDX-License-Identifier: BSD-2-Clause
/* Lines for people: the parts that all share, and the one-line events. */
#include "report/human.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "dns/text.h"

#define LISTED_MAX 4 /* addresses in a one-line event */

void human_text(struct buf *out, const char *text)
{
	const uint8_t *s = (const uint8_t *)text, *end;

	if (!text)
		return;
	for (end = s + strlen(text); s < end;) {
		size_t n = utf8_length(s, (size_t)(end - s));
		bool control = *s < 0x20 || *s == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);

		if (!n || control)
			buf_char(out, '?');
		else
			buf_add(out, s, n);
		s += n ? n : 1;
	}
}

static void broken_down(const struct human_style *style, uint64_t time_ns, struct tm *ret)
{
	time_t t = (time_t)(time_ns / 1000000000U) + style->utc_offset_s;

	gmtime_r(&t, ret);
}

void human_time(struct buf *out, const struct human_style *style, uint64_t time_ns)
{
	char text[32];
	struct tm tm;

	broken_down(style, time_ns, &tm);
	buf_add(out, text, strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm));
}

void human_clock(struct buf *out, const struct human_style *style, uint64_t time_ns)
{
	struct tm tm;

	broken_down(style, time_ns, &tm);
	buf_printf(out, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		   (unsigned int)(time_ns / 1000000U % 1000U));
}

static void add_name(struct buf *out, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];

	buf_add(out, text, dns_name_format(name, text));
}

static void add_ip(struct buf *out, const struct ip_addr *addr)
{
	char text[IP_TEXT_MAX];

	buf_str(out, ip_format(addr, text));
}

static bool is_listed(const struct dns_obs_record *r)
{
	return r->section == DNS_ANSWER;
}

static void add_answer(struct buf *out, const struct dns_obs_record *r)
{
	if (r->target)
		add_name(out, r->target);
	else
		add_ip(out, &r->addr);
}

static void add_answers(struct buf *out, const struct dns_observation *obs)
{
	size_t n = 0;

	for (size_t i = 0; i < obs->records_len; i++) {
		if (!is_listed(&obs->records[i]))
			continue;
		if (n < LISTED_MAX) {
			buf_str(out, n ? ", " : "  ");
			add_answer(out, &obs->records[i]);
		}
		n++;
	}
	if (n > LISTED_MAX)
		buf_printf(out, " and %zu more", n - LISTED_MAX);
	if (n && obs->ttl_max)
		buf_printf(out, "  ttl %u", obs->ttl_max);
}

void human_dns(struct buf *out, const struct human_style *style, const struct dns_observation *obs)
{
	char type[16], rcode[16];

	human_clock(out, style, obs->time_ns);
	buf_str(out, "  ");
	add_ip(out, &obs->client);
	buf_str(out, "  ");
	if (obs->qname) {
		add_name(out, obs->qname);
		buf_printf(out, " %s", dns_type_name(obs->qtype, type));
	} else {
		buf_str(out, "(no question)");
	}
	if (obs->rcode)
		buf_printf(out, "  %s", dns_rcode_name(obs->rcode, rcode));
	add_answers(out, obs);
	if (obs->repeats)
		buf_printf(out, "  (and %u like it)", obs->repeats);
	buf_char(out, '\n');
}

static void add_set(struct buf *out, char sign, const struct ip_addr *addrs, size_t addrs_len,
		    const struct dns_name *names, size_t names_len)
{
	size_t n = addrs_len ? addrs_len : names_len;

	for (size_t i = 0; i < n && i < LISTED_MAX; i++) {
		buf_printf(out, " %c", sign);
		if (addrs_len)
			add_ip(out, &addrs[i]);
		else
			add_name(out, &names[i]);
	}
	if (n > LISTED_MAX)
		buf_printf(out, " %c%zu more", sign, n - LISTED_MAX);
}

void human_churn(struct buf *out, const struct human_style *style, const struct churn_change *c)
{
	static const char *const kinds[] = {
		[CHURN_FIRST] = "first", [CHURN_CHANGED] = "changed", [CHURN_RETURNED] = "returned"
	};
	char type[16];

	human_clock(out, style, c->time_ns);
	buf_str(out, "  ");
	add_name(out, c->rrname);
	buf_printf(out, " %s %s:", dns_type_name(c->rrtype, type), kinds[c->kind]);
	add_set(out, '+', c->added, c->added_len, c->added_names, c->added_names_len);
	add_set(out, '-', c->removed, c->removed_len, c->removed_names, c->removed_names_len);
	buf_printf(out, "  (%u now, %u so far)\n", c->set_size, c->distinct);
}

static void add_endpoint(struct buf *out, const struct ip_addr *addr, unsigned int port)
{
	bool v6 = !ip_is_v4(addr);

	if (v6 && port)
		buf_char(out, '[');
	add_ip(out, addr);
	if (v6 && port)
		buf_char(out, ']');
	if (port)
		buf_printf(out, ":%u", port);
}

static void add_outcome(struct buf *out, const struct connection *conn)
{
	switch (conn->state) {
	case CONNECTION_ATTEMPT:
		buf_str(out, "  attempted");
		break;
	case CONNECTION_OK:
		buf_str(out, "  ok");
		break;
	case CONNECTION_FAILED:
		buf_printf(out, "  failed (%s)", strerror(conn->err));
		break;
	case CONNECTION_CLOSED:
		buf_printf(out, "  closed after %.1f s", (double)conn->duration_ns / 1e9);
		break;
	}
	if (conn->has_bytes)
		buf_printf(out, ", %llu B out, %llu B in", (unsigned long long)conn->bytes_toserver,
			   (unsigned long long)conn->bytes_toclient);
}

void human_connect(struct buf *out, const struct human_style *style, const struct connection *conn)
{
	human_clock(out, style, conn->time_ns);
	buf_str(out, "  ");
	if (conn->has_process) {
		human_text(out, conn->process.comm ? conn->process.comm : conn->process.exe);
		buf_printf(out, "[%u]", conn->process.pid);
	} else {
		add_endpoint(out, &conn->src, 0);
	}
	buf_str(out, " -> ");
	add_endpoint(out, &conn->dst, conn->dport);
	buf_str(out, conn->proto == IPPROTO_UDP ? "/udp" : "/tcp");
	add_outcome(out, conn);
	if (conn->names_len) {
		buf_str(out, "  ");
		add_name(out, &conn->names[0].rrname);
		if (conn->names_len > 1)
			buf_printf(out, " or %zu more", conn->names_len - 1);
	}
	buf_char(out, '\n');
}
