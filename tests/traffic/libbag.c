// SPDX-License-Identifier: BSD-2-Clause
#include "libbag.h"

#include <stdlib.h>
#include <string.h>

enum tag { TAG_ADDRESS = 1, TAG_ASN, TAG_24, TAG_16, TAG_COUNTRY };

/* Nobody aims at these tables: an unkeyed hash of up to 16 bytes will do. */
static uint64_t key_of(enum tag tag, const void *bytes, size_t len)
{
	uint64_t words[2] = { 0 };

	memcpy(words, bytes, len);
	return hash_mix(words[0] ^ hash_mix(words[1] ^ hash_mix((uint64_t)tag << 8 | len))) | 1;
}

static size_t find(const struct bag *b, uint64_t key)
{
	size_t i = key >> 8 & (b->cap - 1);

	while (b->keys[i] && b->keys[i] != key)
		i = (i + 1) & (b->cap - 1);
	return i;
}

static bool grow(struct bag *b)
{
	struct bag n = *b;

	if (b->cap && b->used * 2 < b->cap)
		return true;
	n.cap = b->cap ? b->cap * 2 : 32;
	n.keys = calloc(n.cap, sizeof(*n.keys));
	n.counts = calloc(n.cap, sizeof(*n.counts));
	if (!n.keys || !n.counts) {
		free(n.keys);
		free(n.counts);
		return false;
	}
	for (size_t i = 0; i < b->cap; i++)
		if (b->keys[i]) {
			size_t at = find(&n, b->keys[i]);

			n.keys[at] = b->keys[i];
			n.counts[at] = b->counts[i];
		}
	free(b->keys);
	free(b->counts);
	*b = n;
	return true;
}

/* Count one more of @key; returns how many there are now, 0 without memory. */
static uint32_t count(struct bag *b, uint64_t key)
{
	size_t i;

	if (!grow(b))
		return 0;
	i = find(b, key);
	if (!b->keys[i]) {
		b->keys[i] = key;
		b->used++;
	}
	return ++b->counts[i];
}

bool bag_has(const struct bag *b, const struct ip_addr *addr)
{
	return b->cap && b->keys[find(b, key_of(TAG_ADDRESS, addr->b, 16))];
}

static bool keep(struct bag *b, const struct ip_addr *addr)
{
	if (b->addresses == b->addrs_cap) {
		size_t cap = b->addrs_cap ? b->addrs_cap * 2 : 8;
		struct ip_addr *grown = realloc(b->addrs, cap * sizeof(*grown));

		if (!grown)
			return false;
		b->addrs = grown;
		b->addrs_cap = cap;
	}
	b->addrs[b->addresses++] = *addr;
	return true;
}

bool bag_add(struct bag *b, const struct net *net, const struct ip_addr *addr)
{
	const struct as_info *as;
	bool v4 = ip_is_v4(addr);
	uint32_t n;

	if (bag_has(b, addr) || !keep(b, addr))
		return false;
	count(b, key_of(TAG_ADDRESS, addr->b, 16));
	b->p24 += count(b, key_of(TAG_24, addr->b, v4 ? 15 : 8)) == 1;
	n = count(b, key_of(TAG_16, addr->b, v4 ? 14 : 6));
	b->p16 += n == 1;
	if (n > 1)
		b->p16_nlogn += n * log(n) - (n - 1) * log(n - 1);
	as = net_lookup(net, addr);
	if (as) {
		b->asns += count(b, key_of(TAG_ASN, &as->asn, sizeof(as->asn))) == 1;
		b->countries += count(b, key_of(TAG_COUNTRY, as->country, 2)) == 1;
		b->cdn += as->kind == AS_CDN;
	}
	return true;
}

void bag_clear(struct bag *b)
{
	if (!b->used)
		return;
	memset(b->keys, 0, b->cap * sizeof(*b->keys));
	memset(b->counts, 0, b->cap * sizeof(*b->counts));
	*b = (struct bag){ .keys = b->keys, .counts = b->counts, .addrs = b->addrs, .cap = b->cap,
			   .addrs_cap = b->addrs_cap };
}

void bag_fini(struct bag *b)
{
	free(b->keys);
	free(b->counts);
	free(b->addrs);
	*b = (struct bag){ 0 };
}

double bag_h16(const struct bag *b)
{
	double n = b->addresses;

	if (n < 2)
		return 0;
	return (log(n) - b->p16_nlogn / n) / log(n);
}

double bag_holz(const struct bag *b)
{
	return 1.32 * b->addresses + 18.54 * b->asns;
}
