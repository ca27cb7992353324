// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two knotd: one for the root and "example.", so that delegations are real referrals with glue,
 * one for the domains below; unbound resolves through them from its root hints.
 */
#include "lab/lab_dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "dns/message.h"
#include "lab/lab_plan.h"
#include "lab/lab_proc.h"

#define PATH_LEN 160

/* --- files ---------------------------------------------------------------------------------- */

static FILE *create(const struct lab_dns *dns, const char *name)
{
	char path[PATH_LEN];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dns->dir, name);
	file = fopen(path, "we");
	if (!file)
		log_error("lab: %s: %s", path, strerror(errno));
	return file;
}

/* 0 when everything written reached the file. */
static int finish(FILE *file)
{
	int bad = ferror(file);

	return fclose(file) || bad ? -EIO : 0;
}

static int write_zone(const struct lab_dns *dns, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int write_zone(const struct lab_dns *dns, const char *name, const char *fmt, ...)
{
	FILE *file = create(dns, name);
	va_list ap;

	if (!file)
		return -EIO;
	fprintf(file, "@ %d SOA a.lab. host.lab. 1 3600 600 86400 %d\n", 300, LAB_TTL);
	va_start(ap, fmt);
	vfprintf(file, fmt, ap);
	va_end(ap);
	return finish(file);
}

static int write_parent_zones(const struct lab_dns *dns)
{
	int err;

	err = write_zone(dns, "root.zone",
			 "@ 3600 NS a.lab.\na.lab. 3600 A %s\nexample. 3600 NS a.lab.\n",
			 LAB_PARENT);
	if (!err)
		err = write_zone(dns, "example.zone",
				 "@ 3600 NS a.lab.\n"
				 "hosting 3600 NS ns1.hosting\nns1.hosting 3600 A %s\n"
				 "roundrobin 3600 NS ns1.hosting\npool 3600 NS ns1.hosting\n"
				 "static 3600 NS ns1.hosting\ntime 3600 NS ns1.hosting\n"
				 "rotating %d NS ns1.rotating\nns1.rotating %d A %s\n",
				 LAB_HOSTING, LAB_TTL, LAB_TTL, LAB_FLUX_NS);
	return err;
}

static int write_domain_zones(const struct lab_dns *dns)
{
	int err;

	err = write_zone(dns, "hosting.zone", "@ 3600 NS ns1\nns1 3600 A %s\n", LAB_HOSTING);
	if (!err)
		err = write_zone(dns, "roundrobin.zone",
				 "@ 3600 NS ns1.hosting.example.\n"
				 "www %d A 198.18.160.1\nwww %d A 198.18.160.2\n"
				 "www %d A 198.18.160.3\nwww %d A 198.18.160.4\n",
				 LAB_TTL, LAB_TTL, LAB_TTL, LAB_TTL);
	if (!err)
		err = write_zone(dns, "static.zone",
				 "@ 3600 NS ns1.hosting.example.\nwww 60 A 198.18.160.80\n");
	if (!err)
		err = write_zone(dns, "pool.zone", "@ 3600 NS ns1.hosting.example.\n");
	if (!err)
		err = write_zone(dns, "time.zone", "@ 3600 NS ns1.hosting.example.\n");
	if (!err)
		err = write_zone(dns, "rotating.zone", "@ %d NS ns1\nns1 %d A %s\n", LAB_TTL,
				 LAB_TTL, LAB_FLUX_NS);
	return err;
}

static void write_knot_head(FILE *file, const struct lab_dns *dns, const char *which)
{
	fprintf(file,
		"server:\n    rundir: \"%s/%s.db\"\n    udp-workers: 1\n    tcp-workers: 1\n"
		"    background-workers: 1\n    listen: [ ",
		dns->dir, which);
	if (strcmp(which, "parent") == 0) {
		fputs(LAB_PARENT "@53", file);
	} else {
		fputs(LAB_HOSTING "@53, " LAB_FLUX_NS "@53", file);
		for (unsigned int i = 0; i < LAB_NS_POOL; i++) {
			char addr[LAB_ADDR_MAX];

			lab_ns_addr(i, addr);
			fprintf(file, ", %s@53", addr);
		}
	}
	fprintf(file,
		" ]\nlog:\n  - target: stderr\n    any: warning\n"
		"database:\n    storage: \"%s/%s.db\"\ncontrol:\n    listen: \"%s/%s.sock\"\nzone:\n",
		dns->dir, which, dns->dir, which);
}

static int write_knot(const struct lab_dns *dns, const char *which, const char *const *zones,
		      const char *const *files)
{
	char name[32];
	FILE *file;

	snprintf(name, sizeof(name), "%s.conf", which);
	file = create(dns, name);
	if (!file)
		return -EIO;
	write_knot_head(file, dns, which);
	for (size_t i = 0; zones[i]; i++)
		fprintf(file,
			"  - domain: \"%s\"\n    storage: \"%s\"\n    file: \"%s.zone\"\n"
			"    zonefile-sync: -1\n    journal-content: none\n",
			zones[i], dns->dir, files[i]);
	return finish(file);
}

static int write_unbound(const struct lab_dns *dns)
{
	FILE *hints = create(dns, "root.hints"), *file;

	if (!hints)
		return -EIO;
	fputs(". 3600000 NS a.lab.\na.lab. 3600000 A " LAB_PARENT "\n", hints);
	file = create(dns, "unbound.conf");
	if (finish(hints) || !file)
		return -EIO;
	fprintf(file,
		"server:\n directory: \"%s\"\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n"
		" use-syslog: no\n logfile: \"\"\n verbosity: 0\n num-threads: 1\n"
		" interface: " LAB_RESOLVER "\n access-control: " LAB_NETWORK " allow\n"
		" root-hints: \"%s/root.hints\"\n module-config: \"iterator\"\n"
		" do-ip6: no\n do-daemonize: no\n"
		"remote-control:\n control-enable: no\n",
		dns->dir, dns->dir);
	return finish(file);
}

static int write_all(const struct lab_dns *dns)
{
	static const char *const parent[] = { ".", "example.", NULL };
	static const char *const parent_files[] = { "root", "example" };
	static const char *const domains[] = { "hosting.example.",
					       "roundrobin.example.",
					       "static.example.",
					       "pool.example.",
					       "rotating.example.",
					       "time.example.",
					       NULL };
	static const char *const domain_files[] = { "hosting", "roundrobin", "static",
						    "pool",    "rotating",   "time" };
	int err;

	err = write_parent_zones(dns);
	if (!err)
		err = write_domain_zones(dns);
	if (!err)
		err = write_knot(dns, "parent", parent, parent_files);
	if (!err)
		err = write_knot(dns, "domains", domains, domain_files);
	if (!err)
		err = write_unbound(dns);
	return err;
}

/* --- servers -------------------------------------------------------------------------------- */

static pid_t start(const struct lab_dns *dns, const char *netns, const char *const argv[],
		   const char *which)
{
	char log[PATH_LEN];
	const struct lab_spawn s = { argv, netns, log, -1, NULL };

	snprintf(log, sizeof(log), "%s/%s.log", dns->dir, which);
	return lab_spawn(&s);
}

static pid_t start_knot(const struct lab_dns *dns, const struct lab_net *net, const char *which)
{
	char conf[PATH_LEN], db[PATH_LEN];
	const char *const argv[] = { "knotd", "-c", conf, NULL };

	snprintf(conf, sizeof(conf), "%s/%s.conf", dns->dir, which);
	snprintf(db, sizeof(db), "%s/%s.db", dns->dir, which);
	if (mkdir(db, 0700))
		return -errno;
	return start(dns, net->names[LAB_AUTH], argv, which);
}

int lab_dns_start(struct lab_dns *dns, const struct lab_net *net)
{
	char conf[PATH_LEN];
	const char *const unbound[] = { "unbound", "-d", "-c", conf, NULL };
	int err;

	snprintf(conf, sizeof(conf), "%s/unbound.conf", dns->dir);
	err = write_all(dns);
	if (err)
		return err;
	dns->parent = start_knot(dns, net, "parent");
	dns->domains = start_knot(dns, net, "domains");
	dns->resolver = start(dns, net->names[LAB_RES], unbound, "resolver");
	if (dns->parent < 0 || dns->domains < 0 || dns->resolver < 0) {
		log_error("lab: cannot start the DNS servers");
		return -EIO;
	}
	return 0;
}

bool lab_dns_is_controllable(const struct lab_dns *dns)
{
	char parent[PATH_LEN], domains[PATH_LEN];

	snprintf(parent, sizeof(parent), "%s/parent.sock", dns->dir);
	snprintf(domains, sizeof(domains), "%s/domains.sock", dns->dir);
	return access(parent, F_OK) == 0 && access(domains, F_OK) == 0;
}

void lab_dns_stop(struct lab_dns *dns)
{
	if (dns->resolver > 0)
		lab_end(dns->resolver, SIGTERM, 2000);
	if (dns->domains > 0)
		lab_end(dns->domains, SIGTERM, 2000);
	if (dns->parent > 0)
		lab_end(dns->parent, SIGTERM, 2000);
	dns->resolver = dns->domains = dns->parent = 0;
}

/* --- rotation ------------------------------------------------------------------------------- */

/* knotc says OK for each command it carried out; its exit status is 0 in any case. */
static int commit(const struct lab_dns *dns, const char *which, struct buf *script)
{
	char socket[PATH_LEN], output[8192];
	const char *const argv[] = { "knotc", "-s", socket, NULL };
	size_t commands = 0, done = 0;
	int err;

	snprintf(socket, sizeof(socket), "%s/%s.sock", dns->dir, which);
	buf_char(script, '\0');
	if (script->failed)
		return -ENOMEM;
	for (const char *p = script->bytes; *p; p++)
		commands += *p == '\n';
	err = lab_command(argv, script->bytes, output, sizeof(output));
	for (const char *p = output; !err && (p = strstr(p, "OK")); p += 2)
		done++;
	buf_reset(script);
	if (!err && done != commands) {
		log_error("lab: knotc: %.*s", (int)strcspn(output, "\n"), output);
		err = -EIO;
	}
	return err;
}

static void script_flux(struct buf *b, unsigned int round, bool is_first)
{
	unsigned int set[LAB_FLUX_SET];
	char addr[LAB_ADDR_MAX];

	lab_flux_set(round, set);
	buf_str(b, "zone-begin rotating.example\n");
	if (!is_first)
		buf_str(b, "zone-unset rotating.example www A\n");
	for (unsigned int k = 0; k < LAB_FLUX_SET; k++) {
		lab_flux_addr(set[k], addr);
		buf_printf(b, "zone-set rotating.example www %d A %s\n", LAB_TTL, addr);
	}
}

/* New name servers: the same in the parent ("example", below "rotating") and in the zone. */
static void script_nameservers(struct buf *b, const char *zone, const char *apex, const char *below,
			       unsigned int round)
{
	unsigned int set[LAB_NS_SET], last[LAB_NS_SET];
	char addr[LAB_ADDR_MAX];

	buf_printf(b, "zone-unset %s %s NS\n", zone, apex);
	if (round)
		lab_ns_set(round - 1, last);
	else
		buf_printf(b, "zone-unset %s ns1%s A\n", zone, below);
	for (unsigned int k = 0; round && k < LAB_NS_SET; k++)
		buf_printf(b, "zone-unset %s ns%u%s A\n", zone, last[k] + 2, below);
	lab_ns_set(round, set);
	for (unsigned int k = 0; k < LAB_NS_SET; k++) {
		lab_ns_addr(set[k], addr);
		buf_printf(b, "zone-set %s %s %d NS ns%u.rotating.example.\n", zone, apex, LAB_TTL,
			   set[k] + 2);
		buf_printf(b, "zone-set %s ns%u%s %d A %s\n", zone, set[k] + 2, below, LAB_TTL,
			   addr);
	}
}

typedef void (*addr_fn)(unsigned int i, char buf[LAB_ADDR_MAX]);

/* @owner in @zone gets the addresses @set of a pool. */
static void script_pool(struct buf *b, const char *zone, const char *owner, addr_fn addr_of,
			const unsigned int *set, size_t n, bool is_first)
{
	char addr[LAB_ADDR_MAX];

	buf_printf(b, "zone-begin %s\n", zone);
	if (!is_first)
		buf_printf(b, "zone-unset %s %s A\n", zone, owner);
	for (size_t k = 0; k < n; k++) {
		addr_of(set[k], addr);
		buf_printf(b, "zone-set %s %s %d A %s\n", zone, owner, LAB_TTL, addr);
	}
	buf_printf(b, "zone-commit %s\n", zone);
}

static void script_company(struct buf *b, unsigned int round)
{
	unsigned int cdn[LAB_CDN_SET], clocks[LAB_TIME_SET];

	lab_cdn_set(round, cdn);
	script_pool(b, "pool.example", "www", lab_cdn_addr, cdn, LAB_CDN_SET, round == 0);
	lab_time_set(round, clocks);
	script_pool(b, "time.example", "pool", lab_time_addr, clocks, LAB_TIME_SET, round == 0);
}

int lab_dns_rotate(const struct lab_dns *dns, unsigned int round)
{
	const bool is_double = dns->scenario == LAB_DOUBLE;
	struct buf b = { 0 };
	int err;

	script_flux(&b, round, round == 0);
	if (is_double)
		script_nameservers(&b, "rotating.example", "@", "", round);
	buf_str(&b, "zone-commit rotating.example\n");
	script_company(&b, round);
	err = commit(dns, "domains", &b);
	if (!err && is_double) {
		buf_str(&b, "zone-begin example\n");
		script_nameservers(&b, "example", "rotating", ".rotating", round);
		buf_str(&b, "zone-commit example\n");
		err = commit(dns, "parent", &b);
	}
	buf_fini(&b);
	return err;
}

/* --- asking --------------------------------------------------------------------------------- */

static size_t build_query(const struct dns_name *name, uint16_t id, uint8_t *out)
{
	const uint8_t head[12] = { (uint8_t)(id >> 8), (uint8_t)id, 0x01, 0, 0, 1 };
	const uint8_t tail[4] = { 0, 1, 0, 1 }; /* A, IN */

	memcpy(out, head, sizeof(head));
	memcpy(out + 12, name->wire, name->len);
	memcpy(out + 12 + name->len, tail, sizeof(tail));
	return 12 + (size_t)name->len + sizeof(tail);
}

/* Addresses of the answer section, or a negative errno. */
static int read_answer(const uint8_t *bytes, size_t len, uint16_t id, struct ip_addr *ret,
		       size_t max)
{
	struct dns_message m;
	size_t n = 0;
	int err;

	dns_message_init(&m);
	err = dns_message_parse(&m, bytes, len);
	if (!err && m.id != id)
		err = -EAGAIN;
	if (!err && m.rcode != 0)
		err = -ENOENT;
	for (size_t i = 0; !err && i < m.rrs_len && n < max; i++)
		if (m.rrs[i].section == DNS_ANSWER && m.rrs[i].type == DNS_TYPE_A &&
		    m.rrs[i].rdlength == 4)
			ret[n++] = ip_from_v4(bytes + m.rrs[i].rdata);
	dns_message_fini(&m);
	return err ? err : (int)n;
}

int lab_dns_ask(int fd, const char *server, const char *name, int timeout_ms, struct ip_addr *ret,
		size_t max)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t bytes[4096];
	struct dns_name wire;
	uint16_t id;
	ssize_t n;
	int err = -EAGAIN;

	if (inet_pton(AF_INET, server, &to.sin_addr) != 1 || dns_name_from_text(name, &wire) ||
	    getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EINVAL;
	n = (ssize_t)build_query(&wire, id, bytes);
	if (sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&to, sizeof(to)) != n)
		return -errno;
	while (err == -EAGAIN) { /* answers to earlier questions may still arrive */
		if (poll(&p, 1, timeout_ms) != 1)
			return -ETIMEDOUT;
		n = recv(fd, bytes, sizeof(bytes), 0);
		err = n < 0 ? -errno : read_answer(bytes, (size_t)n, id, ret, max);
	}
	return err;
}
