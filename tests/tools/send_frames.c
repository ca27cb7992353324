// SPDX-License-Identifier: BSD-2-Clause
/*
 * send_frames [-t] IFACE FILE…: put the frames of captures onto an interface as they are. Raw IP and
 * Linux cooked frames get an Ethernet header in front. Frames that the capture cut short, that are
 * too short or too long for the interface, or of other link types are passed over. Prints
 * "FILE sent N passed over M". -t keeps the gaps between the frames, else they go out at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture/pcap.h"

enum { LINK_ETHERNET = 1, LINK_RAW = 101, LINK_SLL = 113, LINK_IPV4 = 228, LINK_IPV6 = 229,
       LINK_SLL2 = 276 };

static uint8_t frame[70000];

/* Ethernet header with a broadcast destination, so that nothing drops it for its address. */
static size_t put_ethernet(uint16_t type, const uint8_t *payload, size_t len)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x02\0\0\0\0\x01", 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	memcpy(frame + 14, payload, len);
	return len + 14;
}

/* The frame to send in `frame`; 0 when it cannot be sent. */
static size_t convert(const struct frame *f)
{
	const uint8_t *p = f->bytes;
	size_t len = f->captured;

	if (f->captured < f->wire || len < 20 || len > sizeof(frame) - 14)
		return 0;
	switch (f->link_type) {
	case LINK_ETHERNET:
		memcpy(frame, p, len);
		return len;
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return put_ethernet(p[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP, p, len);
	case LINK_SLL:
		return put_ethernet((uint16_t)(p[14] << 8 | p[15]), p + 16, len - 16);
	case LINK_SLL2:
		return put_ethernet((uint16_t)(p[0] << 8 | p[1]), p + 20, len - 20);
	default:
		return 0;
	}
}

/* Wait until as much time has passed since the first frame as in the capture. */
static void keep_time(uint64_t time_ns)
{
	static uint64_t first_ns;
	static struct timespec start;
	struct timespec due;

	if (!first_ns) {
		first_ns = time_ns;
		clock_gettime(CLOCK_MONOTONIC, &start);
	}
	if (time_ns < first_ns)
		return;
	due.tv_sec = start.tv_sec + (time_t)((time_ns - first_ns) / 1000000000U);
	due.tv_nsec = start.tv_nsec + (long)((time_ns - first_ns) % 1000000000U);
	due.tv_sec += due.tv_nsec / 1000000000;
	due.tv_nsec %= 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

static int send_file(int fd, const struct sockaddr_ll *to, const char *path, bool timed)
{
	unsigned long sent = 0, passed = 0;
	struct pcap_reader *reader;
	char err[256];
	struct frame f;
	int rc;

	if (pcap_reader_open(path, &reader, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	while ((rc = pcap_reader_next(reader, &f)) == 1) {
		size_t len = convert(&f);

		if (timed)
			keep_time(f.time_ns);
		while (len && sendto(fd, frame, len, 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
			if (errno != EINTR && errno != ENOBUFS)
				len = 0;
		*(len ? &sent : &passed) += 1;
	}
	pcap_reader_close(reader);
	printf("%s sent %lu passed over %lu\n", path, sent, passed);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	bool timed = argc > 1 && !strcmp(argv[1], "-t");
	int fd, failed = 0;

	argc -= timed;
	argv += timed;
	if (argc < 3) {
		fputs("usage: send_frames [-t] IFACE FILE...  (-t: with the gaps of the capture)\n", stderr);
		return 2;
	}
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (!to.sll_ifindex || fd < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (int i = 2; i < argc; i++)
		failed |= send_file(fd, &to, argv[i], timed);
	close(fd);
	return failed;
}
