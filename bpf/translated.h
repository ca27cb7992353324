/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Has this gateway put the client's address back into a packet that it forwards? Where the packet
 * came in it bore the gateway's own; only on its way out it says whose it is. Packets of the other
 * direction bear the client's address where they come in.
 *
 * From Linux 6.2 on, which lets a program look at its context as the kernel does.
 */
#ifndef FT_TRANSLATED_H
#define FT_TRANSLATED_H

#include "vmlinux_conntrack.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define FT_NFCT_INFO 7UL /* the bits of _nfct that are no address */

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

static __always_inline bool ft_was_translated(struct __sk_buff *ctx)
{
	const struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);
	const struct nf_conn *conn = NULL;
	unsigned long nfct, info, status = 0;

	if (!bpf_core_field_exists(skb->_nfct) || !bpf_core_field_exists(conn->status))
		return false;
	nfct = skb->_nfct;
	info = nfct & FT_NFCT_INFO;
	if (info != IP_CT_IS_REPLY && info != IP_CT_RELATED_REPLY)
		return false;
	conn = (const struct nf_conn *)(nfct & ~FT_NFCT_INFO);
	BPF_CORE_READ_INTO(&status, conn, status);
	return status & IPS_SRC_NAT;
}

#endif
