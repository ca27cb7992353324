// SPDX-License-Identifier: BSD-2-Clause
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const struct hash_key hash_key_fixed = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL };

static inline uint64_t rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

uint64_t hash_keyed(const struct hash_key *key, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	struct sip s = { key->k0 ^ 0x736f6d6570736575ULL, key->k1 ^ 0x646f72616e646f6dULL,
			 key->k0 ^ 0x6c7967656e657261ULL, key->k1 ^ 0x7465646279746573ULL };
	uint64_t word = 0;
	size_t left;

	for (left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		s.v3 ^= word;
		sip_round(&s);
		s.v0 ^= word;
	}
	word = 0;
	if (left & 4) { /* a call of memcpy() costs more */
		uint32_t four;

		memcpy(&four, p, sizeof(four));
		word = four;
		p += 4;
	}
	for (size_t i = left & 4; i < left; i++)
		word |= (uint64_t)*p++ << 8 * i;
	word |= (uint64_t)len << 56;
	s.v3 ^= word;
	sip_round(&s);
	s.v0 ^= word;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct hash_key hash_key_derive(const struct hash_key *key, const char *purpose)
{
	const size_t len = strlen(purpose);
	struct hash_key derived = { .k0 = hash_keyed(key, purpose, len) };

	derived.k1 = hash_keyed(&(struct hash_key){ key->k1, derived.k0 }, purpose, len);
	return derived;
}

void hash_key_random(struct hash_key *ret)
{
	if (getrandom(ret, sizeof(*ret), 0) != (ssize_t)sizeof(*ret))
		abort();
}
