// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Connections of this machine's processes: TCP from SYN_SENT to CLOSE by the tracepoint
 * inet_sock_set_state, whatever made the call (connect, sendto with MSG_FASTOPEN, io_uring);
 * connected UDP, and TCP refused before a SYN, by the return of connect(); unconnected UDP by
 * the cgroup hooks of sendto() and sendmsg(), which always let the datagram pass.
 */
#include "connect_maps.h"
#include "connect_process.h"
#include "connect_sock.h"
#include "connect_socks.h"
#include "connect_sorting.h"
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Nothing reads it: it brings the record into the object's BTF, where a test compares it. */
const struct ft_conn *const volatile ft_any_conn;

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_CLOSE = 7 }; /* net/tcp_states.h */
enum { SOCK_DONE = 1 }; /* net/sock.h: FIN was received */
enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum {
	EPERM = 1,
	EACCES = 13,
	EINVAL = 22,
	EADDRNOTAVAIL = 99,
	ENETUNREACH = 101,
	EHOSTUNREACH = 113,
	EINPROGRESS = 115
};

/*
 * The caller looks at the reservation once, right away: Linux 5.10 neither recognises one that
 * went through memory nor knows, at a second look, that it has been found to be there.
 */
#define ft_conn_reserve() \
	((struct ft_conn *)bpf_ringbuf_reserve(&ft_conn_ring, sizeof(struct ft_conn), 0))

static __always_inline void ft_conn_refused(void)
{
	ft_conn_count(FT_CONN_COUNT_CONNECTS);
	ft_conn_count(FT_CONN_COUNT_RING_FULL);
}

static __always_inline void ft_conn_begin(struct ft_conn *c, __u8 event, __u8 proto)
{
	ft_conn_count(FT_CONN_COUNT_CONNECTS);
	__builtin_memset(c, 0, sizeof(*c));
	c->hdr.kind = FT_CONN_CONNECT;
	c->hdr.version = FT_CONN_VERSION;
	c->hdr.size = sizeof(*c);
	c->event = event;
	c->proto = proto;
}

static __always_inline void ft_conn_submit(struct ft_conn *c)
{
	bpf_ringbuf_submit(c, ft_conn_wakeup());
}

static __always_inline struct ft_conn_call *ft_call(__u32 tid)
{
	__u32 slot = tid % FT_CONN_CALLS_MAX;

	return bpf_map_lookup_elem(&ft_conn_calls, &slot);
}

/* --- TCP: by the states of the socket -------------------------------------------------------- */

/* The verifier knows these sockets' type: no head is read. */

static __always_inline void ft_tcp_addresses(struct sock *sk, struct ft_conn *c)
{
	struct tcp_sock *tp = (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);

	if (tp)
		c->sport = tp->inet_conn.icsk_inet.inet_sport;
	ft_sock_addresses(sk, NULL, c);
}

static __always_inline void ft_tcp_untracked(struct sock *sk, const struct ft_conn_tracked *t)
{
	struct ft_conn *c = ft_conn_reserve();

	if (!c) {
		ft_conn_count(FT_CONN_COUNT_TABLE_FULL);
		ft_conn_refused();
		return;
	}
	ft_conn_count(FT_CONN_COUNT_TABLE_FULL);
	ft_conn_begin(c, FT_CONN_ATTEMPT, PROTO_TCP);
	c->hdr.time_ns = t->attempt_ns;
	c->attempt_ns = t->attempt_ns;
	c->start_ns = t->start_ns;
	c->pid = t->pid;
	c->tid = t->tid;
	c->exec_id = t->exec_id;
	c->netns = t->netns;
	ft_tcp_addresses(sk, c);
	ft_conn_submit(c);
}

/* In the context of whoever connects. */
static __always_inline void ft_tcp_begin(struct sock *sk, bool sets)
{
	struct ft_conn_tracked t = {};
	struct ft_conn_call *call;
	struct ft_who who;

	if (sk->sk_protocol != PROTO_TCP || !ft_is_inet(sk, NULL))
		return;
	who = ft_who_now();
	if (ft_is_own(&who))
		return;
	t.attempt_ns = bpf_ktime_get_ns();
	ft_announce(&who, t.attempt_ns);
	t.start_ns = who.start_ns;
	t.pid = who.pid;
	t.exec_id = who.exec_id;
	t.tid = who.tid;
	t.netns = ft_sock_netns(sk, NULL);
	t.peer = ft_sock_peer(sk, NULL);
	call = ft_call(t.tid);
	if (call) {
		call->tid = t.tid;
		call->syn_sock = (__u64)sk;
	}
	if (!ft_sock_keep(sk, &t, sets))
		ft_tcp_untracked(sk, &t);
}

static __always_inline void ft_tcp_totals(struct sock *sk, struct ft_conn *c)
{
	struct tcp_sock *tp = (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	/* the peer's FIN takes a number like an octet of payload */
	c->bytes_received = tp->bytes_received - (sk->__sk_common.skc_flags >> SOCK_DONE & 1);
	c->bytes_sent = tp->bytes_sent - tp->bytes_retrans;
}

static __always_inline void ft_tcp_report(struct sock *sk, const struct ft_conn_tracked *t,
					  __u8 event, __u64 now_ns)
{
	struct ft_conn *c = ft_conn_reserve();

	if (!c) {
		ft_conn_refused();
		return;
	}
	ft_conn_begin(c, event, PROTO_TCP);
	c->hdr.time_ns = now_ns;
	c->attempt_ns = t->attempt_ns;
	c->start_ns = t->start_ns;
	c->pid = t->pid;
	c->tid = t->tid;
	c->exec_id = t->exec_id;
	c->netns = t->netns;
	ft_tcp_addresses(sk, c);
	if (event != FT_CONN_OK)
		c->err = sk->sk_err;
	/* no port could be had: the one failure behind SYN_SENT that sets no error */
	if (event == FT_CONN_FAILED && !c->err && !c->sport)
		c->err = EADDRNOTAVAIL;
	if (event == FT_CONN_CLOSED) {
		c->established_ns = t->established_ns;
		ft_tcp_totals(sk, c);
	}
	ft_conn_submit(c);
}

static __always_inline void ft_tcp_outcome(struct sock *sk, int newstate, bool sets)
{
	struct ft_sock_place place = ft_sock_find(sk, sets);
	struct ft_conn_tracked *t = place.tracked;
	__u64 now_ns;

	if (!t)
		return;
	if (t->peer != ft_sock_peer(sk, NULL)) {
		ft_conn_count(FT_CONN_COUNT_STALE);
		ft_sock_forget(sk, &place, sets);
		return;
	}
	now_ns = bpf_ktime_get_ns();
	if (newstate != TCP_CLOSE) {
		ft_tcp_report(sk, t, FT_CONN_OK, now_ns);
		t->established_ns = now_ns;
		return;
	}
	ft_tcp_report(sk, t, t->established_ns ? FT_CONN_CLOSED : FT_CONN_FAILED, now_ns);
	ft_sock_forget(sk, &place, sets);
}

static __always_inline void ft_tcp_state(struct sock *sk, int oldstate, int newstate, bool sets)
{
	if (newstate == TCP_SYN_SENT)
		ft_tcp_begin(sk, sets);
	else if (newstate == TCP_CLOSE || (oldstate == TCP_SYN_SENT && newstate == TCP_ESTABLISHED))
		ft_tcp_outcome(sk, newstate, sets);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ft_conn_state, struct sock *sk, int oldstate, int newstate) /* Linux 5.19 */
{
	ft_tcp_state(sk, oldstate, newstate, true);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ft_conn_state5, struct sock *sk, int oldstate, int newstate)
{
	ft_tcp_state(sk, oldstate, newstate, false);
	return 0;
}

/* --- the return of connect(): UDP, and TCP that failed before it sent anything ---------------- */

struct ft_sockaddr { /* struct sockaddr_in or sockaddr_in6 */
	__u16 family;
	__be16 port;
	__be32 v4;
	__u8 v6[16];
};

/* The socket of a connect() that has returned, and what tells it from others. */
struct ft_called {
	__u64 inode;
	__s32 fd;
	const void *addr; /* in user space */
	int err;
};

static __always_inline struct sock *ft_sock_of_fd(struct ft_called *call)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct socket *socket;
	struct file *file = NULL;

	if ((__u32)call->fd >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), files + call->fd) || !file)
		return NULL;
	call->inode = BPF_CORE_READ(file, f_inode, i_ino);
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* The same without any read: all pointers have a type, or get one. */
static __always_inline struct sock *ft_sock_of_fd_typed(struct task_struct *task,
							struct ft_called *call)
{
	struct fdtable *table = task->files->fdt;
	struct file *file;

	if ((__u32)call->fd >= table->max_fds)
		return NULL;
	/* any type that begins with a pointer does for loading one in place */
	file = (struct file *)ft_cast(struct hlist_head, table->fd + call->fd)->first;
	if (!file)
		return NULL;
	file = ft_cast(struct file, file);
	call->inode = file->f_inode->i_ino;
	return ft_cast(struct socket, file->private_data)->sk;
}

/* Errors that connect() gives before SYN_SENT; behind it the socket's state tells. */
static __always_inline bool ft_is_early(int err)
{
	return err == ENETUNREACH || err == EHOSTUNREACH || err == EADDRNOTAVAIL || err == EACCES ||
	       err == EPERM || err == EINVAL;
}

static __always_inline bool ft_tcp_is_silent(const struct sock *sk, __u32 tid, int err)
{
	struct ft_conn_call *call = ft_call(tid);

	if (!ft_is_early(err))
		return true;
	return call && call->tid == tid && call->syn_sock == (__u64)sk;
}

static __always_inline void ft_conn_destination(struct ft_conn *c, const struct ft_sockaddr *to)
{
	c->dport = to->port;
	if (to->family == FT_AF_INET)
		ft_map_v4(c->dst, &to->v4);
	else
		__builtin_memcpy(c->dst, to->v6, sizeof(c->dst));
}

/* A record of something that is over at once, but for its addresses; NULL: no room. */
static __always_inline void ft_report_fill(struct ft_conn *c, const struct ft_who *who,
					   __u64 now_ns, __u8 proto, int err)
{
	ft_conn_begin(c, err ? FT_CONN_FAILED : FT_CONN_OK, proto);
	c->hdr.time_ns = now_ns;
	c->attempt_ns = now_ns;
	c->start_ns = who->start_ns;
	c->pid = who->pid;
	c->exec_id = who->exec_id;
	c->tid = who->tid;
	c->err = err;
}

static __always_inline bool ft_read_address(const struct ft_called *call, struct ft_sockaddr *to)
{
	if (bpf_probe_read_user(to, 8, call->addr) ||
	    (to->family != FT_AF_INET && to->family != FT_AF_INET6))
		return false;
	return to->family == FT_AF_INET ||
	       !bpf_probe_read_user(to->v6, sizeof(to->v6), (const char *)call->addr + 8);
}

static __always_inline enum ft_sorting
ft_sorting_of(const struct sock *sk, const struct ft_sock_head *head, __u32 tid, __u64 inode)
{
	__be16 dport = 0;

	ft_sock_get(&dport, sk, head, skc_dport);
	return ft_sorting(tid, inode, ft_sock_peer(sk, head), dport);
}

/*
 * Where it went the socket itself says; where it did not, only what the caller passed.  @head as
 * for ft_sock_get().
 */
static __always_inline void ft_connect_return(struct sock *sk, const struct ft_sock_head *head,
					      __u16 proto, __be16 sport,
					      const struct ft_called *call)
{
	enum ft_sorting sorting = FT_SORTING_NEW;
	struct ft_sockaddr to = {};
	struct ft_who who;
	struct ft_conn *c;
	__u8 state = 0;
	__u64 now_ns;

	if (!ft_is_inet(sk, head))
		return;
	who = ft_who_now();
	if (ft_is_own(&who))
		return;
	if (proto == PROTO_TCP) {
		if (ft_tcp_is_silent(sk, who.tid, call->err))
			return;
	} else if (proto != PROTO_UDP) {
		return;
	}
	ft_sock_get(&state, sk, head, skc_state);
	if (call->err ? !ft_read_address(call, &to) : state != TCP_ESTABLISHED)
		return; /* AF_UNSPEC, which takes the peer away */
	if (!call->err) {
		sorting = ft_sorting_of(sk, head, who.tid, call->inode);
		if (sorting == FT_SORTING_TOLD) {
			ft_conn_count(FT_CONN_COUNT_UDP_PROBE);
			return;
		}
	}
	now_ns = bpf_ktime_get_ns();
	ft_announce(&who, now_ns);
	c = ft_conn_reserve();
	if (!c) {
		ft_conn_refused();
		return;
	}
	ft_report_fill(c, &who, now_ns, (__u8)proto, call->err);
	if (sorting == FT_SORTING_SAME_PEER)
		c->flags = FT_CONN_SAME_PEER;
	c->sock = call->inode;
	c->netns = ft_sock_netns(sk, head);
	c->sport = sport;
	if (call->err) {
		ft_sock_source(sk, head, c);
		ft_conn_destination(c, &to);
	} else {
		ft_sock_addresses(sk, head, c);
	}
	ft_conn_submit(c);
}

/* Established or under way by now, for TCP; nothing that UDP returns. */
static __always_inline bool ft_is_under_way(long ret)
{
	return ret > 0 || ret == -EINPROGRESS;
}

static __always_inline void ft_connect_read(struct ft_called *call)
{
	struct sock *sk = ft_sock_of_fd(call);
	struct ft_sock_head head;

	if (!sk) {
		ft_conn_count(FT_CONN_COUNT_NO_SOCKET);
		return;
	}
	if (ft_sock_head(sk, &head))
		ft_connect_return(sk, &head, BPF_CORE_READ(sk, sk_protocol),
				  BPF_CORE_READ((struct inet_sock *)sk, inet_sport), call);
}

struct ft_syscall { /* format of the tracepoints syscalls:sys_{enter,exit}_* */
	__u64 common;
	__s64 nr;
	__u64 args[6]; /* exit: args[0] is the value returned */
};

/* One program a call: the arguments still stand in the task's saved registers. */
SEC("tracepoint/syscalls/sys_exit_connect")
int ft_conn_exit(struct ft_syscall *ctx) /* Linux 6.2 */
{
	struct ft_called call = { .err = (int)-(long)ctx->args[0] };
	struct task_struct *task;
	struct pt_regs *regs;
	struct sock *sk;

	if (ft_is_under_way((long)ctx->args[0]))
		return 0;
	task = bpf_get_current_task_btf();
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	call.fd = (__s32)PT_REGS_PARM1_SYSCALL(regs);
	sk = ft_sock_of_fd_typed(task, &call);
	if (!sk) {
		ft_conn_count(FT_CONN_COUNT_NO_SOCKET);
		return 0;
	}
	if (!call.err && sk->sk_protocol != PROTO_UDP)
		return 0;
	call.addr = (const void *)PT_REGS_PARM2_SYSCALL(regs);
	ft_connect_return(sk, NULL, sk->sk_protocol, ft_cast(struct inet_sock, sk)->inet_sport,
			  &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int ft_conn_exit_read(struct ft_syscall *ctx) /* Linux 5.15 */
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct ft_called call = {
		.fd = (__s32)PT_REGS_PARM1_CORE_SYSCALL(regs),
		.addr = (const void *)PT_REGS_PARM2_CORE_SYSCALL(regs),
		.err = (int)-(long)ctx->args[0],
	};

	if (!ft_is_under_way((long)ctx->args[0]))
		ft_connect_read(&call);
	return 0;
}

/* Older kernels: two. */
SEC("tracepoint/syscalls/sys_enter_connect")
int ft_conn_enter5(struct ft_syscall *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct ft_conn_call *call = ft_call(tid);

	if (!call)
		return 0;
	call->tid = tid;
	call->fd = (__s32)ctx->args[0];
	call->addr = ctx->args[1];
	call->syn_sock = 0;
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int ft_conn_exit5(struct ft_syscall *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct ft_conn_call *entered = ft_call(tid);
	struct ft_called call = { .err = (int)-(long)ctx->args[0] };

	if (ft_is_under_way((long)ctx->args[0]))
		return 0;
	if (!entered || entered->tid != tid) {
		ft_conn_count(FT_CONN_COUNT_NO_SOCKET);
		return 0;
	}
	call.fd = entered->fd;
	call.addr = (const void *)entered->addr;
	ft_connect_read(&call);
	return 0;
}

/* --- UDP without connect() ------------------------------------------------------------------- */

/* Within FT_CONN_UDP_NS once a flow; questions to resolvers each, for their port tells who asked.
 */
static __always_inline bool ft_udp_is_repeat(const struct ft_sockaddr *to, __u32 pid, __u32 sport,
					     __u64 now_ns)
{
	const __u64 *a = (const __u64 *)to->v6;
	__u64 flow = (__u64)pid << 32;
	struct ft_conn_udp *u;
	__u32 slot;

	flow = (flow ^ to->v4 ^ ((__u64)to->port << 40)) * 0x9e3779b97f4a7c15ULL;
	flow = (flow ^ a[0] ^ (flow >> 29)) * 0xbf58476d1ce4e5b9ULL;
	flow = (flow ^ a[1] ^ (flow >> 32)) * 0x94d049bb133111ebULL;
	if (to->port == bpf_htons(53))
		flow = (flow ^ sport) * 0x9e3779b97f4a7c15ULL;
	slot = (__u32)(flow >> 33) % FT_CONN_UDP_MAX;
	u = bpf_map_lookup_elem(&ft_conn_udp, &slot);
	if (!u)
		return false;
	if (u->flow == flow && now_ns - u->time_ns < FT_CONN_UDP_NS)
		return true;
	u->flow = flow;
	u->time_ns = now_ns;
	return false;
}

/* Once a flow: what it costs then does not matter. */
static __always_inline void ft_udp_report(struct sock *sk, const struct ft_sockaddr *to,
					  const struct ft_who *who)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct ft_sock_head head;
	struct ft_conn *c;

	ft_announce(who, now_ns);
	c = ft_conn_reserve();
	if (!c) {
		ft_conn_refused();
		return;
	}
	ft_report_fill(c, who, now_ns, PROTO_UDP, 0);
	c->flags = FT_CONN_UNCONNECTED;
	if (ft_sock_head(sk, &head)) {
		c->netns = ft_sock_netns(sk, &head);
		c->sport = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
		ft_sock_source(sk, &head, c);
	}
	ft_conn_destination(c, to);
	ft_conn_submit(c);
}

static __always_inline void ft_udp_send(struct bpf_sock_addr *ctx, const struct ft_sockaddr *to)
{
	struct bpf_sock *handle = ctx->sk;
	struct sock *sk = NULL;
	struct ft_who who;
	__u64 now_ns;

	if (ctx->protocol != PROTO_UDP || !handle)
		return;
	who = ft_who_now();
	if (ft_is_own(&who))
		return;
	now_ns = ft_conn_coarse_clock ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns();
	if (ft_udp_is_repeat(to, who.pid, handle->src_port, now_ns)) {
		ft_conn_count(FT_CONN_COUNT_UDP_REPEAT);
		return;
	}
	/* the verifier keeps @handle from being read as a kernel socket; its value may be */
	if (!bpf_probe_read_kernel(&sk, sizeof(sk), &handle))
		ft_udp_report(sk, to, &who);
}

SEC("cgroup/sendmsg4")
int ft_conn_send4(struct bpf_sock_addr *ctx)
{
	struct ft_sockaddr to = { .family = FT_AF_INET,
				  .port = (__be16)ctx->user_port,
				  .v4 = ctx->user_ip4 };

	ft_udp_send(ctx, &to);
	return 1; /* passes; a monitor never steers */
}

SEC("cgroup/sendmsg6")
int ft_conn_send6(struct bpf_sock_addr *ctx)
{
	struct ft_sockaddr to = { .family = FT_AF_INET6, .port = (__be16)ctx->user_port };
	__u32 *v6 = (__u32 *)to.v6;

	v6[0] = ctx->user_ip6[0];
	v6[1] = ctx->user_ip6[1];
	v6[2] = ctx->user_ip6[2];
	v6[3] = ctx->user_ip6[3];
	ft_udp_send(ctx, &to);
	return 1;
}
