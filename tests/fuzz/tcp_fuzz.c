// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segments of a few streams: client and flags, number (two octets, relative), milliseconds, length
 * and payload of each. Small limits, so that the ways out of memory are walked as well.
 */
#include <stdlib.h>
#include <string.h>
#include "capture/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT_BYTES 4096

static void on_message(void *ctx, const struct message_unit *unit)
{
	(void)ctx;
	if (unit->len < 12 || unit->len > 65535 || !(unit->bytes[2] & 0x80) || !unit->pkt)
		abort();
}

static size_t feed(struct reassembly *r, const uint8_t *p, size_t n, uint64_t *now_ns)
{
	static struct {
		struct ft_segment head;
		uint8_t payload[256];
	} rec;
	size_t len = p[4] < n - 5 ? p[4] : n - 5;

	*now_ns += p[3] * 20000000ULL;
	memset(&rec, 0, sizeof(rec));
	rec.head.hdr.kind = FT_EVENT_SEGMENT;
	rec.head.hdr.version = FT_EVENT_VERSION;
	rec.head.hdr.size = sizeof(rec);
	rec.head.hdr.time_ns = *now_ns;
	rec.head.pkt.dport = p[0] >> 5;
	rec.head.pkt.ip_proto = 6;
	rec.head.flags = p[0] & 0x1f;
	rec.head.seq = 0xffffff00U + (uint32_t)(p[1] << 8 | p[2]);
	rec.head.payload_bytes = (uint16_t)len;
	memcpy(rec.head.payload, p + 5, len);
	if (!record_valid(&rec, sizeof(rec)))
		abort();
	reassembly_feed(r, &rec.head.hdr);
	return 5 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reassembly_ops ops = { .message = on_message };
	struct reassembly_config cfg = reassembly_config_default();
	struct reassembly *r;
	uint64_t now_ns = 1000000000;

	cfg.max_tcp_bytes = LIMIT_BYTES;
	cfg.max_tcp_streams = 4;
	cfg.max_fragments_bytes = LIMIT_BYTES;
	cfg.key = hash_key_fixed;
	if (reassembly_new(&cfg, &ops, NULL, &r))
		abort();
	while (size >= 5) {
		size_t taken = feed(r, data, size, &now_ns);

		data += taken;
		size -= taken;
		if (reassembly_stats(r)->bytes_pending > LIMIT_BYTES)
			abort();
		reassembly_tick(r, now_ns);
	}
	reassembly_tick(r, UINT64_MAX);
	if (reassembly_stats(r)->bytes_pending)
		abort();
	reassembly_free(r);
	return 0;
}
