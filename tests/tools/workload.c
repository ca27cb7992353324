// SPDX-License-Identifier: BSD-2-Clause
/*
 * workload: DNS responses as an ISP's resolver sends them, as a capture file on standard output.
 * Synthetic and seeded: Zipf-distributed names, A/AAAA/HTTPS questions, CNAME chains, authority
 * and glue, EDNS, NXDOMAIN, VLAN tags, IPv6, and a share of names whose addresses rotate.
 *
 *   workload [-n RESPONSES] [-N NAMES] [-s SEED] [-r ROTATING_PERCENT] [-c CLIENTS] [-q RATE]
 *            [-u] [-d NAMES_PER_DOMAIN] [-Q]
 *
 * -u: every name in turn, in a scattered order, instead of by Zipf's law. -Q: the query before each
 * response. Up to 65,536 clients are
 * of 198.19.0.0/16, more of 10.0.0.0/14, which are 262,144.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

#define TYPE_HTTPS 65
#define SNAPLEN	   65535
#define START_S	   1790000000U

struct options {
	uint64_t responses, names, seed, clients, rate, per_domain;
	unsigned int rotating_percent;
	bool uniform, queries;
};

struct random {
	uint64_t state;
};

static uint64_t next_random(struct random *r)
{
	return hash_mix(r->state += 0x9e3779b97f4a7c15ULL);
}

static uint64_t below(struct random *r, uint64_t n)
{
	return next_random(r) % n;
}

static bool percent(struct random *r, unsigned int p)
{
	return below(r, 100) < p;
}

/* Zipf with exponent 1 over 1..n by inversion of the harmonic integral: close enough for load. */
static uint64_t zipf(struct random *r, uint64_t n)
{
	double u = (double)(next_random(r) >> 11) / 9007199254740992.0;

	return (uint64_t)exp(u * log((double)n + 1.0)) - 1;
}

/* Response number @i is for this name: each once in @n responses. */
static uint64_t in_turn(uint64_t i, uint64_t n)
{
	const uint64_t prime = 1000000007; /* shares no factor with fewer names */

	return i % n * (prime % n ? prime % n : 1) % n;
}

/* --- a message being written ----------------------------------------------------------------- */

struct writer {
	uint8_t bytes[1500];
	size_t len;
};

static void put_u8(struct writer *w, unsigned int v)
{
	w->bytes[w->len++] = (uint8_t)v;
}

static void put_u16(struct writer *w, unsigned int v)
{
	put_u8(w, v >> 8);
	put_u8(w, v & 0xff);
}

static void put_u32(struct writer *w, uint32_t v)
{
	put_u16(w, v >> 16);
	put_u16(w, v & 0xffff);
}

static void put_label(struct writer *w, const char *text)
{
	size_t n = strlen(text);

	put_u8(w, (unsigned int)n);
	memcpy(w->bytes + w->len, text, n);
	w->len += n;
}

/* What name number @i is: everything about it follows from its number and the seed. */
struct profile {
	uint64_t number, h;
	unsigned int type, addresses, cnames, ttl;
	bool rotating, nxdomain, authority, edns;
};

static struct profile profile_of(const struct options *o, uint64_t i)
{
	uint64_t h = hash_mix(o->seed * 0x9e3779b97f4a7c15ULL + i);
	static const unsigned int ttls[] = { 20, 60, 60, 300, 300, 3600 };
	unsigned int kind = (unsigned int)(h % 100);

	return (struct profile){
		.number = i,
		.h = h,
		.type = kind < 60   ? 1
			: kind < 88 ? 28
				    : TYPE_HTTPS,
		.addresses = 1 + (unsigned int)((h >> 8) % 4),
		.cnames = (h >> 16) % 100 < 30 ? 1 + (unsigned int)((h >> 24) % 2) : 0,
		.ttl = ttls[(h >> 32) % 6],
		.rotating = (h >> 40) % 100 < o->rotating_percent,
		.nxdomain = (h >> 48) % 100 < 8,
		.authority = (h >> 56) % 100 < 15,
		.edns = (h >> 20) % 100 < 70,
	};
}

static void put_qname(struct writer *w, const struct profile *p, uint64_t per_domain)
{
	char text[32];

	snprintf(text, sizeof(text), "www%llu",
		 (unsigned long long)(per_domain > 1 ? p->number % per_domain : p->h % 7));
	put_label(w, text);
	snprintf(text, sizeof(text), "site%llu", (unsigned long long)(p->number / per_domain));
	put_label(w, text);
	put_label(w, per_domain == 1 && p->h & 1 ? "example" : "test");
	put_u8(w, 0);
}

static size_t begin_record(struct writer *w, size_t owner, unsigned int type, uint32_t ttl)
{
	put_u16(w, 0xc000 | (unsigned int)owner);
	put_u16(w, type);
	put_u16(w, 1);
	put_u32(w, ttl);
	put_u16(w, 0);
	return w->len;
}

static void end_record(struct writer *w, size_t rdata)
{
	size_t n = w->len - rdata;

	w->bytes[rdata - 2] = (uint8_t)(n >> 8);
	w->bytes[rdata - 1] = (uint8_t)n;
}

static void put_address(struct writer *w, size_t owner, const struct profile *p, uint64_t h,
			unsigned int type)
{
	size_t rdata = begin_record(w, owner, type, p->ttl);

	if (type == 1) {
		put_u32(w, 0x08000000U | (uint32_t)(h & 0x07ffffff)); /* 8.0.0.0/5: global */
	} else {
		put_u32(w, 0x2a000000U | (uint32_t)(h >> 40));
		put_u32(w, (uint32_t)(h & 0xffffff));
		put_u32(w, 0);
		put_u32(w, 1);
	}
	end_record(w, rdata);
}

static void put_https(struct writer *w, size_t owner, const struct profile *p)
{
	size_t rdata = begin_record(w, owner, TYPE_HTTPS, p->ttl);

	put_u16(w, 1);
	put_u8(w, 0);
	put_u16(w, 1); /* alpn=h2 */
	put_u16(w, 3);
	put_u8(w, 2);
	put_u8(w, 'h');
	put_u8(w, '2');
	end_record(w, rdata);
}

static unsigned int put_answers(struct writer *w, const struct profile *p, struct random *r,
				uint64_t epoch)
{
	size_t owner = 12;
	unsigned int n = 0, first;

	for (unsigned int i = 0; i < p->cnames; i++, n++) {
		size_t rdata = begin_record(w, owner, 5, 300);
		char text[32];

		owner = w->len;
		snprintf(text, sizeof(text), "edge%llu", (unsigned long long)(p->h % 97));
		put_label(w, text);
		put_label(w, i ? "cdn-b" : "cdn-a");
		put_label(w, "example");
		put_u8(w, 0);
		end_record(w, rdata);
	}
	if (p->type == TYPE_HTTPS) {
		put_https(w, owner, p);
		return n + 1;
	}
	first = (unsigned int)below(r, p->addresses); /* round robin */
	for (unsigned int i = 0; i < p->addresses; i++, n++)
		put_address(w, owner, p,
			    hash_mix(p->h + (first + i) % p->addresses +
				     (p->rotating ? epoch * 16 : 0)),
			    p->type);
	return n;
}

static unsigned int put_authority(struct writer *w, const struct profile *p, size_t *ret_ns)
{
	size_t zone = 12 + 1 + w->bytes[12]; /* the question's name without its first label */

	for (unsigned int i = 0; i < 2; i++) {
		size_t rdata = begin_record(w, zone, 2, 3600);
		char text[8];

		ret_ns[i] = w->len;
		snprintf(text, sizeof(text), "ns%u", i + 1);
		put_label(w, text);
		put_u16(w, 0xc000 | (unsigned int)zone);
		end_record(w, rdata);
	}
	(void)p;
	return 2;
}

static void put_message(struct writer *w, const struct profile *p, struct random *r, uint64_t epoch,
			uint64_t per_domain)
{
	unsigned int counts[3] = { 0 };
	size_t ns[2];

	w->len = 0;
	put_u16(w, (unsigned int)below(r, 65536));
	put_u16(w, p->nxdomain ? 0x8183 : 0x8180);
	put_u16(w, 1);
	put_u16(w, 0);
	put_u16(w, 0);
	put_u16(w, 0);
	put_qname(w, p, per_domain);
	put_u16(w, p->type);
	put_u16(w, 1);
	if (!p->nxdomain)
		counts[0] = put_answers(w, p, r, epoch);
	if (p->authority) {
		counts[1] = put_authority(w, p, ns);
		for (unsigned int i = 0; i < 2; i++, counts[2]++)
			put_address(w, ns[i], p,
				    hash_mix((per_domain > 1 ? p->number / per_domain : p->h) +
					     100 + i),
				    1);
	}
	if (p->edns) {
		put_u8(w, 0);
		put_u16(w, 41);
		put_u16(w, 1232);
		put_u32(w, 0);
		put_u16(w, 0);
		counts[2]++;
	}
	for (unsigned int i = 0; i < 3; i++) {
		w->bytes[6 + 2 * i] = (uint8_t)(counts[i] >> 8);
		w->bytes[7 + 2 * i] = (uint8_t)counts[i];
	}
}

static void put_query(struct writer *w, const struct profile *p, const struct writer *response,
		      uint64_t per_domain)
{
	w->len = 0;
	put_u8(w, response->bytes[0]);
	put_u8(w, response->bytes[1]);
	put_u16(w, 0x0100);
	put_u16(w, 1);
	put_u16(w, 0);
	put_u32(w, 0);
	put_qname(w, p, per_domain);
	put_u16(w, p->type);
	put_u16(w, 1);
}

/* --- frames ---------------------------------------------------------------------------------- */

/* Between the server and whom, and which way. */
struct way {
	uint64_t client, clients;
	unsigned int port;
	bool v6, vlan, query;
};

static void put_client_v4(struct writer *f, const struct way *way)
{
	if (way->clients <= 65536)
		put_u32(f, 0xc6130000U + (uint32_t)way->client);
	else
		put_u32(f, 0x0a000000U + (uint32_t)(way->client & 0x3ffff));
}

static void put_ipv4(struct writer *f, const struct writer *dns, const struct way *way)
{
	uint32_t sum = 0;
	size_t at = f->len;

	put_u16(f, 0x4500);
	put_u16(f, (unsigned int)(28 + dns->len));
	put_u32(f, 0);
	put_u16(f, 0x4011);
	put_u16(f, 0);
	if (way->query)
		put_client_v4(f, way);
	put_u32(f, 0xc6120035U); /* 198.18.0.53 */
	if (!way->query)
		put_client_v4(f, way);
	for (size_t i = at; i < f->len; i += 2)
		sum += (uint32_t)(f->bytes[i] << 8 | f->bytes[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	f->bytes[at + 10] = (uint8_t)(sum >> 8);
	f->bytes[at + 11] = (uint8_t)sum;
}

static void put_ipv6(struct writer *f, const struct writer *dns, const struct way *way)
{
	put_u32(f, 0x60000000U);
	put_u16(f, (unsigned int)(8 + dns->len));
	put_u16(f, 0x1140);
	for (unsigned int i = 0; i < 2; i++) {
		bool client = i != way->query;

		put_u32(f, 0x20010db8U);
		put_u32(f, client);
		put_u32(f, 0);
		put_u32(f, client ? (uint32_t)way->client + 1 : 0x35);
	}
}

static struct way draw_way(struct random *r, const struct options *o)
{
	struct way way = { .client = below(r, o->clients), .clients = o->clients };

	way.v6 = percent(r, 25);
	way.vlan = percent(r, 20);
	way.port = 1024 + (unsigned int)below(r, 60000);
	return way;
}

static void put_frame(struct writer *f, const struct writer *dns, const struct way *way)
{
	f->len = 0;
	for (unsigned int i = 0; i < 6; i++)
		put_u16(f, 0x0200 + i);
	if (way->vlan) {
		put_u16(f, 0x8100);
		put_u16(f, 100 + (unsigned int)(way->client % 8));
	}
	put_u16(f, way->v6 ? 0x86dd : 0x0800);
	if (way->v6)
		put_ipv6(f, dns, way);
	else
		put_ipv4(f, dns, way);
	put_u16(f, way->query ? way->port : 53);
	put_u16(f, way->query ? 53 : way->port);
	put_u16(f, (unsigned int)(8 + dns->len));
	put_u16(f, 0);
	memcpy(f->bytes + f->len, dns->bytes, dns->len);
	f->len += dns->len;
}

static void write_file_header(void)
{
	const uint32_t header[6] = { 0xa1b2c3d4U, 2U | 4U << 16, 0, 0, SNAPLEN, 1 };

	fwrite(header, sizeof(header), 1, stdout);
}

static void write_frame(const struct writer *f, uint64_t time_us)
{
	const uint32_t header[4] = { START_S + (uint32_t)(time_us / 1000000),
				     (uint32_t)(time_us % 1000000), (uint32_t)f->len,
				     (uint32_t)f->len };

	fwrite(header, sizeof(header), 1, stdout);
	fwrite(f->bytes, f->len, 1, stdout);
}

static int generate(const struct options *o)
{
	struct random r = { hash_mix(o->seed + 1) };
	struct writer dns = { .len = 0 }, query = { .len = 0 }, frame = { .len = 0 };

	write_file_header();
	for (uint64_t i = 0; i < o->responses && !ferror(stdout); i++) {
		uint64_t time_us = i * 1000000 / o->rate;
		struct profile p =
			profile_of(o, o->uniform ? in_turn(i, o->names) : zipf(&r, o->names));
		struct way way;

		put_message(&dns, &p, &r, time_us / 1000000 / p.ttl, o->per_domain);
		way = draw_way(&r, o);
		if (o->queries) {
			put_query(&query, &p, &dns, o->per_domain);
			way.query = true;
			put_frame(&frame, &query, &way);
			write_frame(&frame, time_us);
			way.query = false;
		}
		put_frame(&frame, &dns, &way);
		write_frame(&frame, time_us);
	}
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options o = { 1000000, 100000, 1, 20000, 20000, 1, 3, false, false };
	int c;

	while ((c = getopt(argc, argv, "n:N:s:r:c:q:ud:Q")) != -1) {
		uint64_t v = optarg ? strtoull(optarg, NULL, 10) : 0;

		switch (c) {
		case 'n':
			o.responses = v;
			break;
		case 'N':
			o.names = v;
			break;
		case 's':
			o.seed = v;
			break;
		case 'r':
			o.rotating_percent = (unsigned int)v;
			break;
		case 'c':
			o.clients = v;
			break;
		case 'q':
			o.rate = v;
			break;
		case 'd':
			o.per_domain = v;
			break;
		case 'u':
			o.uniform = true;
			break;
		case 'Q':
			o.queries = true;
			break;
		default:
			return 2;
		}
	}
	if (!o.names || !o.clients || !o.rate || !o.per_domain) {
		fputs("workload: names, clients, rate and names per domain must be at least 1\n",
		      stderr);
		return 2;
	}
	return generate(&o);
}
