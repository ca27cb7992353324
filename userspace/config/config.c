// SPDX-License-Identifier: BSD-2-Clause
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/outline.h"
#include "config/schema.h"
#include "config/value.h"

/* No configuration comes near; a wrong file named by mistake should not be read whole. */
#define FILE_MAX  (1U << 20)
#define ITEMS_MAX 4096

/* Split @text at commas into @ret (its own copy in *ret_copy). The number of items, or negative. */
static int split(const char *text, char **ret_copy, const char **ret, size_t max)
{
	char *copy = strdup(text), *at = copy, *item;
	size_t n = 0;

	if (!copy)
		return -ENOMEM;
	while ((item = strsep(&at, ",")) && (*text || n)) {
		char *end;

		if (n == max) {
			free(copy);
			return -E2BIG;
		}
		while (isspace((unsigned char)*item))
			item++;
		for (end = item + strlen(item); end > item && isspace((unsigned char)end[-1]);)
			*--end = '\0';
		ret[n++] = item;
	}
	*ret_copy = copy;
	return (int)n;
}

static int set_list(struct config *cfg, const struct config_key *key, const char *text, char *why,
		    size_t why_len)
{
	const char **items = calloc(ITEMS_MAX, sizeof(*items));
	char *copy = NULL;
	int n, rc;

	if (!items)
		return -ENOMEM;
	n = *text ? split(text, &copy, items, ITEMS_MAX) : 0;
	if (n == -E2BIG)
		snprintf(why, why_len, "holds more than %d entries", ITEMS_MAX);
	rc = n >= 0	   ? value_set(cfg, key, items, (size_t)n, why, why_len)
	     : n == -E2BIG ? -EINVAL
			   : n;
	free(copy);
	free(items);
	return rc;
}

static int set_text(struct config *cfg, const struct config_key *key, const char *text, char *why,
		    size_t why_len)
{
	if (config_is_list(key))
		return set_list(cfg, key, text, why, why_len);
	return value_set(cfg, key, &text, 1, why, why_len);
}

/* What came from a file may hold anything; a message is one line. */
static void one_line(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

/* What is stated once and held twice. */
static void settle(struct config *cfg)
{
	cfg->detect.memory_bytes = cfg->limits.memory;
	_Static_assert(sizeof(cfg->reassembly.ports) == sizeof(cfg->dns.ports), "the same ports");
	memcpy(cfg->reassembly.ports, cfg->dns.ports, sizeof(cfg->dns.ports));
	cfg->reassembly.ports_len = cfg->dns.ports_len;
}

int config_set(struct config *cfg, const char *key, const char *value, char *err, size_t err_len)
{
	const struct config_key *found = config_key_find(key);
	char why[512] = "";
	int rc;

	if (!found) {
		snprintf(err, err_len, "%.64s: unknown key", key);
		one_line(err);
		return -EINVAL;
	}
	rc = set_text(cfg, found, value, why, sizeof(why));
	settle(cfg);
	if (rc == -ENOMEM)
		snprintf(err, err_len, "out of memory");
	else if (rc)
		snprintf(err, err_len, "%s: %s", found->path, why);
	if (rc)
		one_line(err);
	return rc;
}

struct config *config_default(void)
{
	struct config *cfg = calloc(1, sizeof(*cfg));
	char why[512];

	if (!cfg)
		return NULL;
	cfg->reassembly = reassembly_config_default();
	cfg->correlate = correlate_config_default();
	cfg->detect = detect_config_default();
	for (size_t i = 0; i < config_keys_len; i++)
		if (config_keys[i].initial &&
		    set_text(cfg, &config_keys[i], config_keys[i].initial, why, sizeof(why))) {
			config_free(cfg);
			return NULL;
		}
	settle(cfg);
	return cfg;
}

void config_free(struct config *cfg)
{
	if (!cfg)
		return;
	for (size_t i = 0; i < config_keys_len; i++)
		value_fini(cfg, &config_keys[i]);
	free(cfg);
}

/* What no key can tell alone: the key at fault, NULL when all is well. */
static const struct config_key *misfit(const struct config *cfg, char *why, size_t why_len)
{
	const char *key, *reason;
	char path[64];

	*why = '\0';
	if (cfg->eve.enabled && !*cfg->eve.path) {
		snprintf(why, why_len, "is empty while eve.enabled is true");
		return config_key_find("eve.path");
	}
	if (cfg->store.enabled && !*cfg->store.path) {
		snprintf(why, why_len, "is empty while store.enabled is true");
		return config_key_find("store.path");
	}
	if (!detect_config_check(&cfg->detect, &key, &reason))
		return NULL;
	snprintf(why, why_len, "%s", reason);
	snprintf(path, sizeof(path), "detect.%s", key);
	return config_key_find(config_key_find(key) ? key : path);
}

int config_check(const struct config *cfg, char *err, size_t err_len)
{
	char why[256];
	const struct config_key *key = misfit(cfg, why, sizeof(why));

	if (key)
		snprintf(err, err_len, "%s: %s", key->path, why);
	return key ? -EINVAL : 0;
}

/* The same with the line of the key; when that is a default, of another key of its section. */
static int check_file(const struct config *cfg, const struct outline *o, const char *name,
		      char *err, size_t err_len)
{
	char why[256];
	const struct config_key *key = misfit(cfg, why, sizeof(why));
	unsigned int line;

	if (!key)
		return 0;
	line = o->lines[key - config_keys];
	for (size_t i = 0; i < config_keys_len && !line; i++)
		if (strncmp(config_keys[i].path, key->path, strcspn(key->path, ".")) == 0)
			line = o->lines[i];
	snprintf(err, err_len, "%s:%u: %s: %s", name, line, key->path, why);
	return -EINVAL;
}

static int apply(struct config *cfg, const struct outline *o, const struct raw_value *raw,
		 const char *name, char *err, size_t err_len)
{
	char why[512] = "";

	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];
		const struct raw_value *v = &raw[i];
		bool list = config_is_list(key);
		int rc;

		if (!o->lines[i])
			continue;
		rc = value_set(cfg, key, (const char *const *)(list ? v->texts : &v->text),
			       list ? v->texts_len : 1, why, sizeof(why));
		if (rc) {
			snprintf(err, err_len, "%s:%u: %s: %s", name, o->lines[i], key->path,
				 rc == -ENOMEM ? "out of memory" : why);
			return rc;
		}
	}
	settle(cfg);
	return check_file(cfg, o, name, err, err_len);
}

static int parse_into(struct config *cfg, const char *name, const char *text, size_t len, char *err,
		      size_t err_len)
{
	struct raw_value *raw = NULL;
	struct outline outline;
	char why[512] = "";
	bool any = false;
	int rc;

	rc = outline_read(name, text, len, &outline, err, err_len);
	if (rc)
		return rc;
	for (size_t i = 0; i < config_keys_len; i++)
		any |= outline.lines[i] != 0;
	if (any) { /* libcyaml takes a document without a value for an error */
		rc = schema_load(text, len, &raw, why, sizeof(why));
		if (rc)
			snprintf(err, err_len, "%s: %s", name,
				 rc == -ENOMEM ? "out of memory" : why);
		else
			rc = apply(cfg, &outline, raw, name, err, err_len);
	}
	schema_free(raw);
	outline_fini(&outline);
	return rc;
}

int config_parse(const char *name, const char *text, size_t len, struct config **ret, char *err,
		 size_t err_len)
{
	struct config *cfg = config_default();
	int rc;

	if (err_len)
		snprintf(err, err_len, "%s: out of memory", name);
	if (!cfg)
		return -ENOMEM;
	rc = parse_into(cfg, name, text, len, err, err_len);
	if (rc) {
		one_line(err);
		config_free(cfg);
		return rc;
	}
	*ret = cfg;
	return 0;
}

/* The whole file, at most FILE_MAX octets. */
static int read_file(const char *path, char **ret_text, size_t *ret_len)
{
	char *text = malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	int fd, rc = 0;

	if (!text)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rc = -errno;
	while (!rc && n > 0 && len <= FILE_MAX) {
		n = read(fd, text + len, FILE_MAX + 1 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			rc = -errno;
		else if (n < 0)
			n = 1;
	}
	if (fd >= 0)
		close(fd);
	if (!rc && len > FILE_MAX)
		rc = -EFBIG;
	if (rc) {
		free(text);
		return rc;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int config_load(const char *path, struct config **ret, char *err, size_t err_len)
{
	char *text;
	size_t len;
	int rc = read_file(path, &text, &len);

	if (rc) {
		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
		one_line(err);
		return rc;
	}
	rc = config_parse(path, text, len, ret, err, err_len);
	free(text);
	return rc;
}

/* Open the sections of @path that @previous was not in; returns the depth of the key. */
static size_t print_sections(const char *previous, const char *path, struct buf *out)
{
	size_t depth = 0, common = 0;

	for (size_t i = 0; path[i] && path[i] == previous[i]; i++)
		if (path[i] == '.')
			common = i + 1;
	for (const char *dot, *at = path; (dot = strchr(at, '.')); at = dot + 1, depth++)
		if ((size_t)(at - path) >= common)
			buf_printf(out, "%*s%.*s:\n", (int)(2 * depth), "", (int)(dot - at), at);
	return depth;
}

void config_print(const struct config *cfg, struct buf *out)
{
	const char *previous = "";

	for (size_t i = 0; i < config_keys_len; i++) {
		const char *path = config_keys[i].path, *leaf = strrchr(path, '.');
		size_t depth = print_sections(previous, path, out);

		buf_printf(out, "%*s%s: ", (int)(2 * depth), "", leaf ? leaf + 1 : path);
		value_print(cfg, &config_keys[i], out);
		buf_char(out, '\n');
		previous = path;
	}
}
