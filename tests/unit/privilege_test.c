// SPDX-License-Identifier: BSD-2-Clause
/* privilege/: each case in a child of its own, for what is dropped stays dropped. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "privilege/privilege.h"

static char err[256];
static const struct privilege_config nothing_kept = { 0 };

/* The wait status of a child that ran @body and returned its number. */
static int in_child(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int exit_code(int (*body)(void))
{
	int status = in_child(body);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static uint64_t capability_line(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t value = ~(uint64_t)0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name), NULL, 16);
	if (f)
		fclose(f);
	return value;
}

/* --- privileges_drop() --- */

static int drop_all(void)
{
	if (privileges_drop(&nothing_kept, err, sizeof(err)))
		return 1;
	if (geteuid() == 0 || getegid() == 0)
		return 2;
	if (capability_line("CapEff:") || capability_line("CapPrm:") || capability_line("CapBnd:"))
		return 3;
	if (open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0)
		return 4;
	if (setuid(0) == 0 || socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0)
		return 5;
	return 0;
}

static int drop_but_net_admin(void)
{
	static const int keep[] = { CAP_NET_ADMIN };
	const struct privilege_config cfg = { .user = "nobody", .keep = keep, .keep_len = 1 };

	if (privileges_drop(&cfg, err, sizeof(err)))
		return 1;
	return capability_line("CapEff:") == 1U << CAP_NET_ADMIN ? 0 : 2;
}

static int drop_to_unknown_user(void)
{
	const struct privilege_config cfg = { .user = "no-such-user" };

	if (privileges_drop(&cfg, err, sizeof(err)) != -ENOENT)
		return 1;
	return strstr(err, "no-such-user") ? 0 : 2;
}

static int drop_to_root(void)
{
	const struct privilege_config cfg = { .user = "root" };

	return privileges_drop(&cfg, err, sizeof(err)) == -EINVAL ? 0 : 1;
}

static int keep_what_is_not_there(void)
{
	static const int keep[] = { CAP_NET_ADMIN };
	const struct privilege_config cfg = { .keep = keep, .keep_len = 1 };

	if (privileges_drop(&nothing_kept, err, sizeof(err)))
		return 1;
	/* no longer root: like a start by a service manager that gave nothing */
	return privileges_drop(&cfg, err, sizeof(err)) == -EPERM ? 0 : 2;
}

static void *wait_forever(void *arg)
{
	pause();
	return arg;
}

static int drop_with_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_forever, NULL))
		return 1;
	return privileges_drop(&nothing_kept, err, sizeof(err)) == -EBUSY ? 0 : 2;
}

static void identity_and_capabilities_are_gone(void **state)
{
	(void)state;
	assert_int_equal(exit_code(drop_all), 0);
}

static void a_capability_can_be_kept(void **state)
{
	(void)state;
	assert_int_equal(exit_code(drop_but_net_admin), 0);
	assert_int_equal(exit_code(keep_what_is_not_there), 0);
}

static void failure_is_reported_and_named(void **state)
{
	(void)state;
	assert_int_equal(exit_code(drop_to_unknown_user), 0);
	assert_int_equal(exit_code(drop_to_root), 0);
	assert_int_equal(exit_code(drop_with_a_thread), 0);
}

/* --- privileges_seccomp() --- */

static int confine(bool network)
{
	const struct privilege_config cfg = { .network = network };

	return privileges_drop(&cfg, err, sizeof(err)) ||
	       privileges_seccomp(&cfg, err, sizeof(err));
}

static void *return_argument(void *arg)
{
	return arg;
}

static char dir[] = "/tmp/fluxtap-privilege-XXXXXX";

/* What the monitor does all day: files, a database, threads, memory, local sockets. */
static int work_confined(void)
{
	char path[64];
	pthread_t thread;
	void *result = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/history.db", dir);
	if (confine(false))
		return 2;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db,
			 "PRAGMA journal_mode=WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);"
			 "PRAGMA wal_checkpoint(TRUNCATE);",
			 NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_close(db) != SQLITE_OK)
		return 3;
	if (pthread_create(&thread, NULL, return_argument, dir) ||
	    pthread_join(thread, &result) || result != dir)
		return 4;
	free(malloc(64 << 20));
	if (socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ||
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) < 0)
		return 5;
	return unlink(path) == 0 ? 0 : 6;
}

static bool is_refused(long result)
{
	return result < 0 && errno == EPERM;
}

static int ask_for_what_is_not_listed(void)
{
	union bpf_attr attr = { 0 };
	unsigned char page;

	if (confine(false))
		return 1;
	if (!is_refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) ||
	    !is_refused(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)))
		return 2;
	if (!is_refused(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr))) ||
	    !is_refused(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr))))
		return 3;
	if (!is_refused(syscall(SYS_mincore, 0, 0, &page)))
		return 4;
	return 0;
}

static int open_internet_socket(void)
{
	if (confine(true))
		return 1;
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : 2;
}

static int exec_confined(void)
{
	if (!confine(false))
		execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int fork_confined(void)
{
	if (!confine(false) && fork() == 0)
		_exit(0);
	return 1;
}

static int trace_confined(void)
{
	if (!confine(false))
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return 1;
}

static int setuid_confined(void)
{
	if (!confine(false) && setuid(0))
		return 1;
	return 2;
}

static void ordinary_work_goes_on(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(exit_code(work_confined), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(exit_code(open_internet_socket), 0);
}

static void what_is_not_listed_fails(void **state)
{
	(void)state;
	assert_int_equal(exit_code(ask_for_what_is_not_listed), 0);
}

static void what_only_an_intruder_does_kills(void **state)
{
	static int (*const deeds[])(void) = { exec_confined, setuid_confined, fork_confined,
					      trace_confined };
#ifdef __SANITIZE_ADDRESS__
	const size_t n = 2; /* the leak checker forks and traces */
#else
	const size_t n = 4;
#endif

	(void)state;
	for (size_t i = 0; i < n; i++) {
		int status = in_child(deeds[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_and_capabilities_are_gone),
		cmocka_unit_test(a_capability_can_be_kept),
		cmocka_unit_test(failure_is_reported_and_named),
		cmocka_unit_test(ordinary_work_goes_on),
		cmocka_unit_test(what_is_not_listed_fails),
		cmocka_unit_test(what_only_an_intruder_does_kills),
	};

	if (geteuid() != 0) {
		puts("1..1\nok 1 # SKIP needs root to drop it");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
