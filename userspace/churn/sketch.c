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
	static const double inverse[16] = { 0x1p0,   0x1p-1,  0x1p-2,  0x1p-3, 0x1p-4,	0x1p-5,
					    0x1p-6,  0x1p-7,  0x1p-8,  0x1p-9, 0x1p-10, 0x1p-11,
					    0x1p-12, 0x1p-13, 0x1p-14, 0x1p-15 };
	double sum = 0, raw;
	int zeros = 0;

	for (unsigned int i = 0; i < REGISTERS; i++) {
		unsigned int rank = (unsigned int)(sketch >> (4 * i) & 15);

		sum += inverse[rank];
		zeros += rank == 0;
	}
	raw = 0.673 * REGISTERS * REGISTERS / sum;
	/* linear counting while registers are empty: the raw estimate is biased there */
	if (zeros && raw <= 2.5 * REGISTERS)
		return REGISTERS * log((double)REGISTERS / zeros);
	return raw;
}
