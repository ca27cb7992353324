/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counting distinct things in 8 bytes: HyperLogLog with sixteen 4-bit registers (Flajolet et al.
 * 2007; about 26 % standard error, exact enough for "3", "10", "20").
 */
#ifndef CHURN_SKETCH_H
#define CHURN_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

/* @hash: 64 well-mixed bits. True when the sketch changed. */
static inline bool sketch_add(uint64_t *sketch, uint64_t hash)
{
	unsigned int shift = (unsigned int)(hash & 15) * 4;
	uint64_t rank = (uint64_t)__builtin_ctzll(hash >> 4 | 1ULL << 59) + 1;
	uint64_t old = *sketch >> shift & 15;

	if (rank > 15)
		rank = 15;
	if (rank <= old)
		return false;
	*sketch = (*sketch & ~(15ULL << shift)) | rank << shift;
	return true;
}

uint64_t sketch_merge(uint64_t a, uint64_t b); /* the sketch of both together */
double sketch_estimate(uint64_t sketch);

#endif
