/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: the DNS servers, their zones, and the rotation. */
#ifndef LAB_LAB_DNS_H
#define LAB_LAB_DNS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/ip.h"
#include "lab/lab.h"
#include "lab/lab_net.h"

struct lab_dns {
	const char *dir; /* of the lab; borrowed */
	enum lab_scenario scenario;
	pid_t parent, domains, resolver; /* 0: not started */
};

/* Write zones and configurations, start the three servers. 0 or negative errno, after a line. */
int lab_dns_start(struct lab_dns *dns, const struct lab_net *net);
/* Both knotd have opened their control sockets. */
bool lab_dns_is_controllable(const struct lab_dns *dns);
void lab_dns_stop(struct lab_dns *dns);

/* Give the names the records of rotation @round, through the running servers. 0 or -EIO. */
int lab_dns_rotate(const struct lab_dns *dns, unsigned int round);

/*
 * Ask @server (address text, port 53) for the A records of @name over the UDP socket @fd. How many
 * came (0 to @max), or -ETIMEDOUT, -EBADMSG, -ENOENT (a negative answer), other negative errno.
 */
int lab_dns_ask(int fd, const char *server, const char *name, int timeout_ms, struct ip_addr *ret,
		size_t max);

#endif
