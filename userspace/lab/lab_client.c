// SPDX-License-Identifier: BSD-2-Clause
/* The lab's clients, and the listener behind the addresses that the domains point to. */
#include "lab/lab_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/lab_dns.h"
#include "lab/lab_plan.h"

#define CLIENT_TRIES	   2 /* addresses of an answer a client contacts */
#define CLIENT_PATIENCE_MS 1000 /* for an answer or a connection */

#define NTP_LEN	      48
#define NTP_ASKS      0x23 /* version 4, client */
#define NTP_ANSWERS   0x24 /* version 4, server */
#define NTP_UNIX_DIFF 2208988800U /* its era begins in 1900 */

static void to_sockaddr(const struct ip_addr *addr, uint16_t port, struct sockaddr_in *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sin_family = AF_INET;
	ret->sin_port = htons(port);
	memcpy(&ret->sin_addr, addr->b + 12, 4);
}

/* --- client --------------------------------------------------------------------------------- */

/* Connect, say a word, read to the end. What fails just fails: so do half of a botnet's nodes. */
static void visit(const struct ip_addr *addr)
{
	static const char hello[] = "hello\n";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(err);
	struct sockaddr_in to;
	char reply[64];

	if (fd < 0)
		return;
	to_sockaddr(addr, LAB_PORT, &to);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
	    (errno == EINPROGRESS && poll(&p, 1, CLIENT_PATIENCE_MS) == 1 &&
	     getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0)) {
		p.events = POLLIN;
		if (send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) > 0)
			while (poll(&p, 1, CLIENT_PATIENCE_MS) == 1 &&
			       read(fd, reply, sizeof(reply)) > 0)
				continue;
	}
	close(fd);
}

/* One question for the time. */
static void synchronise(const struct ip_addr *addr)
{
	uint8_t packet[NTP_LEN] = { NTP_ASKS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct sockaddr_in to;

	if (fd < 0)
		return;
	to_sockaddr(addr, LAB_NTP_PORT, &to);
	if (sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) > 0 &&
	    poll(&p, 1, CLIENT_PATIENCE_MS) == 1)
		(void)!recv(fd, packet, sizeof(packet), 0);
	close(fd);
}

static void pause_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

typedef void (*contact_fn)(const struct ip_addr *addr);

static int run_client(const char *resolver, unsigned int period_ms, char *const *names,
		      contact_fn contact)
{
	struct ip_addr addrs[32];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 1;
	for (;;) {
		for (char *const *name = names; *name; name++) {
			int n = lab_dns_ask(fd, resolver, *name, CLIENT_PATIENCE_MS, addrs, 32);

			for (int i = 0; i < n && i < CLIENT_TRIES; i++)
				contact(&addrs[i]);
		}
		pause_ms(period_ms);
	}
}

/* --- listener ------------------------------------------------------------------------------- */

struct service {
	const char *name; /* in the list */
	int type;
	uint16_t port;
};

static const struct service services[] = { { "tcp", SOCK_STREAM, LAB_PORT },
					   { "ntp", SOCK_DGRAM, LAB_NTP_PORT } };

static int bind_to(const struct ip_addr *ip, const struct service *service)
{
	int fd = socket(AF_INET, service->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, err;
	struct sockaddr_in addr;

	if (fd < 0)
		return -errno;
	to_sockaddr(ip, service->port, &addr);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    (service->type == SOCK_DGRAM || listen(fd, 16) == 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* "tcp ADDRESS" or "ntp ADDRESS". */
static int listen_on(const char *text, int poll_fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct ip_addr ip;
	uint32_t which = text[0] == 'n';
	int fd;

	if (strncmp(text, services[which].name, 3) || text[3] != ' ' || ip_parse(text + 4, &ip))
		return -EINVAL;
	fd = bind_to(&ip, &services[which]);
	if (fd < 0)
		return fd;
	event.data.u64 = (uint64_t)which << 32 | (uint32_t)fd;
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return 0;
}

static int listen_on_all(FILE *file, int poll_fd)
{
	char line[64];
	int err;

	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		err = listen_on(line, poll_fd);
		if (err) {
			fprintf(stderr, "%s: %s\n", line, strerror(-err));
			return err;
		}
	}
	return 0;
}

static void answer_time(int fd)
{
	uint8_t packet[NTP_LEN], client_time[8];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint32_t now;

	if (recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len) != NTP_LEN)
		return;
	memcpy(client_time, packet + 40, sizeof(client_time));
	memset(packet, 0, sizeof(packet));
	packet[0] = NTP_ANSWERS;
	packet[1] = 2; /* stratum */
	now = htonl((uint32_t)time(NULL) + NTP_UNIX_DIFF);
	memcpy(packet + 24, client_time, sizeof(client_time));
	memcpy(packet + 32, &now, sizeof(now));
	memcpy(packet + 40, &now, sizeof(now));
	sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, len);
}

static void answer(int listener)
{
	static const char reply[] = "here\n";
	struct timeval patience = { .tv_sec = 1 };
	char word[64];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (read(fd, word, sizeof(word)) > 0)
		send(fd, reply, sizeof(reply) - 1, MSG_NOSIGNAL);
	close(fd);
}

static void serve(int fd, bool is_clock)
{
	if (is_clock)
		answer_time(fd);
	else
		answer(fd);
}

static int run_listener(const char *path)
{
	int poll_fd = epoll_create1(EPOLL_CLOEXEC), n;
	FILE *file = fopen(path, "re");
	struct epoll_event events[16];

	if (poll_fd < 0 || !file || listen_on_all(file, poll_fd))
		return 1;
	fclose(file);
	while ((n = epoll_wait(poll_fd, events, 16, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++)
			serve((int)(uint32_t)events[i].data.u64, events[i].data.u64 >> 32 == 1);
	return 1;
}

int lab_helper(int argc, char **argv)
{
	const bool is_client = argc >= 4 && strcmp(argv[0], LAB_CLIENT) == 0;
	const bool is_sync = argc >= 4 && strcmp(argv[0], LAB_SYNC) == 0;

	if (is_client || is_sync)
		return run_client(argv[1], (unsigned int)strtoul(argv[2], NULL, 10), argv + 3,
				  is_sync ? synchronise : visit);
	if (argc == 2 && strcmp(argv[0], LAB_LISTEN) == 0)
		return run_listener(argv[1]);
	return -1;
}
