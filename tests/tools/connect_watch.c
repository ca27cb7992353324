// SPDX-License-Identifier: BSD-2-Clause
/*
 * Print the connections that the programs report, one line each, tab-separated: for tests that
 * compare them with what they did. "ready" once attached and existing ones are listed; without
 * privileges from then on (user nobody, no capability). Ends when standard input does, with the
 * counters on the last line. With an argument: a file of answers, a line each (name, address,
 * client, TTL), taken as given now, and the names that the join finds in the last column.
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
#include "correlate/correlate.h"

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static void print_names(const struct connection *c)
{
	char name[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < c->names_len; i++) {
		dns_name_format(&c->names[i].rrname, name);
		printf("%s%s", i ? "," : "", name);
	}
	printf("%s\n", c->names_len ? "" : "-");
}

static void print(void *ctx, struct connection *c)
{
	static const char *const states[] = {"attempt", "ok", "failed", "closed"};
	const struct process_info *p = &c->process;
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];

	if (ctx)
		correlator_connection(ctx, c);
	printf("%s\t%s\t%d\t%s\t%u\t%s\t%u\t", states[c->state], c->proto == 6 ? "tcp" : "udp",
	       c->err, ip_format(&c->src, src), c->sport, ip_format(&c->dst, dst), c->dport);
	printf("%u\t%u\t%u\t%s\t%s\t%s\t%s\t%s\t%s\t%" PRIu64 "\t", p->pid, p->ppid, p->uid,
	       or_dash(p->exe), or_dash(p->comm), or_dash(p->cmdline), or_dash(p->cgroup),
	       or_dash(p->unit), or_dash(p->container_id), p->netns);
	printf("%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\t", c->bytes_toserver, c->bytes_toclient,
	       c->latency_us, c->preexisting);
	print_names(c);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int read_answers(const char *path, struct correlator **ret)
{
	struct correlate_config cfg = correlate_config_default();
	char text[256], addr[64], client[64];
	FILE *f = fopen(path, "re");
	uint32_t ttl;

	if (!f)
		return -errno;
	if (correlator_new(&cfg, &hash_key_fixed, ret)) {
		fclose(f);
		return -ENOMEM;
	}
	while (fscanf(f, "%255s %63s %63s %" SCNu32, text, addr, client, &ttl) == 4) {
		struct dns_name name;
		struct dns_obs_record r = {.owner = &name, .type = DNS_TYPE_A, .ttl_s = ttl};
		struct dns_observation obs = {.time_ns = now_ns(),
					      .qname = &name,
					      .qtype = 1,
					      .qclass = 1,
					      .records = &r,
					      .records_len = 1};

		if (dns_name_from_text(text, &name) || ip_parse(addr, &r.addr) ||
		    ip_parse(client, &obs.client))
			return -EBADMSG;
		correlator_response(*ret, &obs);
	}
	fclose(f);
	return 0;
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
	       " no_socket=%" PRIu64 " stale=%" PRIu64 " probes=%" PRIu64 " processes=%" PRIu64
	       " unknown=%" PRIu64 " syscalls=%d udp_sends=%d\n",
	       s.records, s.lost, s.table_full, s.bad_records, s.no_socket, s.stale, s.udp_probes,
	       s.processes, s.processes_unknown, s.syscalls, s.udp_sends);
}

static int open_and_attach(struct correlator *names, struct connect_capture **ret)
{
	struct connect_config cfg = connect_config_default();
	int err = connect_open(&cfg, &hash_key_fixed, ret);

	if (err)
		return err;
	err = connect_attach(*ret);
	if (!err)
		err = connect_existing(*ret, now_ns(), print, names);
	return err < 0 ? err : 0;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	struct connect_capture *c = NULL;
	struct correlator *names = NULL;
	uint64_t end_ns = 0;
	int err = argc > 1 ? read_answers(argv[1], &names) : 0;

	if (!err)
		err = open_and_attach(names, &c);
	if (err) {
		fprintf(stderr, "connect_watch: %s\n", strerror(-err));
		return 1;
	}
	drop_privileges();
	puts("ready");
	fds[1] = (struct pollfd){.fd = connect_fd(c), .events = POLLIN};
	/* when told to end: once more around, for UDP connects that wait to be told from probes */
	while (!end_ns || now_ns() < end_ns) {
		connect_poll(c, now_ns(), print, names);
		fflush(stdout);
		poll(end_ns ? fds + 1 : fds, end_ns ? 1 : 2, 10);
		if (!end_ns && fds[0].revents & (POLLIN | POLLHUP))
			end_ns = now_ns() + 100000000;
	}
	print_stats(c);
	connect_close(c);
	correlator_free(names);
	return 0;
}
