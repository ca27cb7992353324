// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf_probe OBJECT…: load each program of each object by itself and say what this kernel makes of
 * it: "program NAME ok INSNS MS" or "program NAME refused ERRNO", one line each. INSNS is the
 * number of instructions the verifier went through. The exit status is 0 unless a file is bad.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_STATS 4 /* BPF_LOG_STATS: the summary alone */

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

static unsigned long parse_insns(const char *log)
{
	const char *p = strstr(log, "processed ");

	return p ? strtoul(p + strlen("processed "), NULL, 10) : 0;
}

/* Everything but the @index-th program stays out. Its name, or NULL at the end. */
static const char *choose(struct bpf_object *obj, size_t index, char *log, size_t log_len)
{
	const char *name = NULL;
	struct bpf_program *p;
	size_t i = 0;

	bpf_object__for_each_program(p, obj) {
		bpf_program__set_autoload(p, i == index);
		if (i++ != index)
			continue;
		name = bpf_program__name(p);
		bpf_program__set_log_level(p, LOG_STATS);
		bpf_program__set_log_buf(p, log, log_len);
	}
	return name;
}

/* 1: probed; 0: no such program; -1: the object is bad. */
static int probe(const char *path, size_t index)
{
	static char log[1 << 20];
	struct bpf_object *obj;
	const char *name;
	double begin;
	int err;

	obj = bpf_object__open_file(path, NULL);
	if (!obj) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	memset(log, 0, sizeof(log));
	name = choose(obj, index, log, sizeof(log));
	if (name) {
		begin = now_ms();
		err = bpf_object__load(obj);
		if (err)
			printf("program %s refused %s\n", name, strerrorname_np(-err));
		else
			printf("program %s ok %lu %.1f\n", name, parse_insns(log),
			       now_ms() - begin);
	}
	bpf_object__close(obj);
	return name != NULL;
}

int main(int argc, char **argv)
{
	int rc;

	libbpf_set_print(be_silent);
	for (int i = 1; i < argc; i++) {
		size_t index = 0;

		while ((rc = probe(argv[i], index)) > 0)
			index++;
		if (rc < 0)
			return 1;
	}
	return 0;
}
