/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to cli/monitor*.c: the monitor's parts and the steps that open them. */
#ifndef CLI_MONITOR_IMPL_H
#define CLI_MONITOR_IMPL_H

#include <net/if.h>

#include "base/buf.h"
#include "capture/connect.h"
#include "capture/iface_stack.h"
#include "capture/iface_watch.h"
#include "capture/kernel.h"
#include "cli/monitor.h"
#include "control/server.h"
#include "correlate/foreign.h"
#include "pipeline/pipeline.h"
#include "report/sink.h"
#include "report/timeline.h"
#include "store/store.h"
#include "ui/live.h"

struct monitor_interface {
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	uint16_t type; /* ARPHRD_* */
	const char *mode; /* static: "xdp-native", …; NULL while not attached */
	enum iface_place place;
	unsigned int tries; /* to attach */
};

struct monitor {
	struct setup *setup;
	const struct monitor_options *opt;

	struct kernel *kernel;
	struct connect_capture *connect; /* NULL: switched off or not possible here */
	struct foreign *foreign; /* reports of other machines; NULL: switched off */
	struct pipeline *pipeline;
	struct sink *out, *eve; /* standard output; the EVE file */
	struct store *store;
	struct control *control;
	struct live *live;
	struct timeline *timeline; /* NULL without a control socket: nobody can ask */
	struct iface_watch *watch;

	struct monitor_interface *interfaces;
	size_t interfaces_len, interfaces_cap;
	unsigned int port_index; /* last seen of those that are not among them */
	char port_name[IF_NAMESIZE];
	bool attach_pending; /* links have changed since the last second */

	int epoll_fd, signal_fd, poll_ms;
	bool stop, reload, failed;
	uint64_t started_ns, second_ns, stats_ns, saved_ns;
	uint64_t ring_full, shed; /* at the last second */
	struct buf text;
	struct alert *top; /* scratch of the views, MONITOR_TOP entries */
};

#define MONITOR_TOP	       10
#define MONITOR_TIMELINE_NAMES 1024

/* steps; each says on stderr what went wrong */
void monitor_answer(void *ctx, const char *command, const char *argument, struct buf *reply);
const char *monitor_user(const struct monitor *m); /* NULL: the default */
int monitor_check_root(struct monitor *m);
int monitor_open_control(struct monitor *m);
int monitor_open_pipeline(struct monitor *m);
int monitor_open_kernel(struct monitor *m);
int monitor_open_interfaces(struct monitor *m);
int monitor_open_connect(struct monitor *m);
int monitor_open_foreign(struct monitor *m);
int monitor_own_paths(struct monitor *m);
int monitor_drop_privileges(struct monitor *m);
int monitor_open_outputs(struct monitor *m);
void monitor_close_outputs(struct monitor *m, uint64_t limit_ns);

void monitor_connection(void *ctx, struct connection *conn); /* a connection_fn */
void monitor_detach(struct monitor *m);
void monitor_attach_pending(struct monitor *m);
const char *monitor_interface_name(void *ctx, uint32_t ifindex);
void monitor_ledger(struct monitor *m, uint64_t now_ns, struct ledger *ret);
void monitor_stats(struct monitor *m, uint64_t now_ns);
void monitor_draw(struct monitor *m, uint64_t now_ns);
void monitor_save_state(struct monitor *m);
void monitor_reload(struct monitor *m);
uint64_t monitor_clock(void);

#endif
