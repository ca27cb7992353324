// SPDX-License-Identifier: BSD-2-Clause
/* The lab's course: build, start, rotate and watch, judge, remove. */
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "lab/lab_cgroup.h"
#include "lab/lab_client.h"
#include "lab/lab_dns.h"
#include "lab/lab_monitor.h"
#include "lab/lab_net.h"
#include "lab/lab_plan.h"
#include "lab/lab_proc.h"
#include "lab/lab_watch.h"

#define LIMIT_S		120
#define READY_MS	30000 /* for the servers to answer, and the monitor to be attached */
#define QUIET_MS	500 /* no event for so long: nothing is under way any more */
#define QUIET_TRIES	10
#define ROUNDS_AT_LEAST 11 /* rotations that the harmless names get to be misjudged */
#define STOP_MS		5000
#define PATH_LEN	160

/* The clients' programs. */
enum { LAB_UPDATER, LAB_BROWSER, LAB_TIMESYNC, LAB_CLIENTS };
static const char *const client_names[LAB_CLIENTS] = { "updater", "browser", "timesync" };

struct lab {
	const struct lab_config *cfg;
	struct lab_net net;
	struct lab_dns dns;
	struct lab_cgroup cgroup;
	struct lab_monitor monitor;
	struct lab_watch watch;
	char dir[64], self[PATH_LEN];
	pid_t listener, clients[LAB_CLIENTS], cleaner;
	int signal_fd, cleaner_fd;
	uint64_t start_ms, next_ms; /* monotonic: begin of the watch, next rotation */
	unsigned int round;
	bool is_interrupted;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_on_host(const struct lab *lab)
{
	return lab->cfg->scenario == LAB_HOST;
}

/* --- before anything is made ---------------------------------------------------------------- */

static bool is_in_path(const char *program)
{
	const char *dir = getenv("PATH");
	char path[512];

	while (dir && *dir) {
		size_t n = strcspn(dir, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir, program);
		if (access(path, X_OK) == 0)
			return true;
		dir += n + (dir[n] == ':');
	}
	return false;
}

static bool has_prerequisites(struct lab *lab)
{
	static const char *const programs[] = { "ip", "knotd", "knotc", "unbound", "rm" };

	if (geteuid() != 0) {
		log_error("lab: needs root, for network namespaces");
		return false;
	}
	/* `sudo` and `su` often leave out where servers live */
	if (setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1))
		return false;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (is_in_path(programs[i]))
			continue;
		log_error("lab: %s is missing: apt install iproute2 knot unbound", programs[i]);
		return false;
	}
	if (is_on_host(lab) && lab_cgroup_name(&lab->cgroup, (int)getpid())) {
		log_error("lab: --scenario host needs a cgroup v2 hierarchy: mount -t cgroup2 none "
			  "/sys/fs/cgroup");
		return false;
	}
	return true;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From here on nothing stays behind: the cleaner knows what is going to be made. */
static int begin(struct lab *lab)
{
	const char *names[LAB_PLACES], *cgroups[LAB_CGROUPS];
	struct lab_leftovers leftovers = { names, LAB_PLACES, lab->dir, cgroups, 0 };
	ssize_t n;

	n = readlink("/proc/self/exe", lab->self, sizeof(lab->self) - 1);
	lab->signal_fd = open_signals();
	if (n < 0 || lab->signal_fd < 0)
		return -errno;
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/fluxtap-lab-XXXXXX");
	if (!mkdtemp(lab->dir))
		return -errno;
	lab_net_name(&lab->net, (int)getpid());
	for (int i = 0; i < LAB_PLACES; i++)
		names[i] = lab->net.names[i];
	for (int i = 0; i < LAB_CGROUPS && is_on_host(lab); i++)
		cgroups[leftovers.cgroups_len++] = lab->cgroup.dirs[i];
	lab->cleaner_fd = lab_cleaner(&leftovers, &lab->cleaner);
	if (lab->cleaner_fd < 0) {
		rmdir(lab->dir);
		return lab->cleaner_fd;
	}
	if (chmod(lab->dir, 0755))
		return -errno;
	return is_on_host(lab) ? lab_cgroup_make(&lab->cgroup) : 0;
}

/* --- clients and what they connect to ------------------------------------------------------- */

static int write_with(const struct lab *lab, const char *name, void (*fn)(FILE *))
{
	char path[PATH_LEN];
	FILE *file;
	int bad;

	snprintf(path, sizeof(path), "%s/%s", lab->dir, name);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fn(file);
	bad = ferror(file);
	return fclose(file) || bad ? -EIO : 0;
}

/*
 * The clients are this program under other names, so that what the alert shows as the process is
 * told apart from the lab itself. Where /tmp must not hold programs, they are this program.
 */
static void copy_self(const struct lab *lab, const char *name, char path[PATH_LEN])
{
	const char *const cp[] = { "cp", lab->self, path, NULL };
	struct statvfs fs;

	snprintf(path, PATH_LEN, "%s/%s", lab->dir, name);
	if (statvfs(lab->dir, &fs) || (fs.f_flag & ST_NOEXEC) || lab_command(cp, NULL, NULL, 0))
		snprintf(path, PATH_LEN, "%s", lab->self);
}

static pid_t start(const struct lab *lab, enum lab_place place, const char *const argv[],
		   const char *log_name, const char *cgroup)
{
	char log[PATH_LEN];
	const struct lab_spawn s = { argv, lab->net.names[place], log, -1, cgroup };

	snprintf(log, sizeof(log), "%s/%s.log", lab->dir, log_name);
	return lab_spawn(&s);
}

static int start_listener(struct lab *lab)
{
	char path[PATH_LEN];
	const char *const argv[] = { lab->self, "lab", LAB_LISTEN, path, NULL };
	int err;

	snprintf(path, sizeof(path), "%s/listeners", lab->dir);
	err = write_with(lab, "listeners", lab_write_listeners);
	if (err)
		return err;
	lab->listener = start(lab, LAB_SVC, argv, "listener", NULL);
	return lab->listener < 0 ? (int)lab->listener : 0;
}

/* One process follows the rotating name; on another machine, or beside it, the harmless ones. */
static int start_clients(struct lab *lab)
{
	char programs[LAB_CLIENTS][PATH_LEN];
	const char *const argvs[LAB_CLIENTS][9] = {
		[LAB_UPDATER] = { programs[LAB_UPDATER], "lab", LAB_CLIENT, LAB_RESOLVER, "1000",
				  LAB_FLUX_NAME, NULL },
		[LAB_BROWSER] = { programs[LAB_BROWSER], "lab", LAB_CLIENT, LAB_RESOLVER, "1500",
				  lab_company[0], lab_company[1], lab_company[2], NULL },
		[LAB_TIMESYNC] = { programs[LAB_TIMESYNC], "lab", LAB_SYNC, LAB_RESOLVER, "2000",
				   lab_company[LAB_TIME], NULL },
	};

	for (int i = 0; i < LAB_CLIENTS; i++) {
		bool is_harmless = i != LAB_UPDATER;

		copy_self(lab, client_names[i], programs[i]);
		lab->clients[i] =
			start(lab, is_harmless && !is_on_host(lab) ? LAB_C2 : LAB_C1, argvs[i],
			      client_names[i], is_harmless ? NULL : lab->cgroup.dirs[0]);
		if (lab->clients[i] < 0)
			return (int)lab->clients[i];
	}
	snprintf(lab->watch.client_exe, sizeof(lab->watch.client_exe), "%s", programs[LAB_UPDATER]);
	lab->watch.client_pid = lab->clients[LAB_UPDATER];
	return 0;
}

static void stop_clients(struct lab *lab)
{
	for (int i = 0; i < LAB_CLIENTS; i++) {
		if (lab->clients[i] > 0)
			lab_end(lab->clients[i], SIGTERM, STOP_MS);
		lab->clients[i] = 0;
	}
}

static void show_log(const struct lab *lab, const char *name)
{
	char path[PATH_LEN], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.log", lab->dir, name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		fprintf(stderr, "  %s: %s", name, line);
	if (file)
		fclose(file);
}

/* --- the course ----------------------------------------------------------------------------- */

static void take_signal(struct lab *lab)
{
	struct signalfd_siginfo info;

	while (read(lab->signal_fd, &info, sizeof(info)) == sizeof(info))
		lab->is_interrupted = true;
}

/* Wait a little before the next try, or until a signal comes. */
static void pause_or_signal(struct lab *lab, int ms)
{
	struct pollfd p = { .fd = lab->signal_fd, .events = POLLIN };

	if (poll(&p, 1, ms) > 0)
		take_signal(lab);
}

/* Until @server answers @name when asked from @place, or patience ends. */
static int await_answer(struct lab *lab, enum lab_place place, const char *server, const char *name)
{
	uint64_t end = now_ms() + READY_MS;
	int fd = lab_net_socket(&lab->net, place), n = fd;
	struct ip_addr addr;

	while (fd >= 0 && !lab->is_interrupted) {
		n = lab_dns_ask(fd, server, name, 500, &addr, 1);
		if (n > 0 || now_ms() > end)
			break;
		pause_or_signal(lab, 50); /* a refusal comes at once: do not ask again at once */
	}
	if (fd >= 0)
		close(fd);
	if (lab->is_interrupted)
		return -EINTR;
	if (n <= 0)
		log_error("lab: %s does not answer for %s: %s", server, name,
			  strerror(n ? -n : ENOENT));
	return n > 0 ? 0 : -ETIMEDOUT;
}

/* knotd answers before it can be controlled. */
static int await_control(struct lab *lab)
{
	uint64_t end = now_ms() + READY_MS;

	while (!lab_dns_is_controllable(&lab->dns) && !lab->is_interrupted) {
		if (now_ms() > end) {
			log_error("lab: knotd opens no control socket");
			return -ETIMEDOUT;
		}
		pause_or_signal(lab, 50);
	}
	return lab->is_interrupted ? -EINTR : 0;
}

static int await_servers(struct lab *lab)
{
	int err;

	err = await_control(lab);
	if (!err)
		err = await_answer(lab, LAB_AUTH, LAB_PARENT, "a.lab");
	if (!err)
		err = await_answer(lab, LAB_AUTH, LAB_HOSTING, "ns1.hosting.example");
	if (!err)
		err = lab_dns_rotate(&lab->dns, lab->round++);
	for (int i = 0; !err && i < LAB_COMPANY; i++)
		err = await_answer(lab, LAB_C1, LAB_RESOLVER, lab_company[i]);
	if (!err)
		err = await_answer(lab, LAB_C1, LAB_RESOLVER, LAB_FLUX_NAME);
	return err;
}

static int build(struct lab *lab)
{
	int err;

	err = lab_net_build(&lab->net);
	if (err)
		return err;
	lab->dns.dir = lab->dir;
	lab->dns.scenario = lab->cfg->scenario;
	err = lab_dns_start(&lab->dns, &lab->net);
	if (!err)
		err = await_servers(lab);
	if (err && !lab->is_interrupted) {
		show_log(lab, "parent");
		show_log(lab, "domains");
		show_log(lab, "resolver");
	}
	return err;
}

static unsigned int elapsed_s(const struct lab *lab)
{
	return (unsigned int)((now_ms() - lab->start_ms) / 1000);
}

/* False at the end of the stream. */
static bool read_events(struct lab *lab)
{
	char bytes[65536];
	ssize_t n = read(lab->monitor.events_fd, bytes, sizeof(bytes));

	if (n > 0)
		lab_watch_feed(&lab->watch, bytes, (size_t)n, elapsed_s(lab));
	return n > 0 || (n < 0 && errno == EINTR);
}

static bool is_over(const struct lab *lab)
{
	if (lab->is_interrupted || lab->monitor.has_ended)
		return true;
	if (lab->cfg->keep)
		return false;
	return elapsed_s(lab) >= LIMIT_S ||
	       (lab->round >= ROUNDS_AT_LEAST && lab_watch_is_complete(&lab->watch));
}

/* Rotate on time, read what the monitor says, until there is nothing left to wait for. */
static int watch(struct lab *lab)
{
	struct pollfd fds[2] = { { .fd = lab->signal_fd, .events = POLLIN },
				 { .fd = lab->monitor.events_fd, .events = POLLIN } };
	int err = 0;

	while (!err && !is_over(lab)) {
		uint64_t now = now_ms();

		if (now >= lab->next_ms) {
			err = lab_dns_rotate(&lab->dns, lab->round++);
			lab->next_ms = now + LAB_ROTATE_MS; /* what was missed is not made up for */
			continue;
		}
		if (poll(fds, 2, (int)(lab->next_ms - now)) < 0 && errno != EINTR)
			err = -errno;
		if (fds[0].revents)
			take_signal(lab);
		if (fds[1].revents)
			lab->monitor.has_ended = !read_events(lab);
	}
	return err;
}

/* --- the monitor ---------------------------------------------------------------------------- */

static int await_monitor(struct lab *lab)
{
	uint64_t end = now_ms() + READY_MS;
	struct pollfd p = { .fd = lab->monitor.events_fd, .events = 0 };

	while (!lab_monitor_is_ready(&lab->monitor)) {
		if (lab->is_interrupted)
			return -EINTR;
		if (poll(&p, 1, 0) == 1) { /* nobody writes any more */
			lab->monitor.has_ended = true;
			return -ECHILD;
		}
		if (now_ms() > end)
			return -ETIMEDOUT;
		pause_or_signal(lab, 50);
	}
	return 0;
}

/* Read on until nothing comes any more. */
static void settle(struct lab *lab)
{
	struct pollfd p = { .fd = lab->monitor.events_fd, .events = POLLIN };

	for (int i = 0; i < QUIET_TRIES && !lab->monitor.has_ended; i++) {
		if (poll(&p, 1, QUIET_MS) != 1)
			break;
		lab->monitor.has_ended = !read_events(lab);
	}
}

/* What the monitor thinks of the harmless names, alert or not. */
static void ask_scores(struct lab *lab)
{
	for (int i = 0; i < LAB_COMPANY && !lab->monitor.has_ended; i++) {
		struct buf reply = { 0 };

		if (!lab_monitor_ask(&lab->monitor, "explain", lab_company[i], &reply)) {
			buf_char(&reply, '\0');
			if (!reply.failed)
				lab_watch_explained(&lab->watch, i, reply.bytes);
		}
		buf_fini(&reply);
	}
}

/* Tell the monitor to end and read what it still has to say. True: it ended well. */
static bool stop_monitor(struct lab *lab)
{
	struct pollfd p = { .fd = lab->monitor.events_fd, .events = POLLIN };
	int status;

	kill(lab->monitor.pid, SIGTERM);
	while (!lab->monitor.has_ended && poll(&p, 1, STOP_MS) == 1)
		lab->monitor.has_ended = !read_events(lab);
	status = lab_monitor_end(&lab->monitor);
	if (status != 0)
		show_log(lab, "monitor");
	return status == 0;
}

static void introduce(const struct lab *lab)
{
	const char *place = lab->net.names[is_on_host(lab) ? LAB_C1 : LAB_GW];

	printf("monitor on the %s %s; %s (pid %d) on " LAB_CLIENT_IP " follows " LAB_FLUX_NAME "\n",
	       is_on_host(lab) ? "host" : "gateway", place, lab->watch.client_exe,
	       (int)lab->clients[LAB_UPDATER]);
	if (lab->cfg->keep)
		printf("kept running: `ip netns exec %s …`, files in %s; Ctrl-C ends it\n", place,
		       lab->dir);
	fflush(stdout);
}

/* The monitor is attached before the first question, and goes when the last answer has passed. */
static int run_monitor(struct lab *lab)
{
	const enum lab_place place = is_on_host(lab) ? LAB_C1 : LAB_GW;
	bool has_ended_early, stopped_well;
	int err;

	err = lab_monitor_start(&lab->monitor, lab->cfg, lab->net.names[place]);
	if (!err)
		err = await_monitor(lab);
	if (!err)
		err = start_clients(lab);
	if (err) {
		if (!lab->is_interrupted)
			log_error("lab: cannot start monitor and clients: %s", strerror(-err));
		if (lab->monitor.pid > 0)
			stop_monitor(lab);
		return 1;
	}
	lab->start_ms = now_ms();
	lab->next_ms = lab->start_ms + LAB_FIRST_MS;
	introduce(lab);
	err = watch(lab);
	has_ended_early = lab->monitor.has_ended;
	stop_clients(lab);
	settle(lab);
	ask_scores(lab);
	stopped_well = stop_monitor(lab) && !has_ended_early;
	return lab_watch_report(&lab->watch, stdout, stopped_well) || err ? 1 : 0;
}

static void stop_all(struct lab *lab)
{
	stop_clients(lab);
	if (lab->monitor.pid > 0)
		lab_end(lab->monitor.pid, SIGTERM, STOP_MS);
	if (lab->listener > 0)
		lab_end(lab->listener, SIGTERM, STOP_MS);
	lab_dns_stop(&lab->dns);
	if (lab->monitor.events_fd >= 0)
		close(lab->monitor.events_fd);
	if (lab->signal_fd >= 0)
		close(lab->signal_fd);
	lab_watch_fini(&lab->watch);
	if (lab->cleaner_fd >= 0) {
		close(lab->cleaner_fd);
		while (waitpid(lab->cleaner, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
}

static int run(struct lab *lab)
{
	int err;

	err = begin(lab);
	if (err) {
		log_error("lab: cannot begin: %s", strerror(-err));
		return 1;
	}
	if (build(lab) || start_listener(lab) || lab->is_interrupted)
		return 1;
	return run_monitor(lab);
}

int lab_run(const struct lab_config *cfg)
{
	struct lab lab = { .cfg = cfg, .signal_fd = -1, .cleaner_fd = -1 };
	int code;

	lab.monitor = (struct lab_monitor){ .self = lab.self, .dir = lab.dir, .events_fd = -1 };
	if (!has_prerequisites(&lab))
		return 3;
	lab_watch_init(&lab.watch, cfg->scenario, stdout);
	code = run(&lab);
	stop_all(&lab);
	return code;
}
