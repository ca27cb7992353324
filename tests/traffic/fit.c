// SPDX-License-Identifier: BSD-2-Clause
/*
 * Weights for userspace/detect/weights.c by regularised logistic regression on the terms that
 * `evaluate --train --terms FILE` dumped.  The score is linear in the terms, so this is the model
 * itself and no stand-in.  Each class has the same mass, whatever its number of samples; weights
 * keep the sign they were given, are drawn towards the present ones (ridge), and the line between
 * flux and not is put at a score of 2, where `medium` begins.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS_MAX = 48, CLASSES_MAX = 64 };

#define MEDIUM	     2.0
#define TWIN_MASS    0.1
#define YOUNG_MASS   8.0
#define RARE	     100.0 /* classes with fewer samples than this have less mass */
#define STEPS	     3000

struct sample {
	bool flux;
	unsigned int class;
	double mass;
	double value[TERMS_MAX];
};

struct fit {
	double benign_mass; /* of all benign classes; that of flux is 1: a false alert costs more
			     * than a late one */
	double ridge;
	struct sample *samples;
	size_t len, cap;
	char terms[TERMS_MAX][32];
	double old[TERMS_MAX], weight[TERMS_MAX];
	unsigned int terms_len;
	char classes[CLASSES_MAX][8];
	bool class_flux[CLASSES_MAX];
	size_t class_count[CLASSES_MAX];
	unsigned int classes_len;
};

static int class_of(struct fit *f, const char *id, bool flux)
{
	for (unsigned int i = 0; i < f->classes_len; i++)
		if (!strcmp(f->classes[i], id))
			return (int)i;
	if (f->classes_len == CLASSES_MAX)
		return -1;
	snprintf(f->classes[f->classes_len], sizeof(f->classes[0]), "%.7s", id);
	f->class_flux[f->classes_len] = flux;
	return (int)f->classes_len++;
}

static int term_of(struct fit *f, const char *name, double weight)
{
	for (unsigned int i = 0; i < f->terms_len; i++)
		if (!strcmp(f->terms[i], name))
			return (int)i;
	if (f->terms_len == TERMS_MAX)
		return -1;
	snprintf(f->terms[f->terms_len], sizeof(f->terms[0]), "%.31s", name);
	f->old[f->terms_len] = weight;
	return (int)f->terms_len++;
}

/* "name=value*weight" words into @s; false for a bad one. */
static bool read_terms(struct fit *f, char *save, struct sample *s, bool *ret_fast)
{
	char *word;

	while ((word = strtok_r(NULL, " \n", &save))) {
		char *eq = strchr(word, '='), *star = eq ? strchr(eq, '*') : NULL;
		int t;

		if (!star)
			return false;
		*eq = 0;
		*ret_fast = *ret_fast || !strcmp(word, "late_novelty");
		t = term_of(f, word, strtod(star + 1, NULL));
		if (t < 0)
			return false;
		s->value[t] = strtod(eq + 1, NULL);
	}
	return true;
}

/* 1: a sample of the wanted track; 0: of the other one, or too early to speak; -1: bad line. */
static int read_line(struct fit *f, char *line, bool want_fast, struct sample *s)
{
	struct fit before = *f;
	char *save = NULL, *id = strtok_r(line, " ", &save);
	char *field[7];
	bool fast = false;
	int class;

	for (int i = 0; i < 7; i++)
		field[i] = strtok_r(NULL, " ", &save);
	if (!id || !field[6])
		return -1;
	*s = (struct sample){ .flux = field[0][0] == '1' };
	if (!read_terms(f, save, s, &fast))
		return -1;
	if (fast != want_fast || strtoul(field[5], NULL, 10) < 4) {
		before.samples = f->samples;
		*f = before; /* the other track's terms are not ours */
		return 0;
	}
	class = class_of(f, id, s->flux);
	if (class < 0)
		return -1;
	s->class = (unsigned int)class;
	f->class_count[class]++;
	return 1;
}

static int keep(struct fit *f, const struct sample *s)
{
	if (f->len == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 4096;
		struct sample *grown = realloc(f->samples, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		f->samples = grown;
		f->cap = cap;
	}
	f->samples[f->len++] = *s;
	return 0;
}

static int read_file(struct fit *f, const char *path, bool fast)
{
	FILE *in = fopen(path, "re");
	static char line[16384];
	struct sample s;
	int err = in ? 0 : -errno, got;

	for (size_t n = 1; !err && fgets(line, sizeof(line), in); n++) {
		got = read_line(f, line, fast, &s);
		if (got < 0) {
			fprintf(stderr, "%s:%zu: not a line of terms\n", path, n);
			err = -EBADMSG;
		} else if (got) {
			err = keep(f, &s);
		}
	}
	if (in)
		fclose(in);
	else
		fprintf(stderr, "fit: %s: %s\n", path, strerror(errno));
	return err;
}

/* Pools that are flux in all but intent: one cannot have these and the small botnets too. */
static bool is_twin(const char *id)
{
	return !strcmp(id, "B10") || !strcmp(id, "B11");
}

/*
 * Terms that keep their weight.  In generated traffic only flux and its siblings form clusters;
 * real content networks do too, and a fit would not know.
 */
static bool is_held(const char *term)
{
	return !strcmp(term, "cluster") || !strcmp(term, "common_order") ||
	       !strcmp(term, "late_contact") || !strcmp(term, "unlearned");
}

/* A benign name that is new here: those known for long give no false alerts to learn from. */
static bool is_young(const struct fit *f, const struct sample *s)
{
	for (unsigned int t = 0; t < f->terms_len; t++)
		if (s->value[t] > 0 &&
		    (!strcmp(f->terms[t], "age_day") || !strcmp(f->terms[t], "age_week")))
			return true;
	return false;
}

static void weigh_samples(struct fit *f, bool fast)
{
	double classes[2] = { 0 };

	for (unsigned int c = 0; c < f->classes_len; c++)
		classes[f->class_flux[c]]++;
	for (size_t i = 0; i < f->len; i++) {
		struct sample *s = &f->samples[i];

		s->mass = (s->flux ? 1 : f->benign_mass) / classes[s->flux] /
			  fmax((double)f->class_count[s->class], RARE);
		if (is_twin(f->classes[s->class]) ||
		    (fast && !strcmp(f->classes[s->class], "M7"))) /* the slow track's */
			s->mass *= TWIN_MASS;
		if (!s->flux && is_young(f, s))
			s->mass *= YOUNG_MASS;
	}
}

static double score(const struct fit *f, const struct sample *s)
{
	double sum = 0;

	for (unsigned int t = 0; t < f->terms_len; t++)
		sum += f->weight[t] * s->value[t];
	return sum;
}

static double loss(const struct fit *f)
{
	double sum = 0;

	for (size_t i = 0; i < f->len; i++) {
		double z = score(f, &f->samples[i]) - MEDIUM;

		sum += f->samples[i].mass * log1p(exp(f->samples[i].flux ? -z : z));
	}
	for (unsigned int t = 0; t < f->terms_len; t++)
		sum += f->ridge / 2 * (f->weight[t] - f->old[t]) * (f->weight[t] - f->old[t]);
	return sum;
}

static void gradient(const struct fit *f, double *g, double *curvature)
{
	for (unsigned int t = 0; t < f->terms_len; t++) {
		g[t] = f->ridge * (f->weight[t] - f->old[t]);
		curvature[t] = f->ridge;
	}
	for (size_t i = 0; i < f->len; i++) {
		const struct sample *s = &f->samples[i];
		double p = 1 / (1 + exp(MEDIUM - score(f, s)));
		double d = s->mass * (p - s->flux), h = s->mass * p * (1 - p);

		for (unsigned int t = 0; t < f->terms_len; t++) {
			g[t] += d * s->value[t];
			curvature[t] += h * s->value[t] * s->value[t];
		}
	}
}

/* Diagonally scaled descent, projected on the signs; the step halves when it does not pay. */
static void descend(struct fit *f)
{
	double g[TERMS_MAX], curvature[TERMS_MAX], before[TERMS_MAX], at = loss(f), rate = 0.3;

	for (int step = 0; step < STEPS && rate > 1e-6; step++) {
		double now;

		gradient(f, g, curvature);
		memcpy(before, f->weight, sizeof(before));
		for (unsigned int t = 0; t < f->terms_len; t++) {
			if (is_held(f->terms[t]))
				continue;
			f->weight[t] -= rate * g[t] / curvature[t];
			if (f->weight[t] * f->old[t] < 0)
				f->weight[t] = 0;
		}
		now = loss(f);
		if (now > at) {
			memcpy(f->weight, before, sizeof(before));
			rate /= 2;
		} else {
			rate = rate < 1 ? rate * 1.05 : rate;
			if (at - now < 1e-10)
				return;
			at = now;
		}
	}
}

static void print_classes(const struct fit *f, const char *track)
{
	printf("\n# %s track: share of samples above %g, with the old and the new weights\n", track,
	       MEDIUM);
	for (unsigned int c = 0; c < f->classes_len; c++) {
		size_t old = 0, now = 0;

		for (size_t i = 0; i < f->len; i++) {
			const struct sample *s = &f->samples[i];
			double sum = 0;

			if (s->class != c)
				continue;
			for (unsigned int t = 0; t < f->terms_len; t++)
				sum += f->old[t] * s->value[t];
			old += sum > MEDIUM;
			now += score(f, s) > MEDIUM;
		}
		printf("# %-4s %7zu samples %.4f -> %.4f\n", f->classes[c], f->class_count[c],
		       (double)old / (double)f->class_count[c],
		       (double)now / (double)f->class_count[c]);
	}
}

static void print_weights(const struct fit *f, const char *track)
{
	printf("# %s track: term, old weight, new weight, mean |value|\n", track);
	for (unsigned int t = 0; t < f->terms_len; t++) {
		double sum = 0;

		for (size_t i = 0; i < f->len; i++)
			sum += fabs(f->samples[i].value[t]);
		printf("%-20s %-5s %7.2f %7.2f %8.4f\n", f->terms[t], track, f->old[t],
		       f->weight[t], sum / (double)f->len);
	}
}

/* New weights by name; NAN where a track does not use the term. */
struct table {
	char names[TERMS_MAX][32];
	double weight[TERMS_MAX][2]; /* fast, slow */
	unsigned int len;
};

static void collect(struct table *table, const struct fit *f, int track)
{
	for (unsigned int t = 0; t < f->terms_len; t++) {
		unsigned int at = 0;

		while (at < table->len && strcmp(table->names[at], f->terms[t]))
			at++;
		if (at == table->len) {
			memcpy(table->names[at], f->terms[t], sizeof(table->names[at]));
			table->weight[at][0] = table->weight[at][1] = NAN;
			table->len++;
		}
		table->weight[at][track] = f->weight[t];
	}
}

/* @line of weights.c with the numbers of its term replaced, as far as they were fitted. */
static void write_line(FILE *out, const struct table *table, const char *line)
{
	const char *quote = strchr(line, '"'), *end = quote ? strchr(quote + 1, '"') : NULL;
	double old[2], now[2];

	for (unsigned int i = 0; end && i < table->len; i++) {
		if (strlen(table->names[i]) != (size_t)(end - quote - 1) ||
		    strncmp(table->names[i], quote + 1, (size_t)(end - quote - 1)) ||
		    sscanf(end, "\", { %lf, %lf } }", &old[0], &old[1]) != 2)
			continue;
		for (int t = 0; t < 2; t++)
			now[t] = isnan(table->weight[i][t]) ? old[t] :
							      round(table->weight[i][t] * 100) / 100;
		fprintf(out, "%.*s\", { %.2f, %.2f } },\n", (int)(end - line), line, now[0], now[1]);
		return;
	}
	fputs(line, out);
}

static int write_table(const struct table *table, const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = in ? fopen(to, "we") : NULL;
	char line[512];

	if (!out) {
		fprintf(stderr, "fit: %s: %s\n", in ? to : from, strerror(errno));
		if (in)
			fclose(in);
		return 1;
	}
	while (fgets(line, sizeof(line), in))
		write_line(out, table, line);
	fclose(in);
	return fclose(out) ? 1 : 0;
}

static int fit_track(struct fit *f, const char *path, bool fast, struct table *table)
{
	const char *track = fast ? "fast" : "slow";

	if (read_file(f, path, fast))
		return 1;
	if (!f->len) {
		printf("# no samples of the %s track\n", track);
		return 0;
	}
	memcpy(f->weight, f->old, sizeof(f->weight));
	weigh_samples(f, fast);
	printf("\n# loss %.5f", loss(f));
	descend(f);
	printf(" -> %.5f, %zu samples\n", loss(f), f->len);
	print_classes(f, track);
	print_weights(f, track);
	collect(table, f, fast ? 0 : 1);
	free(f->samples);
	return 0;
}

int main(int argc, char **argv)
{
	static struct fit f;
	static struct table table;

	if (argc < 4 || argc > 6) {
		fputs("usage: fit TERMS WEIGHTS.c NEW-WEIGHTS.c [benign mass (4) [ridge (0.01)]]\n",
		      stderr);
		return 2;
	}
	for (int fast = 1; fast >= 0; fast--) {
		memset(&f, 0, sizeof(f));
		f.benign_mass = argc > 4 ? strtod(argv[4], NULL) : 4;
		f.ridge = argc > 5 ? strtod(argv[5], NULL) : 0.01;
		if (fit_track(&f, argv[1], fast, &table))
			return 1;
	}
	return write_table(&table, argv[2], argv[3]);
}
