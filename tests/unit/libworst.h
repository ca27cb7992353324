/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages made to be expensive: every record's names lead through as much as a name may. */
#ifndef TESTS_UNIT_LIBWORST_H
#define TESTS_UNIT_LIBWORST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORST_BYTES 65535

/*
 * One way to build such a message: a chain of cells, each @labels labels of @label_octets and a
 * pointer to the cell before; then records of @type, owned by the last cell and, where the type has
 * names in its rdata, naming it there too. @cells 0: names in place, uncompressed.
 */
struct worst_shape {
	unsigned int cells, labels, label_octets;
	uint16_t type; /* 0: questions instead of records */
};

/* The @i-th of all; false past the last. */
bool worst_shape(size_t i, struct worst_shape *ret);
/* Into @bytes, at most @len (up to WORST_BYTES) octets: how many it took. */
size_t worst_build(const struct worst_shape *s, uint8_t *bytes, size_t len);
const char *worst_name(const struct worst_shape *s, char buf[96]);

#endif
