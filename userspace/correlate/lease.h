/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host names of a gateway's clients, as DHCPv4 carries them past (RFC 2131, option 12 of RFC 2132).
 * A name is what the client says of itself: a help for people, no evidence.
 *
 * A request ties the name to the hardware address, the server's ACK both to an IP address for the
 * time of the lease; without an ACK in sight, the address that the client asks for or uses, which
 * then counts only for packets from that hardware address.  Bounded; nothing is allocated after
 * leases_new().
 */
#ifndef CORRELATE_LEASE_H
#define CORRELATE_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ip.h"

#define LEASE_NAME_MAX 64 /* octets, the zero included */

#define LEASE_REASONS(X)                                                       \
	X(SHORT, short_message) /* ends before the options do */               \
	X(COOKIE, no_dhcp) /* BOOTP, or something else on these ports */       \
	X(HARDWARE, bad_hardware) /* no Ethernet address */                    \
	X(OPTION, bad_option) /* of a length that its meaning does not have */ \
	X(NAME, bad_name) /* octets that no host name has */                   \
	X(CONFLICT, conflict) /* a request for an address that another was given */

enum lease_reason {
	LEASE_OK,
#define LEASE_AS_ENUM(upper, lower) LEASE_##upper,
	LEASE_REASONS(LEASE_AS_ENUM)
#undef LEASE_AS_ENUM
		LEASE_REASON_MAX
};
const char *lease_reason_name(unsigned int reason);

struct leases;
int leases_new(const struct hash_key *key, struct leases **ret);
void leases_free(struct leases *l);

/* One DHCP message; refusals are counted. */
enum lease_reason leases_message(struct leases *l, const uint8_t *bytes, size_t len,
				 uint64_t now_ns);
/*
 * What the host that has @addr calls itself, or NULL; borrowed until the next message. @mac: the
 * hardware address that its packets bear, or NULL when not known; another's has no name here.
 */
const char *leases_name(const struct leases *l, const struct ip_addr *addr, const uint8_t *mac,
			uint64_t now_ns);

struct lease_stats {
	uint64_t messages; /* = taken + all of refused */
	uint64_t taken;
	uint64_t refused[LEASE_REASON_MAX];
	uint64_t names; /* addresses that have one now */
	uint64_t evicted;
	size_t table_bytes;
};
void leases_stats(const struct leases *l, struct lease_stats *ret);

#endif
