// SPDX-License-Identifier: BSD-2-Clause
/*
 * The operator's lists. The first octet says what the rest is: an allow, deny, suffix or home list.
 * A list is refused as a whole, or each entry is found by its own name and by one below it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "detect/lists.h"
#include "file_input.h"

static void check_entry(const struct lists *l, const struct list_entry *e)
{
	static const uint8_t label[] = { 3, 'w', 'w', 'w' };
	uint32_t now_s = e->expires_s ? e->expires_s - 1 : 0;
	struct dns_name below;
	const struct list_entry *found = lists_find(l, e->kind, &e->name, now_s);

	require(found && found->hash == e->hash && found->kind == e->kind);
	require(e->asns_len <= LIST_VALUES && e->ports_len <= LIST_VALUES);
	require(strnlen(e->reason, sizeof(e->reason)) < sizeof(e->reason));
	if (e->name.len + sizeof(label) > sizeof(below.wire))
		return;
	memset(&below, 0, sizeof(below));
	memcpy(below.wire, label, sizeof(label));
	memcpy(below.wire + sizeof(label), e->name.wire, e->name.len);
	below.len = (uint8_t)(e->name.len + sizeof(label));
	require(lists_find(l, e->kind, &below, now_s) != NULL);
}

static void check_lists(const struct lists *l)
{
	for (size_t i = 0; i < l->len; i++)
		check_entry(l, &l->entries[i]);
	for (size_t i = 0; i < l->home_len; i++)
		require(lists_is_home(l, &l->home[i].addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct detect_config cfg = detect_config_default();
	struct config_list *const kinds[] = { &cfg.allow_lists, &cfg.deny_lists, &cfg.suffix_lists,
					      &cfg.home_lists };
	int fd = memfd_create("list", 0);
	struct lists l = { 0 };
	const char *item;
	char path[40];

	if (size < 1 || fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1) {
		close(fd);
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	item = path;
	*kinds[data[0] % 4] = (struct config_list){ .items = &item, .len = 1 };
	if (!lists_load(&l, &cfg))
		check_lists(&l);
	lists_fini(&l);
	close(fd);
	return 0;
}
