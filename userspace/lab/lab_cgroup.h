/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal to lab/: where a container that a systemd unit runs would have its processes, below a
 * cgroup of the lab's own. No container: the monitor knows one by nothing but this path.
 */
#ifndef LAB_LAB_CGROUP_H
#define LAB_LAB_CGROUP_H

#define LAB_CGROUPS   3
#define LAB_UNIT      "updater.service"
#define LAB_CONTAINER "f1a57ab0c0ffee0000000000000000000000000000000000000000000000cafe"

struct lab_cgroup {
	char dirs[LAB_CGROUPS][288]; /* the inmost, where processes go, first */
};

/* Names only: nothing is made yet. -EOPNOTSUPP: no cgroup v2 hierarchy is mounted. */
int lab_cgroup_name(struct lab_cgroup *g, int pid);
/* 0 or negative errno. */
int lab_cgroup_make(const struct lab_cgroup *g);

#endif
