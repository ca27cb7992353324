/* SPDX-License-Identifier: BSD-2-Clause */
/* Signature ids of alerts. Append only: rules of the people who read them depend on the numbers. */
#ifndef DETECT_SIGNATURE_H
#define DETECT_SIGNATURE_H

#include "detect/alert.h"

struct signature {
	uint32_t id, rev;
	const char *text, *category;
};

/* Of an alert: by verdict, and its own for home nodes. Never NULL. */
const struct signature *verdict_signature(const struct alert *alert);
/* Suricata's scale: 1 is the gravest. */
int alert_severity(const struct alert *alert);

#endif
