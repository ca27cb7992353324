// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel engine of replay: frames of a capture through the real XDP program, one
 * BPF_PROG_TEST_RUN each, and the records it put into its ring, told of the capture.
 */
#include "capture/kernel.h"
#include "capture/kernel_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "dns.skel.h"

#define ETHERNET_HEADER 14
#define ENGINE_RING	(1 << 20)

/* https://www.tcpdump.org/linktypes.html: those that an Ethernet header can stand in for */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_12 = 12,
	LINK_RAW_14 = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276
};

struct kernel_engine {
	struct kernel *k;
	struct decoder *native; /* for what cannot be pushed */
	struct flow_watch *watch; /* the native decoder's */
	uint64_t native_frames;
	uint64_t tick_ns;
	uint64_t counters[FT_COUNTER_MAX];
	uint8_t *frame; /* Ethernet header and the frame behind it */
	size_t frame_bytes;
};

/* As the native engine sees it: no rates, no table of fragments; and time is the capture's. */
static void adjust_for_engine(struct ft_settings *s)
{
	s->seed = FT_SEED_FIXED;
	s->given_clock = 1;
	s->wake_bytes = 0;
	s->mark_refresh = 0;
	s->mark_change = 0;
	s->refused_per_s = 0;
	s->malformed_per_s = 0;
	s->fragments_per_s = 0;
	s->flows_per_s = 0;
	s->dhcp_per_s = 0;
	s->follow_tcp = 1;
	s->follow_fragments = FT_FRAGMENTS_ALL;
}

int kernel_engine_open(const struct decode_config *cfg, const struct kernel_config *filter,
		       struct kernel_engine **ret, char *err, size_t err_len)
{
	struct kernel_config kcfg = filter ? *filter : kernel_config_default();
	struct kernel_engine *e = calloc(1, sizeof(*e));
	int code = -ENOMEM;

	if (!e) {
		snprintf(err, err_len, "kernel engine: %s", strerror(ENOMEM));
		return code;
	}
	kcfg.filter = filter && filter->filter;
	kcfg.xdp_only = true;
	kcfg.ring_bytes = ENGINE_RING;
	if (cfg->ports_len && cfg->ports_len <= DECODE_PORTS_MAX) {
		memcpy(kcfg.ports, cfg->ports, sizeof(kcfg.ports));
		kcfg.ports_len = cfg->ports_len;
	}
	code = kernel_load(&kcfg, adjust_for_engine, &e->k, err, err_len);
	if (code)
		goto fail;
	if (!e->k->full) {
		code = -EOPNOTSUPP;
		snprintf(err, err_len,
			 "kernel engine: this kernel has no bpf_loop or bpf_xdp_load_bytes");
		goto fail;
	}
	e->tick_ns = kernel_tick_ns();
	code = decoder_new(cfg, &e->native);
	if (!code)
		code = flow_watch_new(&e->watch);
	if (code) {
		snprintf(err, err_len, "kernel engine: %s", strerror(-code));
		goto fail;
	}
	decoder_watch(e->native, e->watch, NULL, NULL);
	*ret = e;
	return 0;

fail:
	kernel_engine_close(e);
	return code;
}

void kernel_engine_close(struct kernel_engine *e)
{
	if (!e)
		return;
	decoder_free(e->native);
	flow_watch_free(e->watch);
	kernel_close(e->k);
	free(e->frame);
	free(e);
}

/* --- frames as Ethernet ------------------------------------------------------------------------
 */

struct as_ethernet {
	uint16_t type; /* EtherType to put in front; 0: the frame is Ethernet */
	uint32_t skip; /* octets of its own link header */
};

static bool ip_behind(const struct frame *f, uint32_t skip, struct as_ethernet *ret)
{
	uint8_t version;

	if (f->captured <= skip)
		return false;
	version = f->bytes[skip] >> 4;
	if (version != 4 && version != 6)
		return false;
	*ret = (struct as_ethernet){version == 4 ? 0x0800 : 0x86dd, skip};
	return true;
}

static bool type_at(const struct frame *f, uint32_t at, uint32_t skip, struct as_ethernet *ret)
{
	uint16_t type;

	if (f->captured < skip)
		return false;
	type = (uint16_t)(f->bytes[at] << 8 | f->bytes[at + 1]);
	*ret = (struct as_ethernet){type, skip};
	return type >= 0x600;
}

/* The family in front of BSD loopback frames: only the common ones; the rest is for the native. */
static bool loopback_family(const struct frame *f, struct as_ethernet *ret)
{
	if (f->captured < 4 ||
	    (memcmp(f->bytes, "\2\0\0\0", 4) != 0 && memcmp(f->bytes, "\0\0\0\2", 4) != 0))
		return false;
	return ip_behind(f, 4, ret);
}

static bool can_be_ethernet(const struct frame *f, struct as_ethernet *ret)
{
	switch (f->link_type) {
	case LINK_ETHERNET:
		*ret = (struct as_ethernet){0, 0};
		return f->captured >= ETHERNET_HEADER;
	case LINK_NULL:
	case LINK_LOOP:
		return loopback_family(f, ret);
	case LINK_RAW:
	case LINK_RAW_12:
	case LINK_RAW_14:
	case LINK_IPV4:
	case LINK_IPV6:
		return ip_behind(f, 0, ret);
	case LINK_SLL:
		return type_at(f, 14, 16, ret);
	case LINK_SLL2:
		return type_at(f, 0, 20, ret);
	}
	return false;
}

/* Where the frame to push lies: the capture's own octets, or a copy with the header in front. */
static const uint8_t *framed(struct kernel_engine *e, const struct frame *f,
			     const struct as_ethernet *as, uint32_t *ret_bytes)
{
	size_t bytes = f->captured - as->skip + ETHERNET_HEADER;

	if (!as->type) {
		*ret_bytes = f->captured;
		return f->bytes;
	}
	if (bytes > e->frame_bytes) {
		uint8_t *grown = realloc(e->frame, bytes);

		if (!grown)
			return NULL;
		e->frame = grown;
		e->frame_bytes = bytes;
	}
	memset(e->frame, 0, ETHERNET_HEADER);
	e->frame[12] = (uint8_t)(as->type >> 8);
	e->frame[13] = (uint8_t)as->type;
	memcpy(e->frame + ETHERNET_HEADER, f->bytes + as->skip, f->captured - as->skip);
	*ret_bytes = (uint32_t)bytes;
	return e->frame;
}

/* --- records -----------------------------------------------------------------------------------
 */

struct engine_delivery {
	struct kernel_engine *e;
	const struct frame *f;
	bool synthetic;
	record_fn fn;
	void *ctx;
};

static void deliver_of_capture(void *ctx, const void *rec, size_t bytes)
{
	struct engine_delivery *d = ctx;
	struct ft_response *r = (struct ft_response *)(void *)d->e->k->rec;
	size_t size = ((const struct ft_event_hdr *)rec)->size;

	if (!record_valid(rec, bytes)) {
		d->e->k->bad_records++;
		return;
	}
	memcpy(r, rec, size);
	r->hdr.time_ns = d->f->time_ns;
	r->pkt.direction = FT_DIR_CAPTURE;
	r->pkt.ifindex = d->f->interface;
	r->pkt.wire_bytes = d->f->wire;
	if (d->synthetic) {
		r->pkt.has_mac = 0;
		memset(r->pkt.smac, 0, sizeof(r->pkt.smac));
		memset(r->pkt.dmac, 0, sizeof(r->pkt.dmac));
	}
	d->fn(d->ctx, &r->hdr);
}

static int frame_natively(struct kernel_engine *e, const struct frame *f, record_fn fn, void *ctx)
{
	e->native_frames++;
	decoder_frame(e->native, f, fn, ctx);
	return 0;
}

static void set_clock(struct kernel_engine *e, uint64_t time_ns)
{
	e->k->bpf->bss->ft_given_ns = time_ns;
	e->k->bpf->bss->ft_given_ticks = time_ns / e->tick_ns;
}

int kernel_engine_frame(struct kernel_engine *e, const struct frame *f, record_fn fn, void *ctx)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
	struct engine_delivery d = {.e = e, .f = f, .fn = fn, .ctx = ctx};
	struct as_ethernet as;
	int err;

	if (f->captured < f->wire || !can_be_ethernet(f, &as))
		return frame_natively(e, f, fn, ctx);
	d.synthetic = as.type;
	opts.data_in = framed(e, f, &as, &opts.data_size_in);
	if (!opts.data_in)
		return -ENOMEM;
	set_clock(e, f->time_ns);
	err = bpf_prog_test_run_opts(e->k->xdp_fd, &opts);
	/* longer than test_run takes */
	if (err == -EINVAL || err == -E2BIG || err == -ENOMEM)
		return frame_natively(e, f, fn, ctx);
	if (err)
		return err;
	ring_read(&e->k->ring, 16, deliver_of_capture, &d);
	return 0;
}

void kernel_engine_watch(struct kernel_engine *e, const struct ip_addr *addr, bool on)
{
	kernel_watch(e->k, addr, on);
	flow_watch_set(e->watch, addr, on);
}

bool kernel_engine_filters(const struct kernel_engine *e)
{
	return kernel_filters(e->k);
}

void kernel_engine_stats(const struct kernel_engine *e, struct kernel_stats *ret)
{
	kernel_stats(e->k, ret);
}

uint64_t kernel_engine_native(const struct kernel_engine *e)
{
	return e->native_frames;
}

const uint64_t *kernel_engine_counters(struct kernel_engine *e)
{
	const uint64_t *native = decoder_counters(e->native);

	kernel_counters(e->k, e->counters);
	for (size_t i = 0; i < FT_COUNTER_MAX; i++)
		e->counters[i] += native[i];
	return e->counters;
}
