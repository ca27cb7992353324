/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP connects wait here a moment, so that those which only ask the kernel for a source address
 * (getaddrinfo() sorting what it found, RFC 6724) can be told from those that are meant.
 * A bounded queue in the order of time; when it is full the oldest goes out undecided, counted.
 */
#ifndef CAPTURE_UDP_HOLD_H
#define CAPTURE_UDP_HOLD_H

#include <stdint.h>
#include <fluxtap/connect.h>

#define UDP_HOLD_MAX	  4096
#define UDP_HOLD_BURST_NS 5000000 /* connects of one thread this close belong together */

typedef void (*udp_hold_fn)(void *ctx, const struct ft_conn *rec);

struct udp_hold;
int udp_hold_new(uint64_t hold_ns, udp_hold_fn fn, void *ctx, struct udp_hold **ret);
void udp_hold_free(struct udp_hold *h);
void udp_hold_add(struct udp_hold *h, const struct ft_conn *rec);
/* Hand out what has waited long enough at @now_ns, the clock of the records. */
void udp_hold_release(struct udp_hold *h, uint64_t now_ns);
uint64_t udp_hold_probes(const struct udp_hold *h);
uint64_t udp_hold_full(const struct udp_hold *h);

#endif
