/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc tells of a running process. For others' processes exe needs CAP_SYS_PTRACE. */
#ifndef CAPTURE_PROCFS_H
#define CAPTURE_PROCFS_H

#include <stdint.h>

#define PROCFS_TEXT_MAX 1024

struct procfs_process {
	uint32_t pid, ppid, uid;
	uint64_t start_boot_ns; /* since the machine's start, in steps of 10 ms */
	char comm[17];
	char exe[PROCFS_TEXT_MAX]; /* empty when not permitted */
	char cmdline[PROCFS_TEXT_MAX], cgroup[PROCFS_TEXT_MAX];
};

/* 0, -ESRCH when there is no such process, -EBADMSG when /proc speaks in another way. */
int procfs_read(uint32_t pid, struct procfs_process *ret);

#endif
