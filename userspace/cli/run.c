// SPDX-License-Identifier: BSD-2-Clause
/* fluxtap run: options, then the monitor from start to end as a list of steps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/monitor.h"
#include "cli/options.h"

struct options {
	const char *config_path;
	struct setup_override sets[SETUP_OVERRIDES_MAX];
	size_t sets_len;
	struct monitor_options monitor;
	const char *interfaces[MONITOR_INTERFACES_MAX];
	bool check_config, verbose;
};

static int set_config(void *options, const char *value)
{
	((struct options *)options)->config_path = value;
	return 0;
}

static int add_interface(void *options, const char *value)
{
	struct options *opt = options;

	if (opt->monitor.interfaces_len == MONITOR_INTERFACES_MAX) {
		log_error("--interface: more than %d", MONITOR_INTERFACES_MAX);
		return -EINVAL;
	}
	opt->interfaces[opt->monitor.interfaces_len++] = value;
	return 0;
}

static int set_output(void *options, const char *value)
{
	return cli_parse_output(value, &((struct options *)options)->monitor.live_view);
}

static int set_check(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->check_config = true;
	return 0;
}

static int add_set(void *options, const char *value)
{
	struct options *opt = options;

	return setup_override_parse(value, opt->sets, &opt->sets_len);
}

static int set_seconds(void *options, const char *value)
{
	return cli_parse_number("seconds", value, 86400UL * 365,
				&((struct options *)options)->monitor.seconds);
}

static int set_verbose(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->verbose = true;
	return 0;
}

static const struct cli_option option_table[] = {
	{ "config", set_config },   { "interface", add_interface },
	{ "output", set_output },   { "check-config", set_check },
	{ "set", add_set },	    { "seconds", set_seconds },
	{ "verbose", set_verbose }, { NULL, NULL },
};

static int parse_options(int argc, char **argv, struct options *opt)
{
	int first;

	opt->monitor.live_view = isatty(STDOUT_FILENO) == 1;
	if (cli_parse(argc, argv, option_table, opt, &first))
		return -EINVAL;
	if (first != argc) {
		log_error("run: unexpected argument '%s'", argv[first]);
		return -EINVAL;
	}
	opt->monitor.interfaces = opt->interfaces;
	opt->monitor.config_path = opt->config_path;
	opt->monitor.sets = opt->sets;
	opt->monitor.sets_len = opt->sets_len;
	return 0;
}

static int check_config(const struct options *opt, const struct setup *setup)
{
	struct buf text = { 0 };

	if (!opt->verbose) {
		if (!opt->config_path && access(CONFIG_PATH, F_OK))
			puts("no " CONFIG_PATH ": the defaults hold");
		else
			printf("%s: ok\n", opt->config_path ? opt->config_path : CONFIG_PATH);
		return EXIT_OK;
	}
	config_print(setup->config, &text);
	fwrite(text.bytes, 1, text.len, stdout);
	buf_fini(&text);
	return EXIT_OK;
}

int cmd_run(int argc, char **argv)
{
	struct options opt = { 0 };
	struct setup setup = { 0 };
	int rc;

	if (parse_options(argc, argv, &opt))
		return EXIT_USAGE;
	rc = setup_load(&setup, opt.config_path, opt.sets, opt.sets_len);
	if (rc)
		rc = setup_exit_code(rc);
	if (opt.verbose && !rc)
		log_set_level(LOG_LEVEL_DEBUG);
	if (!rc && opt.check_config)
		rc = check_config(&opt, &setup);
	else if (!rc)
		rc = monitor_run(&setup, &opt.monitor);
	setup_fini(&setup);
	return rc;
}
