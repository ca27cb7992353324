/* SPDX-License-Identifier: BSD-2-Clause */
/* What a verdict is called in the `alert` object of an event; rule writers match on the ids. */
#ifndef REPORT_SIGNATURE_H
#define REPORT_SIGNATURE_H

#include <stdint.h>
#include "detect/alert.h"

#define SIGNATURE_GID 1
#define SIGNATURE_REV 1

struct signature {
	uint32_t id; /* stable, gid 1 */
	const char *text; /* "FLUXTAP single-flux domain …" */
	const char *category; /* of Suricata's classification.config */
};

/* Never NULL. */
const struct signature *signature_of(const struct alert *alert);
/* 1 high, 2 medium, 3 low; pools of unknown purpose are 3. */
unsigned int signature_severity(const struct alert *alert);

#endif
