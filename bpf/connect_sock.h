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

/* Where it exists (Linux 6.2): @p as a pointer to the type, its members to be loaded in place. */
extern void *bpf_rdonly_cast(const void *p, __u32 btf_id) __ksym __weak;
#define ft_cast(type, p) ((type *)bpf_rdonly_cast(p, (__u32)bpf_core_type_id_kernel(type)))

static __always_inline void ft_map_v4(__u8 *to, const void *v4)
{
	*(__u64 *)to = 0;
	*(__u16 *)(to + 8) = 0;
	*(__u16 *)(to + 10) = 0xffff;
	*(__u32 *)(to + 12) = *(const __u32 *)v4;
}

/*
 * Where the verifier knows the socket's type, members are loaded in place (1 ns; @head is then
 * NULL).  Elsewhere the beginning of a socket, where its ends stand, is read in one piece: a read
 * costs 25 ns.
 */
#define FT_SOCK_HEAD 96
struct ft_sock_head {
	__u64 words[FT_SOCK_HEAD / 8];
};

#define ft_sock_offset(member) bpf_core_field_offset(struct sock, __sk_common.member)
#define ft_sock_fits(member, bytes)                                       \
	(bpf_core_field_exists(((struct sock *)0)->__sk_common.member) && \
	 ft_sock_offset(member) + (bytes) <= FT_SOCK_HEAD)
/*
 * @member of @sk itself, without @head; of @head, or of @sk by a read when this kernel has it
 * further down; unchanged when it has none.
 */
#define ft_sock_get(to, sk, head, member)                                                   \
	do {                                                                                \
		if (!(head)) {                                                              \
			if (bpf_core_field_exists((sk)->__sk_common.member))                \
				*(to) = (sk)->__sk_common.member;                           \
		} else if (ft_sock_fits(member, sizeof(*(to))))                             \
			__builtin_memcpy(to, (const char *)(head) + ft_sock_offset(member), \
					 sizeof(*(to)));                                    \
		else if (bpf_core_field_exists((sk)->__sk_common.member))                   \
			BPF_CORE_READ_INTO(to, sk, __sk_common.member);                     \
	} while (0)

static __always_inline bool ft_sock_head(const struct sock *sk, struct ft_sock_head *head)
{
	return !bpf_probe_read_kernel(head, sizeof(*head), sk);
}

static __always_inline __u16 ft_sock_family(const struct sock *sk, const struct ft_sock_head *head)
{
	__u16 family = 0;

	ft_sock_get(&family, sk, head, skc_family);
	return family;
}

static __always_inline bool ft_is_inet(const struct sock *sk, const struct ft_sock_head *head)
{
	__u16 family = ft_sock_family(sk, head);

	return family == FT_AF_INET || family == FT_AF_INET6;
}

static __always_inline __u32 ft_sock_netns(const struct sock *sk, const struct ft_sock_head *head)
{
	const struct net *net = NULL;

	if (!head)
		return sk->__sk_common.skc_net.net->ns.inum;
	ft_sock_get(&net, sk, head, skc_net.net);
	return BPF_CORE_READ(net, ns.inum);
}

static __always_inline void ft_sock_source(const struct sock *sk, const struct ft_sock_head *head,
					   struct ft_conn *c)
{
	struct in6_addr v6 = {};
	__be32 v4 = 0;

	if (ft_sock_family(sk, head) == FT_AF_INET6) {
		ft_sock_get(&v6, sk, head, skc_v6_rcv_saddr);
		__builtin_memcpy(c->src, &v6, sizeof(v6));
		return;
	}
	ft_sock_get(&v4, sk, head, skc_rcv_saddr);
	ft_map_v4(c->src, &v4);
}

/* Tells the peers of sockets apart that were given one place in memory, one after the other. */
static __always_inline __u64 ft_sock_peer(const struct sock *sk, const struct ft_sock_head *head)
{
	__u64 v6[2] = {};
	__be16 dport = 0;
	__be32 v4 = 0;

	ft_sock_get(&dport, sk, head, skc_dport);
	if (ft_sock_family(sk, head) == FT_AF_INET6) {
		struct in6_addr addr = {};

		ft_sock_get(&addr, sk, head, skc_v6_daddr);
		__builtin_memcpy(v6, &addr, sizeof(v6));
	} else {
		ft_sock_get(&v4, sk, head, skc_daddr);
		v6[1] = v4;
	}
	return (dport ^ v6[0]) * 0x9e3779b97f4a7c15ULL ^ v6[1];
}

static __always_inline void ft_sock_addresses(const struct sock *sk,
					      const struct ft_sock_head *head, struct ft_conn *c)
{
	struct in6_addr v6 = {};
	__be16 dport = 0;
	__be32 v4 = 0;

	ft_sock_source(sk, head, c);
	ft_sock_get(&dport, sk, head, skc_dport);
	c->dport = dport;
	if (ft_sock_family(sk, head) == FT_AF_INET6) {
		ft_sock_get(&v6, sk, head, skc_v6_daddr);
		__builtin_memcpy(c->dst, &v6, sizeof(v6));
		return;
	}
	ft_sock_get(&v4, sk, head, skc_daddr);
	ft_map_v4(c->dst, &v4);
}

#endif
