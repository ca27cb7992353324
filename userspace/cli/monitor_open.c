// SPDX-License-Identifier: BSD-2-Clause
/* Steps of the start, in the order of monitor.c: programs and analysis, rights, then outputs. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "cli/monitor_impl.h"
#include "privilege/privilege.h"

/* Both rings are read many times within this, so that a process's account is there. */
#define FLOW_HOLD_NS 1000000000ULL

/* Without these three nothing can be loaded; asking first gives one clear line. */
int monitor_check_root(struct monitor *m)
{
	(void)m;
	if (geteuid() == 0)
		return 0;
	log_error("run: must be started as root (it attaches kernel programs, then drops all "
		  "privileges): sudo fluxtap run");
	return -EPERM;
}

/* --- control --------------------------------------------------------------------------------- */

int monitor_open_control(struct monitor *m)
{
	const struct config *c = m->setup->config;
	int err;

	if (!c->control.socket[0])
		return 0;
	err = control_open(c->control.socket, c->control.group, monitor_answer, m, &m->control);
	if (err == -EADDRINUSE)
		log_error("another monitor answers at %s; stop it, or set control.socket",
			  c->control.socket);
	else if (err)
		log_error("control.socket: %s: %s", c->control.socket, strerror(-err));
	return err;
}

/* --- analysis -------------------------------------------------------------------------------- */

static void write_line(struct monitor *m, enum sink_class class_, const char *line, size_t len)
{
	if (m->eve)
		sink_write(m->eve, class_, line, len);
	if (m->out)
		sink_write(m->out, class_, line, len);
}

static enum sink_class class_of(enum pipeline_event kind)
{
	switch (kind) {
	case PIPELINE_REPEAT:
		return SINK_REPEAT;
	case PIPELINE_DNS:
		return SINK_RESPONSE;
	case PIPELINE_ALERT:
		return SINK_ALERT;
	default:
		return SINK_EVENT;
	}
}

static void on_line(void *ctx, enum pipeline_event kind, const char *line, size_t len)
{
	struct monitor *m = ctx;

	write_line(m, class_of(kind), line, len);
}

static void on_observation(void *ctx, const struct dns_observation *obs)
{
	struct monitor *m = ctx;

	if (m->store)
		store_observe(m->store, obs);
}

static void on_alert(void *ctx, const struct alert *alert, const char *line, size_t len)
{
	const struct human_style plain = setup_human_style(false), colour = setup_human_style(true);
	struct monitor *m = ctx;

	timeline_alert(m->timeline, alert);
	buf_reset(&m->text);
	human_alert(&m->text, &plain, alert);
	if (m->store)
		store_alert(m->store, alert, line, len, m->text.bytes, m->text.len);
	if (m->control)
		control_publish(m->control, line, len ? len - 1 : 0);
	if (m->live) {
		buf_reset(&m->text);
		human_alert(&m->text, &colour, alert);
		live_event(m->live, m->text.bytes, m->text.len);
	}
}

static void on_change(void *ctx, const struct churn_change *change)
{
	timeline_change(((struct monitor *)ctx)->timeline, change);
}

static void on_joined(void *ctx, const struct connection *conn)
{
	timeline_connection(((struct monitor *)ctx)->timeline, conn);
}

static void on_watch(void *ctx, const struct ip_addr *addr, bool on)
{
	struct monitor *m = ctx;

	if (m->kernel)
		kernel_watch(m->kernel, addr, on);
}

static void load_state(struct monitor *m)
{
	const char *dir = m->setup->config->state.path;
	int err;

	if (!dir[0])
		return;
	err = detector_load(pipeline_detector(m->pipeline), dir);
	if (err && err != -ENOENT)
		log_warn("state.path: %s: what was learned before is not used: %s", dir,
			 strerror(-err));
}

/* The namespace's own addresses: what is answered to them is answered to local processes. */
static void note_local_addresses(struct monitor *m)
{
	struct ifaddrs *list, *i;

	if (getifaddrs(&list))
		return;
	for (i = list; i; i = i->ifa_next) {
		struct ip_addr addr;

		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
			addr = ip_from_v4(
				(const uint8_t *)&((const struct sockaddr_in *)i->ifa_addr)
					->sin_addr);
		else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6)
			addr = ip_from_v6(
				((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr.s6_addr);
		else
			continue;
		pipeline_local_address(m->pipeline, &addr);
	}
	freeifaddrs(list);
}

static uint64_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}

int monitor_open_pipeline(struct monitor *m)
{
	static const struct pipeline_ops ops = {
		.line = on_line,
		.observation = on_observation,
		.alert = on_alert,
		.change = on_change,
		.connection = on_joined,
		.watch = on_watch,
		.interface_name = monitor_interface_name,
	};
	struct pipeline_config cfg;
	struct hash_key key;
	int err;

	m->top = calloc(MONITOR_TOP, sizeof(*m->top));
	if (!m->top)
		return -ENOMEM;
	hash_key_random(&key);
	if (m->control && timeline_new(MONITOR_TIMELINE_NAMES, &key, &m->timeline))
		return -ENOMEM;
	setup_pipeline_config(m->setup, &key, &cfg);
	cfg.correlate.home_netns = own_netns();
	if (m->setup->config->connect.enabled)
		cfg.flow_hold_ns = FLOW_HOLD_NS;
	err = pipeline_new(&cfg, &ops, m, &m->pipeline);
	if (err) {
		log_error("analysis: %s", strerror(-err));
		return err;
	}
	note_local_addresses(m);
	load_state(m);
	return 0;
}

static void on_foreign_answer(void *ctx, const struct dns_observation *obs)
{
	struct monitor *m = ctx;

	pipeline_observation(m->pipeline, obs);
}

int monitor_open_foreign(struct monitor *m)
{
	static const struct foreign_ops ops = { monitor_connection, on_foreign_answer };
	const struct config *c = m->setup->config;
	struct foreign_config cfg = foreign_config_default();
	int err;

	if (!c->foreign.socket[0] && !c->foreign.files.len)
		return 0;
	cfg.socket_path = c->foreign.socket[0] ? c->foreign.socket : NULL;
	for (size_t i = 0; i < c->foreign.files.len && i < FOREIGN_FILES_MAX; i++)
		cfg.files[cfg.files_len++] = c->foreign.files.items[i];
	err = foreign_open(&cfg, &ops, m, &m->foreign);
	if (err)
		log_error("foreign: %s", strerror(-err));
	return err;
}

/* --- rights ---------------------------------------------------------------------------------- */

/* Make @path (a directory, or the directory of a file) exist and belong to the user to be. */
static int own_path(const char *key, const char *path, bool is_dir, uid_t uid, gid_t gid)
{
	char dir[4096];
	int err;

	snprintf(dir, sizeof(dir), "%s%s", path, is_dir ? "/" : "");
	err = path_make_parents(dir);
	if (!is_dir)
		snprintf(dir, sizeof(dir), "%s", dirname(strdupa(path)));
	if (!err && chown(dir, uid, gid))
		err = -errno;
	if (err)
		log_error("%s: %s: %s", key, path, strerror(-err));
	return err;
}

/* A file that an earlier run as another user left must be ours too. */
static void own_file(const char *path, const char *suffix, uid_t uid, gid_t gid)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s%s", path, suffix);
	if (chown(file, uid, gid) && errno != ENOENT)
		log_warn("%s: %s", file, strerror(errno));
}

static bool is_own_directory(const char *path)
{
	/* never take over a directory of the system: /tmp, /var/log, … */
	static const char *const shared[] = { "/",    "/tmp", "/var/tmp", "/var/log", "/var/lib",
					      "/run", "/dev", "/etc",	  "/root",    "/home" };
	const char *dir = dirname(strdupa(path));

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (!strcmp(dir, shared[i]))
			return false;
	return true;
}

static int own_file_and_directory(const char *key, const char *path, uid_t uid, gid_t gid)
{
	int err, fd;

	err = path_make_parents(path);
	if (!err && is_own_directory(path))
		err = own_path(key, path, false, uid, gid);
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		log_error("%s: %s: %s", key, path, strerror(errno));
		return -errno;
	}
	close(fd);
	own_file(path, "", uid, gid);
	return 0;
}

int monitor_own_paths(struct monitor *m)
{
	const struct config *c = m->setup->config;
	const char *name;
	uid_t uid;
	gid_t gid;
	int err = privileges_user(monitor_user(m), &name, &uid, &gid);

	if (err) {
		log_error("privileges.user: no user '%s'", c->privileges.user);
		return err;
	}
	if (!strcmp(name, "nobody") && (m->control || c->store.enabled || c->eve.enabled))
		log_warn("runs as nobody: other processes of that user may read its socket, events "
			 "and history; better a user of its own: adduser --system --group fluxtap");
	if (c->state.path[0])
		err = own_path("state.path", c->state.path, true, uid, gid);
	if (!err && m->control)
		err = control_own(m->control, uid);
	if (!err && c->store.enabled) {
		err = own_file_and_directory("store.path", c->store.path, uid, gid);
		own_file(c->store.path, "-wal", uid, gid);
		own_file(c->store.path, "-shm", uid, gid);
	}
	if (!err && c->eve.enabled)
		err = own_file_and_directory("eve.path", c->eve.path, uid, gid);
	return err;
}

const char *monitor_user(const struct monitor *m)
{
	const char *user = m->setup->config->privileges.user;

	return strcmp(user, "auto") ? user : NULL;
}

int monitor_drop_privileges(struct monitor *m)
{
	static const int keep[] = { CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON };
	const struct privilege_config cfg = {
		.user = monitor_user(m),
		.keep = keep,
		.keep_len = sizeof(keep) / sizeof(keep[0]),
		.attach = true,
	};
	char err[256];
	int rc = privileges_drop(&cfg, err, sizeof(err));

	if (!rc)
		rc = privileges_seccomp(&cfg, err, sizeof(err));
	if (rc)
		log_error("privileges not dropped, ending: %s", err);
	return rc;
}

/* --- outputs --------------------------------------------------------------------------------- */

static int open_eve(struct monitor *m, char *err, size_t err_len)
{
	const struct config *c = m->setup->config;
	struct sink_config cfg = sink_config_default();

	if (!c->eve.enabled)
		return 0;
	cfg.kind = SINK_FILE;
	cfg.path = c->eve.path;
	cfg.rotate_bytes = c->eve.rotate_size;
	cfg.rotate_ns = c->eve.rotate_age_ns;
	cfg.rotate_keep = c->eve.rotate_keep;
	return sink_open(&cfg, &m->eve, err, err_len);
}

static int open_stdout(struct monitor *m, char *err, size_t err_len)
{
	struct sink_config cfg = sink_config_default();

	if (m->opt->live_view)
		return live_new(STDOUT_FILENO, &m->live);
	cfg.kind = SINK_STDOUT;
	return sink_open(&cfg, &m->out, err, err_len);
}

static int open_history(struct monitor *m)
{
	struct hash_key key;

	hash_key_random(&key);
	return setup_open_store(m->setup, m->setup->config->store.path, false, &key, &m->store);
}

int monitor_open_outputs(struct monitor *m)
{
	const struct config *c = m->setup->config;
	char err[512] = "";
	int rc = open_eve(m, err, sizeof(err));

	if (!rc)
		rc = open_stdout(m, err, sizeof(err));
	if (!rc && c->store.enabled)
		return open_history(m);
	if (rc)
		log_error("%s", err[0] ? err : strerror(-rc));
	return rc;
}

void monitor_close_outputs(struct monitor *m, uint64_t limit_ns)
{
	live_free(m->live);
	m->live = NULL;
	sink_close(m->eve, limit_ns / 2, NULL);
	sink_close(m->out, limit_ns / 4, NULL);
	m->eve = m->out = NULL;
	store_close(m->store, limit_ns / 4, NULL);
	m->store = NULL;
}
