/* SPDX-License-Identifier: BSD-2-Clause */
/* ROC curves as SVG. */
#ifndef TRAFFIC_PLOT_H
#define TRAFFIC_PLOT_H

#include "librate.h"

/* One diagram: @malicious and @benign are class lists; curves of the detector and the baselines
 * that have a score, points for those that only say yes or no. 0 or negative errno. */
int plot_roc(const char *path, const char *title, const struct results *r, const char *malicious,
	     const char *benign);

#endif
