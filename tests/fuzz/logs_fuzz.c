// SPDX-License-Identifier: BSD-2-Clause
/*
 * A log of any kind, plain or gzip, alone and beside a second copy of itself: what comes out is
 * sound, and two copies say everything twice.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "logs/log_reader.h"
#include "file_input.h"

static void check_observation(const struct dns_observation *obs)
{
	require(obs->time_ns && obs->qname && obs->qname->len > 0);
	require(obs->records_len > 0 && obs->records_len <= 64);
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];
		bool has_target = rr->type == DNS_TYPE_NS || rr->type == DNS_TYPE_CNAME;

		require(rr->owner && rr->owner->len > 0);
		require(has_target || rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA);
		require(!has_target || (rr->target && rr->target->len > 0));
		require(rr->section <= DNS_ADDITIONAL && rr->ttl_s < 1U << 31);
	}
}

static void check_connection(const struct connection *c)
{
	require(c->time_ns != 0);
	require(c->proto == IPPROTO_TCP || c->proto == IPPROTO_UDP);
	require((c->state == CONNECTION_FAILED) == (c->err > 0));
}

static struct log_reader_stats read_all(const char *const *paths, size_t n)
{
	struct log_reader_stats stats = { 0 };
	struct dns_observation obs;
	struct connection conn;
	struct log_reader *r;
	enum log_item item;
	char err[300] = "";

	if (log_reader_open(paths, n, &r, err, sizeof(err))) {
		require(strstr(err, paths[0]) && !strchr(err, '\n'));
		return stats;
	}
	while ((item = log_reader_next(r, &obs, &conn)) != LOG_ITEM_END) {
		if (item == LOG_ITEM_RESPONSE)
			check_observation(&obs);
		else
			check_connection(&conn);
	}
	log_reader_stats(r, &stats);
	require(stats.responses + stats.connections + stats.passed_over + stats.faulty ==
		stats.lines);
	log_reader_close(r);
	return stats;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("log", 0);
	struct log_reader_stats once, twice;
	const char *paths[2];
	char path[40];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	paths[0] = paths[1] = path;
	log_reader_is_log(path);
	once = read_all(paths, 1);
	twice = read_all(paths, 2);
	require(twice.responses == 2 * once.responses);
	require(twice.connections == 2 * once.connections);
	close(fd);
	return 0;
}
