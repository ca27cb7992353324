// SPDX-License-Identifier: BSD-2-Clause
/* Which record goes where, and the life of the tables. */
#include "capture/reassembly_impl.h"

#include <errno.h>
#include <stdlib.h>

struct reassembly_config reassembly_config_default(void)
{
	struct reassembly_config cfg = {
		.max_fragments_bytes = 4U << 20,
		.max_tcp_streams = 4096,
		.max_tcp_bytes = 16U << 20,
		.fragment_timeout_ns = 5000000000ULL,
		.tcp_timeout_ns = 30000000000ULL,
		.ports = { 53 },
		.ports_len = 1,
	};

	hash_key_random(&cfg.key);
	return cfg;
}

int reassembly_new(const struct reassembly_config *cfg, const struct reassembly_ops *ops, void *ctx,
		   struct reassembly **ret)
{
	struct reassembly *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->cfg = *cfg;
	r->ops = *ops;
	r->ctx = ctx;
	err = fragments_new(r);
	if (!err)
		err = tcp_new(r);
	if (err) {
		reassembly_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void reassembly_free(struct reassembly *r)
{
	if (!r)
		return;
	/* what is dropped now is no event of the network */
	r->ops = (struct reassembly_ops){ 0 };
	table_free(r->packets);
	table_free(r->streams);
	free(r);
}

void reassembly_refuse(struct reassembly *r, uint64_t time_ns, const struct ft_packet *pkt,
		       unsigned int reason)
{
	if (r->ops.refused)
		r->ops.refused(r->ctx, time_ns, pkt, reason);
}

static void feed_response(struct reassembly *r, const struct ft_response *rec)
{
	struct message_unit unit = {
		.time_ns = rec->hdr.time_ns,
		.pkt = &rec->pkt,
		.response = rec,
		.bytes = rec->message,
		.len = rec->message_bytes,
	};

	r->stats.passed++;
	r->ops.message(r->ctx, &unit);
}

static void feed_segment(struct reassembly *r, const struct ft_segment *rec)
{
	struct tcp_piece piece = {
		.time_ns = rec->hdr.time_ns,
		.pkt = &rec->pkt,
		.seq = rec->seq,
		.flags = rec->flags,
		.payload = rec->payload,
		.len = rec->payload_bytes,
	};

	r->stats.segments++;
	tcp_feed(r, &piece);
}

void reassembly_feed(struct reassembly *r, const struct ft_event_hdr *rec)
{
	if (rec->time_ns > r->now_ns)
		r->now_ns = rec->time_ns;
	r->stats.records++;
	switch (rec->kind) {
	case FT_EVENT_RESPONSE:
		feed_response(r, (const struct ft_response *)rec);
		break;
	case FT_EVENT_FRAGMENT:
		r->stats.fragments++;
		fragments_feed(r, (const struct ft_fragment *)rec);
		break;
	case FT_EVENT_SEGMENT:
		feed_segment(r, (const struct ft_segment *)rec);
		break;
	default:
		r->stats.records--;
		break;
	}
	r->stats.bytes_pending = r->packets_bytes + r->streams_bytes;
}

void reassembly_tick(struct reassembly *r, uint64_t now_ns)
{
	fragments_tick(r, now_ns);
	tcp_tick(r, now_ns);
	r->stats.bytes_pending = r->packets_bytes + r->streams_bytes;
}

void reassembly_end_source(struct reassembly *r)
{
	size_t pos = 0;
	void *stream;

	reassembly_tick(r, UINT64_MAX);
	/* all are at rest now; not even their places mean anything to the next capture */
	while ((stream = table_next(r->streams, &pos)))
		table_remove(r->streams, stream);
	r->now_ns = 0;
	r->tcp_tick_ns = 0;
}

const struct reassembly_stats *reassembly_stats(const struct reassembly *r)
{
	return &r->stats;
}
