// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where the programs sit: XDP in the driver, XDP on socket buffers, TC; the first that works.
 * Links vanish with this process. The classic TC filter of kernels before 6.6 does not: it is
 * known by its place and program name, and a lock that dies with its owner tells a living
 * monitor's from one left behind, which is replaced.
 */
#include "capture/kernel.h"
#include "capture/kernel_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include "base/log.h"
#include "dns.skel.h"
#include "capture/iface_watch.h"

#define ATTACHMENTS_MAX 256

/* Linux 6.6; older headers lack the names. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS  ((enum bpf_attach_type)47)

/* Our place among classic filters. */
#define FILTER_HANDLE	1
#define FILTER_PRIORITY 0x4654

/* --- who is there ------------------------------------------------------------------------------
 */

/* Name of the program with @id into @name; empty when it cannot be had. */
static void program_name(uint32_t id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	name[0] = '\0';
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	close(fd);
}

static bool is_ours(uint32_t id, const char *prefix)
{
	char name[BPF_OBJ_NAME_LEN];

	program_name(id, name);
	return !strncmp(name, prefix, strlen(prefix));
}

enum occupant { NOBODY, OURSELVES, A_STRANGER };

static enum occupant xdp_occupant(unsigned int ifindex)
{
	uint32_t id = 0;

	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return NOBODY;
	return is_ours(id, "ft_xdp") ? OURSELVES : A_STRANGER;
}

static bool tcx_is_ours(unsigned int ifindex, enum bpf_attach_type type)
{
	uint32_t ids[64], n = 64, flags = 0;

	if (bpf_prog_query((int)ifindex, type, 0, &flags, ids, &n))
		return false;
	for (uint32_t i = 0; i < n && i < 64; i++)
		if (is_ours(ids[i], "ft_tc_"))
			return true;
	return false;
}

/* --- XDP ---------------------------------------------------------------------------------------
 */

static int attach_xdp(struct kernel *k, struct attachment *a, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(k->xdp_fd, (int)a->ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return fd;
	a->xdp_link = fd;
	return 0;
}

/*
 * Why the driver refused: a link only says an errno, the older way over netlink says it in words.
 * Should that succeed after all, it is undone: the link is what goes with this process.
 */
static const char *native_refusal(struct kernel *k, const struct attachment *a, int err)
{
	uint32_t flags = XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST;

	kernel_forget_messages();
	if (!bpf_xdp_attach((int)a->ifindex, k->xdp_fd, flags, NULL))
		bpf_xdp_detach((int)a->ifindex, XDP_FLAGS_DRV_MODE, NULL);
	return kernel_last_message()[0] ? kernel_last_message() : strerror(-err);
}

/* Drivers without XDP are no news; one that has it and refuses can often be helped. */
static int attach_native(struct kernel *k, struct attachment *a)
{
	const char *why;
	int err = attach_xdp(k, a, XDP_FLAGS_DRV_MODE);

	if (!err)
		return 0;
	why = native_refusal(k, a, err);
	if (strstr(why, "does not support XDP"))
		log_debug("%s: %s", a->ifname, why);
	else
		log_warn("%s: no XDP in the driver: %s", a->ifname, why);
	return err;
}

/* --- TC ----------------------------------------------------------------------------------------
 */

/*
 * Held while classic filters of ours are on the interface; abstract addresses belong to the
 * network namespace, as the interface does.
 */
static int lock_filters(struct attachment *a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, n;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "fluxtap-tc-%u", a->ifindex);
	if (bind(fd, (struct sockaddr *)&addr,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n))) {
		n = errno == EADDRINUSE ? -EALREADY : -errno;
		close(fd);
		return n;
	}
	a->lock = fd;
	return 0;
}

static int attach_filter(struct attachment *a, int prog_fd, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, old, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	int err;

	if (a->lock < 0) {
		err = lock_filters(a);
		if (err)
			return err;
		err = bpf_tc_hook_create(&hook);
		if (err && err != -EEXIST)
			return err;
		a->made_qdisc = !err;
	}
	hook.attach_point = point;
	if (!bpf_tc_query(&hook, &old)) {
		if (!is_ours(old.prog_id, "ft_tc_"))
			return -EEXIST;
		log_warn("%s: replacing a filter left behind by a monitor that was killed",
			 a->ifname);
	}
	err = bpf_tc_attach(&hook, &opts);
	if (!err && point == BPF_TC_INGRESS)
		a->in_filter = true;
	if (!err && point == BPF_TC_EGRESS)
		a->out_filter = true;
	return err;
}

static void detach_filters(struct attachment *a)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	if (a->in_filter)
		bpf_tc_detach(&hook, &opts);
	hook.attach_point = BPF_TC_EGRESS;
	opts.prog_id = 0;
	if (a->out_filter)
		bpf_tc_detach(&hook, &opts);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if (a->made_qdisc)
		bpf_tc_hook_destroy(&hook);
	if (a->lock >= 0)
		close(a->lock);
}

/* A tcx link where the kernel has them, else a classic filter. */
static int attach_tc(struct kernel *k, struct attachment *a, bool egress, const char **ret_mode)
{
	enum bpf_attach_type type = egress ? TCX_EGRESS : TCX_INGRESS;
	int prog_fd = egress ? k->tc_out_fd : k->tc_in_fd;
	int fd;

	if (tcx_is_ours(a->ifindex, type))
		return -EALREADY;
	fd = k->cfg.classic_tc ? -EOPNOTSUPP
			       : bpf_link_create(prog_fd, (int)a->ifindex, type, NULL);
	if (fd < 0) {
		*ret_mode = "tc-clsact";
		return attach_filter(a, prog_fd, egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	}
	*ret_mode = "tcx";
	if (egress)
		a->out_link = fd;
	else
		a->in_link = fd;
	return 0;
}

/* --- an interface ------------------------------------------------------------------------------
 */

static int attach_in(struct kernel *k, struct attachment *a, const char **ret_mode)
{
	enum kernel_mode mode = k->cfg.mode;
	enum occupant who = xdp_occupant(a->ifindex);
	int err = -EBUSY;

	/* one that captures in TC as well, whatever this one would use */
	if (who == OURSELVES || tcx_is_ours(a->ifindex, TCX_INGRESS))
		return -EALREADY;
	if (who == A_STRANGER && mode == KERNEL_MODE_AUTO) {
		log_warn("%s: another XDP program is attached and stays; capturing in TC",
			 a->ifname);
		mode = KERNEL_MODE_TC;
	}
	if (a->bare && mode == KERNEL_MODE_AUTO)
		mode = KERNEL_MODE_TC;
	if (a->bare && mode != KERNEL_MODE_TC) /* XDP would take its frames for Ethernet */
		return -EAFNOSUPPORT;
	if (mode == KERNEL_MODE_AUTO || mode == KERNEL_MODE_NATIVE) {
		*ret_mode = "xdp-native";
		err = attach_native(k, a);
	}
	if (err && (mode == KERNEL_MODE_AUTO || mode == KERNEL_MODE_GENERIC)) {
		*ret_mode = "xdp-generic";
		err = attach_xdp(k, a, XDP_FLAGS_SKB_MODE);
	}
	if (err && (mode == KERNEL_MODE_AUTO || mode == KERNEL_MODE_TC))
		err = attach_tc(k, a, false, ret_mode);
	return err;
}

static void explain_attach(int code, const char *ifname, char *err, size_t err_len)
{
	switch (code) {
	case -EALREADY:
		snprintf(err, err_len, "%s: a fluxtap is attached already", ifname);
		break;
	case -ENODEV:
		snprintf(err, err_len, "%s: no such interface", ifname);
		break;
	case -EPERM:
		snprintf(err, err_len,
			 "%s: not permitted; run as root, or with CAP_NET_ADMIN and "
			 "CAP_BPF",
			 ifname);
		break;
	case -EAFNOSUPPORT:
		snprintf(err, err_len,
			 "%s: frames without link header are read in TC: capture.mode must be auto "
			 "or tc",
			 ifname);
		break;
	case -EPROTONOSUPPORT:
		snprintf(err, err_len,
			 "%s: frames with this kind of link header are not read, only Ethernet and "
			 "plain IP; watch the interface that carries or receives them",
			 ifname);
		break;
	case -EPROTO:
		snprintf(err, err_len,
			 "%s: IP-in-IP interfaces are read from Linux 5.14 on; watch the interface "
			 "under it",
			 ifname);
		break;
	case -EBUSY:
		snprintf(err, err_len, "%s: another program holds the place", ifname);
		break;
	default:
		snprintf(err, err_len, "%s: cannot attach: %s", ifname, strerror(-code));
	}
}

static struct attachment *find_attachment(struct kernel *k, const char *ifname)
{
	for (size_t i = 0; i < k->attached_len; i++)
		if (!strcmp(k->attached[i].ifname, ifname))
			return &k->attached[i];
	return NULL;
}

void attachment_release(struct attachment *a)
{
	if (a->xdp_link >= 0)
		close(a->xdp_link);
	if (a->in_link >= 0)
		close(a->in_link);
	if (a->out_link >= 0)
		close(a->out_link);
	detach_filters(a);
	*a = (struct attachment){ .xdp_link = -1, .in_link = -1, .out_link = -1, .lock = -1 };
}

/* The kernel gives the loopback of each network namespace this index (LOOPBACK_IFINDEX). */
#define LOOPBACK_INDEX 1

static int attach_both(struct kernel *k, struct attachment *a, const char **ret_mode)
{
	const char *out_mode = NULL;
	int err = attach_in(k, a, ret_mode);

	/* what leaves by loopback arrives there at once: it would count twice */
	if (!err && k->cfg.egress && a->ifindex != LOOPBACK_INDEX)
		err = attach_tc(k, a, true, &out_mode);
	return err;
}

static int keep_attachment(struct kernel *k, const struct attachment *a)
{
	struct attachment *grown;

	if (k->attached_len >= ATTACHMENTS_MAX)
		return -ENOSPC;
	grown = realloc(k->attached, (k->attached_len + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	k->attached = grown;
	k->attached[k->attached_len++] = *a;
	return 0;
}

/* An interface of this name that we hold: still the same one? If it has gone, so have the links. */
static bool is_held(struct kernel *k, const char *ifname, unsigned int ifindex)
{
	struct attachment *a = find_attachment(k, ifname);

	if (!a)
		return false;
	if (a->ifindex == ifindex)
		return true;
	kernel_detach(k, ifname);
	return false;
}

/* What is forwarded from an interface in this map does not count again where it leaves. */
static void note_input(struct kernel *k, unsigned int ifindex, bool bare)
{
	uint8_t value = bare ? FT_INPUT_BARE : 1;

	bpf_map_update_elem(k->inputs_fd, &ifindex, &value, BPF_ANY);
	k->bpf->bss->ft_bare += bare;
}

static void forget_input(struct kernel *k, unsigned int ifindex, bool bare)
{
	k->bpf->bss->ft_bare -= bare;
	bpf_map_delete_elem(k->inputs_fd, &ifindex);
}

static bool is_attached(const struct kernel *k, unsigned int ifindex)
{
	for (size_t i = 0; i < k->attached_len; i++)
		if (k->attached[i].ifindex == ifindex)
			return true;
	return false;
}

static bool is_among(const unsigned int *list, size_t n, unsigned int ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == ifindex)
			return true;
	return false;
}

void kernel_seen_below(struct kernel *k, const unsigned int *ifindex, size_t n)
{
	unsigned int key, next, *before = NULL;

	while (!bpf_map_get_next_key(k->inputs_fd, before, &next)) {
		if (!is_attached(k, next) && !is_among(ifindex, n, next))
			forget_input(k, next, false); /* @before is still there to go on from */
		else
			key = next, before = &key;
	}
	for (size_t i = 0; i < n; i++)
		if (!is_attached(k, ifindex[i]))
			note_input(k, ifindex[i], false);
}

/* The programs must know the kind of the interface before the first frame. */
static int attach_noted(struct kernel *k, struct attachment *a, const char **ret_mode)
{
	int code;

	note_input(k, a->ifindex, a->bare);
	code = attach_both(k, a, ret_mode);
	if (!code)
		code = keep_attachment(k, a);
	if (code)
		forget_input(k, a->ifindex, a->bare);
	return code;
}

int kernel_attach(struct kernel *k, const char *ifname, uint16_t type, const char **ret_mode,
		  char *err, size_t err_len)
{
	struct attachment a = { .xdp_link = -1, .in_link = -1, .out_link = -1, .lock = -1 };
	enum iface_header header = iface_header(type);
	const char *mode = "";
	int code;

	a.ifindex = if_nametoindex(ifname);
	a.bare = header == IFACE_HEADER_NONE;
	snprintf(a.ifname, sizeof(a.ifname), "%s", ifname);
	if (!a.ifindex)
		code = -ENODEV;
	else if (header == IFACE_HEADER_OTHER)
		code = -EPROTONOSUPPORT;
	else if (header == IFACE_HEADER_OUTER)
		code = -EPROTO;
	else if (is_held(k, ifname, a.ifindex))
		code = -EALREADY;
	else
		code = attach_noted(k, &a, &mode);
	if (code) {
		attachment_release(&a);
		explain_attach(code, ifname, err, err_len);
		return code == -EALREADY ? -EBUSY : code;
	}
	*ret_mode = mode;
	return 0;
}

int kernel_detach(struct kernel *k, const char *ifname)
{
	struct attachment *a = find_attachment(k, ifname);

	if (!a)
		return -ENOENT;
	forget_input(k, a->ifindex, a->bare);
	attachment_release(a);
	*a = k->attached[--k->attached_len];
	return 0;
}
