/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands. Each takes its own argv (argv[0] is the command's name) and returns an exit code.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

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

#endif
