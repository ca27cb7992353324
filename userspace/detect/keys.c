// SPDX-License-Identifier: BSD-2-Clause
#include "detect/state.h"

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
