// SPDX-License-Identifier: BSD-2-Clause
#include "ui/status_json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "report/json.h"

/* --- monitor's side ---------------------------------------------------------------------------- */

static void member_u64(struct buf *out, const char *key, uint64_t value)
{
	buf_printf(out, "\"%s\":", key);
	json_u64(out, value);
}

static void member_double(struct buf *out, const char *key, double value)
{
	buf_printf(out, "\"%s\":", key);
	json_double(out, value);
}

static void write_row(struct buf *out, const struct view_row *row)
{
	buf_char(out, '{');
	json_member(out, "\"domain\":", row->domain);
	json_member(out, "\"verdict\":", row->verdict);
	json_member(out, "\"confidence\":", row->confidence);
	json_member(out, "\"process\":", row->process);
	member_double(out, "score", row->score);
	member_double(out, "effective_asns", row->effective_asns);
	member_double(out, "novelty", row->novelty);
	member_double(out, "reentry", row->reentry);
	member_u64(out, "distinct_ips", row->distinct_ips);
	member_u64(out, "fresh_sets", row->fresh_sets);
	member_u64(out, "ttl_max", row->ttl_max);
	member_u64(out, "connects", row->connects);
	json_end(out, '}');
}

static void write_lists(struct buf *out, const struct view *view)
{
	json_lit(out, "\"reasons\":[");
	for (size_t i = 0; i < view->reasons_len; i++) {
		buf_char(out, '{');
		json_member(out, "\"name\":", view->reasons[i].name);
		member_u64(out, "count", view->reasons[i].count);
		json_end(out, '}');
	}
	json_end(out, ']');
	json_lit(out, "\"interfaces\":[");
	for (size_t i = 0; i < view->ifaces_len; i++) {
		buf_char(out, '{');
		json_member(out, "\"name\":", view->ifaces[i].name);
		json_member(out, "\"mode\":", view->ifaces[i].mode);
		json_end(out, '}');
	}
	json_end(out, ']');
	json_lit(out, "\"names\":[");
	for (size_t i = 0; i < view->rows_len; i++)
		write_row(out, &view->rows[i]);
	json_end(out, ']');
}

void status_json(struct buf *out, const struct view *view)
{
	buf_char(out, '{');
	member_u64(out, "time_ns", view->time_ns);
	json_member(out, "\"sensor\":", view->sensor);
	buf_str(out, view->balanced ? "\"balanced\":true," : "\"balanced\":false,");
	json_member(out, "\"unbalanced\":", view->unbalanced);
	buf_str(out, view->filtering ? "\"filtering\":true," : "\"filtering\":false,");
	json_lit(out, "\"counters\":{");
#define VIEW_WRITE(name) member_u64(out, #name, view->name);
	VIEW_COUNTERS(VIEW_WRITE)
#undef VIEW_WRITE
	json_end(out, '}');
	write_lists(out, view);
	json_end(out, '}');
	if (out->len && out->bytes[out->len - 1] == ',')
		out->len--;
}

/* --- client's side ----------------------------------------------------------------------------- */

static yajl_val get(yajl_val object, const char *key, yajl_type type)
{
	const char *path[] = { key, NULL };

	return yajl_tree_get(object, path, type);
}

/* For a terminal: what the other side sends is shown, never obeyed. */
static void get_text(yajl_val object, const char *key, char *ret, size_t len)
{
	yajl_val v = get(object, key, yajl_t_string);

	snprintf(ret, len, "%s", v ? YAJL_GET_STRING(v) : "");
	for (; *ret; ret++)
		if (!isprint((unsigned char)*ret))
			*ret = '?';
}

static uint64_t get_u64(yajl_val object, const char *key)
{
	yajl_val v = get(object, key, yajl_t_number);
	const char *text = v ? YAJL_GET_NUMBER(v) : "0";
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end || *text == '-' ? 0 : value;
}

static double get_double(yajl_val object, const char *key)
{
	yajl_val v = get(object, key, yajl_t_number);
	double value = v ? strtod(YAJL_GET_NUMBER(v), NULL) : 0;

	return isfinite(value) ? value : 0;
}

static uint32_t get_u32(yajl_val object, const char *key)
{
	uint64_t value = get_u64(object, key);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static bool get_bool(yajl_val object, const char *key)
{
	return YAJL_IS_TRUE(get(object, key, yajl_t_any));
}

static void read_row(yajl_val from, struct view_row *row)
{
	get_text(from, "domain", row->domain, sizeof(row->domain));
	get_text(from, "verdict", row->verdict, sizeof(row->verdict));
	get_text(from, "confidence", row->confidence, sizeof(row->confidence));
	get_text(from, "process", row->process, sizeof(row->process));
	row->score = get_double(from, "score");
	row->effective_asns = get_double(from, "effective_asns");
	row->novelty = get_double(from, "novelty");
	row->reentry = get_double(from, "reentry");
	row->distinct_ips = get_u32(from, "distinct_ips");
	row->fresh_sets = get_u32(from, "fresh_sets");
	row->ttl_max = get_u32(from, "ttl_max");
	row->connects = get_u32(from, "connects");
}

/* The array at @key, at most @max of its entries. */
static size_t get_array(yajl_val object, const char *key, size_t max, yajl_val **ret)
{
	yajl_val v = get(object, key, yajl_t_array);

	*ret = v ? YAJL_GET_ARRAY(v)->values : NULL;
	return !v ? 0 : YAJL_GET_ARRAY(v)->len < max ? YAJL_GET_ARRAY(v)->len : max;
}

static void read_lists(yajl_val root, struct view *v)
{
	yajl_val *items;

	v->reasons_len = get_array(root, "reasons", VIEW_REASONS_MAX, &items);
	for (size_t i = 0; i < v->reasons_len; i++) {
		get_text(items[i], "name", v->reasons[i].name, sizeof(v->reasons[i].name));
		v->reasons[i].count = get_u64(items[i], "count");
	}
	v->ifaces_len = get_array(root, "interfaces", VIEW_IFACES_MAX, &items);
	for (size_t i = 0; i < v->ifaces_len; i++) {
		get_text(items[i], "name", v->ifaces[i].name, sizeof(v->ifaces[i].name));
		get_text(items[i], "mode", v->ifaces[i].mode, sizeof(v->ifaces[i].mode));
	}
	v->rows_len = get_array(root, "names", VIEW_ROWS_MAX, &items);
	for (size_t i = 0; i < v->rows_len; i++)
		read_row(items[i], &v->rows[i]);
}

int status_parse(const char *text, size_t len, struct view *ret)
{
	char *copy = strndup(text, len), problem[64];
	yajl_val root = NULL, counters;
	struct view *v = calloc(1, sizeof(*v));
	int rc = -EBADMSG;

	if (!copy || !v) {
		free(copy);
		free(v);
		return -ENOMEM;
	}
	if (strlen(copy) == len)
		root = yajl_tree_parse(copy, problem, sizeof(problem));
	counters = YAJL_IS_OBJECT(root) ? get(root, "counters", yajl_t_object) : NULL;
	if (counters) {
		v->time_ns = get_u64(root, "time_ns");
		get_text(root, "sensor", v->sensor, sizeof(v->sensor));
		v->balanced = get_bool(root, "balanced");
		get_text(root, "unbalanced", v->unbalanced, sizeof(v->unbalanced));
		v->filtering = get_bool(root, "filtering");
#define VIEW_READ(name) v->name = get_u64(counters, #name);
		VIEW_COUNTERS(VIEW_READ)
#undef VIEW_READ
		read_lists(root, v);
		*ret = *v;
		rc = 0;
	}
	yajl_tree_free(root);
	free(copy);
	free(v);
	return rc;
}
