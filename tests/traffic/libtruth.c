// SPDX-License-Identifier: BSD-2-Clause
#include "libtruth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libbag.h"

struct names { /* distinct, by hash */
	uint64_t *keys;
	size_t len, cap;
};

struct truth { /* of one name */
	uint64_t key;
	uint32_t next; /* of the instance, index + 1 */
	struct bag addresses, hosts;
	struct names servers;
};

struct party { /* of one instance */
	uint32_t first; /* truth, index + 1; 0: none */
	struct bag connectors, processes, addresses; /* addresses: of all names together */
	uint64_t third_ns[2]; /* a third address was answered: for one name, for any of them */
};

struct truths {
	const struct net *net;
	const struct instance *instances;
	struct party *parties;
	size_t parties_len;
	struct truth *all;
	size_t len, cap;
};

static uint64_t key_of(const struct dns_name *name)
{
	return hash_keyed(&hash_key_fixed, name->wire, name->len);
}

static bool names_has(const struct names *n, uint64_t key)
{
	for (size_t i = 0; i < n->len; i++)
		if (n->keys[i] == key)
			return true;
	return false;
}

static void names_add(struct names *n, uint64_t key)
{
	if (names_has(n, key))
		return;
	if (n->len == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 8;
		uint64_t *grown = realloc(n->keys, cap * sizeof(*grown));

		if (!grown)
			return;
		n->keys = grown;
		n->cap = cap;
	}
	n->keys[n->len++] = key;
}

int truths_new(const struct net *net, const struct instance *instances, size_t len,
	       struct truths **ret)
{
	struct truths *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (struct truths){ .net = net, .instances = instances, .parties_len = len };
	t->parties = calloc(len + 1, sizeof(*t->parties));
	if (!t->parties) {
		free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void truths_free(struct truths *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->len; i++) {
		bag_fini(&t->all[i].addresses);
		bag_fini(&t->all[i].hosts);
		free(t->all[i].servers.keys);
	}
	for (size_t i = 0; i < t->parties_len; i++) {
		bag_fini(&t->parties[i].connectors);
		bag_fini(&t->parties[i].processes);
		bag_fini(&t->parties[i].addresses);
	}
	free(t->all);
	free(t->parties);
	free(t);
}

static struct truth *find(const struct truths *t, uint32_t instance, uint64_t key)
{
	for (uint32_t i = t->parties[instance].first; i; i = t->all[i - 1].next)
		if (t->all[i - 1].key == key)
			return &t->all[i - 1];
	return NULL;
}

static struct truth *make(struct truths *t, uint32_t instance, uint64_t key)
{
	struct truth *at = find(t, instance, key);

	if (at)
		return at;
	if (t->len == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct truth *grown = realloc(t->all, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		t->all = grown;
		t->cap = cap;
	}
	at = &t->all[t->len++];
	*at = (struct truth){ .key = key, .next = t->parties[instance].first };
	t->parties[instance].first = (uint32_t)t->len;
	return at;
}

/* The detector's unit: a household has a /64. */
static struct ip_addr unit(const struct ip_addr *addr)
{
	return ip_is_v4(addr) ? *addr : ip_mask(addr, 64);
}

/* What moves slowly has moved twice with its third address: no sooner can anybody know. */
static void note_address(struct truths *t, struct truth *truth, struct party *party,
			 const struct ip_addr *addr, uint64_t now_ns)
{
	bag_add(&truth->addresses, t->net, addr);
	if (party->third_ns[0])
		return;
	bag_add(&party->addresses, t->net, addr);
	if (!party->third_ns[1] && party->addresses.addresses >= 3)
		party->third_ns[1] = now_ns;
	if (truth->addresses.addresses >= 3)
		party->third_ns[0] = now_ns;
}

static void note(struct truths *t, struct truth *truth, const struct dns_observation *obs,
		 struct party *party)
{
	if (!truth)
		return;
	bag_add(&truth->hosts, t->net, &obs->client);
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];
		struct ip_addr addr = unit(&rr->addr);

		if (rr->type == DNS_TYPE_NS)
			names_add(&truth->servers, key_of(rr->target));
		else if (rr->section == DNS_ANSWER && rr->type != DNS_TYPE_CNAME)
			note_address(t, truth, party, &addr, obs->time_ns);
	}
}

void truths_response(struct truths *t, const struct dns_observation *obs, uint32_t instance)
{
	const struct instance *in = &t->instances[instance];
	const struct dns_name *owner = obs->qname;
	struct party *party = &t->parties[instance];

	if (!in->profile->malicious)
		return;
	for (size_t i = 0; i < obs->records_len; i++)
		if (obs->records[i].section == DNS_ANSWER &&
		    (obs->records[i].type == DNS_TYPE_A || obs->records[i].type == DNS_TYPE_AAAA))
			owner = obs->records[i].owner;
	if (in->profile->choosing == CHOOSE_LABELS) { /* judged together */
		note(t, make(t, instance, key_of(&in->zone)), obs, party);
		return;
	}
	note(t, make(t, instance, key_of(obs->qname)), obs, party);
	if (owner != obs->qname)
		note(t, make(t, instance, key_of(owner)), obs, party);
}

void truths_connection(struct truths *t, const struct connection *conn, uint32_t instance)
{
	struct party *p = &t->parties[instance];

	if (!t->instances[instance].profile->malicious)
		return;
	bag_add(&p->connectors, t->net, &conn->src);
	if (conn->has_process)
		bag_add(&p->processes, t->net, &conn->src);
}

uint64_t truths_third_ns(const struct truths *t, uint32_t instance, bool of_any)
{
	return t->parties[instance].third_ns[of_any];
}

/* --- an alert against it ---------------------------------------------------------------------- */

static double effective_asns(const struct truths *t, const struct bag *b)
{
	uint32_t *asns = calloc(b->addresses + 1, sizeof(*asns)), n = 0;
	uint32_t *counts = calloc(b->addresses + 1, sizeof(*counts));
	double h = 0, all = 0;

	for (uint32_t i = 0; asns && counts && i < b->addresses; i++) {
		const struct as_info *as = net_lookup(t->net, &b->addrs[i]);
		uint32_t j = 0;

		if (!as)
			continue;
		while (j < n && asns[j] != as->asn)
			j++;
		n += j == n;
		asns[j] = as->asn;
		counts[j]++;
		all++;
	}
	for (uint32_t j = 0; j < n; j++)
		h -= counts[j] / all * log2(counts[j] / all);
	free(asns);
	free(counts);
	return all > 0 ? exp2(h) : 0;
}

static bool has_network(const struct truths *t, const struct bag *b, uint32_t asn)
{
	for (uint32_t i = 0; i < b->addresses; i++) {
		const struct as_info *as = net_lookup(t->net, &b->addrs[i]);

		if (as && as->asn == asn)
			return true;
	}
	return false;
}

static void compare_parties(const struct truths *t, const struct truth *truth, const struct alert *a,
			    uint32_t instance, struct evidence_marks *ret)
{
	const struct party *p = &t->parties[instance];

	ret->hosts_named = (uint32_t)a->hosts_len;
	ret->hosts_true = truth->hosts.addresses;
	for (size_t i = 0; i < a->hosts_len; i++) {
		bool asked = bag_has(&truth->hosts, &a->hosts[i].ip);

		ret->hosts_found += asked;
		ret->hosts_right += asked || bag_has(&p->connectors, &a->hosts[i].ip);
	}
	ret->processes_named = (uint32_t)a->processes_len;
	ret->processes_true = p->processes.addresses;
	for (size_t i = 0; i < a->processes_len; i++)
		ret->processes_right += a->processes[i].pid == site_pid(instance) &&
					bag_has(&p->processes, &a->processes[i].host);
}

bool truths_compare(const struct truths *t, const struct alert *alert, uint32_t instance,
		    struct evidence_marks *ret)
{
	const struct truth *truth = find(t, instance, key_of(&alert->domain));
	double asns;

	if (!truth || !truth->addresses.addresses)
		return false;
	*ret = (struct evidence_marks){ .held = true };
	ret->distinct = alert->evidence.distinct_ips / (double)truth->addresses.addresses;
	asns = effective_asns(t, &truth->addresses);
	ret->has_asns = asns > 0;
	ret->effective_asns = asns > 0 ? alert->evidence.effective_asns / asns : 0;
	ret->networks_named = (uint32_t)alert->evidence.asns_len;
	for (size_t i = 0; i < alert->evidence.asns_len; i++)
		ret->networks_right +=
			has_network(t, &truth->addresses, alert->evidence.asns[i].asn);
	compare_parties(t, truth, alert, instance, ret);
	ret->servers_named = (uint32_t)alert->evidence.nameservers_len;
	ret->servers_true = (uint32_t)truth->servers.len;
	for (size_t i = 0; i < alert->evidence.nameservers_len; i++)
		ret->servers_right += names_has(&truth->servers,
						key_of(&alert->evidence.nameservers[i].name));
	return true;
}
