// SPDX-License-Identifier: BSD-2-Clause
/*
 * The database of the package libloc-database, read offline: networks by locdb.h, names by libloc,
 * networks too where the format is newer than what is known there.
 */
#include "enrich/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libloc/libloc.h>
#include <libloc/as.h>
#include <libloc/database.h>
#include <libloc/network.h>

#include "base/log.h"
#include "enrich/locdb.h"

/* Where Debian puts it; where upstream's updater does. */
static const char *const paths[] = { "/var/lib/location/database.db",
				     "/usr/share/libloc-location/location.db" };

struct libloc {
	struct enrich_source base;
	FILE *file;
	struct loc_ctx *ctx;
	struct loc_database *db;
	struct locdb *networks; /* NULL: libloc has to look them up */
};

static bool libloc_lookup(struct enrich_source *s, const struct ip_addr *addr, struct origin *ret)
{
	struct libloc *l = (struct libloc *)s;
	struct loc_network *network = NULL;
	struct in6_addr in6;
	const char *country;

	if (l->networks)
		return locdb_lookup(l->networks, addr, ret) && (ret->asn || ret->country[0]);
	memcpy(&in6, addr->b, sizeof(in6));
	if (loc_database_lookup(l->db, &in6, &network) || !network)
		return false;
	ret->asn = loc_network_get_asn(network);
	country = loc_network_get_country_code(network);
	if (country && strlen(country) == 2)
		memcpy(ret->country, country, 3);
	loc_network_unref(network);
	return ret->asn || ret->country[0];
}

static void libloc_expect(const struct enrich_source *s, const struct ip_addr *addr)
{
	locdb_expect(((const struct libloc *)s)->networks, addr);
}

static bool libloc_as_name(struct enrich_source *s, uint32_t asn, char *buf, size_t len)
{
	struct libloc *l = (struct libloc *)s;
	struct loc_as *as = NULL;
	const char *name;

	if (loc_database_get_as(l->db, &as, asn) || !as)
		return false;
	name = loc_as_get_name(as);
	enrich_copy(buf, len, name ? name : "", name ? strlen(name) : 0);
	loc_as_unref(as);
	return buf[0] != '\0';
}

static void libloc_close(struct enrich_source *s)
{
	struct libloc *l = (struct libloc *)s;

	locdb_close(l->networks);
	if (l->db)
		loc_database_unref(l->db);
	if (l->ctx)
		loc_unref(l->ctx);
	if (l->file)
		fclose(l->file);
	free(l);
}

static const struct enrich_source_ops libloc_ops = {
	.lookup = libloc_lookup,
	.expect = libloc_expect,
	.as_name = libloc_as_name,
	.close = libloc_close,
};

int enrich_libloc_open(struct enrich_source **ret)
{
	struct libloc *l = calloc(1, sizeof(*l));
	const char *path = NULL;

	if (!l)
		return -ENOMEM;
	l->base.ops = &libloc_ops;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && !l->file; i++) {
		path = paths[i];
		l->file = fopen(path, "re");
	}
	if (!l->file) {
		libloc_close(&l->base);
		return -ENOENT;
	}
	if (loc_new(&l->ctx) || loc_database_new(l->ctx, &l->db, l->file)) {
		log_error("enrich.asn: libloc: %s is not a location database", path);
		libloc_close(&l->base);
		return -EBADMSG;
	}
	if (locdb_open(fileno(l->file), &l->networks))
		l->networks = NULL;
	l->base.quick = l->networks != NULL;
	*ret = &l->base;
	return 0;
}
