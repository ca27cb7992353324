/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: who has which address, and what each name answers when. Pure values. */
#ifndef LAB_LAB_PLAN_H
#define LAB_LAB_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lab/lab.h"

#define LAB_NETWORK   "198.18.0.0/15"
#define LAB_ADDR_MAX  32
#define LAB_TTL	      5
#define LAB_ROTATE_MS 4000 /* below the TTL: each refetch by the resolver finds another set */
#define LAB_FIRST_MS  3500 /* fetches are 6 s apart: none coincides, each run sees the same */
#define LAB_PORT      443
#define LAB_NTP_PORT  123

#define LAB_FLUX_NAME "www.rotating.example"
#define LAB_FLUX_ASNS 10
#define LAB_FLUX_POOL 120
#define LAB_FLUX_SET  4
#define LAB_NS_POOL   96
#define LAB_NS_SET    3
#define LAB_CDN_POOL  20
#define LAB_CDN_SET   8
#define LAB_TIME_NETS 8
#define LAB_TIME_POOL 64
#define LAB_TIME_SET  4

#define LAB_RESOLVER   "198.18.0.6"
#define LAB_PARENT     "198.18.1.1" /* serves the root and example. */
#define LAB_HOSTING    "198.18.1.2" /* name server of the harmless domains */
#define LAB_FLUX_NS    "198.18.1.3" /* of the rotating one while its name servers stay */
#define LAB_CLIENT_IP  "198.18.10.10" /* of c1, where the rotating name is followed */
#define LAB_CLIENT_MAC "02:00:c6:12:0a:0a"

/* The harmless company: the first ones are visited, the last is asked for the time. */
#define LAB_COMPANY 4
#define LAB_TIME    (LAB_COMPANY - 1)
extern const char *const lab_company[LAB_COMPANY];

/* Address @i of a pool as text. */
void lab_flux_addr(unsigned int i, char buf[LAB_ADDR_MAX]);
void lab_ns_addr(unsigned int i, char buf[LAB_ADDR_MAX]);
void lab_cdn_addr(unsigned int i, char buf[LAB_ADDR_MAX]);
void lab_time_addr(unsigned int i, char buf[LAB_ADDR_MAX]);

/* Which pool members rotation @round answers: @set receives LAB_…_SET indices. */
void lab_flux_set(unsigned int round, unsigned int set[LAB_FLUX_SET]);
void lab_ns_set(unsigned int round, unsigned int set[LAB_NS_SET]);
void lab_cdn_set(unsigned int round, unsigned int set[LAB_CDN_SET]);
void lab_time_set(unsigned int round, unsigned int set[LAB_TIME_SET]);

/* True when a listener answers on this flux address; the others refuse. */
bool lab_flux_listens(unsigned int i);

/* The AS table as start,end,asn,name,country; and the sockets with a listener, one a line:
 * "tcp ADDRESS" or "ntp ADDRESS". */
void lab_write_asns(FILE *out);
void lab_write_listeners(FILE *out);

#endif
