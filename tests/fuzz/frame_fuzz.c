// SPDX-License-Identifier: BSD-2-Clause
/* Link type, octets that were not captured, then a frame: decoder, reassembly, parser. */
#include <stdlib.h>
#include "capture/decode.h"
#include "capture/reassembly.h"
#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dns_message message = { .opt = -1 };
static struct decoder *decoder;
static struct reassembly *reassembly;

static void on_message(void *ctx, const struct message_unit *unit)
{
	(void)ctx;
	dns_message_parse(&message, unit->bytes, unit->len);
}

/* The leak checker does not look through our own mappings and would miss what they point to. */
static void free_all(void)
{
	reassembly_free(reassembly);
	decoder_free(decoder);
	dns_message_fini(&message);
}

static void create(void)
{
	static const struct reassembly_ops ops = { .message = on_message };
	static const struct decode_config dcfg;
	struct reassembly_config rcfg = reassembly_config_default();

	if (decoder_new(&dcfg, &decoder) || reassembly_new(&rcfg, &ops, NULL, &reassembly) ||
	    atexit(free_all))
		abort();
}

static void on_record(void *ctx, const struct ft_event_hdr *rec)
{
	if (!record_valid(rec, rec->size) || rec->size % 8)
		abort();
	reassembly_feed(ctx, rec);
}

static void check_ledger(const uint64_t *n)
{
	uint64_t refused = 0;

	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++)
		refused += n[i];
	if (n[FT_STAGE_SEEN] != n[FT_STAGE_NOT_DNS] + n[FT_STAGE_QUERY] + n[FT_STAGE_RESPONSE] ||
	    n[FT_STAGE_RESPONSE] != n[FT_STAGE_EMITTED] + refused)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t now_ns;
	struct frame f;

	if (!decoder)
		create();
	if (size < 3)
		return 0;
	f = (struct frame){
		.time_ns = now_ns,
		.bytes = data + 3,
		.captured = (uint32_t)(size - 3),
		.wire = (uint32_t)(size - 3) + data[2],
		.link_type = data[0] << 8 | data[1],
	};
	now_ns += 1000000000;
	decoder_frame(decoder, &f, on_record, reassembly);
	reassembly_tick(reassembly, now_ns);
	check_ledger(decoder_counters(decoder));
	return 0;
}
