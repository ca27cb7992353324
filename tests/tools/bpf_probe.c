// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf_probe OBJECT…: load each program of each object by itself and say what this kernel makes of
 * it: "program NAME ok INSNS MS" or "program NAME refused ERRNO", one line each, the latter with
 * the verifier's last words behind it. INSNS is the number of instructions that the verifier went
 * through. The exit status is 0 unless a file is bad.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_STEPS 1 /* BPF_LOG_LEVEL1 */
#define LOG_STATS 4 /* BPF_LOG_STATS: the summary alone */

static char log_text[64 << 20]; /* a log that does not fit is refused by older kernels */

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* Newer kernels say it of global functions first, of the program last. */
static unsigned long parse_insns(const char *log)
{
	static const char before[] = "processed ";
	unsigned long n = 0;

	for (const char *p = strstr(log, before); p; p = strstr(p, before)) {
		p += strlen(before);
		n = strtoul(p, NULL, 10);
	}
	return n;
}

/* Everything but the @index-th program stays out. Its name, or NULL at the end. */
static const char *choose(struct bpf_object *obj, size_t index, unsigned int level)
{
	const char *name = NULL;
	struct bpf_program *p;
	size_t i = 0;

	bpf_object__for_each_program(p, obj) {
		bpf_program__set_autoload(p, i == index);
		if (i++ != index)
			continue;
		name = bpf_program__name(p);
		bpf_program__set_log_level(p, level);
		bpf_program__set_log_buf(p, log_text, sizeof(log_text));
	}
	return name;
}

/* What the verifier said before its summary. */
static void print_last_words(void)
{
	char *end = strstr(log_text, "\nprocessed ");
	int lines = 0;

	if (!end)
		end = log_text + strlen(log_text);
	*end = '\0';
	for (; end > log_text && lines < 4; end--)
		lines += end[-1] == '\n';
	for (char *line = strtok(end, "\n"); line; line = strtok(NULL, "\n"))
		printf("  %s\n", line);
}

/* 1: probed; 0: no such program; negative: the object is bad. */
static int probe(const char *path, size_t index, unsigned int level)
{
	struct bpf_object *obj;
	const char *name;
	double begin;
	int err = 0;

	obj = bpf_object__open_file(path, NULL);
	if (!obj) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	log_text[0] = '\0';
	name = choose(obj, index, level);
	begin = now_ms();
	if (name)
		err = bpf_object__load(obj);
	if (name && !err)
		printf("program %s ok %lu %.1f\n", name, parse_insns(log_text), now_ms() - begin);
	else if (name && level == LOG_STATS)
		printf("program %s refused %s\n", name, strerrorname_np(-err));
	else if (name)
		print_last_words();
	bpf_object__close(obj);
	if (err && level == LOG_STATS)
		return probe(path, index, LOG_STEPS);
	return name != NULL;
}

int main(int argc, char **argv)
{
	int rc;

	libbpf_set_print(be_silent);
	for (int i = 1; i < argc; i++) {
		size_t index = 0;

		while ((rc = probe(argv[i], index, LOG_STATS)) > 0)
			index++;
		if (rc < 0)
			return 1;
	}
	return 0;
}
