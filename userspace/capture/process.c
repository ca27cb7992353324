// SPDX-License-Identifier: BSD-2-Clause
#include "capture/process.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "capture/procfs.h"

#define TICK_NS	      10000000ULL /* of /proc/PID/stat: USER_HZ is 100 on every architecture */
#define USERS_MAX     256
#define USER_NAME_MAX 33 /* LOGIN_NAME_MAX of shadow, and the zero */

struct process { /* strings: one allocation, owned */
	uint64_t key;
	uint64_t start_boot_ns;
	uint32_t pid, ppid, uid, exec_id;
	char *text;
	uint32_t text_bytes;
	uint16_t comm, exe, cmdline, user, cgroup, unit, container; /* offsets in text; 0 absent */
};

struct user {
	uint32_t uid;
	bool known;
	char name[USER_NAME_MAX];
};

struct process_table {
	struct table *table;
	struct hash_key key;
	uint64_t boot_ns;
	uint64_t from_proc, unknown;
	size_t text_bytes;
	struct user users[USERS_MAX];
};

static void process_evict(void *ctx, void *entry)
{
	struct process_table *t = ctx;
	struct process *p = entry;

	t->text_bytes -= p->text_bytes;
	free(p->text);
	p->text = NULL;
}

int process_table_new(size_t max_processes, uint64_t boot_ns, const struct hash_key *key,
		      struct process_table **ret)
{
	struct process_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->key = *key;
	t->boot_ns = boot_ns;
	if (table_new(sizeof(struct process), max_processes, process_evict, t, &t->table)) {
		free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void process_table_free(struct process_table *t)
{
	if (!t)
		return;
	table_free(t->table);
	free(t);
}

static uint64_t process_key(const struct process_table *t, uint32_t pid, uint64_t start_boot_ns,
			    uint32_t exec_id)
{
	uint64_t name[3] = {pid, start_boot_ns / TICK_NS, exec_id};
	uint64_t key = hash_keyed(&t->key, name, sizeof(name));

	return key ? key : 1;
}

/* --- names of users ------------------------------------------------------------------------- */

static const char *user_name(struct process_table *t, uint32_t uid)
{
	struct user *u = &t->users[uid % USERS_MAX];
	struct passwd pw, *found = NULL;
	char buf[2048];

	if (!u->known || u->uid != uid) {
		u->uid = uid;
		u->known = true;
		u->name[0] = '\0';
		if (!getpwuid_r(uid, &pw, buf, sizeof(buf), &found) && found)
			snprintf(u->name, sizeof(u->name), "%.32s", found->pw_name);
	}
	return u->name;
}

/* --- units and containers -------------------------------------------------------------------- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* A run of exactly @digits hexadecimal digits in @part; its start, or NULL. */
static const char *hex_run(const char *part, size_t len, size_t digits)
{
	size_t run = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_hex(part[i])) {
			run++;
			continue;
		}
		if (run == digits)
			return part + i - run;
		run = 0;
	}
	return NULL;
}

static bool ends_with(const char *part, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(part + len - n, suffix, n);
}

static bool begins_with(const char *part, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len > n && !memcmp(part, prefix, n);
}

static void set_name(char *to, size_t max, const char *from, size_t len)
{
	if (len >= max)
		len = max - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* True when @part names a container; @container set. */
static bool container_of_part(const char *part, size_t len, char *container)
{
	const char *hex = hex_run(part, len, 64);

	if (hex) {
		set_name(container, PROCESS_CONTAINER_MAX, hex, 64);
		return true;
	}
	hex = hex_run(part, len, 32); /* ECS: <task id>-<number> */
	if (hex == part && len > 33 && part[32] == '-') {
		set_name(container, PROCESS_CONTAINER_MAX, part, len);
		return true;
	}
	if (begins_with(part, len, "lxc.payload.")) {
		set_name(container, PROCESS_CONTAINER_MAX, part + 12, len - 12);
		return true;
	}
	if (begins_with(part, len, "machine-") && ends_with(part, len, ".scope")) {
		set_name(container, PROCESS_CONTAINER_MAX, part + 8, len - 14);
		return true;
	}
	return false;
}

void process_cgroup_names(const char *cgroup, char unit[PROCESS_UNIT_MAX],
			  char container[PROCESS_CONTAINER_MAX])
{
	unit[0] = container[0] = '\0';
	for (const char *part = cgroup; *part;) {
		size_t len = strcspn(part, "/");

		if (len && !container_of_part(part, len, container) &&
		    (ends_with(part, len, ".service") || ends_with(part, len, ".scope") ||
		     ends_with(part, len, ".socket")))
			set_name(unit, PROCESS_UNIT_MAX, part, len);
		part += len;
		part += *part == '/';
	}
}

/* --- from records ---------------------------------------------------------------------------- */

struct strings { /* under construction; offset 0 is the empty string */
	char bytes[8192];
	size_t len;
};

static uint16_t strings_add(struct strings *s, const char *text)
{
	size_t n = strlen(text) + 1, at = s->len;

	if (n == 1 || n > sizeof(s->bytes) - at)
		return 0;
	memcpy(s->bytes + at, text, n);
	s->len += n;
	return (uint16_t)at;
}

/* "curl\0bin\0usr\0" to "/usr/bin/curl"; @cut: "…" stands for what lies above. */
static void path_from_parts(const uint8_t *parts, size_t bytes, bool cut, char *path, size_t max)
{
	size_t at = max - 1, from;

	path[at] = '\0';
	for (size_t i = 0; i < bytes;) {
		size_t len = strnlen((const char *)parts + i, bytes - i);

		if (at < len + 1)
			break;
		at -= len;
		memcpy(path + at, parts + i, len);
		path[--at] = '/';
		i += len + 1;
	}
	from = at;
	memmove(path, path + from, max - from);
	if (cut && max - from + 3 <= max) {
		memmove(path + 3, path, max - from);
		memcpy(path, "\xe2\x80\xa6", 3);
	}
}

static void cmdline_text(const uint8_t *args, size_t bytes, char *text)
{
	while (bytes && !args[bytes - 1])
		bytes--;
	for (size_t i = 0; i < bytes; i++)
		text[i] = args[i] ? (char)args[i] : ' ';
	text[bytes] = '\0';
}

/* What is known of a process, as text, before it goes into the table. */
struct process_text {
	char comm[17];
	char exe[PROCFS_TEXT_MAX], cmdline[PROCFS_TEXT_MAX], cgroup[PROCFS_TEXT_MAX];
};

static int process_store(struct process_table *t, struct process *p, const struct process_text *x)
{
	char unit[PROCESS_UNIT_MAX], container[PROCESS_CONTAINER_MAX], *text;
	struct strings s = {.len = 1};

	process_cgroup_names(x->cgroup, unit, container);
	s.bytes[0] = '\0';
	p->comm = strings_add(&s, x->comm);
	p->exe = strings_add(&s, x->exe);
	p->cmdline = strings_add(&s, x->cmdline);
	p->user = strings_add(&s, user_name(t, p->uid));
	p->cgroup = strings_add(&s, x->cgroup);
	p->unit = strings_add(&s, unit);
	p->container = strings_add(&s, container);
	text = malloc(s.len);
	if (!text)
		return -ENOMEM;
	memcpy(text, s.bytes, s.len);
	t->text_bytes += s.len;
	t->text_bytes -= p->text_bytes;
	free(p->text);
	p->text = text;
	p->text_bytes = (uint32_t)s.len;
	return 0;
}

int process_table_record(struct process_table *t, const struct ft_conn_process *rec)
{
	const uint8_t *exe = rec->text + rec->cmdline_bytes, *cgroup = exe + rec->exe_bytes;
	struct process_text x = {};
	struct process *p;
	bool is_new;
	int err;

	memcpy(x.comm, rec->comm, sizeof(rec->comm));
	cmdline_text(rec->text, rec->cmdline_bytes, x.cmdline);
	path_from_parts(exe, rec->exe_bytes, rec->exe_cut, x.exe, sizeof(x.exe));
	path_from_parts(cgroup, rec->cgroup_bytes, rec->cgroup_cut, x.cgroup, sizeof(x.cgroup));
	if (!x.cgroup[0])
		strcpy(x.cgroup, "/");
	p = table_put(t->table, process_key(t, rec->pid, rec->start_ns, rec->exec_id), &is_new);
	p->pid = rec->pid;
	p->ppid = rec->ppid;
	p->uid = rec->uid;
	p->exec_id = rec->exec_id;
	p->start_boot_ns = rec->start_ns;
	err = process_store(t, p, &x);
	if (err && is_new)
		table_remove(t->table, p);
	return err;
}

/* --- out of the table ------------------------------------------------------------------------ */

static const char *process_string(const struct process *p, uint16_t at)
{
	return at ? p->text + at : NULL;
}

static void process_info_fill(const struct process_table *t, const struct process *p,
			      struct process_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = p->pid;
	ret->ppid = p->ppid;
	ret->uid = p->uid;
	ret->start_ns = t->boot_ns + p->start_boot_ns / TICK_NS * TICK_NS;
	ret->comm = process_string(p, p->comm);
	ret->exe = process_string(p, p->exe);
	ret->cmdline = process_string(p, p->cmdline);
	ret->user = process_string(p, p->user);
	ret->cgroup = process_string(p, p->cgroup);
	ret->unit = process_string(p, p->unit);
	ret->container_id = process_string(p, p->container);
}

/* From /proc into the entry of @exec_id, provided the process began at @start (0: whichever). */
static int process_from_proc(struct process_table *t, uint32_t pid, uint64_t start_boot_ns,
			     uint32_t exec_id, struct process_info *ret)
{
	struct procfs_process running;
	struct process_text x = {};
	struct process *p;
	bool is_new;
	int err;

	err = procfs_read(pid, &running);
	if (err)
		return err;
	if (start_boot_ns && running.start_boot_ns / TICK_NS != start_boot_ns / TICK_NS)
		return -ESRCH;
	memcpy(x.comm, running.comm, sizeof(x.comm));
	memcpy(x.exe, running.exe, sizeof(x.exe));
	memcpy(x.cmdline, running.cmdline, sizeof(x.cmdline));
	memcpy(x.cgroup, running.cgroup, sizeof(x.cgroup));
	p = table_put(t->table, process_key(t, pid, running.start_boot_ns, exec_id), &is_new);
	p->pid = pid;
	p->ppid = running.ppid;
	p->uid = running.uid;
	p->exec_id = exec_id;
	p->start_boot_ns = running.start_boot_ns;
	err = process_store(t, p, &x);
	if (err) {
		if (is_new)
			table_remove(t->table, p);
		return err;
	}
	t->from_proc++;
	process_info_fill(t, p, ret);
	return 0;
}

bool process_table_get(struct process_table *t, uint32_t pid, uint64_t start_boot_ns,
		       uint32_t exec_id, struct process_info *ret)
{
	const struct process *p = table_get(t->table, process_key(t, pid, start_boot_ns, exec_id));

	if (p) {
		process_info_fill(t, p, ret);
		return true;
	}
	if (process_from_proc(t, pid, start_boot_ns, exec_id, ret)) {
		memset(ret, 0, sizeof(*ret));
		ret->pid = pid;
		ret->start_ns = t->boot_ns + start_boot_ns / TICK_NS * TICK_NS;
		t->unknown++;
	}
	return false;
}

int process_table_running(struct process_table *t, uint32_t pid, struct process_info *ret)
{
	return process_from_proc(t, pid, 0, 0, ret);
}

void process_table_stats(const struct process_table *t, struct process_stats *ret)
{
	ret->processes = table_count(t->table);
	ret->evicted = table_evictions(t->table);
	ret->from_proc = t->from_proc;
	ret->unknown = t->unknown;
	ret->table_bytes = table_bytes(t->table) + t->text_bytes;
}
