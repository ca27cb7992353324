// SPDX-License-Identifier: BSD-2-Clause
/* The kernel programs: loaded with their settings, their ring and counters read. */
#include "capture/kernel.h"
#include "capture/kernel_btf.h"
#include "capture/kernel_private.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include "dns.skel.h"

#define RECORDS_PER_POLL 4096
#define SKELETON_LINES_MIN 1024
#define NS_PER_S	 1000000000ULL
#define RECORD_ROOM	 (sizeof(struct ft_segment) + 65536 + 64)

struct kernel_config kernel_config_default(void)
{
	return (struct kernel_config){
		.ports = { 53 },
		.ports_len = 1,
		.ring_bytes = 16 << 20,
		.filter = true,
		.filter_bytes = 32 << 20,
		.refresh_ns = 60 * NS_PER_S,
		.follow_tcp = true,
		.follow_fragments = true,
		.malformed_per_s = 1000,
		.zone_names_per_s = 1000,
		.zone_denials_per_s = 100,
	};
}

/* --- settings ----------------------------------------------------------------------------------
 */

static size_t power_of_two_up(size_t n)
{
	size_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static size_t power_of_two_down(size_t n)
{
	size_t p = power_of_two_up(n);

	return p > n ? p / 2 : p;
}

static size_t ring_size(const struct kernel_config *cfg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return power_of_two_up(cfg->ring_bytes > page ? cfg->ring_bytes : page);
}

/* The programs count time in ticks of the scheduler clock: the resolution of the coarse clocks. */
uint64_t kernel_tick_ns(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts) || !ts.tv_nsec)
		return 4000000;
	return (uint64_t)ts.tv_nsec;
}

/* Repeats come at most a refresh interval behind their set's record: sixteen bits are to hold that. */
static uint32_t first_shift(uint32_t refresh_ticks)
{
	uint32_t longest = (uint32_t)(86400 * NS_PER_S / kernel_tick_ns()), shift = 0;

	if (refresh_ticks < longest)
		longest = refresh_ticks;
	while (longest >> shift > UINT16_MAX)
		shift++;
	return shift;
}

static void fill_filter(struct kernel *k, struct ft_settings *s)
{
	const struct kernel_config *cfg = &k->cfg;
	uint64_t ticks = cfg->refresh_ns / kernel_tick_ns();

	k->filter_sets = 1;
	if (cfg->filter)
		k->filter_sets = power_of_two_down(cfg->filter_bytes / FT_FILTER_SET_BYTES);
	if (!k->filter_sets)
		k->filter_sets = 1;
	s->filter = cfg->filter;
	s->filter_mask = (uint32_t)k->filter_sets - 1;
	s->refresh_ticks = cfg->refresh_ns && ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
	s->return_ticks = s->refresh_ticks / 16;
	s->first_shift = first_shift(s->refresh_ticks);
	s->clients = (uint8_t)cfg->clients;
	/* a quarter of the filter's memory: eight tags a line */
	s->clients_mask = cfg->clients ? (uint32_t)k->filter_sets - 1 : 0;
	/* likewise, one for each name; some where nothing is filtered */
	k->skeleton_lines = cfg->filter ? k->filter_sets : SKELETON_LINES_MIN;
	s->skeletons_mask = (uint32_t)k->skeleton_lines - 1;
}

static int fill_settings(struct kernel *k, struct ft_settings *s)
{
	const struct kernel_config *cfg = &k->cfg;
	size_t ring = ring_size(cfg);

	s->seed = cfg->seed;
	if (!s->seed && getrandom(&s->seed, sizeof(s->seed), 0) != sizeof(s->seed))
		return -errno;
	s->ns_per_tick = (uint32_t)kernel_tick_ns();
	s->ticks_per_second = (uint32_t)(NS_PER_S / kernel_tick_ns());
	s->wake_bytes = (uint32_t)(ring / 8);
	/* all CPUs together stay below wake_bytes, beginning at half of it */
	s->ring_quiet = s->wake_bytes / 2 / (uint32_t)k->cpus;
	s->mark_refresh = (uint32_t)(ring / 2);
	s->mark_change = (uint32_t)(ring / 4 * 3);
	s->refused_per_s = 100;
	s->malformed_per_s = cfg->malformed_per_s;
	s->fragments_per_s = 20000;
	s->flows_per_s = 10000;
	s->dhcp_per_s = 1000;
	s->zone_names_per_s = cfg->zone_names_per_s;
	s->zone_denials_per_s = cfg->zone_denials_per_s;
	s->follow_tcp = cfg->follow_tcp;
	s->follow_fragments = cfg->follow_fragments ? FT_FRAGMENTS_KNOWN : FT_FRAGMENTS_OFF;
	s->ports.len = (uint32_t)cfg->ports_len;
	memcpy(s->ports.port, cfg->ports, cfg->ports_len * sizeof(cfg->ports[0]));
	s->translations = !cfg->xdp_only && kernel_has_function("bpf_cast_to_kern_ctx");
	fill_filter(k, s);
	return 0;
}

/* --- load --------------------------------------------------------------------------------------
 */

/* What the walking programs need; asked of the kernel, whatever its version says. */
static bool has_helpers(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_loop, NULL) == 1 &&
	       libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
}

static void choose_programs(struct kernel *k)
{
	struct dns_bpf *b = k->bpf;
	bool tc = !k->cfg.xdp_only;

	bpf_program__set_autoload(b->progs.ft_xdp, k->full);
	bpf_program__set_autoload(b->progs.ft_tc_in, k->full && tc);
	bpf_program__set_autoload(b->progs.ft_tc_out, k->full && tc);
	bpf_program__set_autoload(b->progs.ft_xdp_copy, !k->full);
	bpf_program__set_autoload(b->progs.ft_tc_in_copy, !k->full && tc);
	bpf_program__set_autoload(b->progs.ft_tc_out_copy, !k->full && tc);
	if (k->full) /* came with bpf_xdp_load_bytes() */
		bpf_program__set_flags(b->progs.ft_xdp, BPF_F_XDP_HAS_FRAGS);
}

static int size_maps(struct kernel *k)
{
	struct dns_bpf *b = k->bpf;
	int err;

	err = bpf_map__set_max_entries(b->maps.ft_ring, (uint32_t)ring_size(&k->cfg));
	if (!err)
		err = bpf_map__set_max_entries(b->maps.ft_filter, (uint32_t)k->filter_sets);
	if (!err)
		err = bpf_map__set_max_entries(b->maps.ft_skeletons, (uint32_t)k->skeleton_lines);
	if (!err)
		err = bpf_map__set_max_entries(b->maps.ft_recent,
					       (uint32_t)k->cpus * FT_RECENT_SLOTS);
	if (!err && k->cfg.clients)
		err = bpf_map__set_max_entries(b->maps.ft_clients, (uint32_t)k->filter_sets);
	return err;
}

static void take_fds(struct kernel *k)
{
	struct dns_bpf *b = k->bpf;

	k->xdp_fd = bpf_program__fd(k->full ? b->progs.ft_xdp : b->progs.ft_xdp_copy);
	k->tc_in_fd = bpf_program__fd(k->full ? b->progs.ft_tc_in : b->progs.ft_tc_in_copy);
	k->tc_out_fd = bpf_program__fd(k->full ? b->progs.ft_tc_out : b->progs.ft_tc_out_copy);
	k->inputs_fd = bpf_map__fd(b->maps.ft_inputs);
}

static int load(struct kernel *k)
{
	/* probing for helpers leaves refusals behind that are none */
	kernel_forget_messages();
	return dns_bpf__load(k->bpf);
}

static int open_and_load(struct kernel *k, void (*adjust)(struct ft_settings *))
{
	struct ft_settings *settings;
	int err;

	libbpf_set_print(kernel_libbpf_log);
	k->bpf = dns_bpf__open();
	if (!k->bpf)
		return -errno;
	k->full = !k->cfg.no_walk && has_helpers();
	settings = (struct ft_settings *)&k->bpf->rodata->ft_settings;
	err = fill_settings(k, settings);
	if (err)
		return err;
	if (adjust)
		adjust(settings);
	settings->step = ft_question_place(settings->seed);
	choose_programs(k);
	err = size_maps(k);
	if (!err)
		err = load(k);
	if (err)
		return err;
	take_fds(k);
	err = recent_open(k);
	if (err)
		return err;
	return ring_open(&k->ring, bpf_map__fd(k->bpf->maps.ft_ring), ring_size(&k->cfg));
}

int kernel_cpu_numbers(const char *list)
{
	size_t len = strcspn(list, "\n"), at = len;
	long last;

	while (at && isdigit((unsigned char)list[at - 1]))
		at--;
	if (at == len)
		return -EINVAL;
	last = strtol(list + at, NULL, 10);
	return last < INT_MAX ? (int)last + 1 : -EINVAL;
}

static int read_cpu_numbers(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	char list[4096] = "";
	int err;

	if (!f)
		return -errno;
	err = fgets(list, sizeof(list), f) ? kernel_cpu_numbers(list) : -EIO;
	fclose(f);
	return err;
}

int kernel_load(const struct kernel_config *cfg, void (*adjust)(struct ft_settings *),
		struct kernel **ret, char *err, size_t err_len)
{
	int cpus = read_cpu_numbers(), code = cpus;
	struct kernel *k = NULL;

	if (cpus > FT_CPUS_MAX) {
		snprintf(err, err_len, "kernel programs: made for at most %d processors, not %d",
			 FT_CPUS_MAX, cpus);
		return -E2BIG;
	}
	if (cpus < 0)
		goto fail;
	code = -ENOMEM;
	k = calloc(1, sizeof(*k));
	if (!k)
		goto fail;
	k->cfg = *cfg;
	k->cpus = cpus;
	k->rec = malloc(RECORD_ROOM);
	code = k->rec ? open_and_load(k, adjust) : -ENOMEM;
	if (code)
		goto fail;
	*ret = k;
	return 0;

fail:
	kernel_explain_load(code, err, err_len);
	kernel_close(k);
	return code;
}

int kernel_open(const struct kernel_config *cfg, struct kernel **ret, char *err, size_t err_len)
{
	if (!cfg->ports_len || cfg->ports_len > FT_PORTS_MAX) {
		snprintf(err, err_len, "kernel programs: 1 to %d DNS ports, not %zu", FT_PORTS_MAX,
			 cfg->ports_len);
		return -EINVAL;
	}
	if (cfg->ring_bytes > 1UL << 30 || cfg->filter_bytes > 1UL << 38) {
		snprintf(err, err_len, "kernel programs: at most 1 GiB of ring, 256 GiB of filter");
		return -EINVAL;
	}
	return kernel_load(cfg, NULL, ret, err, err_len);
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->attached_len; i++)
		attachment_release(&k->attached[i]);
	free(k->attached);
	ring_close(&k->ring);
	recent_close(&k->recent);
	dns_bpf__destroy(k->bpf);
	free(k->rec);
	free(k);
}

bool kernel_filters(const struct kernel *k)
{
	return k->full && k->cfg.filter;
}

/* --- records -----------------------------------------------------------------------------------
 */

struct delivery {
	struct kernel *k;
	record_fn fn;
	void *ctx;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

/* The ring is mapped read-only, and its times are of another clock: hence the copy. */
static void deliver(void *ctx, const void *rec, size_t bytes)
{
	struct delivery *d = ctx;
	struct ft_event_hdr *hdr = (struct ft_event_hdr *)(void *)d->k->rec;

	if (!record_valid(rec, bytes) || ((const struct ft_event_hdr *)rec)->size > RECORD_ROOM) {
		d->k->bad_records++;
		return;
	}
	memcpy(hdr, rec, ((const struct ft_event_hdr *)rec)->size);
	hdr->time_ns += (uint64_t)d->k->unix_offset_ns;
	if (hdr->kind == FT_EVENT_RESPONSE) {
		struct ft_response *r = (struct ft_response *)(void *)hdr;

		if (r->first_ns)
			r->first_ns += (uint64_t)d->k->unix_offset_ns;
	}
	d->fn(d->ctx, hdr);
}

static void deliver_in_order(void *ctx, const void *rec, size_t bytes)
{
	const struct ft_event_hdr *hdr = rec;
	struct delivery *d = ctx;

	if (bytes >= sizeof(*hdr))
		recent_give(&d->k->recent, hdr->time_ns, deliver, d);
	deliver(d, rec, bytes);
}

static int read_records(struct delivery *d)
{
	struct kernel *k = d->k;
	int n;

	recent_take(&k->recent);
	n = ring_read(&k->ring, RECORDS_PER_POLL, deliver_in_order, d);
	if (n < RECORDS_PER_POLL) /* else there are answers to come that are older */
		n += recent_give(&k->recent, UINT64_MAX, deliver, d);
	return n;
}

int kernel_poll(struct kernel *k, int timeout_ms, record_fn fn, void *ctx)
{
	struct delivery d = { k, fn, ctx };
	struct pollfd pfd = { .fd = k->ring.fd, .events = POLLIN };
	int n;

	k->unix_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	n = read_records(&d);
	if (n || !timeout_ms)
		return n;
	if (poll(&pfd, 1, timeout_ms) < 0)
		return -errno;
	return read_records(&d);
}

int kernel_fd(const struct kernel *k)
{
	return k->ring.fd;
}

size_t kernel_ring_pending(const struct kernel *k)
{
	return ring_pending(&k->ring);
}

/* What `emitted` counts: samples are beside it. */
static bool is_emitted(const void *rec, size_t bytes)
{
	const struct ft_event_hdr *hdr = rec;

	return bytes >= sizeof(*hdr) &&
	       (hdr->kind == FT_EVENT_RESPONSE || hdr->kind == FT_EVENT_FRAGMENT ||
		hdr->kind == FT_EVENT_SEGMENT);
}

uint64_t kernel_ring_records(const struct kernel *k)
{
	return ring_count(&k->ring, is_emitted);
}

/* --- counters ----------------------------------------------------------------------------------
 */

/* Sums over the CPUs, which go on meanwhile. */
static void read_counters(const struct kernel *k, struct ft_counters *ret)
{
	const struct ft_counters *cpu = k->bpf->bss->ft_counters;
	size_t words = sizeof(*ret) / sizeof(uint64_t);
	uint64_t *sum = (uint64_t *)ret;

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < k->cpus; i++)
		for (size_t w = 0; w < words; w++)
			sum[w] += ((const volatile uint64_t *)&cpu[i])[w];
}

void kernel_counters(const struct kernel *k, uint64_t ret[FT_COUNTER_MAX])
{
	struct ft_counters all;

	read_counters(k, &all);
	memcpy(ret, all.n, sizeof(all.n));
}

void kernel_stats(const struct kernel *k, struct kernel_stats *ret)
{
	struct ft_counters all;

	read_counters(k, &all);
	*ret = (struct kernel_stats){
		.filter_evictions = all.evictions,
		.filter_evicted_repeats = all.evicted_repeats,
		.evicted_folded = all.evicted_folded,
		.skeletons_learnt = all.skeletons_learnt,
		.samples = all.samples,
		.samples_lost = all.samples_lost,
		.bad_records = k->bad_records,
		.recent_found = k->recent.found,
		.recent_missed = k->recent.missed,
		.ring_bytes = k->ring.bytes,
		.filter_bytes = kernel_filters(k) ? k->filter_sets * FT_FILTER_SET_BYTES : 0,
		.names_max = kernel_filters(k) ? k->filter_sets * FT_FILTER_WAYS : 0,
	};
}

/* --- watched addresses -------------------------------------------------------------------------
 */

int kernel_watch(struct kernel *k, const struct ip_addr *addr, bool on)
{
	int fd = bpf_map__fd(k->bpf->maps.ft_watch);
	uint8_t one = 1;

	if (on) {
		if (bpf_map_update_elem(fd, addr->b, &one, BPF_NOEXIST))
			return errno == EEXIST ? 0 : errno == E2BIG ? -ENOSPC : -errno;
		k->bpf->bss->ft_watching++;
	} else {
		if (bpf_map_delete_elem(fd, addr->b))
			return -errno;
		k->bpf->bss->ft_watching--;
	}
	return 0;
}
