// SPDX-License-Identifier: BSD-2-Clause
/* The sums of include/fluxtap/fingerprint.h over a parsed message. */
#include "dns/message.h"

#include <fluxtap/fingerprint.h>
#include "dns/wire.h"

/*
 * ft_word() where eight octets can be read: one load and a mask, instead of a copy of a length that
 * the compiler does not know.
 */
static inline uint64_t word_at(const uint8_t *p, uint32_t n, const uint8_t *end)
{
	uint64_t w;

	if (end - p < 8)
		return ft_word(p, n);
	memcpy(&w, p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w & (~0ULL >> (64 - 8 * n));
}

static inline uint64_t label_sum(const uint8_t *p, uint32_t len, const uint8_t *end)
{
	uint64_t label = ft_label_start(FT_SEED_FIXED, len);

	for (; len > 8; len -= 8, p += 8)
		label = ft_label_word(label, word_at(p, 8, end));
	return ft_label_word(label, word_at(p, len, end));
}

/* Of a name that the walk found sound. */
static uint64_t name_sum(const struct dns_message *m, size_t pos)
{
	const uint8_t *p = m->bytes + pos, *end = m->bytes + m->len;
	struct ft_name name = ft_name_start();

	while (*p) {
		if (*p >= 0xc0) {
			p = m->bytes + (wire_u16(p) & 0x3fff);
			continue;
		}
		ft_name_add(&name, label_sum(p + 1, *p, end));
		p += *p + 1U;
	}
	return name.sum;
}

/* Of the first question, which has no name before it to point to. */
static uint64_t question_sum(const struct dns_message *m, size_t pos)
{
	const uint8_t *p = m->bytes + pos, *end = m->bytes + m->len;
	uint64_t place = ft_question_place(FT_SEED_FIXED), sum = 0;
	uint32_t left = 1;

	for (const uint8_t *label = p; *label; label += *label + 1U)
		left += *label + 1U;
	for (; left > 8; left -= 8, p += 8, place += FT_SEED_FIXED)
		sum += ft_label_word(place, word_at(p, 8, end));
	return sum + ft_label_word(place, word_at(p, left, end));
}

static uint64_t record_sum(const struct dns_message *m, const struct dns_rr *rr)
{
	if (rr->class_ != DNS_CLASS_IN)
		return 0;
	switch (rr->type) {
	case DNS_TYPE_A:
		return ft_record_a(FT_SEED_FIXED, rr->section, m->bytes + rr->rdata);
	case DNS_TYPE_AAAA:
		return ft_record_aaaa(FT_SEED_FIXED, rr->section, m->bytes + rr->rdata);
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		return ft_record_name(FT_SEED_FIXED, rr->section, rr->type, name_sum(m, rr->rdata));
	default:
		return 0;
	}
}

uint64_t dns_message_fingerprint(const struct dns_message *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->rrs_len; i++)
		sum += record_sum(m, &m->rrs[i]);
	return ft_fingerprint(FT_SEED_FIXED, sum, m->flags & 0xf);
}

uint64_t dns_message_name_hash(const struct dns_message *m)
{
	const struct dns_question *q = m->questions;

	if (!m->questions_len)
		return 0;
	return ft_name_hash(FT_SEED_FIXED, question_sum(m, q->name), q->type, q->class_);
}
