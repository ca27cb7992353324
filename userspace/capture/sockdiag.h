/* SPDX-License-Identifier: BSD-2-Clause */
/* The TCP connections that exist, by sock_diag(7), with the process that holds each. */
#ifndef CAPTURE_SOCKDIAG_H
#define CAPTURE_SOCKDIAG_H

#include <stdint.h>
#include "base/ip.h"

struct sockdiag_socket {
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t uid, pid; /* pid 0: no process was found to hold it */
	uint64_t netns; /* inode */
};

typedef void (*sockdiag_fn)(void *ctx, const struct sockdiag_socket *s);

/*
 * Established connections that this side began: those whose local port no socket of the same
 * namespace listens on. Every network namespace that a visible process is in. Needs privileges for
 * other users' processes and namespaces; what is not permitted is left out. 0 or negative errno.
 */
int sockdiag_outgoing(sockdiag_fn fn, void *ctx);

#endif
