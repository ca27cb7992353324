// SPDX-License-Identifier: BSD-2-Clause
/* capture/connect: the kernel's table of TCP sockets, when it is full and when it is not any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture/connect.h"

#define PLACES 64 /* of the table where it consists of sets; else half as many */
#define MANY   400

struct seen {
	struct connect_capture *capture;
	unsigned int n[CONNECTION_CLOSED + 1];
	int listener;
	struct sockaddr_in addr;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void count(void *ctx, struct connection *conn)
{
	struct seen *s = ctx;

	/* not by its number: it has another one where this runs in a namespace */
	if (conn->proto == IPPROTO_TCP && conn->dport == ntohs(s->addr.sin_port) &&
	    conn->process.comm && !strncmp(conn->process.comm, "connect_table", 13))
		s->n[conn->state]++;
}

static void poll_until(struct seen *s, unsigned int begun, unsigned int closed)
{
	uint64_t end_ns = now_ns() + 10000000000ULL;

	do
		connect_poll(s->capture, now_ns(), count, s);
	while ((s->n[CONNECTION_OK] + s->n[CONNECTION_ATTEMPT] < begun ||
		s->n[CONNECTION_CLOSED] < closed) &&
	       now_ns() < end_ns && !usleep(1000));
}

static int bring_loopback_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	err = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return err;
}

static int open_all(void **state)
{
	struct connect_config cfg = connect_config_default();
	struct seen *s = calloc(1, sizeof(*s));
	socklen_t len = sizeof(s->addr);

	if (!s || unshare(CLONE_NEWNET) || bring_loopback_up())
		return -1;
	cfg.ignore_pid = 0;
	cfg.max_sockets = PLACES / 2;
	s->addr = (struct sockaddr_in){.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->listener, (struct sockaddr *)&s->addr, sizeof(s->addr)) ||
	    listen(s->listener, MANY) ||
	    getsockname(s->listener, (struct sockaddr *)&s->addr, &len) ||
	    connect_open(&cfg, &hash_key_fixed, &s->capture) || connect_attach(s->capture))
		return -1;
	*state = s;
	return 0;
}

static int close_all(void **state)
{
	struct seen *s = *state;

	connect_close(s->capture);
	close(s->listener);
	free(s);
	return 0;
}

static void connect_many(const struct seen *s, int (*fds)[2], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		fds[i][0] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i][0], (const struct sockaddr *)&s->addr,
					 sizeof(s->addr)), 0);
		fds[i][1] = accept(s->listener, NULL, NULL);
	}
}

static void close_many(int (*fds)[2], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

/* All are reported; those that found no room without an outcome, and counted. */
static void full_table_reports_attempts(void **state)
{
	struct seen *s = *state;
	struct connect_stats stats;
	static int fds[MANY][2];
	unsigned int followed;

	connect_many(s, fds, MANY);
	poll_until(s, MANY, 0);
	followed = s->n[CONNECTION_OK];
	assert_int_equal(followed + s->n[CONNECTION_ATTEMPT], MANY);
	assert_in_range(followed, PLACES / 4, PLACES);
	connect_stats(s->capture, &stats);
	assert_int_equal(stats.table_full, s->n[CONNECTION_ATTEMPT]);
	close_many(fds, MANY);
	poll_until(s, 0, followed);
	assert_int_equal(s->n[CONNECTION_CLOSED], followed);
	assert_int_equal(s->n[CONNECTION_FAILED], 0);

	/* the places are free again, many times over */
	for (unsigned int round = 1; round <= 500; round++) {
		connect_many(s, fds, 1);
		close_many(fds, 1);
	}
	poll_until(s, MANY + 500, followed + 500);
	assert_int_equal(s->n[CONNECTION_OK], followed + 500);
	assert_int_equal(s->n[CONNECTION_CLOSED], followed + 500);
	connect_stats(s->capture, &stats);
	assert_int_equal(stats.table_full, MANY - followed);
	assert_int_equal(stats.stale, 0);
	assert_int_equal(stats.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(full_table_reports_attempts, open_all, close_all),
	};

	if (geteuid()) {
		puts("1..0 # skip needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
