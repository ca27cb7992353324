// SPDX-License-Identifier: BSD-2-Clause
#include "detect/state.h"

/*
 * Identity of an address, or of the /64 of an IPv6 one: a customer owns a /64 whole.  A secret
 * permutation is enough here and four times as fast as the keyed hash: without mix[] nobody can
 * say which addresses have small values.
 */
uint64_t unit_hash(const struct detector *d, const struct ip_addr *addr)
{
	uint64_t hi, lo;

	memcpy(&hi, addr->b, 8);
	memcpy(&lo, addr->b + 8, 8);
	if (hi)
		lo = 0;
	return hash_nonzero(hash_mix(hash_mix(hi ^ d->mix[0]) + lo + d->mix[1]));
}

uint64_t name_key(const struct detector *d, const uint8_t *wire, size_t len)
{
	return hash_nonzero(hash_keyed(&d->key, wire, len));
}

uint64_t aggregate_key(uint64_t domain)
{
	return hash_nonzero(hash_mix(domain + 65282));
}

uint32_t asn_of(struct detector *d, const struct ip_addr *addr)
{
	struct origin o;

	if (!d->enrich || !enrich_lookup(d->enrich, addr, &o))
		return 0;
	return o.asn;
}
