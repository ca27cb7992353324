// SPDX-License-Identifier: BSD-2-Clause
/* fluxtap replay: capture files and logs through the same pipeline, on their own clock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/table.h"
#include "capture/decode.h"
#include "capture/kernel.h"
#include "capture/pcap.h"
#include "cli/cli.h"
#include "cli/compare.h"
#include "cli/line_out.h"
#include "cli/options.h"
#include "cli/reproduce.h"
#include "cli/setup.h"
#include "logs/log_reader.h"
#include "pipeline/pipeline.h"
#include "report/explain.h"
#include "store/store.h"

#define LOGS_MAX	64
#define EXPLAINED_NAMES 512 /* whose timelines are kept until one of them is asked for */

struct options {
	const char *config_path;
	const char *state_dir, *learned_dir;
	const char *explain;
	const char *compare;
	uint64_t until_ns; /* what is later does not count; 0: the end */
	unsigned int emit;
	bool has_emit, kernel_engine, quiet, human, json; /* json: asked for by -o */
	bool filter; /* of the kernel engine */
	struct setup_override sets[SETUP_OVERRIDES_MAX];
	size_t sets_len;
};

struct replay {
	struct options opt;
	struct setup setup;
	struct pipeline *pipeline;
	struct compare *compare;
	struct decoder *decoder;
	struct flow_watch *watch; /* the decoder's */
	struct kernel_engine *engine;
	struct store *store;
	struct timeline *timeline; /* for --explain */
	char **files;
	size_t files_len;
	struct line_out out;
	struct timespec started;
	uint64_t frames, base_ns;
	int status; /* exit code so far */
};

/* --- what the pipeline hands out ------------------------------------------------------------ */

static void on_line(void *ctx, enum pipeline_event kind, const char *line, size_t len)
{
	struct replay *r = ctx;

	if (!r->opt.human || kind != PIPELINE_ALERT)
		line_out_add(&r->out, line, len);
}

static void on_alert(void *ctx, const struct alert *alert, const char *line, size_t len)
{
	struct replay *r = ctx;
	const struct human_style style = setup_human_style(isatty(STDOUT_FILENO) == 1);
	struct buf text = { 0 };

	timeline_alert(r->timeline, alert);
	if (r->compare)
		compare_alert(r->compare, COMPARE_NEW, alert);
	if (!r->store && !r->opt.human)
		return;
	human_alert(&text, &style, alert);
	if (r->store)
		store_alert(r->store, alert, line, len, text.bytes, text.len);
	if (r->opt.human)
		line_out_add(&r->out, text.bytes, text.len);
	buf_fini(&text);
}

static void on_observation(void *ctx, const struct dns_observation *obs)
{
	struct replay *r = ctx;

	if (r->store)
		store_observe(r->store, obs);
}

static void on_change(void *ctx, const struct churn_change *change)
{
	timeline_change(((struct replay *)ctx)->timeline, change);
}

static void on_connection(void *ctx, const struct connection *conn)
{
	timeline_connection(((struct replay *)ctx)->timeline, conn);
}

/* Connections to these are wanted, as on a gateway. */
static void on_watch(void *ctx, const struct ip_addr *addr, bool on)
{
	struct replay *r = ctx;

	if (r->engine)
		kernel_engine_watch(r->engine, addr, on);
	else if (r->watch)
		flow_watch_set(r->watch, addr, on);
}

/* Responses that still wait for their analysis may name an address of the frame at hand. */
static void before_watch(void *ctx)
{
	pipeline_flush(((struct replay *)ctx)->pipeline);
}

static void on_record(void *ctx, const struct ft_event_hdr *rec)
{
	struct replay *r = ctx;

	pipeline_record(r->pipeline, rec);
	if (r->compare)
		compare_record(r->compare, rec);
}

static void on_log_response(struct replay *r, const struct dns_observation *obs)
{
	pipeline_observation(r->pipeline, obs);
	if (r->compare)
		compare_observation(r->compare, obs);
}

static void on_log_connection(struct replay *r, struct connection *conn)
{
	struct connection copy = *conn; /* each join fills in its own names */

	pipeline_connection(r->pipeline, conn);
	if (r->compare)
		compare_connection(r->compare, &copy);
}

/* --- input ----------------------------------------------------------------------------------- */

static bool is_past(const struct replay *r, uint64_t time_ns)
{
	return r->opt.until_ns && time_ns > r->opt.until_ns;
}

static int replay_capture(struct replay *r, const char *path)
{
	struct pcap_reader *reader;
	struct frame frame;
	uint64_t number = 0;
	char err[512];
	int rc = pcap_reader_open(path, &reader, err, sizeof(err));

	if (rc) {
		log_error("%s", err);
		return rc;
	}
	pipeline_begin_source(r->pipeline);
	while (!r->out.err && (rc = pcap_reader_next(reader, &frame)) > 0) {
		number++;
		if (is_past(r, frame.time_ns))
			continue;
		pipeline_set_frame(r->pipeline, path, number);
		if (r->engine)
			kernel_engine_frame(r->engine, &frame, on_record, r);
		else
			decoder_frame(r->decoder, &frame, on_record, r);
		pipeline_tick(r->pipeline, frame.time_ns);
	}
	if (rc < 0)
		log_error("%s; what came before was read", pcap_reader_error(reader));
	pcap_reader_close(reader);
	r->frames += number;
	return rc < 0 ? rc : 0;
}

/* Logs are read together, merged by time: answers and the connections that followed them. */
static int replay_logs(struct replay *r, const char *const *paths, size_t n)
{
	struct log_reader_stats stats;
	struct log_reader *reader;
	struct dns_observation obs;
	struct connection conn;
	enum log_item item;
	char err[512];
	int rc = log_reader_open(paths, n, &reader, err, sizeof(err));

	if (rc) {
		log_error("%s", err);
		return rc;
	}
	pipeline_begin_source(r->pipeline);
	pipeline_set_frame(r->pipeline, NULL, 0);
	while (!r->out.err && (item = log_reader_next(reader, &obs, &conn)) != LOG_ITEM_END) {
		if (is_past(r, item == LOG_ITEM_RESPONSE ? obs.time_ns : conn.time_ns))
			continue;
		if (item == LOG_ITEM_RESPONSE)
			on_log_response(r, &obs);
		else
			on_log_connection(r, &conn);
	}
	log_reader_stats(reader, &stats);
	if (log_reader_lacks(reader)[0])
		log_info("not in these logs: %s", log_reader_lacks(reader));
	if (!r->opt.quiet)
		log_info(
			"%llu log lines: %llu responses, %llu connections, %llu of no use, %llu faulty",
			(unsigned long long)stats.lines, (unsigned long long)stats.responses,
			(unsigned long long)stats.connections,
			(unsigned long long)stats.passed_over, (unsigned long long)stats.faulty);
	log_reader_close(reader);
	return 0;
}

/* Captures in the order given, then all logs at once. */
static void replay_inputs(struct replay *r)
{
	char **paths = r->files;
	size_t n = r->files_len;
	const char *logs[LOGS_MAX];
	size_t logs_len = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_log = strcmp(paths[i], "-") && log_reader_is_log(paths[i]);

		if (!is_log && replay_capture(r, paths[i]))
			r->status = EXIT_RUNTIME;
		if (is_log && logs_len == LOGS_MAX) {
			log_error("%s: more than %d logs", paths[i], LOGS_MAX);
			r->status = EXIT_RUNTIME;
		} else if (is_log) {
			logs[logs_len++] = paths[i];
		}
	}
	if (logs_len && replay_logs(r, logs, logs_len))
		r->status = EXIT_RUNTIME;
}

/* --- the end --------------------------------------------------------------------------------- */

static void engine_stats(struct kernel_engine *engine, struct ledger *ret)
{
	struct kernel_stats stats;

	memcpy(ret->kernel, kernel_engine_counters(engine), sizeof(ret->kernel));
	ret->filtering = kernel_engine_filters(engine);
	kernel_engine_stats(engine, &stats);
	ret->filter_names_max = stats.names_max;
	ret->filter_evictions = stats.filter_evictions;
	ret->filter_evicted_repeats = stats.filter_evicted_repeats;
	ret->filter_evicted_folded = stats.evicted_folded;
	ret->filter_skeletons_learnt = stats.skeletons_learnt;
}

static void final_stats(struct replay *r)
{
	struct ledger ledger = { 0 };

	if (r->engine)
		engine_stats(r->engine, &ledger);
	else
		memcpy(ledger.kernel, decoder_counters(r->decoder), sizeof(ledger.kernel));
	pipeline_stats(r->pipeline, pipeline_now(r->pipeline), &ledger);
}

static void print_summary(const struct replay *r)
{
	struct timespec now;
	struct rusage use;
	struct ledger ledger = { 0 };
	double wall, cpu;

	if (r->frames)
		log_info("not in captures: processes (connections are known by address)");
	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_SELF, &use);
	pipeline_fill_ledger(r->pipeline, &ledger);
	wall = (double)(now.tv_sec - r->started.tv_sec) +
	       (double)(now.tv_nsec - r->started.tv_nsec) / 1e9;
	cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	      (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	log_info(
		"%llu frames, %llu responses, %llu alerts in %.2f s (%.2f s of CPU, peak memory %ld MiB)",
		(unsigned long long)r->frames,
		(unsigned long long)(ledger.parsed + ledger.observed),
		(unsigned long long)ledger.detect.alerts, wall, cpu, use.ru_maxrss / 1024);
}

/* The same once more; a state that was saved is another one now, and standard input is gone. */
static void fill_reproduce(const struct replay *r, struct explanation *e, struct buf *command)
{
	const struct reproduce how = {
		.config_path = r->opt.config_path,
		.sets = r->opt.sets,
		.sets_len = r->opt.sets_len,
		.learned = r->opt.learned_dir,
		.until_ns = r->opt.until_ns,
		.kernel_engine = r->opt.kernel_engine,
		.filter = r->opt.filter,
		.name = r->opt.explain,
		.files = (const char *const *)r->files,
		.files_len = r->files_len,
	};

	for (size_t i = 0; i < r->files_len; i++)
		if (!strcmp(r->files[i], "-"))
			e->no_reproduce = "not from standard input: it is gone";
	if (r->opt.state_dir)
		e->no_reproduce = "with a copy of the state as it was before (--learned COPY)";
	if (e->no_reproduce)
		return;
	reproduce_command(command, &how);
	buf_char(command, '\0');
	e->reproduce = command->failed ? NULL : command->bytes;
}

static void put_explanation(struct replay *r, const struct alert *alert)
{
	const struct human_style style = setup_human_style(isatty(STDOUT_FILENO) == 1);
	const struct eve_context ctx = { .sensor = r->setup.sensor,
					 .utc_offset_s = style.utc_offset_s };
	struct buf text = { 0 }, command = { 0 };
	struct explanation e;

	explanation_fill(&e, alert, r->timeline);
	fill_reproduce(r, &e, &command);
	if (r->opt.json)
		eve_explanation(&text, &ctx, &e);
	else
		human_explanation(&text, &style, &e);
	line_out_add(&r->out, text.bytes, text.len);
	buf_fini(&text);
	buf_fini(&command);
}

static int print_explanation(struct replay *r)
{
	uint64_t now_ns = r->opt.until_ns ? r->opt.until_ns : pipeline_now(r->pipeline);
	struct alert *alert = malloc(sizeof(*alert));
	struct dns_name name;
	int err = alert ? 0 : -ENOMEM;

	if (!err && dns_name_from_text(r->opt.explain, &name)) {
		log_error("--explain: '%s' is no domain name", r->opt.explain);
		err = -EINVAL;
	}
	if (!err) {
		err = detector_explain(pipeline_detector(r->pipeline), &name, now_ns, alert);
		if (err)
			log_error("--explain: nothing is known of %s", r->opt.explain);
	}
	if (!err)
		put_explanation(r, alert);
	free(alert);
	return err;
}

/* --- start ----------------------------------------------------------------------------------- */

static int open_engine(struct replay *r)
{
	struct kernel_config filter;
	char err[512];
	int rc;

	if (!r->opt.kernel_engine) {
		rc = decoder_new(&r->setup.config->dns, &r->decoder);
		if (!rc)
			rc = flow_watch_new(&r->watch);
		if (rc)
			return rc;
		decoder_skip_walk(r->decoder);
		decoder_watch(r->decoder, r->watch, before_watch, r);
		return 0;
	}
	setup_kernel_config(&r->setup, &filter);
	rc = kernel_engine_open(&r->setup.config->dns, r->opt.filter ? &filter : NULL, &r->engine,
				err, sizeof(err));
	if (rc)
		log_error("%s", err);
	return rc;
}

static int open_state(struct replay *r)
{
	struct detector *detector = pipeline_detector(r->pipeline);
	char path[4096];
	int rc;

	if (r->opt.learned_dir) {
		rc = detector_load(detector, r->opt.learned_dir);
		if (rc == -ENOENT && !access(r->opt.learned_dir, F_OK)) {
			log_warn("%s: nothing has been learned there yet", r->opt.learned_dir);
			rc = 0;
		}
		if (rc)
			log_error("--learned: %s: %s", r->opt.learned_dir, strerror(-rc));
		return rc;
	}
	if (!r->opt.state_dir)
		return 0;
	snprintf(path, sizeof(path), "%s/history.db", r->opt.state_dir);
	rc = path_make_parents(path);
	if (rc) {
		log_error("--state: %s: %s", r->opt.state_dir, strerror(-rc));
		return rc;
	}
	rc = detector_load(detector, r->opt.state_dir);
	if (rc && rc != -ENOENT)
		log_warn("%s: learned state not used: %s", r->opt.state_dir, strerror(-rc));
	return setup_open_store(&r->setup, path, true, &hash_key_fixed, &r->store);
}

#define MUCH_BYTES (16L << 20) /* a tenth of a million responses */

/* Nothing says how much comes by standard input or through a pipe: it counts as little. */
static bool is_much(const struct replay *r)
{
	off_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < r->files_len; i++)
		if (!stat(r->files[i], &st) && S_ISREG(st.st_mode))
			bytes += st.st_size;
	return bytes >= MUCH_BYTES;
}

static int open_all(struct replay *r)
{
	const struct pipeline_ops ops = {
		.line = on_line,
		.observation = r->opt.state_dir ? on_observation : NULL,
		.alert = on_alert,
		.watch = on_watch,
		.change = r->opt.explain ? on_change : NULL,
		.connection = r->opt.explain ? on_connection : NULL,
	};
	struct pipeline_config cfg;
	int rc = setup_load(&r->setup, r->opt.config_path, r->opt.sets, r->opt.sets_len);

	if (rc)
		return rc;
	setup_pipeline_config(&r->setup, &hash_key_fixed, &cfg);
	if (r->opt.has_emit)
		cfg.emit = r->opt.emit;
	cfg.lookahead = !r->opt.kernel_engine; /* its maps are to know all that came before */
	if (is_much(r))
		table_expect_much();
	rc = pipeline_new(&cfg, &ops, r, &r->pipeline);
	if (!rc && r->opt.explain)
		rc = timeline_new(EXPLAINED_NAMES, &hash_key_fixed, &r->timeline);
	if (!rc && r->opt.compare)
		rc = compare_new(r->opt.compare, &r->setup, &r->compare);
	if (!rc)
		rc = open_engine(r);
	if (!rc)
		rc = open_state(r);
	return rc;
}

static void close_all(struct replay *r)
{
	store_close(r->store, UINT64_MAX, NULL);
	kernel_engine_close(r->engine);
	decoder_free(r->decoder);
	compare_free(r->compare);
	pipeline_free(r->pipeline);
	flow_watch_free(r->watch);
	timeline_free(r->timeline);
	setup_fini(&r->setup);
	buf_fini(&r->out.buf);
}

static int finish(struct replay *r)
{
	int rc = 0;

	if (r->opt.until_ns > pipeline_now(r->pipeline))
		pipeline_tick(r->pipeline, r->opt.until_ns);
	final_stats(r);
	if (r->opt.explain && print_explanation(r))
		rc = EXIT_RUNTIME;
	if (r->compare)
		compare_print(r->compare, &r->out);
	line_out_flush(&r->out);
	if (r->opt.state_dir) {
		int err = detector_save(pipeline_detector(r->pipeline), r->opt.state_dir);

		if (err)
			log_error("%s: learned state not saved: %s", r->opt.state_dir,
				  strerror(-err));
		rc = err ? EXIT_RUNTIME : rc;
	}
	if (r->out.err && r->out.err != -EPIPE) {
		log_error("standard output: %s", strerror(-r->out.err));
		rc = EXIT_RUNTIME;
	}
	if (!r->opt.quiet)
		print_summary(r);
	return rc;
}

static int set_emit(void *options, const char *value)
{
	struct options *opt = options;

	opt->has_emit = true;
	return cli_parse_emit(value, &opt->emit);
}

static int set_engine(void *options, const char *value)
{
	if (strcmp(value, "native") && strcmp(value, "kernel")) {
		log_error("--engine: '%s' is neither native nor kernel", value);
		return -EINVAL;
	}
	((struct options *)options)->kernel_engine = value[0] == 'k';
	return 0;
}

static int set_filter(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->filter = true;
	return 0;
}

static int set_config(void *options, const char *value)
{
	((struct options *)options)->config_path = value;
	return 0;
}

static int set_state(void *options, const char *value)
{
	((struct options *)options)->state_dir = value;
	return 0;
}

static int add_set(void *options, const char *value)
{
	struct options *opt = options;

	return setup_override_parse(value, opt->sets, &opt->sets_len);
}

static int set_learned(void *options, const char *value)
{
	((struct options *)options)->learned_dir = value;
	return 0;
}

static int set_until(void *options, const char *value)
{
	uint64_t time_ns = log_reader_time(value);

	if (!time_ns) {
		log_error("--until: '%s' is no time such as 2026-11-21T10:00:00+0000", value);
		return -EINVAL;
	}
	/* times are written in microseconds: all of that one counts */
	((struct options *)options)->until_ns = time_ns + 999;
	return 0;
}

static int set_compare(void *options, const char *value)
{
	((struct options *)options)->compare = value;
	return 0;
}

static int set_explain(void *options, const char *value)
{
	((struct options *)options)->explain = value;
	return 0;
}

static int set_quiet(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->quiet = true;
	return 0;
}

static int set_output(void *options, const char *value)
{
	struct options *opt = options;
	int rc = cli_parse_output(value, &opt->human);

	opt->json = !rc && !opt->human;
	return rc;
}

static const struct cli_option option_table[] = {
	{ "emit", set_emit },	{ "engine", set_engine },   { "config", set_config },
	{ "state", set_state }, { "learned", set_learned }, { "until", set_until },
	{ "set", add_set },	{ "compare", set_compare }, { "explain", set_explain },
	{ "quiet", set_quiet }, { "output", set_output },   { "filter", set_filter },
	{ NULL, NULL },
};

static int parse_options(int argc, char **argv, struct options *opt, int *ret_first)
{
	/* A person at a terminal reads alerts; a pipe gets every event as JSON Lines. */
	opt->human = isatty(STDOUT_FILENO) == 1;
	if (cli_parse(argc, argv, option_table, opt, ret_first))
		return -EINVAL;
	if (*ret_first == argc) {
		log_error("replay: no capture file named; '-' is standard input");
		return -EINVAL;
	}
	if (opt->state_dir && opt->learned_dir) {
		log_error("replay: --state keeps what --learned leaves alone: one of them");
		return -EINVAL;
	}
	if (opt->filter && !opt->kernel_engine) {
		log_error("replay: --filter is the kernel's: with --engine kernel only");
		return -EINVAL;
	}
	if (opt->has_emit) {
		opt->human = false;
	} else if (opt->human || opt->compare || opt->explain) {
		opt->emit = 0;
		opt->has_emit = true;
	}
	return 0;
}

int cmd_replay(int argc, char **argv)
{
	struct replay r = { .out.fd = STDOUT_FILENO };
	int rc, first;

	if (parse_options(argc, argv, &r.opt, &first))
		return EXIT_USAGE;
	r.files = argv + first;
	r.files_len = (size_t)(argc - first);
	clock_gettime(CLOCK_MONOTONIC, &r.started);
	rc = open_all(&r);
	if (rc) {
		close_all(&r);
		return setup_exit_code(rc);
	}
	replay_inputs(&r);
	rc = finish(&r);
	if (rc)
		r.status = rc;
	close_all(&r);
	return r.status;
}
