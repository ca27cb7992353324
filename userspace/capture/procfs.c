// SPDX-License-Identifier: BSD-2-Clause
#include "capture/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_NS 10000000ULL /* USER_HZ is 100 on every architecture */

/* The file's beginning, terminated; its length or a negative errno. */
static ssize_t read_start(uint32_t pid, const char *name, char *buf, size_t max)
{
	char path[64];
	ssize_t n, len = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	while ((n = read(fd, buf + len, max - 1 - (size_t)len)) > 0)
		len += n;
	close(fd);
	if (n < 0)
		return -ESRCH;
	buf[len] = '\0';
	return len;
}

/* proc(5), stat: pid (comm) state ppid …; starttime is field 22. comm may hold anything. */
static int read_stat(uint32_t pid, struct procfs_process *ret)
{
	unsigned long long start;
	char buf[1024], *open, *close;
	unsigned int ppid;

	if (read_start(pid, "stat", buf, sizeof(buf)) < 0)
		return -ESRCH;
	open = strchr(buf, '(');
	close = strrchr(buf, ')');
	if (!open || !close || close < open ||
	    sscanf(close + 1,
		   " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &ppid, &start) != 2)
		return -EBADMSG;
	*close = '\0';
	snprintf(ret->comm, sizeof(ret->comm), "%.16s", open + 1);
	ret->ppid = ppid;
	ret->start_boot_ns = start * TICK_NS;
	return 0;
}

/* cgroups(7): the line of the v2 hierarchy is "0::/path"; else the first one that is not "/". */
static void read_cgroup(uint32_t pid, struct procfs_process *ret)
{
	char buf[4096], *save = NULL;

	strcpy(ret->cgroup, "/");
	if (read_start(pid, "cgroup", buf, sizeof(buf)) < 0)
		return;
	for (char *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = strstr(line, ":/");
		int is_v2 = !strncmp(line, "0::", 3);

		if (path && path[2] && (is_v2 || !ret->cgroup[1]))
			snprintf(ret->cgroup, sizeof(ret->cgroup), "%.*s", PROCFS_TEXT_MAX - 1,
				 path + 1);
	}
}

int procfs_read(uint32_t pid, struct procfs_process *ret)
{
	char path[64];
	struct stat st;
	ssize_t n;
	int err;

	memset(ret, 0, sizeof(*ret));
	err = read_stat(pid, ret);
	if (err)
		return err;
	ret->pid = pid;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	if (!stat(path, &st))
		ret->uid = st.st_uid;
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, ret->exe, sizeof(ret->exe) - 1);
	ret->exe[n > 0 ? n : 0] = '\0';
	n = read_start(pid, "cmdline", ret->cmdline, sizeof(ret->cmdline));
	while (n > 0 && !ret->cmdline[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!ret->cmdline[i])
			ret->cmdline[i] = ' ';
	read_cgroup(pid, ret);
	return 0;
}
