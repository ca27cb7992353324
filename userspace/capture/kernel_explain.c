// SPDX-License-Identifier: BSD-2-Clause
/*
 * What libbpf says while it loads and attaches: into the log for those who look there, and the one
 * sentence that names the reason kept for the error.
 */
#include "capture/kernel_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "base/log.h"

static char kernel_message[256]; /* of an answer over netlink */
static char refused_program[64], verifier_line[256];

/* Copy the text between @begin and the end of its line. */
static void copy_line(char *to, size_t size, const char *begin)
{
	snprintf(to, size, "%.*s", (int)strcspn(begin, "\n"), begin);
}

/*
 * "prog 'NAME': -- BEGIN PROG LOAD LOG --", the verifier's log, "-- END PROG LOAD LOG --". Its
 * last line but the statistics ("processed N insns …") says what was wrong.
 */
static void keep_verifier_log(const char *text)
{
	const char *line = strchr(text, '\n');

	copy_line(refused_program, sizeof(refused_program), text);
	refused_program[strcspn(refused_program, ":")] = '\0';
	verifier_line[0] = '\0';
	while (line && *++line) {
		if (strncmp(line, "-- END", 6) && strncmp(line, "processed ", 10) &&
		    strncmp(line, "verification time", 17) && strncmp(line, "stack depth", 11) &&
		    *line != '\n')
			copy_line(verifier_line, sizeof(verifier_line), line);
		line = strchr(line, '\n');
	}
}

int kernel_libbpf_log(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char netlink[] = "Kernel error message: ";
	const char *found;
	char *text;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	if (strstr(text, "BEGIN PROG LOAD LOG"))
		keep_verifier_log(strncmp(text, "libbpf: ", 8) ? text : text + 8);
	found = strstr(text, netlink);
	if (found)
		copy_line(kernel_message, sizeof(kernel_message), found + sizeof(netlink) - 1);
	text[strcspn(text, "\n")] = '\0';
	if (text[0])
		log_debug("libbpf: %s", text);
	free(text);
	return 0;
}

const char *kernel_last_message(void)
{
	return kernel_message;
}

void kernel_forget_messages(void)
{
	kernel_message[0] = refused_program[0] = verifier_line[0] = '\0';
}

/* EACCES is the verifier's word as well as that of a lack of rights: its log tells them apart. */
void kernel_explain_load(int code, char *err, size_t err_len)
{
	if (refused_program[0])
		snprintf(err, err_len,
			 "kernel programs: the verifier of this kernel refuses %s: %s (%s)",
			 refused_program, verifier_line[0] ? verifier_line : "it does not say why",
			 strerror(-code));
	else if (code == -EPERM || code == -EACCES)
		snprintf(err, err_len,
			 "kernel programs: not permitted; run as root, or with "
			 "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	else if (code == -ENOMEM)
		snprintf(err, err_len,
			 "kernel programs: no memory for the ring and the filter; "
			 "make them smaller");
	else
		snprintf(err, err_len,
			 "kernel programs: the kernel does not load them: %s "
			 "(fluxtap doctor says what is missing)",
			 strerror(-code));
}
