// SPDX-License-Identifier: BSD-2-Clause
/*
 * What watching connections costs those who connect: loops of TCP connect, accept and close over
 * loopback, of UDP connect by one socket to changing peers (as address sorting does) and by a socket
 * each, of UDP sendto, and of a system call that has nothing to do with it, without and with the
 * programs attached, by turns. One line each: the best twentieth without and with, difference and
 * ratio; then the same in the processor's cycles, which other work and the host of a virtual machine
 * disturb less, where it counts them. With an argument, that shell command is run for the "with"
 * turns instead (it must say a line when attached, and end on SIGINT).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/connect.h"

#define TURNS	    8 /* pairs */
#define PORT	    39999
#define SAMPLES_MAX 4000

struct loop {
	const char *name;
	void (*run)(unsigned int round, unsigned int n);
	unsigned int n; /* a sample */
	unsigned int samples; /* a turn */
};

static int listener, udp;

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static struct sockaddr_in loopback(uint32_t n, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(0x7f010000 + n % 60000)};
}

static void tcp(unsigned int round, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct sockaddr_in to = loopback(round * n + i, PORT);
		int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			perror("connect_bench: connect");
		peer = accept(listener, NULL, NULL);
		close(fd);
		close(peer);
	}
}

static void udp_connect(unsigned int round, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct sockaddr_in to = loopback(round * n + i, 40000);

		connect(udp, (struct sockaddr *)&to, sizeof(to));
	}
}

static void udp_socket(unsigned int round, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct sockaddr_in to = loopback(round * n + i, 40000);
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		connect(fd, (struct sockaddr *)&to, sizeof(to));
		close(fd);
	}
}

static void udp_send(unsigned int round, unsigned int n)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	for (unsigned int i = 0; i < n; i++) { /* one peer: a flow that was reported */
		struct sockaddr_in to = loopback(round & 1, 40001);

		sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	}
}

static void other(unsigned int round, unsigned int n)
{
	(void)round;
	for (unsigned int i = 0; i < n; i++)
		syscall(SYS_getppid);
}

static const struct loop loops[] = {
	{"tcp connect+accept+close", tcp, 100, 60},
	{"udp connect, one socket", udp_connect, 1000, 60},
	{"udp socket+connect+close", udp_socket, 200, 60},
	{"udp sendto", udp_send, 1000, 60},
	{"another system call", other, 5000, 60},
};
#define LOOPS (sizeof(loops) / sizeof(loops[0]))

struct samples {
	double ns[SAMPLES_MAX], cycles[SAMPLES_MAX];
	size_t len;
};

static struct samples samples[LOOPS][2];

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Noise of other work only ever adds: the best of many is what the loop itself takes. */
static double best(double *values, size_t len)
{
	qsort(values, len, sizeof(*values), by_value);
	return values[len / 20];
}

/* Of this thread, in the kernel as well; 0 where they are not counted. */
static double cycles(void)
{
	static int fd = -2;
	uint64_t n;

	if (fd == -2) {
		struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
					       .size = sizeof(attr),
					       .config = PERF_COUNT_HW_CPU_CYCLES};

		fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	}
	return read(fd, &n, sizeof(n)) == sizeof(n) ? (double)n : 0;
}

static void turn(bool with)
{
	static unsigned int round;

	for (size_t l = 0; l < LOOPS; l++)
		for (unsigned int i = 0; i < loops[l].samples; i++) {
			struct samples *s = &samples[l][with];
			double t = now_ns(), c = cycles();

			loops[l].run(round++, loops[l].n);
			if (s->len == SAMPLES_MAX)
				continue;
			s->cycles[s->len] = (cycles() - c) / loops[l].n;
			s->ns[s->len++] = (now_ns() - t) / loops[l].n;
		}
}

/* --- what is attached ------------------------------------------------------------------------ */

static void forget(void *ctx, struct connection *conn)
{
	(void)ctx, (void)conn;
}

/* Reads the ring as the daemon does, in a process of its own, until told to end. */
static void watch(int told)
{
	struct connect_config cfg = connect_config_default();
	struct pollfd p[2] = { { .fd = told, .events = POLLIN }, { .events = POLLIN } };
	struct connect_capture *c;
	struct connect_stats s;

	if (connect_open(&cfg, &hash_key_fixed, &c) || connect_attach(c)) {
		fputs("connect_bench: cannot attach\n", stderr);
		exit(1);
	}
	if (write(told, "r", 1) != 1)
		exit(1);
	p[1].fd = connect_fd(c);
	while (poll(p, 2, 20) >= 0 && !p[0].revents)
		connect_poll(c, (uint64_t)now_ns(), forget, NULL);
	connect_stats(c, &s);
	if (s.lost)
		fprintf(stderr, "connect_bench: %llu records lost\n", (unsigned long long)s.lost);
	connect_close(c);
	exit(0);
}

struct watcher {
	pid_t pid;
	int fd;
};

static struct watcher start(const char *command)
{
	struct watcher w;
	int pair[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		exit(1);
	w.pid = fork();
	if (!w.pid) {
		close(pair[0]);
		if (!command)
			watch(pair[1]);
		dup2(pair[1], STDOUT_FILENO);
		setpgid(0, 0);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	w.fd = pair[0];
	if (read(w.fd, &byte, 1) != 1) {
		fputs("connect_bench: the watcher ended\n", stderr);
		exit(1);
	}
	return w;
}

/* What a peer prints must be read, or it would stand still. */
static void end(struct watcher w, const char *command)
{
	char sink[4096];

	if (command)
		kill(-w.pid, SIGINT);
	shutdown(w.fd, SHUT_WR);
	while (read(w.fd, sink, sizeof(sink)) > 0)
		;
	close(w.fd);
	waitpid(w.pid, NULL, 0);
}

static pid_t drain(int fd)
{
	pid_t pid = fork();
	char sink[65536];

	if (pid)
		return pid;
	while (read(fd, sink, sizeof(sink)) > 0)
		;
	_exit(0);
}

static void print_loop(size_t l)
{
	struct samples *without = &samples[l][0], *with = &samples[l][1];
	double off = best(without->ns, without->len), on = best(with->ns, with->len);

	printf("%-26s %8.0f ns, watched %8.0f ns: %+6.0f ns, %+5.1f %%", loops[l].name, off, on,
	       on - off, (on / off - 1) * 100);
	off = best(without->cycles, without->len);
	on = best(with->cycles, with->len);
	if (off > 0)
		printf("; cycles %8.0f %+6.0f, %+5.1f %%", off, on - off, (on / off - 1) * 100);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	const char *command = argc > 1 ? argv[1] : NULL;
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128)) {
		perror("connect_bench: listen");
		return 1;
	}
	turn(false); /* warms up */
	for (size_t l = 0; l < LOOPS; l++)
		samples[l][0].len = 0;
	for (int i = 0; i < TURNS; i++) {
		struct watcher w;
		pid_t reader = 0;

		turn(false);
		w = start(command);
		if (command)
			reader = drain(w.fd);
		turn(true);
		end(w, command);
		if (reader)
			waitpid(reader, NULL, 0);
	}
	for (size_t l = 0; l < LOOPS; l++)
		print_loop(l);
	return 0;
}
