/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that connect, by (pid, start, exec): a bounded table, filled from the records of the
 * connect programs, which hold what was true when the process connected; for processes that run
 * already, from /proc.  A start is kept in steps of 10 ms, as /proc has it.
 */
#ifndef CAPTURE_PROCESS_H
#define CAPTURE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fluxtap/connect.h>

#include "base/hash.h"
#include "correlate/connection.h"

struct process_table;

/* @boot_ns: Unix time of the machine's start, added to starts. */
int process_table_new(size_t max_processes, uint64_t boot_ns, const struct hash_key *key,
		      struct process_table **ret);
void process_table_free(struct process_table *t);

/* Take in a checked record. -ENOMEM or 0. */
int process_table_record(struct process_table *t, const struct ft_conn_process *rec);

/*
 * The process, strings borrowed until the next process_table_record(). False when no record of it
 * is there (lost or evicted): then what /proc still tells if the same process still runs, at least
 * pid and start.
 */
bool process_table_get(struct process_table *t, uint32_t pid, uint64_t start_boot_ns,
		       uint32_t exec_id, struct process_info *ret);

/* A running process from /proc into the table; -ESRCH when there is none. */
int process_table_running(struct process_table *t, uint32_t pid, struct process_info *ret);

struct process_stats {
	uint64_t processes, evicted, from_proc, unknown;
	size_t table_bytes;
};
void process_table_stats(const struct process_table *t, struct process_stats *ret);

#define PROCESS_UNIT_MAX      128
#define PROCESS_CONTAINER_MAX 128

/*
 * From a cgroup path: the systemd unit (innermost .service, .scope or .socket that is no
 * container's) and the container: the 64 hexadecimal digits that docker, podman, containerd, cri-o
 * and kubernetes put there, ECS task ids, LXC and systemd-machined names. Empty when there is none.
 */
void process_cgroup_names(const char *cgroup, char unit[PROCESS_UNIT_MAX],
			  char container[PROCESS_CONTAINER_MAX]);

#endif
