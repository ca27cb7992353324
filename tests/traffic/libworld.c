// SPDX-License-Identifier: BSD-2-Clause
#include "libworld.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dns_name name_make(const char *fmt, ...)
{
	struct dns_name name = { 0 };
	char text[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (const char *label = text; *label;) { /* letters, digits and hyphens only */
		size_t n = strcspn(label, ".");

		if (!n || n > 63 || name.len + n + 2 > DNS_NAME_MAX)
			abort();
		name.wire[name.len++] = (uint8_t)n;
		memcpy(name.wire + name.len, label, n);
		name.len = (uint8_t)(name.len + n);
		label += n + (label[n] == '.');
	}
	name.len++;
	return name;
}

/* How many there are in a site's world, how many ASes each spans, addresses in each AS. */
struct provider_shape {
	const char *word;
	enum as_kind kind;
	uint32_t count, ases, per_as;
};

static const struct provider_shape shapes[PLACE_VOLUNTEER + 1] = {
	[PLACE_HOSTER] = { "host", AS_HOSTING, 14, 1, 200 },
	[PLACE_ANYCAST] = { "any", AS_CDN, 3, 1, 200 },
	[PLACE_CDN] = { "cdn", AS_CDN, 4, 1, 400 },
	[PLACE_CLOUD] = { "cloud", AS_CLOUD, 4, 1, 0 }, /* addresses are rented, not shared */
	[PLACE_EMBEDDED] = { "edge", AS_ACCESS, 4, PROVIDER_ASES_MAX, 16 },
};

static int provider_init(struct provider *p, struct world *w, struct random *r,
			 const struct provider_shape *shape, uint32_t n, uint32_t site)
{
	p->domain = name_make("%s%u-s%u.example", shape->word, n, site);
	p->ns_len = 2 + random_below(r, NS_MAX - 1);
	p->ases_len = shape->ases;
	p->per_as = shape->per_as;
	p->addrs = calloc((size_t)p->ases_len * p->per_as + 1, sizeof(*p->addrs));
	if (!p->addrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->ases_len; i++) {
		p->ases[i] = net_draw_as(w->net, r, shape->kind, w->split, NULL);
		for (uint32_t j = 0; j < p->per_as; j++)
			p->addrs[i * p->per_as + j] = net_draw_v4(w->net, r, p->ases[i]);
	}
	for (uint32_t i = 0; i < p->ns_len; i++) {
		p->ns[i] = name_make("ns%u.%s%u-s%u.example", i + 1, shape->word, n, site);
		p->ns_addr[i] = net_draw_v4(w->net, r, p->ases[random_below(r, p->ases_len)]);
	}
	return 0;
}

int world_init(struct world *w, const struct net *net, uint64_t seed, uint32_t site,
	       enum split split)
{
	struct random r = random_stream(seed, 0x776f726c64, site, 0);

	*w = (struct world){ .net = net, .split = split };
	for (int place = 0; place <= PLACE_VOLUNTEER; place++) {
		w->providers_len[place] = shapes[place].count;
		for (uint32_t i = 0; i < shapes[place].count; i++) {
			int err = provider_init(&w->providers[place][i], w, &r, &shapes[place], i,
						site);

			if (err)
				return err;
		}
	}
	for (int i = 0; i < FAKE_POOL; i++)
		w->fake[i] = net_draw_v4(net, &r,
					 net_draw_as(net, &r, (enum as_kind)(i % AS_KINDS), split,
						     NULL));
	w->parked = w->providers[PLACE_HOSTER][0].addrs[0];
	w->sinkhole = w->providers[PLACE_HOSTER][1].addrs[0];
	return 0;
}

void world_fini(struct world *w)
{
	for (int place = 0; place <= PLACE_VOLUNTEER; place++)
		for (uint32_t i = 0; i < w->providers_len[place]; i++)
			free(w->providers[place][i].addrs);
}

struct provider *world_provider(struct world *w, struct random *r, enum placement place)
{
	uint32_t n = w->providers_len[place];
	double u = random_unit(r);

	return n ? &w->providers[place][(uint32_t)(u * u * n)] : NULL;
}
