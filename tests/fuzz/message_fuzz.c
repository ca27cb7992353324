// SPDX-License-Identifier: BSD-2-Clause
/* One DNS message: walk, observation, fingerprint, EDNS and every rdata as text. */
#include <stdlib.h>
#include <fluxtap/ledger.h>
#include "dns/message.h"
#include "dns/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rr(const struct dns_message *m, const struct dns_rr *rr)
{
	size_t pos = rr->owner, end = (size_t)rr->rdata + rr->rdlength;

	if (dns_name_parse(m->bytes, m->len, &pos, NULL) || pos + 10 != rr->rdata || end > m->len)
		abort();
}

static void check_observation(const struct dns_message *m, const struct dns_observation *o)
{
	if (o->records_len > m->rrs_len || o->ttl_min > o->ttl_max ||
	    !o->qname != !m->questions_len)
		abort();
	for (size_t i = 0; i < o->records_len; i++)
		if (!o->records[i].owner->len || o->records[i].ttl_s > INT32_MAX)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_message m = { .opt = -1 };
	static struct dns_arena *arena;
	static struct buf out;
	struct dns_observation o;
	struct dns_edns edns;
	int err;

	if (!arena && dns_arena_new(&arena))
		abort();
	err = dns_message_parse(&m, data, size);
	if ((err == 0) != (m.status == FT_REASON_NONE) || m.broke_at > size || m.trailing > size ||
	    m.rrs_len != (size_t)m.read[0] + m.read[1] + m.read[2])
		abort();
	buf_reset(&out);
	for (size_t i = 0; i < m.rrs_len; i++) {
		size_t before = out.len;

		check_rr(&m, &m.rrs[i]);
		if (!dns_rdata_format(&m, &m.rrs[i], &out) && out.len != before)
			abort();
	}
	if (dns_message_observe(&m, arena, &o))
		abort();
	check_observation(&m, &o);
	if (!dns_message_fingerprint(&m) || !dns_message_name_hash(&m) != !m.questions_len ||
	    dns_message_edns(&m, &edns) != (m.opt >= 0))
		abort();
	return 0;
}
