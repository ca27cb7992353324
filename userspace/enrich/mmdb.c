// SPDX-License-Identifier: BSD-2-Clause
/*
 * MaxMind DB files of any vendor: AS number from "autonomous_system_number" (GeoLite2) or "asn"
 * ("AS64496" as IPinfo writes it), country from "country": {"iso_code"} or "country_code" or
 * "country".
 */
#include "enrich/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <maxminddb.h>

#include "base/log.h"

#define NAMES 8192U /* AS names seen in look-ups, direct mapped; the format has no index by AS */

struct seen_name {
	uint32_t asn;
	char name[48];
};

struct mmdb {
	struct enrich_source base;
	MMDB_s db;
	struct seen_name *names;
};

static bool get_text(MMDB_entry_s *entry, const char *const *path, MMDB_entry_data_s *ret)
{
	return MMDB_aget_value(entry, ret, path) == MMDB_SUCCESS && ret->has_data &&
	       ret->type == MMDB_DATA_TYPE_UTF8_STRING;
}

static uint32_t get_asn(MMDB_entry_s *entry)
{
	static const char *const geolite[] = { "autonomous_system_number", NULL };
	static const char *const ipinfo[] = { "asn", NULL };
	MMDB_entry_data_s data;
	char text[16];

	if (MMDB_aget_value(entry, &data, geolite) == MMDB_SUCCESS && data.has_data &&
	    data.type == MMDB_DATA_TYPE_UINT32)
		return data.uint32;
	if (!get_text(entry, ipinfo, &data))
		return 0;
	enrich_copy(text, sizeof(text), data.utf8_string, data.data_size);
	return (uint32_t)strtoul(strncmp(text, "AS", 2) == 0 ? text + 2 : text, NULL, 10);
}

static void get_country(MMDB_entry_s *entry, char country[3])
{
	static const char *const nested[] = { "country", "iso_code", NULL };
	static const char *const code[] = { "country_code", NULL };
	static const char *const flat[] = { "country", NULL };
	MMDB_entry_data_s data;

	if ((get_text(entry, nested, &data) || get_text(entry, code, &data) ||
	     get_text(entry, flat, &data)) &&
	    data.data_size == 2)
		enrich_copy(country, 3, data.utf8_string, 2);
}

static void remember_name(struct mmdb *m, MMDB_entry_s *entry, uint32_t asn)
{
	static const char *const geolite[] = { "autonomous_system_organization", NULL };
	static const char *const ipinfo[] = { "as_name", NULL };
	struct seen_name *n = &m->names[asn % NAMES];
	MMDB_entry_data_s data;

	if (!asn || n->asn == asn)
		return;
	if (!get_text(entry, geolite, &data) && !get_text(entry, ipinfo, &data))
		return;
	n->asn = asn;
	enrich_copy(n->name, sizeof(n->name), data.utf8_string, data.data_size);
}

static bool mmdb_lookup(struct enrich_source *s, const struct ip_addr *addr, struct origin *ret)
{
	struct mmdb *m = (struct mmdb *)s;
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const struct sockaddr *sa = (const struct sockaddr *)&sin6;
	MMDB_lookup_result_s found;
	int err = 0;

	if (ip_is_v4(addr)) {
		memcpy(&sin.sin_addr, addr->b + 12, 4);
		sa = (const struct sockaddr *)&sin;
	} else if (m->db.metadata.ip_version == 4) {
		return false;
	}
	memcpy(&sin6.sin6_addr, addr->b, 16);
	found = MMDB_lookup_sockaddr(&m->db, sa, &err);
	if (err != MMDB_SUCCESS || !found.found_entry)
		return false;
	ret->asn = get_asn(&found.entry);
	get_country(&found.entry, ret->country);
	remember_name(m, &found.entry, ret->asn);
	return ret->asn || ret->country[0];
}

static bool mmdb_as_name(struct enrich_source *s, uint32_t asn, char *buf, size_t len)
{
	const struct seen_name *n = &((const struct mmdb *)s)->names[asn % NAMES];

	if (n->asn != asn || !asn)
		return false;
	enrich_copy(buf, len, n->name, strlen(n->name));
	return true;
}

static void mmdb_close(struct enrich_source *s)
{
	struct mmdb *m = (struct mmdb *)s;

	MMDB_close(&m->db);
	free(m->names);
	free(m);
}

static const struct enrich_source_ops mmdb_ops = {
	.lookup = mmdb_lookup,
	.as_name = mmdb_as_name,
	.close = mmdb_close,
};

int enrich_mmdb_open(const char *path, struct enrich_source **ret)
{
	struct mmdb *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->base.ops = &mmdb_ops;
	m->names = calloc(NAMES, sizeof(*m->names));
	if (!m->names) {
		free(m);
		return -ENOMEM;
	}
	rc = MMDB_open(path, MMDB_MODE_MMAP, &m->db);
	if (rc != MMDB_SUCCESS) {
		log_error("enrich.asn: mmdb:%s: %s", path, MMDB_strerror(rc));
		free(m->names);
		free(m);
		return rc == MMDB_FILE_OPEN_ERROR ? -ENOENT : -EBADMSG;
	}
	*ret = &m->base;
	return 0;
}
