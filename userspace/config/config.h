/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole configuration as one value: every key of fluxtap.yaml(5) with its default.
 *
 * Texts, lists and prefixes belong to the configuration; what is handed on borrows them until
 * config_free().  Durations are nanoseconds, sizes bytes.  Keys, their types, ranges and
 * defaults are the table in config/keys.c.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "capture/decode.h"
#include "capture/reassembly.h"
#include "correlate/correlate.h"
#include "detect/config.h"

#define CONFIG_PATH "/etc/fluxtap/fluxtap.yaml"
/* Room that is enough for every error line of this module. */
#define CONFIG_ERR_MAX 1024

enum config_capture_mode {
	CONFIG_CAPTURE_AUTO, /* XDP native, else generic, else TC */
	CONFIG_CAPTURE_NATIVE,
	CONFIG_CAPTURE_GENERIC,
	CONFIG_CAPTURE_TC,
};

enum config_capture_clients {
	CONFIG_CLIENTS_OFF,
	CONFIG_CLIENTS_HOSTS, /* the first answer of a name to each client */
	CONFIG_CLIENTS_ALL,   /* the first of each of its sets to each client */
};

enum config_connect_events { CONFIG_CONNECT_ALL, CONFIG_CONNECT_CANDIDATES, CONFIG_CONNECT_OFF };

enum config_event { /* bits of eve.types */
		    CONFIG_EVENT_DNS = 1 << 0,
		    CONFIG_EVENT_ANOMALY = 1 << 1,
		    CONFIG_EVENT_STATS = 1 << 2,
		    CONFIG_EVENT_CONNECT = 1 << 3,
		    CONFIG_EVENT_CHURN = 1 << 4,
		    CONFIG_EVENT_ALERT = 1 << 5,
};

struct config {
	struct config_list
		interfaces; /* names or wildcards; empty: of the default routes, and lo */
	char *sensor; /* "": the host name */
	struct decode_config dns;
	struct {
		enum config_capture_mode mode;
		enum config_capture_clients clients; /* is a known answer news for a new client? */
		bool egress; /* also what leaves the machine (TC egress) */
		bool filter; /* hold repeats back in the kernel */
		bool follow_tcp, follow_fragments;
		uint64_t ring_bytes, filter_bytes;
		uint64_t refresh_ns; /* a repeated answer is reported again after this; 0: never */
		uint32_t zone_names, zone_denials; /* new names a zone and second; 0: no limit */
	} capture;
	struct reassembly_config reassembly; /* ports follow dns.ports */
	struct correlate_config correlate;
	struct detect_config detect; /* home_networks too; memory_bytes follows limits.memory */
	struct {
		bool enabled;
		enum config_connect_events events;
	} connect;
	struct {
		char *socket; /* other machines report connections here; "": off */
		struct config_list files; /* files of such reports, followed as they grow */
	} foreign;
	struct {
		struct config_list asn; /* "libloc", "mmdb:FILE", "csv:FILE"; first hit wins */
	} enrich;
	struct {
		bool enabled;
		char *path;
		uint64_t flush_interval_ns, retention_ns; /* retention 0: for ever */
	} store;
	struct {
		char *path; /* directory of what was learned; "": keep nothing */
		uint64_t save_interval_ns;
	} state;
	struct {
		bool enabled;
		char *path;
		uint32_t types; /* enum config_event */
		uint64_t rotate_size; /* 0: not by size */
		uint64_t rotate_age_ns; /* 0: not by age */
		uint32_t rotate_keep; /* rotated files kept; 0: all */
	} eve;
	struct {
		uint64_t interval_ns; /* 0: no stats events */
	} stats;
	struct {
		uint64_t memory; /* bytes of the tables of detection, all together */
	} limits;
	struct {
		char *user; /* "": fluxtap when it exists, else nobody */
	} privileges;
	struct {
		char *socket; /* "": no control socket */
		char *group; /* "": fluxtap when it exists, else root only */
	} control;
	struct {
		enum log_level level;
	} log;
};

/* Every key at its default. NULL only when memory runs out. */
struct config *config_default(void);
void config_free(struct config *cfg); /* NULL is fine */

/*
 * Read @path over the defaults. 0; -EINVAL when the content is refused; another negative errno
 * when the file cannot be read. @err then holds one line: "FILE:LINE: KEY: what is wrong".
 */
int config_load(const char *path, struct config **ret, char *err, size_t err_len);

/* The same from memory; @name stands for the file in messages. */
int config_parse(const char *name, const char *text, size_t len, struct config **ret, char *err,
		 size_t err_len);

/*
 * Set one key from text ("detect.min_sets", "5"); a list is separated by commas, nothing for an
 * empty one. 0, -EINVAL or -ENOMEM with one line in @err; @cfg is unchanged then. Values that
 * must fit together may be set in any order: config_check() afterwards.
 */
int config_set(struct config *cfg, const char *key, const char *value, char *err, size_t err_len);

/* 0, or -EINVAL with "KEY: what does not fit" in @err. Done by config_load() and config_parse(). */
int config_check(const struct config *cfg, char *err, size_t err_len);

/* Append the effective configuration as YAML that config_parse() reads back to the same values. */
void config_print(const struct config *cfg, struct buf *out);

#endif
