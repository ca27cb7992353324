// SPDX-License-Identifier: BSD-2-Clause
#include "capture/sockdiag.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAMESPACES_MAX 1024
#define SOCKETS_MAX    262144 /* of all namespaces; the rest is left out */

struct found {
	struct sockdiag_socket s;
	uint32_t inode;
};

struct dump {
	struct found *sockets;
	size_t len, cap;
	uint64_t netns;
	uint8_t listening[65536 / 8]; /* ports, of the namespace at hand */
};

/* --- one dump -------------------------------------------------------------------------------- */

static int request(int fd, uint8_t family, uint32_t states)
{
	struct {
		struct nlmsghdr nlh;
		struct inet_diag_req_v2 req;
	} msg = {
		.nlh = {.nlmsg_len = sizeof(msg),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.req = {.sdiag_family = family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = states},
	};

	return send(fd, &msg, sizeof(msg), 0) < 0 ? -errno : 0;
}

static struct ip_addr address(uint8_t family, const __be32 *raw)
{
	return family == AF_INET ? ip_from_v4((const uint8_t *)raw)
				 : ip_from_v6((const uint8_t *)raw);
}

static int take_socket(struct dump *d, const struct inet_diag_msg *m)
{
	uint16_t sport = ntohs(m->id.idiag_sport);
	struct found *f;

	if (m->idiag_state == TCP_LISTEN) {
		d->listening[sport / 8] |= (uint8_t)(1U << sport % 8);
		return 0;
	}
	if (d->listening[sport / 8] & 1U << sport % 8 || d->len == SOCKETS_MAX)
		return 0;
	if (d->len == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 256;
		struct found *more = realloc(d->sockets, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		d->sockets = more;
		d->cap = cap;
	}
	f = &d->sockets[d->len++];
	*f = (struct found){.inode = m->idiag_inode,
			    .s = {.src = address(m->idiag_family, m->id.idiag_src),
				  .dst = address(m->idiag_family, m->id.idiag_dst),
				  .sport = sport,
				  .dport = ntohs(m->id.idiag_dport),
				  .uid = m->idiag_uid,
				  .netns = d->netns}};
	return 0;
}

/* 1: the dump is at its end; 0: more to come; negative errno. */
static int take_answer(struct dump *d, struct nlmsghdr *h, size_t left)
{
	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		int err;

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
		err = take_socket(d, NLMSG_DATA(h));
		if (err)
			return err;
	}
	return 0;
}

static int dump_states(int fd, struct dump *d, uint8_t family, uint32_t states)
{
	static const size_t max = 32768;
	struct nlmsghdr *buf = malloc(max);
	int err = buf ? request(fd, family, states) : -ENOMEM;

	while (!err) {
		ssize_t n = recv(fd, buf, max, 0);

		err = n < 0 ? -errno : take_answer(d, buf, (size_t)n);
	}
	free(buf);
	return err == 1 ? 0 : err;
}

/* The namespace that the calling thread is in. */
static int dump_namespace(struct dump *d)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), err = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(d->listening); i++)
		d->listening[i] = 0;
	/* all listeners first: one of IPv6 may serve IPv4 too */
	for (size_t i = 0; i < 2 && !err; i++)
		err = dump_states(fd, d, families[i], 1U << TCP_LISTEN);
	for (size_t i = 0; i < 2 && !err; i++)
		err = dump_states(fd, d, families[i], 1U << TCP_ESTABLISHED);
	close(fd);
	return err;
}

/* --- every namespace ------------------------------------------------------------------------- */

static bool next_pid(DIR *proc, uint32_t *ret)
{
	struct dirent *e;

	while ((e = readdir(proc))) {
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9') {
			*ret = (uint32_t)strtoul(e->d_name, NULL, 10);
			return true;
		}
	}
	return false;
}

/* The number in "net:[4026531840]" or "socket:[12345]" behind the link; 0 when there is none. */
static uint64_t link_number(const char *path, const char *kind)
{
	unsigned long long number;
	char text[64], format[32];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	snprintf(format, sizeof(format), "%s:[%%llu]", kind);
	return sscanf(text, format, &number) == 1 ? number : 0;
}

static bool seen_before(uint64_t *seen, size_t *len, uint64_t netns)
{
	for (size_t i = 0; i < *len; i++)
		if (seen[i] == netns)
			return true;
	if (*len == NAMESPACES_MAX)
		return true;
	seen[(*len)++] = netns;
	return false;
}

static int dump_other(struct dump *d, uint32_t pid)
{
	char path[48];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (!setns(fd, CLONE_NEWNET))
		err = dump_namespace(d);
	close(fd);
	return err == -ENOMEM ? err : 0;
}

static int dump_all(struct dump *d)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), err;
	uint64_t seen[NAMESPACES_MAX];
	size_t seen_len = 0;
	DIR *proc;
	uint32_t pid;

	if (home < 0)
		return -errno;
	d->netns = link_number("/proc/self/ns/net", "net");
	seen_before(seen, &seen_len, d->netns);
	err = dump_namespace(d);
	proc = opendir("/proc");
	while (!err && proc && next_pid(proc, &pid)) {
		char path[48];

		snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
		d->netns = link_number(path, "net");
		if (d->netns && !seen_before(seen, &seen_len, d->netns))
			err = dump_other(d, pid);
	}
	if (proc)
		closedir(proc);
	if (setns(home, CLONE_NEWNET) && seen_len > 1 && !err)
		err = errno == EPERM ? 0 : -errno; /* not permitted to leave, nor to come back */
	close(home);
	return err;
}

/* --- who holds them -------------------------------------------------------------------------- */

static int by_inode(const void *a, const void *b)
{
	uint32_t x = ((const struct found *)a)->inode, y = ((const struct found *)b)->inode;

	return x < y ? -1 : x > y;
}

static void find_sockets_of(struct dump *d, uint32_t pid)
{
	char path[64 + 256];
	struct dirent *e;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	fds = opendir(path);
	while (fds && (e = readdir(fds))) {
		struct found want = {}, *f;

		snprintf(path, sizeof(path), "/proc/%u/fd/%.16s", pid, e->d_name);
		want.inode = (uint32_t)link_number(path, "socket");
		f = want.inode ? bsearch(&want, d->sockets, d->len, sizeof(want), by_inode) : NULL;
		if (f && !f->s.pid)
			f->s.pid = pid;
	}
	if (fds)
		closedir(fds);
}

static void find_processes(struct dump *d)
{
	DIR *proc = opendir("/proc");
	uint32_t pid;

	qsort(d->sockets, d->len, sizeof(*d->sockets), by_inode);
	while (proc && next_pid(proc, &pid))
		find_sockets_of(d, pid);
	if (proc)
		closedir(proc);
}

int sockdiag_outgoing(sockdiag_fn fn, void *ctx)
{
	struct dump *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	err = dump_all(d);
	if (!err && d->len)
		find_processes(d);
	for (size_t i = 0; !err && i < d->len; i++)
		fn(ctx, &d->sockets[i].s);
	free(d->sockets);
	free(d);
	return err;
}
