// SPDX-License-Identifier: BSD-2-Clause
#include "capture/connect_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <mntent.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "capture/kernel_btf.h"
#include "connect.skel.h"

/*
 * The root of a kernel file system without mounting it anywhere that others would see (Linux
 * 5.2). A descriptor or a negative errno.
 */
static int detached_mount(const char *type)
{
	long fs, fd;

	fs = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
		int err = -errno;

		close((int)fs);
		return err;
	}
	fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	close((int)fs);
	return (int)fd;
}

static int tracing_dir(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && !faccessat(fd, "events", F_OK, 0))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return detached_mount("tracefs");
}

static int cgroup2_root(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int fd = -1;

	while (mounts && fd < 0 && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mounts)
		endmntent(mounts);
	return fd >= 0 ? fd : detached_mount("cgroup2");
}

/* The number of syscalls:@event, or a negative errno. */
static long tracepoint_id(int tracing, const char *event)
{
	char path[96], text[24];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "events/syscalls/%s/id", event);
	fd = openat(tracing, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

static int keep(struct connect_links *l, struct bpf_link *link)
{
	if (!link)
		return -errno;
	l->links[l->links_len++] = link;
	return 0;
}

static int attach_syscall(struct connect_links *l, int tracing, const char *event,
			  struct bpf_program *prog)
{
	long id = tracepoint_id(tracing, event), fd;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = (uint64_t)id,
	};
	int err;

	if (id < 0)
		return (int)id;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = keep(l, bpf_program__attach_perf_event(prog, (int)fd));
	if (err)
		close((int)fd);
	return err;
}

static int attach_syscalls(struct connect_links *l, struct connect_bpf *bpf)
{
	int tracing = tracing_dir(), err;

	if (tracing < 0)
		return tracing;
	if (l->at_return) {
		err = attach_syscall(l, tracing, "sys_exit_connect", l->at_return);
	} else {
		err = attach_syscall(l, tracing, "sys_enter_connect", bpf->progs.ft_conn_enter5);
		if (!err)
			err = attach_syscall(l, tracing, "sys_exit_connect",
					     bpf->progs.ft_conn_exit5);
	}
	close(tracing);
	return err;
}

static int attach_udp_sends(struct connect_links *l, struct connect_bpf *bpf)
{
	int root = cgroup2_root(), err;

	if (root < 0)
		return root;
	err = keep(l, bpf_program__attach_cgroup(bpf->progs.ft_conn_send4, root));
	if (!err)
		err = keep(l, bpf_program__attach_cgroup(bpf->progs.ft_conn_send6, root));
	close(root);
	return err;
}

static bool has_helper(enum bpf_prog_type type, enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(type, helper, NULL) == 1;
}

bool connect_has_exchange(void)
{
	/* arm64 has it since 5.18, others earlier; this helper came next */
	return has_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_map_lookup_percpu_elem);
}

/* The one program that does for a call to connect(); NULL: this kernel takes two. */
static struct bpf_program *at_return(struct connect_bpf *bpf)
{
	if (!has_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs))
		return NULL;
	return kernel_has_function("bpf_rdonly_cast") ? bpf->progs.ft_conn_exit
						      : bpf->progs.ft_conn_exit_read;
}

void connect_links_choose(struct connect_links *l, struct connect_bpf *bpf, bool udp_sends)
{
	l->want_udp_sends = udp_sends;
	l->at_return = at_return(bpf);
	l->at_state = connect_has_exchange() ? bpf->progs.ft_conn_state : bpf->progs.ft_conn_state5;
	/* tp_btf programs may call what tracepoint programs may */
	bpf->rodata->ft_conn_typed_task =
		has_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_current_task_btf) &&
		has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_current_task_btf);
	bpf->rodata->ft_conn_coarse_clock =
		has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_ktime_get_coarse_ns);
	bpf_program__set_autoload(bpf->progs.ft_conn_state,
				  l->at_state == bpf->progs.ft_conn_state);
	bpf_program__set_autoload(bpf->progs.ft_conn_state5,
				  l->at_state == bpf->progs.ft_conn_state5);
	bpf_program__set_autoload(bpf->progs.ft_conn_exit, l->at_return == bpf->progs.ft_conn_exit);
	bpf_program__set_autoload(bpf->progs.ft_conn_exit_read,
				  l->at_return == bpf->progs.ft_conn_exit_read);
	bpf_program__set_autoload(bpf->progs.ft_conn_enter5, !l->at_return);
	bpf_program__set_autoload(bpf->progs.ft_conn_exit5, !l->at_return);
	bpf_program__set_autoload(bpf->progs.ft_conn_send4, udp_sends);
	bpf_program__set_autoload(bpf->progs.ft_conn_send6, udp_sends);
}

int connect_links_attach(struct connect_links *l, struct connect_bpf *bpf)
{
	int err = keep(l, bpf_program__attach(l->at_state));

	if (err)
		return err;
	err = attach_syscalls(l, bpf);
	l->syscalls = !err;
	if (err)
		log_warn("connect() cannot be traced (%s): UDP connects will not be seen",
			 strerror(-err));
	if (!l->want_udp_sends)
		return 0;
	err = attach_udp_sends(l, bpf);
	l->udp_sends = !err;
	if (err)
		log_warn(
			"no hook at the cgroup v2 root (%s): UDP without connect() will not be seen",
			strerror(-err));
	return 0;
}

void connect_links_detach(struct connect_links *l)
{
	while (l->links_len)
		bpf_link__destroy(l->links[--l->links_len]);
}
