/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: reads the monitor's events and keeps what was expected and what came. */
#ifndef LAB_LAB_WATCH_H
#define LAB_LAB_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "lab/lab.h"
#include "lab/lab_plan.h"

struct lab_watch {
	enum lab_scenario scenario;
	int64_t client_pid; /* the process that follows the rotating name */
	char client_exe[160];
	FILE *out; /* where alerts are shown; NULL: nowhere */

	struct buf line; /* what came of a line so far */
	uint64_t events, bad_lines;
	/* the rotating domain, over all its alerts */
	bool has_verdict; /* the scenario's own, at medium or above */
	bool has_process, has_host;
	unsigned int distinct_ips, nameservers;
	char verdict[32], confidence[16];
	/* the company */
	uint64_t company_seen[LAB_COMPANY];
	char company_flagged[LAB_COMPANY][64]; /* verdict and confidence; empty: not flagged */
	char company_score[LAB_COMPANY][24]; /* ", score …" at the end; empty: it has none */
	/* the ledger */
	bool has_stats, is_balanced; /* of the last "stats" event */
};

void lab_watch_init(struct lab_watch *w, enum lab_scenario scenario, FILE *out);
void lab_watch_fini(struct lab_watch *w);
/* Bytes of the event stream as they come; @elapsed_s is shown with what is told. */
void lab_watch_feed(struct lab_watch *w, const char *bytes, size_t len, unsigned int elapsed_s);

/* What the monitor answered when told to explain name @i of the company. */
void lab_watch_explained(struct lab_watch *w, int i, const char *reply);

/* All that the rotating domain should have brought is there. */
bool lab_watch_is_complete(const struct lab_watch *w);

/*
 * Write each expectation with its outcome, "ok" or "not ok", to @out. How many did not come.
 * @stopped_well: the monitor ended by itself when told to.
 */
unsigned int lab_watch_report(const struct lab_watch *w, FILE *out, bool stopped_well);

#endif
