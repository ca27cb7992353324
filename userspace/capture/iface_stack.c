// SPDX-License-Identifier: BSD-2-Clause
#include "capture/iface_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A VLAN on a bond on a bridge port: the kernel allows eight (MAX_NEST_DEV). */
#define DEPTH_MAX 8

static int add(void *ctx, const struct iface *iface)
{
	struct iface_stack *s = ctx;

	s->all[s->len++] = *iface;
	return s->len < IFACE_MAX ? 0 : 1;
}

int iface_stack_read(struct iface_stack *ret)
{
	static const char *const any[] = { "*" };
	int err;

	*ret = (struct iface_stack){ .all = calloc(IFACE_MAX, sizeof(*ret->all)) };
	if (!ret->all)
		return -ENOMEM;
	err = iface_expand(any, 1, add, ret, NULL);
	if (err < 0)
		iface_stack_fini(ret);
	return err < 0 ? err : 0;
}

void iface_stack_fini(struct iface_stack *s)
{
	free(s->all);
	*s = (struct iface_stack){ 0 };
}

/* Is @b directly below @a? */
static bool is_below(const struct iface *b, const struct iface *a)
{
	static const char *const gather[] = { "bridge", "bond", "team" };

	if (a->lower && b->ifindex == a->lower)
		return true;
	if (b->master != a->ifindex)
		return false;
	for (size_t i = 0; i < sizeof(gather) / sizeof(gather[0]); i++)
		if (!strcmp(a->kind, gather[i]))
			return true;
	return false;
}

static enum iface_place place(const struct iface_stack *s, const struct iface *iface,
			      iface_watched_fn watched, void *ctx, int depth)
{
	size_t below = 0, seen = 0, partly = 0;

	for (size_t i = 0; i < s->len && depth < DEPTH_MAX; i++) {
		enum iface_place at;

		if (!is_below(&s->all[i], iface))
			continue;
		at = watched(ctx, s->all[i].ifindex)
			     ? IFACE_COVERED
			     : place(s, &s->all[i], watched, ctx, depth + 1);
		below++;
		seen += at == IFACE_COVERED;
		partly += at == IFACE_PARTLY;
	}
	if (below && seen == below)
		return IFACE_COVERED;
	return seen || partly ? IFACE_PARTLY : IFACE_APART;
}

enum iface_place iface_place(const struct iface_stack *s, const struct iface *iface,
			     iface_watched_fn watched, void *ctx)
{
	return place(s, iface, watched, ctx, 0);
}
