// SPDX-License-Identifier: BSD-2-Clause
/* Dropping identity and capabilities, and proving that it worked. */
#include "privilege/privilege.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static int fail(char *err, size_t err_len, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(char *err, size_t err_len, int code, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(err, err_len, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < err_len)
		snprintf(err + n, err_len - (size_t)n, ": %s", strerror(-code));
	return code;
}

int privileges_user(const char *user, const char **ret_name, uid_t *ret_uid, gid_t *ret_gid)
{
	const bool is_given = user && *user;
	const char *name = is_given ? user : "fluxtap";
	const struct passwd *pw = getpwnam(name);

	if (!pw && !is_given) {
		name = "nobody";
		pw = getpwnam(name);
	}
	if (!pw)
		return -ENOENT;
	*ret_name = name;
	*ret_uid = pw->pw_uid;
	*ret_gid = pw->pw_gid;
	return 0;
}

static bool is_single_threaded(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	if (!tasks)
		return false;
	for (const struct dirent *e; (e = readdir(tasks));)
		n += e->d_name[0] != '.';
	closedir(tasks);
	return n == 1;
}

static uint64_t keep_mask(const struct privilege_config *cfg)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < cfg->keep_len; i++)
		mask |= (uint64_t)1 << cfg->keep[i];
	return mask;
}

/* An empty bounding set: nothing executed later could gain a capability from its file. */
static int empty_bounding_set(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1 && prctl(PR_CAPBSET_DROP, cap))
			return -errno;
	return 0;
}

static int become_user(const char *user, char *err, size_t err_len)
{
	const char *name;
	uid_t uid;
	gid_t gid;
	int rc;

	rc = privileges_user(user, &name, &uid, &gid);
	if (rc)
		return fail(err, err_len, rc, "no user \"%s\"", user && *user ? user : "nobody");
	if (uid == 0)
		return fail(err, err_len, -EINVAL, "user \"%s\" is root", name);
	rc = empty_bounding_set();
	if (rc)
		return fail(err, err_len, rc, "cannot empty the capability bounding set");
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return fail(err, err_len, -errno, "cannot become user \"%s\"", name);
	return 0;
}

static int set_capabilities(uint64_t mask)
{
	cap_t caps = cap_init();
	int rc = 0;

	if (!caps)
		return -ENOMEM;
	for (cap_value_t cap = 0; cap < 64 && !rc; cap++) {
		if (!(mask & (uint64_t)1 << cap))
			continue;
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET) ||
		    cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET))
			rc = -errno;
	}
	if (!rc && cap_set_proc(caps))
		rc = -errno;
	cap_free(caps);
	return rc;
}

struct status {
	unsigned int uid[4], gid[4];
	uint64_t inherited, permitted, effective, bounding, ambient;
	int no_new_privs, groups;
};

static int count_words(const char *s)
{
	int n = 0;

	for (bool in_word = false; *s; s++) {
		bool is_space = *s == ' ' || *s == '\t' || *s == '\n';

		n += !is_space && !in_word;
		in_word = !is_space;
	}
	return n;
}

static int read_status(struct status *ret)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[1024];
	int found = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Uid: %u %u %u %u", &ret->uid[0], &ret->uid[1], &ret->uid[2],
			   &ret->uid[3]) == 4 ||
		    sscanf(line, "Gid: %u %u %u %u", &ret->gid[0], &ret->gid[1], &ret->gid[2],
			   &ret->gid[3]) == 4 ||
		    sscanf(line, "CapInh: %" SCNx64, &ret->inherited) == 1 ||
		    sscanf(line, "CapPrm: %" SCNx64, &ret->permitted) == 1 ||
		    sscanf(line, "CapEff: %" SCNx64, &ret->effective) == 1 ||
		    sscanf(line, "CapBnd: %" SCNx64, &ret->bounding) == 1 ||
		    sscanf(line, "CapAmb: %" SCNx64, &ret->ambient) == 1 ||
		    sscanf(line, "NoNewPrivs: %d", &ret->no_new_privs) == 1) {
			found++;
		} else if (strncmp(line, "Groups:", 7) == 0) {
			ret->groups = count_words(line + 7);
			found++;
		}
	}
	fclose(f);
	return found == 9 ? 0 : -EPROTO;
}

static bool is_one_unprivileged_id(const unsigned int id[4])
{
	return id[0] != 0 && id[0] == id[1] && id[0] == id[2] && id[0] == id[3];
}

/* What the kernel says, not what was asked for. Returns what is wrong, or NULL. */
static const char *find_leftover(const struct status *s, uint64_t keep, bool was_root)
{
	if (!is_one_unprivileged_id(s->uid) || !is_one_unprivileged_id(s->gid))
		return "root identity";
	if (was_root && s->groups)
		return "supplementary groups";
	if (s->permitted != keep || s->effective != keep)
		return "capabilities";
	if (s->inherited || s->ambient || (was_root && s->bounding))
		return "inheritable, ambient or bounding capabilities";
	if (s->no_new_privs != 1)
		return "the right to gain privileges";
	return NULL;
}

static bool can_regain_root(void)
{
	return setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 || setuid(0) == 0;
}

static int verify(uint64_t keep, bool was_root, char *err, size_t err_len)
{
	struct status status = { 0 };
	const char *left;
	int rc;

	rc = read_status(&status);
	if (rc)
		return fail(err, err_len, rc, "cannot read /proc/self/status");
	left = find_leftover(&status, keep, was_root);
	if (left)
		return fail(err, err_len, -EPERM, "%s left after dropping privileges", left);
	/* CAP_SETUID is never worth keeping; tried nevertheless */
	if (can_regain_root())
		return fail(err, err_len, -EPERM, "root could be had again");
	return 0;
}

int privileges_drop(const struct privilege_config *cfg, char *err, size_t err_len)
{
	const uint64_t keep = keep_mask(cfg);
	const bool was_root = geteuid() == 0;
	int rc;

	if (!is_single_threaded())
		return fail(err, err_len, -EBUSY, "privileges must go before threads come");
	if (was_root) {
		rc = become_user(cfg->user, err, err_len);
		if (rc)
			return rc;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return fail(err, err_len, -errno, "cannot clear ambient capabilities");
	rc = set_capabilities(keep);
	if (rc)
		return fail(err, err_len, rc, "cannot reduce capabilities");
	if (prctl(PR_SET_KEEPCAPS, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_DUMPABLE, 0))
		return fail(err, err_len, -errno, "cannot seal the process");
	return verify(keep, was_root, err, err_len);
}
