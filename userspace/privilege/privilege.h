/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up what the monitor no longer needs once its programs are attached: first the identity
 * and the capabilities, then the system calls.  Each step is checked against what the kernel says
 * afterwards; a caller to whom an error is returned must end the program.
 *
 * Both calls must come before the first thread is started: capabilities belong to threads.
 */
#ifndef PRIVILEGE_PRIVILEGE_H
#define PRIVILEGE_PRIVILEGE_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct privilege_config {
	const char *user;    /* NULL or "": "fluxtap" when it exists, else "nobody" */
	const int *keep;     /* CAP_* that re-attaching needs; usually none */
	size_t keep_len;
	/* for privileges_seccomp() */
	bool network;	     /* AF_INET/AF_INET6 sockets: HTTP, syslog, message bus */
	bool attach;	     /* bpf() links and program attachment, not only maps */
};

/* The user that privileges_drop() will become, to hand files over to it before. 0, or -ENOENT. */
int privileges_user(const char *user, const char **ret_name, uid_t *ret_uid, gid_t *ret_gid);

/*
 * Become the user with no supplementary groups, no capability but @cfg->keep (permitted and
 * effective; nothing inheritable, ambient or in the bounding set), no_new_privs, not dumpable.
 * Started without root (capabilities given by a service manager), the user stays and only the
 * rest is done. Then /proc/self/status is read back, and root must not be had again.
 * 0, or negative errno with a line for people in @err.
 */
int privileges_drop(const struct privilege_config *cfg, char *err, size_t err_len);

/*
 * Load the system call filter. What is on its list runs; what only an intruder would call (exec,
 * ptrace, mount, identity, modules, new processes) ends the process; anything else fails with
 * EPERM and is logged by the kernel, since a C library of another version may try calls that
 * nobody foresaw and that it can do without: a monitor must not die of those.
 */
int privileges_seccomp(const struct privilege_config *cfg, char *err, size_t err_len);

#endif
