// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int max_level = LOG_LEVEL_INFO;

static struct {
	pthread_mutex_t lock;
	log_writer_fn fn;
	void *ctx;
} writer = { .lock = PTHREAD_MUTEX_INITIALIZER };

void log_set_writer(log_writer_fn fn, void *ctx)
{
	pthread_mutex_lock(&writer.lock);
	writer.fn = fn;
	writer.ctx = ctx;
	pthread_mutex_unlock(&writer.lock);
}

static void write_line(const char *line, size_t len)
{
	pthread_mutex_lock(&writer.lock);
	/* one write, so that lines of several processes do not mix */
	if (writer.fn)
		writer.fn(writer.ctx, line, len);
	else if (write(STDERR_FILENO, line, len) < 0)
		errno = 0;
	pthread_mutex_unlock(&writer.lock);
}

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, level);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "debug: " };
	char line[1024];
	int saved_errno = errno, n, m;
	va_list ap;

	if ((int)level > atomic_load(&max_level))
		return;
	n = snprintf(line, sizeof(line), "fluxtap: %s", prefix[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	n = m < 0 ? n : n + m;
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	write_line(line, (size_t)n);
	errno = saved_errno;
}
