// SPDX-License-Identifier: BSD-2-Clause
/* The sums of include/fluxtap/fingerprint.h over a parsed message. */
#include "dns/message.h"

#include <fluxtap/fingerprint.h>
#include "dns/wire.h"

static uint64_t label_sum(const uint8_t *octets, uint32_t len)
{
	uint64_t label = ft_label_start(FT_SEED_FIXED, len);
	uint32_t i = 0;

	for (; i + 8 <= len; i += 8)
		label = ft_label_word(label, ft_word(octets + i, 8));
	return i < len ? ft_label_word(label, ft_word(octets + i, len - i)) : label;
}

/* Of a name that the walk found sound. */
static uint64_t name_sum(const uint8_t *msg, size_t pos)
{
	struct ft_name name = ft_name_start();

	while (msg[pos]) {
		if (msg[pos] >= 0xc0) {
			pos = wire_u16(msg + pos) & 0x3fff;
			continue;
		}
		ft_name_add(&name, label_sum(msg + pos + 1, msg[pos]));
		pos += msg[pos] + 1U;
	}
	return name.sum;
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
		return ft_record_name(FT_SEED_FIXED, rr->section, rr->type,
				      name_sum(m->bytes, rr->rdata));
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
	return ft_name_hash(FT_SEED_FIXED, name_sum(m->bytes, q->name), q->type, q->class_);
}
