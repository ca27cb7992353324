// SPDX-License-Identifier: BSD-2-Clause
#include "base/utf8.h"

#include <stdbool.h>

static inline bool is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_length(const uint8_t *s, size_t left)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return left >= 2 && is_continuation(s[1]) ? 2 : 0;
	if ((s[0] & 0xf0) == 0xe0) {
		if (left < 3 || !is_continuation(s[1]) || !is_continuation(s[2]))
			return 0;
		if (s[0] == 0xe0 && s[1] < 0xa0) /* overlong */
			return 0;
		return s[0] == 0xed && s[1] >= 0xa0 ? 0 : 3; /* surrogates */
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (left < 4 || !is_continuation(s[1]) || !is_continuation(s[2]) ||
		    !is_continuation(s[3]))
			return 0;
		if (s[0] == 0xf0 && s[1] < 0x90) /* overlong */
			return 0;
		return s[0] == 0xf4 && s[1] >= 0x90 ? 0 : 4; /* beyond U+10FFFF */
	}
	return 0;
}
