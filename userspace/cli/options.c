// SPDX-License-Identifier: BSD-2-Clause
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pipeline/pipeline.h"
#include "ui/usage.h"

static int set_option(const struct cli_option *table, const char *name, void *options)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table->set(options, optarg);
	log_error("--%s: not for this command", name);
	return -EINVAL;
}

int cli_parse(int argc, char **argv, const struct cli_option *table, void *options, int *ret_first)
{
	const struct usage_command *command = usage_find(argv[0]);
	struct option long_options[USAGE_OPTIONS_MAX + 1];
	char short_options[2 * USAGE_OPTIONS_MAX + 2];
	int c;

	usage_getopt(command, long_options, short_options);
	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		const char *name = usage_option_name(command, c);

		/* without a name getopt has said what is wrong */
		if (!name || set_option(table, name, options))
			return -EINVAL;
	}
	*ret_first = optind;
	return 0;
}

/* The event types by name, as --emit and eve.types list them. */

static const struct {
	const char *name;
	unsigned int bit;
} events[] = {
	{ "dns", PIPELINE_DNS },     { "anomaly", PIPELINE_ANOMALY },
	{ "churn", PIPELINE_CHURN }, { "connect", PIPELINE_CONNECT },
	{ "alert", PIPELINE_ALERT }, { "stats", PIPELINE_STATS },
	{ "all", PIPELINE_ALL },     { "none", 0 },
};

int cli_parse_emit(const char *list, unsigned int *ret_bits)
{
	unsigned int bits = 0;

	while (*list) {
		size_t n = strcspn(list, ","), i;

		for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
			if (strlen(events[i].name) == n && !strncmp(events[i].name, list, n))
				break;
		if (i == sizeof(events) / sizeof(events[0])) {
			log_error(
				"--emit: unknown event type '%.*s' (dns, anomaly, churn, connect, "
				"alert, stats, all, none)",
				(int)n, list);
			return -EINVAL;
		}
		bits |= events[i].bit;
		list += n + (list[n] == ',');
	}
	*ret_bits = bits;
	return 0;
}

int cli_parse_output(const char *word, bool *ret_human)
{
	if (strcmp(word, "json") && strcmp(word, "text")) {
		log_error("--output: '%s' is neither json nor text", word);
		return -EINVAL;
	}
	*ret_human = word[0] == 't';
	return 0;
}

int cli_parse_number(const char *option, const char *text, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || n == 0 || n > max) {
		log_error("--%s: '%s' is no number from 1 to %lu", option, text, max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}
