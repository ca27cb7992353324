/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that write what others hand over: started with all signals blocked (those belong to the
 * event loop; a closed pipe then comes as EPIPE), waiting by the monotonic clock.
 */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <pthread.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, for intervals of writing only: what is written carries the time of its input. */
uint64_t worker_clock_ns(void);

void worker_cond_init(pthread_cond_t *cond); /* waits by CLOCK_MONOTONIC */
void worker_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t at_ns);

/* 0 or negative errno. @name: at most 15 characters. */
int worker_start(pthread_t *ret, const char *name, void *(*run)(void *arg), void *arg);

#endif
