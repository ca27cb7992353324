/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keyed and unkeyed 64-bit hashes.  Tables fed from the network use the keyed one, so that a
 * sender cannot aim at a bucket; the key is drawn at start, or fixed in replay and tests so that
 * equal input gives equal output.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* SipHash-1-3 (Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012). */
uint64_t hash_keyed(const struct hash_key *key, const void *bytes, size_t len);

/* Not keyed: for values that are compared, never for choosing a bucket from network input. */
static inline uint64_t hash_mix(uint64_t x) /* splitmix64 finaliser */
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/*
 * Sixteen bytes under a secret, for the keys of tables that never leave the process: a permutation
 * that nobody can aim at without @secret, at a quarter of what hash_keyed() costs.
 */
static inline uint64_t hash_address(const struct hash_key *secret, const uint8_t bytes[16])
{
	uint64_t hi, lo;

	__builtin_memcpy(&hi, bytes, 8);
	__builtin_memcpy(&lo, bytes + 8, 8);
	return hash_mix(hash_mix(hi ^ secret->k0) + (lo ^ secret->k1));
}

/* Another key from @key, one for each @purpose; one does not tell the other. */
struct hash_key hash_key_derive(const struct hash_key *key, const char *purpose);

/* Keys of tables are never 0. (Setting a bit instead would leave half the sets unused.) */
static inline uint64_t hash_nonzero(uint64_t h)
{
	return h ? h : 1;
}

/* Fill @ret from the kernel's random source. Never fails: ends the program without one. */
void hash_key_random(struct hash_key *ret);

/* The fixed key of replay and tests. */
extern const struct hash_key hash_key_fixed;

#endif
