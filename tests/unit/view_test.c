// SPDX-License-Identifier: BSD-2-Clause
/* ui/: the view across the socket, as lines, on a terminal that is redrawn, and as `top`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "base/log.h"
#include "control/server.h"
#include "dns/name.h"
#include "ui/frame.h"
#include "ui/live.h"
#include "ui/status_json.h"
#include "ui/top.h"
#include "ui/view.h"

#define SCREEN_COLUMNS 100
#define SCREEN_ROWS    30

/* --- a monitor to look at ---------------------------------------------------------------------- */

static struct ledger example_ledger(void)
{
	struct ledger l = { .uptime_ns = 3725ULL * 1000000000, .filtering = true };

	l.kernel[FT_STAGE_SEEN] = 1000000;
	l.kernel[FT_STAGE_NOT_DNS] = 400000;
	l.kernel[FT_STAGE_QUERY] = 100000;
	l.kernel[FT_STAGE_RESPONSE] = 500000;
	l.kernel[FT_STAGE_REPEAT] = 499000;
	l.kernel[FT_STAGE_EMITTED] = 990;
	l.kernel[FT_REASON_SHORT_DNS] = 7;
	l.kernel[FT_REASON_BAD_UDP_LENGTH] = 3;
	l.consumed = l.reassembly.records = l.reassembly.passed = 990;
	l.parsed = 988;
	l.malformed[FT_REASON_BAD_NAME] = 2;
	l.detect.names = 77;
	l.detect.alerts = 1;
	l.correlate.connections = 200;
	l.correlate.unexplained = 50;
	return l;
}

static void example_alert(struct alert *a, const char *name, double score)
{
	memset(a, 0, sizeof(*a));
	assert_int_equal(dns_name_from_text(name, &a->domain), 0);
	a->verdict = score > 2 ? VERDICT_SINGLE_FLUX : VERDICT_NONE;
	a->confidence = score > 4 ? CONFIDENCE_HIGH : CONFIDENCE_NONE;
	a->score = score;
	a->evidence.distinct_ips = 42;
	a->evidence.effective_asns = 12.25;
	a->evidence.novelty = 0.96875;
	a->processes_len = 2;
	strcpy(a->processes[0].exe, "/usr/bin/curl");
	a->processes[0].connects = 1;
	strcpy(a->processes[1].exe, "/opt/agent/bea\033con");
	a->processes[1].pid = 4242;
	a->processes[1].connects = 9;
}

static void example_view(struct view *ret, const struct ledger *ledger)
{
	static const struct status_iface ifaces[] = { { "eth0", "xdp native" }, { "lo", "tc" } };
	struct alert *top = calloc(2, sizeof(*top));
	struct status status = {
		.time_ns = 1763719200ULL * 1000000000,
		.sensor = "gw1",
		.ledger = ledger,
		.ifaces = ifaces,
		.ifaces_len = 2,
		.top = top,
		.top_len = 2,
	};

	assert_non_null(top);
	example_alert(&top[0], "flux.example", 7.5);
	example_alert(&top[1], "shop.example", -1.25);
	view_fill(ret, &status);
	free(top);
}

static char *terminated(struct buf *b)
{
	buf_char(b, '\0');
	assert_false(b->failed);
	return b->bytes;
}

/* --- tests of the model ------------------------------------------------------------------------ */

static void view_is_filled_from_the_ledger_and_the_names(void **state)
{
	struct ledger l = example_ledger();
	struct view v;

	(void)state;
	example_view(&v, &l);
	assert_true(v.balanced);
	assert_int_equal(v.refused, 10);
	assert_int_equal(v.malformed, 2);
	assert_int_equal(v.reasons_len, 3);
	assert_string_equal(v.reasons[0].name, "short_dns");
	assert_string_equal(v.reasons[1].name, "bad_udp_length");
	assert_string_equal(v.reasons[2].name, "bad_name");
	assert_int_equal(v.rows_len, 2);
	assert_string_equal(v.rows[0].domain, "flux.example");
	assert_string_equal(v.rows[0].verdict, "single-flux");
	assert_string_equal(v.rows[0].process, "bea?con[4242]");
	assert_string_equal(v.rows[1].verdict, "");
	l.consumed--;
	example_view(&v, &l);
	assert_false(v.balanced);
	assert_true(v.unbalanced[0]);
}

static void view_survives_the_socket(void **state)
{
	struct ledger l = example_ledger();
	struct view sent, got;
	struct buf json = { 0 };

	(void)state;
	memset(&got, 0x5a, sizeof(got));
	example_view(&sent, &l);
	status_json(&json, &sent);
	assert_null(memchr(json.bytes, '\n', json.len));
	assert_int_equal(status_parse(json.bytes, json.len, &got), 0);
	assert_int_equal(got.seen, sent.seen);
	assert_int_equal(got.history_dropped, sent.history_dropped);
	assert_string_equal(got.sensor, "gw1");
	assert_true(got.balanced && got.filtering);
	assert_string_equal(got.ifaces[1].mode, "tc");
	assert_string_equal(got.rows[0].process, sent.rows[0].process);
	assert_true(got.rows[0].effective_asns == 12.25 && got.rows[1].score == -1.25);
	assert_int_equal(got.reasons[0].count, 7);
	/* nothing shorter is taken for a whole one */
	for (size_t n = 0; n < json.len; n++)
		assert_int_equal(status_parse(json.bytes, n, &got), -EBADMSG);
	buf_fini(&json);
}

static void view_from_a_stranger_is_harmless(void **state)
{
	static const char hostile[] =
		"{\"counters\":{\"seen\":-5,\"parsed\":1e999,\"names\":99999999999999999999999},"
		"\"sensor\":\"a\\u001b]0;x\\u0007b\",\"interfaces\":[1,{\"name\":7}],"
		"\"names\":[{\"domain\":\"\\u001b[2J\",\"score\":1e999,\"ttl_max\":4294967296}],\"more\":{}}";
	struct view v;

	(void)state;
	assert_int_equal(status_parse(hostile, sizeof(hostile) - 1, &v), 0);
	assert_int_equal(v.seen, 0);
	assert_int_equal(v.names, 0);
	assert_string_equal(v.sensor, "a?]0;x?b");
	assert_string_equal(v.rows[0].domain, "?[2J");
	assert_true(v.rows[0].score == 0);
	assert_int_equal(v.rows[0].ttl_max, UINT32_MAX);
	assert_int_equal(v.ifaces_len, 2);
	assert_string_equal(v.ifaces[1].name, "");
	assert_int_equal(status_parse("[]", 2, &v), -EBADMSG);
	assert_int_equal(status_parse("{}", 2, &v), -EBADMSG);
	assert_int_equal(status_parse("{\"counters\":{}}\0x", 17, &v), -EBADMSG);
}

static void frame_says_rates_and_losses(void **state)
{
	struct frame_style style = { .columns = 200, .rows = 50 };
	struct ledger l = example_ledger();
	struct view before, now;
	struct buf out = { 0 };
	char *text;

	(void)state;
	example_view(&before, &l);
	l.kernel[FT_STAGE_SEEN] += 5000;
	l.kernel[FT_STAGE_NOT_DNS] += 5000;
	l.uptime_ns += 2000000000;
	example_view(&now, &l);
	now.time_ns += 2000000000;
	assert_int_equal(frame_render(&out, &now, &before, &style), 7);
	text = terminated(&out);
	assert_non_null(strstr(text, "frames 2,500/s"));
	assert_non_null(strstr(text, "balanced"));
	assert_null(strstr(text, "NOT BALANCED"));
	assert_non_null(strstr(text, "refused 12 (short_dns 7, bad_udp_length 3, bad_name 2)"));
	assert_non_null(strstr(text, "up 1:02:07"));
	assert_non_null(strstr(text, "flux.example  bea?con[4242]"));
	assert_null(strchr(text, '\033'));
	buf_reset(&out);
	l.consumed--;
	l.kernel[FT_STAGE_RING_FULL] = 9;
	example_view(&now, &l);
	style.color = true;
	frame_render(&out, &now, NULL, &style);
	text = terminated(&out);
	assert_non_null(strstr(text, "NOT BALANCED (kernel_response)"));
	assert_non_null(strstr(text, "\033[1;31m9"));
	/* without an earlier view: since the start, 1,005,000 frames in 3,727 s */
	assert_non_null(strstr(text, "frames 269/s"));
	buf_fini(&out);
}

static void frame_stays_inside_any_screen(void **state)
{
	struct ledger l = example_ledger();
	struct view v;
	struct buf out = { 0 };

	(void)state;
	example_view(&v, &l);
	memset(v.rows[1].domain, 'x', sizeof(v.rows[1].domain) - 1);
	for (unsigned int columns = 1; columns < 700; columns += columns < 100 ? 1 : 97)
		for (unsigned int rows = 1; rows < 12; rows++) {
			struct frame_style style = { columns, rows, false };
			unsigned int lines = 0;

			buf_reset(&out);
			lines = frame_render(&out, &v, NULL, &style);
			assert_true(lines <= rows);
			for (char *at = terminated(&out), *end; (end = strchr(at, '\n')); at = end + 1) {
				assert_true((size_t)(end - at) <= columns);
				lines--;
			}
			assert_int_equal(lines, 0);
		}
	buf_fini(&out);
}

/* --- a terminal -------------------------------------------------------------------------------- */

struct terminal { /* enough of ECMA-48 for what ui/ sends */
	char cells[SCREEN_ROWS][SCREEN_COLUMNS + 1];
	unsigned int row, column;
	bool ended; /* left the other screen */
};

static void scroll(struct terminal *t)
{
	memmove(t->cells[0], t->cells[1], sizeof(t->cells[0]) * (SCREEN_ROWS - 1));
	memset(t->cells[SCREEN_ROWS - 1], 0, sizeof(t->cells[0]));
}

static void put_char(struct terminal *t, char c)
{
	if (c == '\r') {
		t->column = 0;
	} else if (c == '\n') {
		if (t->row + 1 < SCREEN_ROWS)
			t->row++;
		else
			scroll(t);
	} else {
		assert_true((unsigned char)c >= 0x20);
		assert_true(t->column < SCREEN_COLUMNS); /* nothing here may wrap */
		t->cells[t->row][t->column++] = c;
	}
}

/* A control sequence behind ESC [; returns its length. */
static size_t control_sequence(struct terminal *t, const char *text)
{
	size_t n = strcspn(text, "AHJKmhl");
	unsigned int count = (unsigned int)atoi(text);

	switch (text[n]) {
	case 'A':
		assert_true(count <= t->row);
		t->row -= count;
		break;
	case 'H':
		t->row = t->column = 0;
		break;
	case 'J':
		memset(t->cells[t->row] + t->column, 0, SCREEN_COLUMNS - t->column);
		for (unsigned int i = t->row + 1; i < SCREEN_ROWS; i++)
			memset(t->cells[i], 0, sizeof(t->cells[0]));
		break;
	case 'K':
		memset(t->cells[t->row] + t->column, 0, SCREEN_COLUMNS - t->column);
		break;
	case 'l':
		t->ended |= strncmp(text, "?1049l", 6) == 0;
		break;
	default:
		assert_true(text[n] == 'm' || text[n] == 'h');
	}
	return n + 1;
}

static void show(struct terminal *t, const char *text)
{
	for (size_t i = 0; text[i];) {
		if (text[i] == '\033') {
			assert_int_equal(text[i + 1], '[');
			i += 2 + control_sequence(t, text + i + 2);
		} else {
			put_char(t, text[i++]);
		}
	}
}

/* Everything the other side of a pty has to say now. */
static void drain(int fd, struct buf *ret)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char chunk[4096];
	ssize_t n = 1;

	while (n > 0 && poll(&pfd, 1, 0) == 1) {
		n = read(fd, chunk, sizeof(chunk));
		buf_add(ret, chunk, n > 0 ? (size_t)n : 0);
	}
}

/* Wait for all that was written so far: a mark of our own comes out behind it. */
static void drain_all(int master, int slave, struct buf *ret)
{
	struct pollfd pfd = { .fd = master, .events = POLLIN };

	assert_int_equal(write(slave, "~", 1), 1);
	while (!ret->len || ret->bytes[ret->len - 1] != '~') {
		assert_int_equal(poll(&pfd, 1, 20000), 1);
		drain(master, ret);
	}
	ret->len--;
}

/* Until the terminal has been given all; as long as it has not, there is something to read. */
static void catch_up(struct live *live, int master, struct buf *ret)
{
	struct pollfd pfd = { .fd = master, .events = POLLIN };

	live_pump(live);
	while (live_is_behind(live)) {
		assert_int_equal(poll(&pfd, 1, 20000), 1);
		drain(master, ret);
		live_pump(live);
	}
}

static unsigned int rows_with(const struct terminal *t, const char *text)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SCREEN_ROWS; i++)
		n += strstr(t->cells[i], text) != NULL;
	return n;
}

static void open_pty(int *ret_master, int *ret_slave)
{
	struct winsize size = { .ws_row = SCREEN_ROWS, .ws_col = SCREEN_COLUMNS };

	assert_int_equal(openpty(ret_master, ret_slave, NULL, NULL, &size), 0);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
}

static void live_block_is_redrawn_below_the_events(void **state)
{
	struct ledger l = example_ledger();
	struct status status = { .time_ns = 1, .sensor = "gw1", .ledger = &l };
	struct terminal *t = calloc(1, sizeof(*t));
	const char *colored = "first\033[2J\033[31mred\033[0m";
	struct buf seen = { 0 };
	struct live *live;
	char line[64];
	int master, slave;

	(void)state;
	assert_non_null(t);
	open_pty(&master, &slave);
	assert_int_equal(live_new(slave, &live), 0);
	live_event(live, colored, strlen(colored));
	for (int i = 0; i < 40; i++) {
		snprintf(line, sizeof(line), "event %d\nmore\n", i);
		live_event(live, line, strlen(line));
		status.time_ns += 1000000000;
		live_status(live, &status);
		catch_up(live, master, &seen);
	}
	live_free(live);
	drain_all(master, slave, &seen);
	assert_non_null(strstr(terminated(&seen), "first?[2J\033[31mred\033[0m"));
	show(t, seen.bytes);
	assert_int_equal(rows_with(t, "fluxtap gw1"), 1);
	assert_int_equal(rows_with(t, "ledger"), 1);
	assert_int_equal(rows_with(t, "event 39"), 1);
	assert_int_equal(rows_with(t, "event 38"), 1);
	assert_int_equal(t->row, SCREEN_ROWS - 1);
	assert_string_equal(t->cells[SCREEN_ROWS - 7], "more");
	buf_fini(&seen);
	free(t);
	close(master);
	close(slave);
}

/* A shell's usual arrangement: both outputs on one terminal, and a message at any moment. */
static void live_takes_messages_out_of_the_block(void **state)
{
	struct ledger l = example_ledger();
	struct status status = { .time_ns = 1, .sensor = "gw1", .ledger = &l };
	struct terminal *t = calloc(1, sizeof(*t));
	struct buf seen = { 0 };
	struct live *live;
	int master, slave, saved = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(t);
	open_pty(&master, &slave);
	dup2(slave, STDERR_FILENO);
	assert_int_equal(live_new(slave, &live), 0);
	for (int i = 0; i < 5; i++) {
		status.time_ns += 1000000000;
		live_status(live, &status);
		log_warn("message %d", i);
		catch_up(live, master, &seen);
	}
	live_free(live);
	log_warn("afterwards");
	dup2(saved, STDERR_FILENO);
	close(saved);
	drain_all(master, slave, &seen);
	show(t, terminated(&seen));
	for (int i = 0; i < 5; i++) {
		char line[64];

		snprintf(line, sizeof(line), "fluxtap: warning: message %d", i);
		assert_int_equal(rows_with(t, line), 1);
	}
	assert_int_equal(rows_with(t, "afterwards"), 1);
	assert_int_equal(rows_with(t, "fluxtap gw1"), 1);
	buf_fini(&seen);
	free(t);
	close(master);
	close(slave);
}

static void live_never_waits_for_a_stopped_terminal(void **state)
{
	struct ledger l = example_ledger();
	struct status status = { .time_ns = 1, .sensor = "gw1", .ledger = &l };
	struct buf seen = { 0 };
	struct live *live;
	char line[1001];
	unsigned long long told = 0;
	int master, slave;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	open_pty(&master, &slave);
	assert_int_equal(live_new(slave, &live), 0);
	alarm(20); /* a write that blocks ends the test */
	for (int i = 0; i < 1000; i++)
		live_event(live, line, sizeof(line));
	live_status(live, &status);
	assert_true(live_is_behind(live));
	assert_true(live_dropped(live) > 500);
	catch_up(live, master, &seen);
	live_event(live, "again\n", 6);
	catch_up(live, master, &seen);
	drain_all(master, slave, &seen);
	alarm(0);
	/* the terminal may have taken a little more in between: then it was said in parts */
	for (char *at = terminated(&seen); (at = strstr(at, " events not shown")); at++) {
		const char *number = at;

		while (number[-1] != '(')
			number--;
		told += strtoull(number, NULL, 10);
	}
	assert_int_equal(told, live_dropped(live));
	buf_fini(&seen);
	live_free(live);
	close(master);
	close(slave);
}

static void live_without_a_terminal_is_plain(void **state)
{
	struct ledger l = example_ledger();
	struct status status = { .time_ns = 1, .sensor = "gw1", .ledger = &l };
	struct live *live;
	char text[64];
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(live_new(fds[1], &live), 0);
	live_status(live, &status);
	live_event(live, "one", 3);
	live_status(live, &status);
	live_free(live);
	n = read(fds[0], text, sizeof(text));
	assert_int_equal(n, 4);
	assert_memory_equal(text, "one\n", 4);
	close(fds[0]);
	close(fds[1]);
}

/* --- top --------------------------------------------------------------------------------------- */

static void answer_top(void *ctx, const char *command, const char *argument, struct buf *reply)
{
	struct ledger l = example_ledger();
	struct view v;
	unsigned int *asked = ctx;

	(void)argument;
	if (strcmp(command, "top") != 0)
		return;
	example_view(&v, &l);
	v.time_ns += 1000000000ULL * *asked;
	v.uptime_s += *asked;
	++*asked;
	status_json(reply, &v);
}

struct monitor {
	char dir[64], path[96];
	struct control *control;
	unsigned int asked;
};

static void monitor_open(struct monitor *m)
{
	memset(m, 0, sizeof(*m));
	strcpy(m->dir, "/tmp/fluxtap-top-XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	snprintf(m->path, sizeof(m->path), "%s/s", m->dir);
	assert_int_equal(control_open(m->path, "", answer_top, &m->asked, &m->control), 0);
}

static void monitor_close(struct monitor *m)
{
	control_close(m->control);
	assert_int_equal(rmdir(m->dir), 0);
}

/* Serve until @fd has said @text; false when it has ended without. */
static bool serve_until(struct monitor *m, int fd, struct buf *seen, const char *text)
{
	struct pollfd pfd[] = { { .fd = fd, .events = POLLIN },
				{ .fd = control_fd(m->control), .events = POLLIN } };
	char chunk[4096];

	for (;;) {
		ssize_t n = 1;

		assert_true(poll(pfd, 2, 20000) > 0);
		if (pfd[1].revents)
			control_dispatch(m->control);
		if (pfd[0].revents)
			n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return false;
		if (pfd[0].revents)
			buf_add(seen, chunk, (size_t)n);
		if (seen->len && memmem(seen->bytes, seen->len, text, strlen(text)))
			return true;
	}
}

static void top_once_prints_one_frame(void **state)
{
	struct monitor m;
	struct buf seen = { 0 };
	int fds[2], status;
	pid_t pid;

	(void)state;
	monitor_open(&m);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct top_options options = { .socket = m.path, .once = true };

		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		_exit(top_run(&options) ? 1 : 0);
	}
	close(fds[1]);
	assert_false(serve_until(&m, fds[0], &seen, "\033"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(strstr(terminated(&seen), "flux.example"));
	assert_int_equal(m.asked, 1);
	buf_fini(&seen);
	close(fds[0]);
	monitor_close(&m);
}

static void top_redraws_and_ends_with_q(void **state)
{
	struct winsize size = { .ws_row = SCREEN_ROWS, .ws_col = SCREEN_COLUMNS };
	struct terminal *t = calloc(1, sizeof(*t));
	struct termios before, after;
	struct monitor m;
	struct buf seen = { 0 };
	int master, slave, status;
	pid_t pid;

	(void)state;
	assert_non_null(t);
	monitor_open(&m);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(slave, &before), 0);
	pid = fork();
	if (pid == 0) {
		struct top_options options = { .socket = m.path, .interval_ms = 20 };

		close(master);
		login_tty(slave);
		_exit(top_run(&options) ? 1 : 0);
	}
	/* the third frame: two redraws have happened */
	assert_true(serve_until(&m, master, &seen, "up 1:02:08"));
	assert_true(serve_until(&m, master, &seen, "q: quit"));
	assert_int_equal(write(master, "q", 1), 1);
	assert_true(serve_until(&m, master, &seen, "\033[?1049l"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	show(t, terminated(&seen));
	assert_int_equal(rows_with(t, "fluxtap gw1"), 1);
	assert_int_equal(rows_with(t, "flux.example"), 1);
	assert_int_equal(rows_with(t, "q: quit"), 1);
	assert_true(t->ended);
	buf_fini(&seen);
	free(t);
	close(master);
	close(slave);
	monitor_close(&m);
}

static void top_says_when_no_monitor_runs(void **state)
{
	struct top_options options = { .socket = "/nonexistent/s", .once = true };

	(void)state;
	assert_int_equal(top_run(&options), -ENOENT);
	options.once = false;
	assert_int_equal(top_run(&options), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(view_is_filled_from_the_ledger_and_the_names),
		cmocka_unit_test(view_survives_the_socket),
		cmocka_unit_test(view_from_a_stranger_is_harmless),
		cmocka_unit_test(frame_says_rates_and_losses),
		cmocka_unit_test(frame_stays_inside_any_screen),
		cmocka_unit_test(live_block_is_redrawn_below_the_events),
		cmocka_unit_test(live_takes_messages_out_of_the_block),
		cmocka_unit_test(live_never_waits_for_a_stopped_terminal),
		cmocka_unit_test(live_without_a_terminal_is_plain),
		cmocka_unit_test(top_once_prints_one_frame),
		cmocka_unit_test(top_redraws_and_ends_with_q),
		cmocka_unit_test(top_says_when_no_monitor_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
