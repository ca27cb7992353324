// SPDX-License-Identifier: BSD-2-Clause
/*
 * libpsl answers in about a microsecond, and every response asks. The answer is one small number
 * (how many labels to strip), so a direct-mapped cache of 512 KiB a thread holds it for the names
 * in use; its key is drawn at start, so that nobody can prepare names that collide.
 */
#include "dns/psl.h"

#include <libpsl.h>
#include <string.h>
#include "base/hash.h"

#define CACHE_SLOTS 32768
#define STRIP_NONE  0xff /* the name is a suffix itself */

struct cached {
	uint64_t tag; /* hash of the name; 0: free */
	uint8_t strip;
};

static _Thread_local struct {
	struct hash_key key;
	bool keyed;
	struct cached slots[CACHE_SLOTS];
} cache;

/* As text for libpsl. No rule has such octets in a label, so they only must not look like dots. */
static void plain_text(const struct dns_name *name, char *buf)
{
	size_t next = name->wire[0] + 1U, i;

	for (i = 1; i + 1 < name->len; i++) {
		uint8_t c = name->wire[i];

		if (i == next) {
			next += c + 1U;
			buf[i - 1] = '.';
		} else {
			buf[i - 1] = c > ' ' && c <= '~' && c != '.' ? (char)c : '_';
		}
	}
	buf[i - 1] = '\0';
}

static uint8_t labels_before(const char *text, const char *registered)
{
	uint8_t n = 0;

	for (; text < registered; text++)
		n = (uint8_t)(n + (*text == '.'));
	return n;
}

static uint8_t look_up(const struct dns_name *name)
{
	char text[DNS_NAME_MAX + 1];
	const char *registered;

	if (name->len <= 1)
		return STRIP_NONE;
	plain_text(name, text);
	registered = psl_registrable_domain(psl_builtin(), text);
	return registered ? labels_before(text, registered) : STRIP_NONE;
}

bool dns_registered_domain(const struct dns_name *name, struct dns_name *ret)
{
	struct cached *slot;
	uint64_t tag;

	if (!cache.keyed) {
		hash_key_random(&cache.key);
		cache.keyed = true;
	}
	tag = hash_keyed(&cache.key, name->wire, name->len) | 1;
	slot = &cache.slots[(tag >> 1) % CACHE_SLOTS];
	if (slot->tag != tag) {
		slot->strip = look_up(name);
		slot->tag = tag;
	}
	*ret = dns_name_parent(name, slot->strip == STRIP_NONE ? 0 : slot->strip);
	return slot->strip != STRIP_NONE;
}
