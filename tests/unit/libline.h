/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of JSON read back by an independent parser. */
#ifndef UNIT_LIBLINE_H
#define UNIT_LIBLINE_H

#include <yajl/yajl_tree.h>

#include "base/buf.h"

/*
 * The buffer holds exactly one line, and that line is JSON; nothing in it is empty or null, and no
 * key comes twice. For yajl_tree_free().
 */
yajl_val parse_line(struct buf *b);
/* "a.b.0.c": members by name, elements by number; NULL when it is not there. */
yajl_val at(yajl_val v, const char *path);
void assert_text_at(yajl_val v, const char *path, const char *expected);
void assert_number_at(yajl_val v, const char *path, double expected);
void assert_absent(yajl_val v, const char *path);

#endif
