/* SPDX-License-Identifier: BSD-2-Clause */
/* The loaded programs, one frame at a time, with the ledger checked after each. */
#ifndef TESTS_BPF_LIBTAP_H
#define TESTS_BPF_LIBTAP_H

#include "capture/kernel_private.h"
#include "libpacket.h"

#define TAP_RECORDS 64

struct tap_record {
	union {
		struct ft_event_hdr hdr;
		struct ft_response response;
		struct ft_fragment fragment;
		struct ft_segment segment;
		struct ft_refused refused;
		struct ft_flow flow;
		uint8_t bytes[66000];
	};
};

struct tap {
	struct kernel *k;
	void (*adjust)(struct ft_settings *);
	uint64_t counters[FT_COUNTER_MAX];
	size_t records_len;
	struct tap_record records[TAP_RECORDS];
};

enum tap_way { TAP_XDP, TAP_TC_IN, TAP_TC_OUT };

/*
 * The XDP program, loaded with the fixed seed and what @adjust changes; ends the test when that
 * fails. tap_open_all() loads those for TC as well, which takes three times as long. One that was
 * closed is emptied and serves again where the settings are the same: @adjust always does the same.
 */
struct tap *tap_open(const struct kernel_config *cfg, void (*adjust)(struct ft_settings *));
struct tap *tap_open_all(const struct kernel_config *cfg, void (*adjust)(struct ft_settings *));
/* Skips the test on a kernel that has the copying programs only; closes @t then. */
void tap_need_walk(struct tap *t);
void tap_close(struct tap *t);

/*
 * Run @p through the program; afterwards t->records holds what came out of the ring, and the
 * return value is the one stage or reason the frame ended in. Asserts the verdict that lets the
 * frame pass, and that the sums of the ledger hold.
 */
unsigned int tap_run(struct tap *t, enum tap_way way, const struct packet *p);
/* The same, leaving the records in the ring. */
unsigned int tap_run_unread(struct tap *t, enum tap_way way, const struct packet *p);
void tap_read(struct tap *t);
/* The time of what follows, where ft_settings.given_clock is set. */
void tap_clock(struct tap *t, uint64_t time_ns);
/* What kernel_poll() added to the times of the records. */
uint64_t tap_unix(const struct tap *t);
/* Asserts that the sums hold. */
void tap_check_ledger(const uint64_t counters[FT_COUNTER_MAX]);

#endif
