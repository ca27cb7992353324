/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native DNS parser (RFC 1035 4.1): bytes in, positions out, no allocation per message once
 * the arrays have grown to the largest message seen.  What breaks off keeps what was read before.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include "dns/name.h"
#include "dns/observation.h"

struct dns_rr {
	uint16_t owner;		/* offset of the owner name in the message */
	uint16_t type, class_;
	uint32_t ttl;		/* as sent */
	uint16_t rdata, rdlength; /* offset and length in the message */
	uint8_t section;	/* enum dns_section */
};

struct dns_question {
	uint16_t name;		/* offset */
	uint16_t type, class_;
};

struct dns_message {
	const uint8_t *bytes;	/* borrowed */
	size_t len;
	uint16_t id, flags;
	uint16_t counts[4];	/* QD, AN, NS, AR as the header has them */
	uint16_t rcode;		/* 12 bits with EDNS, else 4 */
	uint8_t opcode;
	unsigned int status;	/* FT_REASON_NONE or what broke it off (enum ft_counter) */
	size_t broke_at;	/* offset of the fault */
	size_t trailing;	/* bytes behind the last record */
	size_t questions_len;
	size_t rrs_len;
	uint16_t read[3];	/* records read in answer, authority, additional (OPT included) */
	int opt;		/* index of the OPT record in rrs, or -1 */
	struct dns_question *questions; /* owned */
	struct dns_rr *rrs;		/* owned; wire order */
	size_t questions_cap, rrs_cap;
	struct dns_name_memo *memo; /* owned; 128 KiB: names of this generation that were read */
	uint16_t generation;
};

void dns_message_init(struct dns_message *m);
void dns_message_fini(struct dns_message *m);

/*
 * Parse @bytes (at most 65,535). Returns 0 when the whole message is sound, -EBADMSG when it
 * broke off (m->status says why; what was read is there), -ENOMEM. Rules and their order, shared
 * with the kernel walk, are in docs/capture.md. @bytes must outlive the use of @m.
 */
int dns_message_parse(struct dns_message *m, const uint8_t *bytes, size_t len);

/*
 * Same values as the kernel walk computes under FT_SEED_FIXED (include/fluxtap/fingerprint.h), of
 * what was read. The name hash is of the first question, 0 without one.
 */
uint64_t dns_message_fingerprint(const struct dns_message *m);
uint64_t dns_message_name_hash(const struct dns_message *m);

/* EDNS (RFC 6891). True when an OPT record was read. */
struct dns_edns {
	uint16_t udp_size;
	uint8_t version, ext_rcode;
	bool dnssec_ok, has_ecs;
	struct ip_addr ecs_addr; /* RFC 7871 */
	uint8_t ecs_source, ecs_scope;
};
bool dns_message_edns(const struct dns_message *m, struct dns_edns *ret);

/*
 * The A, AAAA, NS and CNAME records of class IN as an observation (time, addresses and repeats
 * are the caller's to fill). Names and records live in @arena, valid until its next use.
 */
struct dns_arena;
int dns_arena_new(struct dns_arena **ret);
void dns_arena_free(struct dns_arena *a);
/* Observations keep the hashes of their names under @key (see dns_observation_hash()). */
void dns_arena_set_key(struct dns_arena *a, const struct hash_key *key);
int dns_message_observe(const struct dns_message *m, struct dns_arena *arena,
			struct dns_observation *ret);

#endif
