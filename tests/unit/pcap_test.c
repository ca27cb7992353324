// SPDX-License-Identifier: BSD-2-Clause
/* capture/pcap.c: every form of file, whole, cut and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <unistd.h>
#include <zlib.h>
#include "base/buf.h"
#include "capture/pcap.h"

/* --- writing files --------------------------------------------------------------------------- */

static bool swapped; /* byte order of what is put */

static void put16(struct buf *b, uint16_t v)
{
	v = swapped ? __builtin_bswap16(v) : v;
	buf_add(b, &v, 2);
}

static void put32(struct buf *b, uint32_t v)
{
	v = swapped ? __builtin_bswap32(v) : v;
	buf_add(b, &v, 4);
}

static void pcap_header(struct buf *b, uint32_t magic, uint32_t link_type)
{
	put32(b, magic);
	put16(b, 2);
	put16(b, 4);
	put32(b, 0);
	put32(b, 0);
	put32(b, 65535);
	put32(b, link_type);
}

static void pcap_packet(struct buf *b, uint32_t magic, uint32_t s, uint32_t fraction,
			const char *bytes, uint32_t wire)
{
	put32(b, s);
	put32(b, fraction);
	put32(b, (uint32_t)strlen(bytes));
	put32(b, wire);
	if (magic == 0xa1b2cd34)
		buf_add(b, "\0\0\0\1\0\0\0\0", 8);
	buf_str(b, bytes);
}

static void block(struct buf *b, uint32_t type, const struct buf *body)
{
	uint32_t pad = (uint32_t)(-body->len & 3), len = (uint32_t)body->len + pad + 12;

	put32(b, type);
	put32(b, len);
	buf_add(b, body->bytes, body->len);
	buf_add(b, "\0\0\0", pad);
	put32(b, len);
}

static void section(struct buf *b)
{
	struct buf body = { 0 };

	put32(&body, 0x1a2b3c4d);
	put32(&body, 1);
	put32(&body, UINT32_MAX);
	put32(&body, UINT32_MAX);
	block(b, 0x0a0d0d0a, &body);
	buf_fini(&body);
}

static void interface(struct buf *b, uint16_t link_type, uint32_t snaplen, int resolution,
		      int64_t offset_s)
{
	struct buf body = { 0 };

	put16(&body, link_type);
	put16(&body, 0);
	put32(&body, snaplen);
	put16(&body, 2); /* if_name */
	put16(&body, 3);
	buf_add(&body, "abc\0", 4);
	if (resolution >= 0) {
		put16(&body, 9);
		put16(&body, 1);
		buf_add(&body, &(uint8_t[4]){ (uint8_t)resolution }, 4);
	}
	if (offset_s) {
		uint64_t v = (uint64_t)offset_s;

		v = swapped ? __builtin_bswap64(v) : v;
		put16(&body, 14);
		put16(&body, 8);
		buf_add(&body, &v, 8);
	}
	put32(&body, 0);
	block(b, 1, &body);
	buf_fini(&body);
}

static void enhanced(struct buf *b, uint32_t interface_id, uint64_t time, const char *bytes)
{
	struct buf body = { 0 };

	put32(&body, interface_id);
	put32(&body, (uint32_t)(time >> 32));
	put32(&body, (uint32_t)time);
	put32(&body, (uint32_t)strlen(bytes));
	put32(&body, 99);
	buf_str(&body, bytes);
	block(b, 6, &body);
	buf_fini(&body);
}

static void obsolete(struct buf *b, uint16_t interface_id, uint64_t time, const char *bytes)
{
	struct buf body = { 0 };

	put16(&body, interface_id);
	put16(&body, 7);
	put32(&body, (uint32_t)(time >> 32));
	put32(&body, (uint32_t)time);
	put32(&body, (uint32_t)strlen(bytes));
	put32(&body, (uint32_t)strlen(bytes));
	buf_str(&body, bytes);
	block(b, 2, &body);
	buf_fini(&body);
}

static void simple(struct buf *b, const char *bytes, uint32_t wire)
{
	struct buf body = { 0 };

	put32(&body, wire);
	buf_str(&body, bytes);
	block(b, 3, &body);
	buf_fini(&body);
}

static char path[] = "/tmp/fluxtap-pcap-XXXXXX";

static void write_file(const struct buf *b, size_t len, bool gzip)
{
	FILE *f;
	gzFile gz;

	if (gzip) {
		gz = gzopen(path, "wb");
		assert_int_equal(gzwrite(gz, b->bytes, (unsigned int)len), (int)len);
		gzclose(gz);
		return;
	}
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b->bytes, 1, len, f), len);
	fclose(f);
}

static struct pcap_reader *open_file(void)
{
	struct pcap_reader *r;
	char err[300];

	if (pcap_reader_open(path, &r, err, sizeof(err)))
		fail_msg("%s", err);
	return r;
}

static void expect_frame(struct pcap_reader *r, uint64_t time_ns, const char *bytes, int link_type,
			 uint32_t interface_id)
{
	struct frame f;

	assert_int_equal(pcap_reader_next(r, &f), 1);
	assert_true(f.time_ns == time_ns);
	assert_int_equal(f.captured, strlen(bytes));
	assert_memory_equal(f.bytes, bytes, f.captured);
	assert_int_equal(f.link_type, link_type);
	assert_int_equal(f.interface, interface_id);
	assert_true(f.wire >= f.captured);
}

static void expect_end(struct pcap_reader *r)
{
	struct frame f;

	assert_int_equal(pcap_reader_next(r, &f), 0);
	assert_int_equal(pcap_reader_next(r, &f), 0);
	pcap_reader_close(r);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void pcap_in_all_variants(void **state)
{
	static const uint32_t magics[] = { 0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34 };
	struct pcap_reader *r;

	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		uint32_t magic = magics[i % 3];
		uint64_t unit = magic == 0xa1b23c4d ? 1 : 1000;
		struct buf b = { 0 };

		swapped = i / 3 & 1;
		pcap_header(&b, magic, 0x30000000 | 113); /* with FCS bits */
		pcap_packet(&b, magic, 1000000000, 5, "hello", 100);
		pcap_packet(&b, magic, 4000000000U, 999, "", 0);
		pcap_packet(&b, magic, 1, 0, "xy", 1); /* more captured than there was */
		write_file(&b, b.len, i >= 6);
		r = open_file();
		expect_frame(r, 1000000000 * 1000000000ULL + 5 * unit, "hello", 113, 0);
		expect_frame(r, 4000000000ULL * 1000000000ULL + 999 * unit, "", 113, 0);
		expect_frame(r, 1000000000ULL, "xy", 113, 0);
		expect_end(r);
		buf_fini(&b);
	}
	swapped = false;
}

static void pcapng_of_many_kinds(struct buf *b)
{
	struct buf other = { 0 };

	section(b);
	interface(b, 1, 0, -1, 0);
	interface(b, 113, 0, 9, 0);
	interface(b, 101, 0, 0x80 | 10, -10);
	enhanced(b, 0, 1500000, "one");
	enhanced(b, 1, 1500000001, "two!");
	buf_str(&other, "something else, to be passed over");
	block(b, 0x0bad, &other);
	enhanced(b, 2, 20 * 1024 + 512, "three");
	obsolete(b, 1, 77, "four");
	swapped = !swapped; /* a second section, in the other order */
	section(b);
	interface(b, 228, 4, 3, 0);
	enhanced(b, 0, 2500, "five");
	simple(b, "sixs", 40);
	buf_fini(&other);
}

static void expect_many_kinds(struct pcap_reader *r)
{
	expect_frame(r, 1500000000, "one", 1, 0);
	expect_frame(r, 1500000001, "two!", 113, 1);
	expect_frame(r, 10500000000, "three", 101, 2);
	expect_frame(r, 77, "four", 113, 1);
	expect_frame(r, 2500000000, "five", 228, 0);
	expect_frame(r, 2500000000, "sixs", 228, 0);
	expect_end(r);
}

static void pcapng_with_everything(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct buf b = { 0 };

		swapped = i & 1;
		pcapng_of_many_kinds(&b);
		write_file(&b, b.len, i & 2);
		expect_many_kinds(open_file());
		buf_fini(&b);
	}
	swapped = false;
}

/* Cut anywhere: what was whole comes out, then the end, or a fault that names file and place. */
static void cut_at_each_octet(void **state)
{
	(void)state;
	for (int form = 0; form < 2; form++) {
		struct buf b = { 0 };
		size_t most = 0;

		if (form) {
			pcapng_of_many_kinds(&b);
		} else {
			pcap_header(&b, 0xa1b2c3d4, 1);
			pcap_packet(&b, 0xa1b2c3d4, 1, 0, "hello", 5);
			pcap_packet(&b, 0xa1b2c3d4, 1, 0, "world", 5);
		}
		swapped = false;
		for (size_t len = 0; len < b.len; len++) {
			struct pcap_reader *r;
			struct frame f;
			char err[300] = "";
			size_t n = 0;
			int rc;

			write_file(&b, len, false);
			rc = pcap_reader_open(path, &r, err, sizeof(err));
			if (rc) {
				assert_int_equal(rc, -EBADMSG);
				assert_non_null(strstr(err, path));
				continue;
			}
			while ((rc = pcap_reader_next(r, &f)) == 1)
				n++;
			assert_true(rc == 0 || rc == -EBADMSG);
			if (rc) {
				assert_non_null(strstr(pcap_reader_error(r), path));
				assert_non_null(strstr(pcap_reader_error(r), "offset"));
				assert_int_equal(pcap_reader_next(r, &f), rc);
			}
			assert_true(n >= most);
			most = n;
			pcap_reader_close(r);
		}
		assert_int_equal(most, form ? 5 : 1);
		buf_fini(&b);
	}
}

static void cut_gzip_is_said(void **state)
{
	struct buf b = { 0 };
	struct pcap_reader *r;
	struct frame f;
	int rc;

	(void)state;
	pcap_header(&b, 0xa1b2c3d4, 1);
	for (uint32_t i = 0; i < 20000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%u %u", i * 2654435761U, i);
		pcap_packet(&b, 0xa1b2c3d4, i, 0, text, 32);
	}
	write_file(&b, b.len, true);
	assert_int_equal(truncate(path, 30000), 0);
	r = open_file();
	while ((rc = pcap_reader_next(r, &f)) == 1)
		;
	assert_int_equal(rc, -EBADMSG);
	assert_non_null(strstr(pcap_reader_error(r), "gzip"));
	pcap_reader_close(r);
	buf_fini(&b);
}

static void damage_is_refused(void **state)
{
	struct buf b[8] = { { 0 } };
	static const char *const what[8] = { "packet of",     "interface 5",
					     "longer than",   "block of 13",
					     "simple packet", "time resolution",
					     "byte-order",    "packet or interface block" };

	(void)state;
	pcap_header(&b[0], 0xa1b2c3d4, 1);
	pcap_packet(&b[0], 0xa1b2c3d4, 1, 0, "hello", 5);
	b[0].bytes[24 + 11] = 0x7f;
	for (int i = 1; i < 8; i++)
		section(&b[i]);
	interface(&b[1], 1, 0, -1, 0);
	enhanced(&b[1], 5, 0, "x");
	interface(&b[2], 1, 0, -1, 0);
	enhanced(&b[2], 0, 0, "x");
	b[2].bytes[b[2].len - 4 - 4 - 8] = 50; /* captured */
	interface(&b[3], 1, 0, -1, 0);
	b[3].bytes[28 + 4] = 13;
	simple(&b[4], "x", 1);
	interface(&b[5], 1, 0, 60, 0);
	section(&b[6]);
	b[6].bytes[28 + 8] = 0;
	put32(&b[7], 6);
	put32(&b[7], 0x10000000);
	put32(&b[7], 0);
	for (int i = 0; i < 8; i++) {
		struct pcap_reader *r;
		struct frame f;

		write_file(&b[i], b[i].len, false);
		r = open_file();
		assert_int_equal(pcap_reader_next(r, &f), -EBADMSG);
		if (!strstr(pcap_reader_error(r), what[i]))
			fail_msg("%d: %s", i, pcap_reader_error(r));
		pcap_reader_close(r);
		buf_fini(&b[i]);
	}
}

static void a_large_frame_fits(void **state)
{
	char *bytes = malloc((1 << 20) + 1);
	struct buf b = { 0 };
	struct pcap_reader *r;

	(void)state;
	memset(bytes, 'x', 1 << 20);
	bytes[1 << 20] = '\0';
	pcap_header(&b, 0xa1b2c3d4, 1);
	for (int i = 0; i < 3; i++) {
		pcap_packet(&b, 0xa1b2c3d4, 1, 0, bytes, 1 << 20);
		pcap_packet(&b, 0xa1b2c3d4, 1, 0, "small", 5);
	}
	write_file(&b, b.len, false);
	r = open_file();
	for (int i = 0; i < 3; i++) {
		expect_frame(r, 1000000000, bytes, 1, 0);
		expect_frame(r, 1000000000, "small", 1, 0);
	}
	expect_end(r);
	buf_fini(&b);
	free(bytes);
}

static void no_such_file(void **state)
{
	struct pcap_reader *r;
	char err[300];

	(void)state;
	assert_int_equal(pcap_reader_open("/nonexistent/x.pcap", &r, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent/x.pcap"));
	assert_true(pcap_reader_open("/", &r, err, sizeof(err)) < 0);
	assert_int_equal(pcap_reader_open("/dev/null", &r, err, sizeof(err)), -EBADMSG);
	assert_non_null(strstr(err, "/dev/null"));
}

static void standard_input(void **state)
{
	struct pcap_reader *r;
	struct buf b = { 0 };
	int saved = dup(0);
	char err[300];

	(void)state;
	pcap_header(&b, 0xa1b2c3d4, 1);
	pcap_packet(&b, 0xa1b2c3d4, 1, 0, "hello", 5);
	write_file(&b, b.len, true);
	assert_non_null(freopen(path, "rb", stdin));
	assert_int_equal(pcap_reader_open("-", &r, err, sizeof(err)), 0);
	expect_frame(r, 1000000000, "hello", 1, 0);
	expect_end(r);
	dup2(saved, 0);
	close(saved);
	buf_fini(&b);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_in_all_variants), cmocka_unit_test(pcapng_with_everything),
		cmocka_unit_test(cut_at_each_octet),	cmocka_unit_test(cut_gzip_is_said),
		cmocka_unit_test(damage_is_refused),	cmocka_unit_test(a_large_frame_fits),
		cmocka_unit_test(no_such_file),		cmocka_unit_test(standard_input),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
