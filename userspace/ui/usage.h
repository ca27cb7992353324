/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line as a table: what --help prints, what getopt_long(3) accepts and what the
 * manual pages and the shell completion are compared with are the same words.
 */
#ifndef UI_USAGE_H
#define UI_USAGE_H

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

/* What getopt_long() returns for an option without a short form: from here on, by its index. */
#define USAGE_LONG_ONLY 256
#define USAGE_OPTIONS_MAX 16

struct usage_option {
	char letter;	      /* 0: long form only */
	const char *name;     /* "config"; NULL ends a list */
	const char *argument; /* "FILE"; NULL without */
	const char *help;
};

struct usage_command {
	const char *name, *arguments, *summary; /* "replay", "FILE…", one line */
	const char *details;			/* a paragraph or more, may be NULL */
	const char *privilege;			/* who may run it */
	const struct usage_option *options;	/* --help is among them */
};

extern const struct usage_command usage_commands[]; /* ends with a NULL name */

const struct usage_command *usage_find(const char *command); /* NULL: no such command */

/* Help of @command, or of the program for NULL. */
void usage_print(const char *command, FILE *to);

/*
 * The tables for getopt_long(3). @ret_long has room for USAGE_OPTIONS_MAX + 1 entries, @ret_short
 * for 2 * USAGE_OPTIONS_MAX + 2 characters. `val` is the letter, or USAGE_LONG_ONLY plus the
 * index in @c->options.
 */
void usage_getopt(const struct usage_command *c, struct option *ret_long, char *ret_short);

/* The name of the option that getopt_long() returned as @val; NULL for none of @c. */
const char *usage_option_name(const struct usage_command *c, int val);

#endif
