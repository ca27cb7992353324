/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines by the table of ui/usage.h: each option's name to the function that takes it. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

struct cli_option {
	const char *name; /* as in ui/usage.h; NULL ends the table */
	/* @value is NULL for options without argument. 0, or -EINVAL after a line on stderr. */
	int (*set)(void *options, const char *value);
};

/* 0 with the index of the first operand in *ret_first; -EINVAL: said on stderr. */
int cli_parse(int argc, char **argv, const struct cli_option *table, void *options, int *ret_first);

/* "dns,alert" to PIPELINE_* bits. */
int cli_parse_emit(const char *list, unsigned int *ret_bits);
/* "json" or "text". */
int cli_parse_output(const char *word, bool *ret_human);
/* A whole number from 1 to @max; @option is for the message. */
int cli_parse_number(const char *option, const char *text, unsigned long max, unsigned long *ret);

#endif
