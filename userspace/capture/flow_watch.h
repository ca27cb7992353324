/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watched addresses of the native engine: what the kernel program keeps in its maps, so that
 * a replay sees the same connections as a gateway that forwards the frames.  Bounded as there.
 */
#ifndef CAPTURE_FLOW_WATCH_H
#define CAPTURE_FLOW_WATCH_H

#include <fluxtap/event.h>

#include "base/ip.h"

struct flow_watch;

int flow_watch_new(struct flow_watch **ret); /* 0 or -ENOMEM */
void flow_watch_free(struct flow_watch *w); /* NULL is fine */
void flow_watch_set(struct flow_watch *w, const struct ip_addr *addr, bool on);

/* Could a frame of this protocol and these TCP flags begin or refuse a connection at all? */
bool flow_watch_wants(uint8_t ip_proto, uint8_t tcp_flags);
/* What it says of a connection with a watched address (enum ft_flow_event); 0: nothing. */
uint8_t flow_watch_event(struct flow_watch *w, const struct ft_packet *pkt, uint8_t tcp_flags);

#endif
