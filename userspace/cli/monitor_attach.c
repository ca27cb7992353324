// SPDX-License-Identifier: BSD-2-Clause
/* The kernel side of the monitor: loading, and interfaces coming, changing and going. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/monitor_impl.h"

#define TRIES_MAX 3 /* to attach to an interface */

int monitor_open_kernel(struct monitor *m)
{
	struct kernel_config cfg;
	char err[512] = "";
	int rc;

	setup_kernel_config(m->setup, &cfg);
	rc = kernel_open(&cfg, &m->kernel, err, sizeof(err));
	if (rc)
		log_error("kernel programs: %s", err);
	return rc;
}

int monitor_open_connect(struct monitor *m)
{
	struct connect_config cfg = connect_config_default();
	struct hash_key key;
	int rc;

	if (!m->setup->config->connect.enabled)
		return 0;
	hash_key_random(&key);
	rc = connect_open(&cfg, &key, &m->connect);
	if (!rc)
		rc = connect_attach(m->connect);
	if (!rc)
		rc = connect_existing(m->connect, monitor_clock(), monitor_connection, m);
	if (rc < 0) { /* the main job goes on without: each alert's vantage says so */
		log_warn("connections are not watched: %s", strerror(-rc));
		connect_close(m->connect);
		m->connect = NULL;
	}
	return 0;
}

/* --- interfaces ------------------------------------------------------------------------------ */

static struct monitor_interface *find_interface(struct monitor *m, unsigned int ifindex)
{
	for (size_t i = 0; i < m->interfaces_len; i++)
		if (m->interfaces[i].ifindex == ifindex)
			return &m->interfaces[i];
	return NULL;
}

const char *monitor_interface_name(void *ctx, uint32_t ifindex)
{
	struct monitor *m = ctx;
	struct monitor_interface *i = find_interface(m, ifindex);

	if (i)
		return i->name;
	/* a port of a bond that runs the program in its stead */
	if (m->port_index != ifindex && if_indextoname(ifindex, m->port_name))
		m->port_index = ifindex;
	return m->port_index == ifindex ? m->port_name : NULL;
}

static struct monitor_interface *add_interface(struct monitor *m, const struct iface *iface)
{
	struct monitor_interface *found = find_interface(m, iface->ifindex);

	if (!found && m->interfaces_len == m->interfaces_cap) {
		size_t cap = m->interfaces_cap ? m->interfaces_cap * 2 : 8;
		void *grown = cap > IFACE_MAX ? NULL : realloc(m->interfaces, cap * sizeof(*found));

		if (!grown)
			return NULL;
		m->interfaces = grown;
		m->interfaces_cap = cap;
	}
	if (!found)
		found = &m->interfaces[m->interfaces_len++];
	memset(found, 0, sizeof(*found));
	found->ifindex = iface->ifindex;
	memcpy(found->name, iface->name, sizeof(found->name));
	found->type = iface->type;
	return found;
}

static bool is_watched(void *ctx, unsigned int ifindex)
{
	return find_interface(ctx, ifindex) != NULL;
}

static int attach(struct monitor *m, struct monitor_interface *i)
{
	char err[512] = "";
	int rc;

	if (i->tries++ >= TRIES_MAX)
		return 0;
	rc = kernel_attach(m->kernel, i->name, i->type, &i->mode, err, sizeof(err));
	if (rc)
		log_error("%s", err); /* names the interface */
	else
		log_info("%s: watching (%s)", i->name, i->mode);
	m->attach_pending |= rc && i->tries < TRIES_MAX;
	return rc;
}

/* Where nothing arrives that is not seen below, a program would see it twice. */
static void leave(struct monitor *m, struct monitor_interface *i)
{
	if (i->mode)
		kernel_detach(m->kernel, i->name);
	i->mode = NULL;
	i->tries = 0;
	if (i->place != IFACE_COVERED)
		log_info("%s: watching by the interfaces below it: all that arrives here passes "
			 "them and is reported there",
			 i->name);
}

static int settle(struct monitor *m, struct monitor_interface *i, enum iface_place place)
{
	int err = 0;

	if (place == IFACE_COVERED)
		leave(m, i);
	else if (!i->mode)
		err = attach(m, i);
	if (place == IFACE_PARTLY && i->place != IFACE_PARTLY)
		log_warn("%s: some of the interfaces below it are watched as well: what passes "
			 "both counts twice; watch all of those below, or none",
			 i->name);
	i->place = place;
	return err;
}

/* Attach to what is not attached to yet, knowing which interface stands on which. */
static int settle_all(struct monitor *m)
{
	unsigned int below[IFACE_MAX];
	struct iface_stack stack;
	size_t n = 0;
	int err = iface_stack_read(&stack), rc;

	if (err)
		return err;
	for (size_t i = 0; i < stack.len; i++) {
		struct monitor_interface *mine = find_interface(m, stack.all[i].ifindex);
		enum iface_place place = iface_place(&stack, &stack.all[i], is_watched, m);

		rc = mine ? settle(m, mine, place) : 0;
		err = err ? err : rc;
		if (place == IFACE_COVERED)
			below[n++] = stack.all[i].ifindex;
	}
	kernel_seen_below(m->kernel, below, n);
	iface_stack_fini(&stack);
	return err;
}

static int note_interface(void *ctx, const struct iface *iface)
{
	struct monitor *m = ctx;

	if (find_interface(m, iface->ifindex))
		return 0; /* matched by two patterns */
	return add_interface(m, iface) ? 0 : -ENOMEM;
}

static void on_interface(void *ctx, enum iface_event event, const struct iface *iface,
			 const struct iface *old)
{
	struct monitor *m = ctx;
	struct monitor_interface *i = find_interface(m, iface->ifindex);

	if (event == IFACE_GONE) {
		log_warn("%s: interface is gone; waiting for it to return", iface->name);
		if (i) {
			kernel_detach(m->kernel, i->name);
			*i = m->interfaces[--m->interfaces_len];
		}
	} else if (event == IFACE_APPEARED) {
		if (!i)
			add_interface(m, iface);
	} else if (old && (old->up != iface->up || old->carrier != iface->carrier)) {
		log_info("%s: %s", iface->name,
			 !iface->up	  ? "down"
			 : iface->carrier ? "up"
					  : "up, no carrier");
	} else if (old && old->mtu != iface->mtu) {
		log_info("%s: MTU is now %u", iface->name, iface->mtu);
	}
}

void monitor_detach(struct monitor *m)
{
	for (size_t i = 0; i < m->interfaces_len; i++)
		if (m->interfaces[i].mode)
			kernel_detach(m->kernel, m->interfaces[i].name);
}

/* A new interface is tried once a second, some times: its driver may not be ready at first. */
void monitor_attach_pending(struct monitor *m)
{
	int err;

	if (!m->attach_pending)
		return;
	m->attach_pending = false;
	err = settle_all(m);
	if (err)
		log_debug("interfaces: %s", strerror(-err));
}

static int name_missing(const char *const *patterns, size_t missing)
{
	log_error("no interface '%s'; `ip link` lists what there is", patterns[missing]);
	return -ENODEV;
}

static int watch_interfaces(struct monitor *m, const char *const *patterns, size_t n)
{
	int err = iface_watch_open(patterns, n, false, on_interface, m, &m->watch);

	if (err)
		log_warn("interfaces are not watched for coming and going: %s", strerror(-err));
	return 0;
}

static int attach_patterns(struct monitor *m, const char *const *patterns, size_t n)
{
	size_t missing = 0;
	int err = iface_expand(patterns, n, note_interface, m, &missing);

	if (err == -ENODEV && !m->interfaces_len)
		return name_missing(patterns, missing);
	if (!err)
		err = settle_all(m);
	return err ? err : watch_interfaces(m, patterns, n);
}

static int attach_defaults(struct monitor *m)
{
	static const char *const loopback[] = { "lo" };
	const char *names[MONITOR_INTERFACES_MAX];
	size_t n = 0;
	int err = iface_default(note_interface, m);

	if (err == -ENOENT)
		log_warn("no default route: watching lo only; name interfaces with -i");
	else if (err)
		return err;
	err = iface_expand(loopback, 1, note_interface, m, NULL);
	if (!err)
		err = settle_all(m);
	if (err)
		return err;
	while (n < m->interfaces_len && n < MONITOR_INTERFACES_MAX)
		names[n] = m->interfaces[n].name, n++;
	return watch_interfaces(m, names, n);
}

int monitor_open_interfaces(struct monitor *m)
{
	const struct config *c = m->setup->config;

	if (m->opt->interfaces_len)
		return attach_patterns(m, m->opt->interfaces, m->opt->interfaces_len);
	if (c->interfaces.len)
		return attach_patterns(m, (const char *const *)c->interfaces.items,
				       c->interfaces.len);
	return attach_defaults(m);
}
