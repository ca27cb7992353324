// SPDX-License-Identifier: BSD-2-Clause
/* The event loop: rings, timer, signals, control socket, interfaces coming and going. */
#include "cli/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/monitor_impl.h"
#include "privilege/privilege.h"

#define SECOND_NS      1000000000ULL
#define POLL_BUSY_MS   5
#define POLL_IDLE_MS   200
#define DRAIN_LIMIT_NS (SECOND_NS / 2)
#define CLOSE_LIMIT_NS (2 * SECOND_NS)

uint64_t monitor_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

/* --- what arrives --------------------------------------------------------------------------- */

#define DNS_PORT 53

/*
 * The answer that a connection followed lies in the other ring already: it is read first, or the
 * join would not know the name. A question on its way to a resolver comes before its answer.
 */
void monitor_connection(void *ctx, struct connection *conn)
{
	struct monitor *m = ctx;

	if (conn->dport != DNS_PORT)
		kernel_poll(m->kernel, 0, pipeline_record, m->pipeline);
	pipeline_connection(m->pipeline, conn);
}

static void drain_rings(struct monitor *m)
{
	int n = 0;

	if (m->connect)
		n += connect_poll(m->connect, monitor_clock(), monitor_connection, m) > 0;
	n += kernel_poll(m->kernel, 0, pipeline_record, m->pipeline) > 0;
	if (m->foreign)
		foreign_poll(m->foreign, monitor_clock());
	if (n > 0)
		m->poll_ms = POLL_BUSY_MS;
	else if (m->poll_ms < POLL_IDLE_MS)
		m->poll_ms *= 2;
}

static void on_signal(struct monitor *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			m->reload = true;
		else
			m->stop = true;
	}
}

static void dispatch(struct monitor *m, int fd)
{
	if (fd == m->signal_fd) {
		on_signal(m);
	} else if (m->control && fd == control_fd(m->control)) {
		control_dispatch(m->control);
	} else if (m->watch && fd == iface_watch_fd(m->watch)) {
		iface_watch_read(m->watch);
		m->attach_pending = true;
	}
	/* rings and foreign reports are drained at every turn, whatever woke us */
}

/* --- what is due by time -------------------------------------------------------------------- */

/* Responses that did not reach us make the verdicts of that time uncertain. */
static void note_loss(struct monitor *m, uint64_t now_ns)
{
	uint64_t counters[FT_COUNTER_MAX], full, shed;

	kernel_counters(m->kernel, counters);
	full = counters[FT_STAGE_RING_FULL] - m->ring_full;
	shed = counters[FT_STAGE_SHED] - m->shed;
	if (full)
		log_warn("ring full: %llu responses lost in the last %.1f s; verdicts say degraded",
			 (unsigned long long)full, (double)(now_ns - m->second_ns) / 1e9);
	if (shed)
		log_warn("ring over half full: %llu known or changed responses shed in the last "
			 "%.1f s; verdicts say degraded",
			 (unsigned long long)shed, (double)(now_ns - m->second_ns) / 1e9);
	if (full || shed)
		detector_loss(pipeline_detector(m->pipeline), m->second_ns, now_ns);
	m->ring_full += full;
	m->shed += shed;
}

static void each_second(struct monitor *m, uint64_t now_ns)
{
	note_loss(m, now_ns);
	m->second_ns = now_ns;
	monitor_attach_pending(m);
	if (m->live)
		monitor_draw(m, now_ns);
	if (m->setup->config->stats.interval_ns &&
	    now_ns - m->stats_ns >= m->setup->config->stats.interval_ns) {
		m->stats_ns = now_ns;
		monitor_stats(m, now_ns);
	}
	if (m->setup->config->state.path[0] &&
	    now_ns - m->saved_ns >= m->setup->config->state.save_interval_ns) {
		m->saved_ns = now_ns;
		monitor_save_state(m);
	}
	if (m->opt->seconds && now_ns - m->started_ns >= m->opt->seconds * SECOND_NS)
		m->stop = true;
	if (m->out && sink_error(m->out) == -EPIPE)
		m->stop = true; /* the reader has gone: nobody is listening */
}

static int loop(struct monitor *m)
{
	struct epoll_event events[8];

	while (!m->stop) {
		int n = epoll_wait(m->epoll_fd, events, 8, m->poll_ms);
		uint64_t now_ns;

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			dispatch(m, events[i].data.fd);
		drain_rings(m);
		now_ns = monitor_clock();
		pipeline_tick(m->pipeline, now_ns);
		if (now_ns - m->second_ns >= SECOND_NS)
			each_second(m, now_ns);
		if (m->reload)
			monitor_reload(m);
	}
	return 0;
}

/* --- start and end -------------------------------------------------------------------------- */

static int watch_fd(struct monitor *m, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 || epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -errno;
}

static int open_signals(struct monitor *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	m->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return m->signal_fd < 0 ? -errno : 0;
}

static int open_loop(struct monitor *m)
{
	int err;

	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (m->epoll_fd < 0)
		return -errno;
	err = watch_fd(m, m->signal_fd);
	if (!err)
		err = watch_fd(m, kernel_fd(m->kernel));
	if (!err && m->connect)
		err = watch_fd(m, connect_fd(m->connect));
	if (!err && m->control)
		err = watch_fd(m, control_fd(m->control));
	if (!err && m->foreign)
		err = watch_fd(m, foreign_fd(m->foreign));
	if (!err && m->watch)
		err = watch_fd(m, iface_watch_fd(m->watch));
	return err;
}

/* In this order: what needs root first, threads only after the privileges are gone. */
static int open_all(struct monitor *m)
{
	static int (*const steps[])(struct monitor * m) = {
		monitor_check_root,	 open_signals,	       monitor_open_control,
		monitor_open_pipeline,	 monitor_open_kernel,  monitor_open_interfaces,
		monitor_open_connect,	 monitor_open_foreign, monitor_own_paths,
		monitor_drop_privileges, monitor_open_outputs, open_loop,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int err = steps[i](m);

		if (err)
			return err;
	}
	return 0;
}

/* Nothing comes any more: read what is there, as far as the time to end allows. */
static void drain_last(struct monitor *m)
{
	uint64_t end_ns = monitor_clock() + DRAIN_LIMIT_NS;

	do
		drain_rings(m);
	while (kernel_ring_pending(m->kernel) && monitor_clock() < end_ns);
}

static void close_all(struct monitor *m)
{
	monitor_detach(m);
	if (m->pipeline && m->kernel && !m->failed) {
		drain_last(m);
		note_loss(m, monitor_clock());
		monitor_stats(m, monitor_clock());
		if (m->setup->config->state.path[0])
			monitor_save_state(m);
	}
	monitor_close_outputs(m, CLOSE_LIMIT_NS);
	iface_watch_close(m->watch);
	connect_close(m->connect);
	foreign_close(m->foreign);
	kernel_close(m->kernel);
	pipeline_free(m->pipeline);
	timeline_free(m->timeline);
	control_close(m->control);
	if (m->epoll_fd >= 0)
		close(m->epoll_fd);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	buf_fini(&m->text);
	free(m->top);
	free(m->interfaces);
}

int monitor_run(struct setup *setup, const struct monitor_options *opt)
{
	struct monitor m = {
		.setup = setup,
		.opt = opt,
		.epoll_fd = -1,
		.signal_fd = -1,
		.poll_ms = POLL_BUSY_MS,
	};
	int err = open_all(&m);

	m.failed = err != 0;
	if (!err) {
		m.started_ns = m.second_ns = m.stats_ns = m.saved_ns = monitor_clock();
		err = loop(&m);
		if (err)
			log_error("event loop: %s", strerror(-err));
	}
	close_all(&m);
	return setup_exit_code(err);
}
