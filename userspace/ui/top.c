// SPDX-License-Identifier: BSD-2-Clause
#include "ui/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "control/client.h"
#include "ui/frame.h"
#include "ui/status_json.h"

#define REPLY_TIMEOUT_MS 10000 /* a monitor that is starting answers once it has attached */
#define ESC_ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define ESC_LEAVE "\033[?25h\033[?1049l"
#define ESC_HOME  "\033[H"
#define ESC_REST  "\033[J"  /* clear to the end of the screen */
#define ESC_EOL	  "\033[K"  /* and of the line */

struct top {
	const struct top_options *options;
	struct control_client *client; /* NULL while the monitor is away */
	char err[256];
	struct view now, before;
	bool has_now, has_before;
	struct buf reply, text;
	int signals;
	bool raw;
	struct termios saved;
	sigset_t saved_mask;
};

/* One more view. 0 or negative errno with t->err. */
static int ask(struct top *t)
{
	struct view view;
	char why[128];
	int rc = 0;

	if (!t->client)
		rc = control_client_open(t->options->socket, &t->client, t->err, sizeof(t->err));
	if (rc)
		return rc;
	buf_reset(&t->reply);
	rc = control_client_request(t->client, "top", NULL, REPLY_TIMEOUT_MS, &t->reply);
	if (!rc && control_client_error(&t->reply, why, sizeof(why))) {
		snprintf(t->err, sizeof(t->err), "%s: %s", t->options->socket, why);
		rc = -EBADMSG;
	} else if (!rc) {
		rc = status_parse(t->reply.bytes, t->reply.len, &view);
		snprintf(t->err, sizeof(t->err), "%s: not the answer of a monitor", t->options->socket);
	} else {
		snprintf(t->err, sizeof(t->err), "%s: %s", t->options->socket,
			 rc == -EPIPE	   ? "the monitor ended" :
			 rc == -ETIMEDOUT ? "the monitor does not answer" :
					    strerror(-rc));
	}
	if (rc) {
		control_client_close(t->client);
		t->client = NULL;
		return rc;
	}
	t->before = t->now;
	t->has_before = t->has_now;
	t->now = view;
	t->has_now = true;
	return 0;
}

static void write_all(const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno != EINTR)
			return;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void draw(struct top *t, bool away)
{
	struct frame_style style = frame_style_of(STDOUT_FILENO);
	struct buf screen = { 0 };

	/* the last row is for the key, and one that ends in a newline would scroll */
	style.rows = style.rows > 2 ? style.rows - 1 : 1;
	buf_reset(&t->text);
	if (t->has_now)
		frame_render(&t->text, &t->now, t->has_before ? &t->before : NULL, &style);
	buf_str(&screen, ESC_HOME);
	for (size_t i = 0; i < t->text.len; i++) {
		if (t->text.bytes[i] == '\n')
			buf_str(&screen, ESC_EOL "\r");
		buf_char(&screen, t->text.bytes[i]);
	}
	buf_str(&screen, ESC_REST);
	buf_printf(&screen, "%.*s", (int)style.columns - 1,
		   away ? t->err : "q: quit");
	write_all(screen.bytes, screen.len);
	buf_fini(&screen);
}

static int once(struct top *t)
{
	struct frame_style style = frame_style_of(STDOUT_FILENO);
	int rc = ask(t);

	if (rc)
		return rc;
	style.rows = 4 + 1 + VIEW_ROWS_MAX;
	frame_render(&t->text, &t->now, NULL, &style);
	write_all(t->text.bytes, t->text.len);
	return 0;
}

static int enter(struct top *t)
{
	struct termios raw;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGWINCH);
	sigprocmask(SIG_BLOCK, &mask, &t->saved_mask);
	t->signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (t->signals < 0)
		return -errno;
	if (tcgetattr(STDIN_FILENO, &t->saved) == 0) {
		raw = t->saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	write_all(ESC_ENTER, sizeof(ESC_ENTER) - 1);
	return 0;
}

static void leave(struct top *t)
{
	write_all(ESC_LEAVE, sizeof(ESC_LEAVE) - 1);
	if (t->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	if (t->signals >= 0)
		close(t->signals);
	sigprocmask(SIG_SETMASK, &t->saved_mask, NULL);
}

static bool signal_ends(const struct top *t)
{
	struct signalfd_siginfo info;

	return read(t->signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGWINCH;
}

/* What was typed. True to end; at the end of input nothing more can be typed: *ret_watch off. */
static bool key_ends(bool *ret_watch)
{
	char keys[32];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	*ret_watch = n > 0;
	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == 3)
			return true;
	return false;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Until the next frame is due, the screen changed its size (false), or it is to end (true). */
static bool wait_for_frame(struct top *t, bool *watch_keys)
{
	int64_t due = now_ms() + t->options->interval_ms;

	for (;;) {
		struct pollfd pfd[] = { { .fd = t->signals, .events = POLLIN },
					{ .fd = *watch_keys ? STDIN_FILENO : -1, .events = POLLIN } };
		int64_t left = due - now_ms();

		if (left <= 0 || poll(pfd, 2, (int)left) <= 0)
			return false;
		if (pfd[0].revents)
			return signal_ends(t);
		if (pfd[1].revents && key_ends(watch_keys))
			return true;
	}
}

static int follow(struct top *t)
{
	bool watch_keys = isatty(STDIN_FILENO) == 1;
	int rc = ask(t);

	if (!rc)
		rc = enter(t);
	if (rc)
		return rc;
	do {
		draw(t, rc != 0);
		if (wait_for_frame(t, &watch_keys))
			break;
		rc = ask(t);
	} while (true);
	leave(t);
	return 0;
}

int top_run(const struct top_options *options)
{
	struct top *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->options = options;
	t->signals = -1;
	rc = options->once ? once(t) : follow(t);
	if (rc)
		log_error("top: %s", t->err[0] ? t->err : strerror(-rc));
	control_client_close(t->client);
	buf_fini(&t->reply);
	buf_fini(&t->text);
	free(t);
	return rc;
}
