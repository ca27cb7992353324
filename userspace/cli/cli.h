/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands. Each takes its own argv (argv[0] is the command's name) and returns an exit code. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

enum exit_code { /* contract, section 1 */
	EXIT_OK = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_PREREQUISITE = 3,
};

int cmd_run(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_alerts(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_lab(int argc, char **argv);

/* "dns,alert" to PIPELINE_* bits; -EINVAL names the unknown word on stderr. */
int cli_parse_emit(const char *list, unsigned int *ret_bits);
/* -o json or -o text; -EINVAL says on stderr what is wrong. */
int cli_parse_output(const char *word, bool *ret_human);

#endif
