// SPDX-License-Identifier: BSD-2-Clause
/* The system call filter: lists by purpose, so that each line can be argued about. */
#include "privilege/privilege.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifdef __SANITIZE_ADDRESS__
#define INSTRUMENTED true
#else
#define INSTRUMENTED false
#endif

/* A name that an architecture does not have is passed over: arm64 has no open() or poll(). */
static const char *const allowed[] = {
	/* memory and threads */
	"brk", "mmap", "munmap", "mremap", "madvise", "membarrier", "futex", "futex_waitv",
	"set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity",
	"set_tid_address", "gettid", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid",
	"getrandom", "prlimit64", "getrlimit", "getrusage", "sysinfo", "uname", "getcpu",
	/* signals and the end */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending",
	"sigaltstack", "tgkill", "restart_syscall", "exit", "exit_group", "signalfd4", "pause",
	/* clocks and waiting */
	"clock_gettime", "clock_getres", "gettimeofday", "time", "nanosleep", "clock_nanosleep",
	"timerfd_create", "timerfd_settime", "timerfd_gettime", "epoll_create1", "epoll_ctl",
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
	"eventfd2", "pipe2",
	/* files: history with its journal, logs with rotation, lists read again */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
	"open", "openat", "openat2", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "flock",
	"stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat",
	"faccessat2", "readlink", "readlinkat", "getcwd", "getdents64", "fsync", "fdatasync",
	"sync_file_range", "ftruncate", "fallocate", "fadvise64", "sendfile", "copy_file_range",
	"rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir",
	"mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "fchown", "umask", "utimensat",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	/* sockets that are open already, and those socket_families[] allows */
	"bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername",
	"getsockopt", "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg",
	"recvmmsg", "shutdown", "socketpair",
};

/* Only an intruder has a use for these. */
static const char *const deadly[] = {
	"execve", "execveat", "fork", "vfork", "process_vm_readv", "process_vm_writev",
#ifndef __SANITIZE_ADDRESS__
	"ptrace",
#endif
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
	"setfsuid", "setfsgid", "capset", "mount", "umount2", "pivot_root", "chroot", "move_mount",
	"fsopen", "fsmount", "open_tree", "unshare", "setns", "init_module", "finit_module",
	"delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "mknod",
	"mknodat", "keyctl", "add_key", "request_key", "userfaultfd", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "personality", "iopl", "ioperm", "modify_ldt",
	"acct", "settimeofday", "clock_settime", "adjtimex", "sethostname", "setdomainname",
	"name_to_handle_at", "open_by_handle_at", "pidfd_getfd", "quotactl", "lookup_dcookie",
};

/* bpf() on what is loaded already. */
static const int bpf_maps[] = {
	BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM, BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	BPF_MAP_UPDATE_BATCH, BPF_MAP_DELETE_BATCH, BPF_OBJ_GET_INFO_BY_FD, BPF_LINK_DETACH,
	BPF_ITER_CREATE,
};

/* bpf() to attach it again, to an interface that returned. */
static const int bpf_attach[] = {
	BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_GET_FD_BY_ID, BPF_LINK_GET_NEXT_ID,
	BPF_PROG_QUERY, BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_GET_FD_BY_ID,
	BPF_PROG_GET_NEXT_ID, BPF_RAW_TRACEPOINT_OPEN,
};

static const int attach_ioctls[] = {
	(int)PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE,
	SIOCGIFINDEX, SIOCGIFNAME, SIOCETHTOOL,
};

static int add_names(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		if (nr != __NR_SCMP_ERROR && nr >= 0)
			rc = seccomp_rule_add(ctx, action, nr, 0);
	}
	return rc;
}

static int allow_values(scmp_filter_ctx ctx, int nr, unsigned int arg, const int *values, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1,
				      SCMP_CMP64(arg, SCMP_CMP_EQ, (uint32_t)values[i]));
	return rc;
}

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static int allow_sockets(scmp_filter_ctx ctx, const struct privilege_config *cfg)
{
	/* netlink: the interfaces may move, and XDP attaches through it */
	static const int local[] = { AF_UNIX, AF_NETLINK };
	static const int internet[] = { AF_INET, AF_INET6 };
	int rc;

	rc = allow_values(ctx, SCMP_SYS(socket), 0, local, LEN(local));
	if (!rc && cfg->network)
		rc = allow_values(ctx, SCMP_SYS(socket), 0, internet, LEN(internet));
	return rc;
}

static int allow_bpf(scmp_filter_ctx ctx, const struct privilege_config *cfg)
{
	int rc;

	rc = allow_values(ctx, SCMP_SYS(bpf), 0, bpf_maps, LEN(bpf_maps));
	if (!rc && cfg->attach)
		rc = allow_values(ctx, SCMP_SYS(bpf), 0, bpf_attach, LEN(bpf_attach));
	if (!rc && cfg->attach)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(perf_event_open), 0);
	if (!rc && cfg->attach)
		rc = allow_values(ctx, SCMP_SYS(ioctl), 1, attach_ioctls, LEN(attach_ioctls));
	return rc;
}

/* New threads, no new processes. clone3() hides its flags: refused so that libc uses clone(). */
static int allow_threads(scmp_filter_ctx ctx)
{
	int rc;

	if (INSTRUMENTED)
		return 0;
	rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			      SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
				      SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

static int allow_arguments(scmp_filter_ctx ctx)
{
	static const int terminal[] = { TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO };
	static const int process[] = { PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_SECCOMP,
				       PR_SET_VMA };
	int rc;

	rc = allow_values(ctx, SCMP_SYS(ioctl), 1, terminal, LEN(terminal));
	if (!rc && !INSTRUMENTED)
		rc = allow_values(ctx, SCMP_SYS(prctl), 0, process, LEN(process));
	/* no page that could be written becomes code */
	if (!rc && !INSTRUMENTED)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

/* The leak checker of an instrumented build stops the process from a helper at its end. */
static int allow_instrumentation(scmp_filter_ctx ctx)
{
	static const char *const names[] = { "clone",  "clone3", "wait4", "waitid", "prctl",
					     "mprotect", "kill",   "capget" };

	return INSTRUMENTED ? add_names(ctx, SCMP_ACT_ALLOW, names, LEN(names)) : 0;
}

static int fill(scmp_filter_ctx ctx, const struct privilege_config *cfg)
{
	int rc;

	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	if (!rc)
		rc = add_names(ctx, SCMP_ACT_ALLOW, allowed, LEN(allowed));
	if (!rc)
		rc = add_names(ctx, SCMP_ACT_KILL_PROCESS, deadly, LEN(deadly));
	if (!rc)
		rc = allow_threads(ctx);
	if (!rc)
		rc = allow_arguments(ctx);
	if (!rc)
		rc = allow_sockets(ctx, cfg);
	if (!rc)
		rc = allow_bpf(ctx, cfg);
	if (!rc)
		rc = allow_instrumentation(ctx);
	return rc;
}

int privileges_seccomp(const struct privilege_config *cfg, char *err, size_t err_len)
{
	scmp_filter_ctx ctx;
	int rc;

	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx) {
		snprintf(err, err_len, "cannot build the system call filter");
		return -ENOMEM;
	}
	rc = fill(ctx, cfg);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (!rc && prctl(PR_GET_SECCOMP) != 2)
		rc = -EPERM;
	if (rc)
		snprintf(err, err_len, "cannot load the system call filter: %s", strerror(-rc));
	return rc;
}
