// SPDX-License-Identifier: BSD-2-Clause
/*
 * A reader of its own: libpcap refuses a pcapng file whose interfaces differ in link type, reads
 * no gzip, and does not say where a file is damaged. zlib's gzread() passes plain files through.
 * pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng.
 *
 * Memory is one buffer that never exceeds BUFFER_MAX, and a bounded table of interfaces.
 */
#include "capture/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define FRAME_MAX      (1U << 20) /* libpcap's own limit for most link types is 256 KiB */
#define BUFFER_FIRST   (256U << 10)
#define BUFFER_MAX     (FRAME_MAX + (64U << 10)) /* a packet block with its options */
#define INTERFACES_MAX 4096U
#define NS_PER_S       1000000000ULL

#define PCAP_FILE_HEADER 24U
#define LINKTYPE_MASK	 0x03ffffffU /* the bits above say whether an FCS follows */

enum {
	MAGIC_MICRO = 0xa1b2c3d4,
	MAGIC_NANO = 0xa1b23c4d,
	MAGIC_MODIFIED = 0xa1b2cd34, /* Kuznetsov's Linux libpcap of 1999: longer packet header */
	PCAPNG_SHB = 0x0a0d0d0a,
	PCAPNG_ORDER = 0x1a2b3c4d,
};

enum block {
	BLOCK_IDB = 1,
	BLOCK_PB = 2, /* obsolete */
	BLOCK_SPB = 3,
	BLOCK_EPB = 6,
};

struct interface {
	int link_type;
	uint32_t snaplen; /* 0: no limit */
	uint64_t units_per_s; /* of time stamps */
	int64_t offset_s;
};

struct pcap_reader {
	gzFile gz;
	char *path;
	char error[256];
	int failed; /* sticky */

	uint8_t *buf;
	size_t cap, start, end;
	uint64_t offset; /* of buf[start] in the unpacked file */

	bool swapped, pcapng;
	uint32_t packet_header; /* pcap: 16, or 24 when modified */
	uint64_t last_ns; /* simple packet blocks carry no time */
	struct interface *interfaces;
	uint32_t interfaces_len, interfaces_cap;
};

/* --- the byte stream -------------------------------------------------------------------------- */

static int fail(struct pcap_reader *r, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct pcap_reader *r, int err, const char *fmt, ...)
{
	int n = snprintf(r->error, sizeof(r->error), "%s: at offset %llu: ", r->path,
			 (unsigned long long)r->offset);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < sizeof(r->error))
		vsnprintf(r->error + n, sizeof(r->error) - (size_t)n, fmt, ap);
	va_end(ap);
	r->failed = err;
	return err;
}

static int fail_read(struct pcap_reader *r)
{
	int zerr, sys = errno;
	const char *text = gzerror(r->gz, &zerr);

	if (zerr == Z_ERRNO)
		return fail(r, sys ? -sys : -EIO, "%s", strerror(sys ? sys : EIO));
	if (zerr == Z_BUF_ERROR)
		return fail(r, -EBADMSG, "the gzip stream is cut short");
	return fail(r, -EBADMSG, "damaged gzip stream: %s", text);
}

static int make_room(struct pcap_reader *r, size_t n)
{
	if (r->start) {
		memmove(r->buf, r->buf + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (n > r->cap) {
		uint8_t *bigger = realloc(r->buf, BUFFER_MAX);

		if (!bigger)
			return fail(r, -ENOMEM, "out of memory");
		r->buf = bigger;
		r->cap = BUFFER_MAX;
	}
	return 0;
}

/*
 * Have @n <= BUFFER_MAX bytes in the buffer: 1, or 0 when the file ends before (what there is
 * stays), or an error.
 */
static int need(struct pcap_reader *r, size_t n)
{
	int got, err;

	if (r->end - r->start >= n)
		return 1;
	err = make_room(r, n);
	if (err)
		return err;
	while (r->end < n) {
		errno = 0;
		got = gzread(r->gz, r->buf + r->end, (unsigned int)(r->cap - r->end));
		if (got < 0)
			return fail_read(r);
		if (got == 0) {
			int zerr;

			gzerror(r->gz, &zerr);
			return zerr == Z_OK || zerr == Z_STREAM_END ? 0 : fail_read(r);
		}
		r->end += (size_t)got;
	}
	return 1;
}

static void consume(struct pcap_reader *r, size_t n)
{
	r->start += n;
	r->offset += n;
}

/* Pass over @n bytes of any number. */
static int skip(struct pcap_reader *r, uint64_t n)
{
	while (n) {
		size_t have = r->end - r->start, step;
		int rc;

		if (!have) {
			rc = need(r, 1);
			if (rc <= 0)
				return rc ? rc : fail(r, -EBADMSG, "the file is cut short");
			have = r->end - r->start;
		}
		step = have < n ? have : (size_t)n;
		consume(r, step);
		n -= step;
	}
	return 0;
}

/* --- numbers in the order of the file -------------------------------------------------------- */

static uint16_t get16(const struct pcap_reader *r, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct pcap_reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t get64(const struct pcap_reader *r, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap64(v) : v;
}

/* --- time ------------------------------------------------------------------------------------ */

static uint64_t unix_ns(const struct interface *i, uint64_t units)
{
	unsigned __int128 part = (unsigned __int128)(units % i->units_per_s) * NS_PER_S;
	uint64_t seconds = units / i->units_per_s + (uint64_t)i->offset_s;

	/* beyond the year 2554 a time is nonsense, and must not wrap around */
	if (seconds >= UINT64_MAX / NS_PER_S)
		return 0;
	return seconds * NS_PER_S + (uint64_t)(part / i->units_per_s);
}

/* if_tsresol: a negative power of 10, or of 2 with the top bit set. */
static bool set_resolution(struct interface *i, uint8_t value)
{
	unsigned int exponent = value & 0x7f;
	uint64_t units = 1;

	if (value & 0x80) {
		if (exponent > 63)
			return false;
		units <<= exponent;
	} else {
		if (exponent > 19)
			return false;
		while (exponent--)
			units *= 10;
	}
	i->units_per_s = units;
	return true;
}

/* --- interfaces ------------------------------------------------------------------------------ */

static struct interface *add_interface(struct pcap_reader *r)
{
	struct interface *i;

	if (r->interfaces_len == r->interfaces_cap) {
		uint32_t cap = r->interfaces_cap ? r->interfaces_cap * 4 : 4;

		if (cap > INTERFACES_MAX) {
			fail(r, -EBADMSG, "more than %u interfaces", INTERFACES_MAX);
			return NULL;
		}
		i = realloc(r->interfaces, cap * sizeof(*i));
		if (!i) {
			fail(r, -ENOMEM, "out of memory");
			return NULL;
		}
		r->interfaces = i;
		r->interfaces_cap = cap;
	}
	i = &r->interfaces[r->interfaces_len++];
	*i = (struct interface){ .units_per_s = 1000000 };
	return i;
}

/* --- pcap ------------------------------------------------------------------------------------ */

static bool is_pcap_magic(uint32_t magic)
{
	return magic == MAGIC_MICRO || magic == MAGIC_NANO || magic == MAGIC_MODIFIED;
}

/* The magic number is in the buffer and known. */
static int open_pcap(struct pcap_reader *r, uint32_t magic)
{
	struct interface *i;
	int rc = need(r, PCAP_FILE_HEADER);

	if (rc <= 0)
		return rc ? rc : fail(r, -EBADMSG, "the file header is cut short");
	i = add_interface(r);
	if (!i)
		return r->failed;
	i->units_per_s = magic == MAGIC_NANO ? NS_PER_S : 1000000;
	i->link_type = (int)(get32(r, r->buf + r->start + 20) & LINKTYPE_MASK);
	r->packet_header = magic == MAGIC_MODIFIED ? 24 : 16;
	consume(r, PCAP_FILE_HEADER);
	return 0;
}

static int next_pcap(struct pcap_reader *r, struct frame *ret)
{
	const struct interface *i = &r->interfaces[0];
	uint32_t captured, wire;
	const uint8_t *p;
	int rc = need(r, r->packet_header);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return r->start == r->end ? 0 : fail(r, -EBADMSG, "a packet header is cut short");
	p = r->buf + r->start;
	captured = get32(r, p + 8);
	wire = get32(r, p + 12);
	if (captured > FRAME_MAX)
		return fail(r, -EBADMSG, "a packet of %u bytes", captured);
	rc = need(r, r->packet_header + captured);
	if (rc <= 0)
		return rc ? rc : fail(r, -EBADMSG, "a packet is cut short");
	p = r->buf + r->start;
	*ret = (struct frame){
		.time_ns = get32(r, p) * NS_PER_S + get32(r, p + 4) * (NS_PER_S / i->units_per_s),
		.bytes = p + r->packet_header,
		.captured = captured,
		.wire = wire < captured ? captured : wire,
		.link_type = i->link_type,
	};
	consume(r, r->packet_header + captured);
	return 1;
}

/* --- pcapng ---------------------------------------------------------------------------------- */

/* The block's first 12 bytes are in the buffer: learn the byte order, forget the last section. */
static int open_section(struct pcap_reader *r)
{
	uint32_t order;

	memcpy(&order, r->buf + r->start + 8, sizeof(order));
	if (order != PCAPNG_ORDER && order != __builtin_bswap32(PCAPNG_ORDER))
		return fail(r, -EBADMSG, "a section header without byte-order magic");
	r->swapped = order != PCAPNG_ORDER;
	r->interfaces_len = 0;
	return 0;
}

static int read_idb(struct pcap_reader *r, const uint8_t *body, size_t len)
{
	struct interface *i;
	size_t pos = 8;

	if (len < 8)
		return fail(r, -EBADMSG, "a short interface block");
	i = add_interface(r);
	if (!i)
		return r->failed;
	i->link_type = get16(r, body);
	i->snaplen = get32(r, body + 4);
	while (len - pos >= 4) {
		uint16_t code = get16(r, body + pos), n = get16(r, body + pos + 2);

		pos += 4;
		if (!code || len - pos < n)
			break;
		if (code == 9 && n == 1 && !set_resolution(i, body[pos]))
			return fail(r, -EBADMSG, "time resolution %u of an interface", body[pos]);
		if (code == 14 && n == 8)
			i->offset_s = (int64_t)get64(r, body + pos);
		pos += n + (-n & 3U);
		if (pos > len)
			break;
	}
	return 0;
}

/* Enhanced and obsolete packet blocks differ in the first fields only. */
static int read_packet(struct pcap_reader *r, uint32_t type, const uint8_t *body, size_t len,
		       struct frame *ret)
{
	uint32_t interface, captured, wire;

	if (len < 20)
		return fail(r, -EBADMSG, "a short packet block");
	interface = type == BLOCK_EPB ? get32(r, body) : get16(r, body);
	captured = get32(r, body + 12);
	wire = get32(r, body + 16);
	if (interface >= r->interfaces_len)
		return fail(r, -EBADMSG, "a packet of interface %u, which does not exist",
			    interface);
	if (captured > len - 20)
		return fail(r, -EBADMSG, "a packet longer than its block");
	r->last_ns = unix_ns(&r->interfaces[interface],
			     (uint64_t)get32(r, body + 4) << 32 | get32(r, body + 8));
	*ret = (struct frame){
		.time_ns = r->last_ns,
		.bytes = body + 20,
		.captured = captured,
		.wire = wire < captured ? captured : wire,
		.interface = interface,
		.link_type = r->interfaces[interface].link_type,
	};
	return 1;
}

static int read_simple(struct pcap_reader *r, const uint8_t *body, size_t len, struct frame *ret)
{
	uint32_t wire, captured;

	if (len < 4 || !r->interfaces_len)
		return fail(r, -EBADMSG, "a simple packet block without %s",
			    len < 4 ? "length" : "interface");
	wire = captured = get32(r, body);
	if (r->interfaces[0].snaplen && captured > r->interfaces[0].snaplen)
		captured = r->interfaces[0].snaplen;
	if (captured > len - 4)
		return fail(r, -EBADMSG, "a packet longer than its block");
	*ret = (struct frame){
		.time_ns = r->last_ns,
		.bytes = body + 4,
		.captured = captured,
		.wire = wire,
		.link_type = r->interfaces[0].link_type,
	};
	return 1;
}

/* The whole block is in the buffer. 1 with a frame, 0 without. */
static int read_block(struct pcap_reader *r, uint32_t type, size_t len, struct frame *ret)
{
	const uint8_t *body = r->buf + r->start + 8;
	size_t n = len - 12;

	switch (type) {
	case BLOCK_IDB:
		return read_idb(r, body, n);
	case BLOCK_EPB:
	case BLOCK_PB:
		return read_packet(r, type, body, n, ret);
	default:
		return read_simple(r, body, n, ret);
	}
}

static bool is_read(uint32_t type)
{
	return type == BLOCK_IDB || type == BLOCK_EPB || type == BLOCK_PB || type == BLOCK_SPB;
}

/* One block. 1: a frame, 0: none in it, 2: end of the file. */
static int next_block(struct pcap_reader *r, struct frame *ret)
{
	uint32_t type, len;
	int rc = need(r, 12);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return r->start == r->end ? 2 : fail(r, -EBADMSG, "a block is cut short");
	type = get32(r, r->buf + r->start);
	if (type == PCAPNG_SHB) { /* reads the same in both orders */
		rc = open_section(r);
		if (rc)
			return rc;
	}
	len = get32(r, r->buf + r->start + 4);
	if (len < 12 || len % 4)
		return fail(r, -EBADMSG, "a block of %u bytes", len);
	if (!is_read(type))
		return skip(r, len);
	if (len > BUFFER_MAX)
		return fail(r, -EBADMSG, "a packet or interface block of %u bytes", len);
	rc = need(r, len);
	if (rc <= 0)
		return rc ? rc : fail(r, -EBADMSG, "a block is cut short");
	rc = read_block(r, type, len, ret);
	if (rc >= 0)
		consume(r, len);
	return rc;
}

static int next_pcapng(struct pcap_reader *r, struct frame *ret)
{
	int rc;

	do
		rc = next_block(r, ret);
	while (rc == 0);
	return rc == 2 ? 0 : rc;
}

/* --- open, next, close ----------------------------------------------------------------------- */

static int read_magic(struct pcap_reader *r)
{
	uint32_t magic;
	int rc = need(r, sizeof(magic));

	if (rc <= 0)
		return rc ? rc : fail(r, -EBADMSG, "too short for a capture file");
	memcpy(&magic, r->buf + r->start, sizeof(magic));
	if (magic == PCAPNG_SHB) {
		r->pcapng = true;
		return 0;
	}
	r->swapped = is_pcap_magic(__builtin_bswap32(magic));
	if (r->swapped)
		magic = __builtin_bswap32(magic);
	if (!is_pcap_magic(magic))
		return fail(r, -EBADMSG, "not a pcap or pcapng file");
	return open_pcap(r, magic);
}

static int open_file(struct pcap_reader *r, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	r->gz = gzdopen(fd, "rb");
	if (!r->gz) {
		close(fd);
		return -ENOMEM;
	}
	/* reads of at least twice this size go past zlib's own buffer when the file is plain */
	gzbuffer(r->gz, BUFFER_FIRST / 4);
	return 0;
}

int pcap_reader_open(const char *path, struct pcap_reader **ret, char *err, size_t err_len)
{
	struct pcap_reader *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	if (r) {
		r->path = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
		r->buf = malloc(BUFFER_FIRST);
		r->cap = BUFFER_FIRST;
	}
	if (r && r->path && r->buf) {
		rc = open_file(r, path);
		if (!rc)
			rc = read_magic(r);
	}
	if (rc) {
		if (r && r->failed)
			snprintf(err, err_len, "%s", r->error);
		else
			snprintf(err, err_len, "%s: %s", path, strerror(-rc));
		pcap_reader_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void pcap_reader_close(struct pcap_reader *r)
{
	if (!r)
		return;
	if (r->gz)
		gzclose(r->gz);
	free(r->path);
	free(r->buf);
	free(r->interfaces);
	free(r);
}

int pcap_reader_next(struct pcap_reader *r, struct frame *ret)
{
	if (r->failed)
		return r->failed;
	return r->pcapng ? next_pcapng(r, ret) : next_pcap(r, ret);
}

const char *pcap_reader_error(const struct pcap_reader *r)
{
	return r->error;
}
