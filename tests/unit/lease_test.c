// SPDX-License-Identifier: BSD-2-Clause
/* correlate/lease: host names from DHCP messages, and what is no host name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "correlate/lease.h"

#define SECOND 1000000000ULL
#define T0     (1700000000ULL * SECOND)

enum { REQUEST = 1, REPLY = 2 };
enum { DHCPREQUEST = 3, DHCPNAK = 6, DHCPACK = 5, DHCPRELEASE = 7 };

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 0xa }, mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

struct built {
	uint8_t bytes[512];
	size_t len;
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static struct built build(uint8_t op, uint8_t type, const uint8_t mac[6])
{
	struct built b = { .len = 240 };

	b.bytes[0] = op;
	b.bytes[1] = 1;
	b.bytes[2] = 6;
	memcpy(b.bytes + 28, mac, 6);
	memcpy(b.bytes + 236, "\x63\x82\x53\x63", 4);
	memcpy(b.bytes + b.len, (const uint8_t[]){ 53, 1, type }, 3);
	b.len += 3;
	return b;
}

static void put(struct built *b, uint8_t code, const void *bytes, uint8_t n)
{
	b->bytes[b->len++] = code;
	b->bytes[b->len++] = n;
	memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
}

static void put_name(struct built *b, const char *name)
{
	put(b, 12, name, (uint8_t)strlen(name));
}

static void set_address(struct built *b, size_t at, const char *text)
{
	struct ip_addr addr = ip(text);

	memcpy(b->bytes + at, addr.b + 12, 4);
}

static enum lease_reason feed(struct leases *l, const struct built *b, uint64_t now_ns)
{
	return leases_message(l, b->bytes, b->len, now_ns);
}

static int set_up(void **state)
{
	struct leases *l;

	assert_int_equal(leases_new(&hash_key_fixed, &l), 0);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	leases_free(*state);
	return 0;
}

static void expect(const struct leases *l, const char *addr, const uint8_t *mac, uint64_t now_ns,
		   const char *name)
{
	struct ip_addr a = ip(addr);
	const char *got = leases_name(l, &a, mac, now_ns);

	if (name) {
		assert_non_null(got);
		assert_string_equal(got, name);
	} else {
		assert_null(got);
	}
}

static void name_of_the_request_address_of_the_ack(void **state)
{
	struct built req = build(REQUEST, DHCPREQUEST, mac_a), ack = build(REPLY, DHCPACK, mac_a);

	put_name(&req, "camera-7");
	put(&ack, 51, "\0\0\0\x3c", 4); /* a minute */
	set_address(&ack, 16, "192.0.2.7");
	assert_int_equal(feed(*state, &req, T0), LEASE_OK);
	expect(*state, "192.0.2.7", mac_a, T0, NULL);
	assert_int_equal(feed(*state, &ack, T0), LEASE_OK);
	expect(*state, "192.0.2.7", mac_a, T0 + 59 * SECOND, "camera-7");
	expect(*state, "192.0.2.7", NULL, T0 + 59 * SECOND, "camera-7");
	expect(*state, "192.0.2.7", mac_b, T0 + 59 * SECOND, NULL);
	expect(*state, "192.0.2.7", mac_a, T0 + 60 * SECOND, NULL);
	expect(*state, "192.0.2.8", mac_a, T0, NULL);
}

static void without_an_ack_only_for_that_hardware(void **state)
{
	struct built req = build(REQUEST, DHCPREQUEST, mac_a);

	put(&req, 50, "\xc0\0\2\x9", 4);
	put_name(&req, "phone");
	assert_int_equal(feed(*state, &req, T0), LEASE_OK);
	expect(*state, "192.0.2.9", mac_a, T0, "phone");
	expect(*state, "192.0.2.9", NULL, T0, NULL);
	expect(*state, "192.0.2.9", mac_b, T0, NULL);
}

static void a_claim_does_not_take_what_the_server_gave(void **state)
{
	struct built ack = build(REPLY, DHCPACK, mac_a), claim = build(REQUEST, DHCPREQUEST, mac_b);
	struct built nameless = build(REPLY, DHCPACK, mac_b);
	struct lease_stats s;

	put_name(&ack, "printer");
	set_address(&ack, 16, "192.0.2.10");
	put(&claim, 50, "\xc0\0\2\xa", 4);
	put_name(&claim, "thief");
	assert_int_equal(feed(*state, &ack, T0), LEASE_OK);
	assert_int_equal(feed(*state, &claim, T0), LEASE_CONFLICT);
	expect(*state, "192.0.2.10", NULL, T0, "printer");
	leases_stats(*state, &s);
	assert_int_equal(s.messages, 2);
	assert_int_equal(s.taken, 1);
	assert_int_equal(s.refused[LEASE_CONFLICT], 1);
	/* but the server may give it to another, here to one whose name is known: the claim's */
	set_address(&nameless, 16, "192.0.2.10");
	assert_int_equal(feed(*state, &nameless, T0 + SECOND), LEASE_OK);
	expect(*state, "192.0.2.10", NULL, T0 + SECOND, "thief");
}

static void given_to_one_without_a_name(void **state)
{
	struct built ack = build(REPLY, DHCPACK, mac_a), other = build(REPLY, DHCPACK, mac_b);

	put_name(&ack, "printer");
	set_address(&ack, 16, "192.0.2.10");
	set_address(&other, 16, "192.0.2.10");
	feed(*state, &ack, T0);
	feed(*state, &other, T0);
	expect(*state, "192.0.2.10", NULL, T0, NULL);
}

static void released(void **state)
{
	struct built ack = build(REPLY, DHCPACK, mac_a),
		     release = build(REQUEST, DHCPRELEASE, mac_b);

	put_name(&ack, "printer");
	set_address(&ack, 16, "192.0.2.10");
	set_address(&release, 12, "192.0.2.10");
	feed(*state, &ack, T0);
	feed(*state, &release, T0); /* another's */
	expect(*state, "192.0.2.10", NULL, T0, "printer");
	memcpy(release.bytes + 28, mac_a, 6);
	feed(*state, &release, T0);
	expect(*state, "192.0.2.10", NULL, T0, NULL);
}

static void refusals(void **state)
{
	static const struct {
		const char *name;
		uint8_t len;
		enum lease_reason reason;
	} names[] = {
		{ "good-name_1.lan", 15, LEASE_OK },
		{ "ends-in-zero\0", 13, LEASE_OK },
		{ "", 0, LEASE_NAME },
		{ "\0\0", 2, LEASE_NAME },
		{ "a\"b", 3, LEASE_NAME },
		{ "a\nb", 3, LEASE_NAME },
		{ "a\0b", 3, LEASE_NAME },
		{ "caf\xc3\xa9", 5, LEASE_NAME },
		{ "<script>", 8, LEASE_NAME },
		{ "0123456789012345678901234567890123456789012345678901234567890123", 64,
		  LEASE_NAME },
		{ "012345678901234567890123456789012345678901234567890123456789012", 63, LEASE_OK },
	};
	struct built b;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		b = build(REQUEST, DHCPREQUEST, mac_a);
		put(&b, 12, names[i].name, names[i].len);
		assert_int_equal(feed(*state, &b, T0), names[i].reason);
	}
	b = build(REQUEST, DHCPREQUEST, mac_a);
	b.bytes[236]++;
	assert_int_equal(feed(*state, &b, T0), LEASE_COOKIE);
	b = build(REQUEST, DHCPREQUEST, mac_a);
	b.bytes[2] = 16;
	assert_int_equal(feed(*state, &b, T0), LEASE_HARDWARE);
	b = build(REQUEST, DHCPREQUEST, mac_a);
	put(&b, 51, "\1", 1);
	assert_int_equal(feed(*state, &b, T0), LEASE_OPTION);
	b = build(REQUEST, DHCPREQUEST, mac_a);
	b.len = 240; /* no type: BOOTP */
	assert_int_equal(feed(*state, &b, T0), LEASE_COOKIE);
}

/* Every length that a message can be cut to: refused or taken, and never read beyond. */
static void cut_anywhere(void **state)
{
	struct built whole = build(REPLY, DHCPACK, mac_a);
	struct lease_stats s;

	put_name(&whole, "printer");
	set_address(&whole, 16, "192.0.2.10");
	for (size_t n = 0; n < whole.len; n++) {
		uint8_t *exact = test_malloc(n + 1);

		memcpy(exact + 1, whole.bytes, n);
		leases_message(*state, exact + 1, n, T0);
		test_free(exact);
	}
	leases_stats(*state, &s);
	assert_int_equal(s.messages, whole.len);
	/* but for its end before an option begins: 243 octets, without the name */
	assert_int_equal(s.taken, 1);
	assert_int_equal(s.refused[LEASE_COOKIE], 1);
	assert_int_equal(s.refused[LEASE_SHORT], whole.len - 2);
	expect(*state, "192.0.2.10", NULL, T0, NULL);
}

static void bounded(void **state)
{
	struct lease_stats s;

	for (uint32_t i = 0; i < 100000; i++) {
		struct built b = build(REPLY, DHCPACK, mac_a);

		memcpy(b.bytes + 28, &i, 4);
		memcpy(b.bytes + 16,
		       (const uint8_t[]){ 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
		       4);
		put_name(&b, "flood");
		feed(*state, &b, T0);
	}
	leases_stats(*state, &s);
	assert_in_range(s.names, 1, 8192);
	assert_int_equal(s.names + s.evicted, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		CASE(name_of_the_request_address_of_the_ack),
		CASE(without_an_ack_only_for_that_hardware),
		CASE(a_claim_does_not_take_what_the_server_gave),
		CASE(given_to_one_without_a_name),
		CASE(released),
		CASE(refusals),
		CASE(cut_anywhere),
		CASE(bounded),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
