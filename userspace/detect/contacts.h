/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who connected to the addresses of a candidate, and how it went.  Blocks of a bounded pool,
 * given to a candidate with its first connection; the pool's oldest block is reused when it is
 * exhausted.
 */
#ifndef DETECT_CONTACTS_H
#define DETECT_CONTACTS_H

#include "base/table.h"
#include "correlate/connection.h"
#include "detect/alert.h"

#define CONTACT_PEERS  8 /* processes, or hosts where no process is known */
#define CONTACT_PORTS  4
#define CONTACT_RECENT 32 /* connections whose outcome may still come */

struct contact_peer {
	uint64_t id; /* (process, start) on a host, or the host */
	uint64_t slots; /* addresses of the sample contacted, by slot */
	uint64_t sets; /* fresh sets during which it did, modulo 64 */
	uint32_t last_s;
	bool is_process;
	struct alert_process process;
};

struct contact_port {
	uint16_t port;
	uint8_t proto;
	uint32_t connects;
};

struct contact_recent {
	uint64_t id; /* of the connection */
	bool failed, closed;
};

struct contacts {
	uint32_t owner; /* candidate, index + 1; 0: free */
	uint32_t last_s;
	uint32_t connects, failures, outcomes, ntp, late;
	uint32_t recent_at;
	struct contact_port ports[CONTACT_PORTS];
	struct contact_recent recent[CONTACT_RECENT];
	struct contact_peer peers[CONTACT_PEERS];
};

struct contact_pool {
	struct contacts *blocks;
	uint32_t cap;
	uint64_t reused;
};

int contact_pool_init(struct contact_pool *p, uint32_t cap);
void contact_pool_fini(struct contact_pool *p);
/* A block for @owner, index + 1. *ret_loser: the candidate that lost its block, or 0. */
uint32_t contact_pool_take(struct contact_pool *p, uint32_t owner, uint32_t *ret_loser);
void contact_pool_release(struct contact_pool *p, uint32_t index1);

static inline struct contacts *contacts_at(const struct contact_pool *p, uint32_t index1)
{
	return &p->blocks[index1 - 1];
}

/*
 * Account for @conn to the sample's slot @slot (-1: an address no longer kept), during fresh set
 * number @set. @late: long after the answer had expired. *ret_new: the connection was not
 * known; *ret_failed: it is now known to have failed.
 */
void contacts_add(struct contacts *c, const struct connection *conn, int slot, uint32_t set,
		  bool late, bool *ret_new, bool *ret_failed);

/* Neither HTTP nor HTTPS in their usual places. */
bool contacts_nonweb_port(const struct contact_port *p);

#endif
