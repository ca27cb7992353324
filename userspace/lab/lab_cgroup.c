// SPDX-License-Identifier: BSD-2-Clause
#include "lab/lab_cgroup.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Where the v2 hierarchy is mounted, beside those of v1 or alone; "" when it is not. */
static void find_root(char *ret, size_t len)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	ret[0] = '\0';
	while (mounts && !ret[0] && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			snprintf(ret, len, "%s", m->mnt_dir);
	if (mounts)
		endmntent(mounts);
}

int lab_cgroup_name(struct lab_cgroup *g, int pid)
{
	char root[128];

	find_root(root, sizeof(root));
	if (!root[0])
		return -EOPNOTSUPP;
	snprintf(g->dirs[2], sizeof(g->dirs[2]), "%s/fluxtap-lab-%d", root, pid);
	snprintf(g->dirs[1], sizeof(g->dirs[1]), "%.170s/" LAB_UNIT, g->dirs[2]);
	snprintf(g->dirs[0], sizeof(g->dirs[0]), "%.190s/libpod-payload-" LAB_CONTAINER,
		 g->dirs[1]);
	return 0;
}

int lab_cgroup_make(const struct lab_cgroup *g)
{
	for (int i = LAB_CGROUPS - 1; i >= 0; i--)
		if (mkdir(g->dirs[i], 0755))
			return -errno;
	return 0;
}
