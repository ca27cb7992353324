/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The view that `run` shows on a terminal: a status block at the bottom, redrawn in place, and
 * alerts and changes scrolling by above it. Without a terminal (or TERM=dumb) only the scrolling
 * part.
 *
 * Never blocks: what a stopped terminal does not take is kept up to a limit; then whole events
 * are dropped and counted, and shown as such when it goes on.
 *
 * Messages of base/log.h that would go to the same terminal scroll by with the events, from
 * whichever thread they come; everything else here belongs to one thread.
 */
#ifndef UI_LIVE_H
#define UI_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/view.h"

struct live;

/* @fd is borrowed; its flags are left as they are: a terminal is opened once more, so call this
 * while that is still allowed. */
int live_new(int fd, struct live **ret);
/* The last block stays on the screen, messages go to standard error again. NULL is fine. */
void live_free(struct live *l);

/* Text of one or more lines to scroll by; control characters other than newlines and colours
 * (SGR) are shown as '?'. */
void live_event(struct live *l, const char *text, size_t len);

/* Redraw the block with what is the case now; skipped while the terminal is behind. */
void live_status(struct live *l, const struct status *status);

/* Send what waits, as far as the terminal takes it; call once a second or so. */
void live_pump(struct live *l);
bool live_is_behind(const struct live *l);
uint64_t live_dropped(const struct live *l); /* events */

#endif
