// SPDX-License-Identifier: BSD-2-Clause
#include "libcapture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, IPV4 = 20, UDP = 8, HEADERS = ETHERNET + IPV4 + UDP };

struct capture_file {
	FILE *f;
};

struct writer {
	uint8_t *at, *end;
	bool full;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
	if (len > (size_t)(w->end - w->at)) {
		w->full = true;
		return;
	}
	memcpy(w->at, bytes, len);
	w->at += len;
}

static void put16(struct writer *w, unsigned int v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(w, b, 2);
}

static void put32(struct writer *w, uint32_t v)
{
	put16(w, v >> 16);
	put16(w, v & 0xffff);
}

/* The question's name is at offset 12 and most owners are it. */
static void put_owner(struct writer *w, const struct dns_name *owner, const struct dns_name *qname)
{
	if (qname && dns_name_equal(owner, qname))
		put16(w, 0xc00c);
	else
		put(w, owner->wire, owner->len);
}

static void put_record(struct writer *w, const struct dns_obs_record *rr,
		       const struct dns_name *qname)
{
	put_owner(w, rr->owner, qname);
	put16(w, rr->type);
	put16(w, 1);
	put32(w, rr->ttl_s);
	if (rr->target) {
		put16(w, rr->target->len);
		put(w, rr->target->wire, rr->target->len);
	} else if (rr->type == DNS_TYPE_A) {
		put16(w, 4);
		put(w, rr->addr.b + 12, 4);
	} else {
		put16(w, 16);
		put(w, rr->addr.b, 16);
	}
}

int capture_message(uint8_t *buf, const struct dns_observation *obs)
{
	struct writer w = { buf, buf + CAPTURE_MESSAGE_MAX, false };
	unsigned int counts[3] = { 0 };

	for (size_t i = 0; i < obs->records_len; i++)
		counts[obs->records[i].section]++;
	put16(&w, obs->txid);
	/* QR; AA, or RD and RA as resolvers set them (RFC 1035 4.1.1) */
	put16(&w, 0x8000U | (obs->aa ? 0x0400U : 0x0180U) | obs->rcode);
	put16(&w, obs->qname ? 1 : 0);
	for (int s = 0; s < 3; s++)
		put16(&w, counts[s]);
	if (obs->qname) {
		put(&w, obs->qname->wire, obs->qname->len);
		put16(&w, obs->qtype);
		put16(&w, 1);
	}
	for (unsigned int s = 0; s < 3; s++)
		for (size_t i = 0; i < obs->records_len; i++)
			if (obs->records[i].section == s)
				put_record(&w, &obs->records[i], obs->qname);
	return w.full ? -EMSGSIZE : (int)(w.at - buf);
}

static unsigned int ip_checksum(const uint8_t *header)
{
	unsigned int sum = 0;

	for (int i = 0; i < IPV4; i += 2)
		sum += (unsigned int)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

static void put_headers(uint8_t *frame, const struct dns_observation *obs, unsigned int len)
{
	static const uint8_t ethernet[ETHERNET] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	struct writer w = { frame, frame + HEADERS, false };
	unsigned int sum;

	put(&w, ethernet, ETHERNET);
	put16(&w, 0x4500);
	put16(&w, IPV4 + UDP + len);
	put32(&w, 0);
	put32(&w, 64U << 24 | 17U << 16);
	put(&w, obs->server.b + 12, 4);
	put(&w, obs->client.b + 12, 4);
	put16(&w, 53);
	put16(&w, obs->client_port);
	put16(&w, UDP + len);
	put16(&w, 0); /* no checksum (RFC 768) */
	sum = ip_checksum(frame + ETHERNET);
	frame[ETHERNET + 10] = (uint8_t)(sum >> 8);
	frame[ETHERNET + 11] = (uint8_t)sum;
}

int capture_file_new(const char *path, struct capture_file **ret)
{
	/* nanosecond magic, version 2.4, snapshot length, LINKTYPE_ETHERNET */
	static const uint32_t header[6] = { 0xa1b23c4d, 2 | 4U << 16, 0, 0, 65535, 1 };
	struct capture_file *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->f = fopen(path, "we");
	if (!c->f || fwrite(header, sizeof(header), 1, c->f) != 1) {
		int err = -errno;

		if (c->f)
			fclose(c->f);
		free(c);
		return err;
	}
	*ret = c;
	return 0;
}

int capture_file_response(struct capture_file *c, const struct dns_observation *obs)
{
	uint8_t frame[HEADERS + CAPTURE_MESSAGE_MAX];
	int len = capture_message(frame + HEADERS, obs);
	uint32_t record[4];

	if (len < 0)
		return len;
	put_headers(frame, obs, (unsigned int)len);
	record[0] = (uint32_t)(obs->time_ns / SECOND_NS);
	record[1] = (uint32_t)(obs->time_ns % SECOND_NS);
	record[2] = record[3] = (uint32_t)(HEADERS + len);
	if (fwrite(record, sizeof(record), 1, c->f) != 1 ||
	    fwrite(frame, record[2], 1, c->f) != 1)
		return -EIO;
	return 0;
}

int capture_file_close(struct capture_file *c)
{
	int err = ferror(c->f) ? -EIO : 0;

	if (fclose(c->f) && !err)
		err = -errno;
	free(c);
	return err;
}
