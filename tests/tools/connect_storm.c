// SPDX-License-Identifier: BSD-2-Clause
/*
 * A short-lived process that connects, and writes down what it did.
 *
 *   connect_storm serve PORT            accept and close until standard input ends; "ready" first
 *   connect_storm LOG COUNT SEED PORT   COUNT connections to addresses of 198.18.0.0/16, by turns
 *                                       blocking, non-blocking, UDP, and refused
 *
 * A line of LOG: pid, protocol, source port, address, port, errno of the outcome; one write in
 * all. Then "life" and the microseconds from main() to there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLOSED_PORT 9

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int serve(uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	int one = 1;

	fds[1].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fds[1].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fds[1].fd, (struct sockaddr *)&any, sizeof(any)) || listen(fds[1].fd, 1024)) {
		perror("connect_storm: serve");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (poll(fds, 2, -1) > 0 && !fds[0].revents) {
		int peer = accept(fds[1].fd, NULL, NULL);
		char byte;

		if (peer < 0)
			continue;
		if (read(peer, &byte, 1) < 0) /* the client closes first */
			perror("connect_storm: read");
		close(peer);
	}
	return 0;
}

static int outcome(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, 10000) != 1)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

static size_t one_connection(char *line, size_t max, unsigned int i, unsigned int target,
			     uint16_t port)
{
	unsigned int kind = i % 10; /* 0–5 blocking, 6 and 7 not, 8 UDP, 9 refused */
	struct sockaddr_in any = {.sin_family = AF_INET}, from;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(kind == 9 ? CLOSED_PORT : port),
				 .sin_addr.s_addr = htonl(0xc6120000 + 256 + target)};
	int fd = socket(AF_INET,
			(kind == 8 ? SOCK_DGRAM : SOCK_STREAM) |
				(kind == 6 || kind == 7 ? SOCK_NONBLOCK : 0),
			0);
	socklen_t len = sizeof(from);
	char addr[INET_ADDRSTRLEN];
	int err, n;

	/* the port is known even when the connection fails */
	bind(fd, (struct sockaddr *)&any, sizeof(any));
	getsockname(fd, (struct sockaddr *)&from, &len);
	err = connect(fd, (struct sockaddr *)&to, sizeof(to)) ? errno : 0;
	if (err == EINPROGRESS)
		err = outcome(fd);
	if (kind == 8 && send(fd, "?", 1, 0) < 0)
		err = errno;
	close(fd);
	n = snprintf(line, max, "%d\t%s\t%u\t%s\t%u\t%d\n", getpid(), kind == 8 ? "udp" : "tcp",
		     ntohs(from.sin_port), inet_ntop(AF_INET, &to.sin_addr, addr, sizeof(addr)),
		     ntohs(to.sin_port), err);
	return (size_t)n;
}

static int storm(const char *log, unsigned int count, unsigned int seed, uint16_t port)
{
	uint64_t begun = now_us();
	char *text = malloc(count * 80 + 80);
	size_t len = 0;
	int fd;

	if (!text)
		return 1;
	for (unsigned int i = 0; i < count; i++)
		len += one_connection(text + len, 80, i, (seed * count + i) % 4000, port);
	len += (size_t)sprintf(text + len, "life\t%d\t%llu\n", getpid(),
			       (unsigned long long)(now_us() - begun));
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len) {
		perror("connect_storm: log");
		return 1;
	}
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve((uint16_t)atoi(argv[2]));
	if (argc == 5)
		return storm(argv[1], (unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]),
			     (uint16_t)atoi(argv[4]));
	fputs("usage: connect_storm serve PORT | connect_storm LOG COUNT SEED PORT\n", stderr);
	return 2;
}
