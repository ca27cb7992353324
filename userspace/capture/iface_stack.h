/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces that stand on others: a bridge or bond on its ports, a VLAN or macvlan on the
 * interface it is part of.  What arrives at the upper one has passed a lower one, so that a program
 * on both would see it twice.
 */
#ifndef CAPTURE_IFACE_STACK_H
#define CAPTURE_IFACE_STACK_H

#include "capture/iface_watch.h"

struct iface_stack {
	struct iface *all;
	size_t len;
};

/* All interfaces there are now; free with iface_stack_fini(). 0 or negative errno. */
int iface_stack_read(struct iface_stack *ret);
void iface_stack_fini(struct iface_stack *s);

typedef bool (*iface_watched_fn)(void *ctx, unsigned int ifindex);

enum iface_place {
	IFACE_APART, /* nothing below it is watched */
	IFACE_PARTLY, /* some of what arrives there is seen below it as well */
	IFACE_COVERED, /* all of it is */
};

enum iface_place iface_place(const struct iface_stack *s, const struct iface *iface,
			     iface_watched_fn watched, void *ctx);

#endif
