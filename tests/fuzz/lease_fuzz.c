// SPDX-License-Identifier: BSD-2-Clause
/* DHCP messages, each preceded by its length: whatever name comes out is one that can be shown. */
#include <stdlib.h>
#include <string.h>

#include "correlate/lease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct leases *l, const uint8_t *message, uint64_t now_ns)
{
	struct ip_addr addr = ip_from_v4(message + 16);
	const char *name = leases_name(l, &addr, NULL, now_ns);
	size_t len = name ? strlen(name) : 1;

	require(len >= 1 && len < LEASE_NAME_MAX);
	require(!name || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._") == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct leases *l;
	struct lease_stats before, after;
	uint64_t sum;

	if (!l)
		require(!leases_new(&hash_key_fixed, &l));
	while (size >= 2) {
		size_t n = (size_t)(data[0] << 8 | data[1]);
		uint8_t *exact;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		exact = malloc(n + 1); /* one more: an allocation of none may be NULL */
		require(exact);
		memcpy(exact + 1, data, n);
		leases_stats(l, &before);
		leases_message(l, exact + 1, n, 1);
		leases_stats(l, &after);
		require(after.messages == before.messages + 1);
		if (n >= 240)
			check_name(l, exact + 1, 1);
		free(exact);
		data += n;
		size -= n;
	}
	leases_stats(l, &after);
	sum = after.taken;
	for (unsigned int i = 0; i < LEASE_REASON_MAX; i++)
		sum += after.refused[i];
	require(sum == after.messages);
	return 0;
}
