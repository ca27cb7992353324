/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections as values: what the tracepoints, the gateway's watch set, Zeek conn.log or a
 * foreign endpoint reported, and the names the join found for them.  Strings are borrowed and
 * may be NULL (absent); a connection is valid only during the call it is passed to.
 */
#ifndef CORRELATE_CONNECTION_H
#define CORRELATE_CONNECTION_H

#include "base/ip.h"
#include "dns/name.h"

struct process_info {
	uint32_t pid, ppid, uid;
	uint64_t start_ns; /* Unix time; 0 unknown. (pid, start_ns) names a process */
	const char *exe, *comm, *cmdline, *user, *cgroup, *unit, *container_id;
	uint64_t netns; /* inode; 0 unknown */
};

enum connection_source {
	CONNECTION_LOCAL, /* a process of this machine */
	CONNECTION_GATEWAY, /* forwarded, seen in packets */
	CONNECTION_LOG, /* Zeek conn.log, EVE flow */
	CONNECTION_FOREIGN, /* reported by another machine */
};

enum connection_state {
	CONNECTION_ATTEMPT, /* outcome unknown yet */
	CONNECTION_OK, /* established, or a UDP connect that succeeded */
	CONNECTION_FAILED, /* error: see err */
	CONNECTION_CLOSED, /* an established one ended: bytes and duration are set */
};

#define CONNECTION_NAMES_MAX 8

struct connection_name {
	struct dns_name rrname; /* owner name the address was answered for (the query name) */
	struct dns_name query; /* what was asked, when a CNAME led to rrname; else equal */
	double age_s; /* since the answer; negative never */
	double ttl_left_s; /* negative once expired ("late") */
	bool same_host; /* answered to the host (or process) that connected */
	double confidence; /* 0..1, contract of correlate.h */
};

/* A resolver spoken to where the monitor cannot read along: a gap in what it sees. */
enum connection_encrypted_dns {
	CONNECTION_DNS_NONE = 0,
	CONNECTION_DNS_TLS, /* port 853 over TCP (RFC 7858) */
	CONNECTION_DNS_QUIC, /* port 853 over UDP (RFC 9250) */
	CONNECTION_DNS_HTTPS, /* port 443 of a known public resolver (RFC 8484) */
};

struct connection {
	uint64_t time_ns; /* Unix time of the attempt */
	enum connection_source source;
	enum connection_state state;
	int err; /* positive errno when failed, else 0 */
	struct ip_addr src, dst;
	uint16_t sport, dport; /* host order; sport 0 when not known */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP */
	bool has_process, has_mac, has_bytes;
	bool preexisting; /* was there when the monitor started; time_ns is then that */
	bool seen_locally; /* seen in packets, but told by its process too: counted with that */
	bool adds_host; /* of these: its process's account had no source address */
	bool told_before; /* its packets were counted before its process told of it */
	uint8_t mac[6]; /* of the client, gateway scenario */
	const char *hostname; /* of the client, as DHCP carried it past */
	uint64_t latency_us; /* attempt to outcome; 0 unknown */
	uint64_t bytes_toserver, bytes_toclient, duration_ns;
	struct process_info process;
	/* filled by the join: */
	enum connection_encrypted_dns encrypted_dns;
	size_t names_len; /* best first */
	struct connection_name names[CONNECTION_NAMES_MAX];
};

#endif
