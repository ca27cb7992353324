// SPDX-License-Identifier: BSD-2-Clause
/* Child processes of the lab. */
#include "lab/lab_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

int lab_enter(const char *netns)
{
	char path[128];
	int fd, err = 0;

	if (!netns || !*netns)
		return 0;
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* not `ip netns exec`: it would put a bare /sys over the one with the kernel's types */
	if (setns(fd, CLONE_NEWNET))
		err = -errno;
	close(fd);
	return err;
}

/* In the child: dispositions and mask as a program expects to find them. */
static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static bool has_died(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent;
}

/* --- commands ------------------------------------------------------------------------------- */

static _Noreturn void exec_command(const char *const argv[], pid_t parent, int in, int out)
{
	if (!has_died(parent) && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0) {
		reset_signals();
		execvp(argv[0], (char *const *)argv);
	}
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Keep the first @len - 1 bytes that come; read on to the end. */
static void read_all(int fd, char *buf, size_t len)
{
	size_t used = 0;
	char rest[512];
	ssize_t n;

	for (;;) {
		if (used + 1 < len)
			n = read(fd, buf + used, len - 1 - used);
		else
			n = read(fd, rest, sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (used + 1 < len)
			used += (size_t)n;
	}
	buf[used] = '\0';
}

static void report_command(const char *const argv[], char *output)
{
	char line[512] = "";
	size_t len = strlen(output);

	for (size_t i = 0; argv[i]; i++) {
		size_t used = strlen(line);

		snprintf(line + used, sizeof(line) - used, "%s%s", i ? " " : "", argv[i]);
	}
	while (len && output[len - 1] == '\n')
		output[--len] = '\0';
	log_error("lab: `%s` failed: %s", line, *output ? output : "without a word");
}

/* A pipe that holds @input already: what the lab sends fits (64 KiB). */
static int open_input(const char *input)
{
	int p[2];
	size_t len = input ? strlen(input) : 0;

	if (!len)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(p, O_CLOEXEC))
		return -1;
	if (len > 65536 || write(p[1], input, len) != (ssize_t)len) {
		close(p[0]);
		p[0] = -1;
	}
	close(p[1]);
	return p[0];
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

int lab_command(const char *const argv[], const char *input, char *output, size_t output_len)
{
	char own[4096], *text = output ? output : own;
	pid_t pid, self = getpid();
	int in, out[2], status;

	in = open_input(input);
	if (in < 0 || pipe2(out, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0)
		exec_command(argv, self, in, out[1]);
	close(in);
	close(out[1]);
	read_all(out[0], text, output ? output_len : sizeof(own));
	close(out[0]);
	status = pid > 0 ? wait_for(pid) : -1;
	if (status == 0)
		return 0;
	report_command(argv, text);
	return -EIO;
}

/* --- servers -------------------------------------------------------------------------------- */

/* "0" is the writer. */
static int join_cgroup(const char *dir)
{
	char path[320];
	int fd, err = 0;

	if (!dir || !*dir)
		return 0;
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

static _Noreturn void exec_spawn(const struct lab_spawn *s, pid_t parent)
{
	int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (log >= 0 && null >= 0 && !has_died(parent) && setpgid(0, 0) == 0 &&
	    join_cgroup(s->cgroup) == 0 && lab_enter(s->netns) == 0 &&
	    dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(s->stdout_fd >= 0 ? s->stdout_fd : log, STDOUT_FILENO) >= 0 &&
	    dup2(log, STDERR_FILENO) >= 0) {
		reset_signals();
		execvp(s->argv[0], (char *const *)s->argv);
	}
	fprintf(stderr, "%s: %s\n", s->argv[0], strerror(errno));
	_exit(127);
}

pid_t lab_spawn(const struct lab_spawn *s)
{
	pid_t self = getpid(), pid = fork();

	if (pid == 0)
		exec_spawn(s, self);
	return pid < 0 ? -errno : pid;
}

int lab_end(pid_t pid, int sig, unsigned int grace_ms)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	if (p.fd < 0)
		return -1;
	kill(pid, sig);
	if (poll(&p, 1, (int)grace_ms) != 1)
		kill(pid, SIGKILL);
	close(p.fd);
	return wait_for(pid);
}

/* --- cleaning up ---------------------------------------------------------------------------- */

static void remove_with(const char *const argv[])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0) {
		dup2(null, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid > 0)
		wait_for(pid);
	close(null);
}

/* A cgroup can go when its processes have: they were killed, which takes its time. */
static void remove_cgroup(const char *path)
{
	for (int tries = 0; rmdir(path) && errno == EBUSY && tries < 100; tries++)
		poll(NULL, 0, 20);
}

/*
 * Namespaces go with their last process: the servers die with the lab. Silent: some may not
 * have been made.
 */
static void remove_all(const struct lab_leftovers *what)
{
	const char *const rm[] = { "rm", "-rf", "--", what->dir, NULL };

	for (size_t i = 0; i < what->namespaces_len; i++) {
		const char *const ip[] = { "ip", "netns", "del", what->namespaces[i], NULL };

		remove_with(ip);
	}
	remove_with(rm);
	for (size_t i = 0; i < what->cgroups_len; i++)
		remove_cgroup(what->cgroups[i]);
}

static _Noreturn void clean_when_told(int fd, const struct lab_leftovers *what)
{
	char byte;

	/* a session of its own and deaf to the keyboard: it has to outlive what it cleans up for */
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		continue;
	remove_all(what);
	_exit(0);
}

int lab_cleaner(const struct lab_leftovers *what, pid_t *ret_pid)
{
	int p[2], err;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(p[0]);
		close(p[1]);
		return err;
	}
	if (pid == 0) {
		close(p[1]);
		clean_when_told(p[0], what);
	}
	close(p[0]);
	*ret_pid = pid;
	return p[1];
}
