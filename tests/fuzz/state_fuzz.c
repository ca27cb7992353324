// SPDX-License-Identifier: BSD-2-Clause
/*
 * The file of learned state. With its first octet odd the input is that file as it is; else three
 * counts (an octet each) and the entries, to which header and checksum are made, so that what
 * stands in the entries is looked at as well. What was loaded can be used, aged, and saved again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "detect/local.h"
#include "file_input.h"

#define NOW 1800000000U

static char dir[64];
static struct local local;
static struct detect_config cfg;

static void remove_dir(void)
{
	static const char *const names[] = { "", ".new", ".damaged" };
	char path[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/state.bin%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* Once, before the first input. */
static void prepare(void)
{
	cfg = detect_config_default();
	snprintf(dir, sizeof(dir), "/dev/shm/fluxtap-fuzz-XXXXXX");
	require(mkdtemp(dir) != NULL);
	atexit(remove_dir);
}

static void write_state(const char *bytes, size_t len)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/state.bin", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static void open_local(void)
{
	const struct local_sizes sizes = { 64, 64, 64 };

	require(!local_init(&local, &cfg, &hash_key_fixed, &sizes));
}

/* The header that the program itself writes, with other counts; see local_state.c. */
static void write_made_state(const uint8_t *data, size_t size)
{
	struct {
		char magic[8];
		uint32_t version, entry_bytes[3], counts[3], unused;
		uint64_t start_s;
		struct hash_key key;
	} h = { .magic = { 'F', 'L', 'X', 'S', 'T', 'A', 'T', 'E' },
		.version = 1,
		.entry_bytes = { sizeof(struct local_domain), sizeof(struct local_address),
				 sizeof(struct local_as) },
		.start_s = NOW - 86400 * 30,
		.key = hash_key_fixed };
	struct buf b = { 0 };
	uint64_t sum;

	buf_add(&b, &h, sizeof(h));
	for (size_t i = 0; i < 3 && size; i++) {
		size_t n = *data % 32, bytes;

		data++, size--;
		bytes = n * h.entry_bytes[i] < size ? n * h.entry_bytes[i] : size;
		bytes -= bytes % h.entry_bytes[i];
		h.counts[i] = (uint32_t)(bytes / h.entry_bytes[i]);
		buf_add(&b, data, bytes);
		data += bytes;
		size -= bytes;
	}
	memcpy(b.bytes, &h, sizeof(h));
	sum = hash_keyed(&hash_key_fixed, b.bytes, b.len);
	buf_add(&b, &sum, sizeof(sum));
	require(!b.failed);
	write_state(b.bytes, b.len);
	buf_fini(&b);
}

/* Everything that is asked of the entries, at a time before and one after them. */
static void use(uint32_t now_s)
{
	struct local_domain *d;
	struct local_address *a;
	size_t pos = 0;
	bool known;

	while ((d = table_next(local.domains, &pos))) {
		require(local_age_days(&local, d, now_s, &known) >= 0);
		require(local_popularity(d) >= 0);
		local_is_trusted(&local, d, now_s);
		local_domain_seen(&local, d, 7, now_s);
		local_flag(&local, d, true, now_s);
		require(!d->aggregate);
	}
	pos = 0;
	while ((a = table_next(local.addresses, &pos))) {
		require(!a->candidates[0] && !a->candidates[1]);
		local_address_used(&local, a->key, 99, true, 64496, now_s);
	}
	require(local_as_domains(&local, 64496) >= 0);
	local_unlearned(&local, now_s);
}

static size_t entries(void)
{
	return table_count(local.domains) + table_count(local.addresses) + table_count(local.ases);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t kept;
	int err;

	if (!dir[0])
		prepare();
	if (!size)
		return 0;
	if (data[0] & 1)
		write_state((const char *)data + 1, size - 1);
	else
		write_made_state(data + 1, size - 1);
	open_local();
	err = local_load(&local, dir);
	require(!err || (err == -EBADMSG && (data[0] & 1)));
	use(NOW - 86400 * 400);
	use(NOW);
	local_age_out(&local, NOW + 86400);
	kept = entries();
	require(!local_save(&local, dir));
	local_fini(&local);
	open_local();
	require(!local_load(&local, dir) && entries() == kept);
	local_fini(&local);
	return 0;
}
