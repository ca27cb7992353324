// SPDX-License-Identifier: BSD-2-Clause
/* doctor/: findings decide the exit status; a taken slot and a missing interface are told. */
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <yajl/yajl_tree.h>
#include <cmocka.h>

#include "doctor/doctor.h"

static char text[16384];

static int run(const char *interface, bool json)
{
	const struct doctor_config cfg = {
		.interfaces = &interface,
		.interfaces_len = interface ? 1 : 0,
		.json = json,
	};
	FILE *out = fmemopen(text, sizeof(text), "w");
	int code;

	assert_non_null(out);
	memset(text, 0, sizeof(text));
	code = doctor_run(out, &cfg);
	fclose(out);
	return code;
}

/* XDP_PASS as instructions, under the name given. */
static int load_pass(const char *name)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", insns, 2, NULL);
}

static void with_program(const char *name, const char *want, int want_code)
{
	int ifindex, fd;

	ifindex = (int)if_nametoindex("ftdoc0");
	fd = load_pass(name);
	assert_true(ifindex > 0 && fd >= 0);
	assert_int_equal(bpf_xdp_attach(ifindex, fd, 0, NULL), 0);
	assert_int_equal(run("ftdoc0", false), want_code);
	assert_non_null(strstr(text, want));
	assert_int_equal(bpf_xdp_detach(ifindex, 0, NULL), 0);
	close(fd);
}

static int own_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	return system("ip link set lo up && ip link add ftdoc0 type veth peer name ftdoc1 &&"
		      "ip link set ftdoc0 up && ip link set ftdoc1 up");
}

static void a_capable_machine_passes(void **state)
{
	(void)state;
	assert_int_equal(run("ftdoc0", false), 0);
	assert_non_null(strstr(text, "XDP in the driver (veth)"));
	assert_non_null(strstr(text, "fluxtap run works here"));
	assert_null(strstr(text, "fail "));
}

static void a_missing_interface_fails(void **state)
{
	(void)state;
	assert_int_equal(run("ftnone", false), 3);
	assert_non_null(strstr(text, "no interface \"ftnone\""));
}

static void no_default_route_is_told(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, false), 0);
	assert_non_null(strstr(text, "no default route"));
	assert_non_null(strstr(text, "lo "));
}

static void a_taken_slot_is_told(void **state)
{
	(void)state;
	with_program("other_prog", "\"other_prog\"", 0);
	with_program("ft_xdp", "attached already", 3);
}

static void a_link_that_is_down_is_told(void **state)
{
	(void)state;
	assert_int_equal(system("ip link set ftdoc0 down"), 0);
	assert_int_equal(run("ftdoc0", false), 0);
	assert_non_null(strstr(text, "ip link set ftdoc0 up"));
	assert_int_equal(system("ip link set ftdoc0 up mtu 9000"), 0);
	assert_int_equal(run("ftdoc0", false), 0);
	assert_non_null(strstr(text, "if it takes several buffers a frame (mtu 9000)"));
	assert_int_equal(system("ip link set ftdoc0 mtu 1500"), 0);
}

static void json_says_the_same(void **state)
{
	static const char *ok[] = { "ok", NULL };
	static const char *checks[] = { "checks", NULL };
	static const char *status[] = { "status", NULL };
	yajl_val tree, list;
	size_t failed = 0;

	(void)state;
	assert_int_equal(run("ftnone", true), 3);
	tree = yajl_tree_parse(text, NULL, 0);
	assert_non_null(tree);
	assert_true(YAJL_IS_FALSE(yajl_tree_get(tree, ok, yajl_t_any)));
	list = yajl_tree_get(tree, checks, yajl_t_array);
	assert_non_null(list);
	for (size_t i = 0; i < YAJL_GET_ARRAY(list)->len; i++) {
		yajl_val v = yajl_tree_get(YAJL_GET_ARRAY(list)->values[i], status, yajl_t_string);

		assert_non_null(v);
		failed += strcmp(v->u.string, "fail") == 0;
	}
	assert_int_equal(failed, 1);
	yajl_tree_free(tree);
}

static void without_privileges_run_would_not_work(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		_exit(setresuid(65534, 65534, 65534) ? 99 : run("ftdoc0", false));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capable_machine_passes),
		cmocka_unit_test(a_missing_interface_fails),
		cmocka_unit_test(no_default_route_is_told),
		cmocka_unit_test(a_taken_slot_is_told),
		cmocka_unit_test(a_link_that_is_down_is_told),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(without_privileges_run_would_not_work),
	};

	if (geteuid() != 0) {
		puts("1..1\nok 1 # SKIP needs root for a network namespace");
		return 0;
	}
	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
