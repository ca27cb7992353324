/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of configuration keys: the one place that knows their types, ranges and defaults. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stddef.h>

enum config_type {
	CONFIG_BOOL, /* bool */
	CONFIG_COUNT, /* unsigned, 4 or 8 bytes */
	CONFIG_SIZE, /* uint64_t or size_t, bytes: "64KiB" */
	CONFIG_POW2, /* the same, a power of two */
	CONFIG_DURATION, /* uint64_t, nanoseconds: "5s" */
	CONFIG_NUMBER, /* double */
	CONFIG_CHOICE, /* enum, counted from 0: one of `words` */
	CONFIG_WORD,	 /* const char *: one of `words`, static */
	CONFIG_FLAGS, /* uint32_t, bits from 0: a list of `words` */
	CONFIG_TEXT, /* char * */
	CONFIG_PATHNAME, /* char *, empty or absolute */
	CONFIG_TEXTS, /* struct config_list */
	CONFIG_SOURCES, /* struct config_list of ASN sources */
	CONFIG_NETWORKS, /* struct config_list of CIDRs */
	CONFIG_PORTS, /* struct decode_config */
};

struct config_key {
	const char *path; /* "capture.ring_bytes" */
	enum config_type type;
	size_t offset, width; /* in struct config, bytes */
	const char *initial; /* default, as config_set() reads it; NULL: its module's */
	double min, max; /* of numbers, in the unit of the field */
	const char *const *words; /* CHOICE, WORD and FLAGS: NULL-terminated */
};

/* Keys of one section stand together, in the order of the manual. */
extern const struct config_key config_keys[];
extern const size_t config_keys_len;

/* NULL when there is no such key. */
const struct config_key *config_key_find(const char *path);
/* True when @path is a section: a key continues it after a dot. */
int config_is_section(const char *path);
int config_is_list(const struct config_key *key);

#endif
