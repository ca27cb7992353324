// SPDX-License-Identifier: BSD-2-Clause
#include "report/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/worker.h"

/* A run of whole lines; one write. */
struct chunk {
	struct chunk *next;
	size_t len, cap;
	uint64_t lines;
	char bytes[];
};

struct sink {
	struct sink_config cfg;
	char *path; /* owned; NULL for descriptors */
	pthread_t thread;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t wake; /* for the thread: enough waits, reopen, end */
	pthread_cond_t room; /* for blocked callers and sink_close() */
	struct chunk *head, *tail; /* lines that wait */
	size_t waiting; /* bytes in them */
	size_t queued; /* memory of the chunks that wait or are being written */
	uint64_t oldest_ns; /* when the first line that waits came */
	unsigned int blocked; /* callers waiting for room */
	struct sink_stats stats;
	bool reopen, closing, done;
	int error;

	/* the thread's alone, until it has been joined */
	struct chunk *writing;
	int fd;
	bool regular; /* a file that can be cut back after half a line */
	bool reported; /* the current trouble has been logged */
	bool rotate_failed;
	uint64_t file_bytes, opened_ns;
};

struct sink_config sink_config_default(void)
{
	return (struct sink_config){ .kind = SINK_STDOUT,
				     .fd = -1,
				     .max_bytes = 16U << 20,
				     .batch_bytes = 64U << 10,
				     .batch_ns = 200000000U,
				     .rotate_keep = 8 };
}

/* --- the file -------------------------------------------------------------------------------- */

static void adopt_fd(struct sink *s, int fd)
{
	struct stat st;

	s->fd = fd;
	s->regular = s->path && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	s->file_bytes = s->regular ? (uint64_t)st.st_size : 0;
	s->opened_ns = worker_clock_ns();
}

/* A writer killed in the middle of a write may have left half a line: end it. */
static void end_torn_line(struct sink *s)
{
	char last;

	if (!s->regular || !s->file_bytes)
		return;
	if (pread(s->fd, &last, 1, (off_t)s->file_bytes - 1) == 1 && last != '\n' &&
	    write(s->fd, "\n", 1) == 1)
		s->file_bytes++;
}

static int open_path(struct sink *s)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0 && errno == EACCES) /* a FIFO or device that may only be written */
		fd = open(s->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (s->fd >= 0)
		close(s->fd);
	adopt_fd(s, fd);
	end_torn_line(s);
	return 0;
}

static void reopen_path(struct sink *s)
{
	int err;

	if (!s->path)
		return;
	err = open_path(s);
	if (err)
		log_error("%s: cannot be opened again, the old file is kept: %s", s->path,
			  strerror(-err));
	else
		s->reported = s->rotate_failed = false;
}

/* PATH.2 → PATH.3, PATH.1 → PATH.2, PATH → PATH.1; what was PATH.keep is gone. */
static int shift_files(const struct sink *s)
{
	size_t len = strlen(s->path) + 16;
	char *from = malloc(len), *to = malloc(len);
	int err = from && to ? 0 : -ENOMEM;

	for (unsigned int i = s->cfg.rotate_keep; !err && i > 0; i--) {
		snprintf(to, len, "%s.%u", s->path, i);
		if (i > 1)
			snprintf(from, len, "%s.%u", s->path, i - 1);
		else
			snprintf(from, len, "%s", s->path);
		if (rename(from, to) && errno != ENOENT)
			err = -errno;
	}
	if (!err && !s->cfg.rotate_keep && unlink(s->path) && errno != ENOENT)
		err = -errno;
	free(from);
	free(to);
	return err;
}

static void rotate_if_due(struct sink *s, size_t more)
{
	const struct sink_config *cfg = &s->cfg;
	int err;

	if (!s->regular || !s->file_bytes || s->rotate_failed)
		return;
	if (!(cfg->rotate_bytes && s->file_bytes + more > cfg->rotate_bytes) &&
	    !(cfg->rotate_ns && worker_clock_ns() - s->opened_ns >= cfg->rotate_ns))
		return;
	err = shift_files(s);
	if (!err)
		err = open_path(s);
	if (err) {
		/* said once, tried again after the next reopen: the old file goes on growing */
		log_error("%s: cannot be rotated: %s", s->path, strerror(-err));
		s->rotate_failed = true;
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->stats.rotations++;
	pthread_mutex_unlock(&s->lock);
}

/* --- the thread ------------------------------------------------------------------------------ */

/* The one place where the thread may be cancelled: a reader that never reads. */
static ssize_t write_cancellable(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	n = write(fd, bytes, len);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return n;
}

/* A descriptor that somebody else made non-blocking: wait as a blocking one would. */
static void wait_writable(const struct sink *s)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	poll(&pfd, 1, 1000);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

static int write_all(struct sink *s, const struct chunk *c)
{
	size_t at = 0;

	while (at < c->len) {
		ssize_t n = write_cancellable(s->fd, c->bytes + at, c->len - at);

		if (n > 0) {
			at += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			wait_writable(s);
		} else if (n == 0 || errno != EINTR) {
			int err = n ? -errno : -EIO;

			/* half a line must not stand before the next whole one */
			if (s->regular && at && ftruncate(s->fd, (off_t)s->file_bytes))
				log_error("%s: a torn line stays: %s", s->path, strerror(errno));
			return err;
		}
	}
	s->file_bytes += c->len;
	return 0;
}

static const char *target_name(const struct sink *s)
{
	if (s->path)
		return s->path;
	return s->cfg.kind == SINK_STDOUT ? "standard output" : "output";
}

/* A file may have room again later; a pipe or socket whose other end is gone stays so. */
static bool is_final(const struct sink *s, int err)
{
	return !s->path || err == -EPIPE || err == -EBADF;
}

static int try_write(struct sink *s, const struct chunk *c)
{
	int err;

	rotate_if_due(s, c->len);
	err = write_all(s, c);
	/* a reader that has gone has seen enough: no trouble to speak of */
	if (err && !s->reported && err != -EPIPE)
		log_error("%s: events are being lost: %s", target_name(s), strerror(-err));
	if (!err && s->reported)
		log_info("%s: events are written again", target_name(s));
	s->reported = err != 0;
	return err;
}

static void write_chunk(struct sink *s, const struct chunk *c)
{
	int err = s->error; /* set by this thread alone */

	if (!err)
		err = try_write(s, c);
	pthread_mutex_lock(&s->lock);
	if (err) {
		s->stats.errors += !s->error;
		s->stats.lost += c->lines;
		if (is_final(s, err) && !s->error)
			s->error = err;
	} else {
		s->stats.lines += c->lines;
		s->stats.bytes += c->len;
	}
	s->queued -= c->cap;
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
}

static void write_list(struct sink *s)
{
	while (s->writing) {
		struct chunk *c = s->writing;

		write_chunk(s, c);
		s->writing = c->next;
		free(c);
	}
}

static bool is_due(const struct sink *s)
{
	return s->closing || s->reopen || s->waiting >= s->cfg.batch_bytes ||
	       (s->head && (s->blocked || worker_clock_ns() >= s->oldest_ns + s->cfg.batch_ns));
}

static void write_round(struct sink *s)
{
	bool reopen = s->reopen;

	s->reopen = false;
	s->writing = s->head;
	s->head = s->tail = NULL;
	s->waiting = 0;
	pthread_mutex_unlock(&s->lock);
	write_list(s);
	if (reopen)
		reopen_path(s);
	pthread_mutex_lock(&s->lock);
}

static void *sink_thread(void *arg)
{
	struct sink *s = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_mutex_lock(&s->lock);
	while (!s->closing || s->head) {
		if (is_due(s))
			write_round(s);
		else if (s->head)
			worker_wait_until(&s->wake, &s->lock, s->oldest_ns + s->cfg.batch_ns);
		else
			pthread_cond_wait(&s->wake, &s->lock);
	}
	s->done = true;
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- callers --------------------------------------------------------------------------------- */

static size_t chunk_bytes(const struct sink *s, size_t len)
{
	size_t n = s->cfg.max_bytes / 16;

	if (n > s->cfg.batch_bytes)
		n = s->cfg.batch_bytes;
	if (n < 4096)
		n = 4096;
	return n < len ? len : n;
}

static bool fits_tail(const struct sink *s, size_t len)
{
	return s->tail && s->tail->cap - s->tail->len >= len;
}

/* Even a line larger than the limit passes once nothing else waits. */
static bool has_room(const struct sink *s, enum sink_class class_, size_t len)
{
	static const unsigned int percent[SINK_CLASSES] = {
		[SINK_REPEAT] = 50, [SINK_RESPONSE] = 75, [SINK_EVENT] = 90, [SINK_ALERT] = 100
	};
	size_t limit = s->cfg.max_bytes / 100 * (s->cfg.block ? 100 : percent[class_]);

	if (!s->queued)
		return true;
	return s->queued + (fits_tail(s, len) ? 0 : chunk_bytes(s, len)) <= limit;
}

static bool wait_for_room(struct sink *s, enum sink_class class_, size_t len)
{
	while (!s->error && !has_room(s, class_, len)) {
		if (!s->cfg.block || (s->cfg.stop && *s->cfg.stop))
			return false;
		s->blocked++;
		pthread_cond_signal(&s->wake);
		/* a signal handler cannot wake a condition: look at the flag ten times a second */
		worker_wait_until(&s->room, &s->lock, worker_clock_ns() + 100000000U);
		s->blocked--;
	}
	return !s->error;
}

static bool append(struct sink *s, const char *lines, size_t len)
{
	struct chunk *c = s->tail;

	if (!fits_tail(s, len)) {
		size_t cap = chunk_bytes(s, len);

		c = malloc(sizeof(*c) + cap);
		if (!c)
			return false;
		*c = (struct chunk){ .cap = cap };
		if (s->tail)
			s->tail->next = c;
		else
			s->head = c;
		s->tail = c;
		s->queued += cap;
	}
	memcpy(c->bytes + c->len, lines, len);
	c->len += len;
	return true;
}

static uint64_t count_lines(const char *lines, size_t len)
{
	const char *end = lines + len, *p = lines;
	uint64_t n = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		n++;
	}
	return n;
}

bool sink_write(struct sink *s, enum sink_class class_, const char *lines, size_t len)
{
	uint64_t n = count_lines(lines, len);
	bool accepted;

	if (!len)
		return true;
	pthread_mutex_lock(&s->lock);
	accepted = wait_for_room(s, class_, len);
	if (accepted) {
		bool first = !s->head, below = s->waiting < s->cfg.batch_bytes;

		accepted = append(s, lines, len);
		if (accepted) {
			s->tail->lines += n;
			s->waiting += len;
			if (first)
				s->oldest_ns = worker_clock_ns();
			if (first || (below && s->waiting >= s->cfg.batch_bytes))
				pthread_cond_signal(&s->wake);
		}
	}
	if (!accepted)
		s->stats.dropped[class_] += n;
	pthread_mutex_unlock(&s->lock);
	return accepted;
}

void sink_reopen(struct sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->reopen = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

int sink_error(struct sink *s)
{
	int err;

	pthread_mutex_lock(&s->lock);
	err = s->error;
	pthread_mutex_unlock(&s->lock);
	return err;
}

void sink_stats(struct sink *s, struct sink_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	ret->waiting_bytes = s->queued;
	pthread_mutex_unlock(&s->lock);
}

/* --- life ------------------------------------------------------------------------------------ */

static int open_target(struct sink *s, char *err, size_t err_len)
{
	int rc = 0;

	s->fd = -1;
	if (s->cfg.kind == SINK_FILE) {
		s->path = s->cfg.path ? strdup(s->cfg.path) : NULL;
		rc = s->path ? open_path(s) : -ENOMEM;
		if (rc)
			snprintf(err, err_len, "%s: cannot be opened for events: %s",
				 s->cfg.path ? s->cfg.path : "(no path)", strerror(-rc));
		return rc;
	}
	adopt_fd(s, s->cfg.kind == SINK_STDOUT ? STDOUT_FILENO : s->cfg.fd);
	return 0;
}

/* Signals belong to the event loop; a closed pipe comes as EPIPE to a thread that blocks SIGPIPE.
 */
static void free_list(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

static void sink_free(struct sink *s)
{
	free_list(s->writing);
	free_list(s->head);
	if (s->path && s->fd >= 0)
		close(s->fd);
	pthread_cond_destroy(&s->room);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

int sink_open(const struct sink_config *cfg, struct sink **ret_sink, char *err, size_t err_len)
{
	struct sink *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		snprintf(err, err_len, "events: no memory");
		return -ENOMEM;
	}
	s->cfg = *cfg;
	pthread_mutex_init(&s->lock, NULL);
	worker_cond_init(&s->wake);
	worker_cond_init(&s->room);
	rc = open_target(s, err, err_len);
	if (!rc) {
		rc = worker_start(&s->thread, "ft-sink", sink_thread, s);
		if (rc)
			snprintf(err, err_len, "events: no thread: %s", strerror(-rc));
	}
	if (rc) {
		sink_free(s);
		return rc;
	}
	*ret_sink = s;
	return 0;
}

static uint64_t lines_of(const struct chunk *c)
{
	uint64_t n = 0;

	for (; c; c = c->next)
		n += c->lines;
	return n;
}

int sink_close(struct sink *s, uint64_t timeout_ns, struct sink_stats *ret_stats)
{
	uint64_t deadline = worker_clock_ns();
	int rc;

	if (!s)
		return 0;
	deadline = timeout_ns > UINT64_MAX - deadline ? UINT64_MAX : deadline + timeout_ns;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->wake);
	while (!s->done && (deadline == UINT64_MAX || worker_clock_ns() < deadline)) {
		if (deadline == UINT64_MAX)
			pthread_cond_wait(&s->room, &s->lock);
		else
			worker_wait_until(&s->room, &s->lock, deadline);
	}
	rc = s->done ? s->error : -ETIMEDOUT;
	pthread_mutex_unlock(&s->lock);
	if (rc == -ETIMEDOUT)
		pthread_cancel(s->thread);
	pthread_join(s->thread, NULL);
	s->stats.lost += lines_of(s->writing) + lines_of(s->head);
	if (ret_stats)
		*ret_stats = s->stats;
	sink_free(s);
	return rc;
}
