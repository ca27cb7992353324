// SPDX-License-Identifier: BSD-2-Clause
/* fluxtap lab: its options; the network itself is userspace/lab/. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "lab/lab.h"

struct options {
	struct lab_config lab;
	struct setup_override sets[SETUP_OVERRIDES_MAX]; /* only to see that they can be read */
	size_t sets_len;
	const char *texts[SETUP_OVERRIDES_MAX];
};

static int set_scenario(void *options, const char *value)
{
	static const char *const names[] = {
		[LAB_SINGLE] = "single", [LAB_DOUBLE] = "double", [LAB_HOST] = "host"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]))
			continue;
		((struct options *)options)->lab.scenario = (enum lab_scenario)i;
		return 0;
	}
	log_error("--scenario: '%s' is none of single, double, host", value);
	return -EINVAL;
}

static int add_set(void *options, const char *value)
{
	struct options *opt = options;

	if (setup_override_parse(value, opt->sets, &opt->sets_len))
		return -EINVAL;
	opt->texts[opt->lab.sets_len++] = value;
	return 0;
}

static int set_keep(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->lab.keep = true;
	return 0;
}

static int set_verbose(void *options, const char *value)
{
	(void)options;
	(void)value;
	log_set_level(LOG_LEVEL_DEBUG);
	return 0;
}

static const struct cli_option option_table[] = {
	{ "scenario", set_scenario }, { "keep", set_keep }, { "set", add_set },
	{ "verbose", set_verbose },   { NULL, NULL },
};

int cmd_lab(int argc, char **argv)
{
	struct options opt = { 0 };
	int first, helper = lab_helper(argc - 1, argv + 1);

	if (helper >= 0)
		return helper;
	if (cli_parse(argc, argv, option_table, &opt, &first))
		return EXIT_USAGE;
	if (first != argc) {
		log_error("lab: unexpected argument '%s'", argv[first]);
		return EXIT_USAGE;
	}
	opt.lab.sets = opt.texts;
	return lab_run(&opt.lab);
}
