// SPDX-License-Identifier: BSD-2-Clause
/*
 * Benign classes.  The numbers are what real traces showed of these services (answers, TTL,
 * addresses and networks a name) with room on both sides; rates and populations are those of a
 * site of some hundred hosts.
 */
#include "profile.h"

#include <string.h>

#define WEB	    .ports = { 443, 80 }
#define VISITORS    .clients = { 2, 300 }, .queries_h = { 2, 240 }, .connects = 0.7, .fail = { 0, 0.02 }
#define ESTABLISHED .known = 0.9

const struct profile profiles_benign[] = {
	{ .id = "B1", .title = "anycast static", .choosing = CHOOSE_ALL,
	  .placement = PLACE_ANYCAST, .pool = { 1, 5 }, .answers = { 1, 5 }, .ttl_s = { 300, 300 },
	  .networks = { 1, 1 }, .v6 = 0.2, VISITORS, ESTABLISHED, WEB },
	{ .id = "B2", .title = "Akamai-like", .choosing = CHOOSE_SLOT,
	  .placement = PLACE_EMBEDDED, .pool = { 8, 60 }, .answers = { 1, 2 }, .ttl_s = { 20, 20 },
	  .networks = { 1, 3 }, .slot_s = { 1200, 2700 }, .cnames = { 1, 3 }, VISITORS,
	  ESTABLISHED, WEB },
	{ .id = "B3", .title = "CloudFront-like", .choosing = CHOOSE_SETS,
	  .placement = PLACE_CDN, .pool = { 8, 56 }, .answers = { 4, 4 }, .ttl_s = { 60, 60 },
	  .networks = { 1, 1 }, .slot_s = { 300, 7200 }, .cnames = { 0, 2 }, .sets = { 2, 14 },
	  .v6 = 0.2, VISITORS, ESTABLISHED, WEB },
	{ .id = "B4", .title = "Google-like", .choosing = CHOOSE_SLOT, .placement = PLACE_CDN,
	  .pool = { 20, 120 }, .answers = { 1, 16 }, .ttl_s = { 300, 300 }, .networks = { 1, 1 },
	  .slot_s = { 300, 7200 }, .v6 = 0.2, VISITORS, ESTABLISHED, WEB },
	{ .id = "B5", .title = "ELB or ad exchange", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_CLOUD, .pool = { 8, 100 }, .answers = { 2, 8 }, .ttl_s = { 60, 60 },
	  .networks = { 1, 2 }, .life_h = { 8, 200 }, .cnames = { 0, 2 }, VISITORS, .known = 0.85,
	  WEB },
	{ .id = "B6", .title = "Azure Front Door, Traffic Manager", .choosing = CHOOSE_SLOT,
	  .placement = PLACE_CLOUD, .pool = { 2, 12 }, .answers = { 1, 1 }, .ttl_s = { 10, 60 },
	  .networks = { 1, 1 }, .slot_s = { 300, 3600 }, .cnames = { 2, 4 }, VISITORS, ESTABLISHED,
	  WEB },
	{ .id = "B7", .title = "CDN inside ISPs", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_EMBEDDED, .pool = { 10, 60 }, .answers = { 2, 10 },
	  .ttl_s = { 60, 600 }, .networks = { 4, 15 }, .cnames = { 1, 2 }, VISITORS, ESTABLISHED,
	  WEB },
	{ .id = "B8", .title = "NTP pool", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_VOLUNTEER, .pool = { 30, 1500 }, .answers = { 4, 4 },
	  .ttl_s = { 120, 150 }, .life_h = { 100, 1000 }, .names = { 3, 5 },
	  .clients = { 5, 300 }, .queries_h = { 4, 120 }, .connects = 0.9, .fail = { 0.01, 0.1 },
	  .ns = NS_OWN, .known = 0.95, .beacon = 0.3, .ports = { 123 }, .udp = true,
	  .shared_zone = true },
	{ .id = "B9", .title = "coin seeds", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_VOLUNTEER, .pool = { 1000, 5000 }, .answers = { 20, 25 },
	  .ttl_s = { 60, 3600 }, .life_h = { 12, 72 }, .clients = { 1, 5 }, .queries_h = { 1, 12 },
	  .connects = 3, .fail = { 0.1, 0.4 }, .peers = { 8, 24 }, .ns = NS_OWN, .known = 0.5,
	  .ports = { 8333, 18333, 9333 } },
	{ .id = "B10", .title = "Tor, IPFS, torrent bootstrap", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_VOLUNTEER, .pool = { 25, 100 }, .answers = { 1, 25 },
	  .ttl_s = { 60, 3600 }, .life_h = { 48, 1000 }, .clients = { 1, 10 },
	  .queries_h = { 1, 30 }, .connects = 2, .fail = { 0.05, 0.3 }, .peers = { 8, 24 },
	  .ns = NS_OWN, .known = 0.5, .ports = { 4001, 6881, 9001 } },
	{ .id = "B11", .title = "VPN and mining node lists", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_VPS, .pool = { 20, 200 }, .answers = { 1, 10 }, .ttl_s = { 60, 300 },
	  .networks = { 10, 40 }, .life_h = { 200, 2000 }, .clients = { 1, 10 },
	  .queries_h = { 1, 60 }, .connects = 0.9, .fail = { 0, 0.05 }, .known = 0.5,
	  .ports = { 443, 1194, 3333 } },
	{ .id = "B12", .title = "dynamic DNS", .choosing = CHOOSE_SEQUENCE,
	  .placement = PLACE_ACCESS, .pool = { 1, 1 }, .answers = { 1, 1 }, .ttl_s = { 30, 300 },
	  .networks = { 1, 1 }, .countries = { 1, 1 }, .slot_s = { 21600, 288000 },
	  .clients = { 1, 6 }, .queries_h = { 1, 60 }, .connects = 0.8, .fail = { 0, 0.1 },
	  .known = 0.8, .beacon = 0.3, .ports = { 443, 22, 8123 }, .shared_zone = true },
	{ .id = "B13", .title = "geo-DNS, failover, blue/green", .choosing = CHOOSE_SLOT,
	  .placement = PLACE_CLOUD, .pool = { 6, 14 }, .answers = { 2, 4 }, .ttl_s = { 30, 60 },
	  .networks = { 3, 3 }, .slot_s = { 3600, 14400 }, VISITORS, ESTABLISHED, WEB },
	{ .id = "B14", .title = "autoscaling, CI, tunnels", .choosing = CHOOSE_SEQUENCE,
	  .placement = PLACE_CLOUD, .pool = { 1, 1 }, .answers = { 1, 1 }, .ttl_s = { 30, 300 },
	  .networks = { 1, 1 }, .slot_s = { 7200, 43200 }, .clients = { 1, 60 },
	  .queries_h = { 1, 120 }, .connects = 0.8, .fail = { 0, 0.03 }, .known = 0.8, WEB },
	{ .id = "B15", .title = "DNS injection", .choosing = CHOOSE_FORGED,
	  .placement = PLACE_CDN, .pool = { 4, 20 }, .answers = { 1, 4 }, .ttl_s = { 60, 300 },
	  .networks = { 1, 1 }, .clients = { 1, 100 }, .queries_h = { 2, 120 }, .connects = 0.5,
	  .fail = { 0.5, 1 }, .known = 0.8, WEB },
	{ .id = "B16", .title = "resolver farm flips", .choosing = CHOOSE_SETS,
	  .placement = PLACE_EMBEDDED, .pool = { 8, 60 }, .answers = { 1, 6 },
	  .ttl_s = { 20, 600 }, .networks = { 1, 6 }, .slot_s = { 60, 3600 }, .cnames = { 0, 2 },
	  .sets = { 2, 14 }, .caches = { 2, 16 }, VISITORS, ESTABLISHED, WEB },
	{ .id = "B17", .title = "DNSBL, private, sinkhole, parking", .choosing = CHOOSE_LOCAL,
	  .placement = PLACE_HOSTER, .pool = { 1, 30 }, .answers = { 1, 3 },
	  .ttl_s = { 60, 3600 }, .networks = { 1, 1 }, .clients = { 1, 60 },
	  .queries_h = { 2, 240 }, .connects = 0.2, .fail = { 0, 0.3 }, .known = 0.8, WEB },
	{ .id = "B18", .title = "site migration", .choosing = CHOOSE_MOVE,
	  .placement = PLACE_HOSTER, .pool = { 1, 6 }, .answers = { 1, 6 }, .ttl_s = { 60, 3600 },
	  .networks = { 1, 2 }, VISITORS, .known = 0.95, WEB },
	{ .id = "B19", .title = "mail, SIP/STUN, game servers", .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_VPS, .pool = { 4, 40 }, .answers = { 2, 8 }, .ttl_s = { 60, 3600 },
	  .networks = { 1, 4 }, .life_h = { 500, 5000 }, .clients = { 2, 100 },
	  .queries_h = { 2, 120 }, .connects = 0.8, .fail = { 0, 0.05 }, ESTABLISHED,
	  .ports = { 25, 3478, 27015 } },
};

const size_t profiles_benign_len = sizeof(profiles_benign) / sizeof(profiles_benign[0]);

const struct profile *profile_find(const char *id)
{
	for (size_t i = 0; i < profiles_benign_len; i++)
		if (!strcmp(profiles_benign[i].id, id))
			return &profiles_benign[i];
	for (size_t i = 0; i < profiles_malicious_len; i++)
		if (!strcmp(profiles_malicious[i].id, id))
			return &profiles_malicious[i];
	return NULL;
}
