/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What really went past the monitor about the malicious instances, to hold the evidence of alerts
 * against: addresses, name servers and askers of each name, processes that connected.
 */
#ifndef TRAFFIC_TRUTH_H
#define TRAFFIC_TRUTH_H

#include "detect/alert.h"
#include "libsite.h"

struct truths;

/* How an alert's evidence compares; a plain value. Counts of things named, right, and there. */
struct evidence_marks {
	bool held;			/* there was an alert to compare */
	bool has_asns;
	double distinct, effective_asns; /* stated over true */
	uint32_t networks_named, networks_right;
	uint32_t hosts_named, hosts_right, hosts_true, hosts_found;
	uint32_t processes_named, processes_right, processes_true;
	uint32_t servers_named, servers_right, servers_true;
};

int truths_new(const struct net *net, const struct instance *instances, size_t len,
	       struct truths **ret);
void truths_free(struct truths *t);

void truths_response(struct truths *t, const struct dns_observation *obs, uint32_t instance);
void truths_connection(struct truths *t, const struct connection *conn, uint32_t instance);

/* When a third address was answered: for one name of the instance, or for any; 0: never. */
uint64_t truths_third_ns(const struct truths *t, uint32_t instance, bool of_any);

/* False when nothing is known of the name the alert is about. */
bool truths_compare(const struct truths *t, const struct alert *alert, uint32_t instance,
		    struct evidence_marks *ret);

#endif
