/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A detection as a value: everything the "alert" event, the history and `explain` show.  Owned
 * by the detector and borrowed by the sink for the call.  Strings are NUL-terminated, empty for
 * absent.
 */
#ifndef DETECT_ALERT_H
#define DETECT_ALERT_H

#include "base/ip.h"
#include "dns/name.h"

enum verdict {
	VERDICT_NONE = 0,
	VERDICT_SINGLE_FLUX,
	VERDICT_DOUBLE_FLUX,
	VERDICT_SLOW_FLUX,
	VERDICT_WILDCARD_FLUX,
	VERDICT_SUSPECTED_POOL,
	VERDICT_DENIED, /* on a deny list, whatever its answers */
};

enum confidence { CONFIDENCE_NONE = 0, CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };
enum alert_state { ALERT_RAISED, ALERT_UPDATED, ALERT_DOWNGRADED };

#define ALERT_TERMS_MAX	    40
#define ALERT_IPS_MAX	    16
#define ALERT_ASNS_MAX	    5
#define ALERT_COUNTRIES_MAX 16
#define ALERT_NS_MAX	    16
#define ALERT_HOSTS_MAX	    16
#define ALERT_PROCS_MAX	    16
#define ALERT_HOME_MAX	    16
#define ALERT_CHANGE_MAX    2
#define ALERT_MEMBERS_MAX   16

struct alert_term {
	const char *name;	/* static */
	double value;		/* the input */
	double weight;
	double contribution;	/* to the score, in log-odds */
};

struct alert_ip {
	struct ip_addr ip;
	uint32_t asn;		/* 0 unknown */
	char country[3];
	uint64_t first_ns, last_ns;
	uint32_t sightings, connects;
};

struct alert_asn {
	uint32_t asn, count;
	char name[48];
};

struct alert_host {
	struct ip_addr ip;
	uint8_t mac[6];
	bool has_mac;
	char hostname[64]; /* as DHCP carried it past; empty: not known */
	uint32_t queries, connects;
};

struct alert_process {
	uint32_t pid, ppid, uid;
	char exe[256], comm[16], cmdline[256], unit[64], container_id[65];
	struct ip_addr host;
	uint32_t connects, failures, distinct_ips;
	uint64_t bytes_toserver, bytes_toclient;
};

struct alert_nameserver {
	struct dns_name name;
	uint64_t first_ns, last_ns;
	size_t ips_len;
	struct ip_addr ips[4];	/* glue */
};

struct alert {
	uint64_t time_ns;
	enum verdict verdict;
	enum alert_state state;
	enum confidence confidence;
	struct dns_name domain, registered_domain;
	double score, probability; /* log-odds; 1 / (1 + e^-score) */
	size_t terms_len;
	struct alert_term terms[ALERT_TERMS_MAX];

	struct {
		uint32_t distinct_ips, prefixes, ttl_max, fresh_sets, changes;
		bool has_pool;	/* pool estimate stated only from enough fresh sets on */
		double pool_estimate, pool_low, pool_high;
		double coverage, novelty, reentry, effective_asns;
		uint64_t first_ns, last_ns;
		size_t asns_len, countries_len, ips_len, nameservers_len;
		struct alert_asn asns[ALERT_ASNS_MAX];
		char countries[ALERT_COUNTRIES_MAX][3];
		struct alert_ip ips[ALERT_IPS_MAX];
		struct alert_nameserver nameservers[ALERT_NS_MAX];
	} evidence;

	size_t hosts_len, processes_len, home_nodes_len, would_change_if_len, members_len;
	struct alert_host hosts[ALERT_HOSTS_MAX];
	struct alert_process processes[ALERT_PROCS_MAX];
	struct ip_addr home_nodes[ALERT_HOME_MAX];
	const char *would_change_if[ALERT_CHANGE_MAX]; /* term names */
	struct dns_name members[ALERT_MEMBERS_MAX];    /* other names of the cluster */

	struct {
		bool ns_visible, connects_visible;
		uint32_t resolvers;
	} vantage;
	char suppressed_by[128]; /* allow-list entry and reason */
	char reason[128];	 /* of a downgrade or update, for people */
	bool allowlist_mismatch, degraded, is_home_node_alert;
};

const char *verdict_name(enum verdict v);	/* "single-flux", … */
const char *confidence_name(enum confidence c); /* "low", … */
const char *alert_state_name(enum alert_state s);

#endif
