// SPDX-License-Identifier: BSD-2-Clause
/* The manual pages say what the program accepts: each option, each key with its default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/value.h"
#include "ui/usage.h"

static char *page(const char *name)
{
	char path[128], *text = calloc(1, 1 << 18);
	FILE *f;

	snprintf(path, sizeof(path), "docs/man/%s", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
	fclose(f);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (; text; text = strchr(text, '\n'), text += text != NULL)
		if (strncmp(text, line, n) == 0 && text[n] == '\n')
			return true;
	return false;
}

static unsigned int count_lines(const char *text, const char *start)
{
	unsigned int n = 0;

	for (; text; text = strchr(text, '\n'), text += text != NULL)
		n += strncmp(text, start, strlen(start)) == 0;
	return n;
}

static void each_option_is_in_its_page(void **state)
{
	(void)state;
	for (const struct usage_command *c = usage_commands; c->name; c++) {
		char name[64], line[128];
		unsigned int options = 0;
		char *text;

		snprintf(name, sizeof(name), "fluxtap-%s.8", c->name);
		text = page(name);
		for (const struct usage_option *o = c->options; o->name; o++, options++) {
			char letter[16] = "";

			if (o->letter)
				snprintf(letter, sizeof(letter), "Fl %c , ", o->letter);
			snprintf(line, sizeof(line), ".It %sFl Fl %s%s%s", letter, o->name,
				 o->argument ? " Ar " : "", o->argument ? o->argument : "");
			if (!has_line(text, line))
				fail_msg("%s lacks the line: %s", name, line);
		}
		/* nor does the page promise what is not there */
		assert_int_equal(count_lines(text, ".It Fl"), options);
		snprintf(line, sizeof(line), ".Nd %s", c->summary);
		if (!has_line(text, line))
			fail_msg("%s lacks the line: %s", name, line);
		free(text);
		text = page("fluxtap.8");
		snprintf(line, sizeof(line), ".It Cm %s", c->name);
		assert_true(has_line(text, line));
		free(text);
	}
}

/* A value as mdoc(7) wants it written. */
static void escaped(const struct buf *value, struct buf *out)
{
	for (size_t i = 0; i < value->len; i++) {
		if (value->bytes[i] == '"')
			buf_str(out, "\\(dq");
		else if (i == 0 && value->bytes[i] == '-')
			buf_str(out, "\\-");
		else
			buf_char(out, value->bytes[i]);
	}
}

static void each_key_is_in_the_manual_with_its_default(void **state)
{
	struct config *cfg = config_default();
	char *text = page("fluxtap.yaml.5");

	(void)state;
	for (size_t i = 0; i < config_keys_len; i++) {
		struct buf value = {0}, line = {0};

		value_print(cfg, &config_keys[i], &value);
		buf_printf(&line, ".It Ic %s Pq Li ", config_keys[i].path);
		escaped(&value, &line);
		buf_char(&line, '\0');
		if (!has_line(text, line.bytes))
			fail_msg("fluxtap.yaml.5 lacks the line: %s", line.bytes);
		buf_fini(&value);
		buf_fini(&line);
	}
	assert_int_equal(count_lines(text, ".It Ic"), config_keys_len);
	free(text);
	config_free(cfg);
}

static void getopt_tables_match_the_help(void **state)
{
	struct option long_options[USAGE_OPTIONS_MAX + 1];
	char short_options[2 * USAGE_OPTIONS_MAX + 2];

	(void)state;
	for (const struct usage_command *c = usage_commands; c->name; c++) {
		size_t n = 0;

		usage_getopt(c, long_options, short_options);
		for (; c->options[n].name; n++) {
			const struct usage_option *o = &c->options[n];

			assert_true(n < USAGE_OPTIONS_MAX);
			assert_string_equal(long_options[n].name, o->name);
			assert_int_equal(long_options[n].has_arg,
					 o->argument ? required_argument : no_argument);
			assert_string_equal(usage_option_name(c, long_options[n].val), o->name);
			if (o->letter) {
				char *at = strchr(short_options, o->letter);

				assert_non_null(at);
				assert_true((at[1] == ':') == (o->argument != NULL));
				assert_null(strchr(at + 1, o->letter)); /* given once */
			}
		}
		assert_null(long_options[n].name);
		assert_null(usage_option_name(c, '?'));
	}
	assert_null(usage_find("nothing"));
}

static char *help_of(const char *command)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	usage_print(command, to);
	fclose(to);
	return text;
}

static void help_names_commands_and_options_in_100_columns(void **state)
{
	char *program = help_of(NULL);

	(void)state;
	for (const struct usage_command *c = usage_commands; c->name; c++) {
		char *text = help_of(c->name), want[64];

		assert_non_null(strstr(program, c->name));
		for (const struct usage_option *o = c->options; o->name; o++) {
			snprintf(want, sizeof(want), "--%s", o->name);
			assert_non_null(strstr(text, want));
		}
		for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1)
			if (end - at > 100)
				fail_msg("too wide: %.*s", (int)(end - at), at);
		free(text);
	}
	free(program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_is_in_its_page),
		cmocka_unit_test(each_key_is_in_the_manual_with_its_default),
		cmocka_unit_test(getopt_tables_match_the_help),
		cmocka_unit_test(help_names_commands_and_options_in_100_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
