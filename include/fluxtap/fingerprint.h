/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What a question and the content of a response hash to: one source for the walk in the kernel
 * and for the parser in user space, so that both give the same values.
 *
 * The name of a question is never compressed, there being no name before it: its octets are hashed
 * as they lie, eight at a time, without regard to case.
 * Any other name is a sum over its labels, the i-th from the left times FT_NAME_BASE to the i:
 * sum(labels + suffix) = sum(labels) + base^labels * sum(suffix).  So it does not matter where a
 * compression pointer cuts a name (RFC 1035 4.1.4), and a suffix read once can be used again.
 * A message is a sum over its A, AAAA, NS and CNAME records of class IN in answer, authority and
 * additional: neither order nor TTL nor case nor compression changes it; section, type, rdata,
 * multiplicity and rcode (the four bits of the header) do.  Owner names do not enter.
 *
 * All values depend on a seed, so that nobody outside can prepare collisions; they mean
 * something within one run only.  Captures and tests use FT_SEED_FIXED.
 */
#ifndef FLUXTAP_FINGERPRINT_H
#define FLUXTAP_FINGERPRINT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define FT_SEED_FIXED 0x9e3779b97f4a7c15ULL

/* RFC 1035 4.1.4 sets no bound for the pointers of one name; this is ours, for both parsers. */
#define FT_NAME_POINTERS_MAX 127

/* Odd, with bits spread evenly: the multipliers of splitmix64, and one prime for the base. */
#define FT_MUL_1     0xbf58476d1ce4e5b9ULL
#define FT_MUL_2     0x94d049bb133111ebULL
#define FT_NAME_BASE 0xd6e8feb86659fd93ULL

#define FT_INLINE static inline __attribute__((always_inline, unused))

FT_INLINE __u64 ft_mix(__u64 x)
{
	x ^= x >> 32;
	x *= FT_MUL_1;
	x ^= x >> 29;
	x *= FT_MUL_2;
	return x ^ (x >> 32);
}

/*
 * The first @n (1..8) octets at @p, the first of them in the lowest bits, the rest zero.
 * The BPF side loads a whole word: seven octets of slack must follow its buffer.
 */
FT_INLINE __u64 ft_word(const __u8 *p, __u32 n)
{
	__u64 w = 0;

#ifdef __bpf__
	w = *(const __u64 *)p;
#else
	__builtin_memcpy(&w, p, n);
#endif
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w & (~0ULL >> (64 - 8 * n));
}

/* ASCII letters of eight octets to lower case at once (RFC 4343 3); others stay. */
FT_INLINE __u64 ft_fold(__u64 w)
{
	__u64 low, from_a, past_z, upper;

	if (!(w & ~(w << 1) & 0x4040404040404040ULL)) /* none of '@' to '_': nearly always */
		return w;
	low = w & 0x7f7f7f7f7f7f7f7fULL;
	from_a = low + 0x3f3f3f3f3f3f3f3fULL; /* top bit: >= 'A' */
	past_z = low + 0x2525252525252525ULL; /* top bit: > 'Z' */
	upper = (from_a ^ past_z) & ~w & 0x8080808080808080ULL;
	return w | (upper >> 2);
}

/* A name being read from left to right. */
struct ft_name {
	__u64 sum;
	__u64 weight;
};

FT_INLINE struct ft_name ft_name_start(void)
{
	return (struct ft_name){.sum = 0, .weight = 1};
}

/* The halves of @x, multiplied. */
FT_INLINE __u64 ft_halves(__u64 x)
{
	__u32 low = (__u32)x;

#ifdef __bpf__
	asm volatile("" : "+w"(low)); /* a register of 32 bits: else it is shifted to and fro */
#endif
	return low * (x >> 32);
}

FT_INLINE __u64 ft_label_start(__u64 seed, __u32 len)
{
	return seed + len * FT_MUL_2;
}

/*
 * The halves of what only we know, each changed by half of the word, multiplied (NH of UMAC, RFC
 * 4418 5.2.2, in its idea): how far two words lie apart does not tell how far their products do.  A
 * multiplication by a constant would leave a difference of the top bit where it is, for the next
 * word to take back, whatever the seed.
 */
FT_INLINE __u64 ft_label_word(__u64 label, __u64 word)
{
	__u64 x = label ^ ft_fold(word);

	return ft_halves(x) + x;
}

FT_INLINE void ft_name_add(struct ft_name *name, __u64 label)
{
	name->sum += label * name->weight;
	name->weight *= FT_NAME_BASE;
}

/* The rest of the name is one whose sum is known. */
FT_INLINE void ft_name_add_suffix(struct ft_name *name, __u64 suffix_sum)
{
	name->sum += suffix_sum * name->weight;
}

/*
 * The name of a question: the sum of its words, each hashed with what its place adds. The first
 * place; each one after it is @seed further.
 */
FT_INLINE __u64 ft_question_place(__u64 seed)
{
	return seed * FT_NAME_BASE;
}

/* Key of a question: the sum of its name, type and class in host order. Never 0. */
FT_INLINE __u64 ft_name_hash(__u64 seed, __u64 question_sum, __u16 type, __u16 class_)
{
	__u64 x = ft_mix(question_sum ^ seed ^ ((__u64)type << 16 | class_));

	return x ? x : 1;
}

/* One record: @section 0 answer, 1 authority, 2 additional; add the results up. */
FT_INLINE __u64 ft_record_kind(__u32 section, __u16 type)
{
	return (__u64)section << 48 | (__u64)type << 32;
}

/* @rdata: the four octets. */
FT_INLINE __u64 ft_record_a(__u64 seed, __u32 section, const __u8 *rdata)
{
	return ft_mix((ft_record_kind(section, 1) | ft_word(rdata, 4)) ^ seed);
}

/* @rdata: the sixteen octets. */
FT_INLINE __u64 ft_record_aaaa(__u64 seed, __u32 section, const __u8 *rdata)
{
	__u64 net = ft_mix(ft_word(rdata, 8) ^ seed);

	return ft_mix((net + ft_word(rdata + 8, 8)) ^ ft_record_kind(section, 28));
}

/* NS (2) and CNAME (5): the sum of the name in the rdata. */
FT_INLINE __u64 ft_record_name(__u64 seed, __u32 section, __u16 type, __u64 name_sum)
{
	return ft_mix((name_sum ^ seed) + ft_record_kind(section, type));
}

/* @sum of all records; @rcode: the low four bits of the header's flags. Never 0. */
FT_INLINE __u64 ft_fingerprint(__u64 seed, __u64 sum, __u8 rcode)
{
	__u64 x = ft_mix(sum ^ seed) + (rcode & 15) * FT_MUL_2;

	return x ? x : 1;
}

/*
 * The words of a question's name of @octets (1..255) at @wire, the root's zero octet included;
 * zeros make up for what the last word lacks. For ft_word()'s sake seven octets must follow in BPF.
 */
FT_INLINE __u64 ft_question_sum(__u64 seed, const __u8 *wire, __u32 octets)
{
	__u64 place = ft_question_place(seed), sum = 0;

	for (__u32 i = 0; i < 256; i += 8) {
		if (i >= octets)
			break;
		sum += ft_label_word(place, ft_word(wire + i, octets - i < 8 ? octets - i : 8));
		place += seed;
	}
	return sum;
}

#ifndef __bpf__
/* The sum of a whole name in uncompressed wire form, final zero octet included. */
FT_INLINE __u64 ft_name_sum(__u64 seed, const __u8 *wire)
{
	struct ft_name name = ft_name_start();

	for (__u32 len = *wire; len; len = *wire) {
		__u64 label = ft_label_start(seed, len);

		for (__u32 i = 0; i < len; i += 8)
			label = ft_label_word(label,
					      ft_word(wire + 1 + i, len - i < 8 ? len - i : 8));
		ft_name_add(&name, label);
		wire += 1 + len;
	}
	return name.sum;
}
#endif

#endif
