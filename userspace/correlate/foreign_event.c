// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/foreign_event.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <yajl/yajl_parse.h>

#define DEPTH_MAX 12 /* deeper values are passed over */
#define PATH_MAX_ 160
#define DAY_NS	  (86400ULL * 1000000000)

/* Every value that is read, under all names that the formats have for it. */
enum field {
	F_NONE,
	F_TIME, F_SRC, F_SPORT, F_DST, F_DPORT, F_PROTO, F_DIRECTION, F_CODE, F_OUTCOME,
	F_PID, F_PPID, F_EXE, F_COMM, F_CMDLINE, F_USER, F_HOST_IP, F_QNAME, F_ANSWER,
	F_UP, F_DOWN, F_DURATION_NS,
	F_ZEEK_STATE, F_ZEEK_DURATION, F_OSQ_ACTION, F_OSQ_PROTO, F_OSQ_STATUS,
	F_MAX
};

static const struct {
	const char *path;
	enum field field;
} paths[] = {
	/* ECS 8 */
	{ "@timestamp", F_TIME }, { "source.ip", F_SRC }, { "source.port", F_SPORT },
	{ "destination.ip", F_DST }, { "destination.port", F_DPORT },
	{ "network.transport", F_PROTO }, { "network.direction", F_DIRECTION },
	{ "event.code", F_CODE }, { "event.outcome", F_OUTCOME }, { "process.pid", F_PID },
	{ "process.parent.pid", F_PPID }, { "process.executable", F_EXE },
	{ "process.name", F_COMM }, { "process.command_line", F_CMDLINE },
	{ "user.name", F_USER }, { "host.ip", F_HOST_IP }, { "dns.question.name", F_QNAME },
	{ "dns.resolved_ip", F_ANSWER }, { "source.bytes", F_UP },
	{ "destination.bytes", F_DOWN }, { "event.duration", F_DURATION_NS },
	/* Zeek conn.log */
	{ "ts", F_TIME }, { "id.orig_h", F_SRC }, { "id.orig_p", F_SPORT },
	{ "id.resp_h", F_DST }, { "id.resp_p", F_DPORT }, { "proto", F_PROTO },
	{ "conn_state", F_ZEEK_STATE }, { "duration", F_ZEEK_DURATION }, { "orig_bytes", F_UP },
	{ "resp_bytes", F_DOWN },
	/* osquery: socket_events, process_open_sockets */
	{ "unixTime", F_TIME }, { "columns.local_address", F_SRC },
	{ "columns.local_port", F_SPORT }, { "columns.remote_address", F_DST },
	{ "columns.remote_port", F_DPORT }, { "columns.protocol", F_OSQ_PROTO },
	{ "columns.action", F_OSQ_ACTION }, { "columns.status", F_OSQ_STATUS },
	{ "columns.pid", F_PID }, { "columns.parent", F_PPID }, { "columns.path", F_EXE },
	{ "columns.name", F_COMM }, { "columns.cmdline", F_CMDLINE },
};

struct value {
	char text[FOREIGN_TEXT_MAX]; /* as it stands; numbers too */
	bool set;
};

struct reading { /* of one line */
	char path[PATH_MAX_];
	size_t ends[DEPTH_MAX + 1]; /* length of the path at each depth */
	bool is_array[DEPTH_MAX + 1];
	int depth;
	struct value values[F_MAX];
	size_t answers_len;
	struct ip_addr answers[FOREIGN_ANSWERS_MAX];
	bool bad_answer;
};

const char *foreign_reason_name(enum foreign_reason reason)
{
	static const char *const names[] = {
		NULL,
#define FOREIGN_AS_NAME(upper, lower) #lower,
		FOREIGN_REASONS(FOREIGN_AS_NAME)
#undef FOREIGN_AS_NAME
	};

	return reason < FOREIGN_REASON_MAX ? names[reason] : NULL;
}

/* --- JSON to values -------------------------------------------------------------------------- */

static enum field field_of(const struct reading *r)
{
	if (r->depth > DEPTH_MAX || r->depth < 1)
		return F_NONE;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(r->path, paths[i].path))
			return paths[i].field;
	return F_NONE;
}

static void take_answer(struct reading *r, const char *text)
{
	if (r->answers_len == FOREIGN_ANSWERS_MAX)
		return;
	if (ip_parse(text, &r->answers[r->answers_len]))
		r->bad_answer = true;
	else
		r->answers_len++;
}

static int take(struct reading *r, const char *text, size_t len)
{
	enum field field = field_of(r);
	struct value *v = &r->values[field];
	size_t n = len < sizeof(v->text) - 1 ? len : sizeof(v->text) - 1;

	/* of lists the first, but for answers; of keys given twice the first */
	if (!field || (v->set && field != F_ANSWER))
		return 1;
	/* never cut a UTF-8 sequence in two */
	while (n < len && n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	memcpy(v->text, text, n);
	v->text[n] = '\0';
	v->set = true;
	if (field == F_ANSWER)
		take_answer(r, v->text);
	return 1;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	return take(ctx, (const char *)text, len);
}

static int on_number(void *ctx, const char *text, size_t len)
{
	return take(ctx, text, len);
}

static int on_ignored(void *ctx)
{
	(void)ctx;
	return 1;
}

static int on_boolean(void *ctx, int value)
{
	(void)ctx, (void)value;
	return 1;
}

static int enter(struct reading *r, bool is_array)
{
	if (!r->depth && is_array)
		return 0; /* an object is what a line is */
	r->depth++;
	if (r->depth <= DEPTH_MAX) {
		r->ends[r->depth] = strlen(r->path);
		r->is_array[r->depth] = is_array;
	}
	return 1;
}

static int on_map(void *ctx)
{
	return enter(ctx, false);
}

static int on_array(void *ctx)
{
	return enter(ctx, true);
}

static int on_end(void *ctx)
{
	struct reading *r = ctx;

	if (r->depth <= DEPTH_MAX)
		r->path[r->ends[r->depth]] = '\0';
	r->depth--;
	return 1;
}

static int on_key(void *ctx, const unsigned char *key, size_t len)
{
	struct reading *r = ctx;
	size_t end;

	if (r->depth > DEPTH_MAX)
		return 1;
	end = r->ends[r->depth];
	if (end + len + 2 > sizeof(r->path)) { /* no path that is looked for is that long */
		if (end > sizeof(r->path) - 2)
			end = sizeof(r->path) - 2;
		strcpy(r->path + end, "?");
		return 1;
	}
	if (end)
		r->path[end++] = '.';
	memcpy(r->path + end, key, len);
	r->path[end + len] = '\0';
	return 1;
}

static bool read_json(struct reading *r, const char *line, size_t len)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_ignored, .yajl_boolean = on_boolean, .yajl_number = on_number,
		.yajl_string = on_string, .yajl_start_map = on_map, .yajl_map_key = on_key,
		.yajl_end_map = on_end, .yajl_start_array = on_array, .yajl_end_array = on_end,
	};
	yajl_handle h = yajl_alloc(&callbacks, NULL, r);
	bool ok;

	if (!h)
		return false;
	ok = yajl_parse(h, (const unsigned char *)line, len) == yajl_status_ok &&
	     yajl_complete_parse(h) == yajl_status_ok;
	yajl_free(h);
	return ok;
}

/* --- values to what they mean ---------------------------------------------------------------- */

static const char *text_of(const struct reading *r, enum field field)
{
	return r->values[field].set && r->values[field].text[0] ? r->values[field].text : NULL;
}

static bool number_of(const struct reading *r, enum field field, uint64_t max, uint64_t *ret)
{
	const char *text = text_of(r, field);
	unsigned long long n;
	char *end;

	if (!text || !isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n > max)
		return false;
	*ret = n;
	return true;
}

/* ISO 8601 "2026-11-21T10:00:00.123Z" or with "+01:00"; or seconds since 1970 with a fraction. */
static bool iso_time(const char *text, uint64_t *ret_ns)
{
	int year, month, day, hour, minute, used = 0, oh = 0, om = 0;
	char zone[8] = "";
	struct tm tm = {};
	double second;
	time_t t;

	if (sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%12lf%7[Z+0-9:-]%n", &year, &month, &day, &hour,
		   &minute, &second, zone, &used) != 7 || text[used])
		return false;
	if (zone[0] != 'Z' && sscanf(zone + 1, "%2d:%2d", &oh, &om) != 2 &&
	    sscanf(zone + 1, "%2d%2d", &oh, &om) != 2)
		return false;
	if (year < 1970 || year > 2500 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 61) ||
	    oh < 0 || oh > 23 || om < 0 || om > 59)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	t = timegm(&tm);
	if (zone[0] == '+')
		t -= oh * 3600 + om * 60;
	else if (zone[0] == '-')
		t += oh * 3600 + om * 60;
	if (t < 0)
		return false;
	*ret_ns = (uint64_t)t * 1000000000 + (uint64_t)(second * 1e9);
	return true;
}

static bool seconds(const char *text, double max, uint64_t *ret_ns)
{
	char *end;
	double s;

	if (!isdigit((unsigned char)*text))
		return false;
	s = strtod(text, &end);
	if (*end || !(s >= 0 && s < max))
		return false;
	/* whole seconds apart: a double cannot hold today's nanoseconds */
	*ret_ns = (uint64_t)s * 1000000000 + (uint64_t)((s - floor(s)) * 1e9);
	return true;
}

static bool time_of(const struct reading *r, uint64_t now_ns, uint64_t *ret_ns)
{
	const char *text = text_of(r, F_TIME);

	if (!text || (!seconds(text, 1.6e10, ret_ns) && !iso_time(text, ret_ns)))
		return false;
	return *ret_ns && *ret_ns <= now_ns + DAY_NS;
}

static enum foreign_reason read_ends(const struct reading *r, struct connection *conn)
{
	const char *src = text_of(r, F_SRC), *dst = text_of(r, F_DST);
	uint64_t port = 0;

	if (!src)
		src = text_of(r, F_HOST_IP);
	if (!dst)
		return FOREIGN_NO_ADDRESS;
	if (ip_parse(dst, &conn->dst) || (src && ip_parse(src, &conn->src)))
		return FOREIGN_BAD_ADDRESS;
	if (!number_of(r, F_DPORT, 65535, &port))
		return FOREIGN_BAD_PORT;
	conn->dport = (uint16_t)port;
	port = 0;
	if (text_of(r, F_SPORT) && !number_of(r, F_SPORT, 65535, &port))
		return FOREIGN_BAD_PORT;
	conn->sport = (uint16_t)port;
	return FOREIGN_OK;
}

static enum foreign_reason read_proto(const struct reading *r, struct connection *conn)
{
	const char *text = text_of(r, F_PROTO);
	uint64_t number;

	if (!text && number_of(r, F_OSQ_PROTO, 255, &number))
		conn->proto = (uint8_t)number;
	else if (text && !strcasecmp(text, "tcp"))
		conn->proto = IPPROTO_TCP;
	else if (text && !strcasecmp(text, "udp"))
		conn->proto = IPPROTO_UDP;
	return conn->proto == IPPROTO_TCP || conn->proto == IPPROTO_UDP ? FOREIGN_OK :
									  FOREIGN_BAD_PROTOCOL;
}

static void fail(struct connection *conn, int err)
{
	conn->state = CONNECTION_FAILED;
	conn->err = err;
}

/* Zeek, conn.log: conn_state. */
static void read_zeek(const struct reading *r, struct connection *conn)
{
	const char *state = text_of(r, F_ZEEK_STATE), *duration = text_of(r, F_ZEEK_DURATION);

	conn->source = CONNECTION_LOG;
	conn->state = CONNECTION_CLOSED;
	if (conn->proto == IPPROTO_UDP)
		conn->state = CONNECTION_OK;
	else if (!strcmp(state, "S0") || !strcmp(state, "SH"))
		fail(conn, ETIMEDOUT);
	else if (!strcmp(state, "REJ"))
		fail(conn, ECONNREFUSED);
	else if (!strncmp(state, "RSTOS0", 6) || !strcmp(state, "RSTRH") || !strcmp(state, "SHR"))
		fail(conn, ECONNRESET);
	else if (!strcmp(state, "OTH"))
		conn->state = CONNECTION_ATTEMPT;
	else if (!strcmp(state, "S1"))
		conn->state = CONNECTION_OK;
	if (duration)
		seconds(duration, 1e9, &conn->duration_ns);
}

static void read_outcome(const struct reading *r, struct connection *conn)
{
	const char *outcome = text_of(r, F_OUTCOME), *status = text_of(r, F_OSQ_STATUS);

	conn->source = CONNECTION_FOREIGN;
	conn->state = CONNECTION_OK;
	if ((outcome && !strcasecmp(outcome, "failure")) || (status && !strcasecmp(status, "failed")))
		fail(conn, ECONNABORTED); /* these formats do not say why */
	number_of(r, F_DURATION_NS, UINT64_MAX / 2, &conn->duration_ns);
}

static void read_process(const struct reading *r, struct foreign_event *ev)
{
	static const struct {
		enum field field;
		size_t text, member;
	} texts[] = {
#define TEXT(f, m) { f, offsetof(struct foreign_event, m), offsetof(struct process_info, m) }
		TEXT(F_EXE, exe), TEXT(F_COMM, comm), TEXT(F_CMDLINE, cmdline), TEXT(F_USER, user),
#undef TEXT
	};
	struct process_info *p = &ev->conn.process;
	uint64_t number;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *to = (char *)ev + texts[i].text;
		const char *text = text_of(r, texts[i].field);

		if (!text)
			continue;
		memcpy(to, text, FOREIGN_TEXT_MAX);
		*(const char **)((char *)p + texts[i].member) = to;
	}
	if (number_of(r, F_PID, UINT32_MAX, &number))
		p->pid = (uint32_t)number;
	if (number_of(r, F_PPID, UINT32_MAX, &number))
		p->ppid = (uint32_t)number;
	ev->conn.has_process = p->pid || p->exe || p->comm;
}

static bool is_inbound(const struct reading *r)
{
	const char *direction = text_of(r, F_DIRECTION), *action = text_of(r, F_OSQ_ACTION);

	return (direction && (!strcasecmp(direction, "inbound") || !strcasecmp(direction, "ingress"))) ||
	       (action && (!strcasecmp(action, "bind") || !strcasecmp(action, "accept")));
}

static enum foreign_reason read_connection(const struct reading *r, struct foreign_event *ev)
{
	enum foreign_reason reason;

	if (is_inbound(r))
		return FOREIGN_INBOUND;
	reason = read_ends(r, &ev->conn);
	if (!reason)
		reason = read_proto(r, &ev->conn);
	if (reason)
		return reason;
	if (text_of(r, F_ZEEK_STATE))
		read_zeek(r, &ev->conn);
	else
		read_outcome(r, &ev->conn);
	read_process(r, ev);
	ev->conn.has_bytes = number_of(r, F_UP, UINT64_MAX, &ev->conn.bytes_toserver);
	ev->conn.has_bytes |= number_of(r, F_DOWN, UINT64_MAX, &ev->conn.bytes_toclient);
	return FOREIGN_OK;
}

/* Sysmon 22 says which addresses a process was answered, not for how long. */
static enum foreign_reason read_answer(const struct reading *r, struct foreign_event *ev)
{
	const char *host = text_of(r, F_HOST_IP);
	struct dns_observation *obs = &ev->obs;

	if (dns_name_from_text(text_of(r, F_QNAME), &ev->name))
		return FOREIGN_BAD_NAME;
	if (r->bad_answer || (host && ip_parse(host, &obs->client)))
		return FOREIGN_BAD_ADDRESS;
	if (!r->answers_len)
		return FOREIGN_NO_ADDRESS;
	for (size_t i = 0; i < r->answers_len; i++)
		ev->records[i] = (struct dns_obs_record){
			.owner = &ev->name,
			.addr = r->answers[i],
			.type = ip_is_v4(&r->answers[i]) ? DNS_TYPE_A : DNS_TYPE_AAAA,
			.section = DNS_ANSWER,
		};
	obs->qname = &ev->name;
	obs->qtype = ev->records[0].type;
	obs->qclass = 1;
	obs->records = ev->records;
	obs->records_len = r->answers_len;
	ev->is_answer = true;
	return FOREIGN_OK;
}

enum foreign_reason foreign_event_parse(struct foreign_event *ev, const char *line, size_t len,
					uint64_t now_ns)
{
	struct reading r;
	uint64_t time_ns;

	if (len > FOREIGN_LINE_MAX)
		return FOREIGN_TOO_LONG;
	memset(&r, 0, offsetof(struct reading, values));
	for (size_t i = 0; i < F_MAX; i++)
		r.values[i].set = false;
	r.answers_len = 0;
	r.bad_answer = false;
	memset(ev, 0, sizeof(*ev));
	if (!read_json(&r, line, len))
		return FOREIGN_NOT_JSON;
	if (!text_of(&r, F_DST) && !text_of(&r, F_QNAME))
		return FOREIGN_OTHER_EVENT;
	if (!time_of(&r, now_ns, &time_ns))
		return FOREIGN_BAD_TIME;
	ev->conn.time_ns = ev->obs.time_ns = time_ns;
	/* an event of a DNS query may name the resolver as its destination */
	return text_of(&r, F_QNAME) ? read_answer(&r, ev) : read_connection(&r, ev);
}
