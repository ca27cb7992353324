// SPDX-License-Identifier: BSD-2-Clause
/* fluxtap lab: its options; the network itself is userspace/lab/. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "lab/lab.h"

static int set_scenario(void *options, const char *value)
{
	struct lab_config *cfg = options;

	if (strcmp(value, "single") && strcmp(value, "double")) {
		log_error("--scenario: '%s' is neither single nor double", value);
		return -EINVAL;
	}
	cfg->scenario = value[0] == 'd' ? LAB_DOUBLE : LAB_SINGLE;
	return 0;
}

static int set_keep(void *options, const char *value)
{
	(void)value;
	((struct lab_config *)options)->keep = true;
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
	{ "scenario", set_scenario },
	{ "keep", set_keep },
	{ "verbose", set_verbose },
	{ NULL, NULL },
};

int cmd_lab(int argc, char **argv)
{
	struct lab_config cfg = { 0 };
	int first, helper = lab_helper(argc - 1, argv + 1);

	if (helper >= 0)
		return helper;
	if (cli_parse(argc, argv, option_table, &cfg, &first))
		return EXIT_USAGE;
	if (first != argc) {
		log_error("lab: unexpected argument '%s'", argv[first]);
		return EXIT_USAGE;
	}
	return lab_run(&cfg);
}
