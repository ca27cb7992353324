/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling text from bytes: strings of processes and files are not always UTF-8. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at @s (RFC 3629 4), 0 when there is none. @left > 0. */
size_t utf8_length(const uint8_t *s, size_t left);

#endif
