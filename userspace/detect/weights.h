/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terms of the score and their weights, in log-odds: score = sum of value x weight.  Values
 * are made in features.c; what each means and where its weight comes from is in
 * docs/detection.md.  The table in weights.c is data: `make fit` writes it anew.
 */
#ifndef DETECT_WEIGHTS_H
#define DETECT_WEIGHTS_H

enum term {
	TERM_BIAS,
	TERM_LATE_NOVELTY,
	TERM_DISPERSION,
	TERM_PREFIX_DISPERSION,
	TERM_FEW_AS,
	TERM_TTL_VERY_LONG,
	TERM_TTL_HOUR,
	TERM_ONE_WAY,
	TERM_UNHURRIED,
	TERM_SEED_ANSWERS,
	TERM_STABLE,
	TERM_NEVER_BACK,
	TERM_COMES_BACK,
	TERM_SEVERAL_AS,
	TERM_UNLEARNED,
	TERM_AGE_DAY,
	TERM_AGE_WEEK,
	TERM_AGE_OLD,
	TERM_POPULAR,
	TERM_ADDRESS_SHARING,
	TERM_CNAME_FANIN,
	TERM_SIBLINGS,
	TERM_HOSTING,
	TERM_HOSTED_POOL,
	TERM_NS_LOCAL,
	TERM_NS_COMMON,
	TERM_NS_FLUX,
	TERM_NS_OVERLAP,
	TERM_NS_STABLE,
	TERM_ROTATION_FOLLOWED,
	TERM_CONNECT_FAILURES,
	TERM_SERVICE_POOL,
	TERM_LATE_CONTACT,
	TERM_INJECTION,
	TERM_COMMON_ORDER,
	TERM_CLUSTER,
	TERM_COUNT,
};

enum track { TRACK_FAST, TRACK_SLOW, TRACK_COUNT };

struct term_weight {
	const char *name;
	double weight[TRACK_COUNT]; /* 0: the track does not use it */
};
extern const struct term_weight term_weights[TERM_COUNT];

#endif
