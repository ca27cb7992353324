// SPDX-License-Identifier: BSD-2-Clause
#include "libplot.h"

#include <errno.h>
#include <stdlib.h>

enum { LEFT = 60, TOP = 40, SIDE = 420 };

enum scored { SCORE_FLUXTAP, SCORE_HOLZ, SCORE_ZEEK, SCORE_NAIVE, SCORED };

static const struct {
	const char *label, *colour;
} scored[SCORED] = { { "fluxtap", "#c02020" },
		     { "Holz 24h", "#2060c0" },
		     { "Zeek pkg", "#208040" },
		     { "addresses at TTL up to 300", "#808080" } };

static double score_of(const struct outcome *o, enum scored which)
{
	switch (which) {
	case SCORE_FLUXTAP:
		return o->score;
	case SCORE_HOLZ:
		return o->holz24;
	case SCORE_ZEEK:
		return o->zeek;
	default:
		return o->naive;
	}
}

struct sample {
	double score;
	bool malicious;
};

static int falling(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->score, y = ((const struct sample *)b)->score;

	return x > y ? -1 : x < y;
}

static double px(double share)
{
	return LEFT + SIDE * share;
}

static double py(double share)
{
	return TOP + SIDE * (1 - share);
}

/* Equal scores move along both axes at once; returns the area below. */
static double curve(FILE *f, struct sample *s, size_t n, size_t positives, const char *colour)
{
	double area = 0, x = 0, y = 0;
	size_t tp = 0, fp = 0;

	qsort(s, n, sizeof(*s), falling);
	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%.1f,%.1f",
		colour, px(0), py(0));
	for (size_t i = 0; i < n;) {
		double score = s[i].score, nx, ny;

		for (; i < n && s[i].score >= score; i++)
			s[i].malicious ? tp++ : fp++;
		nx = (double)fp / (double)(n - positives ? n - positives : 1);
		ny = (double)tp / (double)(positives ? positives : 1);
		area += (nx - x) * (y + ny) / 2;
		x = nx;
		y = ny;
		fprintf(f, " %.1f,%.1f", px(x), py(y));
	}
	fprintf(f, "\"/>\n");
	return area;
}

static void text(FILE *f, double x, double y, const char *colour, const char *s)
{
	fprintf(f, "<text x=\"%.0f\" y=\"%.0f\" fill=\"%s\">%s</text>\n", x, y, colour, s);
}

static void frame(FILE *f, const char *title)
{
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"520\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"720\" height=\"520\" fill=\"white\"/>\n"
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"black\"/>\n",
		LEFT, TOP, SIDE, SIDE);
	text(f, LEFT, 24, "black", title);
	text(f, LEFT + 120, TOP + SIDE + 36, "black", "share of benign instances alerted");
	for (int i = 0; i <= 10; i += 2) {
		char label[8];

		snprintf(label, sizeof(label), "%.1f", i / 10.0);
		text(f, px(i / 10.0) - 8, TOP + SIDE + 16, "black", label);
		text(f, LEFT - 26, py(i / 10.0) + 4, "black", label);
	}
}

static void points(FILE *f, const struct results *r, const char *malicious, const char *benign)
{
	struct filter bad = FILTER_CLASS(malicious), good = FILTER_CLASS(benign);
	double y = TOP + 120;

	for (int b = 0; b < BASE_COUNT; b++, y += 18) {
		double fpr = rate_baseline(r, &good, (enum baseline)b);
		double tpr = rate_baseline(r, &bad, (enum baseline)b);
		char label[64];

		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"#404040\"/>\n", px(fpr),
			py(tpr));
		fprintf(f, "<text x=\"%.0f\" y=\"%.0f\" font-size=\"9\">%d</text>\n", px(fpr) + 4,
			py(tpr) - 3, b + 1);
		snprintf(label, sizeof(label), "%d %s: %.3f / %.3f", b + 1, baseline_names[b], fpr,
			 tpr);
		text(f, LEFT + SIDE + 16, y, "#404040", label);
	}
}

int plot_roc(const char *path, const char *title, const struct results *r, const char *malicious,
	     const char *benign)
{
	struct filter bad = FILTER_CLASS(malicious), good = FILTER_CLASS(benign);
	size_t positives = rate_count(r, &bad), n = 0;
	struct sample *s = calloc(r->len + 1, sizeof(*s));
	FILE *f = fopen(path, "we");

	if (!s || !f) {
		free(s);
		if (f)
			fclose(f);
		return s ? -errno : -ENOMEM;
	}
	frame(f, title);
	for (int which = 0; which < SCORED; which++) {
		char label[96];
		double area;

		n = 0;
		for (size_t i = 0; i < r->len; i++)
			if (filter_takes(&bad, &r->outcomes[i]) ||
			    filter_takes(&good, &r->outcomes[i]))
				s[n++] = (struct sample){ score_of(&r->outcomes[i],
								   (enum scored)which),
							  r->outcomes[i].malicious };
		area = curve(f, s, n, positives, scored[which].colour);
		snprintf(label, sizeof(label), "%s: area %.4f", scored[which].label, area);
		text(f, LEFT + SIDE + 16, TOP + 20 + 18 * which, scored[which].colour, label);
	}
	points(f, r, malicious, benign);
	fprintf(f, "</svg>\n");
	free(s);
	return fclose(f) ? -errno : 0;
}
