/* SPDX-License-Identifier: BSD-2-Clause */
/* A history in a folder of its own, written to and asked by the tests of store/. */
#ifndef UNIT_LIBSTORE_H
#define UNIT_LIBSTORE_H

#include <yajl/yajl_tree.h>

#include "store/store.h"

#define HOUR_NS 3600000000000ULL
#define T0	1795255200ULL /* 2026-11-21T10:00:00Z */

extern char folder[], path[64], err[512];

/* For cmocka: each test has a new file. */
#define ON_A_NEW_FILE(test) cmocka_unit_test_setup_teardown(test, NULL, remove_files)
int make_folder(void **state);
int remove_files(void **state);
int remove_folder(void **state);
struct store_config quiet_config(void);
struct store *open_store(const struct store_config *cfg);
void observe(struct store *s, uint64_t at_s, const char *owner_text, uint16_t type,
	     const char *data, uint32_t repeats);
void observe_numbered(struct store *s, uint64_t at_s, unsigned int i);
yajl_val query(const char *term);
yajl_val member(yajl_val v, size_t i, const char *key);
void assert_text(yajl_val v, size_t i, const char *key, const char *expected);
void assert_number(yajl_val v, size_t i, const char *key, uint64_t expected);
size_t query_len(const char *term);

#endif
