/* SPDX-License-Identifier: BSD-2-Clause */
/* What the targets share that read files: checks that end the program, complaints kept quiet. */
#ifndef FUZZ_FILE_INPUT_H
#define FUZZ_FILE_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void say_nothing(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	require(len && line[len - 1] == '\n');
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_writer(say_nothing, NULL);
	return 0;
}

#endif
