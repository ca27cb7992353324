// SPDX-License-Identifier: BSD-2-Clause
/* report/sink: order, limits, shedding, rotation, and what goes wrong with files and pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "report/sink.h"

#define SECOND 1000000000ULL

static char folder[] = "/tmp/fluxtap-sink-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static char *path_of(const char *name, char *path)
{
	snprintf(path, 256, "%s/%s", folder, name);
	return path;
}

static struct sink *open_sink(struct sink_config cfg)
{
	struct sink *s = NULL;
	char err[256];

	if (sink_open(&cfg, &s, err, sizeof(err)))
		fail_msg("%s", err);
	return s;
}

static struct sink_config file_config(const char *path)
{
	struct sink_config cfg = sink_config_default();

	cfg.kind = SINK_FILE;
	cfg.path = path;
	return cfg;
}

static struct sink_config fd_config(int fd)
{
	struct sink_config cfg = sink_config_default();

	cfg.kind = SINK_FD;
	cfg.fd = fd;
	return cfg;
}

/* "c000042 xxxx…\n": class, number, filled to @len bytes. */
static bool write_numbered(struct sink *s, enum sink_class class_, unsigned int number, size_t len)
{
	char line[8192];

	memset(line, 'x', len);
	assert_true(len > 12 && len < sizeof(line));
	line[snprintf(line, sizeof(line), "%u%07u", (unsigned int)class_, number)] = ' ';
	line[len - 1] = '\n';
	return sink_write(s, class_, line, len);
}

static void read_file(const char *path, struct buf *b)
{
	char bytes[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	while ((n = fread(bytes, 1, sizeof(bytes), f)))
		buf_add(b, bytes, n);
	fclose(f);
}

/* All lines are whole, @len long, and rise in number within each class; returns how many. */
static unsigned int check_lines(const struct buf *b, size_t len,
				unsigned int by_class[SINK_CLASSES])
{
	unsigned int next[SINK_CLASSES] = { 0 }, lines = 0;

	assert_int_equal(b->len % len, 0);
	for (size_t at = 0; at < b->len; at += len, lines++) {
		unsigned int class_ = (unsigned int)(b->bytes[at] - '0'), number = 0;

		assert_true(class_ < SINK_CLASSES);
		for (size_t i = 1; i < 8; i++)
			number = number * 10 + (unsigned int)(b->bytes[at + i] - '0');
		assert_true(number >= next[class_]);
		next[class_] = number + 1;
		by_class[class_]++;
		assert_int_equal(b->bytes[at + len - 1], '\n');
		assert_ptr_equal(memchr(b->bytes + at, '\n', len), b->bytes + at + len - 1);
	}
	return lines;
}

struct reader {
	pthread_t thread;
	int fd;
	struct buf got;
	size_t messages;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	static char bytes[1 << 20];
	ssize_t n;

	while ((n = read(r->fd, bytes, sizeof(bytes))) > 0) {
		buf_add(&r->got, bytes, (size_t)n);
		r->messages++;
	}
	return NULL;
}

static void start_reader(struct reader *r, int fd)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	assert_int_equal(pthread_create(&r->thread, NULL, read_all, r), 0);
}

/* A condition that must come; the limit only keeps a broken build from hanging. */
static void wait_for(bool (*holds)(void *arg), void *arg)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned int i = 0; i < 60000; i++) {
		if (holds(arg))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("waited in vain");
}

static void file_holds_all_lines_in_order(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 };
	struct sink_stats stats;
	struct buf got = { 0 };
	char path[256];
	struct sink *s = open_sink(file_config(path_of("all", path)));

	(void)state;
	for (unsigned int i = 0; i < 5000; i++)
		assert_true(write_numbered(s, (enum sink_class)(i % SINK_CLASSES), i, 100));
	assert_int_equal(sink_close(s, 10 * SECOND, &stats), 0);
	assert_int_equal(stats.lines, 5000);
	assert_int_equal(stats.bytes, 500000);
	assert_int_equal(stats.lost, 0);
	read_file(path, &got);
	assert_int_equal(check_lines(&got, 100, by_class), 5000);
	for (int c = 0; c < SINK_CLASSES; c++) {
		assert_int_equal(by_class[c], 1250);
		assert_int_equal(stats.dropped[c], 0);
	}
	assert_int_equal(sink_close(NULL, 0, NULL), 0);
	buf_fini(&got);
	unlink(path);
}

static void file_is_appended_to(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 };
	struct buf got = { 0 };
	char path[256];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct sink *s = open_sink(file_config(path_of("append", path)));

		write_numbered(s, SINK_EVENT, i, 50);
		assert_int_equal(sink_close(s, 10 * SECOND, NULL), 0);
	}
	read_file(path, &got);
	assert_int_equal(check_lines(&got, 50, by_class), 2);
	buf_fini(&got);
	unlink(path);
}

/* What a killed writer left stays apart from what follows. */
static void torn_line_is_ended(void **state)
{
	char path[256];
	struct buf got = { 0 };
	struct sink *s;
	FILE *f = fopen(path_of("torn", path), "wb");

	(void)state;
	assert_non_null(f);
	fputs("{\"whole\":1}\n{\"half", f);
	fclose(f);
	for (unsigned int i = 0; i < 2; i++) {
		s = open_sink(file_config(path));
		assert_true(sink_write(s, SINK_EVENT, "{}\n", 3));
		assert_int_equal(sink_close(s, 10 * SECOND, NULL), 0);
	}
	read_file(path, &got);
	buf_add(&got, "", 1);
	assert_string_equal(got.bytes, "{\"whole\":1}\n{\"half\n{}\n{}\n");
	buf_fini(&got);
	unlink(path);
}

/* A pipe that takes nothing more before somebody reads; returns how many bytes it holds. */
static size_t fill_pipe(int fd)
{
	char bytes[4096];
	size_t held = 0;
	ssize_t n;

	memset(bytes, 'f', sizeof(bytes));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while ((n = write(fd, bytes, sizeof(bytes))) > 0)
		held += (size_t)n;
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	return held;
}

/* Nobody reads: writers go on at once, memory stays bounded, and the order of shedding holds. */
static void full_queue_sheds_in_order(void **state)
{
	unsigned int accepted[SINK_CLASSES] = { 0 }, by_class[SINK_CLASSES] = { 0 }, total = 0;
	struct sink_config cfg;
	struct sink_stats stats;
	struct reader reader;
	struct sink *s;
	struct buf got;
	size_t held;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	held = fill_pipe(fds[1]);
	cfg = fd_config(fds[1]);
	cfg.max_bytes = 1 << 20;
	s = open_sink(cfg);
	/* each class until it is refused, the first to be shed first */
	for (unsigned int c = 0; c < SINK_CLASSES; c++) {
		while (write_numbered(s, (enum sink_class)c, accepted[c], 1000))
			accepted[c]++;
		assert_true(accepted[c] > 0);
		sink_stats(s, &stats);
		assert_true(stats.waiting_bytes <= cfg.max_bytes);
		for (unsigned int lower = 0; lower <= c; lower++) /* still refused */
			assert_false(write_numbered(s, (enum sink_class)lower, 0, 1000));
	}
	start_reader(&reader, fds[0]);
	assert_int_equal(sink_close(s, 60 * SECOND, &stats), 0);
	close(fds[1]);
	pthread_join(reader.thread, NULL);
	assert_true(reader.got.len > held);
	got = (struct buf){ .bytes = reader.got.bytes + held, .len = reader.got.len - held };
	check_lines(&got, 1000, by_class);
	for (unsigned int c = 0; c < SINK_CLASSES; c++) {
		assert_int_equal(by_class[c], accepted[c]);
		assert_int_equal(stats.dropped[c], 1 + SINK_CLASSES - c);
		total += accepted[c];
	}
	assert_int_equal(stats.lines, total);
	buf_fini(&reader.got);
	close(fds[0]);
}

static void blocking_sink_loses_nothing(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 };
	struct sink_config cfg;
	struct sink_stats stats;
	struct reader reader;
	struct sink *s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	cfg = fd_config(fds[1]);
	cfg.max_bytes = 64 << 10;
	cfg.block = true;
	s = open_sink(cfg);
	start_reader(&reader, fds[0]);
	for (unsigned int i = 0; i < 20000; i++)
		assert_true(write_numbered(s, SINK_REPEAT, i, 200));
	assert_int_equal(sink_close(s, UINT64_MAX, &stats), 0);
	close(fds[1]);
	pthread_join(reader.thread, NULL);
	assert_int_equal(check_lines(&reader.got, 200, by_class), 20000);
	assert_int_equal(stats.lines, 20000);
	buf_fini(&reader.got);
	close(fds[0]);
}

static volatile sig_atomic_t stop;

static void on_alarm(int signal)
{
	(void)signal;
	stop = 1;
}

static void stop_ends_the_wait(void **state)
{
	struct itimerval soon = { .it_value.tv_usec = 20000 };
	struct sink_config cfg;
	struct sink_stats stats;
	unsigned int accepted = 0;
	struct sink *s;
	int fds[2];

	(void)state;
	stop = 0;
	signal(SIGALRM, on_alarm);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	cfg = fd_config(fds[1]);
	cfg.max_bytes = 64 << 10;
	cfg.block = true;
	cfg.stop = &stop;
	s = open_sink(cfg);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	while (write_numbered(s, SINK_ALERT, accepted, 1000))
		accepted++;
	assert_int_equal(stop, 1);
	/* nobody reads, so the end has to give up; every line is accounted for */
	assert_int_equal(sink_close(s, SECOND / 20, &stats), -ETIMEDOUT);
	assert_int_equal(stats.lines + stats.lost, accepted);
	assert_true(stats.lost > 0);
	assert_int_equal(stats.dropped[SINK_ALERT], 1);
	close(fds[0]);
	close(fds[1]);
}

static void writes_come_in_batches(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 };
	struct sink_config cfg;
	struct reader reader;
	struct sink *s;
	int fds[2];

	(void)state;
	/* a datagram for each write */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	cfg = fd_config(fds[1]);
	cfg.block = true;
	s = open_sink(cfg);
	start_reader(&reader, fds[0]);
	for (unsigned int i = 0; i < 20000; i++)
		assert_true(write_numbered(s, SINK_RESPONSE, i, 100));
	assert_int_equal(sink_close(s, UINT64_MAX, NULL), 0);
	close(fds[1]);
	pthread_join(reader.thread, NULL);
	assert_int_equal(check_lines(&reader.got, 100, by_class), 20000);
	assert_true(reader.messages < 200);
	buf_fini(&reader.got);
	close(fds[0]);
}

/* A lone line does not wait for company for ever. */
static void lone_line_is_written_by_time(void **state)
{
	struct sink_config cfg;
	struct sink *s;
	char byte;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	cfg = fd_config(fds[1]);
	s = open_sink(cfg);
	assert_true(write_numbered(s, SINK_EVENT, 0, 20));
	assert_int_equal(read(fds[0], &byte, 1), 1); /* hangs here if it does */
	assert_int_equal(sink_close(s, 10 * SECOND, NULL), 0);
	close(fds[0]);
	close(fds[1]);
}

static void files_rotate_by_size(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 }, lines = 0;
	char path[256], old[300];
	struct sink_stats stats;
	struct sink_config cfg = file_config(path_of("size", path));
	struct sink *s;

	(void)state;
	cfg.rotate_bytes = 20000;
	cfg.rotate_keep = 3;
	cfg.max_bytes = 1 << 16; /* small chunks */
	cfg.block = true;
	s = open_sink(cfg);
	for (unsigned int i = 0; i < 1000; i++)
		write_numbered(s, SINK_EVENT, i, 100);
	assert_int_equal(sink_close(s, 10 * SECOND, &stats), 0);
	assert_int_equal(stats.lines, 1000);
	assert_true(stats.rotations >= 4);
	for (int i = 3; i >= 0; i--) { /* oldest first: numbers rise across the files */
		struct buf got = { 0 };

		snprintf(old, sizeof(old), i ? "%s.%d" : "%s", path, i);
		read_file(old, &got);
		assert_true(got.len <= 20000);
		lines += check_lines(&got, 100, by_class);
		buf_fini(&got);
		unlink(old);
	}
	assert_true(lines > 400 && lines <= 800);
	snprintf(old, sizeof(old), "%s.4", path);
	assert_int_equal(access(old, F_OK), -1);
}

static bool one_written(void *arg)
{
	struct sink_stats stats;

	sink_stats(arg, &stats);
	return stats.lines == 1;
}

static void files_rotate_by_age(void **state)
{
	char path[256], old[300];
	struct sink_stats stats;
	struct sink_config cfg = file_config(path_of("age", path));
	struct sink *s;

	(void)state;
	cfg.rotate_ns = 1; /* any file is older by the next write */
	cfg.batch_ns = 1;
	s = open_sink(cfg);
	write_numbered(s, SINK_EVENT, 0, 100);
	wait_for(one_written, s);
	write_numbered(s, SINK_EVENT, 1, 100);
	assert_int_equal(sink_close(s, 10 * SECOND, &stats), 0);
	assert_int_equal(stats.rotations, 1);
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(unlink(old), 0);
	assert_int_equal(unlink(path), 0);
}

static bool exists(void *path)
{
	return access(path, F_OK) == 0;
}

static void reopen_follows_a_moved_file(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 };
	char path[256], moved[256];
	struct buf got = { 0 };
	struct sink *s = open_sink(file_config(path_of("reopen", path)));

	(void)state;
	write_numbered(s, SINK_EVENT, 0, 100);
	assert_int_equal(rename(path, path_of("moved", moved)), 0);
	sink_reopen(s);
	wait_for(exists, path);
	write_numbered(s, SINK_EVENT, 1, 100);
	assert_int_equal(sink_close(s, 10 * SECOND, NULL), 0);
	read_file(moved, &got);
	assert_int_equal(check_lines(&got, 100, by_class), 1);
	buf_reset(&got);
	read_file(path, &got);
	assert_int_equal(check_lines(&got, 100, by_class), 1);
	assert_int_equal(by_class[SINK_EVENT], 2);
	buf_fini(&got);
	unlink(path);
	unlink(moved);
}

static bool has_failed(void *sink)
{
	return sink_error(sink) != 0;
}

static void closed_pipe_ends_the_sink(void **state)
{
	struct sink_stats stats;
	struct sink *s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	s = open_sink(fd_config(fds[1]));
	write_numbered(s, SINK_ALERT, 0, 100);
	wait_for(has_failed, s); /* and no SIGPIPE has ended this program */
	assert_int_equal(sink_error(s), -EPIPE);
	assert_false(write_numbered(s, SINK_ALERT, 1, 100));
	assert_int_equal(sink_close(s, 10 * SECOND, &stats), -EPIPE);
	assert_int_equal(stats.lost, 1);
	assert_int_equal(stats.errors, 1);
	assert_int_equal(stats.dropped[SINK_ALERT], 1);
	close(fds[1]);
}

static bool one_lost(void *sink)
{
	struct sink_stats stats;

	sink_stats(sink, &stats);
	return stats.lost > 0;
}

/* A full disk, played by the size limit of the process: no torn line, and all well afterwards. */
static void full_disk_leaves_whole_lines(void **state)
{
	unsigned int by_class[SINK_CLASSES] = { 0 };
	struct rlimit before, small;
	struct sink_stats stats;
	struct buf got = { 0 };
	char path[256];
	struct sink *s = open_sink(file_config(path_of("full", path)));

	(void)state;
	write_numbered(s, SINK_EVENT, 0, 1000);
	wait_for(one_written, s);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_set_level((enum log_level) - 1); /* the complaint belongs to the test */
	write_numbered(s, SINK_EVENT, 1, 1000);
	wait_for(one_lost, s);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(sink_error(s), 0);
	write_numbered(s, SINK_EVENT, 2, 1000);
	assert_int_equal(sink_close(s, 10 * SECOND, &stats), 0);
	assert_int_equal(stats.lines, 2);
	assert_int_equal(stats.lost, 1);
	assert_int_equal(stats.errors, 1);
	read_file(path, &got);
	assert_int_equal(check_lines(&got, 1000, by_class), 2);
	buf_fini(&got);
	unlink(path);
}

static void bad_path_is_named(void **state)
{
	struct sink_config cfg = file_config("/nonexistent/eve.json");
	struct sink *s = NULL;
	char err[256];

	(void)state;
	assert_int_equal(sink_open(&cfg, &s, err, sizeof(err)), -ENOENT);
	assert_null(s);
	assert_non_null(strstr(err, "/nonexistent/eve.json"));
}

/* A line larger than the whole queue passes once nothing else waits. */
static void giant_line_passes(void **state)
{
	size_t len = 300000;
	char *line = malloc(len), path[256];
	struct sink_config cfg = file_config(path_of("giant", path));
	struct sink_stats stats;
	struct sink *s;

	(void)state;
	assert_non_null(line);
	memset(line, 'y', len);
	line[len - 1] = '\n';
	cfg.max_bytes = 100000;
	cfg.block = true;
	s = open_sink(cfg);
	assert_true(sink_write(s, SINK_RESPONSE, line, len));
	assert_true(sink_write(s, SINK_RESPONSE, line, len));
	assert_int_equal(sink_close(s, 10 * SECOND, &stats), 0);
	assert_int_equal(stats.bytes, 2 * len);
	free(line);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_holds_all_lines_in_order),
		cmocka_unit_test(file_is_appended_to),
		cmocka_unit_test(torn_line_is_ended),
		cmocka_unit_test(full_queue_sheds_in_order),
		cmocka_unit_test(blocking_sink_loses_nothing),
		cmocka_unit_test(stop_ends_the_wait),
		cmocka_unit_test(writes_come_in_batches),
		cmocka_unit_test(lone_line_is_written_by_time),
		cmocka_unit_test(files_rotate_by_size),
		cmocka_unit_test(files_rotate_by_age),
		cmocka_unit_test(reopen_follows_a_moved_file),
		cmocka_unit_test(closed_pipe_ends_the_sink),
		cmocka_unit_test(full_disk_leaves_whole_lines),
		cmocka_unit_test(bad_path_is_named),
		cmocka_unit_test(giant_line_passes),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
