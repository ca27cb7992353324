// SPDX-License-Identifier: BSD-2-Clause
/* fluxtap: which command, and nothing else. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ui/usage.h"

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },	    { "replay", cmd_replay }, { "top", cmd_top },
	{ "history", cmd_history }, { "alerts", cmd_alerts }, { "explain", cmd_explain },
	{ "doctor", cmd_doctor },   { "lab", cmd_lab },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int show_usage(const char *command)
{
	usage_print(command, stdout);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		usage_print(NULL, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("fluxtap " FLUXTAP_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return show_usage(NULL);
	if (!strcmp(argv[1], "help"))
		return show_usage(argc > 2 && find_command(argv[2]) ? argv[2] : NULL);
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "fluxtap: unknown command '%s'; see fluxtap --help\n", argv[1]);
		return EXIT_USAGE;
	}
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return show_usage(command->name);
	return command->main(argc - 1, argv + 1);
}
