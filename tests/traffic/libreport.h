/* SPDX-License-Identifier: BSD-2-Clause */
/* The evaluation as Markdown: one table a suite, and the targets with met or missed. */
#ifndef TRAFFIC_REPORT_H
#define TRAFFIC_REPORT_H

#include "librate.h"

/* Recall, times, standing alerts and baselines by class. */
void report_classes(FILE *f, const struct suite *s, const struct results *r);
/* Times to detect by query rate; double flux; tables and speed. */
void report_rates(FILE *f, const struct results *r);
/* What alerts named against what went past. */
void report_evidence(FILE *f, const struct suite *s, const struct results *r);
void report_totals(FILE *f, const struct suite *s, const struct results *r);

/* What the targets are judged on; suites that were not run are NULL. */
struct judged_results {
	const struct results *day, *week, *cold, *loss20, *flood, *calm;
};

/* Returns how many targets are missed. */
unsigned int report_targets(FILE *f, const struct judged_results *j);

#endif
