// SPDX-License-Identifier: BSD-2-Clause
/* capture/process and capture/udp_hold: records to processes, probes told from contacts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "capture/process.h"
#include "capture/udp_hold.h"

#define HEX  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BOOT 1700000000000000000ULL

static void units_and_containers(void **state)
{
	static const struct {
		const char *cgroup, *unit, *container;
	} cases[] = {
		{ "/", "", "" },
		{ "/system.slice/nginx.service", "nginx.service", "" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
		  "app-x.scope", "" },
		{ "/system.slice/docker-" HEX ".scope", "", HEX },
		{ "/docker/" HEX, "", HEX },
		{ "/machine.slice/libpod-" HEX ".scope/container", "", HEX },
		{ "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" HEX ".scope", "",
		  HEX },
		{ "/kubepods/burstable/pod1/" HEX, "", HEX },
		{ "/system.slice/containerd.service/kubepods/" HEX, "containerd.service", HEX },
		{ "/ecs/task/0123456789abcdef0123456789abcdef-4711", "",
		  "0123456789abcdef0123456789abcdef-4711" },
		{ "/lxc.payload.web1", "", "web1" },
		{ "/machine.slice/machine-db.scope", "", "db" },
		{ "/" HEX "0", "", "" }, /* 65 digits are no id */
	};
	char unit[PROCESS_UNIT_MAX], container[PROCESS_CONTAINER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		process_cgroup_names(cases[i].cgroup, unit, container);
		assert_string_equal(unit, cases[i].unit);
		assert_string_equal(container, cases[i].container);
	}
}

static void put(struct ft_conn_process *p, uint16_t *bytes, const char *part)
{
	memcpy(p->text + p->cmdline_bytes + p->exe_bytes + p->cgroup_bytes, part, strlen(part) + 1);
	*bytes = (uint16_t)(*bytes + strlen(part) + 1);
}

static struct ft_conn_process *record(uint32_t pid, uint64_t start_ns)
{
	static struct ft_conn_process p;

	memset(&p, 0, sizeof(p));
	p.pid = pid;
	p.ppid = 1;
	p.start_ns = start_ns;
	memcpy(p.comm, "curl", 5);
	put(&p, &p.cmdline_bytes, "curl");
	put(&p, &p.cmdline_bytes, "-v");
	put(&p, &p.exe_bytes, "curl");
	put(&p, &p.exe_bytes, "bin");
	put(&p, &p.exe_bytes, "usr");
	put(&p, &p.cgroup_bytes, "a.service");
	put(&p, &p.cgroup_bytes, "system.slice");
	return &p;
}

static void a_record_becomes_a_process(void **state)
{
	struct process_table *t;
	struct process_info info;

	(void)state;
	assert_int_equal(process_table_new(64, BOOT, &hash_key_fixed, &t), 0);
	assert_int_equal(process_table_record(t, record(4000000, 1234567890)), 0);
	assert_true(process_table_get(t, 4000000, 1234567890, 0, &info));
	assert_string_equal(info.exe, "/usr/bin/curl");
	assert_string_equal(info.cmdline, "curl -v");
	assert_string_equal(info.cgroup, "/system.slice/a.service");
	assert_string_equal(info.unit, "a.service");
	assert_string_equal(info.user, "root");
	assert_null(info.container_id);
	assert_int_equal(info.start_ns, BOOT + 1230000000);
	/* the same pid later is another process, and so is what it executed */
	assert_false(process_table_get(t, 4000000, 9234567890, 0, &info));
	assert_false(process_table_get(t, 4000000, 1234567890, 1, &info));
	assert_null(info.exe);
	assert_int_equal(info.pid, 4000000);
	process_table_free(t);
}

static void the_table_is_bounded(void **state)
{
	struct process_stats before, after;
	struct process_table *t;

	(void)state;
	assert_int_equal(process_table_new(64, BOOT, &hash_key_fixed, &t), 0);
	for (uint32_t i = 0; i < 64; i++)
		process_table_record(t, record(4000000 + i, i * 100000000));
	process_table_stats(t, &before);
	for (uint32_t i = 64; i < 5000; i++)
		process_table_record(t, record(4000000 + i, i * 100000000));
	process_table_stats(t, &after);
	assert_true(after.processes <= 64);
	assert_int_equal(after.processes + after.evicted, 5000);
	assert_true(after.table_bytes < 2 * before.table_bytes);
	process_table_free(t);
}

static void a_running_process_is_found_in_proc(void **state)
{
	struct process_table *t;
	struct process_info info;
	char exe[256] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(process_table_new(64, BOOT, &hash_key_fixed, &t), 0);
	assert_int_equal(process_table_running(t, (uint32_t)getpid(), &info), 0);
	assert_string_equal(info.exe, exe);
	assert_int_equal(info.ppid, getppid());
	assert_int_equal(info.uid, getuid());
	assert_true(info.start_ns > BOOT);
	process_table_free(t);
}

/* --- probes ---------------------------------------------------------------------------------- */

struct released {
	size_t count;
	uint16_t last_port;
};

static void on_release(void *ctx, const struct ft_conn *rec)
{
	struct released *r = ctx;

	r->count++;
	r->last_port = ntohs(rec->dport);
}

static void udp(struct udp_hold *h, uint32_t tid, uint64_t sock, const char *dst, uint16_t port,
		uint64_t time_ns)
{
	struct ft_conn rec = { .tid = tid,
			       .sock = sock,
			       .proto = IPPROTO_UDP,
			       .dport = htons(port),
			       .event = FT_CONN_OK };

	if (strchr(dst, ':')) {
		inet_pton(AF_INET6, dst, rec.dst);
	} else {
		rec.dst[10] = rec.dst[11] = 0xff;
		inet_pton(AF_INET, dst, rec.dst + 12);
	}
	rec.hdr.time_ns = time_ns;
	udp_hold_add(h, &rec);
}

static void probes_are_told_from_contacts(void **state)
{
	static const uint64_t ms = 1000000;
	struct released r = {};
	struct udp_hold *h;

	(void)state;
	assert_int_equal(udp_hold_new(20 * ms, on_release, &r, &h), 0);
	/* glibc: one socket, three addresses, the last of the other family on another socket */
	udp(h, 1, 100, "192.0.2.1", 443, 1 * ms);
	udp(h, 1, 100, "192.0.2.2", 443, 1 * ms);
	udp(h, 1, 101, "2001:db8::1", 443, 2 * ms);
	/* Go, musl, no service */
	udp(h, 2, 200, "192.0.2.1", 9, 3 * ms);
	udp(h, 3, 300, "192.0.2.1", 65535, 3 * ms);
	udp(h, 3, 301, "192.0.2.1", 0, 3 * ms);
	/* an NTP client: several sockets, several servers; a resolver: several servers, one socket
	 */
	udp(h, 4, 400, "192.0.2.1", 123, 4 * ms);
	udp(h, 4, 401, "192.0.2.2", 123, 4 * ms);
	udp(h, 5, 500, "192.0.2.53", 53, 5 * ms);
	udp(h, 5, 500, "192.0.2.54", 53, 5 * ms);
	/* reconnecting to the same address; another thread to another one */
	udp(h, 6, 600, "192.0.2.1", 443, 6 * ms);
	udp(h, 6, 600, "192.0.2.1", 443, 6 * ms);
	udp(h, 7, 700, "192.0.2.9", 443, 6 * ms);
	udp_hold_release(h, 20 * ms);
	assert_int_equal(r.count, 0);
	udp_hold_release(h, 26 * ms);
	assert_int_equal(r.count, 7);
	assert_int_equal(udp_hold_probes(h), 6);
	udp_hold_free(h);
}

static void a_full_hold_lets_go(void **state)
{
	struct released r = {};
	struct udp_hold *h;

	(void)state;
	assert_int_equal(udp_hold_new(1000, on_release, &r, &h), 0);
	for (uint32_t i = 0; i < UDP_HOLD_MAX + 10; i++)
		udp(h, i, i, "192.0.2.1", 123, i);
	assert_int_equal(r.count, 10);
	assert_int_equal(udp_hold_full(h), 10);
	udp_hold_release(h, 1000000);
	assert_int_equal(r.count, UDP_HOLD_MAX + 10);
	udp_hold_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_and_containers),
		cmocka_unit_test(a_record_becomes_a_process),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(a_running_process_is_found_in_proc),
		cmocka_unit_test(probes_are_told_from_contacts),
		cmocka_unit_test(a_full_hold_lets_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
