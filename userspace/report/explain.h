/* SPDX-License-Identifier: BSD-2-Clause */
/* What `explain NAME` shows: the judgement, how it came about, what else it might be. */
#ifndef REPORT_EXPLAIN_H
#define REPORT_EXPLAIN_H

#include "report/benign.h"
#include "report/eve.h"
#include "report/human.h"
#include "report/timeline.h"

struct explanation {
	const struct alert *alert; /* the evaluation as of alert->time_ns */
	struct timeline_view timeline;
	struct benign_match benign;
	const char *reproduce; /* a shell command, or NULL and … */
	const char *no_reproduce; /* … why there is none */
};

/* @t may be NULL. The commands stay borrowed. */
void explanation_fill(struct explanation *ret, const struct alert *alert, struct timeline *t);

/* The block of the alert with the rest below it. */
void human_explanation(struct buf *out, const struct human_style *style,
		       const struct explanation *e);
/* Without that block. */
void human_explained(struct buf *out, const struct human_style *style, const struct explanation *e);

/* The alert event with one member more: "explain". With its newline. */
void eve_explanation(struct buf *out, const struct eve_context *ctx, const struct explanation *e);
/* {"timeline":[…],…} and a comma: the value of "explain". */
void explain_json(struct buf *out, int utc_offset_s, const struct explanation *e);

#endif
