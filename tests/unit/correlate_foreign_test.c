// SPDX-License-Identifier: BSD-2-Clause
/* correlate/foreign: lines of other machines, understood or refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "correlate/foreign.h"

#define NOW 1800000000000000000ULL

static struct foreign_event ev;

static enum foreign_reason parse(const char *line)
{
	return foreign_event_parse(&ev, line, strlen(line), NOW);
}

static void assert_ip(const struct ip_addr *a, const char *text)
{
	char buf[IP_TEXT_MAX];

	assert_string_equal(ip_format(a, buf), text);
}

static void assert_seed(const char *name)
{
	char path[128], line[4096];
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/fuzz/foreign/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	assert_int_equal(parse(line), FOREIGN_OK);
}

static void sysmon_connections(void **state)
{
	const struct connection *c = &ev.conn;

	(void)state;
	assert_seed("sysmon3");
	assert_false(ev.is_answer);
	assert_int_equal(c->source, CONNECTION_FOREIGN);
	assert_int_equal(c->state, CONNECTION_OK);
	assert_int_equal(c->time_ns, 1795255200123000000ULL);
	assert_ip(&c->src, "10.0.0.7");
	assert_ip(&c->dst, "192.0.2.1");
	assert_int_equal(c->sport, 50123);
	assert_int_equal(c->dport, 443);
	assert_int_equal(c->proto, IPPROTO_TCP);
	assert_true(c->has_process);
	assert_int_equal(c->process.pid, 4711);
	assert_int_equal(c->process.ppid, 4);
	assert_string_equal(c->process.exe, "C:\\Users\\u\\evil.exe");
	assert_string_equal(c->process.user, "u");
}

static void sysmon_answers(void **state)
{
	char text[DNS_NAME_TEXT_MAX];

	(void)state;
	assert_seed("sysmon22");
	assert_true(ev.is_answer);
	assert_int_equal(ev.obs.time_ns, 1795255200000000000ULL); /* +01:00 */
	assert_ip(&ev.obs.client, "10.0.0.7");
	dns_name_format(ev.obs.qname, text);
	assert_string_equal(text, "www.shop.example");
	assert_int_equal(ev.obs.records_len, 2);
	assert_int_equal(ev.obs.records[1].type, DNS_TYPE_AAAA);
	assert_ip(&ev.obs.records[1].addr, "2001:db8::1");
}

static void osquery_and_zeek(void **state)
{
	(void)state;
	assert_seed("osquery");
	assert_ip(&ev.conn.dst, "2001:db8::5");
	assert_int_equal(ev.conn.process.pid, 812);
	assert_string_equal(ev.conn.process.exe, "/usr/bin/curl");
	assert_seed("zeek");
	assert_int_equal(ev.conn.source, CONNECTION_LOG);
	assert_int_equal(ev.conn.state, CONNECTION_CLOSED);
	assert_int_equal(ev.conn.bytes_toclient, 52000);
	assert_int_equal(ev.conn.duration_ns, 1500000000);
	assert_in_range(ev.conn.time_ns, 1763719200123455000ULL, 1763719200123457000ULL);
}

#define ZEEK(state)                                                                  \
	"{\"ts\":1763719200,\"id.orig_h\":\"10.0.0.9\",\"id.resp_h\":\"192.0.2.1\"," \
	"\"id.resp_p\":443,\"proto\":\"tcp\",\"conn_state\":\"" state "\"}"

static void zeek_states(void **state)
{
	static const struct {
		const char *line;
		enum connection_state state;
		int err;
	} cases[] = {
		{ZEEK("S0"), CONNECTION_FAILED, ETIMEDOUT},
		{ZEEK("REJ"), CONNECTION_FAILED, ECONNREFUSED},
		{ZEEK("RSTRH"), CONNECTION_FAILED, ECONNRESET},
		{ZEEK("S1"), CONNECTION_OK, 0},
		{ZEEK("RSTO"), CONNECTION_CLOSED, 0},
		{ZEEK("OTH"), CONNECTION_ATTEMPT, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line), FOREIGN_OK);
		assert_int_equal(ev.conn.state, cases[i].state);
		assert_int_equal(ev.conn.err, cases[i].err);
	}
}

#define ECS(time, rest) "{\"@timestamp\":\"" time "\"," rest "}"
#define GOOD_TIME	"2026-01-01T00:00:00Z"
#define DST(ip, port)	"\"destination\":{\"ip\":\"" ip "\",\"port\":" port "}"
#define TCP		"\"network\":{\"transport\":\"tcp\"}"

static void refused_by_reason(void **state)
{
	static const struct {
		const char *line;
		enum foreign_reason reason;
	} cases[] = {
		{ECS(GOOD_TIME, DST("192.0.2.1", "443") "," TCP), FOREIGN_OK},
		{"", FOREIGN_NOT_JSON},
		{"[]", FOREIGN_NOT_JSON},
		{"{\"a\":", FOREIGN_NOT_JSON},
		{"{} {}", FOREIGN_NOT_JSON},
		{"{\"a\":\"\xff\"}", FOREIGN_NOT_JSON},
		{"{}", FOREIGN_OTHER_EVENT},
		{ECS(GOOD_TIME, "\"event\":{\"code\":\"1\"}"), FOREIGN_OTHER_EVENT},
		{ECS("yesterday", DST("192.0.2.1", "443") "," TCP), FOREIGN_BAD_TIME},
		{ECS("2026-13-01T00:00:00Z", DST("192.0.2.1", "443") "," TCP), FOREIGN_BAD_TIME},
		{ECS("2099-01-01T00:00:00Z", DST("192.0.2.1", "443") "," TCP), FOREIGN_BAD_TIME},
		{ECS(GOOD_TIME, DST("192.0.2", "443") "," TCP), FOREIGN_BAD_ADDRESS},
		{ECS(GOOD_TIME, DST("192.0.2.1", "65536") "," TCP), FOREIGN_BAD_PORT},
		{ECS(GOOD_TIME, DST("192.0.2.1", "-1") "," TCP), FOREIGN_BAD_PORT},
		{ECS(GOOD_TIME, DST("192.0.2.1", "443")), FOREIGN_BAD_PROTOCOL},
		{ECS(GOOD_TIME, DST("192.0.2.1", "443") ",\"network\":{\"transport\":\"tcp\","
							"\"direction\":\"inbound\"}"),
		 FOREIGN_INBOUND},
		{ECS(GOOD_TIME,
		     "\"dns\":{\"question\":{\"name\":\"a..b\"},\"resolved_ip\":[\"192.0.2.1\"]}"),
		 FOREIGN_BAD_NAME},
		{ECS(GOOD_TIME, "\"dns\":{\"question\":{\"name\":\"a.example\"}}"),
		 FOREIGN_NO_ADDRESS},
		{ECS(GOOD_TIME,
		     "\"dns\":{\"question\":{\"name\":\"a.example\"},\"resolved_ip\":[\"x\"]}"),
		 FOREIGN_BAD_ADDRESS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (parse(cases[i].line) != cases[i].reason)
			fail_msg("%s: %s", cases[i].line,
				 foreign_reason_name(parse(cases[i].line)));
}

/* A key that only looks like one that is wanted, deep down, does not count. */
static void nesting_does_not_confuse(void **state)
{
	char deep[4096] = "{\"@timestamp\":\"2026-01-01T00:00:00Z\",\"x\":";

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(deep, "{\"destination\":");
	strcat(deep, "{\"ip\":\"192.0.2.1\"}");
	for (int i = 0; i < 101; i++)
		strcat(deep, "}");
	assert_int_equal(parse(deep), FOREIGN_OTHER_EVENT);
}

/* --- socket and files ------------------------------------------------------------------------ */

struct seen {
	size_t connections, answers;
	uint16_t last_port;
};

static void on_connection(void *ctx, struct connection *conn)
{
	struct seen *seen = ctx;

	seen->connections++;
	seen->last_port = conn->sport;
}

static void on_answer(void *ctx, const struct dns_observation *obs)
{
	(void)obs;
	((struct seen *)ctx)->answers++;
}

static const struct foreign_ops ops = {on_connection, on_answer};

static void line_for(char *buf, size_t len, unsigned int port)
{
	snprintf(buf, len,
		 "{\"ts\":1763719200,\"id.orig_h\":\"10.0.0.9\",\"id.orig_p\":%u,"
		 "\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443,\"proto\":\"tcp\","
		 "\"conn_state\":\"SF\"}\n",
		 port);
}

static void write_all(int fd, const char *text, size_t len)
{
	assert_int_equal(write(fd, text, len), len);
}

static void append(const char *path, const char *mode, unsigned int port)
{
	char line[256];
	FILE *f = fopen(path, mode);

	assert_non_null(f);
	line_for(line, sizeof(line), port);
	fputs(line, f);
	fclose(f);
}

static void a_socket_takes_lines_in_any_pieces(void **state)
{
	char dir[] = "/tmp/ftforeignXXXXXX", path[64], line[256];
	struct foreign_config cfg = foreign_config_default();
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct foreign_stats stats;
	struct seen seen = {};
	struct foreign *f, *second;
	struct stat st;
	char *junk;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	cfg.socket_path = path;
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &f), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &second), -EADDRINUSE);
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	foreign_poll(f, NOW);
	line_for(line, sizeof(line), 7);
	for (size_t i = 0; line[i]; i++) { /* octet by octet */
		write_all(fd, line + i, 1);
		foreign_poll(f, NOW);
	}
	assert_int_equal(seen.connections, 1);
	/* a line far too long, then a good one, then one without its end */
	junk = malloc(200000);
	memset(junk, 'x', 200000);
	for (size_t at_byte = 0; at_byte < 200000; at_byte += 50000) {
		write_all(fd, junk + at_byte, 50000);
		foreign_poll(f, NOW);
	}
	free(junk);
	write_all(fd, "\n", 1);
	write_all(fd, line, strlen(line));
	line_for(line, sizeof(line), 9);
	write_all(fd, line, strlen(line) - 1);
	close(fd);
	foreign_poll(f, NOW);
	foreign_stats(f, &stats);
	assert_int_equal(seen.connections, 3);
	assert_int_equal(seen.last_port, 9);
	assert_int_equal(stats.refused[FOREIGN_TOO_LONG], 1);
	assert_int_equal(stats.lines, 4);
	foreign_close(f);
	assert_int_equal(stat(path, &st), -1);
	rmdir(dir);
}

static void senders_beyond_the_limit_are_turned_away(void **state)
{
	char dir[] = "/tmp/ftforeignXXXXXX", path[64];
	struct foreign_config cfg = foreign_config_default();
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fds[FOREIGN_SENDERS_MAX + 3];
	struct foreign_stats stats;
	struct seen seen = {};
	struct foreign *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	cfg.socket_path = path;
	strcpy(at.sun_path, path);
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &f), 0);
	for (size_t i = 0; i < FOREIGN_SENDERS_MAX + 3; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&at, sizeof(at)), 0);
		foreign_poll(f, NOW);
	}
	foreign_stats(f, &stats);
	assert_int_equal(stats.senders, FOREIGN_SENDERS_MAX);
	assert_int_equal(stats.senders_refused, 3);
	for (size_t i = 0; i < FOREIGN_SENDERS_MAX + 3; i++)
		close(fds[i]);
	foreign_close(f);
	rmdir(dir);
}

static void a_file_is_followed_through_rotation(void **state)
{
	char dir[] = "/tmp/ftforeignXXXXXX", path[64], old[64];
	struct foreign_config cfg = foreign_config_default();
	struct seen seen = {};
	struct foreign *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/conn.log", dir);
	snprintf(old, sizeof(old), "%s/conn.log.1", dir);
	append(path, "a", 1); /* before: not read */
	cfg.files[0] = path;
	cfg.files_len = 1;
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &f), 0);
	append(path, "a", 2);
	foreign_poll(f, NOW);
	assert_int_equal(seen.last_port, 2);
	append(path, "a", 3); /* into the old one, then replaced */
	assert_int_equal(rename(path, old), 0);
	append(path, "a", 4);
	foreign_poll(f, NOW);
	assert_int_equal(seen.connections, 3);
	assert_int_equal(seen.last_port, 4);
	assert_int_equal(truncate(path, 0), 0);
	foreign_poll(f, NOW);
	append(path, "a", 5);
	foreign_poll(f, NOW);
	assert_int_equal(seen.connections, 4);
	unlink(path); /* gone, and there again later */
	foreign_poll(f, NOW);
	append(path, "a", 6);
	foreign_poll(f, NOW);
	assert_int_equal(seen.last_port, 6);
	foreign_close(f);
	unlink(path);
	unlink(old);
	rmdir(dir);
}

static void what_cannot_be_opened_says_so(void **state)
{
	struct foreign_config cfg = foreign_config_default();
	struct seen seen = {};
	struct foreign *f = NULL;

	(void)state;
	cfg.socket_path = "/etc/passwd";
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &f), -EEXIST);
	cfg.socket_path = "/nonexistent/sock";
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &f), -ENOENT);
	cfg.socket_path = NULL;
	cfg.files[0] = "/etc";
	cfg.files_len = 1;
	assert_int_equal(foreign_open(&cfg, &ops, &seen, &f), -EINVAL);
	assert_null(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sysmon_connections),
		cmocka_unit_test(sysmon_answers),
		cmocka_unit_test(osquery_and_zeek),
		cmocka_unit_test(zeek_states),
		cmocka_unit_test(refused_by_reason),
		cmocka_unit_test(nesting_does_not_confuse),
		cmocka_unit_test(a_socket_takes_lines_in_any_pieces),
		cmocka_unit_test(senders_beyond_the_limit_are_turned_away),
		cmocka_unit_test(a_file_is_followed_through_rotation),
		cmocka_unit_test(what_cannot_be_opened_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
