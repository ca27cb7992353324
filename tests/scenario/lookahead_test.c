// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replay reads some responses ahead (pipeline_config.lookahead, base/lookahead.h). Nothing but
 * speed may depend on it: each capture is run with it and without, and every line of the analysis
 * must come out the same, octet by octet, up to the sizes and counts of the last account.
 * (tests/netns/same_verdict_test.py does so with connections between the responses: the kernel
 * engine never reads ahead, the native one does.)
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "capture/flow_watch.h"
#include "capture/pcap.h"
#include "cli/setup.h"
#include "pipeline/pipeline.h"

#define SHOWN 400

static char dir[64];

struct play {
	struct setup setup;
	struct pipeline *pipeline;
	struct decoder *decoder;
	struct flow_watch *watch;
	uint64_t now_ns; /* of the frame at hand */
	uint64_t responses, late; /* analysed; of them, when a later frame was being read */
	uint64_t alerts;
	struct buf lines;
};

static void on_line(void *ctx, enum pipeline_event kind, const char *line, size_t len)
{
	struct play *p = ctx;

	p->alerts += kind == PIPELINE_ALERT;
	buf_add(&p->lines, line, len);
}

static void on_observation(void *ctx, const struct dns_observation *obs)
{
	struct play *p = ctx;

	p->responses++;
	p->late += obs->time_ns < p->now_ns;
}

static void on_watch(void *ctx, const struct ip_addr *addr, bool on)
{
	flow_watch_set(((struct play *)ctx)->watch, addr, on);
}

static void before_watch(void *ctx)
{
	pipeline_flush(((struct play *)ctx)->pipeline);
}

static void open_play(struct play *p, bool lookahead, const char *memory, const char *networks)
{
	static const struct pipeline_ops ops = { .line = on_line,
						 .observation = on_observation,
						 .watch = on_watch };
	const struct setup_override sets[] = { { .key = "limits.memory", .value = memory },
					       { .key = "enrich.asn", .value = networks } };
	struct pipeline_config cfg;

	*p = (struct play){ 0 };
	assert_int_equal(setup_load(&p->setup, "/dev/null", sets, networks ? 2 : 1), 0);
	setup_pipeline_config(&p->setup, &hash_key_fixed, &cfg);
	cfg.emit = PIPELINE_CHURN | PIPELINE_CONNECT | PIPELINE_ALERT | PIPELINE_STATS;
	cfg.connects = PIPELINE_CONNECTS_ALL;
	cfg.lookahead = lookahead;
	assert_int_equal(pipeline_new(&cfg, &ops, p, &p->pipeline), 0);
	assert_int_equal(decoder_new(&p->setup.config->dns, &p->decoder), 0);
	assert_int_equal(flow_watch_new(&p->watch), 0);
	decoder_watch(p->decoder, p->watch, before_watch, p);
}

/* As `replay` does. */
static void play(struct play *p, const char *path)
{
	struct ledger ledger = { 0 };
	struct pcap_reader *reader;
	struct frame frame;
	uint64_t number = 0;
	char err[512];

	assert_int_equal(pcap_reader_open(path, &reader, err, sizeof(err)), 0);
	pipeline_begin_source(p->pipeline);
	while (pcap_reader_next(reader, &frame) > 0) {
		p->now_ns = frame.time_ns;
		pipeline_set_frame(p->pipeline, path, ++number);
		decoder_frame(p->decoder, &frame, pipeline_record, p->pipeline);
		pipeline_tick(p->pipeline, frame.time_ns);
	}
	pcap_reader_close(reader);
	memcpy(ledger.kernel, decoder_counters(p->decoder), sizeof(ledger.kernel));
	pipeline_stats(p->pipeline, pipeline_now(p->pipeline), &ledger);
	assert_false(p->lines.failed);
}

static void close_play(struct play *p)
{
	pipeline_free(p->pipeline);
	decoder_free(p->decoder);
	flow_watch_free(p->watch);
	setup_fini(&p->setup);
	buf_fini(&p->lines);
}

static void assert_same(const char *path, const struct buf *a, const struct buf *b)
{
	size_t len = a->len < b->len ? a->len : b->len, i = 0, from;

	if (a->len == b->len && !memcmp(a->bytes, b->bytes, len))
		return;
	while (i < len && a->bytes[i] == b->bytes[i])
		i++;
	from = i < SHOWN / 2 ? 0 : i - SHOWN / 2;
	fail_msg("%s: octet %zu of %zu with and %zu without:\n%.*s\n%.*s", path, i, a->len, b->len,
		 (int)(a->len - from < SHOWN ? a->len - from : SHOWN), a->bytes + from,
		 (int)(b->len - from < SHOWN ? b->len - from : SHOWN), b->bytes + from);
}

/* Both ways; returns what was found with it, closed. */
static struct play compare(const char *path, const char *memory, const char *networks)
{
	struct play with, without;

	open_play(&with, true, memory, networks);
	open_play(&without, false, memory, networks);
	play(&with, path);
	play(&without, path);
	assert_same(path, &with.lines, &without.lines);
	assert_int_equal(with.responses, without.responses);
	assert_int_equal(without.late, 0);
	close_play(&with);
	close_play(&without);
	return with;
}

static const char *made(const char *tool, const char *args, const char *output, char path[256])
{
	const char *build = getenv("BUILD");
	char command[1024];

	snprintf(path, 256, "%s/%s", dir, output);
	snprintf(command, sizeof(command), "%s/tests/%s %s", build ? build : "build", tool, args);
	assert_int_equal(system(command), 0);
	return path;
}

/* Tables that are large beside the caches, tables that overflow, names that move all the time. */
static void workloads(void **state)
{
	static const struct {
		const char *args, *memory;
	} sorts[] = { { "-n 60000 -N 100000 -r 3", "256MiB" },
		      { "-n 60000 -N 300000 -r 20 -c 200000", "16MiB" },
		      { "-n 60000 -N 2000 -r 50 -q 50", "64MiB" },
		      { "-n 60000 -N 20000 -r 90 -q 20 -Q", "16MiB" } };

	(void)state;
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		char args[256], path[256];
		struct play p;

		snprintf(args, sizeof(args), "%s > %s/workload.pcap", sorts[i].args, dir);
		p = compare(made("tools/workload", args, "workload.pcap", path), sorts[i].memory,
			    NULL);
		assert_int_equal(p.responses, 60000);
		assert_true(p.late > p.responses / 2); /* it did read ahead */
	}
}

/* Sites with flux and without, and their alerts. */
static void generated(void **state)
{
	char args[512], path[256], networks[128];
	struct play p;

	(void)state;
	snprintf(args, sizeof(args),
		 "--suite cold --seed 31 --instances 4 --sites 1 --background 100 --no-rules "
		 "--classes B2,B3,B8,M1,M4,M6,M9 --out %s --pcap %s/site.pcap > /dev/null",
		 dir, dir);
	made("traffic/evaluate", args, "site.pcap", path);
	snprintf(networks, sizeof(networks), "csv:%s/asn.csv", dir);
	p = compare(path, "64MiB", networks);
	assert_true(p.responses > 1000);
	assert_true(p.late > 0);
	assert_true(p.alerts > 10);
	print_message("# %llu responses, %llu alerts\n", (unsigned long long)p.responses,
		      (unsigned long long)p.alerts);
}

static bool is_capture(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && (!strcmp(end, ".pcap") || !strcmp(end, ".pcapng") || !strcmp(end, ".cap"));
}

/* Captures of others: fragments, TCP, what is cut short or broken. */
static void corpora(void **state)
{
	static const char *const folders[] = { "tests/data/corpus/pcap", "../shared/corpora/pcap" };
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		DIR *d = opendir(folders[i]);
		struct dirent *entry;

		while (d && (entry = readdir(d))) {
			char path[512];

			if (!is_capture(entry->d_name))
				continue;
			snprintf(path, sizeof(path), "%s/%s", folders[i], entry->d_name);
			compare(path, "64MiB", NULL);
			n++;
		}
		if (d)
			closedir(d);
	}
	print_message("# %u captures\n", n);
	assert_true(n > 0);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/fluxtap-lookahead-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	(void)state;
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workloads),
		cmocka_unit_test(generated),
		cmocka_unit_test(corpora),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
