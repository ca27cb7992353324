/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A changing name under examination, and the pool of them.  The pool never grows; a newcomer
 * takes the place of the least interesting of sixteen (score, idleness), which is counted.
 *
 * What grows with what is seen (addresses, hosts, servers, the name, values) is in blocks of a
 * second pool, a fixed one too; when it runs low the least interesting give way in the same manner.
 */
#ifndef DETECT_CANDIDATE_H
#define DETECT_CANDIDATE_H

#include "base/blocks.h"
#include "churn/fresh.h"
#include "churn/sample.h"
#include "detect/alert.h"
#include "detect/contacts.h"
#include "detect/weights.h"
#include "dns/name.h"

#define CANDIDATE_HOSTS	  8
#define CANDIDATE_RESERVE 4 /* blocks of 2 KiB: the most that one response adds */
#define SEED_ANSWERS	  20 /* addresses in one answer: what lists of seeds give */

/* Counts of the present and the previous half of a window. */
struct half {
	uint32_t sets, changes, reentries, ttl_max;
};
struct window {
	uint32_t index; /* number of the present half since 1970 */
	struct half now, before;
};

struct asking_host {
	struct ip_addr ip;
	uint32_t queries, connects;
	uint8_t mac[6];
	bool has_mac;
};

struct evaluation {
	double score[TRACK_COUNT];
	/* by enum term: while it is worked on, and in a copy from candidate_evaluation() */
	double *value;
	enum track track; /* the one that decides */
	enum verdict verdict; /* of the name alone */
	enum confidence confidence; /* before any cap */
	double novelty, reentry, dispersion;
	uint32_t distinct, sets, changes; /* in the window of the track */
	bool by_prefix;
	bool ns_visible, connects_visible;
};

enum candidate_kind { CANDIDATE_FREE = 0, CANDIDATE_NAME, CANDIDATE_AGGREGATE };

struct candidate {
	uint64_t key; /* of the name and type */
	uint64_t name_key; /* of the name alone */
	uint64_t domain; /* registered domain */
	uint64_t target; /* registered domain where its CNAME leads; 0: none */
	struct dns_name *name; /* no more of it than its length: candidate_name() copies */
	uint16_t type;
	uint8_t kind; /* enum candidate_kind */
	uint8_t domain_off;
	uint8_t servers_cap, hosts_cap;
	bool watched, injected, denied;
	uint32_t first_s, last_s, fresh_s; /* first answer, last answer, last fresh set */
	uint32_t max_set;
	uint32_t takeovers; /* known when it was promoted */
	uint32_t sets, changes, reentries; /* since it was promoted or the sample emptied */
	struct window fast, slow;
	struct churn_server *servers; /* SAMPLE_SERVERS at most */
	struct sample sample;
	struct asking_host *hosts; /* CANDIDATE_HOSTS at most */
	uint64_t resolvers; /* sketch */
	uint32_t contacts; /* block of the contact pool, index + 1; 0: none */
	uint32_t finding; /* index + 1; 0: none */
	uint32_t next_member; /* of the finding, index + 1 */
	/* what costs more than it changes, with its age */
	uint32_t context_s, above_high_s, expired_s;
	double sharing, hosting, own_hosting; /* own: of addresses that are not shared */
	uint32_t siblings, company;
	struct evaluation last; /* value: NULL */
	uint64_t *values; /* of the last evaluation, packed */
};

struct candidates {
	struct candidate *slots;
	uint32_t cap, used, high; /* high: slots ever used */
	uint32_t *free_list;
	uint32_t free_len;
	uint64_t evictions, clock;
	struct blocks blocks;
};

/* @bytes: for what grows. */
int candidates_init(struct candidates *cs, uint32_t cap, size_t bytes);
void candidates_fini(struct candidates *cs);
/* A zeroed slot, index + 1. @evict is called for the one that made room, if any. */
uint32_t candidates_take(struct candidates *cs, uint32_t now_s,
			 void (*evict)(void *ctx, uint32_t index1), void *ctx);
void candidates_release(struct candidates *cs, uint32_t index1);
/* Before a response: see to it that what it adds finds room. */
void candidates_make_room(struct candidates *cs, uint32_t now_s,
			  void (*evict)(void *ctx, uint32_t index1), void *ctx);
static inline bool candidates_run_low(const struct candidates *cs)
{
	return blocks_large_left(&cs->blocks) < CANDIDATE_RESERVE;
}
size_t candidates_bytes(const struct candidates *cs); /* in use */
/* Give back what it holds and make it zeros. */
void candidate_clear(struct candidates *cs, struct candidate *c);

/* A slot that is never given out: to look at a name that is no candidate as if it were one. */
static inline struct candidate *candidate_spare(const struct candidates *cs)
{
	return &cs->slots[cs->cap];
}

static inline struct candidate *candidate_at(const struct candidates *cs, uint32_t index1)
{
	return &cs->slots[index1 - 1];
}

/* Counts into the half in which @now_s lies. */
struct half *window_at(struct window *w, uint32_t window_s, uint32_t now_s);
struct half window_sum(const struct window *w, uint32_t window_s, uint32_t now_s);

/* Row of the host; the least active one gives way. NULL when there is no memory for the first. */
struct asking_host *candidate_host(struct candidates *cs, struct candidate *c,
				   const struct ip_addr *ip);
void candidate_asked(struct candidates *cs, struct candidate *c, const struct ip_addr *ip,
		     uint32_t queries);
/* @grow: with a free one among them, if there may be one more. */
struct churn_server *candidate_servers(struct candidates *cs, struct candidate *c, bool grow,
				       size_t *ret_len);

void candidate_set_name(struct candidates *cs, struct candidate *c, const struct dns_name *name);
struct dns_name candidate_name(const struct candidate *c);

/* Keep the values of c->last, which are in @value, and take them out of it. */
void candidate_keep_values(struct candidates *cs, struct candidate *c, const double *value);
double candidate_value(const struct candidate *c, enum term term);
/* The last evaluation with its values in @value, TERM_COUNT of them. */
struct evaluation candidate_evaluation(const struct candidate *c, double *value);

#endif
