// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define READ_BYTES   65536
#define READS_A_POLL 64 /* of one source: 4 MiB, then the others' turn */

struct source { /* of lines: a sender or a file */
	int fd; /* -1: free, or a file that is not there now */
	const char *path; /* of a file; NULL for a sender */
	ino_t inode;
	off_t offset;
	size_t len; /* of what is in `line` */
	bool skipping; /* the rest of a line that was too long */
	char *line; /* FOREIGN_LINE_MAX */
};

struct foreign {
	struct foreign_ops ops;
	void *ctx;
	int listener, epoll;
	char *socket_path;
	uint64_t now_ns;
	struct foreign_stats stats;
	struct foreign_event event;
	struct source sources[FOREIGN_SENDERS_MAX + FOREIGN_FILES_MAX]; /* senders first */
	char bytes[READ_BYTES];
};

struct foreign_config foreign_config_default(void)
{
	return (struct foreign_config){.socket_mode = 0660};
}

/* --- lines ----------------------------------------------------------------------------------- */

static void take_line(struct foreign *f, const char *line, size_t len)
{
	enum foreign_reason reason;

	if (len && line[len - 1] == '\r')
		len--;
	if (!len)
		return;
	f->stats.lines++;
	reason = foreign_event_parse(&f->event, line, len, f->now_ns);
	if (reason) {
		f->stats.refused[reason]++;
		return;
	}
	if (f->event.is_answer) {
		f->stats.answers++;
		if (f->ops.answer)
			f->ops.answer(f->ctx, &f->event.obs);
		return;
	}
	f->stats.connections++;
	if (f->ops.connection)
		f->ops.connection(f->ctx, &f->event.conn);
}

static void too_long(struct foreign *f, struct source *s)
{
	f->stats.lines++;
	f->stats.refused[FOREIGN_TOO_LONG]++;
	s->skipping = true;
	s->len = 0;
}

static void take_bytes(struct foreign *f, struct source *s, const char *bytes, size_t n)
{
	while (n) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;

		if (s->skipping) {
			s->skipping = !end;
		} else if (s->len + part > FOREIGN_LINE_MAX) {
			too_long(f, s);
			s->skipping = !end;
		} else if (end && !s->len) { /* whole in what was read: no copy */
			take_line(f, bytes, part);
		} else {
			memcpy(s->line + s->len, bytes, part);
			s->len += part;
			if (end) {
				take_line(f, s->line, s->len);
				s->len = 0;
			}
		}
		part += end != NULL;
		bytes += part;
		n -= part;
	}
}

/* Returns what the last read() did: 0 at the end, -1 with errno, or more: there may be more. */
static ssize_t drain(struct foreign *f, struct source *s)
{
	ssize_t n = 1;

	for (int i = 0; i < READS_A_POLL && n > 0; i++) {
		n = read(s->fd, f->bytes, sizeof(f->bytes));
		if (n > 0) {
			s->offset += n;
			take_bytes(f, s, f->bytes, (size_t)n);
		}
	}
	return n;
}

/* --- senders --------------------------------------------------------------------------------- */

static void end_source(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd); /* leaves the epoll set by itself */
	free(s->line);
	s->line = NULL;
	s->fd = -1;
	s->len = 0;
	s->skipping = false;
}

static void accept_sender(struct foreign *f)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct source *s = f->sources;

	if (fd < 0)
		return;
	while (s < f->sources + FOREIGN_SENDERS_MAX && s->fd >= 0)
		s++;
	if (s == f->sources + FOREIGN_SENDERS_MAX || !(s->line = malloc(FOREIGN_LINE_MAX))) {
		f->stats.senders_refused++;
		close(fd);
		return;
	}
	s->fd = fd;
	ev.data.ptr = s;
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev)) {
		end_source(s);
		return;
	}
	f->stats.senders++;
}

static void read_sender(struct foreign *f, struct source *s)
{
	ssize_t n = drain(f, s);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (s->len) /* a last line may lack its end */
		take_line(f, s->line, s->len);
	end_source(s);
}

/* --- files ----------------------------------------------------------------------------------- */

static int open_file(struct source *s, bool from_end)
{
	struct stat st;

	s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode)) {
		close(s->fd);
		s->fd = -1;
		return -EINVAL;
	}
	s->inode = st.st_ino;
	s->offset = from_end ? lseek(s->fd, 0, SEEK_END) : 0;
	s->len = 0;
	s->skipping = false;
	return 0;
}

static void read_file(struct foreign *f, struct source *s)
{
	struct stat st;

	if (s->fd < 0 && open_file(s, false))
		return;
	if (!fstat(s->fd, &st) && st.st_size < s->offset) { /* truncated: begins anew */
		s->offset = lseek(s->fd, 0, SEEK_SET);
		s->len = 0;
	}
	if (drain(f, s) > 0 || stat(s->path, &st) || st.st_ino == s->inode)
		return;
	/* replaced, and the old one is read to its end */
	close(s->fd);
	s->fd = -1;
	if (!open_file(s, false))
		drain(f, s);
}

/* --- life cycle ------------------------------------------------------------------------------ */

/* A socket that nobody listens at was left by a process that ended badly. */
static int remove_stale(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(at->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		log_error("%s is there and no socket", at->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)at, sizeof(*at)))
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(at->sun_path))
		err = -errno;
	close(fd);
	return err;
}

static int listen_at(struct foreign *f, const struct foreign_config *cfg)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct epoll_event ev = {.events = EPOLLIN};
	mode_t mask;
	int err;

	if (strlen(cfg->socket_path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, cfg->socket_path);
	err = remove_stale(&at);
	if (err)
		return err;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->epoll < 0 || f->listener < 0)
		return -errno;
	/* never open to more than it shall be, not even for a moment */
	mask = umask(~(mode_t)cfg->socket_mode & 0777);
	err = bind(f->listener, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	umask(mask);
	if (err)
		return err;
	f->socket_path = strdup(at.sun_path);
	ev.data.ptr = NULL;
	if (!f->socket_path || listen(f->listener, 16) ||
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &ev))
		return -errno;
	return 0;
}

static int follow(const char *path, struct source *s)
{
	int err;

	s->line = malloc(FOREIGN_LINE_MAX);
	s->path = strdup(path);
	if (!s->line || !s->path)
		return -ENOMEM;
	err = open_file(s, true);
	if (err == -EINVAL)
		log_error("%s: not a regular file", path);
	return err == -ENOENT ? 0 : err; /* it may come */
}

int foreign_open(const struct foreign_config *cfg, const struct foreign_ops *ops, void *ctx,
		 struct foreign **ret)
{
	struct foreign *f = calloc(1, sizeof(*f));
	int err = 0;

	if (!f)
		return -ENOMEM;
	f->ops = *ops;
	f->ctx = ctx;
	f->listener = f->epoll = -1;
	for (size_t i = 0; i < FOREIGN_SENDERS_MAX + FOREIGN_FILES_MAX; i++)
		f->sources[i].fd = -1;
	if (cfg->socket_path)
		err = listen_at(f, cfg);
	for (size_t i = 0; i < cfg->files_len && i < FOREIGN_FILES_MAX && !err; i++)
		err = follow(cfg->files[i], &f->sources[FOREIGN_SENDERS_MAX + i]);
	if (err) {
		foreign_close(f);
		return err;
	}
	*ret = f;
	return 0;
}

void foreign_close(struct foreign *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < FOREIGN_SENDERS_MAX + FOREIGN_FILES_MAX; i++) {
		end_source(&f->sources[i]);
		free((char *)(uintptr_t)f->sources[i].path);
	}
	if (f->socket_path)
		unlink(f->socket_path);
	free(f->socket_path);
	if (f->listener >= 0)
		close(f->listener);
	if (f->epoll >= 0)
		close(f->epoll);
	free(f);
}

int foreign_fd(const struct foreign *f)
{
	return f->epoll;
}

void foreign_poll(struct foreign *f, uint64_t now_ns)
{
	struct epoll_event ready[FOREIGN_SENDERS_MAX + 1];
	int n = f->epoll < 0 ? 0 : epoll_wait(f->epoll, ready, FOREIGN_SENDERS_MAX + 1, 0);

	f->now_ns = now_ns;
	for (int i = 0; i < n; i++) {
		if (ready[i].data.ptr)
			read_sender(f, ready[i].data.ptr);
		else
			accept_sender(f);
	}
	for (size_t i = 0; i < FOREIGN_FILES_MAX; i++) {
		struct source *s = &f->sources[FOREIGN_SENDERS_MAX + i];

		if (s->path)
			read_file(f, s);
	}
}

void foreign_stats(const struct foreign *f, struct foreign_stats *ret)
{
	*ret = f->stats;
}
