// SPDX-License-Identifier: BSD-2-Clause
/* rtnetlink dumps of links and routes, and the comparison of two link dumps. */
#include "capture/iface_watch.h"

#include <errno.h>
#include <fnmatch.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"

struct iface_list {
	struct iface *items;
	size_t len, cap;
	bool full;
};

struct patterns {
	char **text;
	size_t n;
};

/* --- netlink -------------------------------------------------------------------------------- */

static int netlink_open(uint32_t groups, int flags)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

typedef int (*netlink_fn)(void *ctx, const struct nlmsghdr *msg);

/* Hand each message of one received datagram to @fn. 1: the dump ended. */
static int netlink_walk(const void *bytes, size_t len, netlink_fn fn, void *ctx)
{
	const struct nlmsghdr *msg = bytes;
	unsigned int left = (unsigned int)len;
	int err;

	for (; NLMSG_OK(msg, left); msg = NLMSG_NEXT(msg, left)) {
		if (msg->nlmsg_type == NLMSG_DONE)
			return 1;
		if (msg->nlmsg_type == NLMSG_ERROR) {
			err = ((const struct nlmsgerr *)NLMSG_DATA(msg))->error;
			return err ? err : 1;
		}
		err = fn(ctx, msg);
		if (err)
			return err;
	}
	return 0;
}

/* Ask for all objects of @type on @fd and hand each to @fn. */
static int netlink_dump(int fd, uint16_t type, uint8_t family, netlink_fn fn, void *ctx)
{
	_Alignas(8) uint8_t reply[32768]; /* a dump comes in pieces of at most 32 KiB */
	struct {
		struct nlmsghdr hdr;
		struct rtgenmsg gen;
		uint8_t pad[3];
	} req = {
		.hdr = { .nlmsg_len = sizeof(req), .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.gen = { .rtgen_family = family },
	};
	int err = 0;

	if (send(fd, &req, sizeof(req), 0) < 0)
		return -errno;
	while (err == 0) {
		ssize_t n = recv(fd, reply, sizeof(reply), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		err = netlink_walk(reply, (size_t)n, fn, ctx);
	}
	return err > 0 ? 0 : err;
}

/* --- types ---------------------------------------------------------------------------------- */

static bool is_before(unsigned int major, unsigned int minor)
{
	unsigned int has_major, has_minor;
	struct utsname name;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &has_major, &has_minor) == 2 &&
	       (has_major < major || (has_major == major && has_minor < minor));
}

enum iface_header iface_header(uint16_t type)
{
	switch (type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return IFACE_HEADER_ETHERNET;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
		return IFACE_HEADER_NONE;
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
		return is_before(5, 14) ? IFACE_HEADER_OUTER : IFACE_HEADER_NONE;
	default:
		return IFACE_HEADER_OTHER;
	}
}

/* --- links ---------------------------------------------------------------------------------- */

static void copy_text(char *dst, size_t size, const struct rtattr *attr)
{
	size_t n = RTA_PAYLOAD(attr);

	if (n >= size)
		n = size - 1;
	memcpy(dst, RTA_DATA(attr), n);
	dst[n] = '\0';
}

static void read_link_info(const struct rtattr *info, struct iface *ret)
{
	const struct rtattr *attr = RTA_DATA(info);
	unsigned int left = (unsigned int)RTA_PAYLOAD(info);

	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == IFLA_INFO_KIND)
			copy_text(ret->kind, sizeof(ret->kind), attr);
}

/* Of other kinds the attribute names something else: the peer of a veth, the way of a tunnel. */
static bool is_part_of_another(const char *kind)
{
	static const char *const kinds[] = { "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

static uint32_t read_u32(const struct rtattr *attr)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attr) >= sizeof(value))
		memcpy(&value, RTA_DATA(attr), sizeof(value));
	return value;
}

static void read_link(const struct nlmsghdr *msg, struct iface *ret)
{
	const struct ifinfomsg *link = NLMSG_DATA(msg);
	const struct rtattr *attr = IFLA_RTA(link);
	unsigned int left = (unsigned int)IFLA_PAYLOAD(msg);
	bool elsewhere = false;

	memset(ret, 0, sizeof(*ret));
	ret->ifindex = (unsigned int)link->ifi_index;
	ret->type = link->ifi_type;
	ret->up = link->ifi_flags & IFF_UP;
	ret->carrier = link->ifi_flags & IFF_RUNNING;
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == IFLA_IFNAME)
			copy_text(ret->name, sizeof(ret->name), attr);
		else if (attr->rta_type == IFLA_MTU)
			ret->mtu = read_u32(attr);
		else if (attr->rta_type == IFLA_MASTER)
			ret->master = read_u32(attr);
		else if (attr->rta_type == IFLA_LINK)
			ret->lower = read_u32(attr);
		else if (attr->rta_type == IFLA_LINK_NETNSID)
			elsewhere = true; /* in another namespace, where indices are others */
		else if (attr->rta_type == IFLA_LINKINFO)
			read_link_info(attr, ret);
	}
	if (elsewhere || !is_part_of_another(ret->kind))
		ret->lower = 0;
}

static int add_link(void *ctx, const struct nlmsghdr *msg)
{
	struct iface_list *list = ctx;
	struct iface *grown;
	size_t cap;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (list->len == IFACE_MAX) {
		list->full = true;
		return 0;
	}
	if (list->len == list->cap) {
		cap = list->cap ? list->cap * 2 : 16;
		grown = realloc(list->items, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->cap = cap;
	}
	read_link(msg, &list->items[list->len++]);
	return 0;
}

static int by_index(const void *a, const void *b)
{
	unsigned int x = ((const struct iface *)a)->ifindex;
	unsigned int y = ((const struct iface *)b)->ifindex;

	return x < y ? -1 : x > y;
}

/* All interfaces, by index. The caller frees @ret->items. */
static int list_links(int fd, struct iface_list *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	err = netlink_dump(fd, RTM_GETLINK, AF_UNSPEC, add_link, ret);
	if (err) {
		free(ret->items);
		return err;
	}
	if (ret->full)
		log_warn("more than %d network interfaces: the rest is not looked at", IFACE_MAX);
	qsort(ret->items, ret->len, sizeof(*ret->items), by_index);
	return 0;
}

static bool is_named(const char *const *patterns, size_t n, const struct iface *iface)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(patterns[i], iface->name, 0) == 0)
			return true;
	return false;
}

/* Keep only what @patterns name. */
static void keep_named(struct iface_list *list, const char *const *patterns, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->len; i++)
		if (is_named(patterns, n, &list->items[i]))
			list->items[kept++] = list->items[i];
	list->len = kept;
}

/* Open a socket for one dump of all links. */
static int list_links_once(struct iface_list *ret)
{
	int fd, err;

	fd = netlink_open(0, 0);
	if (fd < 0)
		return fd;
	err = list_links(fd, ret);
	close(fd);
	return err;
}

static int find_missing(const struct iface_list *list, const char *const *patterns, size_t n,
			size_t *ret_missing)
{
	for (size_t p = 0; p < n; p++) {
		size_t i = 0;

		while (i < list->len && !is_named(&patterns[p], 1, &list->items[i]))
			i++;
		if (i < list->len)
			continue;
		if (ret_missing)
			*ret_missing = p;
		return -ENODEV;
	}
	return 0;
}

int iface_expand(const char *const *patterns, size_t n, iface_fn fn, void *ctx, size_t *ret_missing)
{
	struct iface_list list;
	int err;

	err = list_links_once(&list);
	if (err)
		return err;
	err = find_missing(&list, patterns, n, ret_missing);
	if (!err)
		keep_named(&list, patterns, n);
	for (size_t i = 0; !err && i < list.len; i++)
		err = fn(ctx, &list.items[i]);
	free(list.items);
	return err;
}

/* --- default routes ------------------------------------------------------------------------- */

struct route_set {
	unsigned int ifindex[64];
	size_t len;
};

static void add_route(struct route_set *set, unsigned int ifindex)
{
	for (size_t i = 0; i < set->len; i++)
		if (set->ifindex[i] == ifindex)
			return;
	if (ifindex && set->len < sizeof(set->ifindex) / sizeof(set->ifindex[0]))
		set->ifindex[set->len++] = ifindex;
}

static void add_next_hops(struct route_set *set, const struct rtattr *attr)
{
	const struct rtnexthop *hop = RTA_DATA(attr);
	int left = (int)RTA_PAYLOAD(attr);

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		add_route(set, (unsigned int)hop->rtnh_ifindex);
}

static int add_default_route(void *ctx, const struct nlmsghdr *msg)
{
	const struct rtmsg *route = NLMSG_DATA(msg);
	const struct rtattr *attr = RTM_RTA(route);
	unsigned int left = (unsigned int)RTM_PAYLOAD(msg), oif;

	if (msg->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 ||
	    route->rtm_table != RT_TABLE_MAIN || route->rtm_type != RTN_UNICAST)
		return 0;
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == RTA_OIF && RTA_PAYLOAD(attr) >= sizeof(oif)) {
			memcpy(&oif, RTA_DATA(attr), sizeof(oif));
			add_route(ctx, oif);
		} else if (attr->rta_type == RTA_MULTIPATH) {
			add_next_hops(ctx, attr);
		}
	}
	return 0;
}

static int list_default_routes(int fd, struct route_set *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	err = netlink_dump(fd, RTM_GETROUTE, AF_INET, add_default_route, ret);
	if (err)
		return err;
	err = netlink_dump(fd, RTM_GETROUTE, AF_INET6, add_default_route, ret);
	/* a kernel without IPv6 has no such routes */
	return err == -EOPNOTSUPP || err == -EAFNOSUPPORT ? 0 : err;
}

int iface_default(iface_fn fn, void *ctx)
{
	struct iface_list list = { 0 };
	struct route_set routes;
	int fd, err;

	fd = netlink_open(0, 0);
	if (fd < 0)
		return fd;
	err = list_default_routes(fd, &routes);
	if (!err && routes.len == 0)
		err = -ENOENT;
	if (!err)
		err = list_links(fd, &list);
	close(fd);
	if (err)
		return err;
	for (size_t i = 0; !err && i < list.len; i++)
		for (size_t r = 0; !err && r < routes.len; r++)
			if (list.items[i].ifindex == routes.ifindex[r])
				err = fn(ctx, &list.items[i]);
	free(list.items);
	return err;
}

/* --- watching ------------------------------------------------------------------------------- */

struct iface_watch {
	struct patterns patterns;
	iface_event_fn fn;
	void *ctx;
	int notify_fd; /* subscribed to link changes, non-blocking */
	int dump_fd;   /* its own socket, so that answers and notifications do not mix */
	struct iface_list known;
};

static bool is_same_iface(const struct iface *a, const struct iface *b)
{
	return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0;
}

static bool has_changed(const struct iface *a, const struct iface *b)
{
	return a->up != b->up || a->carrier != b->carrier || a->mtu != b->mtu;
}

static const struct iface *find_same(const struct iface_list *list, const struct iface *iface)
{
	for (size_t i = 0; i < list->len; i++)
		if (is_same_iface(&list->items[i], iface))
			return &list->items[i];
	return NULL;
}

/* Departures first: an interface that returns under its name is reported gone, then appeared. */
static void report_differences(struct iface_watch *w, const struct iface_list *now)
{
	const struct iface *old;

	for (size_t i = 0; i < w->known.len; i++)
		if (!find_same(now, &w->known.items[i]))
			w->fn(w->ctx, IFACE_GONE, &w->known.items[i], &w->known.items[i]);
	for (size_t i = 0; i < now->len; i++) {
		old = find_same(&w->known, &now->items[i]);
		if (!old)
			w->fn(w->ctx, IFACE_APPEARED, &now->items[i], NULL);
		else if (has_changed(old, &now->items[i]))
			w->fn(w->ctx, IFACE_CHANGED, &now->items[i], old);
	}
}

static int refresh(struct iface_watch *w, bool report)
{
	struct iface_list now;
	int err;

	err = list_links(w->dump_fd, &now);
	if (err)
		return err;
	keep_named(&now, (const char *const *)w->patterns.text, w->patterns.n);
	if (report)
		report_differences(w, &now);
	free(w->known.items);
	w->known = now;
	return 0;
}

static int copy_patterns(struct patterns *p, const char *const *text, size_t n)
{
	p->text = calloc(n ? n : 1, sizeof(*p->text));
	if (!p->text)
		return -ENOMEM;
	for (; p->n < n; p->n++) {
		p->text[p->n] = strdup(text[p->n]);
		if (!p->text[p->n])
			return -ENOMEM;
	}
	return 0;
}

int iface_watch_open(const char *const *patterns, size_t n, bool report_present, iface_event_fn fn,
		     void *ctx, struct iface_watch **ret)
{
	struct iface_watch *w;
	int err;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->ctx = ctx;
	w->dump_fd = -1;
	/* subscribed before the first dump: what happens in between is then seen twice, not never */
	w->notify_fd = netlink_open(RTMGRP_LINK, SOCK_NONBLOCK);
	err = w->notify_fd < 0 ? w->notify_fd : copy_patterns(&w->patterns, patterns, n);
	if (err < 0)
		goto err_close;
	w->dump_fd = netlink_open(0, 0);
	err = w->dump_fd < 0 ? w->dump_fd : refresh(w, report_present);
	if (err < 0)
		goto err_close;
	*ret = w;
	return 0;

err_close:
	iface_watch_close(w);
	return err;
}

void iface_watch_close(struct iface_watch *w)
{
	if (!w)
		return;
	if (w->notify_fd >= 0)
		close(w->notify_fd);
	if (w->dump_fd >= 0)
		close(w->dump_fd);
	for (size_t i = 0; i < w->patterns.n; i++)
		free(w->patterns.text[i]);
	free(w->patterns.text);
	free(w->known.items);
	free(w);
}

int iface_watch_fd(const struct iface_watch *w)
{
	return w->notify_fd;
}

int iface_watch_read(struct iface_watch *w)
{
	uint8_t scratch[8192];

	/* the content does not matter, nor whether some were lost (ENOBUFS): the dump tells */
	while (recv(w->notify_fd, scratch, sizeof(scratch), 0) >= 0 || errno == ENOBUFS ||
	       errno == EINTR)
		continue;
	if (errno != EAGAIN)
		return -errno;
	return refresh(w, true);
}
