// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parser against ldns on the same bytes. Where both read a message to its end, question and
 * A, AAAA, NS and CNAME records must be the same. Whether both accept is not asked: ldns looks into
 * the rdata of every type, and lets pointers lead anywhere; where a name in rdata is longer than
 * the rdata, ldns goes on behind the name, so messages with other types of record are left out.
 */
#include <stdlib.h>
#include <string.h>
#include <ldns/ldns.h>
#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_name(const struct dns_message *m, size_t pos, const ldns_rdf *rdf)
{
	struct dns_name name;

	if (dns_name_parse(m->bytes, m->len, &pos, &name) || name.len != ldns_rdf_size(rdf))
		abort();
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = ldns_rdf_data(rdf)[i];

		if (name.wire[i] != (c >= 'A' && c <= 'Z' ? c | 0x20 : c))
			abort();
	}
}

static void same_record(const struct dns_message *m, const struct dns_rr *rr, const ldns_rr *other)
{
	const ldns_rdf *rdf = ldns_rr_rd_count(other) ? ldns_rr_rdf(other, 0) : NULL;

	if (rr->type != (uint16_t)ldns_rr_get_type(other) ||
	    rr->class_ != (uint16_t)ldns_rr_get_class(other) || rr->ttl != ldns_rr_ttl(other))
		abort();
	same_name(m, rr->owner, ldns_rr_owner(other));
	if (rr->class_ != 1 || !rdf)
		return;
	if (rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA) {
		if (ldns_rdf_size(rdf) != rr->rdlength ||
		    memcmp(ldns_rdf_data(rdf), m->bytes + rr->rdata, rr->rdlength) != 0)
			abort();
	} else if (rr->type == DNS_TYPE_NS || rr->type == DNS_TYPE_CNAME) {
		same_name(m, rr->rdata, rdf);
	}
}

static bool is_comparable(const struct dns_message *m)
{
	for (size_t i = 0; i < m->rrs_len; i++) {
		const struct dns_rr *rr = &m->rrs[i];

		if (rr->class_ != 1 || (rr->type != DNS_TYPE_A && rr->type != DNS_TYPE_AAAA &&
					rr->type != DNS_TYPE_NS && rr->type != DNS_TYPE_CNAME))
			return false;
	}
	return true;
}

static void compare(const struct dns_message *m, const ldns_pkt *pkt)
{
	const ldns_rr_list *lists[3] = { ldns_pkt_answer(pkt), ldns_pkt_authority(pkt),
					 ldns_pkt_additional(pkt) };
	size_t at = 0;

	if (m->id != ldns_pkt_id(pkt) || m->questions_len != ldns_pkt_qdcount(pkt))
		abort();
	if (m->questions_len)
		same_name(m, m->questions[0].name,
			  ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)));
	if (!is_comparable(m))
		return;
	for (size_t s = 0; s < 3; s++) {
		if (ldns_rr_list_rr_count(lists[s]) != m->read[s])
			abort();
		for (size_t i = 0; i < m->read[s]; i++)
			same_record(m, &m->rrs[at++], ldns_rr_list_rr(lists[s], i));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_message m = { .opt = -1 };
	ldns_pkt *pkt = NULL;

	if (size > 65535 || dns_message_parse(&m, data, size))
		return 0;
	if (ldns_wire2pkt(&pkt, data, size) == LDNS_STATUS_OK)
		compare(&m, pkt);
	ldns_pkt_free(pkt);
	return 0;
}
