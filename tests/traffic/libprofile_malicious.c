// SPDX-License-Identifier: BSD-2-Clause
/*
 * Malicious classes, after published descriptions of flux networks.  `known` is the share of
 * domains that sat parked at the site through the warm-up before they turned: aged domains are on
 * sale.  The flood of random names (M14) has no instances; libsite.c makes it.
 */
#include "profile.h"

#define BOT_FAIL  .fail = { 0.1, 0.4 }
#define INFECTED  .clients = { 1, 6 }, .queries_h = { 2, 240 }, .beacon = 0.5, .connects = 0.8
#define SHORT_TTL .ttl_s = { 0, 300 }
#define AGED	  .known = 0.1
#define WEB	  .ports = { 80, 443, 8080 }
#define BOTS	  .placement = PLACE_ACCESS, .life_h = { 4, 20 }, .networks = { 20, 100 }

const struct profile profiles_malicious[] = {
	{ .id = "M1", .title = "classic single flux", .malicious = true,
	  .choosing = CHOOSE_UNIFORM, BOTS, .countries = { 2, 30 }, .pool = { 500, 2000 },
	  .answers = { 3, 10 }, SHORT_TTL, INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M2", .title = "Dark Cloud", .malicious = true, .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_ACCESS, .life_h = { 4, 48 }, .networks = { 35, 55 },
	  .countries = { 1, 2 }, .pool = { 300, 3000 }, .answers = { 10, 10 },
	  .ttl_s = { 60, 150 }, INFECTED, BOT_FAIL, .known = 0.2, .ns_flux = 0.5,
	  .glue_ttl_s = { 60, 1800 }, WEB },
	{ .id = "M3", .title = "bulletproof host, 2025", .malicious = true,
	  .choosing = CHOOSE_SLOT, .placement = PLACE_ACCESS, .life_h = { 12, 72 },
	  .networks = { 15, 60 }, .countries = { 2, 20 }, .pool = { 150, 250 },
	  .answers = { 1, 3 }, .ttl_s = { 60, 300 }, .slot_s = { 300, 600 }, INFECTED, BOT_FAIL,
	  AGED, WEB },
	{ .id = "M4", .title = "small pool", .malicious = true, .choosing = CHOOSE_UNIFORM,
	  .placement = PLACE_ACCESS, .life_h = { 6, 48 }, .networks = { 12, 30 },
	  .countries = { 2, 15 }, .pool = { 20, 40 }, .answers = { 1, 5 }, .ttl_s = { 60, 300 },
	  INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M5", .title = "evasive TTL", .malicious = true, .choosing = CHOOSE_UNIFORM, BOTS,
	  .countries = { 2, 30 }, .pool = { 400, 800 }, .answers = { 4, 4 },
	  .ttl_s = { 1800, 7200 }, INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M6", .title = "VPS flux", .malicious = true, .choosing = CHOOSE_SEQUENCE,
	  .placement = PLACE_VPS, .networks = { 3, 6 }, .pool = { 1, 1 }, .answers = { 1, 1 },
	  .ttl_s = { 60, 600 }, .slot_s = { 600, 1800 }, INFECTED, .fail = { 0, 0.15 }, AGED, WEB },
	{ .id = "M7", .title = "slow flux", .malicious = true, .choosing = CHOOSE_SEQUENCE,
	  .placement = PLACE_VPS, .networks = { 1, 4 }, .pool = { 1, 1 }, .answers = { 1, 1 },
	  .ttl_s = { 60, 7200 }, .slot_s = { 10800, 43200 }, .names = { 3, 30 },
	  .clients = { 1, 4 }, .queries_h = { 2, 24 }, .beacon = 0.5, .connects = 0.8,
	  .fail = { 0.02, 0.3 }, AGED, WEB },
	{ .id = "M8", .title = "double flux", .malicious = true, .choosing = CHOOSE_UNIFORM, BOTS,
	  .countries = { 2, 30 }, .pool = { 300, 2000 }, .answers = { 2, 10 }, SHORT_TTL, INFECTED,
	  BOT_FAIL, AGED, .ns = NS_FLUX, .glue_ttl_s = { 60, 1800 }, WEB },
	{ .id = "M9", .title = "wildcard, N-level", .malicious = true, .choosing = CHOOSE_LABELS,
	  BOTS, .countries = { 2, 30 }, .pool = { 100, 1000 }, .answers = { 1, 1 },
	  .ttl_s = { 60, 600 }, .sets = { 50, 5000 }, INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M10", .title = "hydra flux", .malicious = true, .choosing = CHOOSE_HYDRA, BOTS,
	  .countries = { 2, 30 }, .pool = { 500, 2000 }, .answers = { 3, 10 }, SHORT_TTL,
	  .slot_s = { 1800, 14400 }, .sets = { 2, 5 }, INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M11", .title = "decoy addresses", .malicious = true, .choosing = CHOOSE_DECOY,
	  BOTS, .countries = { 2, 30 }, .pool = { 200, 2000 }, .answers = { 4, 10 }, SHORT_TTL,
	  INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M12", .title = "IPv6 flux", .malicious = true, .choosing = CHOOSE_UNIFORM, BOTS,
	  .countries = { 2, 30 }, .pool = { 200, 2000 }, .answers = { 2, 8 }, SHORT_TTL, .v6 = 1,
	  INFECTED, BOT_FAIL, AGED, WEB },
	{ .id = "M13", .title = "mimicry", .malicious = true, .choosing = CHOOSE_REUSE,
	  .placement = PLACE_ACCESS, .networks = { 25, 60 }, .countries = { 2, 20 },
	  .pool = { 400, 2000 }, .answers = { 4, 4 }, .ttl_s = { 60, 60 }, .slot_s = { 60, 300 },
	  .cnames = { 1, 2 }, .sets = { 3, 5 }, INFECTED, BOT_FAIL, AGED, WEB },
};

const size_t profiles_malicious_len = sizeof(profiles_malicious) / sizeof(profiles_malicious[0]);
