/* SPDX-License-Identifier: BSD-2-Clause */
/* A view as lines of text: rates, ledger, tables, and the highest-scored names. */
#ifndef UI_FRAME_H
#define UI_FRAME_H

#include "base/buf.h"
#include "ui/view.h"

struct frame_style {
	unsigned int columns, rows; /* of the terminal */
	bool color;
};

/* 80 by 24, or what the terminal at @fd says; colour on a terminal unless NO_COLOR is set
 * (no-color.org) or TERM is dumb. */
struct frame_style frame_style_of(int fd);

/*
 * Append at most @style->rows lines, each ending in a newline and at most @style->columns wide.
 * Rates are those between @before and @now; without @before, or when the monitor was started
 * anew in between, those since its start. The number of lines.
 */
unsigned int frame_render(struct buf *out, const struct view *now, const struct view *before,
			  const struct frame_style *style);

#endif
