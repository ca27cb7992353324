/* SPDX-License-Identifier: BSD-2-Clause */
/* One place that knows origins of addresses: what enrich.c asks in order. */
#ifndef ENRICH_SOURCE_H
#define ENRICH_SOURCE_H

#include "enrich/enrich.h"

struct enrich_source;

struct enrich_source_ops {
	bool (*lookup)(struct enrich_source *s, const struct ip_addr *addr, struct origin *ret);
	/* @addr comes soon: begin to fetch what lookup() will look at. NULL is fine. */
	void (*expect)(const struct enrich_source *s, const struct ip_addr *addr);
	/* Copies the name of @asn into @buf; false when this source has none. */
	bool (*as_name)(struct enrich_source *s, uint32_t asn, char *buf, size_t len);
	void (*close)(struct enrich_source *s);
};

struct enrich_source { /* first member of each kind */
	const struct enrich_source_ops *ops;
	bool quick; /* faster than the cache is */
};

/* 0 or negative errno; what is wrong was logged. @path: as in the configuration. */
int enrich_csv_open(const char *path, struct enrich_source **ret);
int enrich_mmdb_open(const char *path, struct enrich_source **ret);
/* -ENOENT without the database; nothing logged then. */
int enrich_libloc_open(struct enrich_source **ret);

/* strlcpy by another name: always terminated. */
void enrich_copy(char *buf, size_t len, const char *text, size_t text_len);

#endif
