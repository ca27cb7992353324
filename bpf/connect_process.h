/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Who is connecting: taken from the task while it is inside the system call, hence complete
 * however short the process lives, whether it was executed or only forked, and without any cost
 * for processes that never connect.  The price of reading paths is paid once a process.
 */
#ifndef FT_CONNECT_PROCESS_H
#define FT_CONNECT_PROCESS_H

#include "connect_maps.h"
#include "vmlinux_connect.h"

struct ft_who { /* names a process; see fluxtap/connect.h */
	__u64 start_ns;
	__u32 pid;
	__u32 exec_id;
	__u32 tid;
};

/* A typed task is loaded from in place, in one call of a helper (12 ns); else four, and reads. */
static __always_inline struct ft_who ft_who_now(void)
{
	struct ft_who who = {};

	if (ft_conn_typed_task) {
		struct task_struct *task = bpf_get_current_task_btf();

		who.start_ns = task->group_leader->start_boottime;
		who.exec_id = (__u32)task->self_exec_id;
		who.pid = (__u32)task->tgid;
		who.tid = (__u32)task->pid;
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		__u64 ids = bpf_get_current_pid_tgid();

		who.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
		who.exec_id = (__u32)BPF_CORE_READ(task, self_exec_id);
		who.pid = (__u32)(ids >> 32);
		who.tid = (__u32)ids;
	}
	return who;
}

static __always_inline bool ft_is_own(const struct ft_who *who)
{
	if (!ft_conn_own_pid || who->pid != ft_conn_own_pid)
		return false;
	ft_conn_count(FT_CONN_COUNT_OWN);
	return true;
}

/* Append one component; false when there is no room left. */
static __always_inline bool ft_put_part(struct ft_conn_process *p, __u32 *off, const void *name)
{
	__u32 at = *off;
	long n;

	/* Linux 5.10 forgets the bounds of what went through memory: check what is used */
	asm volatile("" : "+r"(at));
	if (at > FT_CONN_TEXT_BYTES - FT_CONN_PART_BYTES)
		return false;
	n = bpf_probe_read_kernel_str(p->text + at, FT_CONN_PART_BYTES, name);
	if (n <= 0)
		return false;
	*off = at + (__u32)n;
	return true;
}

/* The path of the executable, upwards through the mounts to the root of its mount namespace. */
static __noinline __u32 ft_put_exe(struct ft_conn_process *p, struct task_struct *task, __u32 off)
{
	__u32 in_mount = bpf_core_field_offset(struct mount, mnt);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct dentry *dentry = BPF_CORE_READ(exe, f_path.dentry);
	struct vfsmount *mnt = BPF_CORE_READ(exe, f_path.mnt);

	if (!p)
		return off;
	p->exe_cut = 1;
	for (int i = 0; i < FT_CONN_EXE_DEPTH; i++) {
		struct mount *m = (struct mount *)((char *)mnt - in_mount);
		struct dentry *parent;

		if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
			struct mount *above = BPF_CORE_READ(m, mnt_parent);

			if (above == m || !above) {
				p->exe_cut = 0;
				break;
			}
			dentry = BPF_CORE_READ(m, mnt_mountpoint);
			mnt = (struct vfsmount *)((char *)above + in_mount);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry || !parent) {
			p->exe_cut = 0;
			break;
		}
		if (!ft_put_part(p, &off, BPF_CORE_READ(dentry, d_name.name)))
			break;
		dentry = parent;
	}
	return off;
}

static __always_inline struct kernfs_node *ft_kernfs_parent(struct kernfs_node *kn)
{
	if (bpf_core_field_exists(kn->parent))
		return BPF_CORE_READ(kn, parent);
	return BPF_CORE_READ((struct kernfs_node___v6_15 *)kn, __parent);
}

/* The cgroup in the v2 hierarchy; on machines with v1 controllers too, systemd mirrors it there. */
static __noinline __u32 ft_put_cgroup(struct ft_conn_process *p, struct task_struct *task,
				      __u32 off)
{
	struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);

	if (!p)
		return off;
	p->cgroup_id = BPF_CORE_READ(kn, id);
	p->cgroup_cut = 1;
	for (int i = 0; i < FT_CONN_CGROUP_DEPTH; i++) {
		struct kernfs_node *parent = ft_kernfs_parent(kn);

		if (!parent) {
			p->cgroup_cut = 0;
			break;
		}
		if (!ft_put_part(p, &off, BPF_CORE_READ(kn, name)))
			break;
		kn = parent;
	}
	return off;
}

static __always_inline __u32 ft_put_cmdline(struct ft_conn_process *p, struct task_struct *task)
{
	__u64 from = BPF_CORE_READ(task, mm, arg_start), to = BPF_CORE_READ(task, mm, arg_end);
	__u64 n = to - from;

	if (!from || to <= from)
		return 0;
	if (n > FT_CONN_CMDLINE_BYTES)
		n = FT_CONN_CMDLINE_BYTES;
	/* not in memory right now (swapped out): absent, user space may find it in /proc */
	if (bpf_probe_read_user(p->text, (__u32)n, (const void *)from))
		return 0;
	return (__u32)n;
}

static __noinline bool ft_emit_process(__u64 now_ns)
{
	struct ft_conn_process *p = bpf_ringbuf_reserve(&ft_conn_ring, sizeof(*p), 0);
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct ft_who who;
	__u32 at, next;

	/* checked at once: Linux 5.10 does not recognise a reservation that went through memory */
	if (!p) {
		ft_conn_count(FT_CONN_COUNT_PROCESSES);
		ft_conn_count(FT_CONN_COUNT_RING_FULL);
		return false;
	}
	ft_conn_count(FT_CONN_COUNT_PROCESSES);
	who = ft_who_now();
	p->hdr.kind = FT_CONN_PROCESS;
	p->hdr.version = FT_CONN_VERSION;
	p->hdr.size = sizeof(*p);
	p->hdr.time_ns = now_ns;
	p->start_ns = who.start_ns;
	p->pid = who.pid;
	p->exec_id = who.exec_id;
	p->ppid = (__u32)BPF_CORE_READ(task, real_parent, tgid);
	p->uid = (__u32)bpf_get_current_uid_gid();
	BPF_CORE_READ_INTO(&p->comm, task, group_leader, comm);
	at = ft_put_cmdline(p, task);
	p->cmdline_bytes = (__u16)at;
	next = ft_put_exe(p, task, at);
	p->exe_bytes = (__u16)(next - at);
	at = ft_put_cgroup(p, task, next);
	p->cgroup_bytes = (__u16)(at - next);
	bpf_ringbuf_submit(p, ft_conn_wakeup());
	return true;
}

/*
 * Announce the current process when it is new here or was announced long ago.  A collision in
 * ft_conn_known announces once too often; it never mixes up two processes.
 */
static __always_inline void ft_announce(const struct ft_who *who, __u64 now_ns)
{
	__u32 slot = who->pid % FT_CONN_KNOWN_MAX;
	struct ft_conn_known *k = bpf_map_lookup_elem(&ft_conn_known, &slot);

	if (!k || (k->pid == who->pid && k->exec_id == who->exec_id &&
		   k->start_ns == who->start_ns && now_ns - k->announced_ns < FT_CONN_ANNOUNCE_NS))
		return;
	if (ft_emit_process(now_ns)) {
		k->pid = who->pid;
		k->exec_id = who->exec_id;
		k->start_ns = who->start_ns;
		k->announced_ns = now_ns;
	}
}

#endif
