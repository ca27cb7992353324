/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: commands and servers as child processes, and the one that cleans up. */
#ifndef LAB_LAB_PROC_H
#define LAB_LAB_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Enter the network namespace @netns ("": stay). 0 or negative errno. */
int lab_enter(const char *netns);

/*
 * Run @argv to its end with @input (NULL: nothing) as standard input. 0, or -EIO after a line
 * that shows the command and what it printed last. @output (NULL, or @output_len bytes) receives
 * its standard output.
 */
int lab_command(const char *const argv[], const char *input, char *output, size_t output_len);

struct lab_spawn {
	const char *const *argv;
	const char *netns; /* name of the namespace; NULL: this one */
	const char *log; /* file for its output */
	int stdout_fd; /* -1: to the log as well */
	const char *cgroup; /* directory of the one to join; NULL or "": this one */
};

/*
 * Start a process that dies with this one (PR_SET_PDEATHSIG) in a process group of its own, so
 * that Ctrl-C does not reach it before its turn. Its pid or negative errno.
 */
pid_t lab_spawn(const struct lab_spawn *s);

/* Send @sig (0: none), then SIGKILL after @grace_ms. Its wait status; -1 when it was no child. */
int lab_end(pid_t pid, int sig, unsigned int grace_ms);

struct lab_leftovers { /* strings borrowed */
	const char *const *namespaces;
	size_t namespaces_len;
	const char *dir;
	const char *const *cgroups; /* directories, inner ones first */
	size_t cgroups_len;
};

/*
 * Fork the cleaner: once this process closes the returned descriptor, or is gone, it removes what
 * there is of @what. @ret_pid: to wait for it. Descriptor or negative errno.
 */
int lab_cleaner(const struct lab_leftovers *what, pid_t *ret_pid);

#endif
