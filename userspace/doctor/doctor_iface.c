// SPDX-License-Identifier: BSD-2-Clause
/* Each interface: its link, how programs can be attached to it, and what stands in the way. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/iface_watch.h"
#include "doctor/checks.h"

/*
 * Drivers with XDP in the driver, from the kernel's own drivers/net (those that set ndo_bpf for
 * XDP_SETUP_PROG). Only attaching would tell for sure, and that resets the link on some of them.
 */
static const char *const native_drivers[] = {
	"veth",
	"virtio_net",
	"tun",
	"bond",
	"bonding",
	"ena",
	"hv_netvsc",
	"xen_netfront",
	"mana",
	"gve",
	"igb",
	"igc",
	"ixgbe",
	"ixgbevf",
	"i40e",
	"ice",
	"mlx4_en",
	"mlx5_core",
	"bnxt_en",
	"sfc",
	"qede",
	"nfp",
	"thunder-nicvf",
	"nicvf",
	"dpaa2-eth",
	"fsl_dpaa2_eth",
	"fsl_enetc",
	"mvneta",
	"mvpp2",
	"stmmaceth",
	"ti_cpsw",
	"cpsw",
	"am65-cpsw-nuss",
	"netsec",
	"tsnep",
	"atlantic",
	"fec",
	"mtk_soc_eth",
	"vmxnet3",
	"octeontx2-nicpf",
	"netdevsim",
	"lan966x",
	"hinic3",
	"ionic",
	"idpf",
	"funeth",
};

struct ethtool_facts {
	char driver[32];
	bool has_lro;
	unsigned int queues; /* 0 unknown */
};

static int ethtool(int fd, const char *name, void *command)
{
	struct ifreq req = { 0 };

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &req);
}

/* What the driver does not answer stays empty. */
static void ask_driver(const char *name, struct ethtool_facts *ret)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return;
	if (ethtool(fd, name, &info) == 0)
		snprintf(ret->driver, sizeof(ret->driver), "%s", info.driver);
	if (ethtool(fd, name, &flags) == 0)
		ret->has_lro = flags.data & ETH_FLAG_LRO;
	if (ethtool(fd, name, &channels) == 0)
		ret->queues = channels.rx_count + channels.combined_count;
	close(fd);
}

static bool is_native_driver(const char *driver)
{
	for (size_t i = 0; i < sizeof(native_drivers) / sizeof(native_drivers[0]); i++)
		if (strcmp(driver, native_drivers[i]) == 0)
			return true;
	return false;
}

static bool name_program(unsigned int id, char *buf, size_t len)
{
	struct bpf_prog_info info = { 0 };
	__u32 info_len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	bool is_known;

	if (fd < 0)
		return false;
	is_known = bpf_obj_get_info_by_fd(fd, &info, &info_len) == 0;
	close(fd);
	if (is_known)
		snprintf(buf, len, "%s", info.name);
	return is_known;
}

/* True when a program sits in the XDP slot of the interface. */
static bool check_slot(struct findings *f, const struct iface *iface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	char name[BPF_OBJ_NAME_LEN] = "";
	unsigned int id;

	if (bpf_xdp_query((int)iface->ifindex, 0, &q))
		return false;
	id = q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id ? q.skb_prog_id : q.hw_prog_id;
	if (!id)
		return false;
	name_program(id, name, sizeof(name));
	if (strncmp(name, "ft_", 3) == 0)
		finding_remedy(finding_add(f, DOCTOR_FAIL, iface->name,
					   "a fluxtap monitor is attached already (program %u)",
					   id),
			       "end the other one, or choose another interface with -i");
	else
		finding_remedy(finding_add(f, DOCTOR_WARN, iface->name,
					   "XDP slot taken by program %u \"%s\"", id, name),
			       "TC is used instead");
	return true;
}

/* Without multi-buffer support a frame must fit one page beside headroom and skb_shared_info. */
#define SINGLE_BUFFER_MTU 3498

/* The helper came with the flag that tells drivers so. */
static bool has_frags(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
}

static void check_attach(struct findings *f, const struct iface *iface,
			 const struct ethtool_facts *facts)
{
	if (iface_header(iface->type) == IFACE_HEADER_NONE)
		finding_add(f, DOCTOR_OK, iface->name, "TC (frames without link header)");
	else if (is_native_driver(facts->driver) && iface->mtu > SINGLE_BUFFER_MTU && !has_frags())
		finding_remedy(finding_add(f, DOCTOR_WARN, iface->name,
					   "mtu %u: this kernel has no XDP with several buffers, "
					   "XDP on socket buffers is used",
					   iface->mtu),
			       "ip link set %s mtu %d, or Linux 5.18", iface->name,
			       SINGLE_BUFFER_MTU);
	else if (is_native_driver(facts->driver) && iface->mtu > SINGLE_BUFFER_MTU)
		finding_add(f, DOCTOR_OK, iface->name,
			    "XDP in the driver (%s) if it takes several buffers a frame (mtu %u), "
			    "else on socket buffers",
			    facts->driver, iface->mtu);
	else if (is_native_driver(facts->driver))
		finding_add(f, DOCTOR_OK, iface->name, "XDP in the driver (%s)", facts->driver);
	else if (iface->type == ARPHRD_LOOPBACK)
		finding_add(f, DOCTOR_OK, iface->name, "XDP generic or TC (loopback)");
	else
		finding_add(f, DOCTOR_OK, iface->name, "XDP generic or TC%s%s",
			    *facts->driver ? ", driver " : "", facts->driver);
}

static void check_link(struct findings *f, const struct iface *iface,
		       const struct ethtool_facts *facts)
{
	char queues[32] = "";

	if (facts->queues)
		snprintf(queues, sizeof(queues), ", %u receive queue%s", facts->queues,
			 facts->queues == 1 ? "" : "s");
	if (!iface->up)
		finding_remedy(finding_add(f, DOCTOR_WARN, iface->name, "down, mtu %u%s",
					   iface->mtu, queues),
			       "ip link set %s up", iface->name);
	else if (!iface->carrier)
		finding_add(f, DOCTOR_WARN, iface->name, "up without link, mtu %u%s", iface->mtu,
			    queues);
	else
		finding_add(f, DOCTOR_OK, iface->name, "up, mtu %u%s", iface->mtu, queues);
	if (iface_header(iface->type) == IFACE_HEADER_OTHER)
		finding_remedy(
			finding_add(f, DOCTOR_FAIL, iface->name,
				    "frames of hardware type %u are not read", iface->type),
			"watch an interface with Ethernet or plain IP that carries the same");
	if (iface_header(iface->type) == IFACE_HEADER_OUTER)
		finding_remedy(finding_add(f, DOCTOR_FAIL, iface->name,
					   "IP-in-IP interfaces are read from Linux 5.14 on"),
			       "watch the interface under it");
	if (facts->has_lro)
		finding_remedy(finding_add(f, DOCTOR_WARN, iface->name,
					   "large receive offload is on: XDP in the driver is "
					   "refused by most drivers"),
			       "ethtool -K %s lro off", iface->name);
}

static int check_interface(void *ctx, const struct iface *iface)
{
	struct findings *f = ctx;
	struct ethtool_facts facts;

	ask_driver(iface->name, &facts);
	check_link(f, iface, &facts);
	if (!check_slot(f, iface))
		check_attach(f, iface, &facts);
	return 0;
}

static void check_chosen(struct findings *f, const struct doctor_config *cfg)
{
	for (size_t i = 0; i < cfg->interfaces_len; i++) {
		const char *pattern = cfg->interfaces[i];
		int err = iface_expand(&pattern, 1, check_interface, f, NULL);

		if (err == -ENODEV)
			finding_remedy(finding_add(f, DOCTOR_FAIL, "interface",
						   "no interface \"%s\"", pattern),
				       "ip -br link shows what there is");
		else if (err)
			finding_add(f, DOCTOR_FAIL, "interface", "cannot list interfaces: %s",
				    strerror(-err));
	}
}

void doctor_interfaces(struct findings *f, const struct doctor_config *cfg)
{
	const char *const lo = "lo";
	int err;

	if (cfg->interfaces_len) {
		check_chosen(f, cfg);
		return;
	}
	err = iface_default(check_interface, f);
	if (err == -ENOENT)
		finding_remedy(
			finding_add(f, DOCTOR_WARN, "interface", "no default route"),
			"name the interfaces: -i eth0, or `interfaces` in the configuration");
	else if (err)
		finding_add(f, DOCTOR_FAIL, "interface", "cannot list interfaces: %s",
			    strerror(-err));
	iface_expand(&lo, 1, check_interface, f, NULL);
}
