// SPDX-License-Identifier: BSD-2-Clause
/*
 * What kernel and user space hand each other has one layout: the BTF of the objects that are loaded
 * against what this compiler makes of the same headers, member by member.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/btf.h>

#include <fluxtap/connect.h>
#include <fluxtap/event.h>
#include <fluxtap/ledger.h>
#include <settings.h>

struct member {
	const char *name;
	size_t offset, bytes;
};

struct layout {
	const char *object, *name;
	size_t bytes;
	const struct member *members;
	size_t members_len;
};

#define M(type, f)                                                             \
	{                                                                      \
#f, offsetof(struct type, f), sizeof(((struct type *)NULL)->f) \
	}
#define FLEXIBLE(type, f)                       \
	{                                       \
#f, offsetof(struct type, f), 0 \
	}
#define LAYOUT(object, type)                                     \
	{                                                        \
		object, #type, sizeof(struct type), of_##type,   \
			sizeof(of_##type) / sizeof(of_##type[0]) \
	}

static const struct member of_ft_event_hdr[] = {
	M(ft_event_hdr, kind),
	M(ft_event_hdr, version),
	M(ft_event_hdr, size),
	M(ft_event_hdr, time_ns),
};

static const struct member of_ft_packet[] = {
	M(ft_packet, src),	 M(ft_packet, dst),	   M(ft_packet, sport),
	M(ft_packet, dport),	 M(ft_packet, ifindex),	   M(ft_packet, wire_bytes),
	M(ft_packet, vlan),	 M(ft_packet, tunnel),	   M(ft_packet, vlans),
	M(ft_packet, tunnels),	 M(ft_packet, ip_version), M(ft_packet, ip_proto),
	M(ft_packet, direction), M(ft_packet, has_mac),	   M(ft_packet, smac),
	M(ft_packet, dmac),	 M(ft_packet, ip_ttl),	   M(ft_packet, pad),
};

static const struct member of_ft_response[] = {
	M(ft_response, hdr),	   M(ft_response, pkt),
	M(ft_response, name_hash), M(ft_response, fingerprint),
	M(ft_response, repeats),   M(ft_response, ttl_min),
	M(ft_response, ttl_max),   M(ft_response, records),
	M(ft_response, status),	   M(ft_response, message_bytes),
	M(ft_response, novelty),   M(ft_response, walked),
	M(ft_response, first_ns),  FLEXIBLE(ft_response, message),
};

static const struct member of_ft_fragment[] = {
	M(ft_fragment, hdr),
	M(ft_fragment, pkt),
	M(ft_fragment, id),
	M(ft_fragment, offset),
	M(ft_fragment, payload_bytes),
	M(ft_fragment, more),
	M(ft_fragment, pad),
	FLEXIBLE(ft_fragment, payload),
};

static const struct member of_ft_segment[] = {
	M(ft_segment, hdr),	      M(ft_segment, pkt),
	M(ft_segment, seq),	      M(ft_segment, ack),
	M(ft_segment, payload_bytes), M(ft_segment, flags),
	M(ft_segment, pad),	      FLEXIBLE(ft_segment, payload),
};

static const struct member of_ft_refused[] = {
	M(ft_refused, hdr),
	M(ft_refused, pkt),
	M(ft_refused, reason),
	M(ft_refused, pad),
};

static const struct member of_ft_flow[] = {
	M(ft_flow, hdr),
	M(ft_flow, pkt),
	M(ft_flow, event),
	M(ft_flow, pad),
};

static const struct member of_ft_conn[] = {
	M(ft_conn, hdr),   M(ft_conn, attempt_ns), M(ft_conn, established_ns), M(ft_conn, start_ns),
	M(ft_conn, sock),  M(ft_conn, bytes_sent), M(ft_conn, bytes_received), M(ft_conn, pid),
	M(ft_conn, tid),   M(ft_conn, exec_id),	   M(ft_conn, netns),	       M(ft_conn, err),
	M(ft_conn, src),   M(ft_conn, dst),	   M(ft_conn, sport),	       M(ft_conn, dport),
	M(ft_conn, event), M(ft_conn, proto),	   M(ft_conn, flags),	       M(ft_conn, pad),
};

static const struct member of_ft_conn_process[] = {
	M(ft_conn_process, hdr),       M(ft_conn_process, start_ns),
	M(ft_conn_process, cgroup_id), M(ft_conn_process, pid),
	M(ft_conn_process, ppid),      M(ft_conn_process, exec_id),
	M(ft_conn_process, uid),       M(ft_conn_process, cmdline_bytes),
	M(ft_conn_process, exe_bytes), M(ft_conn_process, cgroup_bytes),
	M(ft_conn_process, exe_cut),   M(ft_conn_process, cgroup_cut),
	M(ft_conn_process, comm),      M(ft_conn_process, text),
};

static const struct member of_ft_conn_count_line[] = { M(ft_conn_count_line, n) };

static const struct layout layouts[] = {
	LAYOUT("dns", ft_event_hdr),
	LAYOUT("dns", ft_packet),
	LAYOUT("dns", ft_response),
	LAYOUT("dns", ft_fragment),
	LAYOUT("dns", ft_segment),
	LAYOUT("dns", ft_refused),
	LAYOUT("dns", ft_flow),
	LAYOUT("connect", ft_event_hdr),
	LAYOUT("connect", ft_conn),
	LAYOUT("connect", ft_conn_process),
	LAYOUT("connect", ft_conn_count_line),
};

static struct btf *read_btf(const char *object)
{
	const char *build = getenv("BUILD");
	char path[300];
	struct btf *btf;

	snprintf(path, sizeof(path), "%s/bpf/%s.bpf.o", build ? build : "build", object);
	btf = btf__parse_elf(path, NULL);
	if (!btf)
		fail_msg("%s: no BTF", path);
	return btf;
}

static const struct btf_type *find(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	if (id <= 0)
		fail_msg("struct %s is not in the object's BTF", name);
	return btf__type_by_id(btf, (uint32_t)id);
}

static void compare(const struct btf *btf, const struct layout *want)
{
	const struct btf_type *t = find(btf, want->name);
	const struct btf_member *m = btf_members(t);

	assert_int_equal(t->size, want->bytes);
	assert_int_equal(btf_vlen(t), want->members_len);
	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, m[i].name_off);
		const struct member *w = &want->members[i];

		assert_string_equal(name, w->name);
		if (btf_member_bit_offset(t, i) != w->offset * 8 ||
		    btf__resolve_size(btf, m[i].type) != (int64_t)w->bytes)
			fail_msg("%s.%s: at bit %u with %lld octets, not octet %zu with %zu",
				 want->name, name, btf_member_bit_offset(t, i),
				 (long long)btf__resolve_size(btf, m[i].type), w->offset, w->bytes);
	}
}

static void records_have_one_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct btf *btf = read_btf(layouts[i].object);

		compare(btf, &layouts[i]);
		btf__free(btf);
	}
}

/* What the daemon writes before loading and reads from maps: their sizes stand for the rest. */
static void settings_and_maps_have_one_size(void **state)
{
	struct btf *btf = read_btf("dns");

	(void)state;
	assert_int_equal(find(btf, "ft_settings")->size, sizeof(struct ft_settings));
	assert_int_equal(find(btf, "ft_counters")->size, sizeof(struct ft_counters));
	assert_int_equal(find(btf, "ft_known")->size, sizeof(struct ft_known));
	btf__free(btf);
}

static const char *enum_name(const struct btf *btf, const struct btf_type *t, int32_t value)
{
	const struct btf_enum *e = btf_enum(t);

	for (uint16_t i = 0; i < btf_vlen(t); i++)
		if (e[i].val == value)
			return btf__name_by_offset(btf, e[i].name_off);
	fail_msg("enum ft_counter has no value %d", value);
	return "";
}

/* The outcomes of a frame have the same numbers on both sides. */
static void counters_have_one_number(void **state)
{
	static const struct {
		const char *name;
		int32_t value;
	} want[] = {
#define FT_AS_PAIR(upper, lower) { "FT_STAGE_" #upper, FT_STAGE_##upper },
		FT_STAGES(FT_AS_PAIR)
#undef FT_AS_PAIR
#define FT_AS_PAIR(upper, lower) { "FT_REASON_" #upper, FT_REASON_##upper },
			FT_REASONS(FT_AS_PAIR)
#undef FT_AS_PAIR
	};
	struct btf *btf = read_btf("dns");
	int id = btf__find_by_name_kind(btf, "ft_counter", BTF_KIND_ENUM);
	const struct btf_type *t;

	(void)state;
	assert_true(id > 0);
	t = btf__type_by_id(btf, (uint32_t)id);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(enum_name(btf, t, want[i].value), want[i].name);
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_have_one_layout),
		cmocka_unit_test(settings_and_maps_have_one_size),
		cmocka_unit_test(counters_have_one_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
