/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of capture/kernel*.c and by nobody else. */
#ifndef CAPTURE_KERNEL_PRIVATE_H
#define CAPTURE_KERNEL_PRIVATE_H

#include <net/if.h>
#include <stdarg.h>
#include <bpf/libbpf.h>
#include <settings.h>
#include "capture/kernel.h"
#include "capture/ring.h"

struct attachment {
	char ifname[IFNAMSIZ];
	unsigned int ifindex;
	bool bare; /* a device without link header */
	int xdp_link, in_link, out_link; /* BPF links, -1: none */
	bool in_filter, out_filter; /* classic filters of ours */
	bool made_qdisc; /* the clsact qdisc is ours */
	int lock; /* held while classic filters are, -1: none */
};

struct dns_bpf;

/* The connections that the program keeps because their addresses may be watched a moment later. */
struct recent {
	const struct ft_recent *slots; /* mapped, FT_RECENT_SLOTS for each CPU; NULL: none */
	size_t cpus;
	int watch_fd;
	uint64_t *seen; /* of each CPU: the last one taken */
	struct ft_flow *waiting; /* taken, by time; the first `given` have had their turn */
	size_t waiting_len, given;
	uint64_t found, missed; /* see kernel_stats */
};

struct kernel {
	struct kernel_config cfg;
	struct dns_bpf *bpf;
	bool full; /* the programs that walk and filter, not the copying ones */
	int xdp_fd, tc_in_fd, tc_out_fd, inputs_fd;
	struct ring ring;
	int cpus; /* their highest number and one: what they have lies in the order of these */
	struct attachment *attached;
	size_t attached_len;
	uint64_t bad_records;
	int64_t unix_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
	size_t filter_sets, skeleton_lines;
	struct recent recent;
	uint8_t *rec; /* room for the record at hand */
};

/* What the programs get that is not in kernel_config: engines and tests change it. */
int kernel_load(const struct kernel_config *cfg, void (*adjust)(struct ft_settings *),
		struct kernel **ret, char *err, size_t err_len);
/*
 * Of a list as in /sys/devices/system/cpu/possible ("0-3,8-11"): the highest number and one, which
 * is more than how many they are where numbers are left out. -EINVAL: no list.
 */
int kernel_cpu_numbers(const char *list);
/* A libbpf_print_fn_t, and what it kept: of the last answer over netlink, "" for none … */
int kernel_libbpf_log(enum libbpf_print_level level, const char *format, va_list args);
const char *kernel_last_message(void);
void kernel_forget_messages(void);
/* … and of a program that the verifier refused, in a line for people. */
void kernel_explain_load(int code, char *err, size_t err_len);
/* Maps ft_recent. 0 or negative errno. */
int recent_open(struct kernel *k);
void recent_close(struct recent *r);
/* Take what is new in the slots. Once before each reading of the ring. */
void recent_take(struct recent *r);
/*
 * Hand over those up to @until_ns, of the programs' clock, whose address is watched by now.
 * Returns how many.
 */
int recent_give(struct recent *r, uint64_t until_ns, ring_fn fn, void *ctx);
/* Remove what @a holds; the entry is then empty. */
void attachment_release(struct attachment *a);

#endif
