// SPDX-License-Identifier: BSD-2-Clause
#include "control/server.h"

#include "base/path.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/request.h"

#define LISTENER UINT32_MAX /* epoll's name for the listening socket; clients are 0.. */

struct client {
	int fd; /* -1: free place */
	bool watching, closing;
	uint64_t active; /* the server's turn when it last spoke */
	uint64_t lost;	 /* lines not published to it since it was last told */
	size_t in_len, out_pos;
	struct buf out;
	char in[CONTROL_REQUEST_MAX];
};

struct control {
	int listener, epoll;
	control_handler_fn handler;
	void *ctx;
	uint64_t turn;
	struct control_stats stats;
	struct sockaddr_un addr;
	bool bound, made_directory;
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* --- opening ----------------------------------------------------------------------------------- */

static void directory_of(const struct control *c, char *ret)
{
	char *slash;

	memcpy(ret, c->addr.sun_path, sizeof(c->addr.sun_path));
	slash = strrchr(ret, '/');
	if (slash && slash != ret)
		*slash = '\0';
	else
		strcpy(ret, slash ? "/" : ".");
}

/* Is somebody listening there? What a dead monitor left is removed. 0: the path is free. */
static int claim_path(const struct control *c)
{
	struct stat st;
	int fd, rc;

	if (lstat(c->addr.sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)&c->addr, sizeof(c->addr)) ? -errno : -EADDRINUSE;
	close(fd);
	if (rc == -EAGAIN) /* its queue of callers is full: alive */
		return -EADDRINUSE;
	if (rc != -ECONNREFUSED)
		return rc;
	return unlink(c->addr.sun_path) ? -errno : 0;
}

/* (gid_t)-1: leave as it is. */
static int find_group(const char *name, gid_t *ret)
{
	const struct group *group = getgrnam(*name ? name : "fluxtap");

	if (!group && *name)
		return -ENOENT;
	*ret = group ? group->gr_gid : (gid_t)-1;
	return 0;
}

static int bind_socket(struct control *c, gid_t gid)
{
	mode_t old;
	int rc;

	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0)
		return -errno;
	old = umask(0177); /* nobody gets in before owner and mode are right */
	rc = bind(c->listener, (const struct sockaddr *)&c->addr, sizeof(c->addr)) ? -errno : 0;
	umask(old);
	if (rc)
		return rc;
	c->bound = true;
	if (gid != (gid_t)-1 && chown(c->addr.sun_path, (uid_t)-1, gid))
		return -errno;
	if (chmod(c->addr.sun_path, 0660) || listen(c->listener, CONTROL_CLIENTS_MAX))
		return -errno;
	return 0;
}

static int watch_fd(struct control *c, int op, int fd, uint32_t events, uint32_t name)
{
	struct epoll_event ev = { .events = events, .data.u32 = name };

	return epoll_ctl(c->epoll, op, fd, &ev) ? -errno : 0;
}

static int open_all(struct control *c, const char *group)
{
	char directory[sizeof(c->addr.sun_path)];
	gid_t gid;
	int rc = find_group(group, &gid);

	if (rc)
		return rc;
	directory_of(c, directory);
	rc = path_make_parents(directory);
	if (rc)
		return rc;
	if (mkdir(directory, 0755) == 0)
		c->made_directory = true;
	else if (errno != EEXIST)
		return -errno;
	rc = claim_path(c);
	if (!rc)
		rc = bind_socket(c, gid);
	if (rc)
		return rc;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		return -errno;
	return watch_fd(c, EPOLL_CTL_ADD, c->listener, EPOLLIN, LISTENER);
}

int control_open(const char *path, const char *group, control_handler_fn handler, void *ctx,
		 struct control **ret)
{
	struct control *c;
	int rc;

	if (strlen(path) >= sizeof(c->addr.sun_path))
		return -ENAMETOOLONG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->handler = handler;
	c->ctx = ctx;
	c->listener = c->epoll = -1;
	c->addr.sun_family = AF_UNIX;
	memcpy(c->addr.sun_path, path, strlen(path));
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c->clients[i].fd = -1;
	rc = open_all(c, group);
	if (rc) {
		control_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int control_own(struct control *c, uid_t uid)
{
	char directory[sizeof(c->addr.sun_path)];

	if (chown(c->addr.sun_path, uid, (gid_t)-1))
		return -errno;
	directory_of(c, directory);
	if (c->made_directory && chown(directory, uid, (gid_t)-1))
		return -errno;
	return 0;
}

/* --- clients ----------------------------------------------------------------------------------- */

static void drop_client(struct control *c, struct client *cl)
{
	if (cl->fd < 0)
		return;
	close(cl->fd); /* leaves the epoll set by itself */
	buf_fini(&cl->out);
	c->stats.clients--;
	cl->fd = -1;
}

void control_close(struct control *c)
{
	char directory[sizeof(c->addr.sun_path)];

	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		drop_client(c, &c->clients[i]);
	if (c->epoll >= 0)
		close(c->epoll);
	if (c->listener >= 0)
		close(c->listener);
	if (c->bound)
		unlink(c->addr.sun_path);
	directory_of(c, directory);
	if (c->made_directory)
		rmdir(directory); /* fails when others use it, as it should */
	free(c);
}

static size_t pending(const struct client *cl)
{
	return cl->out.len - cl->out_pos;
}

/* Send what can be sent. False when the client is gone. */
static bool flush_client(struct client *cl)
{
	while (pending(cl)) {
		ssize_t n = send(cl->fd, cl->out.bytes + cl->out_pos, pending(cl), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		cl->out_pos += (size_t)n;
	}
	buf_reset(&cl->out);
	cl->out_pos = 0;
	return !cl->closing;
}

/* While it owes us reading we do not read either: one reply is outstanding at most. */
static bool update_interest(struct control *c, struct client *cl)
{
	return !watch_fd(c, EPOLL_CTL_MOD, cl->fd, pending(cl) ? EPOLLOUT : EPOLLIN,
			 (uint32_t)(cl - c->clients));
}

static void reply_error(struct client *cl, const char *why)
{
	request_error(&cl->out, why);
	buf_char(&cl->out, '\n');
}

static void answer(struct control *c, struct client *cl, const struct request *request)
{
	struct buf reply = { 0 };

	if (strcmp(request->command, "watch") == 0) {
		cl->watching = true;
		buf_str(&cl->out, "{\"watching\":true}\n");
		return;
	}
	c->handler(c->ctx, request->command, request->name, &reply);
	while (reply.len && reply.bytes[reply.len - 1] == '\n')
		reply.len--;
	if (reply.failed) {
		reply_error(cl, "out of memory");
	} else if (!reply.len) {
		reply_error(cl, "unknown command");
	} else {
		buf_add(&cl->out, reply.bytes, reply.len);
		buf_char(&cl->out, '\n');
	}
	buf_fini(&reply);
}

/* Answer the first whole line of the client's buffer. False when there is none. */
static bool take_line(struct control *c, struct client *cl)
{
	const char *end = memchr(cl->in, '\n', cl->in_len);
	struct request request;
	const char *why;
	size_t len;

	if (!end && cl->in_len < sizeof(cl->in))
		return false;
	if (!end) {
		c->stats.bad_requests++;
		reply_error(cl, "request too long");
		cl->closing = true;
		cl->in_len = 0;
		return true;
	}
	len = (size_t)(end - cl->in);
	c->stats.requests++;
	if (request_parse(cl->in, len, &request, &why)) {
		c->stats.bad_requests++;
		reply_error(cl, why);
	} else {
		answer(c, cl, &request);
	}
	cl->in_len -= len + 1;
	memmove(cl->in, end + 1, cl->in_len);
	return true;
}

/* False when the client is gone or to be dropped. */
static bool serve_client(struct control *c, struct client *cl, uint32_t events)
{
	ssize_t n;

	cl->active = ++c->turn;
	if (!flush_client(cl))
		return false;
	if (!pending(cl) && events & EPOLLIN) {
		n = recv(cl->fd, cl->in + cl->in_len, sizeof(cl->in) - cl->in_len, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n > 0)
			cl->in_len += (size_t)n;
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		return false;
	}
	while (!pending(cl) && !cl->closing && take_line(c, cl))
		if (cl->out.failed || !flush_client(cl))
			return false;
	return update_interest(c, cl);
}

/* A free place; without one, that of the client silent for longest, watchers last. */
static struct client *find_place(struct control *c)
{
	struct client *oldest = &c->clients[0];

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];

		if (cl->fd < 0)
			return cl;
		if (cl->watching != oldest->watching ? !cl->watching : cl->active < oldest->active)
			oldest = cl;
	}
	c->stats.evicted++;
	drop_client(c, oldest);
	return oldest;
}

static void accept_client(struct control *c)
{
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *cl;

	if (fd < 0)
		return; /* gone again, or no descriptors: the next round tries anew */
	cl = find_place(c);
	cl->fd = fd;
	cl->watching = cl->closing = false;
	cl->lost = 0;
	cl->in_len = cl->out_pos = 0;
	cl->active = ++c->turn;
	c->stats.clients++;
	if (watch_fd(c, EPOLL_CTL_ADD, fd, EPOLLIN, (uint32_t)(cl - c->clients)))
		drop_client(c, cl);
}

/* --- the loop's side --------------------------------------------------------------------------- */

int control_fd(const struct control *c)
{
	return c->epoll;
}

void control_dispatch(struct control *c)
{
	struct epoll_event events[CONTROL_CLIENTS_MAX + 1];
	int n = epoll_wait(c->epoll, events, CONTROL_CLIENTS_MAX + 1, 0);

	for (int i = 0; i < n; i++) {
		uint32_t name = events[i].data.u32;

		if (name != LISTENER && !serve_client(c, &c->clients[name], events[i].events))
			drop_client(c, &c->clients[name]);
	}
	/* last, so that no event of this round meets another client in its place */
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == LISTENER)
			accept_client(c);
}

static void queue_line(struct control *c, struct client *cl, const char *line, size_t len)
{
	static const size_t notice = 40; /* room for {"lost":N} */

	if (pending(cl) + len + 1 + notice > CONTROL_PENDING_MAX) {
		cl->lost++;
		c->stats.lines_lost++;
		return;
	}
	if (cl->out_pos) { /* what was sent makes room first: the buffer stays bounded */
		memmove(cl->out.bytes, cl->out.bytes + cl->out_pos, pending(cl));
		cl->out.len = pending(cl);
		cl->out_pos = 0;
	}
	if (cl->lost)
		buf_printf(&cl->out, "{\"lost\":%llu}\n", (unsigned long long)cl->lost);
	cl->lost = 0;
	buf_add(&cl->out, line, len);
	buf_char(&cl->out, '\n');
}

void control_publish(struct control *c, const char *line, size_t len)
{
	while (len && line[len - 1] == '\n')
		len--;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];

		if (cl->fd < 0 || !cl->watching)
			continue;
		queue_line(c, cl, line, len);
		if (cl->out.failed || !flush_client(cl) || !update_interest(c, cl))
			drop_client(c, cl);
	}
}

void control_stats(const struct control *c, struct control_stats *ret)
{
	*ret = c->stats;
}
