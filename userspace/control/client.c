// SPDX-License-Identifier: BSD-2-Clause
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#include "control/request.h"

/* A reply longer than this is not one of ours. */
#define REPLY_MAX (16U << 20)

struct control_client {
	int fd;
	struct buf in; /* received, not yet handed out */
};

static const char *reason(int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "no monitor is running there";
	case -EACCES:
	case -EPERM:
		return "permission denied: not in the group of the control socket";
	default:
		return strerror(-err);
	}
}

int control_client_open(const char *path, struct control_client **ret, char *err, size_t err_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct control_client *c;
	int rc = 0;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->fd = -1;
	if (strlen(path) >= sizeof(addr.sun_path)) {
		rc = -ENAMETOOLONG;
	} else {
		memcpy(addr.sun_path, path, strlen(path));
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)))
			rc = -errno;
	}
	if (rc) {
		snprintf(err, err_len, "%s: %s", path, reason(rc));
		control_client_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void control_client_close(struct control_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	buf_fini(&c->in);
	free(c);
}

int control_client_fd(const struct control_client *c)
{
	return c->fd;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Hand the first line out. False when none is complete. */
static bool take_line(struct control_client *c, struct buf *line)
{
	const char *end = c->in.len ? memchr(c->in.bytes, '\n', c->in.len) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - c->in.bytes);
	buf_add(line, c->in.bytes, len);
	c->in.len -= len + 1;
	memmove(c->in.bytes, end + 1, c->in.len);
	return true;
}

static int receive(struct control_client *c)
{
	char chunk[16384];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	buf_add(&c->in, chunk, (size_t)n);
	if (c->in.failed)
		return -ENOMEM;
	return c->in.len > REPLY_MAX ? -EMSGSIZE : 0;
}

int control_client_line(struct control_client *c, int timeout_ms, struct buf *line)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

	while (!take_line(c, line)) {
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
		int n;

		if (timeout_ms >= 0 && left < 0)
			left = 0;
		n = poll(&pfd, 1, (int)left);
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		n = receive(c);
		if (n)
			return n;
	}
	return line->failed ? -ENOMEM : 0;
}

int control_client_request(struct control_client *c, const char *command, const char *argument,
			   int timeout_ms, struct buf *reply)
{
	struct buf request = { 0 };
	int rc;

	request_write(&request, command, argument);
	rc = request.failed ? -ENOMEM : send_all(c->fd, request.bytes, request.len);
	buf_fini(&request);
	return rc ? rc : control_client_line(c, timeout_ms, reply);
}

int control_client_error(const struct buf *reply, char *ret, size_t len)
{
	static const char *const path[] = { "error", NULL };
	char *text = strndup(reply->bytes ? reply->bytes : "", reply->len), problem[64];
	yajl_val root = text ? yajl_tree_parse(text, problem, sizeof(problem)) : NULL;
	yajl_val v = root ? yajl_tree_get(root, (const char **)path, yajl_t_string) : NULL;
	int found = v != NULL;

	if (found)
		snprintf(ret, len, "%s", YAJL_GET_STRING(v));
	yajl_tree_free(root);
	free(text);
	return found;
}
