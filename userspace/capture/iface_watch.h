/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network interfaces of this network namespace, through rtnetlink (rtnetlink(7)): which ones a
 * list of patterns names, which ones carry a default route, and what becomes of them later.
 */
#ifndef CAPTURE_IFACE_WATCH_H
#define CAPTURE_IFACE_WATCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct iface {
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	char kind[16];	/* "veth", "bridge", "bond", "vlan", …; empty for hardware */
	uint16_t type;	/* ARPHRD_*: 1 Ethernet, 772 loopback */
	uint32_t mtu;
	unsigned int master; /* index of the bridge or bond that it is a port of, 0: none */
	unsigned int lower; /* of the interface that a VLAN or macvlan is part of, 0: none here */
	bool up;	/* administratively */
	bool carrier;	/* link present: IFF_RUNNING */
};

/* What stands in front of the IP header of its frames. */
enum iface_header {
	IFACE_HEADER_ETHERNET,
	IFACE_HEADER_NONE, /* tun, WireGuard, PPP, IP tunnels */
	/* IP-in-IP before Linux 5.14: TC gets a frame with what the tunnel took off in front. */
	IFACE_HEADER_OUTER,
	IFACE_HEADER_OTHER,
};
enum iface_header iface_header(uint16_t type); /* ARPHRD_* */

/* More interfaces than this are ignored, with a warning: the table is bounded. */
#define IFACE_MAX 1024

/* Return 0 to go on; anything else ends the walk and is returned by it. @iface is borrowed. */
typedef int (*iface_fn)(void *ctx, const struct iface *iface);

/*
 * Call @fn once for each interface that one of the @n shell patterns (fnmatch(3): "eth0", "eth*")
 * matches, in the order of their indices. -ENODEV when a pattern matches none: then @ret_missing,
 * unless NULL, holds its index; @fn has not been called. Other negative errno: netlink failed.
 */
int iface_expand(const char *const *patterns, size_t n, iface_fn fn, void *ctx,
		 size_t *ret_missing);

/* Call @fn once for each interface of an IPv4 or IPv6 default route of the main table. -ENOENT:
 * there is none. */
int iface_default(iface_fn fn, void *ctx);

enum iface_event {
	IFACE_APPEARED, /* new, or renamed to match */
	IFACE_GONE,	/* removed, or renamed away; what was attached to it went with it */
	IFACE_CHANGED,	/* up, carrier or mtu differ */
};

/* @old is NULL for APPEARED, @iface is the last known state for GONE. */
typedef void (*iface_event_fn)(void *ctx, enum iface_event event, const struct iface *iface,
			       const struct iface *old);

struct iface_watch;

/*
 * Watch the interfaces that @patterns (copied) match. Those present now are taken as known and
 * not reported, unless @report_present. A notification only says that something moved: the state
 * is then read again and compared, so that an overrun of the socket loses nothing but order.
 */
int iface_watch_open(const char *const *patterns, size_t n, bool report_present, iface_event_fn fn,
		     void *ctx, struct iface_watch **ret);
void iface_watch_close(struct iface_watch *w); /* NULL is fine */
int iface_watch_fd(const struct iface_watch *w); /* readable: call iface_watch_read() */
/* Never blocks for long: one dump of the kernel's list. 0 or negative errno. */
int iface_watch_read(struct iface_watch *w);

#endif
