// SPDX-License-Identifier: BSD-2-Clause
#include "capture/flow_watch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/table.h"

#define ADDRESSES 32768 /* as the detector's own table of them */
#define UDP_FLOWS 32768

enum { TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct known { /* an address, or a UDP flow */
	uint64_t key;
};

struct flow_watch {
	struct table *addresses, *udp;
};

int flow_watch_new(struct flow_watch **ret)
{
	struct flow_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	if (table_new(sizeof(struct known), ADDRESSES, NULL, NULL, &w->addresses) ||
	    table_new(sizeof(struct known), UDP_FLOWS, NULL, NULL, &w->udp)) {
		flow_watch_free(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

void flow_watch_free(struct flow_watch *w)
{
	if (!w)
		return;
	table_free(w->addresses);
	table_free(w->udp);
	free(w);
}

static uint64_t address_key(const uint8_t addr[16])
{
	return hash_nonzero(hash_keyed(&hash_key_fixed, addr, 16));
}

void flow_watch_set(struct flow_watch *w, const struct ip_addr *addr, bool on)
{
	uint64_t key = address_key(addr->b);
	void *entry = table_get(w->addresses, key);
	bool is_new;

	if (on)
		table_put(w->addresses, key, &is_new);
	else if (entry)
		table_remove(w->addresses, entry);
}

bool flow_watch_wants(uint8_t ip_proto, uint8_t tcp_flags)
{
	return ip_proto == IPPROTO_UDP ||
	       (ip_proto == IPPROTO_TCP && tcp_flags & (TCP_SYN | TCP_RST));
}

/* The same for both directions: an answer opens no flow. */
static bool is_new_udp(struct flow_watch *w, const struct ft_packet *pkt)
{
	uint8_t end[2][18];
	bool is_new = false;

	memcpy(end[0], pkt->src, 16);
	memcpy(end[0] + 16, &pkt->sport, 2);
	memcpy(end[1], pkt->dst, 16);
	memcpy(end[1] + 16, &pkt->dport, 2);
	table_put(w->udp,
		  hash_nonzero(hash_keyed(&hash_key_fixed, end[0], sizeof(end[0])) +
			       hash_keyed(&hash_key_fixed, end[1], sizeof(end[1]))),
		  &is_new);
	return is_new;
}

uint8_t flow_watch_event(struct flow_watch *w, const struct ft_packet *pkt, uint8_t tcp_flags)
{
	if (!table_count(w->addresses) || !pkt->sport ||
	    !flow_watch_wants(pkt->ip_proto, tcp_flags) ||
	    (!table_get(w->addresses, address_key(pkt->src)) &&
	     !table_get(w->addresses, address_key(pkt->dst))))
		return 0;
	if (pkt->ip_proto == IPPROTO_UDP)
		return pkt->dport && is_new_udp(w, pkt) ? FT_FLOW_UDP : 0;
	if (tcp_flags & TCP_RST)
		return FT_FLOW_RST;
	return tcp_flags & TCP_ACK ? FT_FLOW_SYNACK : FT_FLOW_SYN;
}
