/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to doctor/: the list that the checks fill. */
#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include "doctor/doctor.h"

enum doctor_status { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct finding {
	char check[40];
	enum doctor_status status;
	char text[200];
	char remedy[200]; /* empty: nothing to do */
};

struct findings {
	struct finding *items;
	size_t len, cap;
	bool failed; /* out of memory */
};

/* Add a finding; its text by format. The result is valid until the next one: for the remedy. */
struct finding *finding_add(struct findings *f, enum doctor_status status, const char *check,
			    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void finding_remedy(struct finding *item, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The first line of a file under /proc or /sys without its newline; false when unreadable. */
bool read_line(const char *path, char *buf, size_t len);

void doctor_kernel(struct findings *f, const struct doctor_config *cfg);
void doctor_interfaces(struct findings *f, const struct doctor_config *cfg);
void doctor_data(struct findings *f, const struct doctor_config *cfg);

#endif
