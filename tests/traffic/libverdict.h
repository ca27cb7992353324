/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One site run through correlator and detector, its alerts credited to the instances they name,
 * the baselines beside.
 */
#ifndef TRAFFIC_VERDICT_H
#define TRAFFIC_VERDICT_H

#include <stdio.h>
#include "detect/alert.h"
#include "detect/config.h"
#include "detect/detector.h"
#include "libbaseline.h"
#include "libsite.h"
#include "libtruth.h"

enum { CONFIDENCES = CONFIDENCE_HIGH + 1 };

/* What became of one instance; a plain value that can go through a pipe. */
struct outcome {
	char id[8];
	uint32_t site, index;
	bool malicious, background, known, resolver_side, ns_flux;
	double queries_h;
	uint32_t names;
	uint64_t responses;
	double minutes[CONFIDENCES]; /* from start to the first alert at least so sure; -1: none */
	uint32_t fresh_sets;	     /* at the first medium */
	bool standing[CONFIDENCES];  /* still so at the end of the counted span */
	uint32_t raised[2][CONFIDENCES]; /* times it came up to this level: learning, learned */
	double days[2];			 /* lived in either phase */
	bool verdicts[VERDICT_SUSPECTED_POOL + 1]; /* seen at medium or above */
	double score;		     /* largest met */
	double base_minutes[BASE_COUNT]; /* -1: did not fire */
	double naive, holz24, zeek;
	double third_minutes[2]; /* a third address was answered: for one name, for any; -1: never */
	struct evidence_marks evidence; /* of the last alert at medium or above */
};

struct site_totals {
	uint64_t responses, connections, alerts, names, evicted_names, evicted_candidates, folded;
	uint64_t digest; /* of all alerts in order */
	uint64_t stray;	 /* alerts on names of no instance (the flood) */
	size_t table_bytes, correlator_bytes;
	double cpu_s; /* generators, baselines and detector together */
};

struct trial {
	struct site_config site;
	struct detect_config detect;
	const char *asn_source; /* for enrich: "csv:FILE"; NULL: without ASNs */
	bool baselines;
	FILE *terms;		/* dump of the terms of each instance, or NULL */
	FILE *alerts;		/* one line each, or NULL */
};

/* @ret_outcomes is malloc'ed, one for each instance of the site. */
int trial_run(const struct trial *t, struct outcome **ret_outcomes, size_t *ret_len,
	      struct site_totals *ret_totals);

#endif
