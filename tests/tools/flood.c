// SPDX-License-Identifier: BSD-2-Clause
/*
 * flood IFACE FILE [-n FRAMES] [-t SECONDS] [-r RATE]: the Ethernet frames of a capture onto an
 * interface, over and over, by sendmmsg past the queueing discipline. For interfaces of namespaces
 * that lead nowhere. Always bounded: by default a million frames and ten seconds, RATE 0 is as fast
 * as it goes. Prints one JSON object: frames sent, seconds, and seconds of CPU.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture/pcap.h"

#define KEPT	     262144U
#define BATCH	     64U
#define SECONDS_MAX  60.0
#define ETHERNET     1
#define FRAME_MAX    1514U

struct frames {
	struct iovec *at;
	size_t len;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* The first frames of the file, whole ones that fit the interface. */
static int load(const char *path, struct frames *f)
{
	struct pcap_reader *reader;
	struct frame frame;
	char err[512];
	int rc = pcap_reader_open(path, &reader, err, sizeof(err));

	if (rc) {
		fprintf(stderr, "flood: %s\n", err);
		return rc;
	}
	f->at = calloc(KEPT, sizeof(*f->at));
	while (f->at && f->len < KEPT && (rc = pcap_reader_next(reader, &frame)) > 0) {
		void *copy;

		if (frame.link_type != ETHERNET || frame.captured < frame.wire ||
		    frame.captured > FRAME_MAX)
			continue;
		copy = malloc(frame.captured);
		if (!copy)
			break;
		memcpy(copy, frame.bytes, frame.captured);
		f->at[f->len++] = (struct iovec){ copy, frame.captured };
	}
	pcap_reader_close(reader);
	if (!f->len) {
		fprintf(stderr, "flood: %s: no Ethernet frame that could be sent\n", path);
		return -EINVAL;
	}
	return 0;
}

static int open_socket(const char *ifname)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(ifname) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, room = 8 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) || !to.sll_ifindex) {
		fprintf(stderr, "flood: %s: %s\n", ifname, strerror(to.sll_ifindex ? errno : ENODEV));
		return -1;
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return fd;
}

/* One batch; how many went out. */
static unsigned int send_batch(int fd, const struct frames *f, uint64_t first, unsigned int n)
{
	struct mmsghdr msgs[BATCH];
	int sent;

	memset(msgs, 0, sizeof(msgs));
	for (unsigned int i = 0; i < n; i++) {
		msgs[i].msg_hdr.msg_iov = &f->at[(first + i) % f->len];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, msgs, n, 0);
	return sent > 0 ? (unsigned int)sent : 0;
}

static void wait_until(double start, double at)
{
	double ahead = at - (seconds() - start);

	if (ahead > 0.0002) {
		struct timespec pause = { .tv_nsec = (long)(ahead * 1e9) % 1000000000 };

		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	uint64_t frames = 1000000, sent = 0;
	double limit = 10, rate = 0, start, took;
	struct frames f = { 0 };
	int option, fd;

	while ((option = getopt(argc, argv, "n:t:r:")) != -1) {
		switch (option) {
		case 'n':
			frames = strtoull(optarg, NULL, 10);
			break;
		case 't':
			limit = strtod(optarg, NULL);
			break;
		case 'r':
			rate = strtod(optarg, NULL);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2) {
		fputs("usage: flood [-n FRAMES] [-t SECONDS] [-r RATE] IFACE FILE\n", stderr);
		return 2;
	}
	if (limit > SECONDS_MAX)
		limit = SECONDS_MAX;
	fd = open_socket(argv[optind]);
	if (fd < 0 || load(argv[optind + 1], &f))
		return 1;
	start = seconds();
	while (sent < frames && (took = seconds() - start) < limit) {
		uint64_t left = frames - sent;

		if (rate > 0)
			wait_until(start, (double)sent / rate);
		sent += send_batch(fd, &f, sent, left < BATCH ? (unsigned int)left : BATCH);
	}
	took = seconds() - start;
	printf("{\"sent\": %llu, \"seconds\": %.4f, \"cpu\": %.4f}\n", (unsigned long long)sent, took,
	       cpu_seconds());
	return 0;
}
