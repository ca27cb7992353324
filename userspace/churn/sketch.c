// SPDX-License-Identifier: BSD-2-Clause
#include "churn/sketch.h"

#include <math.h>

#define REGISTERS 16

uint64_t sketch_merge(uint64_t a, uint64_t b)
{
	uint64_t out = 0;

	for (unsigned int i = 0; i < REGISTERS; i++) {
		uint64_t x = a >> (4 * i) & 15, y = b >> (4 * i) & 15;

		out |= (x > y ? x : y) << (4 * i);
	}
	return out;
}

double sketch_estimate(uint64_t sketch)
{
	double sum = 0, raw;
	int zeros = 0;

	for (unsigned int i = 0; i < REGISTERS; i++) {
		unsigned int rank = (unsigned int)(sketch >> (4 * i) & 15);

		sum += ldexp(1.0, -(int)rank);
		zeros += rank == 0;
	}
	raw = 0.673 * REGISTERS * REGISTERS / sum;
	/* linear counting while registers are empty: the raw estimate is biased there */
	if (zeros && raw <= 2.5 * REGISTERS)
		return REGISTERS * log((double)REGISTERS / zeros);
	return raw;
}
