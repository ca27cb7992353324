/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeded random numbers for the traffic generators: splitmix64, one stream per instance, so that
 * adding a class never changes what another class does.
 */
#ifndef TRAFFIC_RANDOM_H
#define TRAFFIC_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/hash.h"

struct random {
	uint64_t state;
};

/*
 * Parameters are drawn from eighths of their range: training from the first, third, fifth and
 * seventh, test from the others.  No value of a continuous parameter is in both parts, and both
 * parts span the range.
 */
enum split { SPLIT_TRAIN, SPLIT_TEST };

struct range {
	double lo, hi; /* drawn log-uniformly when lo > 0, else uniformly */
};

static inline uint64_t random_u64(struct random *r)
{
	r->state += 0x9e3779b97f4a7c15ULL;
	return hash_mix(r->state);
}

/* A stream of its own for (@seed, @a, @b, @c). */
static inline struct random random_stream(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
	struct random r = { hash_mix(seed + 0x632be59bd9b4e019ULL) };

	r.state = hash_mix(r.state ^ (a + 1) * 0x9e3779b97f4a7c15ULL);
	r.state = hash_mix(r.state ^ (b + 1) * 0xc2b2ae3d27d4eb4fULL);
	r.state = hash_mix(r.state ^ (c + 1) * 0x165667b19e3779f9ULL);
	return r;
}

static inline double random_unit(struct random *r) /* [0, 1) */
{
	return (double)(random_u64(r) >> 11) * 0x1p-53;
}

static inline uint32_t random_below(struct random *r, uint32_t n) /* 0 for n = 0 */
{
	return (uint32_t)((random_u64(r) >> 32) * n >> 32);
}

static inline bool random_chance(struct random *r, double p)
{
	return random_unit(r) < p;
}

static inline double random_exp(struct random *r, double mean)
{
	return -mean * log(1.0 - random_unit(r));
}

static inline double random_range(struct random *r, struct range range, enum split split)
{
	uint32_t eighth = random_below(r, 4) * 2 + (split == SPLIT_TEST ? 1 : 0);
	double u = (eighth + random_unit(r)) / 8;

	if (range.lo > 0)
		return range.lo * pow(range.hi / range.lo, u);
	return range.lo + (range.hi - range.lo) * u;
}

/* A whole number; both ends of the range can be drawn in both parts. */
static inline uint32_t random_count(struct random *r, struct range range, enum split split)
{
	struct range wide = { range.lo > 0 ? range.lo - 0.49 : 0, range.hi + 0.49 };

	return (uint32_t)lround(random_range(r, wide, split));
}

#endif
