// SPDX-License-Identifier: BSD-2-Clause
#include "ui/frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_MAX 512

enum paint { PLAIN, BOLD, DIM, RED, YELLOW, CYAN, GREEN };

static const char *const paints[] = {
	[PLAIN] = "", [BOLD] = "\033[1m", [DIM] = "\033[2m", [RED] = "\033[1;31m",
	[YELLOW] = "\033[33m", [CYAN] = "\033[36m", [GREEN] = "\033[32m",
};

struct painter {
	struct buf *out;
	const struct frame_style *style;
	const struct view *now, *before;
	double seconds;	      /* between the two, or since the start */
	unsigned int column;  /* of the line under way */
	unsigned int lines;
};

struct frame_style frame_style_of(int fd)
{
	struct frame_style style = { .columns = 80, .rows = 24 };
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct winsize size;

	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col && size.ws_row) {
		style.columns = size.ws_col;
		style.rows = size.ws_row;
	}
	style.color = isatty(fd) == 1 && !(no_color && *no_color) &&
		      !(term && strcmp(term, "dumb") == 0);
	return style;
}

/* --- one line ---------------------------------------------------------------------------------- */

static bool full(const struct painter *p)
{
	return p->lines >= p->style->rows;
}

/* Text that fits into the rest of the line; the rest is cut off. */
static void put(struct painter *p, enum paint paint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct painter *p, enum paint paint, const char *fmt, ...)
{
	char text[COLUMNS_MAX + 1];
	unsigned int room = p->style->columns < COLUMNS_MAX ? p->style->columns : COLUMNS_MAX;
	bool colored = p->style->color && paint != PLAIN;
	size_t n;
	va_list ap;

	if (full(p) || p->column >= room)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strnlen(text, room - p->column);
	buf_str(p->out, colored ? paints[paint] : "");
	buf_add(p->out, text, n);
	buf_str(p->out, colored ? "\033[0m" : "");
	p->column += (unsigned int)n;
}

static void end_line(struct painter *p)
{
	if (full(p))
		return;
	buf_char(p->out, '\n');
	p->lines++;
	p->column = 0;
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t value, char *ret)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	char *to = ret;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return ret;
}

static void put_count(struct painter *p, enum paint paint, const char *label, uint64_t value)
{
	char text[32];

	put(p, PLAIN, "  %s ", label);
	put(p, paint, "%s", grouped(value, text));
}

static void put_rate(struct painter *p, const char *label, uint64_t now, uint64_t before)
{
	double rate = (double)(now - before) / p->seconds;
	char text[32];

	if (rate >= 100)
		put(p, PLAIN, "  %s %s/s", label, grouped((uint64_t)rate, text));
	else
		put(p, PLAIN, "  %s %.1f/s", label, rate);
}

/* What was lost is red, and no loss is nothing to look at. */
static enum paint loss(uint64_t value)
{
	return value ? RED : PLAIN;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* --- the parts --------------------------------------------------------------------------------- */

static void draw_title(struct painter *p)
{
	const struct view *v = p->now;
	time_t seconds = (time_t)(v->time_ns / 1000000000U);
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	put(p, BOLD, "fluxtap");
	put(p, PLAIN, " %s  %s  up %llu:%02llu:%02llu ", v->sensor, clock,
	    (unsigned long long)(v->uptime_s / 3600), (unsigned long long)(v->uptime_s / 60 % 60),
	    (unsigned long long)(v->uptime_s % 60));
	for (size_t i = 0; i < v->ifaces_len; i++)
		put(p, CYAN, " %s (%s)", v->ifaces[i].name, v->ifaces[i].mode);
	end_line(p);
}

static void draw_traffic(struct painter *p)
{
	static const struct view zero;
	const struct view *v = p->now, *b = p->before ? p->before : &zero;

	put(p, BOLD, "traffic ");
	put_rate(p, "responses", v->responses, b->responses);
	put(p, PLAIN, "  repeats %.1f%%%s",
	    share(v->repeats - b->repeats, v->responses - b->responses),
	    v->filtering ? "" : " (filter off)");
	put_rate(p, "changes", v->changes, b->changes);
	put_rate(p, "connects", v->connections, b->connections);
	put(p, PLAIN, "  unexplained %.1f%%",
	    share(v->unexplained - b->unexplained, v->connections - b->connections));
	put_rate(p, "frames", v->seen, b->seen);
	end_line(p);
}

static void draw_ledger(struct painter *p)
{
	const struct view *v = p->now;
	char text[32];

	put(p, BOLD, "ledger  ");
	if (v->balanced)
		put(p, GREEN, "  balanced");
	else
		put(p, RED, "  NOT BALANCED (%s)", v->unbalanced);
	put_count(p, PLAIN, "seen", v->seen);
	put_count(p, PLAIN, "parsed", v->parsed);
	put_count(p, loss(v->ring_full + v->shed), "lost", v->ring_full + v->shed);
	put_count(p, PLAIN, "refused", v->refused + v->malformed);
	for (size_t i = 0; i < v->reasons_len; i++)
		put(p, DIM, "%s%s %s", i ? ", " : " (", v->reasons[i].name,
		    grouped(v->reasons[i].count, text));
	put(p, DIM, "%s", v->reasons_len ? ")" : "");
	end_line(p);
}

static void draw_tables(struct painter *p)
{
	const struct view *v = p->now;
	uint64_t dropped = v->events_dropped + v->history_dropped + v->connect_lost;

	put(p, BOLD, "analysis");
	put_count(p, v->alerts ? YELLOW : PLAIN, "alerts", v->alerts);
	if (dropped)
		put_count(p, RED, "dropped", dropped);
	put_count(p, PLAIN, "candidates", v->candidates);
	put_count(p, PLAIN, "names", v->names);
	put_count(p, PLAIN, "evicted", v->evicted);
	put(p, PLAIN, "  memory %.1f MiB", (double)v->table_bytes / 1048576);
	end_line(p);
}

static enum paint paint_of(const struct view_row *row)
{
	if (strcmp(row->confidence, "high") == 0)
		return RED;
	if (strcmp(row->confidence, "medium") == 0)
		return YELLOW;
	return row->confidence[0] ? CYAN : PLAIN;
}

static void draw_rows(struct painter *p)
{
	const struct view *v = p->now;

	if (!v->rows_len) {
		put(p, DIM, "no name changes its addresses in a way worth a look");
		end_line(p);
		return;
	}
	put(p, DIM, "%6s %-6s %-14s %5s %5s %4s %4s %5s %6s  %s", "SCORE", "CONF", "VERDICT", "IPS",
	    "ASNS", "NEW", "BACK", "SETS", "TTL", "NAME");
	end_line(p);
	for (size_t i = 0; i < v->rows_len; i++) {
		const struct view_row *r = &v->rows[i];

		put(p, paint_of(r), "%6.2f %-6s %-14s", r->score, r->confidence[0] ? r->confidence : "-",
		    r->verdict[0] ? r->verdict : "-");
		put(p, PLAIN, " %5u %5.1f %3.0f%% %3.0f%% %5u %6u  ", r->distinct_ips,
		    r->effective_asns, 100 * r->novelty, 100 * r->reentry, r->fresh_sets, r->ttl_max);
		put(p, paint_of(r), "%s", r->domain);
		if (r->process[0])
			put(p, DIM, "  %s", r->process);
		end_line(p);
	}
}

/* The clock may be set, and the monitor may have been started anew: rates are then since that. */
static bool follows(const struct view *now, const struct view *before)
{
	return before && now->time_ns > before->time_ns && now->uptime_s >= before->uptime_s &&
	       now->seen >= before->seen && now->responses >= before->responses &&
	       now->repeats >= before->repeats && now->changes >= before->changes &&
	       now->connections >= before->connections && now->unexplained >= before->unexplained;
}

unsigned int frame_render(struct buf *out, const struct view *now, const struct view *before,
			  const struct frame_style *style)
{
	struct painter p = { .out = out, .style = style, .now = now };

	if (follows(now, before)) {
		p.before = before;
		p.seconds = (double)(now->time_ns - before->time_ns) / 1e9;
	} else {
		p.seconds = now->uptime_s ? (double)now->uptime_s : 1;
	}
	draw_title(&p);
	draw_traffic(&p);
	draw_ledger(&p);
	draw_tables(&p);
	draw_rows(&p);
	return p.lines;
}
