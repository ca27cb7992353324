// SPDX-License-Identifier: BSD-2-Clause
/*
 * Print the connections that the programs report, one line each, tab-separated: for tests that
 * compare them with what they did. "ready" once attached and existing ones are listed; without
 * privileges from then on (user nobody, no capability). Ends when standard input does, with the
 * counters on the last line.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "capture/connect.h"

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static void print(void *ctx, struct connection *c)
{
	static const char *const states[] = {"attempt", "ok", "failed", "closed"};
	const struct process_info *p = &c->process;
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];

	(void)ctx;
	printf("%s\t%s\t%d\t%s\t%u\t%s\t%u\t", states[c->state], c->proto == 6 ? "tcp" : "udp",
	       c->err, ip_format(&c->src, src), c->sport, ip_format(&c->dst, dst), c->dport);
	printf("%u\t%u\t%u\t%s\t%s\t%s\t%s\t%s\t%s\t%" PRIu64 "\t", p->pid, p->ppid, p->uid,
	       or_dash(p->exe), or_dash(p->comm), or_dash(p->cmdline), or_dash(p->cgroup),
	       or_dash(p->unit), or_dash(p->container_id), p->netns);
	printf("%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\n", c->bytes_toserver, c->bytes_toclient,
	       c->latency_us, c->preexisting);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void drop_privileges(void)
{
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		perror("drop privileges");
		exit(1);
	}
}

static void print_stats(const struct connect_capture *c)
{
	struct connect_stats s;

	connect_stats(c, &s);
	printf("stats\trecords=%" PRIu64 " lost=%" PRIu64 " table_full=%" PRIu64 " bad=%" PRIu64
	       " no_socket=%" PRIu64 " probes=%" PRIu64 " processes=%" PRIu64 " unknown=%" PRIu64
	       " syscalls=%d udp_sends=%d\n",
	       s.records, s.lost, s.table_full, s.bad_records, s.no_socket, s.udp_probes,
	       s.processes, s.processes_unknown, s.syscalls, s.udp_sends);
}

static int open_and_attach(struct connect_capture **ret)
{
	struct connect_config cfg = connect_config_default();
	int err = connect_open(&cfg, &hash_key_fixed, ret);

	if (err)
		return err;
	err = connect_attach(*ret);
	if (!err)
		err = connect_existing(*ret, now_ns(), print, NULL);
	return err < 0 ? err : 0;
}

int main(void)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	struct connect_capture *c = NULL;
	uint64_t end_ns = 0;
	int err = open_and_attach(&c);

	if (err) {
		fprintf(stderr, "connect_watch: %s\n", strerror(-err));
		return 1;
	}
	drop_privileges();
	puts("ready");
	fds[1] = (struct pollfd){.fd = connect_fd(c), .events = POLLIN};
	/* when told to end: once more around, for UDP connects that wait to be told from probes */
	while (!end_ns || now_ns() < end_ns) {
		connect_poll(c, now_ns(), print, NULL);
		fflush(stdout);
		poll(end_ns ? fds + 1 : fds, end_ns ? 1 : 2, 10);
		if (!end_ns && fds[0].revents & (POLLIN | POLLHUP))
			end_ns = now_ns() + 100000000;
	}
	print_stats(c);
	connect_close(c);
	return 0;
}
