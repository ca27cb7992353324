/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where lines go: a file with rotation, standard output, or a descriptor, behind a bounded queue
 * and a thread of its own, so that a slow disk or reader never holds up the analysis.  Lines are
 * never torn: what is accepted is written whole, in order, or counted as lost.
 */
#ifndef REPORT_SINK_H
#define REPORT_SINK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sink_kind { SINK_FILE, SINK_STDOUT, SINK_FD };

/*
 * What a line is, in the order in which lines are shed as the queue fills: repeats from a half
 * on, other responses from three quarters, the rest from nine tenths, alerts only when it is full.
 */
enum sink_class {
	SINK_REPEAT, /* "dns" that stands for responses known before */
	SINK_RESPONSE, /* other "dns" */
	SINK_EVENT, /* churn, connect, anomaly, stats */
	SINK_ALERT,
	SINK_CLASSES
};

struct sink_config {
	enum sink_kind kind;
	const char *path; /* SINK_FILE; copied */
	int fd; /* SINK_FD: borrowed, not closed */
	size_t max_bytes; /* memory for lines that wait; default 16 MiB */
	size_t batch_bytes; /* write once this much waits (default 64 KiB) … */
	uint64_t batch_ns; /* … or the oldest line has waited this long (default 200 ms) */
	/* Replay: a full queue makes the caller wait instead of losing lines. */
	bool block;
	/* Ends that wait when it becomes nonzero (from a signal handler); NULL: never. */
	const volatile sig_atomic_t *stop;
	/* SINK_FILE: begin a new file at this size or age (0: never); old ones are PATH.1 … */
	uint64_t rotate_bytes, rotate_ns;
	unsigned int rotate_keep; /* … PATH.keep; default 8 */
};

struct sink_stats {
	uint64_t lines, bytes; /* written */
	uint64_t dropped[SINK_CLASSES]; /* not accepted: queue full, or the sink has failed */
	uint64_t lost; /* accepted, then lost to a failed write or an end that could not wait */
	uint64_t errors; /* failed writes */
	uint64_t rotations;
	size_t waiting_bytes;
};

struct sink;

struct sink_config sink_config_default(void);

/*
 * 0 or negative errno, with a line for people that names the file in @err. The file is opened
 * here, in the caller's thread, so that it may be done before privileges are dropped; rotation
 * needs the directory writable afterwards.
 */
int sink_open(const struct sink_config *cfg, struct sink **ret_sink, char *err, size_t err_len);

/*
 * Take over @len bytes: one or more whole lines of one class. Copies; any thread. False when it
 * was not accepted (counted).
 */
bool sink_write(struct sink *s, enum sink_class class_, const char *lines, size_t len);

/* After SIGHUP: write what waits, then open the path anew. Does not wait. */
void sink_reopen(struct sink *s);

/* 0, or the negative errno that ended the sink for good: -EPIPE when the reader has gone. */
int sink_error(struct sink *s);

void sink_stats(struct sink *s, struct sink_stats *ret);

/*
 * Write what waits and end. Gives up after @timeout_ns (UINT64_MAX: never) and counts the rest
 * as lost. @ret_stats: NULL or the final figures. Returns 0, -ETIMEDOUT or what sink_error() says.
 * @s may be NULL.
 */
int sink_close(struct sink *s, uint64_t timeout_ns, struct sink_stats *ret_stats);

#endif
