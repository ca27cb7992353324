// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rules of the public suffix list in a table of their own, open addressing by a hash of the
 * suffix in wire form, with the suffix beside it for comparison.
 */
#include "dns/psl_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/sha1.h"

#define LIST_MAX   (4U << 20) /* octets; the list of 2026 has 330,000 */
#define SLOTS	   32768U
#define RULES_MAX  (SLOTS / 2)
#define LABELS_MAX 8U /* libpsl cuts what is longer */

enum { PLAIN = 1, WILDCARD = 2, EXCEPTION = 4 };

struct rule {
	uint32_t hash;
	uint32_t at; /* of the suffix in `wires`, + 1; 0: free */
	uint8_t len, flags;
};

struct psl_rules {
	struct rule rules[SLOTS];
	uint8_t *wires;
	uint32_t wires_len;
	uint32_t len;
};

/* The list is public and what it holds is few: whoever makes names collide with it slows nothing.
 */
static uint32_t hash_of(const uint8_t *wire, size_t len)
{
	uint64_t h = len, word;

	for (; len > 8; wire += 8, len -= 8) {
		memcpy(&word, wire, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, wire, len);
	return (uint32_t)(hash_mix(h ^ word) >> 32);
}

/* Where @wire is, or the free place where it belongs. */
static struct rule *find(struct psl_rules *r, const uint8_t *wire, size_t len, uint32_t hash)
{
	struct rule *rule = &r->rules[hash % SLOTS];

	while (rule->at && (rule->hash != hash || rule->len != len ||
			    memcmp(r->wires + rule->at - 1, wire, len) != 0))
		rule = rule == &r->rules[SLOTS - 1] ? r->rules : rule + 1;
	if (!rule->at)
		rule->hash = hash;
	return rule;
}

static bool add(struct psl_rules *r, const struct dns_name *name, uint8_t flags)
{
	struct rule *rule = find(r, name->wire, name->len, hash_of(name->wire, name->len));

	if (!rule->at) {
		if (r->len == RULES_MAX)
			return false;
		memcpy(r->wires + r->wires_len, name->wire, name->len);
		rule->at = r->wires_len + 1;
		rule->len = name->len;
		r->wires_len += name->len;
		r->len++;
	}
	rule->flags |= flags;
	return true;
}

/* One line, without its end: a rule is what stands before the first blank. */
static bool read_line(struct psl_rules *r, const char *line, size_t len)
{
	char text[DNS_NAME_MAX + 1];
	struct dns_name name;
	uint8_t flags = PLAIN;
	size_t n = 0;

	while (n < len && (uint8_t)line[n] > ' ') {
		if ((uint8_t)line[n] > '~')
			return true; /* its names begin with xn-- and are not asked for here */
		n++;
	}
	if (!n || (n >= 2 && line[0] == '/' && line[1] == '/'))
		return true;
	if (line[0] == '!') {
		flags = EXCEPTION;
		line++, n--;
	} else if (n > 2 && line[0] == '*' && line[1] == '.') {
		flags = WILDCARD;
		line += 2, n -= 2;
	}
	if (!n || n >= sizeof(text) || memchr(line, '*', n) || memchr(line, '\\', n))
		return false;
	memcpy(text, line, n);
	text[n] = '\0';
	return !dns_name_from_text(text, &name) && add(r, &name, flags);
}

static bool read_list(struct psl_rules *r, const char *list, size_t len)
{
	while (len) {
		const char *end = memchr(list, '\n', len);
		size_t n = end ? (size_t)(end - list) : len;

		if (!read_line(r, list, n))
			return false;
		n += end != NULL;
		list += n;
		len -= n;
	}
	return r->len > 0;
}

static bool is_the_list(const char *list, size_t len, const char *sha1)
{
	char hex[SHA1_HEX_LEN + 1];

	sha1_hex(list, len, hex);
	return sha1 && strcmp(hex, sha1) == 0;
}

int psl_rules_open(const char *path, const char *sha1, struct psl_rules **ret)
{
	struct psl_rules *r = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = -EBADMSG;
	void *list = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= LIST_MAX)
		list = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (list == MAP_FAILED)
		return err;
	if (is_the_list(list, (size_t)st.st_size, sha1)) {
		r = calloc(1, sizeof(*r));
		if (r)
			r->wires = malloc((size_t)st.st_size + RULES_MAX * 2);
		err = -ENOMEM;
		if (r && r->wires)
			err = read_list(r, list, (size_t)st.st_size) ? 0 : -EBADMSG;
	}
	munmap(list, (size_t)st.st_size);
	if (err) {
		psl_rules_close(r);
		return err;
	}
	*ret = r;
	return 0;
}

void psl_rules_close(struct psl_rules *r)
{
	if (!r)
		return;
	free(r->wires);
	free(r);
}

static uint8_t flags_at(struct psl_rules *r, const struct dns_name *name, size_t at, uint32_t hash)
{
	const struct rule *rule = find(r, name->wire + at, name->len - at, hash);

	return rule->at ? rule->flags : 0;
}

int psl_rules_strip(struct psl_rules *r, const struct dns_name *name)
{
	uint32_t hashes[LABELS_MAX];
	size_t starts[LABELS_MAX];
	unsigned int n = 0, i;
	uint8_t flags;

	for (size_t at = 0; name->wire[at]; at += name->wire[at] + 1U) {
		if (n == LABELS_MAX ||
		    (name->wire[at] >= 4 && !memcmp(name->wire + at + 1, "xn--", 4)))
			return -1;
		hashes[n] = hash_of(name->wire + at, name->len - at);
		__builtin_prefetch(&r->rules[hashes[n] % SLOTS]);
		starts[n++] = at;
	}
	if (!n)
		return PSL_STRIP_NONE;
	flags = flags_at(r, name, 0, hashes[0]);
	/* from the longest on; the last label alone is a suffix, listed or not */
	for (i = 0; i + 1 < n; i++) {
		uint8_t below = flags_at(r, name, starts[i + 1], hashes[i + 1]);

		if (flags & EXCEPTION)
			flags = 0;
		else if (flags || below & WILDCARD)
			break;
		flags = below;
	}
	return i ? (int)i - 1 : PSL_STRIP_NONE;
}
