// SPDX-License-Identifier: BSD-2-Clause
/*
 * FluxBuster's second and third stage: single-linkage clusters of the best candidates by shared
 * addresses, judged by the decision tree that the program ships.  Also the table of names.
 */
#include "libbaseline_internal.h"

#include <errno.h>
#include <stdlib.h>

#define CLUSTER_MAX 200 /* best candidates; the original's default */
#define CUT	    0.75
#define GAMMA	    3.0

size_t baselines_slot(const struct baselines *b, uint64_t key)
{
	size_t i = key >> 8 & (b->cap - 1);

	while (b->index[i].tracked && b->index[i].key != key)
		i = (i + 1) & (b->cap - 1);
	return i;
}

int baselines_grow(struct baselines *b)
{
	struct baselines n = *b;

	n.cap = b->cap ? b->cap * 2 : 1024;
	n.index = calloc(n.cap, sizeof(*n.index));
	n.all = realloc(b->all, n.cap * sizeof(*n.all));
	if (n.all)
		b->all = n.all;
	if (!n.index || !n.all) {
		free(n.index);
		return -ENOMEM;
	}
	for (size_t i = 0; i < b->cap; i++)
		if (b->index[i].tracked)
			n.index[baselines_slot(&n, b->index[i].key)] = b->index[i];
	free(b->index);
	*b = n;
	return 0;
}

int baselines_new(const struct net *net, struct baselines **ret)
{
	struct baselines *b = calloc(1, sizeof(*b));

	if (!b || baselines_grow(b)) {
		baselines_free(b);
		return -ENOMEM;
	}
	b->net = net;
	*ret = b;
	return 0;
}

void baselines_free(struct baselines *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->len; i++) {
		struct tracked *t = b->all[i];

		bag_fini(&t->day);
		bag_fini(&t->zeek);
		bag_fini(&t->previous);
		bag_fini(&t->hour);
		bag_fini(&t->half_day);
		bag_fini(&t->five);
		free(t);
	}
	bag_fini(&b->set);
	bag_fini(&b->scratch);
	free(b->all);
	free(b->index);
	free(b);
}

size_t baselines_count(const struct baselines *b)
{
	return b->len;
}

const struct judged *baselines_get(const struct baselines *b, size_t i)
{
	return &b->all[i]->judged;
}

static int by_addresses(const void *a, const void *b)
{
	const struct tracked *x = *(struct tracked *const *)a, *y = *(struct tracked *const *)b;

	if (x->half_day.addresses != y->half_day.addresses)
		return x->half_day.addresses > y->half_day.addresses ? -1 : 1;
	return x->judged.first_ns < y->judged.first_ns ? -1 : 1;
}

static double distance(const struct bag *a, const struct bag *b)
{
	const struct bag *small = a->addresses < b->addresses ? a : b, *large = small == a ? b : a;
	uint32_t both = 0;

	for (uint32_t i = 0; i < small->addresses; i++)
		both += bag_has(large, &small->addrs[i]);
	return 1 - (double)both / (a->addresses + b->addresses - both) /
			   (1 + exp(GAMMA - small->addresses));
}

/* The features of one cluster. */
struct cluster {
	struct bag bag;
	double domains, ttl_s, growth, domains_per_network, responses;
};

/* Branches of the shipped J48 model. */
static bool tree(const struct cluster *c)
{
	double diversity = (double)c->bag.p16 / c->bag.addresses;

	if (c->growth <= 0.1221)
		return false;
	if (c->ttl_s <= 30.18)
		return c->growth <= 0.9685 ? c->bag.addresses >= 31 && c->bag.addresses <= 34 :
					     c->domains_per_network > 24;
	if (diversity <= 0.4118)
		return c->domains_per_network > 1220;
	if (c->domains_per_network > 108 || c->growth > 0.7078 || c->domains > 32)
		return true;
	return c->ttl_s <= 234.8;
}

static void judge_cluster(struct baselines *b, struct tracked **names, const uint32_t *root,
			  uint32_t n, uint32_t which, uint64_t now_ns)
{
	struct cluster c = { 0 };
	bool flux;

	for (uint32_t i = 0; i < n; i++) {
		const struct tracked *t = names[i];

		if (root[i] != which)
			continue;
		c.domains++;
		c.ttl_s += t->half_day_ttl_s / t->half_day_responses;
		c.responses += t->half_day_responses;
		for (uint32_t k = 0; k < t->half_day.addresses; k++)
			bag_add(&c.bag, b->net, &t->half_day.addrs[k]);
	}
	if (!c.domains)
		return;
	c.ttl_s /= c.domains;
	c.growth = c.bag.addresses / c.responses;
	for (size_t i = 0; i < b->len; i++) { /* every name that was on these addresses */
		const struct bag *day = &b->all[i]->day;
		bool on = false;

		for (uint32_t k = 0; k < day->addresses && !on; k++)
			on = bag_has(&c.bag, &day->addrs[k]);
		c.domains_per_network += on;
	}
	flux = tree(&c);
	for (uint32_t i = 0; i < n; i++)
		if (flux && root[i] == which)
			names[i]->judged.fired_ns[BASE_FLUXCLUSTER] = now_ns;
	bag_fini(&c.bag);
}

void baselines_finish(struct baselines *b, uint64_t now_ns)
{
	struct tracked **best = calloc(b->len + 1, sizeof(*best));
	uint32_t root[CLUSTER_MAX], n = 0;

	if (!best)
		return;
	for (size_t i = 0; i < b->len; i++)
		if (b->all[i]->judged.fired_ns[BASE_FLUXBUSTER] &&
		    b->all[i]->half_day.addresses >= 5)
			best[n++] = b->all[i];
	qsort(best, n, sizeof(struct tracked *), by_addresses);
	n = n < CLUSTER_MAX ? n : CLUSTER_MAX;
	for (uint32_t i = 0; i < n; i++) {
		root[i] = i;
		for (uint32_t j = 0; j < i; j++) {
			uint32_t from = root[i], to = root[j];

			if (from == to || distance(&best[i]->half_day, &best[j]->half_day) > CUT)
				continue;
			for (uint32_t k = 0; k <= i; k++)
				root[k] = root[k] == from ? to : root[k];
		}
	}
	for (uint32_t i = 0; i < n; i++)
		judge_cluster(b, best, root, n, i, now_ns);
	free(best);
}
