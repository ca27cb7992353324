/* SPDX-License-Identifier: BSD-2-Clause */
/* Generated responses as packets, so that `fluxtap replay` sees what the detector was given. */
#ifndef TRAFFIC_CAPTURE_H
#define TRAFFIC_CAPTURE_H

#include "libsite.h"

enum { CAPTURE_MESSAGE_MAX = 4096 };

struct capture_file;

/* A pcap file with nanosecond times, Ethernet. */
int capture_file_new(const char *path, struct capture_file **ret);
/* One frame for the response: IPv4, UDP from port 53. -EMSGSIZE when it does not fit. */
int capture_file_response(struct capture_file *c, const struct dns_observation *obs);
int capture_file_close(struct capture_file *c); /* 0, or why something was not written */

/* The DNS message alone into @buf of CAPTURE_MESSAGE_MAX bytes; its length, or -EMSGSIZE. */
int capture_message(uint8_t *buf, const struct dns_observation *obs);

#endif
