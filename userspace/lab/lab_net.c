// SPDX-License-Identifier: BSD-2-Clause
/* The lab's network: a star around the gateway, each arm a veth pair. */
#include "lab/lab_net.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "lab/lab_plan.h"
#include "lab/lab_proc.h"

const char *const lab_gateway_links[LAB_PLACES] = {
	[LAB_AUTH] = "auth", [LAB_RES] = "res", [LAB_SVC] = "svc", [LAB_C1] = "c1", [LAB_C2] = "c2"
};

/* What is attached at each arm, and which addresses the place answers for as a whole. */
static const struct arm {
	const char *gateway, *address; /* with prefix length */
	const char *mac;
	const char *router; /* the gateway's address again, without */
	const char *served[2]; /* prefixes that are local there */
} arms[LAB_PLACES] = {
	[LAB_AUTH] = { "198.18.0.1/30",
		       "198.18.0.2/30",
		       "02:00:c6:12:00:02",
		       "198.18.0.1",
		       { "198.18.1.0/24", "198.18.64.0/18" } },
	[LAB_RES] = { "198.18.0.5/30",
		      LAB_RESOLVER "/30",
		      "02:00:c6:12:00:06",
		      "198.18.0.5",
		      { NULL } },
	[LAB_SVC] = { "198.18.0.9/30",
		      "198.18.0.10/30",
		      "02:00:c6:12:00:0a",
		      "198.18.0.9",
		      { "198.18.128.0/17", "198.19.0.0/16" } },
	[LAB_C1] = { "198.18.10.1/24",
		     LAB_CLIENT_IP "/24",
		     LAB_CLIENT_MAC,
		     "198.18.10.1",
		     { NULL } },
	[LAB_C2] = { "198.18.11.1/24",
		     "198.18.11.10/24",
		     "02:00:c6:12:0b:0a",
		     "198.18.11.1",
		     { NULL } },
};

void lab_net_name(struct lab_net *net, int pid)
{
	static const char *const places[LAB_PLACES] = { "gw", "auth", "res", "svc", "c1", "c2" };

	for (int i = 0; i < LAB_PLACES; i++)
		snprintf(net->names[i], sizeof(net->names[i]), "fluxtap-lab-%d-%s", pid, places[i]);
}

/* Feed the commands to one `ip`, which stops at the first that fails. */
static int run_batch(const char *netns, struct buf *commands)
{
	const char *const there[] = { "ip", "-n", netns, "-batch", "-", NULL };
	const char *const here[] = { "ip", "-batch", "-", NULL };
	int err;

	buf_char(commands, '\0');
	if (commands->failed)
		return -ENOMEM;
	err = lab_command(netns ? there : here, commands->bytes, NULL, 0);
	buf_reset(commands);
	return err;
}

static int build_links(const struct lab_net *net, struct buf *b)
{
	for (int i = 0; i < LAB_PLACES; i++)
		buf_printf(b, "netns add %s\n", net->names[i]);
	for (int i = LAB_GW + 1; i < LAB_PLACES; i++)
		buf_printf(b, "link add %s netns %s type veth peer name eth0 address %s netns %s\n",
			   lab_gateway_links[i], net->names[LAB_GW], arms[i].mac, net->names[i]);
	return run_batch(NULL, b);
}

static int build_place(const struct lab_net *net, int place, struct buf *b)
{
	const struct arm *arm = &arms[place];

	buf_printf(b, "link set lo up\naddr add %s dev eth0\nlink set eth0 up\n", arm->address);
	buf_printf(b, "route add default via %s\n", arm->router);
	for (int i = 0; i < 2 && arm->served[i]; i++)
		buf_printf(b, "route add local %s dev lo\n", arm->served[i]);
	return run_batch(net->names[place], b);
}

static int build_gateway(const struct lab_net *net, struct buf *b)
{
	buf_str(b, "link set lo up\n");
	for (int i = LAB_GW + 1; i < LAB_PLACES; i++)
		buf_printf(b, "addr add %s dev %s\nlink set %s up\n", arms[i].gateway,
			   lab_gateway_links[i], lab_gateway_links[i]);
	for (int i = LAB_GW + 1; i < LAB_PLACES; i++)
		for (int k = 0; k < 2 && arms[i].served[k]; k++)
			buf_printf(b, "route add %s via %.*s\n", arms[i].served[k],
				   (int)strcspn(arms[i].address, "/"), arms[i].address);
	return run_batch(net->names[LAB_GW], b);
}

/* --- inside a namespace --------------------------------------------------------------------- */

/* Come back from lab_enter(). */
static int leave(int home)
{
	int err = setns(home, CLONE_NEWNET) ? -errno : 0;

	close(home);
	return err;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = -errno;
	close(fd);
	return err;
}

/* Forward, and keep IPv6 from talking to itself where nobody has asked for it. */
static int set_kernel_options(const struct lab_net *net)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), err = 0, back;

	if (home < 0)
		return -errno;
	for (int i = 0; i < LAB_PLACES && !err; i++) {
		err = lab_enter(net->names[i]);
		if (!err)
			(void)write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
		if (!err && i == LAB_GW)
			err = write_file("/proc/sys/net/ipv4/ip_forward", "1");
	}
	back = leave(home);
	return err ? err : back;
}

int lab_net_socket(const struct lab_net *net, enum lab_place place)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd, err;

	if (home < 0)
		return -errno;
	fd = lab_enter(net->names[place]);
	if (!fd)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno)
		fd = -errno;
	err = leave(home);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int lab_net_build(const struct lab_net *net)
{
	struct buf b = { 0 };
	int err;

	err = build_links(net, &b);
	if (!err) {
		err = set_kernel_options(net);
		if (err)
			log_error("lab: cannot set kernel options in a namespace: %s",
				  strerror(-err));
	}
	for (int i = LAB_GW + 1; i < LAB_PLACES && !err; i++)
		err = build_place(net, i, &b);
	if (!err)
		err = build_gateway(net, &b);
	buf_fini(&b);
	return err;
}
