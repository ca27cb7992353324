// SPDX-License-Identifier: BSD-2-Clause
/* Running the checks and writing what they found, for people or as JSON. */
#include "doctor/doctor.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "doctor/checks.h"

static const char *const status_names[] = { "ok", "warn", "fail" };

struct finding *finding_add(struct findings *f, enum doctor_status status, const char *check,
			    const char *fmt, ...)
{
	static struct finding lost; /* written when memory is out, never shown */
	struct finding *item = &lost, *grown;
	va_list ap;

	if (f->len == f->cap) {
		grown = realloc(f->items, (f->cap + 32) * sizeof(*grown));
		f->failed |= !grown;
		if (grown) {
			f->items = grown;
			f->cap += 32;
		}
	}
	if (f->len < f->cap)
		item = &f->items[f->len++];
	memset(item, 0, sizeof(*item));
	item->status = status;
	snprintf(item->check, sizeof(item->check), "%s", check);
	va_start(ap, fmt);
	vsnprintf(item->text, sizeof(item->text), fmt, ap);
	va_end(ap);
	return item;
}

void finding_remedy(struct finding *item, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(item->remedy, sizeof(item->remedy), fmt, ap);
	va_end(ap);
}

bool read_line(const char *path, char *buf, size_t len)
{
	FILE *file = fopen(path, "re");
	bool is_read;

	if (!file)
		return false;
	is_read = fgets(buf, (int)len, file) != NULL;
	fclose(file);
	if (is_read)
		buf[strcspn(buf, "\n")] = '\0';
	return is_read;
}

static bool has_failed(const struct findings *f)
{
	for (size_t i = 0; i < f->len; i++)
		if (f->items[i].status == DOCTOR_FAIL)
			return true;
	return false;
}

static void write_text(FILE *out, const struct findings *f)
{
	for (size_t i = 0; i < f->len; i++) {
		const struct finding *item = &f->items[i];

		fprintf(out, "%-5s %-16s %s\n", status_names[item->status], item->check,
			item->text);
		if (*item->remedy)
			fprintf(out, "%22s -> %s\n", "", item->remedy);
	}
	fputs(has_failed(f) ? "fluxtap run would not work here: see the lines marked fail\n"
			    : "fluxtap run works here\n",
	      out);
}

static void gen_text(yajl_gen gen, const char *key, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *)key, strlen(key));
	yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

static void gen_findings(yajl_gen gen, const struct findings *f)
{
	yajl_gen_map_open(gen);
	yajl_gen_string(gen, (const unsigned char *)"ok", 2);
	yajl_gen_bool(gen, !has_failed(f));
	yajl_gen_string(gen, (const unsigned char *)"checks", 6);
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < f->len; i++) {
		yajl_gen_map_open(gen);
		gen_text(gen, "check", f->items[i].check);
		gen_text(gen, "status", status_names[f->items[i].status]);
		gen_text(gen, "text", f->items[i].text);
		if (*f->items[i].remedy)
			gen_text(gen, "remedy", f->items[i].remedy);
		yajl_gen_map_close(gen);
	}
	yajl_gen_array_close(gen);
	yajl_gen_map_close(gen);
}

static bool write_json(FILE *out, const struct findings *f)
{
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len = 0;
	bool is_done;

	if (!gen)
		return false;
	gen_findings(gen, f);
	is_done = yajl_gen_get_buf(gen, &text, &len) == yajl_gen_status_ok &&
		  fwrite(text, 1, len, out) == len && fputc('\n', out) != EOF;
	yajl_gen_free(gen);
	return is_done;
}

int doctor_run(FILE *out, const struct doctor_config *cfg)
{
	struct findings f = { 0 };
	libbpf_print_fn_t print;
	int code;

	print = libbpf_set_print(NULL); /* a probe that fails is an answer, not a message */
	doctor_kernel(&f, cfg);
	doctor_interfaces(&f, cfg);
	doctor_data(&f, cfg);
	libbpf_set_print(print);

	code = has_failed(&f) ? 3 : 0;
	if (cfg->json)
		f.failed |= !write_json(out, &f);
	else
		write_text(out, &f);
	if (fflush(out) || ferror(out) || f.failed)
		code = 1;
	free(f.items);
	return code;
}
