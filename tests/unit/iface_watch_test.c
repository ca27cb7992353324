// SPDX-License-Identifier: BSD-2-Clause
/* capture/iface_watch in a network namespace of its own: patterns, default routes, events. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "capture/iface_watch.h"

struct seen {
	char text[4096];
};

static void add(struct seen *s, const char *what, const char *name)
{
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%s%s%s ", what, *what ? ":" : "", name);
}

static int take(void *ctx, const struct iface *iface)
{
	add(ctx, "", iface->name);
	return 0;
}

static int stop(void *ctx, const struct iface *iface)
{
	(void)ctx;
	(void)iface;
	return 42;
}

static void on_event(void *ctx, enum iface_event event, const struct iface *iface,
		     const struct iface *old)
{
	static const char *const names[] = { "appeared", "gone", "changed" };

	(void)old;
	add(ctx, names[event], iface->name);
}

static void ip(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "ip %s", command);
	assert_int_equal(system(line), 0);
}

/* Wait until the watch reported @want, or fail. */
static void await(struct iface_watch *w, struct seen *s, const char *want)
{
	struct pollfd p = { .fd = iface_watch_fd(w), .events = POLLIN };

	while (!strstr(s->text, want)) {
		if (poll(&p, 1, 10000) != 1)
			fail_msg("no \"%s\" in \"%s\"", want, s->text);
		assert_int_equal(iface_watch_read(w), 0);
	}
}

static int own_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	ip("link set lo up");
	ip("link add fta0 type veth peer name fta1");
	ip("link add ftb0 type veth peer name ftb1");
	return 0;
}

static void patterns_are_expanded_once_each_and_in_order(void **state)
{
	static const char *const both[] = { "ftb*", "fta0", "ftb0" };
	struct seen s = { "" };

	(void)state;
	assert_int_equal(iface_expand(both, 3, take, &s, NULL), 0);
	assert_true(strstr(s.text, "fta0 ") != NULL);
	assert_true(strstr(s.text, "ftb0 ") != NULL);
	assert_true(strstr(s.text, "ftb1 ") != NULL);
	assert_int_equal(strlen(s.text), 15);
	assert_int_equal(iface_expand(both, 3, stop, NULL, NULL), 42);
}

static void a_pattern_without_match_is_named(void **state)
{
	static const char *const some[] = { "fta*", "nosuch*", "lo" };
	struct seen s = { "" };
	size_t missing = 99;

	(void)state;
	assert_int_equal(iface_expand(some, 3, take, &s, &missing), -ENODEV);
	assert_int_equal(missing, 1);
	assert_string_equal(s.text, "");
}

static void attributes_are_read(void **state)
{
	struct iface_watch *w;
	struct seen s = { "" };

	(void)state;
	assert_int_equal(iface_watch_open((const char *const[]){ "lo" }, 1, true, on_event, &s, &w),
			 0);
	assert_string_equal(s.text, "appeared:lo ");
	iface_watch_close(w);
}

static void default_routes_name_their_interfaces(void **state)
{
	struct seen s = { "" };

	(void)state;
	assert_int_equal(iface_default(take, &s), -ENOENT);
	ip("link set fta1 up");
	ip("link set fta0 up");
	ip("link set ftb1 up");
	ip("link set ftb0 up");
	ip("addr add 198.18.7.1/24 dev fta0");
	ip("addr add 198.18.8.1/24 dev ftb0");
	ip("route add 198.19.0.0/16 via 198.18.8.2");
	assert_int_equal(iface_default(take, &s), -ENOENT);
	ip("route add default via 198.18.7.2");
	assert_int_equal(iface_default(take, &s), 0);
	assert_string_equal(s.text, "fta0 ");
	ip("route replace default nexthop via 198.18.7.2 nexthop via 198.18.8.2");
	s.text[0] = '\0';
	assert_int_equal(iface_default(take, &s), 0);
	assert_true(strstr(s.text, "fta0 ") && strstr(s.text, "ftb0 "));
	ip("route del default");
}

static void going_returning_and_changing_are_reported(void **state)
{
	static const char *const patterns[] = { "ftc*" };
	struct iface_watch *w;
	struct seen s = { "" };

	(void)state;
	assert_int_equal(iface_watch_open(patterns, 1, false, on_event, &s, &w), 0);
	ip("link add ftd0 type veth peer name ftd1");
	ip("link add ftc0 type veth peer name fte0");
	await(w, &s, "appeared:ftc0");
	assert_null(strstr(s.text, "ftd"));
	ip("link set ftc0 mtu 9000");
	await(w, &s, "changed:ftc0");
	s.text[0] = '\0';
	ip("link del ftc0");
	await(w, &s, "gone:ftc0");
	s.text[0] = '\0';
	ip("link add ftc0 type veth peer name fte0");
	await(w, &s, "appeared:ftc0");
	s.text[0] = '\0';
	ip("link set ftc0 name ftz0");
	await(w, &s, "gone:ftc0");
	iface_watch_close(w);
	iface_watch_close(NULL);
}

static void a_flood_of_changes_ends_in_the_right_state(void **state)
{
	static const char *const patterns[] = { "ftf*" };
	struct iface_watch *w;
	struct seen s = { "" };

	(void)state;
	assert_int_equal(iface_watch_open(patterns, 1, false, on_event, &s, &w), 0);
	/* nothing is read meanwhile: add and remove cancel out */
	for (int i = 0; i < 20; i++) {
		ip("link add ftf0 type veth peer name fth0");
		ip("link del ftf0");
	}
	ip("link add ftf1 type veth peer name fth1");
	await(w, &s, "appeared:ftf1");
	assert_string_equal(s.text, "appeared:ftf1 ");
	iface_watch_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_are_expanded_once_each_and_in_order),
		cmocka_unit_test(a_pattern_without_match_is_named),
		cmocka_unit_test(attributes_are_read),
		cmocka_unit_test(default_routes_name_their_interfaces),
		cmocka_unit_test(going_returning_and_changing_are_reported),
		cmocka_unit_test(a_flood_of_changes_ends_in_the_right_state),
	};

	if (geteuid() != 0) {
		puts("1..1\nok 1 # SKIP needs root for a network namespace");
		return 0;
	}
	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
