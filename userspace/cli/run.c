// SPDX-License-Identifier: BSD-2-Clause
/* fluxtap run: options, then the monitor from start to end as a list of steps. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/monitor.h"

struct options {
	const char *config_path;
	struct setup_override sets[SETUP_OVERRIDES_MAX];
	size_t sets_len;
	struct monitor_options monitor;
	const char *interfaces[MONITOR_INTERFACES_MAX];
	bool check_config, verbose;
};

enum { OPT_CHECK = 256, OPT_SET, OPT_SECONDS };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "interface", required_argument, NULL, 'i' },
	{ "output", required_argument, NULL, 'o' },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "set", required_argument, NULL, OPT_SET },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "verbose", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static int add_interface(struct options *opt, const char *name)
{
	if (opt->monitor.interfaces_len == MONITOR_INTERFACES_MAX) {
		log_error("-i: more than %d interfaces", MONITOR_INTERFACES_MAX);
		return -EINVAL;
	}
	opt->interfaces[opt->monitor.interfaces_len++] = name;
	return 0;
}

static int set_seconds(struct options *opt, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || n == 0 || n > 86400UL * 365) {
		log_error("--seconds: '%s' is no number of seconds", text);
		return -EINVAL;
	}
	opt->monitor.seconds = (unsigned int)n;
	return 0;
}

static int parse_one(struct options *opt, int c)
{
	switch (c) {
	case 'c':
		opt->config_path = optarg;
		return 0;
	case 'i':
		return add_interface(opt, optarg);
	case 'o':
		return cli_parse_output(optarg, &opt->monitor.live_view);
	case 'v':
		opt->verbose = true;
		return 0;
	case OPT_CHECK:
		opt->check_config = true;
		return 0;
	case OPT_SET:
		return setup_override_parse(optarg, opt->sets, &opt->sets_len);
	case OPT_SECONDS:
		return set_seconds(opt, optarg);
	default:
		return -EINVAL; /* getopt has said what is wrong */
	}
}

static int parse_options(int argc, char **argv, struct options *opt)
{
	int c;

	opt->monitor.live_view = isatty(STDOUT_FILENO) == 1;
	while ((c = getopt_long(argc, argv, "c:i:o:v", long_options, NULL)) != -1)
		if (parse_one(opt, c))
			return -EINVAL;
	if (optind != argc) {
		log_error("run: unexpected argument '%s'", argv[optind]);
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
	else if (opt.check_config)
		rc = check_config(&opt, &setup);
	else
		rc = monitor_run(&setup, &opt.monitor);
	setup_fini(&setup);
	return rc;
}
