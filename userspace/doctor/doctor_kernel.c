// SPDX-License-Identifier: BSD-2-Clause
/* The kernel: what it offers to programs, and what this process may ask of it. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/kernel_btf.h"
#include "doctor/checks.h"
#include "privilege/privilege.h"

static bool has_capability(cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (!caps)
		return false;
	cap_get_flag(caps, cap, CAP_EFFECTIVE, &value);
	cap_free(caps);
	return value == CAP_SET;
}

/* CAP_SYS_ADMIN stands for the two that Linux 5.8 split from it. */
static bool may_load(void)
{
	return has_capability(CAP_SYS_ADMIN) ||
	       (has_capability(CAP_BPF) && has_capability(CAP_PERFMON));
}

static void check_release(struct findings *f)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;
	char *end;

	if (uname(&name))
		return;
	major = (unsigned int)strtoul(name.release, &end, 10);
	if (*end == '.')
		minor = (unsigned int)strtoul(end + 1, NULL, 10);
	if (major > 5 || (major == 5 && minor >= 8))
		finding_add(f, DOCTOR_OK, "kernel", "Linux %s %s", name.release, name.machine);
	else /* a hint only: the probes below decide */
		finding_remedy(finding_add(f, DOCTOR_WARN, "kernel", "Linux %s is older than 5.8",
					   name.release),
			       "use the kernel of a later release of the distribution");
}

static void check_btf(struct findings *f)
{
	struct stat st;

	if (stat("/sys/kernel/btf/vmlinux", &st) == 0)
		finding_add(f, DOCTOR_OK, "btf", "type information of the kernel, %lld KiB",
			    (long long)st.st_size / 1024);
	else
		finding_remedy(finding_add(f, DOCTOR_FAIL, "btf",
					   "/sys/kernel/btf/vmlinux: %s", strerror(errno)),
			       "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

static void check_capabilities(struct findings *f)
{
	if (may_load() && has_capability(CAP_NET_ADMIN))
		finding_add(f, DOCTOR_OK, "capabilities", "programs may be loaded and attached");
	else
		finding_remedy(finding_add(f, DOCTOR_FAIL, "capabilities",
					   "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed"),
			       "run as root; what is not needed is dropped after the start");
}

static void check_jit(struct findings *f)
{
	char line[32];

	if (!read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line)))
		finding_add(f, DOCTOR_WARN, "jit", "cannot tell whether programs are compiled");
	else if (*line != '0')
		finding_add(f, DOCTOR_OK, "jit", "programs are compiled to machine code");
	else
		finding_remedy(finding_add(f, DOCTOR_WARN, "jit", "programs are interpreted"),
			       "sysctl net.core.bpf_jit_enable=1");
}

struct probe {
	const char *name;
	enum bpf_prog_type type;
	enum bpf_func_id helper;
	enum doctor_status without;
	const char *remedy;
};

/* What the programs call, and what its absence means. */
static const struct probe probes[] = {
	{ "bpf_ringbuf", BPF_PROG_TYPE_XDP, BPF_FUNC_ringbuf_reserve, DOCTOR_FAIL,
	  "Linux 5.8 or later is needed" },
	{ "bpf_loop", BPF_PROG_TYPE_XDP, BPF_FUNC_loop, DOCTOR_WARN,
	  "works without the repeat filter; Linux 5.17 or later has it" },
	{ "xdp_load_bytes", BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, DOCTOR_WARN,
	  "messages are copied a slower way; Linux 5.18 or later has it" },
	{ "skb_load_bytes", BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_skb_load_bytes, DOCTOR_FAIL,
	  "boot a kernel built with CONFIG_NET_CLS_BPF=m or y" },
};

static void check_helpers(struct findings *f)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const struct probe *p = &probes[i];

		/* without privileges the probe fails in a way that libbpf takes for success */
		if (!may_load())
			finding_add(f, DOCTOR_WARN, p->name, "cannot be probed without privileges");
		else if (libbpf_probe_bpf_helper(p->type, p->helper, NULL) == 1)
			finding_add(f, DOCTOR_OK, p->name, "there");
		else
			finding_remedy(finding_add(f, p->without, p->name, "missing"), "%s",
				       p->remedy);
	}
}

/* From 5.11 on BPF memory is charged to the cgroup; before, to RLIMIT_MEMLOCK. */
static void check_memory(struct findings *f)
{
	struct rlimit limit;

	if (!may_load())
		return;
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns,
				    NULL) == 1) {
		finding_add(f, DOCTOR_OK, "memory", "maps are charged to the control group");
		return;
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (limit.rlim_cur == RLIM_INFINITY || has_capability(CAP_SYS_RESOURCE))
		finding_add(f, DOCTOR_OK, "memory", "locked memory is not limited");
	else
		finding_remedy(finding_add(f, DOCTOR_FAIL, "memory",
					   "locked memory is limited to %llu KiB",
					   (unsigned long long)limit.rlim_cur / 1024),
			       "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit");
}

static void check_tracing(struct findings *f)
{
	/* the tracepoint that carries connections, as the kernel's types describe it */
	bool has_typed = libbpf_find_vmlinux_btf_id("inet_sock_set_state", BPF_TRACE_RAW_TP) > 0;
	bool is_mounted = access("/sys/kernel/tracing/events", F_OK) == 0 ||
			  access("/sys/kernel/debug/tracing/events", F_OK) == 0;

	if (has_typed && is_mounted)
		finding_add(f, DOCTOR_OK, "tracepoints", "typed and classic");
	else if (has_typed)
		finding_add(f, DOCTOR_OK, "tracepoints", "typed; tracefs is not mounted");
	else if (is_mounted)
		finding_add(f, DOCTOR_OK, "tracepoints", "classic");
	else
		finding_remedy(finding_add(f, DOCTOR_WARN, "tracepoints",
					   "none: no process is named in detections"),
			       "mount -t tracefs tracefs /sys/kernel/tracing");
}

/* Matters on gateways alone. */
static void check_translation(struct findings *f)
{
	char line[32];

	if (!read_line("/proc/sys/net/ipv4/ip_forward", line, sizeof(line)) || *line == '0')
		return;
	if (kernel_has_function("bpf_cast_to_kern_ctx"))
		finding_add(f, DOCTOR_OK, "translation",
			    "clients behind translated addresses are told apart");
	else
		finding_remedy(finding_add(f, DOCTOR_WARN, "translation",
					   "answers to clients behind translated addresses seem to be "
					   "this machine's"),
			       "if it translates, watch the clients' side alone (-i), or use Linux 6.2 "
			       "or later");
}

static void check_user(struct findings *f, const struct doctor_config *cfg)
{
	const char *name;
	uid_t uid;
	gid_t gid;

	if (privileges_user(cfg->user, &name, &uid, &gid))
		finding_remedy(finding_add(f, DOCTOR_FAIL, "user", "no user \"%s\"",
					   cfg->user && *cfg->user ? cfg->user : "nobody"),
			       "adduser --system --group fluxtap");
	else if (uid == 0)
		finding_remedy(finding_add(f, DOCTOR_FAIL, "user", "\"%s\" is root", name),
			       "name a user without privileges");
	else if (!strcmp(name, "nobody"))
		finding_remedy(finding_add(f, DOCTOR_WARN, "user",
					   "becomes \"nobody\", whose other processes may then read "
					   "its socket, events and history"),
			       "adduser --system --group fluxtap");
	else
		finding_add(f, DOCTOR_OK, "user", "becomes \"%s\" after the start", name);
}

void doctor_kernel(struct findings *f, const struct doctor_config *cfg)
{
	check_release(f);
	check_capabilities(f);
	check_btf(f);
	check_jit(f);
	check_helpers(f);
	check_memory(f);
	check_translation(f);
	check_tracing(f);
	check_user(f, cfg);
}
