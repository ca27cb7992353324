// SPDX-License-Identifier: BSD-2-Clause
#include "lab/lab_monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/client.h"
#include "lab/lab_plan.h"
#include "lab/lab_proc.h"
#include "privilege/privilege.h"

#define ANSWER_MS 1000
#define STOP_MS	  5000
#define ARGS_MAX  80
#define PATH_LEN  160

static FILE *create(const struct lab_monitor *m, const char *name)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	return fopen(path, "we");
}

static int finish(FILE *file)
{
	int bad = ferror(file);

	return fclose(file) || bad ? -EIO : 0;
}

static int write_config(const struct lab_monitor *m, bool on_host)
{
	FILE *file = create(m, "fluxtap.yaml");

	if (!file)
		return -errno;
	/* every packet crosses the gateway: where it comes in is enough, else it is seen twice */
	fprintf(file,
		"interfaces: [%s]\nsensor: lab\n"
		"capture:\n  egress: false\n"
		"detect:\n  count_special: [" LAB_NETWORK "]\n  update_s: 5\n"
		"enrich:\n  asn: ['csv:%s/asns.csv']\n"
		"store:\n  path: %s/monitor/history.db\n"
		"state:\n  path: ''\n"
		"eve:\n  path: %s/monitor/eve.json\n"
		"stats:\n  interval: 5s\n"
		"control:\n  socket: %s/monitor/control.sock\n",
		on_host ? "eth0, lo" : "auth, res, svc, c1, c2", m->dir, m->dir, m->dir, m->dir);
	return finish(file);
}

static int write_asns(const struct lab_monitor *m)
{
	FILE *file = create(m, "asns.csv");

	if (!file)
		return -errno;
	lab_write_asns(file);
	return finish(file);
}

/* A directory that the monitor can still write to when it is no longer root. */
static int make_dir(const struct lab_monitor *m)
{
	char path[PATH_LEN];
	const char *name;
	uid_t uid;
	gid_t gid;

	snprintf(path, sizeof(path), "%s/monitor", m->dir);
	if (mkdir(path, 0755))
		return -errno;
	if (privileges_user(NULL, &name, &uid, &gid))
		return -ENOENT;
	return chown(path, uid, gid) ? -errno : 0;
}

int lab_monitor_start(struct lab_monitor *m, const struct lab_config *cfg, const char *netns)
{
	char config[PATH_LEN], log[PATH_LEN];
	const char *argv[ARGS_MAX] = { m->self, "run", "-c", config, "-o", "json" };
	size_t n = 6;
	int p[2], err;

	for (size_t i = 0; i < cfg->sets_len && n + 3 <= ARGS_MAX; i++) {
		argv[n++] = "--set";
		argv[n++] = cfg->sets[i];
	}
	snprintf(config, sizeof(config), "%s/fluxtap.yaml", m->dir);
	snprintf(log, sizeof(log), "%s/monitor.log", m->dir);
	err = make_dir(m);
	if (!err)
		err = write_asns(m);
	if (!err)
		err = write_config(m, cfg->scenario == LAB_HOST);
	if (err || pipe2(p, O_CLOEXEC))
		return err ? err : -errno;
	m->pid = lab_spawn(
		&(struct lab_spawn){ .argv = argv, .netns = netns, .log = log, .stdout_fd = p[1] });
	close(p[1]);
	m->events_fd = p[0];
	if (m->pid > 0)
		return 0;
	err = (int)m->pid;
	m->pid = 0;
	return err;
}

int lab_monitor_ask(const struct lab_monitor *m, const char *command, const char *name,
		    struct buf *reply)
{
	char path[PATH_LEN], why[256];
	struct control_client *client;
	int err;

	snprintf(path, sizeof(path), "%s/monitor/control.sock", m->dir);
	err = control_client_open(path, &client, why, sizeof(why));
	if (err)
		return err;
	err = control_client_request(client, command, name, ANSWER_MS, reply);
	control_client_close(client);
	return err;
}

bool lab_monitor_is_ready(const struct lab_monitor *m)
{
	struct buf reply = { 0 };
	int err = lab_monitor_ask(m, "stats", NULL, &reply);

	buf_fini(&reply);
	return !err;
}

int lab_monitor_end(struct lab_monitor *m)
{
	int status = lab_end(m->pid, 0, STOP_MS);

	m->pid = 0;
	close(m->events_fd);
	m->events_fd = -1;
	return status;
}
