// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Makes each frame of a BPF_F_TEST_XDP_LIVE_FRAMES run another response, and sends it out of an
 * interface: the name is drawn from a distribution like Zipf's, its addresses follow from it, and
 * of so many in a thousand the first address is one never used before.  The template has the name
 * as "nXXXXXXXX" and its first A record where the settings say.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

#define FRAME_MIN 156

const volatile __u32 to_ifindex = 0;
const volatile __u32 hex_at = 0; /* offset of the eight digits */
const volatile __u32 address_at = 0; /* of the first A record's address; the next is 16 on */
const volatile __u32 addresses = 0;
const volatile __u32 new_permille = 0;
const volatile __u32 names_log2 = 0;

const volatile __u64 ns_per_batch = 0; /* 0: as fast as it goes */

#define BATCH 64 /* frames; as many as the run hands to the interface at once */

/* One sender: nobody else counts. The times are of the run at hand, which begins at 0. */
__u64 sent = 0;
__u64 first_ns = 0;
__u64 last_ns = 0;
__u64 batches = 0;

static long not_yet(__u32 i, __u64 *due_ns)
{
	return bpf_ktime_get_ns() >= *due_ns;
}

/* At the beginning of a batch: wait until it is due. A run takes tens of ms to set up, so it is
 * one. */
static inline __attribute__((always_inline)) void pace(void)
{
	__u64 due_ns;

	if (sent % BATCH)
		return;
	if (!first_ns)
		first_ns = bpf_ktime_get_ns();
	due_ns = first_ns + batches++ * ns_per_batch;
	if (ns_per_batch)
		bpf_loop(1 << 20, not_yet, &due_ns, 0);
	last_ns = bpf_ktime_get_ns();
}

static inline __attribute__((always_inline)) __u64 mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Eight hexadecimal digits of @x, all at once. */
static inline __attribute__((always_inline)) __u64 hex(__u32 x)
{
	__u64 d = x;

	d = (d << 16 | d) & 0x0000ffff0000ffffULL;
	d = (d << 8 | d) & 0x00ff00ff00ff00ffULL;
	d = (d << 4 | d) & 0x0f0f0f0f0f0f0f0fULL;
	return d + 0x6161616161616161ULL; /* letters from a: any sixteen will do */
}

SEC("xdp")
int bench_sender(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 h = mix(sent), g = mix(h), base;
	__u32 name = (__u32)g & ((2U << (__u32)(g >> 32) % names_log2) - 1);

	if (data + FRAME_MIN > end || hex_at > FRAME_MIN - 8 ||
	    address_at + 16 * (addresses - 1) > FRAME_MIN - 4 || addresses > 4)
		return XDP_DROP;
	*(__u64 *)(data + hex_at) = hex(name);
	*(__u16 *)(data + 42) = (__u16)h; /* transaction */
	base = mix(name);
	for (__u32 i = 0; i < 4; i++)
		if (i < addresses)
			*(__u32 *)(data + address_at + 16 * i) =
				(__u32)(base >> 8 * i & 0xffff0000) | 0x13c6;
	if ((h >> 32) % 1000 < new_permille)
		*(__u32 *)(data + address_at) = (__u32)sent;
	pace();
	sent++;
	return (int)bpf_redirect(to_ifindex, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
