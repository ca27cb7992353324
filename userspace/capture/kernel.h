/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel programs of bpf/dns.bpf.c: loaded, attached to interfaces, their ring read.  What
 * they attach goes away with this process, however it ends, wherever the kernel has BPF links for
 * it (XDP always; TC from 6.6); older TC filters are found by name and replaced at the next start.
 */
#ifndef CAPTURE_KERNEL_H
#define CAPTURE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/ip.h"
#include "capture/decode.h"
#include "capture/record.h"

enum kernel_mode { /* which way in to use; AUTO tries them in this order */
		   KERNEL_MODE_AUTO,
		   KERNEL_MODE_NATIVE, /* XDP in the driver */
		   KERNEL_MODE_GENERIC, /* XDP on socket buffers */
		   KERNEL_MODE_TC, /* TC ingress */
};

enum kernel_clients { /* do new clients let a known answer through? */
		      KERNEL_CLIENTS_OFF,
		      KERNEL_CLIENTS_HOSTS, /* the first answer of a name to each client */
		      KERNEL_CLIENTS_ALL, /* the first of each of its sets to each client */
};

struct kernel_config {
	uint16_t ports[DECODE_PORTS_MAX]; /* DNS ports, host order; default { 53 } */
	size_t ports_len;
	size_t ring_bytes; /* rounded up to a power of two of pages; default 16 MiB */
	bool filter; /* repeat filter; default on */
	size_t filter_bytes; /* its memory, rounded down to a power of two, and a quarter more
			      * for what names of responses came to; default 32 MiB:
			      * 524,288 names */
	uint64_t refresh_ns; /* a known answer goes up again after this; default 60 s; 0 never */
	enum kernel_clients clients; /* takes a quarter of filter_bytes more; default off */
	enum kernel_mode mode;
	bool egress; /* also what leaves: TC egress; default off */
	bool no_walk; /* the copying programs, as on kernels without bpf_loop; default off */
	bool xdp_only; /* no TC programs: enough for test runs, a third of the load time */
	bool classic_tc; /* a clsact filter even where the kernel has tcx; default off */
	bool follow_tcp, follow_fragments; /* default on */
	/*
	 * First sightings of names below one zone sent up per second, the rest are folded (fold.h):
	 * of names with answers, and without. Need the filter; 0: all; default 1000, 100.
	 */
	uint32_t zone_names_per_s, zone_denials_per_s;
	uint32_t malformed_per_s; /* broken messages sent up per CPU and second; default 1000 */
	uint64_t seed; /* of the hashes; default 0: a random one */
};
struct kernel_config kernel_config_default(void);

/* What the programs count time in, nanoseconds. */
uint64_t kernel_tick_ns(void);

struct kernel;

/*
 * Load the programs, attached nowhere. Negative errno with a line for people in @err (size
 * @err_len): -EPERM, -ENOMEM, -EOPNOTSUPP and what the kernel says.
 */
int kernel_open(const struct kernel_config *cfg, struct kernel **ret, char *err, size_t err_len);
/* Detach from everywhere and free; NULL is fine. */
void kernel_close(struct kernel *k);
/* False: this kernel has no bpf_loop or bpf_xdp_load_bytes; responses come up unfiltered. */
bool kernel_filters(const struct kernel *k);

/*
 * Attach to @ifname, whose frames are of hardware type @type (ARPHRD_*): where they have no link
 * header, in TC whatever the mode says. @ret_mode (static string): "xdp-native", "xdp-generic", "tcx", "tc-clsact".
 * -EBUSY: a fluxtap is there already; -ENODEV: no such interface; -EPROTONOSUPPORT: another kind
 * of frame; -EPROTO: an IP-in-IP interface before Linux 5.14; else why the last way in failed. A foreign XDP program stays: TC then, unless the mode says otherwise.
 */
int kernel_attach(struct kernel *k, const char *ifname, uint16_t type, const char **ret_mode,
		  char *err, size_t err_len);
/*
 * Interfaces that are not attached to themselves, but where nothing arrives that has not been seen
 * at one that is: what they forward does not count again where it leaves. Replaces those named
 * before. Bounded: beyond 1,024 in all, what is forwarded counts twice.
 */
void kernel_seen_below(struct kernel *k, const unsigned int *ifindex, size_t n);
/* 0, also when the interface itself has gone; -ENOENT when it was not attached. */
int kernel_detach(struct kernel *k, const char *ifname);

/*
 * Hand over what is in the ring, waiting up to @timeout_ms (0: not at all) for the first record.
 * The programs wake a waiting reader only when the ring fills past an eighth: use short timeouts
 * when busy. Records that do not pass record_valid() are counted. hdr.time_ns is Unix time.
 * Returns the number of records or negative errno (-EINTR).
 */
int kernel_poll(struct kernel *k, int timeout_ms, record_fn fn, void *ctx);
int kernel_fd(const struct kernel *k); /* for epoll; whoever waits is woken past an eighth */
size_t kernel_ring_pending(const struct kernel *k); /* bytes not yet read */
/* Records not yet read of those that `emitted` counts; walks the ring. */
uint64_t kernel_ring_records(const struct kernel *k);

/* Sums over the CPUs, indexed by enum ft_counter. */
void kernel_counters(const struct kernel *k, uint64_t ret[FT_COUNTER_MAX]);

struct kernel_stats {
	uint64_t filter_evictions; /* names that made room for others */
	uint64_t filter_evicted_repeats; /* repeats of theirs that no record carries */
	uint64_t evicted_folded; /* folded responses that no record tells of */
	uint64_t skeletons_learnt; /* responses read name by name, so that others like them need
				    * not be: see bpf/skeleton.h */
	uint64_t samples; /* REFUSED and FLOW records in the ring: beside the ledger, whose
			   * `emitted` counts RESPONSE, FRAGMENT and SEGMENT records */
	uint64_t samples_lost; /* those over their rate or without room */
	uint64_t bad_records; /* refused by record_valid() */
	uint64_t recent_found; /* FLOW records of connections begun before their address was
				* watched: beside the ring's samples */
	uint64_t recent_missed; /* those overwritten before they were looked at: more than
				 * 2,048 on a CPU since the last kernel_poll() */
	size_t ring_bytes, filter_bytes, names_max;
};
void kernel_stats(const struct kernel *k, struct kernel_stats *ret);

/* Report connections of @addr (FLOW records). -ENOSPC beyond 16,384 addresses. */
int kernel_watch(struct kernel *k, const struct ip_addr *addr, bool on);

/*
 * The engine of `replay --engine kernel`: each frame through the real XDP program by
 * BPF_PROG_TEST_RUN, nothing attached. Needs root. Without @filter the same records as the native
 * one; with it what `run` would have seen: its filter, filter_bytes, refresh_ns,
 * clients and zone_* count, on the clock of the capture, whatever the machine's does.
 */
struct kernel_engine;
int kernel_engine_open(const struct decode_config *cfg, const struct kernel_config *filter,
		       struct kernel_engine **ret, char *err, size_t err_len);
void kernel_engine_close(struct kernel_engine *e);
/*
 * 0, or negative errno when the kernel refused to run the frame. Frames that cannot be pushed
 * (link types without a place for an Ethernet header in front, captures cut short, under 14
 * octets) are judged by the native decoder instead: kernel_engine_native() counts them.
 */
int kernel_engine_frame(struct kernel_engine *e, const struct frame *f, record_fn fn, void *ctx);
/* As kernel_watch(), for the program of the engine and for what it leaves to the native decoder. */
void kernel_engine_watch(struct kernel_engine *e, const struct ip_addr *addr, bool on);
uint64_t kernel_engine_native(const struct kernel_engine *e);
/* False: every response comes up. */
bool kernel_engine_filters(const struct kernel_engine *e);
void kernel_engine_stats(const struct kernel_engine *e, struct kernel_stats *ret);
const uint64_t *kernel_engine_counters(struct kernel_engine *e); /* FT_COUNTER_MAX entries */

#endif
