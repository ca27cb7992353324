// SPDX-License-Identifier: BSD-2-Clause
/* The "connect" event: a connection, its process, and the names its address was answered for. */
#include "report/eve_common.h"

#include <errno.h>

/* What connect(2) and the sockets' error queue can yield. */
static const struct {
	int err;
	const char *name;
} errno_names[] = {
#define NAMED(e)      \
	{             \
		e, #e \
	}
	NAMED(EACCES),	     NAMED(EADDRINUSE),	  NAMED(EADDRNOTAVAIL),	  NAMED(EAFNOSUPPORT),
	NAMED(EAGAIN),	     NAMED(EALREADY),	  NAMED(EBADF),		  NAMED(ECONNABORTED),
	NAMED(ECONNREFUSED), NAMED(ECONNRESET),	  NAMED(EDESTADDRREQ),	  NAMED(EFAULT),
	NAMED(EHOSTDOWN),    NAMED(EHOSTUNREACH), NAMED(EINPROGRESS),	  NAMED(EINTR),
	NAMED(EINVAL),	     NAMED(EIO),	  NAMED(EISCONN),	  NAMED(EMFILE),
	NAMED(ENETDOWN),     NAMED(ENETRESET),	  NAMED(ENETUNREACH),	  NAMED(ENOBUFS),
	NAMED(ENODEV),	     NAMED(ENOENT),	  NAMED(ENOMEM),	  NAMED(ENOPROTOOPT),
	NAMED(ENOTCONN),     NAMED(ENOTSOCK),	  NAMED(EOPNOTSUPP),	  NAMED(EPERM),
	NAMED(EPIPE),	     NAMED(EPROTO),	  NAMED(EPROTONOSUPPORT), NAMED(EPROTOTYPE),
	NAMED(ETIMEDOUT),
#undef NAMED
};

static void add_result(struct buf *out, const struct connection *conn)
{
	if (conn->state == CONNECTION_OK || conn->state == CONNECTION_CLOSED) {
		json_lit(out, "\"result\":\"ok\",");
		return;
	}
	if (conn->state != CONNECTION_FAILED)
		return;
	for (size_t i = 0; i < sizeof(errno_names) / sizeof(errno_names[0]); i++) {
		if (errno_names[i].err == conn->err) {
			json_member(out, "\"result\":", errno_names[i].name);
			return;
		}
	}
	json_lit(out, "\"result\":\"errno ");
	buf_u64(out, (uint64_t)(conn->err > 0 ? conn->err : 0));
	json_lit(out, "\",");
}

static void add_process(struct buf *out, const struct process_info *p)
{
	json_lit(out, "\"process\":{\"pid\":");
	json_u64(out, p->pid);
	if (p->ppid) {
		json_lit(out, "\"ppid\":");
		json_u64(out, p->ppid);
	}
	json_member(out, "\"exe\":", p->exe);
	json_member(out, "\"comm\":", p->comm);
	json_member(out, "\"cmdline\":", p->cmdline);
	json_lit(out, "\"uid\":");
	json_u64(out, p->uid);
	json_member(out, "\"user\":", p->user);
	json_member(out, "\"cgroup\":", p->cgroup);
	json_member(out, "\"unit\":", p->unit);
	json_member(out, "\"container_id\":", p->container_id);
	json_end(out, '}');
}

static void add_name(struct buf *out, const struct connection_name *n)
{
	json_lit(out, "{\"rrname\":");
	json_name(out, &n->rrname);
	json_lit(out, "\"query\":");
	json_name(out, n->query.len ? &n->query : &n->rrname);
	json_lit(out, "\"age_s\":");
	json_double(out, n->age_s);
	json_lit(out, "\"ttl_left_s\":");
	json_double(out, n->ttl_left_s);
	buf_str(out, n->same_host ? "\"same_host\":true," : "\"same_host\":false,");
	json_lit(out, "\"confidence\":");
	json_double(out, n->confidence);
	json_end(out, '}');
}

static void add_marks(struct buf *out, const struct connection *conn)
{
	static const char *const protocols[] = { [CONNECTION_DNS_TLS] = "tls",
						 [CONNECTION_DNS_QUIC] = "quic",
						 [CONNECTION_DNS_HTTPS] = "https" };

	if (conn->preexisting)
		json_lit(out, "\"preexisting\":true,");
	if ((unsigned int)conn->encrypted_dns < sizeof(protocols) / sizeof(protocols[0]))
		json_member(out, "\"encrypted_dns\":", protocols[conn->encrypted_dns]);
}

static void add_volume(struct buf *out, const struct connection *conn)
{
	if (conn->has_bytes) {
		json_lit(out, "\"bytes_toserver\":");
		json_u64(out, conn->bytes_toserver);
		json_lit(out, "\"bytes_toclient\":");
		json_u64(out, conn->bytes_toclient);
	}
	if (conn->state == CONNECTION_CLOSED || conn->duration_ns) {
		json_lit(out, "\"duration_s\":");
		json_double(out, (double)conn->duration_ns / 1e9);
	}
}

void eve_connect(struct buf *out, const struct eve_context *ctx, const struct connection *conn)
{
	struct eve_flow flow = { .src = conn->src.b,
				 .dst = conn->dst.b,
				 .sport = conn->sport,
				 .dport = conn->dport,
				 .ip_proto = conn->proto,
				 .v4 = ip_is_v4(&conn->src) && ip_is_v4(&conn->dst) };

	eve_begin(out, ctx, conn->time_ns, "connect");
	json_member(out, "\"in_iface\":", ctx->in_iface);
	eve_flow(out, &flow);
	eve_capture(out, ctx);
	if (conn->has_mac) {
		json_lit(out, "\"ether\":{\"src_mac\":");
		json_mac(out, conn->mac);
		json_end(out, '}');
	}
	json_lit(out, "\"connect\":{");
	add_result(out, conn);
	if (conn->latency_us) {
		json_lit(out, "\"latency_us\":");
		json_u64(out, conn->latency_us);
	}
	json_member(out, "\"hostname\":", conn->hostname);
	if (conn->has_process)
		add_process(out, &conn->process);
	if (conn->names_len) {
		json_lit(out, "\"names\":[");
		for (size_t i = 0; i < conn->names_len && i < CONNECTION_NAMES_MAX; i++)
			add_name(out, &conn->names[i]);
		json_end(out, ']');
	}
	add_marks(out, conn);
	add_volume(out, conn);
	json_end(out, '}');
	json_end_line(out);
}
