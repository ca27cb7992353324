// SPDX-License-Identifier: BSD-2-Clause
/*
 * The work that a message makes is bounded by its length, whatever it holds. Counted in the edges
 * of the control flow that the parser goes through (-fsanitize-coverage=trace-pc), not in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/text.h"
#include "libworst.h"

/* Edges an octet: what was found is 6, 82, 19 and 594, by gcc 12 at -O2. */
#define PARSE_MAX	8
#define FINGERPRINT_MAX 112
#define OBSERVE_MAX	28
#define TEXT_MAX	800
#define TEXT_BYTES_MAX	(10U << 20) /* of one message */
