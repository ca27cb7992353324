/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The classes of traffic: what is benign and looks like flux, what is flux.  A profile gives the
 * ranges from which each instance draws its own parameters; the tables are in
 * libprofile_benign.c and libprofile_malicious.c.
 */
#ifndef TRAFFIC_PROFILE_H
#define TRAFFIC_PROFILE_H

#include "random.h"

/* How the authoritative side chooses an answer. */
enum choosing {
	CHOOSE_ALL,	 /* the whole pool, always */
	CHOOSE_UNIFORM,	 /* k of the pool, anew for each question */
	CHOOSE_SLOT,	 /* k of a subset that is redrawn each slot */
	CHOOSE_SETS,	 /* one of the pool's fixed sets of k, mostly the one of the slot */
	CHOOSE_SEQUENCE, /* k new addresses each slot; they never come back */
	CHOOSE_REUSE,	 /* as slot, but each address serves in several separate slots */
	CHOOSE_DECOY,	 /* uniform, half the answer borrowed from a large content network */
	CHOOSE_HYDRA,	 /* uniform in one of several disjoint pools, another each slot */
	CHOOSE_LABELS,	 /* one address a label; labels are many */
	CHOOSE_FORGED,	 /* a forged answer from a small shared pool before the true one */
	CHOOSE_MOVE,	 /* all of the pool, which moves elsewhere once */
	CHOOSE_LOCAL,	 /* addresses that are not global, sinkholes, parking */
};

/* Where addresses lie. */
enum placement {
	PLACE_HOSTER,	/* shared addresses of a hosting company of the site's world */
	PLACE_ANYCAST,	/* an anycast content network */
	PLACE_CDN,	/* a content network in its own AS */
	PLACE_CLOUD,	/* own addresses in a large cloud */
	PLACE_EMBEDDED, /* a content network's nodes inside access networks */
	PLACE_ACCESS,	/* homes: access networks, heavy-tailed, a few countries */
	PLACE_VPS,	/* rented servers in the given number of hosting networks */
	PLACE_VOLUNTEER,/* one of anything, each elsewhere */
};

enum nameservers {
	NS_PROVIDER,	/* of the hosting company or content network: many zones share the set */
	NS_OWN,		/* in the zone itself, constant */
	NS_FLUX,	/* names in or out of the zone, addresses from the answer pool, moving */
};

enum { ANSWER_MAX = 25, PORTS_MAX = 3 };

struct profile {
	const char *id, *title;
	bool malicious;
	enum choosing choosing;
	enum placement placement;
	struct range pool, answers, ttl_s, networks; /* networks: how many ASes */
	struct range countries;			     /* PLACE_ACCESS: bots come from so many */
	struct range slot_s;
	struct range life_h;	/* mean life of a pool member; 0: for ever */
	struct range cnames;	/* links between the name asked and the owner of the addresses */
	struct range names;	/* names an instance is asked by */
	struct range clients, queries_h;
	struct range fail;	/* share of connections that fail */
	struct range peers;	/* same-port peers contacted that no answer held */
	double known;		/* share of instances that were there all through the warm-up */
	double beacon;		/* share whose clients ask at a steady interval */
	double v6;		/* share of instances that answer AAAA */
	double connects;	/* connections for each question */
	enum nameservers ns;
	double ns_flux;		/* share of instances with NS_FLUX instead */
	struct range glue_ttl_s;
	uint16_t ports[PORTS_MAX]; /* one is drawn; zero-ended when fewer */
	bool udp;
	bool shared_zone;	/* instances of a site live below one registered domain */
	struct range sets;	/* sets (CHOOSE_SETS), pools (HYDRA), uses of an address (REUSE),
				 * labels (LABELS) */
	struct range caches;	/* caches behind one resolver address; 0: as the site has */
};

extern const struct profile profiles_benign[];
extern const struct profile profiles_malicious[];
extern const size_t profiles_benign_len, profiles_malicious_len;

/* By id ("B8", "M2"), or NULL. */
const struct profile *profile_find(const char *id);

#endif
