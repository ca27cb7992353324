// SPDX-License-Identifier: BSD-2-Clause
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ip.h"
#include "base/utf8.h"

/* A duration's or size's largest value: exact in a double, and far from overflow. */
#define AMOUNT_MAX 9.0e18

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* Largest first, so that printing takes the first that divides. */
static const struct unit duration_units[] = {
	{"d", 86400000000000}, {"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000},
	{"ms", 1000000},       {"us", 1000},	     {"ns", 1},		 {NULL, 0},
};
static const struct unit size_units[] = {
	{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"", 1},
	{NULL, 0},
};

struct out { /* where the message goes */
	char *text;
	size_t len;
};

static int refuse(const struct out *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct out *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, err->len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void *field(const struct config *cfg, const struct config_key *key)
{
	return (char *)(uintptr_t)cfg + key->offset;
}

static void store_unsigned(void *to, size_t width, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (width == sizeof(narrow))
		memcpy(to, &narrow, sizeof(narrow));
	else
		memcpy(to, &value, sizeof(value));
}

static uint64_t load_unsigned(const void *from, size_t width)
{
	uint64_t value = 0;
	uint32_t narrow;

	if (width == sizeof(narrow)) {
		memcpy(&narrow, from, sizeof(narrow));
		value = narrow;
	} else {
		memcpy(&value, from, sizeof(value));
	}
	return value;
}

/* A decimal number without sign, exponent or hexadecimal; @ret_rest points behind it. */
static int read_decimal(const char *text, double *ret, const char **ret_rest)
{
	const char *p = text;
	double value = 0, scale = 1;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++)
		value = value * 10 + (*p - '0');
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return -EINVAL;
		for (; isdigit((unsigned char)*p); p++)
			value += (*p - '0') * (scale /= 10);
	}
	*ret = value;
	*ret_rest = p;
	return 0;
}

static int read_amount(const char *text, const struct unit *units, uint64_t *ret)
{
	const char *rest;
	double value;

	if (read_decimal(text, &value, &rest))
		return -EINVAL;
	for (; units->suffix; units++) {
		double amount = round(value * (double)units->factor);

		if (strcmp(rest, units->suffix) != 0 && !(value == 0 && !*rest))
			continue;
		if (amount > AMOUNT_MAX)
			return -EINVAL;
		*ret = (uint64_t)amount;
		return 0;
	}
	return -EINVAL;
}

int value_duration(const char *text, uint64_t *ret_ns)
{
	return read_amount(text, duration_units, ret_ns);
}

int value_size(const char *text, uint64_t *ret_bytes)
{
	return read_amount(text, size_units, ret_bytes);
}

static void print_amount(uint64_t value, const struct unit *units, struct buf *out)
{
	while (units->factor > 1 && (value == 0 || value % units->factor))
		units++;
	buf_u64(out, value / units->factor);
	buf_str(out, value ? units->suffix : "");
}

static int set_amount(void *to, const struct config_key *key, const char *text,
		      const struct out *err)
{
	bool is_duration = key->type == CONFIG_DURATION;
	const struct unit *units = is_duration ? duration_units : size_units;
	struct buf low = { 0 }, high = { 0 };
	uint64_t value;
	int rc = 0;

	if (read_amount(text, units, &value))
		return refuse(err, "\"%.64s\" is not a %s", text,
			      is_duration ? "duration (like 500ms, 5s, 10m, 24h, 90d)"
					  : "size (like 65536, 64KiB, 16MiB)");
	if ((double)value < key->min || (double)value > key->max) {
		print_amount((uint64_t)key->min, units, &low);
		print_amount((uint64_t)key->max, units, &high);
		rc = refuse(err, "%.64s is out of range (%.*s to %.*s)", text, (int)low.len,
			    low.bytes, (int)high.len, high.bytes);
		buf_fini(&low);
		buf_fini(&high);
		return rc;
	}
	if (key->type == CONFIG_POW2 && (value & (value - 1)))
		return refuse(err, "%.64s is not a power of two", text);
	store_unsigned(to, key->width, value);
	return 0;
}

static int set_number(void *to, const struct config_key *key, const char *text,
		      const struct out *err)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end || isspace((unsigned char)*text) || !isfinite(value))
		return refuse(err, "\"%.64s\" is not a number", text);
	if (value < key->min || value > key->max)
		return refuse(err, "%.64s is out of range (%g to %g)", text, key->min, key->max);
	memcpy(to, &value, sizeof(value));
	return 0;
}

static int set_count(void *to, const struct config_key *key, const char *text,
		     const struct out *err)
{
	const char *rest;
	double value;

	if (read_decimal(text, &value, &rest) || *rest || value != floor(value))
		return refuse(err, "\"%.64s\" is not a whole number", text);
	if (value < key->min || value > key->max)
		return refuse(err, "%.64s is out of range (%.0f to %.0f)", text, key->min,
			      key->max);
	store_unsigned(to, key->width, (uint64_t)value);
	return 0;
}

static int set_bool(void *to, const char *text, const struct out *err)
{
	static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (int value = 0; value < 2; value++)
			if (strcasecmp(text, words[i][value]) == 0) {
				*(bool *)to = value;
				return 0;
			}
	return refuse(err, "\"%.64s\" is neither true nor false", text);
}

static int find_word(const char *const *words, const char *text, const struct out *err)
{
	char all[256];
	size_t n = 0;

	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	for (int i = 0; words[i] && n < sizeof(all); i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", words[i]);
	return refuse(err, "\"%.64s\" is not one of %s", text, all);
}

static int set_choice(void *to, const struct config_key *key, const char *text,
		      const struct out *err)
{
	int found = find_word(key->words, text, err);

	if (found < 0)
		return found;
	store_unsigned(to, key->width, (uint64_t)found);
	return 0;
}

static int set_word(void *to, const struct config_key *key, const char *text, const struct out *err)
{
	int found = find_word(key->words, text, err);

	if (found < 0)
		return found;
	*(const char **)to = key->words[found];
	return 0;
}

/* One character at *@at, which moves behind it; -1: not UTF-8. @left > 0. */
static int32_t read_character(const uint8_t **at, size_t left)
{
	size_t n = utf8_length(*at, left);
	int32_t c = n > 1 ? **at & (0x7f >> n) : **at;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((*at)[i] & 0x3f);
	*at += n;
	return n ? c : -1;
}

/* Characters that YAML 1.1 (5.1) has in a file as they are, without line and paragraph ends. */
static bool is_printable(const char *text)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);

	while (p < end) {
		int32_t c = read_character(&p, (size_t)(end - p));

		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
		    c == 0xfeff || (c & 0xfffe) == 0xfffe)
			return false;
	}
	return true;
}

static int set_text(void *to, const struct config_key *key, const char *text, const struct out *err)
{
	char *copy;

	if (!is_printable(text))
		return refuse(err, "holds a control character, or is not UTF-8");
	if (key->type == CONFIG_PATHNAME && *text && *text != '/')
		return refuse(err, "\"%.64s\" is not an absolute path", text);
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*(char **)to);
	*(char **)to = copy;
	return 0;
}

static int set_flags(void *to, const struct config_key *key, const char *const *texts, size_t n,
		     const struct out *err)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		int found = find_word(key->words, texts[i], err);

		if (found < 0)
			return found;
		bits |= 1U << found;
	}
	memcpy(to, &bits, sizeof(bits));
	return 0;
}

static int set_ports(struct decode_config *to, const char *const *texts, size_t n,
		     const struct out *err)
{
	static const struct config_key port = {.min = 1, .max = 65535, .width = 4};
	struct decode_config ports = {.ports_len = 0};
	uint32_t value;
	int rc;

	if (n < 1 || n > DECODE_PORTS_MAX)
		return refuse(err, "needs 1 to %d ports", DECODE_PORTS_MAX);
	for (size_t i = 0; i < n; i++) {
		rc = set_count(&value, &port, texts[i], err);
		if (rc)
			return rc;
		ports.ports[ports.ports_len++] = (uint16_t)value;
	}
	*to = ports;
	return 0;
}

static void list_fini(struct config_list *list)
{
	/* borrowers see constant strings; they are ours */
	for (size_t i = 0; i < list->len; i++)
		free((char *)(uintptr_t)list->items[i]);
	free((void *)(uintptr_t)list->items);
	*list = (struct config_list){ 0 };
}

static int check_item(const struct config_key *key, const char *text, const struct out *err)
{
	struct ip_prefix prefix;

	if (!*text)
		return refuse(err, "holds an empty entry");
	if (!is_printable(text))
		return refuse(err, "holds a control character, or is not UTF-8");
	if (key->type == CONFIG_SOURCES && strcmp(text, "libloc") != 0 &&
	    (strncmp(text, "mmdb:", 5) != 0 || !text[5]) &&
	    (strncmp(text, "csv:", 4) != 0 || !text[4]))
		return refuse(err, "\"%.64s\" is not libloc, mmdb:FILE or csv:FILE", text);
	if (key->type == CONFIG_NETWORKS && ip_prefix_parse(text, &prefix))
		return refuse(err,
			      "\"%.64s\" is not a network (like 192.0.2.0/24 or 2001:db8::/32, "
			      "host bits zero)",
			      text);
	return 0;
}

static int set_texts(struct config_list *to, const struct config_key *key, const char *const *texts,
		     size_t n, const struct out *err)
{
	const char **items = NULL;
	struct config_list list;
	int rc = 0;

	if (n) {
		items = calloc(n, sizeof(*items));
		if (!items)
			return -ENOMEM;
	}
	list = (struct config_list){.items = items};
	for (; list.len < n && !rc; list.len += !rc) {
		rc = check_item(key, texts[list.len], err);
		if (!rc && !(items[list.len] = strdup(texts[list.len])))
			rc = -ENOMEM;
	}
	if (rc) {
		list_fini(&list);
		return rc;
	}
	list_fini(to);
	*to = list;
	return 0;
}

int value_set(struct config *cfg, const struct config_key *key, const char *const *texts, size_t n,
	      char *err, size_t err_len)
{
	const struct out out = {err, err_len};
	void *to = field(cfg, key);

	switch (key->type) {
	case CONFIG_BOOL:
		return set_bool(to, texts[0], &out);
	case CONFIG_COUNT:
		return set_count(to, key, texts[0], &out);
	case CONFIG_SIZE:
	case CONFIG_POW2:
	case CONFIG_DURATION:
		return set_amount(to, key, texts[0], &out);
	case CONFIG_NUMBER:
		return set_number(to, key, texts[0], &out);
	case CONFIG_CHOICE:
		return set_choice(to, key, texts[0], &out);
	case CONFIG_WORD:
		return set_word(to, key, texts[0], &out);
	case CONFIG_TEXT:
	case CONFIG_PATHNAME:
		return set_text(to, key, texts[0], &out);
	case CONFIG_FLAGS:
		return set_flags(to, key, texts, n, &out);
	case CONFIG_TEXTS:
	case CONFIG_SOURCES:
	case CONFIG_NETWORKS:
		return set_texts(to, key, texts, n, &out);
	case CONFIG_PORTS:
		return set_ports(to, texts, n, &out);
	}
	return -EINVAL;
}

/* Quoted unless it is plainly a word: YAML then takes it for nothing else. */
static void print_text(const char *text, struct buf *out)
{
	buf_char(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
	buf_char(out, '"');
}

static void print_number(double value, struct buf *out)
{
	char text[40];

	/* the shortest form that reads back to the same value */
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_str(out, text);
}

static void print_list(const void *from, const struct config_key *key, struct buf *out)
{
	const struct config_list *list = from;
	const struct decode_config *dns = from;
	const char *comma = "";

	buf_char(out, '[');
	if (key->type == CONFIG_FLAGS) {
		for (int i = 0; key->words[i]; i++)
			if (load_unsigned(from, key->width) >> i & 1) {
				buf_printf(out, "%s%s", comma, key->words[i]);
				comma = ", ";
			}
	} else if (key->type == CONFIG_PORTS) {
		for (size_t i = 0; i < dns->ports_len; i++)
			buf_printf(out, "%s%u", i ? ", " : "", dns->ports[i]);
	} else {
		for (size_t i = 0; i < list->len; i++) {
			buf_str(out, i ? ", " : "");
			print_text(list->items[i], out);
		}
	}
	buf_char(out, ']');
}

void value_print(const struct config *cfg, const struct config_key *key, struct buf *out)
{
	const void *from = field(cfg, key);
	double number;

	switch (key->type) {
	case CONFIG_BOOL:
		buf_str(out, *(const bool *)from ? "true" : "false");
		break;
	case CONFIG_COUNT:
		buf_u64(out, load_unsigned(from, key->width));
		break;
	case CONFIG_SIZE:
	case CONFIG_POW2:
		print_amount(load_unsigned(from, key->width), size_units, out);
		break;
	case CONFIG_DURATION:
		print_amount(load_unsigned(from, key->width), duration_units, out);
		break;
	case CONFIG_NUMBER:
		memcpy(&number, from, sizeof(number));
		print_number(number, out);
		break;
	case CONFIG_CHOICE:
		buf_str(out, key->words[load_unsigned(from, key->width)]);
		break;
	case CONFIG_WORD:
		buf_str(out, *(const char *const *)from);
		break;
	case CONFIG_TEXT:
	case CONFIG_PATHNAME:
		print_text(*(char *const *)from, out);
		break;
	default:
		print_list(from, key, out);
	}
}

void value_fini(struct config *cfg, const struct config_key *key)
{
	void *at = field(cfg, key);

	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_PATHNAME:
		free(*(char **)at);
		*(char **)at = NULL;
		break;
	case CONFIG_TEXTS:
	case CONFIG_SOURCES:
	case CONFIG_NETWORKS:
		list_fini(at);
		break;
	default:
		break;
	}
}
