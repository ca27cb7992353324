/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages for people, one line each, to stderr: "fluxtap: warning: …". Thread-safe. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is above @level is not written. Default: info. */
void log_set_level(enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Where lines go instead of standard error, each with its newline; NULL: back there. @fn is called
 * by whatever thread logs, one at a time, and must not log itself.
 */
typedef void (*log_writer_fn)(void *ctx, const char *line, size_t len);
void log_set_writer(log_writer_fn fn, void *ctx);

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
