// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostile IFACE [-t SECONDS] [-r RATE] [-k KINDS] [-s SEED]: what nobody should send to a monitor,
 * all kinds mixed, onto an interface of a namespace that leads nowhere. Bounded by SECONDS (10, at
 * most 120) and RATE frames a second (0: as fast as it goes). KINDS are letters, more of one make
 * it more frequent:
 *
 *   n  a response with a name never used before (half of one zone, half of a domain each)
 *   r  random octets from UDP port 53, QR set in half of them
 *   t  a good response cut off anywhere, its lengths left as they were
 *   f  fragments without the rest, later ones without a first, overlapping ones
 *   h  half-open streams: SYN and ACK, then parts of messages that never end, with holes
 *
 * Prints one JSON object: frames sent of each kind, distinct names, seconds.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	    64U
#define FRAME_MAX   1514U
#define SECONDS_MAX 900.0
#define IP	    14U
#define L4	    34U
#define KIND_CHARS  "ncrtfh"

struct out {
	uint8_t b[FRAME_MAX];
	size_t len;
};

static uint64_t random_state;
static uint64_t names;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((random64() >> 32) * n >> 32);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Ethernet and IPv4 in front of @bytes of payload, from 198.18.0.0/17 to 198.18.128.0/17. */
static void put_ip(struct out *o, uint8_t proto, size_t bytes)
{
	static const uint8_t ethernet[IP] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
					      0,    0,	  0,	0,    1,    0x08, 0 };

	memcpy(o->b, ethernet, sizeof(ethernet));
	memset(o->b + IP, 0, 20);
	o->b[IP] = 0x45;
	put16(o->b + IP + 2, 20 + bytes);
	o->b[IP + 8] = 64;
	o->b[IP + 9] = proto;
	put32(o->b + IP + 12, 0xc6120000 | below(1 << 15));
	put32(o->b + IP + 16, 0xc6128000 | below(1 << 15));
	o->len = L4 + bytes;
}

static void put_udp(struct out *o, size_t bytes)
{
	put_ip(o, 17, 8 + bytes);
	put16(o->b + L4, 53);
	put16(o->b + L4 + 2, 1024 + below(60000));
	put16(o->b + L4 + 4, 8 + bytes);
	put16(o->b + L4 + 6, 0);
}

static size_t put_label(uint8_t *p, const char *text)
{
	size_t n = strlen(text);

	p[0] = (uint8_t)n;
	memcpy(p + 1, text, n);
	return n + 1;
}

/* A response of one address to the name with number @n. Returns its octets. */
static size_t put_message(uint8_t *m, uint64_t n)
{
	static const uint8_t head[] = { 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0 };
	static const uint8_t answer[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4 };
	char label[24];
	size_t at = 12;

	put16(m, random64());
	memcpy(m + 2, head, sizeof(head));
	snprintf(label, sizeof(label), "n%llx", (unsigned long long)n);
	if (n & 1)
		at += put_label(m + at, "www");
	at += put_label(m + at, label);
	if (!(n & 1))
		at += put_label(m + at, "flood");
	at += put_label(m + at, "test");
	m[at++] = 0;
	put32(m + at, 0x00010001);
	at += 4;
	memcpy(m + at, answer, sizeof(answer));
	at += sizeof(answer);
	put32(m + at, 0xc6130000 | below(1 << 16));
	return at + 4;
}

static void put_name(struct out *o)
{
	size_t n = put_message(o->b + L4 + 8, (1ULL << 32) + names++);

	put_udp(o, n);
}

static void put_change(struct out *o)
{
	size_t n = put_message(o->b + L4 + 8, below(1 << 14));

	put_udp(o, n);
}

static void put_random(struct out *o)
{
	size_t n = below(500);

	put_udp(o, n);
	for (size_t i = 0; i < n; i++)
		o->b[L4 + 8 + i] = (uint8_t)random64();
	if (n > 2)
		o->b[L4 + 8 + 2] |= (uint8_t)(random64() & 0x80);
}

static void put_cut(struct out *o)
{
	put_change(o);
	o->len = 14 + below((uint32_t)(o->len - 14));
}

static void put_fragment(struct out *o)
{
	size_t n = 8 * (1 + below(180));

	put_ip(o, 17, n);
	put16(o->b + IP + 4, random64());
	for (size_t i = 0; i < n; i++)
		o->b[L4 + i] = (uint8_t)i;
	put16(o->b + L4, 53);
	if (below(2)) /* first: more follow */
		put16(o->b + IP + 6, 0x2000);
	else
		put16(o->b + IP + 6, (random64() & 0x2000) | below(0x1fff));
	if (below(4) == 0) { /* a few packets get many pieces, which overlap */
		put16(o->b + IP + 4, below(16));
		put32(o->b + IP + 12, 0xc6120001);
		put32(o->b + IP + 16, 0xc6128001);
	}
}

/* Streams in turn: begun, some octets of a message, a hole, more; never a whole one. */
static void put_half_open(struct out *o)
{
	static uint32_t stream;
	uint32_t step = below(4), n = step ? 1 + below(1000) : 0, which;

	which = step ? stream - below(4096) : ++stream;
	put_ip(o, 6, 20 + n);
	put32(o->b + IP + 12, 0xc6120001 + (which >> 16 & 0x7fff));
	put32(o->b + IP + 16, 0xc6128001);
	put16(o->b + L4, 53);
	put16(o->b + L4 + 2, which & 0xffff);
	put32(o->b + L4 + 4, step < 2 ? step : 1 + below(100000));
	put32(o->b + L4 + 8, 1);
	o->b[L4 + 12] = 0x50;
	o->b[L4 + 13] = step ? 0x18 : 0x12;
	memset(o->b + L4 + 14, 0, 6);
	for (size_t i = 0; i < n; i++)
		o->b[L4 + 20 + i] = (uint8_t)random64();
	if (n > 4) { /* a long message that looks like one */
		put16(o->b + L4 + 20, 0xffff);
		put16(o->b + L4 + 24, 0x8180);
	}
}

static void (*const kinds[])(struct out *) = { put_name, put_change,   put_random,
					       put_cut,	 put_fragment, put_half_open };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int open_socket(const char *ifname)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(ifname) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, room = 8 << 20;

	if (fd < 0 || !to.sll_ifindex || bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		fprintf(stderr, "hostile: %s: %s\n", ifname, strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return fd;
}

struct plan {
	const char *kinds;
	double seconds, rate;
	uint64_t names;
	uint64_t sent[sizeof(KIND_CHARS) - 1];
};

/* Fill and send one batch; what the device does not take is sent again. */
static void send_batch(int fd, struct plan *plan)
{
	static struct out frames[BATCH];
	struct mmsghdr msgs[BATCH];
	struct iovec at[BATCH];
	size_t choices = strlen(plan->kinds);
	unsigned int done = 0;

	memset(msgs, 0, sizeof(msgs));
	for (unsigned int i = 0; i < BATCH; i++) {
		size_t kind = (size_t)(strchr(KIND_CHARS, plan->kinds[below((uint32_t)choices)]) -
				       KIND_CHARS);

		kinds[kind](&frames[i]);
		plan->sent[kind]++;
		at[i] = (struct iovec){ frames[i].b, frames[i].len };
		msgs[i].msg_hdr.msg_iov = &at[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < BATCH) {
		int n = sendmmsg(fd, msgs + done, BATCH - done, 0);

		if (n < 0 && errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			exit(1);
		done += n > 0 ? (unsigned int)n : 0;
	}
}

static void run(int fd, struct plan *plan)
{
	double start = seconds(), now;
	uint64_t sent = 0;

	while ((now = seconds() - start) < plan->seconds ||
	       (names < plan->names && now < SECONDS_MAX)) {
		double ahead = plan->rate > 0 ? (double)sent / plan->rate - now : 0;

		if (ahead > 0.0002) {
			struct timespec pause = { .tv_nsec = (long)(ahead * 1e9) % 1000000000 };

			nanosleep(&pause, NULL);
			continue;
		}
		send_batch(fd, plan);
		sent += BATCH;
	}
	plan->seconds = now;
}

int main(int argc, char **argv)
{
	struct plan plan = { .kinds = KIND_CHARS, .seconds = 10 };
	int option, fd;

	random_state = 0x9e3779b97f4a7c15;
	while ((option = getopt(argc, argv, "t:n:r:k:s:")) != -1) {
		if (option == 't')
			plan.seconds = strtod(optarg, NULL);
		else if (option == 'n')
			plan.names = strtoull(optarg, NULL, 10);
		else if (option == 'r')
			plan.rate = strtod(optarg, NULL);
		else if (option == 'k')
			plan.kinds = optarg;
		else if (option == 's')
			random_state = strtoull(optarg, NULL, 10) * 0x9e3779b97f4a7c15 | 1;
		else
			return 2;
	}
	if (argc - optind != 1 || !*plan.kinds ||
	    plan.kinds[strspn(plan.kinds, KIND_CHARS)] != '\0') {
		fputs("usage: hostile [-t SECONDS] [-n NAMES] [-r RATE] [-k " KIND_CHARS "] "
		      "[-s SEED] IFACE\n",
		      stderr);
		return 2;
	}
	if (!(plan.seconds > 0 && plan.seconds <= SECONDS_MAX))
		plan.seconds = SECONDS_MAX;
	fd = open_socket(argv[optind]);
	if (fd < 0)
		return 1;
	run(fd, &plan);
	printf("{\"seconds\": %.3f, \"names\": %llu, \"sent\": {", plan.seconds,
	       (unsigned long long)names);
	for (size_t i = 0; i < sizeof(plan.sent) / sizeof(plan.sent[0]); i++)
		printf("%s\"%c\": %llu", i ? ", " : "", KIND_CHARS[i],
		       (unsigned long long)plan.sent[i]);
	puts("}}");
	return 0;
}
