/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benign look-alike that a name comes nearest to, and what speaks against it.  A profile is,
 * for each term of the score, the range that nine in ten instances of a generated class keep to
 * (benign_data.c, written by `make profiles`).  The distance is in the unit of the score: by how
 * much the contributions of the terms outside their range would have to change to be inside.
 */
#ifndef REPORT_BENIGN_H
#define REPORT_BENIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "detect/alert.h"
#include "detect/weights.h"

#define BENIGN_TERMS_MAX   40
#define BENIGN_AGAINST_MAX 5
#define BENIGN_OTHERS_MAX  3

struct benign_range {
	const char *term; /* NULL ends the list */
	double low, high;
};

struct benign_profile {
	const char *id, *name;
	enum track track; /* that judged them */
	struct benign_range ranges[BENIGN_TERMS_MAX];
};

extern const struct benign_profile benign_profiles[];
extern const size_t benign_profiles_len;

struct benign_difference {
	const char *term;
	double value, low, high;
	double log_odds; /* the part of the distance */
};

struct benign_match {
	const struct benign_profile *nearest; /* NULL: no term to compare */
	double distance;
	const struct benign_profile *others[BENIGN_OTHERS_MAX]; /* as near as that */
	size_t others_len;
	const struct benign_profile *second; /* of those farther away */
	double second_distance;
	size_t against_len; /* largest first */
	struct benign_difference against[BENIGN_AGAINST_MAX];
	bool learning; /* local context was left out: too little is learned for it */
	bool blind; /* connections were left out: none are visible */
};

void benign_match(const struct alert *alert, struct benign_match *ret);

#endif
