// SPDX-License-Identifier: BSD-2-Clause
/* control/: requests and replies over a real socket, and what a bad client can do: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/client.h"
#include "control/request.h"
#include "control/server.h"

struct fixture {
	char dir[64], path[96];
	struct control *server;
};

static void handle(void *ctx, const char *command, const char *argument, struct buf *reply)
{
	(void)ctx;
	if (strcmp(command, "echo") == 0) {
		buf_str(reply, "{\"name\":");
		request_string(reply, argument);
		buf_str(reply, "}\n");
	} else if (strcmp(command, "big") == 0) {
		buf_char(reply, '"');
		for (int i = 0; i < 300000; i++)
			buf_str(reply, "0123456789");
		buf_char(reply, '"');
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/fluxtap-control-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/run/s.sock", f->dir);
	assert_int_equal(control_open(f->path, "", handle, NULL, &f->server), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_close(f->server);
	assert_int_equal(access(f->path, F_OK), -1);
	rmdir(f->dir);
	assert_int_equal(access(f->dir, F_OK), -1); /* nothing is left in it */
	free(f);
	return 0;
}

static int dial(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Let the server work until nothing is ready. */
static void serve(struct fixture *f)
{
	struct pollfd pfd = { .fd = control_fd(f->server), .events = POLLIN };

	while (poll(&pfd, 1, 0) > 0)
		control_dispatch(f->server);
}

static void say(struct fixture *f, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
	serve(f);
}

/* What the socket holds now; NULL when the server has closed it. */
static const char *hear(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n == 0)
		return NULL;
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void requests_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	serve(f);
	say(f, fd, "{\"command\":\"echo\",\"name\":\"a\\\"b\"}\n{\"command\":\"echo\"}\n{\"comm");
	assert_string_equal(hear(fd), "{\"name\":\"a\\\"b\"}\n{\"name\":\"\"}\n");
	say(f, fd, "and\":\"none\"}\n");
	assert_string_equal(hear(fd), "{\"error\":\"unknown command\"}\n");
	close(fd);
	serve(f);
}

static void bad_requests_are_refused_and_counted(void **state)
{
	static const struct {
		const char *line, *reply;
	} cases[] = {
		{ "hello\n", "{\"error\":\"not a JSON object\"}\n" },
		{ "\n", "{\"error\":\"not a JSON object\"}\n" },
		{ "[1]\n", "{\"error\":\"not a JSON object\"}\n" },
		{ "{}\n", "{\"error\":\"no command\"}\n" },
		{ "{\"command\":7}\n", "{\"error\":\"no command\"}\n" },
		{ "{\"command\":\"echo\",\"name\":[]}\n", "{\"error\":\"bad name\"}\n" },
		{ "{\"command\":\"echo\",\"name\":\"a\\u001b[2J\"}\n", "{\"error\":\"bad name\"}\n" },
		{ "{\"command\":\"echo\",\"name\":\"a\xc0\xbe\"}\n", "{\"error\":\"bad name\"}\n" },
		{ "{\"command\":\"a-word-that-is-much-too-long-for-a-command\"}\n",
		  "{\"error\":\"no command\"}\n" },
	};
	struct fixture *f = *state;
	struct control_stats stats;
	int fd = dial(f);

	serve(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		say(f, fd, cases[i].line);
		assert_string_equal(hear(fd), cases[i].reply);
	}
	control_stats(f->server, &stats);
	assert_int_equal(stats.bad_requests, sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(stats.clients, 1);
	close(fd);
	serve(f);
	control_stats(f->server, &stats);
	assert_int_equal(stats.clients, 0);
}

static void an_endless_request_ends_the_client(void **state)
{
	struct fixture *f = *state;
	char flood[CONTROL_REQUEST_MAX + 1];
	int fd = dial(f);

	memset(flood, 'x', sizeof(flood));
	flood[sizeof(flood) - 1] = '\0';
	serve(f);
	say(f, fd, flood);
	assert_string_equal(hear(fd), "{\"error\":\"request too long\"}\n");
	assert_null(hear(fd));
	close(fd);
}

static void a_slow_reader_gets_its_reply_in_pieces(void **state)
{
	struct fixture *f = *state;
	size_t total = 0;
	const char *text;
	int fd = dial(f);

	serve(f);
	say(f, fd, "{\"command\":\"big\"}\n{\"command\":\"echo\"}\n");
	while ((text = hear(fd)) && *text) {
		total += strlen(text);
		serve(f);
	}
	assert_int_equal(total, 3000003 + strlen("{\"name\":\"\"}\n"));
	close(fd);
	serve(f);
}

static void watchers_get_what_is_published(void **state)
{
	struct fixture *f = *state;
	int watcher = dial(f), other = dial(f);

	serve(f);
	say(f, watcher, "{\"command\":\"watch\"}\n");
	assert_string_equal(hear(watcher), "{\"watching\":true}\n");
	control_publish(f->server, "{\"n\":1}", 7);
	control_publish(f->server, "{\"n\":2}\n", 8);
	assert_string_equal(hear(watcher), "{\"n\":1}\n{\"n\":2}\n");
	assert_string_equal(hear(other), "");
	close(watcher);
	serve(f);
	control_publish(f->server, "{\"n\":3}", 7); /* nobody is left: no harm */
	close(other);
}

static void a_watcher_that_sleeps_loses_lines_and_is_told(void **state)
{
	struct fixture *f = *state;
	struct control_stats stats;
	char line[4096];
	size_t whole = 0, lost = 0, partial = 0;
	struct buf all = { 0 };
	const char *text;
	int fd = dial(f);

	serve(f);
	say(f, fd, "{\"command\":\"watch\"}\n");
	assert_string_equal(hear(fd), "{\"watching\":true}\n");
	memset(line, 'x', sizeof(line));
	line[0] = line[sizeof(line) - 1] = '"';
	for (int i = 0; i < 1000; i++)
		control_publish(f->server, line, sizeof(line));
	control_stats(f->server, &stats);
	assert_true(stats.lines_lost > 0 && stats.lines_lost < 1000);
	while ((text = hear(fd)) && *text) {
		buf_str(&all, text);
		serve(f);
	}
	control_publish(f->server, line, sizeof(line));
	while ((text = hear(fd)) && *text)
		buf_str(&all, text);
	buf_char(&all, '\0');
	for (char *at = all.bytes, *end; (end = strchr(at, '\n')); at = end + 1) {
		size_t n = (size_t)(end - at);

		if (n == sizeof(line))
			whole++;
		else if (sscanf(at, "{\"lost\":%zu}", &lost) != 1)
			partial++;
	}
	assert_int_equal(partial, 0);
	assert_int_equal(lost, stats.lines_lost);
	assert_int_equal(whole + lost, 1001);
	buf_fini(&all);
	close(fd);
	serve(f);
}

static void the_silent_make_room_when_all_places_are_taken(void **state)
{
	struct fixture *f = *state;
	struct control_stats stats;
	int fds[CONTROL_CLIENTS_MAX], late;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial(f);
		serve(f);
	}
	say(f, fds[0], "{\"command\":\"watch\"}\n");
	assert_non_null(hear(fds[0]));
	say(f, fds[1], "{\"command\":\"echo\"}\n");
	assert_non_null(hear(fds[1]));
	late = dial(f);
	serve(f);
	say(f, late, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(late), "{\"name\":\"\"}\n");
	assert_null(hear(fds[2]));
	assert_string_equal(hear(fds[0]), "");
	assert_string_equal(hear(fds[1]), "");
	control_stats(f->server, &stats);
	assert_int_equal(stats.evicted, 1);
	assert_int_equal(stats.clients, CONTROL_CLIENTS_MAX);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	close(late);
	serve(f);
}

static void the_socket_belongs_to_one_and_is_not_for_all(void **state)
{
	struct fixture *f = *state;
	struct control *second;
	struct stat st;
	char path[128];
	int fd;

	assert_int_equal(control_open(f->path, "", handle, NULL, &second), -EADDRINUSE);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(control_open(f->path, "no-such-group-here", handle, NULL, &second), -ENOENT);
	snprintf(path, sizeof(path), "%s/plain", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	/* what is no socket is not ours to remove */
	assert_int_equal(control_open(path, "", handle, NULL, &second), -EEXIST);
	assert_int_equal(unlink(path), 0);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_open(path, "", handle, NULL, &second), -ENAMETOOLONG);
}

static void a_socket_left_by_the_dead_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct control *second;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/stale", f->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as after SIGKILL: the name stays, nobody listens */
	assert_int_equal(control_open(addr.sun_path, "", handle, NULL, &second), 0);
	assert_int_equal(control_own(second, getuid()), 0);
	control_close(second);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
}

static void client_asks_and_says_who_is_missing(void **state)
{
	struct fixture *f = *state;
	struct control_client *c;
	struct buf reply = { 0 };
	char err[256];

	assert_int_equal(control_client_open("/nonexistent/s", &c, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "/nonexistent/s: no monitor is running there");
	assert_int_equal(control_client_open(f->path, &c, err, sizeof(err)), 0);
	/* one thread: the request waits in the socket until the server is given its turn */
	assert_int_equal(control_client_request(c, "echo", "x\ny", 0, &reply), -ETIMEDOUT);
	serve(f);
	assert_int_equal(control_client_line(c, 0, &reply), 0);
	assert_int_equal(control_client_error(&reply, err, sizeof(err)), 1);
	assert_string_equal(err, "bad name");
	buf_reset(&reply);
	assert_int_equal(control_client_request(c, "echo", "x", 0, &reply), -ETIMEDOUT);
	serve(f);
	assert_int_equal(control_client_line(c, 0, &reply), 0);
	assert_int_equal(reply.len, 12);
	assert_memory_equal(reply.bytes, "{\"name\":\"x\"}", 12);
	assert_int_equal(control_client_error(&reply, err, sizeof(err)), 0);
	control_close(f->server);
	f->server = NULL;
	assert_int_equal(control_client_line(c, 0, &reply), -EPIPE);
	buf_fini(&reply);
	control_client_close(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_are_answered_in_order),
		TEST(bad_requests_are_refused_and_counted),
		TEST(an_endless_request_ends_the_client),
		TEST(a_slow_reader_gets_its_reply_in_pieces),
		TEST(watchers_get_what_is_published),
		TEST(a_watcher_that_sleeps_loses_lines_and_is_told),
		TEST(the_silent_make_room_when_all_places_are_taken),
		TEST(the_socket_belongs_to_one_and_is_not_for_all),
		TEST(a_socket_left_by_the_dead_is_replaced),
		TEST(client_asks_and_says_who_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
