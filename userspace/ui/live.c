// SPDX-License-Identifier: BSD-2-Clause
#include "ui/live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "ui/frame.h"

#define PENDING_MAX 262144 /* bytes kept for a terminal that is behind */
/* A pipe that poll() calls writable takes this much without blocking (PIPE_BUF of pipe(7)). */
#define PIECE 4096
#define MESSAGES_MAX   16384 /* bytes of log messages between two looks at them */
#define BLOCK_ROWS_MAX 18 /* of the status block: the rest of the screen is for events */

struct live {
	int fd;
	bool own_fd, redraws;
	struct buf out;
	size_t sent;
	uint64_t dropped, dropped_told;
	struct {
		pthread_mutex_t lock;
		struct buf text; /* lines that threads have logged */
		bool taken;	 /* the log writes here */
	} messages;
	bool has_before;
	struct view now, before;
	struct buf block;	 /* the block as last drawn */
	unsigned int lines;	 /* of the block on the screen */
	unsigned int columns;	 /* of the screen then */
};

/*
 * The terminal opened once more: O_NONBLOCK on the descriptor we were given would hold for the
 * shell as well, and a terminal that poll() calls writable may still block a write.
 */
static void open_again(struct live *l)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", l->fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return; /* not ours to open: then it may make us wait */
	l->fd = fd;
	l->own_fd = true;
}

/* A log_writer_fn. What does not fit goes where it would have gone without us. */
static void keep_message(void *ctx, const char *line, size_t len)
{
	struct live *l = ctx;

	pthread_mutex_lock(&l->messages.lock);
	if (l->messages.text.len + len <= MESSAGES_MAX)
		buf_add(&l->messages.text, line, len);
	else if (write(STDERR_FILENO, line, len) < 0)
		errno = 0;
	pthread_mutex_unlock(&l->messages.lock);
}

/* Messages in the middle of the block would tear it: take them over when both share a terminal. */
static void take_log(struct live *l)
{
	struct stat ours, log;

	if (!l->redraws || isatty(STDERR_FILENO) != 1 || fstat(l->fd, &ours) ||
	    fstat(STDERR_FILENO, &log) || ours.st_rdev != log.st_rdev)
		return;
	l->messages.taken = true;
	log_set_writer(keep_message, l);
}

/* Hand back the log, and what it has said and nobody has seen. */
static void return_log(struct live *l)
{
	if (!l->messages.taken)
		return;
	log_set_writer(NULL, NULL);
	if (l->messages.text.len &&
	    write(STDERR_FILENO, l->messages.text.bytes, l->messages.text.len) < 0)
		errno = 0;
}

int live_new(int fd, struct live **ret)
{
	struct live *l = calloc(1, sizeof(*l));
	const char *term = getenv("TERM");

	if (!l)
		return -ENOMEM;
	l->fd = fd;
	if (isatty(fd) == 1) {
		open_again(l);
		l->redraws = !(term && strcmp(term, "dumb") == 0);
	}
	pthread_mutex_init(&l->messages.lock, NULL);
	take_log(l);
	*ret = l;
	return 0;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	live_pump(l);
	return_log(l);
	pthread_mutex_destroy(&l->messages.lock);
	buf_fini(&l->messages.text);
	if (l->own_fd)
		close(l->fd);
	buf_fini(&l->out);
	buf_fini(&l->block);
	free(l);
}

bool live_is_behind(const struct live *l)
{
	return l->sent < l->out.len;
}

uint64_t live_dropped(const struct live *l)
{
	return l->dropped;
}

void live_pump(struct live *l)
{
	struct pollfd pfd = { .fd = l->fd, .events = POLLOUT };

	while (live_is_behind(l) && poll(&pfd, 1, 0) == 1) {
		size_t left = l->out.len - l->sent;
		ssize_t n = write(l->fd, l->out.bytes + l->sent, left < PIECE ? left : PIECE);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno != EINTR) {
			l->sent = l->out.len; /* nobody is there any more */
			break;
		}
		l->sent += n > 0 ? (size_t)n : 0;
	}
	if (!live_is_behind(l)) {
		buf_reset(&l->out);
		l->sent = 0;
	}
}

/* Rows that the block of before takes on a screen that may have become narrower since. */
static unsigned int rows_on_screen(const struct live *l, unsigned int columns)
{
	if (!columns || columns >= l->columns)
		return l->lines;
	return l->lines * ((l->columns + columns - 1) / columns);
}

/* To the first column of the block, and nothing below. */
static void erase_block(struct live *l, unsigned int columns)
{
	if (!l->lines)
		return;
	buf_printf(&l->out, "\r\033[%uA\033[J", rows_on_screen(l, columns));
	l->lines = 0;
}

static void draw_block(struct live *l, const struct frame_style *screen)
{
	struct frame_style style = *screen;

	if (!l->has_before) /* nothing known yet */
		return;
	/* one row stays for the cursor, and half of a small screen for events */
	style.rows = screen->rows > 2 * BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX : screen->rows / 2;
	style.columns = screen->columns > 1 ? screen->columns - 1 : 1;
	buf_reset(&l->block);
	l->lines = frame_render(&l->block, &l->now, &l->before, &style);
	l->columns = style.columns;
	buf_add(&l->out, l->block.bytes, l->block.len);
}

/* Length of the colour sequence (ECMA-48 SGR) at @text, 0 for anything else. */
static size_t color_length(const char *text, size_t len)
{
	size_t i = 2;

	if (len < 3 || text[0] != '\033' || text[1] != '[')
		return 0;
	while (i < len && ((text[i] >= '0' && text[i] <= '9') || text[i] == ';'))
		i++;
	return i < len && text[i] == 'm' ? i + 1 : 0;
}

static void add_clean(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = color_length(text + i, len - i);
		unsigned char c = (unsigned char)text[i];

		if (n) {
			buf_add(out, text + i, n);
			i += n;
			continue;
		}
		buf_char(out, c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f) ? (char)c : '?');
		i++;
	}
	if (len && text[len - 1] != '\n')
		buf_char(out, '\n');
}

static bool has_room(struct live *l, size_t len)
{
	live_pump(l);
	if (l->out.len - l->sent + len + l->block.len <= PENDING_MAX)
		return true;
	l->dropped++;
	return false;
}

void live_event(struct live *l, const char *text, size_t len)
{
	struct frame_style screen = frame_style_of(l->fd);

	if (!has_room(l, len))
		return;
	if (l->redraws)
		erase_block(l, screen.columns);
	if (l->dropped > l->dropped_told)
		buf_printf(&l->out, "(%llu events not shown: the terminal was behind)\n",
			   (unsigned long long)(l->dropped - l->dropped_told));
	l->dropped_told = l->dropped;
	add_clean(&l->out, text, len);
	if (l->redraws)
		draw_block(l, &screen);
	live_pump(l);
}

/* What was logged since the last look, as an event. */
static void show_messages(struct live *l)
{
	struct buf text;

	pthread_mutex_lock(&l->messages.lock);
	text = l->messages.text;
	l->messages.text = (struct buf){ 0 };
	pthread_mutex_unlock(&l->messages.lock);
	if (text.len)
		live_event(l, text.bytes, text.len);
	buf_fini(&text);
}

void live_status(struct live *l, const struct status *status)
{
	struct frame_style screen;

	live_pump(l);
	show_messages(l);
	if (!l->redraws || live_is_behind(l))
		return;
	l->before = l->now;
	view_fill(&l->now, status);
	if (!l->has_before)
		l->before = l->now;
	l->has_before = true;
	screen = frame_style_of(l->fd);
	erase_block(l, screen.columns);
	draw_block(l, &screen);
	live_pump(l);
}
