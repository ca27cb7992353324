/* SPDX-License-Identifier: BSD-2-Clause */
/* What `run` and `replay` prepare alike: configuration, ASN sources, the pipeline's settings. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "capture/kernel.h"
#include "config/config.h"
#include "enrich/enrich.h"
#include "pipeline/pipeline.h"
#include "report/human.h"
#include "store/store.h"

#define SETUP_OVERRIDES_MAX 32

struct setup_override { /* --set KEY=VALUE */
	char key[64];
	const char *value; /* borrowed from argv */
};

struct setup {
	struct config *config;
	struct enrich *enrich;
	char sensor[256];
};

/* Split "KEY=VALUE" and append. -EINVAL with a line on stderr. */
int setup_override_parse(const char *text, struct setup_override *sets, size_t *len);

/*
 * Configuration from @path (NULL: /etc/fluxtap/fluxtap.yaml when it exists, else defaults) with
 * @sets on top, and the ASN sources it names. Errors are said on stderr: -EINVAL for bad
 * configuration, else the errno of what could not be opened.
 */
int setup_load(struct setup *s, const char *path, const struct setup_override *sets,
	       size_t sets_len);
void setup_fini(struct setup *s);

/* Everything of pipeline_config; strings and lists stay borrowed from @s. */
void setup_pipeline_config(const struct setup *s, const struct hash_key *key,
			   struct pipeline_config *ret);

/* Everything of kernel_config that can be configured. */
void setup_kernel_config(const struct setup *s, struct kernel_config *ret);

/*
 * The history at @path. @block: wait for the disk instead of dropping (replay). What the last run
 * left undone is said on stderr, and so are errors.
 */
int setup_open_store(const struct setup *s, const char *path, bool block,
		     const struct hash_key *key, struct store **ret);

/* Text for people on standard output: colour where a terminal takes it. */
struct human_style setup_human_style(bool colour);

/* EXIT_USAGE for -EINVAL, EXIT_PREREQUISITE for a missing right or file, else EXIT_RUNTIME. */
int setup_exit_code(int err);

#endif
