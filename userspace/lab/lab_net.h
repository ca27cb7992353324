/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: the namespaces, their links, addresses and routes. */
#ifndef LAB_LAB_NET_H
#define LAB_LAB_NET_H

enum lab_place { LAB_GW, LAB_AUTH, LAB_RES, LAB_SVC, LAB_C1, LAB_C2, LAB_PLACES };

struct lab_net {
	char names[LAB_PLACES][48]; /* of the namespaces */
};

/* Names only: nothing is made yet. */
void lab_net_name(struct lab_net *net, int pid);
/* Make all of it, with iproute2. 0 or negative errno, after a line that says what failed. */
int lab_net_build(const struct lab_net *net);
/* A UDP socket inside @place, closed by the caller. Descriptor or negative errno. */
int lab_net_socket(const struct lab_net *net, enum lab_place place);

/* Interfaces of the gateway, one to each other place. */
extern const char *const lab_gateway_links[LAB_PLACES];

#endif
