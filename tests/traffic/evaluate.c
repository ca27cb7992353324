// SPDX-License-Identifier: BSD-2-Clause
/*
 * How well the detector does on synthetic traffic, beside the published rules on the same
 * responses.  `make evaluate` runs all suites; --help lists what can be chosen.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcapture.h"
#include "libplot.h"
#include "libreport.h"

#define BENIGN "B1,B2,B3,B4,B5,B6,B7,B8,B12,B13,B14,B15,B16,B17,B18,B19"
#define FLUX   "M1,M2,M3,M4,M5,M6,M8,M9,M10,M11,M12,M13"
#define DAY    "B1,B2,B3,B4,B5,B6,B7,B8,B9,B10,B11,B12,B13,B14,B15,B16,B17,B18,B19," FLUX
#define DATABASE "/var/lib/location/database.db"

enum suite_id { SUITE_DAY, SUITE_WEEK, SUITE_COLD, SUITE_CALM, SUITE_LOSS5, SUITE_LOSS20,
		SUITE_FLOOD, SUITES };

struct options {
	const char *suites, *classes, *asn, *out, *terms, *alerts, *pcap;
	uint64_t seed;
	uint32_t instances, sites, jobs, background;
	enum split split;
	bool connects, resolver_side, rules;
	double medium; /* detect.medium_score */
};

struct evaluation {
	struct options opt;
	struct net *net;
	char asn_source[512], asn_path[500];
	FILE *report, *terms, *alerts;
	struct results results[SUITES];
	bool done[SUITES];
};

static struct suite make_suite(const struct evaluation *e, enum suite_id id)
{
	const struct options *o = &e->opt;
	uint32_t sites = o->sites;
	struct suite s = {
		.jobs = o->jobs,
		.sites = sites,
		.resolver_share = 0.5,
		.trial = { .asn_source = e->asn_source, .baselines = o->rules, .terms = e->terms,
			   .alerts = e->alerts, .detect = detect_config_default(),
			   .site = { .seed = o->seed, .split = o->split, .net = e->net,
				     .classes = o->classes ? o->classes : DAY,
				     .per_class = (o->instances + sites - 1) / sites,
				     .background = o->background, .warm_days = 9, .warm_rate = 0.15,
				     .hours = 24, .rate = 1, .connects = o->connects } },
	};

	s.trial.detect.medium_score = o->medium;
	switch (id) {
	case SUITE_DAY:
		s.name = "day";
		s.title = "One day after nine days of learning";
		break;
	case SUITE_WEEK:
		s.name = "week";
		s.title = "Seven days: slow flux and what looks like it";
		s.trial.site.classes = o->classes ? o->classes : "B5,B11,B12,B13,B14,B18,M7";
		s.trial.site.hours = 7 * 24;
		s.trial.site.seed += 1;
		s.trial.site.rate = 0.3;
		break;
	case SUITE_COLD:
		s.name = "cold";
		s.title = "Cold start: nothing learned, no connections seen";
		s.trial.site.warm_days = 0;
		s.trial.site.connects = false;
		s.trial.site.seed += 2;
		break;
	case SUITE_CALM:
	case SUITE_LOSS5:
	case SUITE_LOSS20:
	case SUITE_FLOOD:
		s.name = id == SUITE_CALM ? "calm" : id == SUITE_LOSS5 ? "loss5" :
			 id == SUITE_LOSS20 ? "loss20" : "flood";
		s.title = id == SUITE_CALM   ? "Reference for loss and flood: the same seeds undisturbed" :
			  id == SUITE_LOSS5  ? "5 % of responses lost" :
			  id == SUITE_LOSS20 ? "20 % of responses lost" :
					       "M14: a million random names an hour, for six hours";
		s.trial.site.loss = id == SUITE_LOSS5 ? 0.05 : id == SUITE_LOSS20 ? 0.2 : 0;
		s.trial.site.flood_per_h = id == SUITE_FLOOD ? 1e6 : 0;
		s.trial.site.classes = o->classes ? o->classes : FLUX;
		s.trial.site.hours = 6;
		s.trial.site.warm_days = 8;
		s.trial.site.seed += 3;
		s.trial.site.background /= 2;
		s.trial.baselines = false;
		s.sites = (sites + 3) / 4;
		s.trial.site.per_class = (o->instances / 4 + s.sites - 1) / s.sites;
		break;
	case SUITES:
		break;
	}
	return s;
}

static const char *const suite_names[SUITES] = { "day", "week", "cold", "calm", "loss5", "loss20",
						 "flood" };

static bool is_chosen(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (!strcmp(list, "all"))
		return true;
	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (!strncmp(list, name, len) && (list[len] == ',' || !list[len]))
			return true;
	return false;
}

static void plots(const struct evaluation *e, const struct results *r, const char *suite)
{
	static const struct {
		const char *name, *title, *classes;
	} groups[] = {
		{ "botnet", "Botnet flux (M1–M5, M8, M10, M12) against B1–B8, B12–B19",
		  "M1,M2,M3,M4,M5,M8,M10,M12" },
		{ "rented", "Rented flux (M6) against B1–B8, B12–B19", "M6" },
		{ "wildcard", "Wildcard flux (M9) against B1–B8, B12–B19", "M9" },
		{ "evasive", "Evasion (M11, M13) against B1–B8, B12–B19", "M11,M13" },
		{ "slow", "Slow flux (M7) against B5, B12–B14, B18", "M7" },
	};
	char path[600];

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct filter c = FILTER_CLASS(groups[i].classes);

		if (!rate_count(r, &c))
			continue;
		snprintf(path, sizeof(path), "%s/roc-%s-%s.svg", e->opt.out, suite, groups[i].name);
		if (plot_roc(path, groups[i].title, r, groups[i].classes, BENIGN))
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
	}
}

static void both(struct evaluation *e, void (*print)(FILE *, const struct suite *,
						     const struct results *),
		 const struct suite *s, const struct results *r)
{
	print(stdout, s, r);
	if (e->report)
		print(e->report, s, r);
}

static int run_suites(struct evaluation *e)
{
	for (int id = 0; id < SUITES; id++) {
		struct suite s = make_suite(e, (enum suite_id)id);
		struct results *r = &e->results[id];
		int err;

		if (!is_chosen(e->opt.suites, suite_names[id]))
			continue;
		err = suite_run(&s, r);
		if (err)
			return err;
		e->done[id] = true;
		both(e, report_classes, &s, r);
		report_rates(stdout, r);
		if (e->report)
			report_rates(e->report, r);
		both(e, report_evidence, &s, r);
		both(e, report_totals, &s, r);
		if (s.trial.baselines)
			plots(e, r, s.name);
		fflush(stdout);
	}
	return 0;
}

static void capture_response(void *ctx, const struct dns_observation *obs, const struct instance *in)
{
	(void)in;
	if (capture_file_response(ctx, obs))
		fputs("evaluate: a response was not written\n", stderr);
}

/* What a monitor would capture at the first site of the first suite chosen. */
static int write_capture(struct evaluation *e)
{
	static const struct site_ops ops = { .response = capture_response };
	struct capture_file *file = NULL;
	struct site *site = NULL;
	struct suite s;
	int id = 0, err;

	while (id < SUITES - 1 && !is_chosen(e->opt.suites, suite_names[id]))
		id++;
	s = make_suite(e, (enum suite_id)id);
	s.trial.site.resolver_side = e->opt.resolver_side;
	err = site_new(&s.trial.site, &site);
	if (!err)
		err = capture_file_new(e->opt.pcap, &file);
	if (!err)
		err = site_run(site, &ops, file);
	if (file && capture_file_close(file) && !err)
		err = -EIO;
	site_free(site);
	return err;
}

static void judge(struct evaluation *e)
{
	const struct results *at[SUITES];
	struct judged_results j;

	for (int id = 0; id < SUITES; id++)
		at[id] = e->done[id] ? &e->results[id] : NULL;
	j = (struct judged_results){ .day = at[SUITE_DAY], .week = at[SUITE_WEEK],
				     .cold = at[SUITE_COLD], .loss20 = at[SUITE_LOSS20],
				     .flood = at[SUITE_FLOOD], .calm = at[SUITE_CALM] };
	report_targets(stdout, &j);
	if (e->report)
		report_targets(e->report, &j);
}

/* The AS table: the one given, or the libloc database cut down, or an invented one. */
static int open_net(struct evaluation *e)
{
	int err;

	if (e->opt.asn) {
		snprintf(e->asn_path, sizeof(e->asn_path), "%s", e->opt.asn);
	} else {
		snprintf(e->asn_path, sizeof(e->asn_path), "%s/asn.csv", e->opt.out);
		if (access(e->asn_path, R_OK) && net_write_libloc(e->asn_path, DATABASE)) {
			fprintf(stderr, "no libloc database: networks are invented\n");
			err = net_write_synthetic(e->asn_path, 1);
			if (err)
				return err;
		}
	}
	snprintf(e->asn_source, sizeof(e->asn_source), "csv:%s", e->asn_path);
	return net_load(e->asn_path, &e->net);
}

static const struct option long_options[] = {
	{ "suite", required_argument, NULL, 's' },     { "classes", required_argument, NULL, 'c' },
	{ "asn", required_argument, NULL, 'a' },       { "out", required_argument, NULL, 'o' },
	{ "terms", required_argument, NULL, 't' },     { "alerts", required_argument, NULL, 'A' },
	{ "seed", required_argument, NULL, 'S' },      { "instances", required_argument, NULL, 'n' },
	{ "sites", required_argument, NULL, 'N' },     { "jobs", required_argument, NULL, 'j' },
	{ "background", required_argument, NULL, 'b' }, { "train", no_argument, NULL, 'T' },
	{ "pcap", required_argument, NULL, 'p' },      { "resolver-side", no_argument, NULL, 'r' },
	{ "no-connects", no_argument, NULL, 'x' },     { "no-rules", no_argument, NULL, 'R' },
	{ "medium", required_argument, NULL, 'm' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static void usage(FILE *f)
{
	fputs("evaluate [--suite all|day,week,cold,calm,loss5,loss20,flood] [--classes M1,B8,…]\n"
	      "  [--instances N] (a class, 200) [--sites N] (20) [--background N] (names a site, 600)\n"
	      "  [--seed N] [--train] (training halves of ranges and networks; default test)\n"
	      "  [--no-connects] [--no-rules] (without the published rules: faster) [--medium SCORE]\n"
	      "  [--asn FILE.csv] [--jobs N] [--out DIR]\n"
	      "  [--pcap FILE [--resolver-side]] (only write the first site of the first suite chosen)\n"
	      "  [--terms FILE] (one line an instance and check: for fit) [--alerts FILE]; both need one job\n",
	      f);
}

static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
		switch (c) {
		case 's': o->suites = optarg; break;
		case 'c': o->classes = optarg; break;
		case 'a': o->asn = optarg; break;
		case 'o': o->out = optarg; break;
		case 't': o->terms = optarg; break;
		case 'A': o->alerts = optarg; break;
		case 'S': o->seed = strtoull(optarg, NULL, 10); break;
		case 'n': o->instances = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'N': o->sites = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'j': o->jobs = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'b': o->background = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'T': o->split = SPLIT_TRAIN; break;
		case 'p': o->pcap = optarg; break;
		case 'r': o->resolver_side = true; break;
		case 'x': o->connects = false; break;
		case 'R': o->rules = false; break;
		case 'm': o->medium = strtod(optarg, NULL); break;
		case 'h': usage(stdout); exit(0);
		default: usage(stderr); return -EINVAL;
		}
	if (!o->instances || !o->sites || !o->jobs) {
		fputs("evaluate: --instances, --sites and --jobs are at least 1\n", stderr);
		return -EINVAL;
	}
	if (o->terms || o->alerts)
		o->jobs = 1;
	return 0;
}

static FILE *open_out(const char *path)
{
	FILE *f = path ? fopen(path, "we") : NULL;

	if (path && !f)
		fprintf(stderr, "evaluate: %s: %s\n", path, strerror(errno));
	return f;
}

int main(int argc, char **argv)
{
	struct evaluation e = { .opt = { .suites = "all", .out = "build/evaluate", .seed = 4711,
					 .instances = 200, .sites = 20, .jobs = 2,
					 .background = 600, .split = SPLIT_TEST,
					 .connects = true, .rules = true, .medium = 2 } };
	char path[600];
	int err = parse_options(argc, argv, &e.opt);

	if (err)
		return 2;
	mkdir(e.opt.out, 0755);
	err = open_net(&e);
	if (!err && e.opt.pcap) {
		err = write_capture(&e);
		net_free(e.net);
		return err ? 1 : 0;
	}
	if (!err) {
		snprintf(path, sizeof(path), "%s/report.md", e.opt.out);
		e.report = open_out(path);
		e.terms = open_out(e.opt.terms);
		e.alerts = open_out(e.opt.alerts);
		err = run_suites(&e);
	}
	if (!err)
		judge(&e);
	else
		fprintf(stderr, "evaluate: %s\n", strerror(-err));
	for (int id = 0; id < SUITES; id++)
		results_free(&e.results[id]);
	if (e.report)
		fclose(e.report);
	if (e.terms)
		fclose(e.terms);
	if (e.alerts)
		fclose(e.alerts);
	net_free(e.net);
	return err ? 1 : 0;
}
