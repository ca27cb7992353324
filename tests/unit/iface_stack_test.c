// SPDX-License-Identifier: BSD-2-Clause
/* capture/iface_stack: which interfaces stand on which, and what of them is seen below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "capture/iface_stack.h"

/*
 * eth0 and eth1 make bond0, of which bond0.7 is a part; that, and veth0, are ports of br0; macvlan
 * mv0 is part of eth2, which belongs to the VRF red.
 */
static struct iface all[] = {
	{ .ifindex = 1, .name = "lo" },
	{ .ifindex = 2, .name = "eth0", .master = 4 },
	{ .ifindex = 3, .name = "eth1", .master = 4 },
	{ .ifindex = 4, .name = "bond0", .kind = "bond" },
	{ .ifindex = 5, .name = "bond0.7", .kind = "vlan", .lower = 4, .master = 7 },
	{ .ifindex = 6, .name = "veth0", .kind = "veth", .master = 7 },
	{ .ifindex = 7, .name = "br0", .kind = "bridge" },
	{ .ifindex = 8, .name = "eth2", .master = 10 },
	{ .ifindex = 9, .name = "mv0", .kind = "macvlan", .lower = 8 },
	{ .ifindex = 10, .name = "red", .kind = "vrf" },
};
static const struct iface_stack stack = { all, sizeof(all) / sizeof(all[0]) };

static bool is_watched(void *ctx, unsigned int ifindex)
{
	return strchr(ctx, (int)('0' + ifindex)) != NULL;
}

static enum iface_place place_of(const char *name, char *watched)
{
	for (size_t i = 0; i < stack.len; i++)
		if (!strcmp(all[i].name, name))
			return iface_place(&stack, &all[i], is_watched, watched);
	fail_msg("no %s", name);
	return IFACE_APART;
}

static void hardware_stands_on_nothing(void **state)
{
	char every[] = "123456789";

	(void)state;
	assert_int_equal(place_of("eth0", every), IFACE_APART);
	assert_int_equal(place_of("veth0", every), IFACE_APART);
	assert_int_equal(place_of("red", every), IFACE_APART); /* a VRF gets no frames of its own */
}

static void all_below_covers_some_do_not(void **state)
{
	char none[] = "", one[] = "2", both[] = "23";

	(void)state;
	assert_int_equal(place_of("bond0", none), IFACE_APART);
	assert_int_equal(place_of("bond0", one), IFACE_PARTLY);
	assert_int_equal(place_of("bond0", both), IFACE_COVERED);
}

static void what_is_covered_covers(void **state)
{
	char ports[] = "23", bond[] = "4", bridge[] = "236", itself[] = "7", half[] = "26";

	(void)state;
	assert_int_equal(place_of("bond0.7", ports), IFACE_COVERED);
	assert_int_equal(place_of("bond0.7", bond), IFACE_COVERED);
	assert_int_equal(place_of("br0", ports), IFACE_PARTLY); /* not by veth0 */
	assert_int_equal(place_of("br0", bridge), IFACE_COVERED);
	assert_int_equal(place_of("br0", itself), IFACE_APART);
	assert_int_equal(place_of("br0", half), IFACE_PARTLY);
}

static void macvlan_is_covered_by_its_interface(void **state)
{
	char none[] = "9", lower[] = "8";

	(void)state;
	assert_int_equal(place_of("mv0", none), IFACE_APART);
	assert_int_equal(place_of("mv0", lower), IFACE_COVERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hardware_stands_on_nothing),
		cmocka_unit_test(all_below_covers_some_do_not),
		cmocka_unit_test(what_is_covered_covers),
		cmocka_unit_test(macvlan_is_covered_by_its_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
