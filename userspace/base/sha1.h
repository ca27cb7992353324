/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-1 (FIPS 180-4), to tell whether two files are the same; no use against an adversary. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stddef.h>

#define SHA1_HEX_LEN 40

/* @ret: SHA1_HEX_LEN digits and a terminating zero. */
void sha1_hex(const void *bytes, size_t len, char *ret);

#endif
