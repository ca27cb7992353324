// SPDX-License-Identifier: BSD-2-Clause
#include "cli/reproduce.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report/json.h"

static void word(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "%+,-./:=@_";

	buf_char(out, ' ');
	if (*text && strspn(text, plain) == strlen(text)) {
		buf_str(out, text);
		return;
	}
	buf_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_str(out, "'\\''");
		else
			buf_char(out, *text);
	}
	buf_char(out, '\'');
}

static void option(struct buf *out, const char *name, const char *value)
{
	word(out, name);
	word(out, value);
}

/* The time as the events write it, without quotes. */
static void add_until(struct buf *out, uint64_t time_ns)
{
	struct buf time = { 0 };

	json_time(&time, time_ns, 0);
	buf_str(out, " --until ");
	if (time.len > 3)
		buf_add(out, time.bytes + 1, time.len - 3);
	buf_fini(&time);
}

void reproduce_command(struct buf *out, const struct reproduce *r)
{
	buf_str(out, "fluxtap replay");
	if (r->config_path)
		option(out, "-c", r->config_path);
	for (size_t i = 0; i < r->sets_len; i++) {
		struct buf set = { 0 };

		buf_printf(&set, "%s=%s", r->sets[i].key, r->sets[i].value);
		buf_char(&set, '\0');
		option(out, "--set", set.bytes ? set.bytes : "");
		buf_fini(&set);
	}
	if (r->kernel_engine)
		option(out, "--engine", "kernel");
	if (r->filter)
		buf_str(out, " --filter");
	if (r->learned && *r->learned)
		option(out, "--learned", r->learned);
	if (r->until_ns)
		add_until(out, r->until_ns);
	option(out, "--explain", r->name);
	for (size_t i = 0; i < r->files_len; i++)
		word(out, r->files[i]);
	if (r->rotated)
		buf_char(out, '*');
}

const char *reproduce_from_events(struct buf *out, const struct config *config,
				  const char *config_path, const struct setup_override *sets,
				  size_t sets_len, const struct dns_name *name, uint64_t time_ns,
				  const char **ret_why)
{
	const char *const files[] = { config->eve.path };
	char text[DNS_NAME_TEXT_MAX];
	const struct reproduce r = {
		.config_path = config_path,
		.sets = sets,
		.sets_len = sets_len,
		.learned = config->state.path,
		.until_ns = time_ns,
		.name = text,
		.files = files,
		.files_len = 1,
		.rotated = config->eve.rotate_size || config->eve.rotate_age_ns,
	};

	*ret_why = NULL;
	if (!config->eve.enabled || !(config->eve.types & CONFIG_EVENT_DNS)) {
		*ret_why = "not from here: the event file (eve.enabled, eve.types) has no dns "
			   "events; from a capture: fluxtap replay --explain NAME FILE";
		return NULL;
	}
	if (access(config->eve.path, F_OK) && errno == ENOENT) {
		*ret_why = "not from here: the event file (eve.path) is not there; from a capture: "
			   "fluxtap replay --explain NAME FILE";
		return NULL;
	}
	dns_name_format(name, text);
	buf_reset(out);
	reproduce_command(out, &r);
	buf_char(out, '\0');
	if (out->failed) {
		*ret_why = "out of memory";
		return NULL;
	}
	return out->bytes;
}
