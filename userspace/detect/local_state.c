// SPDX-License-Identifier: BSD-2-Clause
/*
 * Learned state on disk: DIR/state.bin, a header, three runs of entries, a keyed checksum.
 * Written beside itself and renamed, so that the file is always a whole one.  It holds the hash
 * key, without which the entries mean nothing: mode 0600.  Hashes only, no names.
 */
#include "detect/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#define MAGIC	"FLXSTATE"
#define VERSION 1U
#define LARGEST (1U << 30)

struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t entry_bytes[3]; /* another layout: another version of the program wrote it */
	uint32_t counts[3];
	uint32_t unused;
	uint64_t start_s;
	struct hash_key key;
};

static void add_table(struct buf *b, struct table *t, size_t bytes)
{
	size_t pos = 0;
	void *entry;

	while ((entry = table_next(t, &pos)))
		buf_add(b, entry, bytes);
}

static int write_whole(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_file(const char *dir, const struct buf *b)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	int fd, err, dir_fd;

	if (snprintf(path, sizeof(path), "%s/state.bin", dir) >= (int)sizeof(path) ||
	    snprintf(tmp, sizeof(tmp), "%s/state.bin.new", dir) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, b->bytes, b->len);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(tmp, path))
		err = -errno;
	if (err) {
		unlink(tmp);
		return err;
	}
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0) { /* the rename itself is to survive a power cut */
		fsync(dir_fd);
		close(dir_fd);
	}
	return 0;
}

int local_save(const struct local *l, const char *dir)
{
	struct state_header h = {
		.magic = MAGIC,
		.version = VERSION,
		.entry_bytes = { sizeof(struct local_domain), sizeof(struct local_address),
				 sizeof(struct local_as) },
		.counts = { (uint32_t)table_count(l->domains), (uint32_t)table_count(l->addresses),
			    (uint32_t)table_count(l->ases) },
		.start_s = l->start_s,
		.key = l->key,
	};
	struct buf b = { 0 };
	uint64_t sum;
	int err;

	buf_add(&b, &h, sizeof(h));
	add_table(&b, l->domains, sizeof(struct local_domain));
	add_table(&b, l->addresses, sizeof(struct local_address));
	add_table(&b, l->ases, sizeof(struct local_as));
	sum = b.failed ? 0 : hash_keyed(&hash_key_fixed, b.bytes, b.len);
	buf_add(&b, &sum, sizeof(sum));
	err = b.failed ? -ENOMEM : write_file(dir, &b);
	buf_fini(&b);
	return err;
}

static int read_file(const char *path, struct buf *ret)
{
	FILE *f = fopen(path, "re");
	char chunk[65536];
	size_t n;
	int err = 0;

	if (!f)
		return -errno;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) && ret->len < LARGEST)
		buf_add(ret, chunk, n);
	if (ferror(f))
		err = -EIO;
	fclose(f);
	return ret->failed ? -ENOMEM : err;
}

static const char *check(const struct buf *b, struct state_header *h)
{
	size_t want = sizeof(*h) + sizeof(uint64_t);
	uint64_t sum;

	if (b->len < want)
		return "too short";
	memcpy(h, b->bytes, sizeof(*h));
	if (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0)
		return "not a state file";
	if (h->version != VERSION || h->entry_bytes[0] != sizeof(struct local_domain) ||
	    h->entry_bytes[1] != sizeof(struct local_address) ||
	    h->entry_bytes[2] != sizeof(struct local_as))
		return "of another version";
	for (unsigned int i = 0; i < 3; i++)
		want += (size_t)h->entry_bytes[i] * h->counts[i];
	if (b->len != want)
		return "cut short";
	memcpy(&sum, b->bytes + b->len - sizeof(sum), sizeof(sum));
	if (sum != hash_keyed(&hash_key_fixed, b->bytes, b->len - sizeof(sum)))
		return "damaged (checksum)";
	return NULL;
}

static const char *load_table(struct table *t, const char *p, size_t bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, p += bytes) {
		bool is_new;
		uint64_t key;

		memcpy(&key, p, sizeof(key));
		if (key)
			memcpy(table_put(t, key, &is_new), p, bytes);
	}
	return p;
}

/* What referred to candidates of the run that wrote it means nothing now. */
static void forget_run(struct local *l)
{
	struct local_domain *d;
	struct local_address *a;
	size_t pos = 0;

	while ((d = table_next(l->domains, &pos))) {
		d->aggregate = 0;
		d->names = d->small = d->stays = 0;
		d->members = 0;
	}
	pos = 0;
	while ((a = table_next(l->addresses, &pos)))
		memset(a->candidates, 0, sizeof(a->candidates));
}

int local_load(struct local *l, const char *dir)
{
	char path[PATH_MAX], aside[PATH_MAX + 16];
	struct state_header h;
	struct buf b = { 0 };
	const char *why, *p;
	int err;

	if (snprintf(path, sizeof(path), "%s/state.bin", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = read_file(path, &b);
	if (err) {
		buf_fini(&b);
		return err;
	}
	why = check(&b, &h);
	if (why) {
		snprintf(aside, sizeof(aside), "%s.damaged", path);
		log_warn("%s: %s: set aside as %s, learning begins anew", path, why, aside);
		if (rename(path, aside))
			log_warn("%s: %s", aside, strerror(errno));
		buf_fini(&b);
		return -EBADMSG;
	}
	l->start_s = h.start_s;
	l->key = h.key;
	p = load_table(l->domains, b.bytes + sizeof(h), sizeof(struct local_domain), h.counts[0]);
	p = load_table(l->addresses, p, sizeof(struct local_address), h.counts[1]);
	load_table(l->ases, p, sizeof(struct local_as), h.counts[2]);
	forget_run(l);
	buf_fini(&b);
	return 0;
}
