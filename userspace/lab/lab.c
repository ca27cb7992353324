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
#include "lab/lab_client.h"
#include "lab/lab_dns.h"
#include "lab/lab_net.h"
#include "lab/lab_plan.h"
#include "lab/lab_proc.h"
#include "lab/lab_watch.h"
#include "privilege/privilege.h"

#define LIMIT_S	       120
#define READY_MS       15000 /* for the servers to answer */
#define ROUNDS_AT_LEAST 10   /* rotations that the harmless names get to be misjudged */
#define STOP_MS	       5000
#define PATH_LEN       160

struct lab {
	const struct lab_config *cfg;
	struct lab_net net;
	struct lab_dns dns;
	struct lab_watch watch;
	char dir[64], self[PATH_LEN];
	char updater[PATH_LEN], browser[PATH_LEN]; /* the clients' programs */
	pid_t listener, clients[2], monitor, cleaner;
	int signal_fd, cleaner_fd, events_fd;
	uint64_t start_ms, next_ms; /* monotonic: begin of the watch, next rotation */
	unsigned int round;
	bool is_interrupted, monitor_ended;
	int monitor_status;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
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

static bool has_prerequisites(void)
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
	const char *names[LAB_PLACES];
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
	lab->cleaner_fd = lab_cleaner(names, LAB_PLACES, lab->dir, &lab->cleaner);
	if (lab->cleaner_fd < 0) {
		rmdir(lab->dir);
		return lab->cleaner_fd;
	}
	return chmod(lab->dir, 0755) ? -errno : 0;
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
		   const char *log_name, int stdout_fd)
{
	char log[PATH_LEN];
	const struct lab_spawn s = { argv, lab->net.names[place], log, stdout_fd };

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
	lab->listener = start(lab, LAB_SVC, argv, "listener", -1);
	return lab->listener < 0 ? (int)lab->listener : 0;
}

/* One machine that also has a process that follows the rotating name; one without. */
static int start_clients(struct lab *lab)
{
	const char *const infected[] = { lab->updater, "lab",	       LAB_CLIENT, LAB_RESOLVER,
					 "1000",       LAB_FLUX_NAME, NULL };
	const char *const harmless[] = { lab->browser,	 "lab",		 LAB_CLIENT,
					 LAB_RESOLVER,	 "1500",	 lab_company[0],
					 lab_company[1], lab_company[2], NULL };

	lab->clients[0] = start(lab, LAB_C1, infected, "c1", -1);
	lab->clients[1] = start(lab, LAB_C2, harmless, "c2", -1);
	return lab->clients[0] > 0 && lab->clients[1] > 0 ? 0 : -EIO;
}

/* --- the monitor ---------------------------------------------------------------------------- */

static int write_monitor_config(const struct lab *lab)
{
	char path[PATH_LEN];
	FILE *file;

	snprintf(path, sizeof(path), "%s/fluxtap.yaml", lab->dir);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	/* every packet crosses the gateway: where it comes in is enough, else it is seen twice */
	fprintf(file,
		"interfaces: [auth, res, svc, c1, c2]\nsensor: lab\n"
		"capture:\n  egress: false\n"
		"detect:\n  count_special: [" LAB_NETWORK "]\n  update_s: 5\n"
		"enrich:\n  asn: ['csv:%s/asns.csv']\n"
		"store:\n  path: %s/monitor/history.db\n"
		"state:\n  path: ''\n"
		"eve:\n  path: %s/monitor/eve.json\n"
		"stats:\n  interval: 5s\n"
		"control:\n  socket: %s/monitor/control.sock\n",
		lab->dir, lab->dir, lab->dir, lab->dir);
	return fclose(file) ? -errno : 0;
}

/* A directory that the monitor can still write to when it is no longer root. */
static int make_monitor_dir(const struct lab *lab)
{
	char path[PATH_LEN];
	const char *name;
	uid_t uid;
	gid_t gid;

	snprintf(path, sizeof(path), "%s/monitor", lab->dir);
	if (mkdir(path, 0755))
		return -errno;
	if (privileges_user(NULL, &name, &uid, &gid))
		return -ENOENT;
	return chown(path, uid, gid) ? -errno : 0;
}

static int start_monitor(struct lab *lab)
{
	char path[PATH_LEN];
	const char *const argv[] = { lab->self, "run", "-c", path, "-o", "json", NULL };
	int p[2], err;

	snprintf(path, sizeof(path), "%s/fluxtap.yaml", lab->dir);
	err = make_monitor_dir(lab);
	if (!err)
		err = write_with(lab, "asns.csv", lab_write_asns);
	if (!err)
		err = write_monitor_config(lab);
	if (err || pipe2(p, O_CLOEXEC))
		return err ? err : -errno;
	lab->monitor = start(lab, LAB_GW, argv, "monitor", p[1]);
	close(p[1]);
	lab->events_fd = p[0];
	return lab->monitor < 0 ? (int)lab->monitor : 0;
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
	ssize_t n = read(lab->events_fd, bytes, sizeof(bytes));

	if (n > 0)
		lab_watch_feed(&lab->watch, bytes, (size_t)n, elapsed_s(lab));
	return n > 0 || (n < 0 && errno == EINTR);
}

static bool is_over(const struct lab *lab)
{
	unsigned int limit = lab->cfg->seconds ? lab->cfg->seconds : LIMIT_S;

	if (lab->is_interrupted || lab->monitor_ended)
		return true;
	if (lab->cfg->keep || lab->cfg->network_only)
		return false;
	return elapsed_s(lab) >= limit ||
	       (lab->round >= ROUNDS_AT_LEAST && lab_watch_is_complete(&lab->watch));
}

/* Rotate on time, read what the monitor says, until there is nothing left to wait for. */
static int watch(struct lab *lab)
{
	struct pollfd fds[2] = { { .fd = lab->signal_fd, .events = POLLIN },
				 { .fd = lab->events_fd, .events = POLLIN } };
	int err = 0;

	while (!err && !is_over(lab)) {
		uint64_t now = now_ms();

		if (now >= lab->next_ms) {
			err = lab_dns_rotate(&lab->dns, lab->round++);
			lab->next_ms += LAB_ROTATE_MS;
			continue;
		}
		if (poll(fds, 2, (int)(lab->next_ms - now)) < 0 && errno != EINTR)
			err = -errno;
		if (fds[0].revents)
			take_signal(lab);
		if (fds[1].revents)
			lab->monitor_ended = !read_events(lab);
	}
	return err;
}

/* Tell the monitor to end and read what it still has to say. */
static bool stop_monitor(struct lab *lab)
{
	struct pollfd p = { .fd = lab->events_fd, .events = POLLIN };

	kill(lab->monitor, SIGTERM);
	while (!lab->monitor_ended && poll(&p, 1, STOP_MS) == 1)
		lab->monitor_ended = !read_events(lab);
	lab->monitor_status = lab_end(lab->monitor, 0, STOP_MS);
	lab->monitor = 0;
	close(lab->events_fd);
	lab->events_fd = -1;
	if (lab->monitor_status != 0)
		show_log(lab, "monitor");
	return lab->monitor_status == 0;
}

static int run_monitor(struct lab *lab)
{
	unsigned int failed;
	bool has_ended_early;
	int err;

	err = start_monitor(lab);
	if (!err)
		err = start_clients(lab);
	if (err) {
		log_error("lab: cannot start monitor and clients: %s", strerror(-err));
		return 1;
	}
	lab->watch.client_pid = lab->clients[0];
	lab->watch.client_exe = lab->updater;
	lab->watch.client_ip = "198.18.10.10";
	printf("monitor on the gateway %s; %s (pid %d) on 198.18.10.10 follows %s\n",
	       lab->net.names[LAB_GW], lab->updater, (int)lab->clients[0], LAB_FLUX_NAME);
	if (lab->cfg->keep)
		printf("kept running: `ip netns exec %s …`, files in %s; Ctrl-C ends it\n",
		       lab->net.names[LAB_GW], lab->dir);
	fflush(stdout);
	err = watch(lab);
	has_ended_early = lab->monitor_ended;
	failed = lab_watch_report(&lab->watch, stdout, stop_monitor(lab) && !has_ended_early);
	return err || failed ? 1 : 0;
}

static int run_network(struct lab *lab)
{
	printf("network is up: %s, %s, %s, %s, %s, %s; files in %s; Ctrl-C ends it\n",
	       lab->net.names[LAB_GW], lab->net.names[LAB_AUTH], lab->net.names[LAB_RES],
	       lab->net.names[LAB_SVC], lab->net.names[LAB_C1], lab->net.names[LAB_C2], lab->dir);
	fflush(stdout);
	return start_clients(lab) || watch(lab) ? 1 : 0;
}

static void stop_all(struct lab *lab)
{
	for (int i = 0; i < 2; i++)
		if (lab->clients[i] > 0)
			lab_end(lab->clients[i], SIGTERM, STOP_MS);
	if (lab->monitor > 0)
		lab_end(lab->monitor, SIGTERM, STOP_MS);
	if (lab->listener > 0)
		lab_end(lab->listener, SIGTERM, STOP_MS);
	lab_dns_stop(&lab->dns);
	if (lab->events_fd >= 0)
		close(lab->events_fd);
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
	copy_self(lab, "updater", lab->updater);
	copy_self(lab, "browser", lab->browser);
	if (build(lab) || start_listener(lab))
		return 1;
	lab->start_ms = now_ms();
	lab->next_ms = lab->start_ms + LAB_ROTATE_MS;
	if (lab->is_interrupted)
		return 1;
	return lab->cfg->network_only ? run_network(lab) : run_monitor(lab);
}

int lab_run(const struct lab_config *cfg)
{
	struct lab lab = { .cfg = cfg, .signal_fd = -1, .cleaner_fd = -1, .events_fd = -1 };
	int code;

	if (!has_prerequisites())
		return 3;
	lab_watch_init(&lab.watch, cfg->scenario, stdout);
	code = run(&lab);
	stop_all(&lab);
	return code;
}
