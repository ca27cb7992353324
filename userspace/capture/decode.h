/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native engine: one captured frame in, at most one record out, with the verdict counted.
 * Decodes with the very code that the kernel programs are compiled from (bpf/decode.h), behind
 * the link types that only captures have.  Never allocates, never fails; bounded time a frame.
 */
#ifndef CAPTURE_DECODE_H
#define CAPTURE_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include "capture/flow_watch.h"
#include "capture/record.h"
#include "dns/message.h"

struct frame {
	uint64_t time_ns; /* Unix time */
	const uint8_t *bytes;
	uint32_t captured, wire; /* bytes held, bytes the frame had */
	uint32_t interface;
	int link_type; /* LINKTYPE_* as in the file, e.g. 1 Ethernet */
};

#define DECODE_PORTS_MAX 16

struct decode_config {
	uint16_t ports[DECODE_PORTS_MAX]; /* DNS ports, host order; default { 53 } */
	size_t ports_len;
};

#define DECODE_RECORD_MAX (66000 + 256) /* room for the largest record */

struct decoder;
int decoder_new(const struct decode_config *cfg, struct decoder **ret);
void decoder_free(struct decoder *d);

/* From now on leave the records unwalked (walked = 0, no fingerprint): for a reader that parses
 * every message anyway and compares with no kernel. */
void decoder_skip_walk(struct decoder *d);

/*
 * From now on frames that begin or refuse a connection with an address of @w (borrowed) yield an
 * FT_EVENT_FLOW record. @sync (may be NULL) is called before @w is looked at: whoever fills it may
 * have something to add because of an earlier frame.
 */
void decoder_watch(struct decoder *d, struct flow_watch *w, void (*sync)(void *ctx), void *ctx);

/*
 * Decode @f; when it yields a record (response, fragment, segment, refusal) hand it to @fn.
 * Counts into the decoder's own counters, indexed like the kernel's (enum ft_counter).
 */
void decoder_frame(struct decoder *d, const struct frame *f, record_fn fn, void *ctx);
/*
 * The parsed message of @rec, when @rec is the record that @d hands over just now, so that it need
 * not be parsed again; else NULL. Valid during the record_fn.
 */
const struct dns_message *decoder_message(const struct decoder *d, const struct ft_response *rec);
const uint64_t *decoder_counters(const struct decoder *d); /* FT_COUNTER_MAX entries */

#endif
