// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#define CLIENTS_MAX	8192
#define ADDRESSES_MAX	8192
#define SECOND_NS	1000000000ULL
#define LEASE_DEFAULT_S 86400U /* an ACK to INFORM states no time */
#define LEASE_LONGEST_S 2592000U /* what states more is taken for a month */

/* RFC 2131 2, offsets of the fixed fields. */
enum {
	AT_OP = 0,
	AT_HTYPE = 1,
	AT_HLEN = 2,
	AT_CIADDR = 12,
	AT_YIADDR = 16,
	AT_CHADDR = 28,
	AT_COOKIE = 236,
	AT_OPTIONS = 240
};
enum { OP_REQUEST = 1, OP_REPLY = 2, ETHERNET = 1 };
/* RFC 2132 */
enum {
	OPTION_PAD = 0,
	OPTION_HOST_NAME = 12,
	OPTION_REQUESTED = 50,
	OPTION_LEASE_TIME = 51,
	OPTION_TYPE = 53,
	OPTION_END = 255
};
enum { DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_RELEASE = 7 };

struct client { /* key: hardware address */
	uint64_t key;
	char name[LEASE_NAME_MAX];
};

struct holder { /* key: IP address */
	uint64_t key;
	uint64_t until_ns;
	uint8_t mac[6];
	bool confirmed; /* by the server */
	char name[LEASE_NAME_MAX];
};

struct leases {
	struct hash_key key;
	struct table *clients, *holders;
	uint64_t messages, taken, refused[LEASE_REASON_MAX];
};

struct message {
	uint8_t op, type;
	uint8_t mac[6];
	struct ip_addr ciaddr, yiaddr, requested; /* unspecified: absent */
	uint32_t lease_s;
	char name[LEASE_NAME_MAX]; /* empty: absent */
};

const char *lease_reason_name(unsigned int reason)
{
	static const char *const names[LEASE_REASON_MAX] = { [LEASE_OK] = "ok",
#define AS_NAME(upper, lower) [LEASE_##upper] = #lower,
							     LEASE_REASONS(AS_NAME)
#undef AS_NAME
	};

	return reason < LEASE_REASON_MAX ? names[reason] : NULL;
}

int leases_new(const struct hash_key *key, struct leases **ret)
{
	struct leases *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->key = hash_key_derive(key, "lease");
	if (table_new(sizeof(struct client), CLIENTS_MAX, NULL, NULL, &l->clients) ||
	    table_new(sizeof(struct holder), ADDRESSES_MAX, NULL, NULL, &l->holders)) {
		leases_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void leases_free(struct leases *l)
{
	if (!l)
		return;
	table_free(l->clients);
	table_free(l->holders);
	free(l);
}

/* --- messages -------------------------------------------------------------------------------- */

static struct ip_addr address_at(const uint8_t *p)
{
	static const uint8_t none[4];
	struct ip_addr unspecified = {};

	return memcmp(p, none, sizeof(none)) ? ip_from_v4(p) : unspecified;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* RFC 952 and 1123, and the underscore that many a device has in its name. */
static bool is_name_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

static enum lease_reason take_name(const uint8_t *p, size_t n, struct message *m)
{
	while (n && !p[n - 1]) /* RFC 2132 2: some end it with a zero */
		n--;
	if (!n || n >= sizeof(m->name))
		return LEASE_NAME;
	for (size_t i = 0; i < n; i++)
		if (!is_name_octet(p[i]))
			return LEASE_NAME;
	memcpy(m->name, p, n);
	m->name[n] = '\0';
	return LEASE_OK;
}

static enum lease_reason take_option(uint8_t code, const uint8_t *p, size_t n, struct message *m)
{
	switch (code) {
	case OPTION_HOST_NAME:
		return take_name(p, n, m);
	case OPTION_REQUESTED:
		if (n != 4)
			return LEASE_OPTION;
		m->requested = address_at(p);
		return LEASE_OK;
	case OPTION_LEASE_TIME:
		if (n != 4)
			return LEASE_OPTION;
		m->lease_s = be32(p);
		return LEASE_OK;
	case OPTION_TYPE:
		if (n != 1)
			return LEASE_OPTION;
		m->type = p[0];
		return LEASE_OK;
	default:
		return LEASE_OK;
	}
}

static enum lease_reason take_options(const uint8_t *p, size_t len, struct message *m)
{
	enum lease_reason reason;

	for (size_t at = 0; at < len && p[at] != OPTION_END;) {
		size_t n;

		if (p[at] == OPTION_PAD) {
			at++;
			continue;
		}
		if (len - at < 2)
			return LEASE_SHORT;
		n = p[at + 1];
		if (len - at - 2 < n)
			return LEASE_SHORT;
		reason = take_option(p[at], p + at + 2, n, m);
		if (reason)
			return reason;
		at += 2 + n;
	}
	return LEASE_OK;
}

static enum lease_reason parse(const uint8_t *p, size_t len, struct message *m)
{
	static const uint8_t cookie[4] = { 99, 130, 83, 99 };
	enum lease_reason reason;

	memset(m, 0, sizeof(*m));
	m->lease_s = LEASE_DEFAULT_S;
	if (len < AT_OPTIONS)
		return LEASE_SHORT;
	if (memcmp(p + AT_COOKIE, cookie, sizeof(cookie)))
		return LEASE_COOKIE;
	if (p[AT_HTYPE] != ETHERNET || p[AT_HLEN] != sizeof(m->mac))
		return LEASE_HARDWARE;
	m->op = p[AT_OP];
	memcpy(m->mac, p + AT_CHADDR, sizeof(m->mac));
	m->ciaddr = address_at(p + AT_CIADDR);
	m->yiaddr = address_at(p + AT_YIADDR);
	reason = take_options(p + AT_OPTIONS, len - AT_OPTIONS, m);
	if (reason)
		return reason;
	return m->type ? LEASE_OK : LEASE_COOKIE;
}

/* --- tables ---------------------------------------------------------------------------------- */

static uint64_t client_key(const struct leases *l, const uint8_t mac[6])
{
	return hash_nonzero(hash_keyed(&l->key, mac, 6));
}

static uint64_t holder_key(const struct leases *l, const struct ip_addr *addr)
{
	return hash_nonzero(hash_keyed(&l->key, addr->b, sizeof(addr->b)));
}

static void hold(struct leases *l, const struct ip_addr *addr, const struct message *m,
		 const char *name, uint64_t until_ns)
{
	struct holder *h;
	bool is_new;

	h = table_put(l->holders, holder_key(l, addr), &is_new);
	h->until_ns = until_ns;
	h->confirmed = m->op == OP_REPLY;
	memcpy(h->mac, m->mac, sizeof(h->mac));
	memmove(h->name, name, strlen(name) + 1);
}

static void take_ack(struct leases *l, const struct message *m, uint64_t now_ns)
{
	const struct client *c = table_get(l->clients, client_key(l, m->mac));
	uint32_t lease_s = m->lease_s < LEASE_LONGEST_S ? m->lease_s : LEASE_LONGEST_S;
	const char *name = m->name[0] ? m->name : c ? c->name : "";
	struct holder *h;

	if (ip_is_unspecified(&m->yiaddr))
		return;
	if (name[0]) {
		hold(l, &m->yiaddr, m, name, now_ns + lease_s * SECOND_NS);
		return;
	}
	/* it belongs to somebody without a name now */
	h = table_get(l->holders, holder_key(l, &m->yiaddr));
	if (h && memcmp(h->mac, m->mac, sizeof(h->mac)))
		table_remove(l->holders, h);
}

static enum lease_reason take_request(struct leases *l, const struct message *m, uint64_t now_ns)
{
	const struct ip_addr *addr = ip_is_unspecified(&m->ciaddr) ? &m->requested : &m->ciaddr;
	const struct holder *h;

	if (ip_is_unspecified(addr) || !m->name[0])
		return LEASE_OK;
	h = table_get(l->holders, holder_key(l, addr));
	if (h && h->confirmed && h->until_ns > now_ns) {
		/* what the server said stands */
		return memcmp(h->mac, m->mac, sizeof(h->mac)) ? LEASE_CONFLICT : LEASE_OK;
	}
	hold(l, addr, m, m->name, now_ns + LEASE_DEFAULT_S * SECOND_NS);
	return LEASE_OK;
}

static void take_release(struct leases *l, const struct message *m)
{
	struct holder *h = table_get(l->holders, holder_key(l, &m->ciaddr));

	if (h && !memcmp(h->mac, m->mac, sizeof(h->mac)))
		table_remove(l->holders, h);
}

static enum lease_reason take(struct leases *l, const struct message *m, uint64_t now_ns)
{
	struct client *c;
	bool is_new;

	if (m->op == OP_REPLY) {
		if (m->type == DHCP_ACK)
			take_ack(l, m, now_ns);
		return LEASE_OK;
	}
	if (m->op != OP_REQUEST)
		return LEASE_COOKIE;
	if (m->name[0]) {
		c = table_put(l->clients, client_key(l, m->mac), &is_new);
		memcpy(c->name, m->name, sizeof(c->name));
	}
	if (m->type == DHCP_REQUEST)
		return take_request(l, m, now_ns);
	if (m->type == DHCP_RELEASE)
		take_release(l, m);
	return LEASE_OK;
}

enum lease_reason leases_message(struct leases *l, const uint8_t *bytes, size_t len,
				 uint64_t now_ns)
{
	struct message m;
	enum lease_reason reason = parse(bytes, len, &m);

	l->messages++;
	if (!reason)
		reason = take(l, &m, now_ns);
	if (reason)
		l->refused[reason]++;
	else
		l->taken++;
	return reason;
}

const char *leases_name(const struct leases *l, const struct ip_addr *addr, const uint8_t *mac,
			uint64_t now_ns)
{
	const struct holder *h = table_get(l->holders, holder_key(l, addr));

	if (!h || h->until_ns <= now_ns)
		return NULL;
	if (mac ? memcmp(h->mac, mac, sizeof(h->mac)) : !h->confirmed)
		return NULL;
	return h->name;
}

void leases_stats(const struct leases *l, struct lease_stats *ret)
{
	*ret = (struct lease_stats){
		.messages = l->messages,
		.taken = l->taken,
		.names = table_count(l->holders),
		.evicted = table_evictions(l->clients) + table_evictions(l->holders),
		.table_bytes = table_bytes(l->clients) + table_bytes(l->holders),
	};
	memcpy(ret->refused, l->refused, sizeof(ret->refused));
}
