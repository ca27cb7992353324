// SPDX-License-Identifier: BSD-2-Clause
#include "base/sha1.h"

#include <stdint.h>
#include <string.h>

#define BLOCK 64U

static uint32_t rotl(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static void step(uint32_t s[5], uint32_t f, uint32_t k, uint32_t word)
{
	uint32_t t = rotl(s[0], 5) + f + s[4] + k + word;

	s[4] = s[3];
	s[3] = s[2];
	s[2] = rotl(s[1], 30);
	s[1] = s[0];
	s[0] = t;
}

static void add_block(uint32_t state[5], const uint8_t *p)
{
	uint32_t w[80], s[5];

	for (unsigned int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (unsigned int i = 16; i < 80; i++)
		w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, state, sizeof(s));
	for (unsigned int i = 0; i < 20; i++)
		step(s, (s[1] & s[2]) | (~s[1] & s[3]), 0x5a827999, w[i]);
	for (unsigned int i = 20; i < 40; i++)
		step(s, s[1] ^ s[2] ^ s[3], 0x6ed9eba1, w[i]);
	for (unsigned int i = 40; i < 60; i++)
		step(s, (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]), 0x8f1bbcdc, w[i]);
	for (unsigned int i = 60; i < 80; i++)
		step(s, s[1] ^ s[2] ^ s[3], 0xca62c1d6, w[i]);
	for (unsigned int i = 0; i < 5; i++)
		state[i] += s[i];
}

void sha1_hex(const void *bytes, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t last[2 * BLOCK] = { 0 };
	const uint8_t *p = bytes;
	uint64_t bits = (uint64_t)len * 8;
	size_t left = len, end;

	for (; left >= BLOCK; left -= BLOCK, p += BLOCK)
		add_block(state, p);
	memcpy(last, p, left);
	last[left] = 0x80;
	end = left < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	for (unsigned int i = 0; i < 8; i++)
		last[end - 1 - i] = (uint8_t)(bits >> 8 * i);
	for (size_t at = 0; at < end; at += BLOCK)
		add_block(state, last + at);
	for (unsigned int i = 0; i < SHA1_HEX_LEN; i++)
		ret[i] = digits[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
	ret[SHA1_HEX_LEN] = '\0';
}
