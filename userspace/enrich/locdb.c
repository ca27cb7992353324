// SPDX-License-Identifier: BSD-2-Clause
#include "enrich/locdb.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NO_NETWORK UINT32_MAX
#define V4_BITS	   96U /* of ::ffff:0:0/96, below which IPv4 lies */

/*
 * A walk is a miss of the cache for each of the last bits of a network.  What lies below the first
 * sixteen bits of an address is laid out once, by its next eight bits, when one of it is asked for.
 */
#define FIRST_BITS 16U
#define BLOCK_BITS 8U
#define BLOCK	   (1U << BLOCK_BITS)
#define BLOCKS_MAX 4096U /* of 1 KiB, taken as they are needed */
#define WALK_ON	   (1U << 31) /* in an entry: the rest is the node to go on from */

/* All integers are big-endian; nothing is aligned by more than four octets. */
struct header {
	char magic[7];
	uint8_t version;
	uint8_t created_at[8];
	uint32_t vendor, description, license;
	uint32_t as_offset, as_bytes;
	uint32_t networks_offset, networks_bytes;
	uint32_t nodes_offset, nodes_bytes;
};

struct node {
	uint32_t child[2]; /* 0: none */
	uint32_t network; /* NO_NETWORK: none begins here */
};

struct network {
	char country[2];
	uint8_t unused[2];
	uint32_t asn;
	uint16_t flags;
	uint8_t padding[2];
};
_Static_assert(sizeof(struct node) == 12 && sizeof(struct network) == 12, "as in the file");

struct place { /* in the tree: a node, and the smallest network on the way to it */
	uint32_t node, network;
	unsigned int bits;
};

struct locdb {
	const uint8_t *file;
	size_t bytes;
	const struct node *nodes;
	const struct network *networks;
	uint32_t nodes_len, networks_len;
	struct place v4; /* where every IPv4 address passes */
	/* for IPv4 and the rest, by the first bits: number of the block + 1; 0: none yet */
	uint16_t (*first)[1U << FIRST_BITS];
	uint32_t (*blocks)[BLOCK]; /* network + 1, 0 for none; or WALK_ON */
	uint32_t blocks_len;
};

/* NULL when it is not inside the file. */
static const void *section(const struct locdb *db, uint32_t offset, uint32_t bytes)
{
	if (offset % 4 || offset > db->bytes || db->bytes - offset < bytes)
		return NULL;
	return db->file + offset;
}

static bool read_header(struct locdb *db)
{
	struct header h;

	if (db->bytes < sizeof(h))
		return false;
	memcpy(&h, db->file, sizeof(h));
	if (memcmp(h.magic, "LOCDBXX", sizeof(h.magic)) != 0 || h.version != 1)
		return false;
	db->nodes_len = be32toh(h.nodes_bytes) / (uint32_t)sizeof(struct node);
	db->networks_len = be32toh(h.networks_bytes) / (uint32_t)sizeof(struct network);
	db->nodes = section(db, be32toh(h.nodes_offset), be32toh(h.nodes_bytes));
	db->networks = section(db, be32toh(h.networks_offset), be32toh(h.networks_bytes));
	return db->nodes && db->nodes_len && db->networks;
}

/* On from @p along the bits of @addr, up to @bits of them. */
static struct place walk(const struct locdb *db, struct place p, const struct ip_addr *addr,
			 unsigned int bits)
{
	while (p.bits < bits) {
		unsigned int bit = (unsigned int)addr->b[p.bits / 8] >> (7 - p.bits % 8) & 1U;
		uint32_t next = be32toh(db->nodes[p.node].child[bit]);

		if (!next || next >= db->nodes_len)
			break;
		p.node = next;
		p.bits++;
		if (db->nodes[next].network != NO_NETWORK)
			p.network = be32toh(db->nodes[next].network);
	}
	return p;
}

int locdb_open(int fd, struct locdb **ret)
{
	static const struct ip_addr v4 = { { [10] = 0xff, [11] = 0xff } };
	struct place root = { .network = NO_NETWORK };
	struct locdb *db = calloc(1, sizeof(*db));
	struct stat st;
	void *file;

	if (!db)
		return -ENOMEM;
	if (fstat(fd, &st) || st.st_size <= 0) {
		free(db);
		return -EBADMSG;
	}
	db->bytes = (size_t)st.st_size;
	file = mmap(NULL, db->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED) {
		free(db);
		return -ENOMEM;
	}
	db->file = file;
	if (!read_header(db)) {
		locdb_close(db);
		return -EBADMSG;
	}
	if (db->nodes[0].network != NO_NETWORK)
		root.network = be32toh(db->nodes[0].network);
	db->v4 = walk(db, root, &v4, V4_BITS);
	db->first = calloc(2, sizeof(*db->first));
	db->blocks = calloc(BLOCKS_MAX, sizeof(*db->blocks));
	if (!db->first || !db->blocks) {
		locdb_close(db);
		return -ENOMEM;
	}
	*ret = db;
	return 0;
}

void locdb_close(struct locdb *db)
{
	if (!db)
		return;
	munmap((void *)(uintptr_t)db->file, db->bytes);
	free(db->first);
	free(db->blocks);
	free(db);
}

/* --- the first bits at once ------------------------------------------------------------------ */

static uint32_t entry_of(const struct locdb *db, uint32_t network)
{
	return network < db->networks_len ? network + 1 : 0;
}

/* Entries of @block from @at on, which share the first @bits of its index, with all below @p. */
static void lay_out(const struct locdb *db, uint32_t *block, unsigned int at, unsigned int bits,
		    struct place p)
{
	const struct node *node = &db->nodes[p.node];
	unsigned int half = BLOCK >> (bits + 1);

	if (bits == BLOCK_BITS) {
		block[at] = node->child[0] || node->child[1] ? WALK_ON | p.node
							     : entry_of(db, p.network);
		return;
	}
	for (unsigned int bit = 0; bit < 2; bit++, at += half) {
		uint32_t next = be32toh(node->child[bit]);
		struct place below = { .node = next, .network = p.network };

		if (!next || next >= db->nodes_len) {
			for (unsigned int i = 0; i < half; i++)
				block[at + i] = entry_of(db, p.network);
			continue;
		}
		if (db->nodes[next].network != NO_NETWORK)
			below.network = be32toh(db->nodes[next].network);
		lay_out(db, block, at, bits + 1, below);
	}
}

static void fill_block(const struct locdb *db, uint32_t *block, struct place p,
		       const struct ip_addr *addr)
{
	unsigned int bits = p.bits + FIRST_BITS;

	p = walk(db, p, addr, bits);
	if (p.bits == bits) {
		lay_out(db, block, 0, 0, p);
		return;
	}
	for (unsigned int i = 0; i < BLOCK; i++) /* the tree ends above */
		block[i] = entry_of(db, p.network);
}

/* The network that holds @addr, of those below @from. */
static uint32_t find(struct locdb *db, struct place from, const struct ip_addr *addr)
{
	const uint8_t *b = addr->b + from.bits / 8;
	uint16_t *first = &db->first[from.bits != 0][b[0] << 8 | b[1]];
	struct place p;
	uint32_t entry;

	if (!*first) {
		if (db->blocks_len == BLOCKS_MAX)
			return walk(db, from, addr, 128).network;
		fill_block(db, db->blocks[db->blocks_len], from, addr);
		*first = (uint16_t)++db->blocks_len;
	}
	entry = db->blocks[*first - 1][b[2]];
	if (!(entry & WALK_ON))
		return entry - 1; /* none is NO_NETWORK */
	p = walk(db,
		 (struct place){ .node = entry & ~WALK_ON,
				 .network = NO_NETWORK,
				 .bits = from.bits + FIRST_BITS + BLOCK_BITS },
		 addr, 128);
	return p.network != NO_NETWORK ? p.network : walk(db, from, addr, 128).network;
}

bool locdb_lookup(struct locdb *db, const struct ip_addr *addr, struct origin *ret)
{
	struct place p = { .network = NO_NETWORK };
	const struct network *n;

	if (ip_is_v4(addr))
		p = db->v4;
	else if (db->nodes[0].network != NO_NETWORK)
		p.network = be32toh(db->nodes[0].network);
	/* a tree that ends above IPv4 is at its end for all of it */
	if (!ip_is_v4(addr) || p.bits == V4_BITS)
		p.network = find(db, p, addr);
	if (p.network >= db->networks_len)
		return false;
	n = &db->networks[p.network];
	ret->asn = be32toh(n->asn);
	memset(ret->country, 0, sizeof(ret->country));
	if (n->country[0] && n->country[1])
		memcpy(ret->country, n->country, sizeof(n->country));
	return true;
}

void locdb_expect(const struct locdb *db, const struct ip_addr *addr)
{
	bool v4 = ip_is_v4(addr);
	const uint8_t *b = addr->b + (v4 ? V4_BITS / 8 : 0);
	uint16_t first = db->first[v4][b[0] << 8 | b[1]];

	if (first)
		__builtin_prefetch(&db->blocks[first - 1][b[2]]);
}
