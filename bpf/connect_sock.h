/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What the connect programs read from a socket. */
#ifndef FT_CONNECT_SOCK_H
#define FT_CONNECT_SOCK_H

#include "vmlinux_connect.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <fluxtap/connect.h>

#define FT_AF_INET  2
#define FT_AF_INET6 10

static __always_inline void ft_map_v4(__u8 *to, const void *v4)
{
	*(__u64 *)to = 0;
	*(__u16 *)(to + 8) = 0;
	*(__u16 *)(to + 10) = 0xffff;
	*(__u32 *)(to + 12) = *(const __u32 *)v4;
}

static __always_inline bool ft_is_inet(const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return family == FT_AF_INET || family == FT_AF_INET6;
}

static __always_inline __u32 ft_sock_netns(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline void ft_sock_source(const struct sock *sk, struct ft_conn *c)
{
	__be32 v4;

	c->sport = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == FT_AF_INET6 &&
	    bpf_core_field_exists(sk->__sk_common.skc_v6_rcv_saddr)) {
		BPF_CORE_READ_INTO(&c->src, sk, __sk_common.skc_v6_rcv_saddr);
		return;
	}
	v4 = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	ft_map_v4(c->src, &v4);
}

/* Tells the peers of sockets apart that were given one place in memory, one after the other. */
static __always_inline __u64 ft_sock_peer(const struct sock *sk)
{
	__u64 v6[2] = {}, peer = BPF_CORE_READ(sk, __sk_common.skc_dport);

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == FT_AF_INET6 &&
	    bpf_core_field_exists(sk->__sk_common.skc_v6_daddr))
		BPF_CORE_READ_INTO(&v6, sk, __sk_common.skc_v6_daddr);
	else
		v6[1] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	return (peer ^ v6[0]) * 0x9e3779b97f4a7c15ULL ^ v6[1];
}

static __always_inline void ft_sock_addresses(const struct sock *sk, struct ft_conn *c)
{
	__be32 v4;

	ft_sock_source(sk, c);
	c->dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == FT_AF_INET6 &&
	    bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&c->dst, sk, __sk_common.skc_v6_daddr);
		return;
	}
	v4 = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	ft_map_v4(c->dst, &v4);
}

#endif
