// SPDX-License-Identifier: BSD-2-Clause
/* An alert as a block of lines: what, how sure, why, who, and what would change it. */
#include "report/human.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "detect/signature.h"

#define BOLD_RED    "\033[1;31m"
#define BOLD_YELLOW "\033[1;33m"
#define BOLD	    "\033[1m"
#define DIM	    "\033[2m"
#define PLAIN	    "\033[0m"

#define LISTED_MAX 8 /* lines of one kind; the event has them all */

struct block {
	struct buf *out;
	const struct human_style *style;
	const struct alert *a;
};

static void paint(struct block *k, const char *sgr)
{
	if (k->style->colour)
		buf_str(k->out, sgr);
}

static void add_name(struct block *k, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];

	buf_add(k->out, text, dns_name_format(name, text));
}

static void add_ip(struct block *k, const struct ip_addr *addr)
{
	char text[IP_TEXT_MAX];

	buf_str(k->out, ip_format(addr, text));
}

/* "  addresses   ", or as many blanks below it. */
static void label(struct block *k, const char *text)
{
	paint(k, DIM);
	buf_printf(k->out, "  %-12s", text);
	paint(k, PLAIN);
}

static void count_of(struct block *k, uint64_t n, const char *one, const char *many)
{
	buf_printf(k->out, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

static void more_line(struct block *k, size_t n)
{
	if (n <= LISTED_MAX)
		return;
	label(k, "");
	buf_printf(k->out, "and %zu more\n", n - LISTED_MAX);
}

static void add_title(struct block *k)
{
	const struct alert *a = k->a;

	if (a->confidence == CONFIDENCE_HIGH)
		paint(k, BOLD_RED);
	else
		paint(k, a->confidence == CONFIDENCE_MEDIUM ? BOLD_YELLOW : BOLD);
	buf_printf(k->out, "%s  ", verdict_name(a->verdict));
	if (a->domain.len)
		add_name(k, &a->domain);
	paint(k, PLAIN);
	buf_printf(k->out, "  %s confidence, %s ", confidence_name(a->confidence),
		   k->style->as_of ? "as of" : alert_state_name(a->state));
	human_time(k->out, k->style, a->time_ns);
	buf_char(k->out, '\n');
	label(k, "what");
	buf_printf(k->out, "%s (1:%u)\n", verdict_signature(a)->text, verdict_signature(a)->id);
	if (a->registered_domain.len && !dns_name_equal(&a->registered_domain, &a->domain)) {
		label(k, "registered");
		add_name(k, &a->registered_domain);
		buf_char(k->out, '\n');
	}
	if (a->reason[0]) {
		label(k, "reason");
		human_text(k->out, a->reason);
		buf_char(k->out, '\n');
	}
}

static void add_evidence(struct block *k)
{
	const struct alert *a = k->a;

	label(k, "evidence");
	count_of(k, a->evidence.distinct_ips, "address", "addresses");
	buf_str(k->out, " in ");
	count_of(k, a->evidence.prefixes, "network", "networks");
	buf_printf(k->out, " (%.1f effective ASNs), ", a->evidence.effective_asns);
	count_of(k, a->evidence.changes, "change", "changes");
	buf_str(k->out, " in ");
	count_of(k, a->evidence.fresh_sets, "fresh answer", "fresh answers");
	buf_printf(k->out, ", TTL at most %u s\n", a->evidence.ttl_max);
	label(k, "");
	buf_printf(k->out, "novelty %.2f, re-entry %.2f, coverage %.2f", a->evidence.novelty,
		   a->evidence.reentry, a->evidence.coverage);
	if (a->evidence.has_pool)
		buf_printf(k->out, ", pool of about %.0f addresses (%.0f to %.0f)",
			   a->evidence.pool_estimate, a->evidence.pool_low, a->evidence.pool_high);
	buf_char(k->out, '\n');
	if (!a->evidence.first_ns)
		return;
	label(k, "seen");
	human_time(k->out, k->style, a->evidence.first_ns);
	buf_str(k->out, " to ");
	human_time(k->out, k->style, a->evidence.last_ns);
	buf_char(k->out, '\n');
}

static void add_networks(struct block *k)
{
	const struct alert *a = k->a;

	if (a->evidence.asns_len) {
		label(k, "networks");
		for (size_t i = 0; i < a->evidence.asns_len; i++) {
			const struct alert_asn *as = &a->evidence.asns[i];

			buf_printf(k->out, "%sAS%u", i ? ", " : "", as->asn);
			if (as->name[0])
				buf_char(k->out, ' ');
			human_text(k->out, as->name);
			buf_printf(k->out, " (%u)", as->count);
		}
		buf_char(k->out, '\n');
	}
	if (!a->evidence.countries_len)
		return;
	label(k, "countries");
	for (size_t i = 0; i < a->evidence.countries_len; i++)
		buf_printf(k->out, "%s%s", i ? " " : "", a->evidence.countries[i]);
	buf_char(k->out, '\n');
}

/* By weight of the contribution, whatever its sign; equal ones as the detector has them. */
static int by_contribution(const void *x, const void *y)
{
	const struct alert_term *const *a = x, *const *b = y;
	double left = fabs((*a)->contribution), right = fabs((*b)->contribution);

	if (left != right)
		return left < right ? 1 : -1;
	return *a < *b ? -1 : *a > *b;
}

#define TERM_SHOWN_MIN 0.005 /* less would be shown as 0.00; the event carries every term */

static void add_terms(struct block *k)
{
	const struct alert_term *sorted[ALERT_TERMS_MAX];
	size_t n = k->a->terms_len < ALERT_TERMS_MAX ? k->a->terms_len : ALERT_TERMS_MAX;
	size_t shown;

	label(k, "score");
	buf_printf(k->out, "%+.2f log-odds, probability %.1f %%\n", k->a->score,
		   100 * k->a->probability);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &k->a->terms[i];
	qsort(sorted, n, sizeof(sorted[0]), by_contribution);
	for (shown = 0; shown < n && fabs(sorted[shown]->contribution) >= TERM_SHOWN_MIN; shown++) {
		label(k, shown ? "" : "terms");
		buf_printf(k->out, "%+6.2f  %-24s value %.3g, weight %.3g\n",
			   sorted[shown]->contribution, sorted[shown]->name, sorted[shown]->value,
			   sorted[shown]->weight);
	}
	if (shown < n) {
		label(k, shown ? "" : "terms");
		buf_printf(k->out, "and %zu that contribute nothing\n", n - shown);
	}
}

static void add_addresses(struct block *k)
{
	const struct alert *a = k->a;

	for (size_t i = 0; i < a->evidence.ips_len && i < LISTED_MAX; i++) {
		const struct alert_ip *ip = &a->evidence.ips[i];

		label(k, i ? "" : "addresses");
		add_ip(k, &ip->ip);
		if (ip->asn)
			buf_printf(k->out, "  AS%u", ip->asn);
		if (ip->country[0])
			buf_printf(k->out, " %s", ip->country);
		buf_str(k->out, "  ");
		count_of(k, ip->sightings, "sighting", "sightings");
		if (ip->connects) {
			buf_str(k->out, ", ");
			count_of(k, ip->connects, "connection", "connections");
		}
		buf_char(k->out, '\n');
	}
	more_line(k, a->evidence.ips_len);
}

static void add_nameservers(struct block *k)
{
	const struct alert *a = k->a;

	for (size_t i = 0; i < a->evidence.nameservers_len && i < LISTED_MAX; i++) {
		const struct alert_nameserver *ns = &a->evidence.nameservers[i];

		label(k, i ? "" : "servers");
		add_name(k, &ns->name);
		for (size_t n = 0; n < ns->ips_len; n++) {
			buf_str(k->out, n ? ", " : "  ");
			add_ip(k, &ns->ips[n]);
		}
		buf_char(k->out, '\n');
	}
	more_line(k, a->evidence.nameservers_len);
}

static void add_hosts(struct block *k)
{
	const struct alert *a = k->a;

	for (size_t i = 0; i < a->hosts_len && i < LISTED_MAX; i++) {
		const struct alert_host *h = &a->hosts[i];

		label(k, i ? "" : "hosts");
		add_ip(k, &h->ip);
		if (h->has_mac)
			buf_printf(k->out, "  %02x:%02x:%02x:%02x:%02x:%02x", h->mac[0], h->mac[1],
				   h->mac[2], h->mac[3], h->mac[4], h->mac[5]);
		if (h->hostname[0])
			buf_printf(k->out, "  %s", h->hostname);
		buf_str(k->out, "  ");
		count_of(k, h->queries, "query", "queries");
		buf_str(k->out, ", ");
		count_of(k, h->connects, "connection", "connections");
		buf_char(k->out, '\n');
	}
	more_line(k, a->hosts_len);
}

static void add_process(struct block *k, const struct alert_process *p)
{
	human_text(k->out, p->exe[0] ? p->exe : p->comm);
	buf_printf(k->out, "  pid %u, uid %u", p->pid, p->uid);
	if (p->unit[0]) {
		buf_str(k->out, ", ");
		human_text(k->out, p->unit);
	}
	if (p->container_id[0]) {
		char shown[13]; /* as container tools abbreviate them */

		snprintf(shown, sizeof(shown), "%.12s", p->container_id);
		buf_str(k->out, ", container ");
		human_text(k->out, shown);
	}
	buf_str(k->out, ": ");
	count_of(k, p->connects, "connection", "connections");
	buf_str(k->out, " to ");
	count_of(k, p->distinct_ips, "address", "addresses");
	if (p->failures)
		buf_printf(k->out, ", %u failed", p->failures);
	buf_char(k->out, '\n');
}

static void add_processes(struct block *k)
{
	for (size_t i = 0; i < k->a->processes_len && i < LISTED_MAX; i++) {
		label(k, i ? "" : "processes");
		add_process(k, &k->a->processes[i]);
	}
	more_line(k, k->a->processes_len);
}

static void add_home(struct block *k)
{
	const struct alert *a = k->a;

	if (a->home_nodes_len) {
		label(k, "own nodes");
		for (size_t i = 0; i < a->home_nodes_len; i++) {
			buf_str(k->out, i ? ", " : "");
			add_ip(k, &a->home_nodes[i]);
		}
		buf_str(k->out, "  (addresses of your own networks among the answers)\n");
	}
	for (size_t i = 0; i < a->members_len && i < LISTED_MAX; i++) {
		label(k, i ? "" : "same pool");
		add_name(k, &a->members[i]);
		buf_char(k->out, '\n');
	}
	more_line(k, a->members_len);
}

static void add_limits(struct block *k)
{
	const struct alert *a = k->a;

	if (a->would_change_if_len) {
		label(k, "changes if");
		buf_str(k->out, "without ");
		for (size_t i = 0; i < a->would_change_if_len; i++)
			buf_printf(k->out, "%s%s", i ? " and " : "", a->would_change_if[i]);
		buf_char(k->out, '\n');
	}
	label(k, "vantage");
	buf_printf(k->out, "name servers %s, connections %s",
		   a->vantage.ns_visible ? "visible" : "not visible",
		   a->vantage.connects_visible ? "visible" : "not visible");
	if (a->vantage.resolvers) {
		buf_str(k->out, ", ");
		count_of(k, a->vantage.resolvers, "resolver", "resolvers");
	}
	buf_char(k->out, '\n');
	if (a->suppressed_by[0]) {
		label(k, "capped by");
		human_text(k->out, a->suppressed_by);
		buf_char(k->out, '\n');
	}
	if (a->allowlist_mismatch) {
		label(k, "note");
		buf_str(k->out, "an allow-list entry no longer fits what the name does\n");
	}
	if (a->degraded) {
		label(k, "note");
		buf_str(k->out, "responses were lost while this was observed\n");
	}
}

void human_alert(struct buf *out, const struct human_style *style, const struct alert *alert)
{
	struct block k = { .out = out, .style = style, .a = alert };

	add_title(&k);
	add_evidence(&k);
	add_networks(&k);
	add_terms(&k);
	add_addresses(&k);
	add_nameservers(&k);
	add_hosts(&k);
	add_processes(&k);
	add_home(&k);
	add_limits(&k);
}
