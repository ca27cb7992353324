/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What is read of connection tracking, by hand, found again on the running kernel by CO-RE. */
#ifndef VMLINUX_CONNTRACK_H
#define VMLINUX_CONNTRACK_H

#include "vmlinux.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff {
	unsigned long _nfct; /* struct nf_conn *, and enum ip_conntrack_info in its low three bits */
};

struct nf_conn {
	unsigned long status; /* enum ip_conntrack_status, user interface */
};

#pragma clang attribute pop

/* enum ip_conntrack_info, enum ip_conntrack_status: user interface */
#define IP_CT_IS_REPLY	    3
#define IP_CT_RELATED_REPLY 4
#define IPS_SRC_NAT	    (1 << 4)

#endif
