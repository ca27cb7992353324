// SPDX-License-Identifier: BSD-2-Clause
/*
 * A configuration file of any content is refused with one line, or accepted; what was accepted
 * prints as a file that is accepted again, with the same values. With "=" as its first octet the
 * input is a KEY=VALUE for config_set() instead.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(const char *err)
{
	require(*err && !strchr(err, '\n') && strlen(err) < CONFIG_ERR_MAX);
}

static void check_round_trip(const struct config *cfg)
{
	struct buf first = { 0 }, second = { 0 };
	char err[CONFIG_ERR_MAX] = "";
	struct config *again = NULL;

	config_print(cfg, &first);
	require(!config_parse("again", first.bytes, first.len, &again, err, sizeof(err)));
	config_print(again, &second);
	require(first.len == second.len && !memcmp(first.bytes, second.bytes, first.len));
	buf_fini(&first);
	buf_fini(&second);
	config_free(again);
}

static void fuzz_set(char *text)
{
	struct config *cfg = config_default();
	char err[CONFIG_ERR_MAX] = "", *value = strchr(text, '=');

	require(cfg != NULL);
	if (value)
		*value++ = '\0';
	if (config_set(cfg, text, value ? value : "", err, sizeof(err)))
		check_error(err);
	else if (config_check(cfg, err, sizeof(err)))
		check_error(err);
	else
		check_round_trip(cfg);
	config_free(cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[CONFIG_ERR_MAX] = "", *text;
	struct config *cfg = NULL;

	if (size && data[0] == '=') {
		text = strndup((const char *)data + 1, size - 1);
		require(text != NULL);
		fuzz_set(text);
		free(text);
		return 0;
	}
	if (config_parse("f", (const char *)data, size, &cfg, err, sizeof(err)))
		check_error(err);
	else
		check_round_trip(cfg);
	config_free(cfg);
	return 0;
}
