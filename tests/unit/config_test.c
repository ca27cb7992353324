// SPDX-License-Identifier: BSD-2-Clause
/* config/: what is accepted, what is refused with which line, and that nothing is said twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/kernel.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/outline.h"
#include "config/value.h"
#include "store/store.h"

#define SAMPLE "packaging/fluxtap.yaml"

static struct config *parse(const char *text)
{
	struct config *cfg = NULL;
	char err[CONFIG_ERR_MAX] = "";

	if (config_parse("f.yaml", text, strlen(text), &cfg, err, sizeof(err)))
		fail_msg("refused: %s", err);
	return cfg;
}

static char *printed(const struct config *cfg)
{
	struct buf out = { 0 };

	config_print(cfg, &out);
	buf_char(&out, '\0');
	assert_false(out.failed);
	return out.bytes;
}

static void values_are_read_with_their_units(void **state)
{
	struct config *cfg =
		parse("interfaces: [eth0, 'wan*']\n"
		      "sensor: gw1\n"
		      "home_networks:\n"
		      "  - 198.18.0.0/15\n"
		      "  - \"2001:db8::/32\"\n"
		      "dns:\n  ports: [53, 5353]\n"
		      "capture:\n  mode: tc\n  egress: no\n  ring_bytes: 1MiB\n"
		      "  refresh: 1.5m\n"
		      "correlate: { keep: 36h, max_addresses: 1000 }\n"
		      "detect: { medium_score: 2.5, window_h: 48, min_confidence: low }\n"
		      "limits: { memory: 128MiB }\n"
		      "store:\n  retention: 0\n"
		      "enrich:\n  asn: [\"csv:/x.csv\", libloc]\n"
		      "eve:\n  types: [alert, dns]\n"
		      "log:\n  level: debug\n");

	(void)state;
	assert_int_equal(cfg->interfaces.len, 2);
	assert_string_equal(cfg->interfaces.items[1], "wan*");
	assert_string_equal(cfg->sensor, "gw1");
	assert_int_equal(cfg->detect.home_networks.len, 2);
	assert_string_equal(cfg->detect.home_networks.items[0], "198.18.0.0/15");
	assert_true(cfg->detect.medium_score == 2.5);
	assert_int_equal(cfg->detect.window_h, 48);
	assert_string_equal(cfg->detect.min_confidence, "low");
	assert_int_equal(cfg->detect.memory_bytes, 1 << 27);
	assert_int_equal(cfg->dns.ports_len, 2);
	assert_int_equal(cfg->dns.ports[1], 5353);
	assert_int_equal(cfg->reassembly.ports_len, 2);
	assert_int_equal(cfg->reassembly.ports[1], 5353);
	assert_int_equal(cfg->capture.mode, CONFIG_CAPTURE_TC);
	assert_false(cfg->capture.egress);
	assert_true(cfg->capture.filter);
	assert_int_equal(cfg->capture.ring_bytes, 1 << 20);
	assert_true(cfg->capture.refresh_ns == 90000000000ULL);
	assert_true(cfg->correlate.keep_ns == 36ULL * 3600 * 1000000000);
	assert_int_equal(cfg->correlate.max_addresses, 1000);
	assert_int_equal(cfg->store.retention_ns, 0);
	assert_string_equal(cfg->enrich.asn.items[0], "csv:/x.csv");
	assert_int_equal(cfg->eve.types, CONFIG_EVENT_DNS | CONFIG_EVENT_ALERT);
	assert_int_equal(cfg->log.level, LOG_LEVEL_DEBUG);
	config_free(cfg);
}

static void an_empty_file_is_all_defaults(void **state)
{
	static const char *const texts[] = {"",		  "# nothing\n", "---\n",
					    "---\n...\n", "{}\n",	 "eve: {}\n"};
	struct config *initial = config_default();
	char *want = printed(initial);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *cfg = NULL;
		char err[CONFIG_ERR_MAX] = "", *got;
		int rc = config_parse("f", texts[i], strlen(texts[i]), &cfg, err, sizeof(err));

		/* "---" holds one empty scalar: no keys, refused as such */
		if (i == 2 || i == 3) {
			assert_int_equal(rc, -EINVAL);
			continue;
		}
		assert_int_equal(rc, 0);
		got = printed(cfg);
		assert_string_equal(got, want);
		free(got);
		config_free(cfg);
	}
	free(want);
	config_free(initial);
}

static void what_is_wrong_is_named_with_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *err;
	} cases[] = {
		{"sensor: a\nsensors: b\n",
		 "f.yaml:2: sensors: unknown key (did you mean sensor?)"},
		{"capture:\n  rings: 5\n", "f.yaml:2: capture.rings: unknown key"},
		{"capture.mode: tc\n", "f.yaml:1: capture.mode: unknown key"},
		{"sensor: a\n\nsensor: b\n", "f.yaml:3: sensor: stands twice, first in line 1"},
		{"capture:\n  ring_bytes: 16MX\n",
		 "f.yaml:2: capture.ring_bytes: \"16MX\" is not a size"},
		{"capture:\n  ring_bytes: 3MiB\n",
		 "f.yaml:2: capture.ring_bytes: 3MiB is not a power of two"},
		{"capture:\n\n  ring_bytes: 4KiB\n",
		 "f.yaml:3: capture.ring_bytes: 4KiB is out of range (64KiB to 1GiB)"},
		{"correlate:\n  keep: 5\n", "f.yaml:2: correlate.keep: \"5\" is not a duration"},
		{"capture:\n  mode: fast\n",
		 "f.yaml:2: capture.mode: \"fast\" is not one of auto, native, generic, tc"},
		{"capture:\n  egress: maybe\n",
		 "f.yaml:2: capture.egress: \"maybe\" is neither true nor false"},
		{"home_networks: [10.0.0.1/8]\n",
		 "f.yaml:1: home_networks: \"10.0.0.1/8\" is not a network"},
		{"dns:\n  ports: [0]\n", "f.yaml:2: dns.ports: 0 is out of range (1 to 65535)"},
		{"dns:\n  ports: []\n", "f.yaml:2: dns.ports: needs 1 to 16 ports"},
		{"interfaces: eth0\n", "f.yaml:1: interfaces: a list is wanted"},
		{"interfaces: [[a]]\n", "f.yaml:1: interfaces: a list of plain values is wanted"},
		{"interfaces: ['']\n", "f.yaml:1: interfaces: holds an empty entry"},
		{"sensor: [a]\n", "f.yaml:1: sensor: a single value is wanted"},
		{"eve: yes\n", "f.yaml:1: eve: is a section"},
		{"eve:\n  path: eve.json\n",
		 "f.yaml:2: eve.path: \"eve.json\" is not an absolute path"},
		{"eve:\n  path: ''\n", "f.yaml:2: eve.path: is empty while eve.enabled is true"},
		{"enrich:\n  asn: [geoip]\n",
		 "f.yaml:2: enrich.asn: \"geoip\" is not libloc, mmdb:FILE or csv:FILE"},
		{"sensor: &a x\nprivileges:\n  user: *a\n",
		 "f.yaml:3: privileges.user: aliases are not supported"},
		{"- a\n", "f.yaml:1: keys are wanted"},
		{"hello\n", "f.yaml:1: keys are wanted"},
		{"sensor: a\n---\nsensor: b\n", "f.yaml:2: a second document is not supported"},
		{"sensor: a\n  mode: b\n", "f.yaml:2: not valid YAML: "},
		{"sensor: \"a\\0b\"\n", "f.yaml:1: sensor: holds a NUL character"},
		{"sensor: \"a\\nb\"\n", "f.yaml:1: sensor: holds a control character"},
		{"\"a\\nb\": 1\n", "f.yaml:1: a?b: unknown key"},
		{"? [a]\n: b\n", "f.yaml:1: a key is wanted"},
		{"sensor: a\n\xff\n", "f.yaml:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *cfg = NULL;
		char err[CONFIG_ERR_MAX] = "";

		assert_int_equal(config_parse("f.yaml", cases[i].text, strlen(cases[i].text), &cfg,
					      err, sizeof(err)),
				 -EINVAL);
		assert_null(cfg);
		if (strncmp(err, cases[i].err, strlen(cases[i].err)) != 0)
			fail_msg("for:\n%swanted: %s\ngot:    %s", cases[i].text, cases[i].err,
				 err);
		assert_null(strchr(err, '\n'));
	}
}

static void what_cannot_be_read_names_the_file(void **state)
{
	struct config *cfg = NULL;
	char err[CONFIG_ERR_MAX] = "";

	(void)state;
	assert_int_equal(config_load("/nonexistent/f.yaml", &cfg, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "/nonexistent/f.yaml: No such file or directory");
	assert_int_equal(config_load("/", &cfg, err, sizeof(err)), -EISDIR);
	assert_int_equal(config_load("/dev/zero", &cfg, err, sizeof(err)), -EFBIG);
}

static void set_changes_one_key_or_nothing(void **state)
{
	static const char *const bad_texts[] = {"a\xff",	"\xc3",	    "\xc0\xaf",
						"\xed\xa0\x80", "\xc2\x85", "\xe2\x80\xa8"};
	struct config *cfg = config_default();
	char err[CONFIG_ERR_MAX];

	(void)state;
	assert_int_equal(config_set(cfg, "correlate.keep", "2h", err, sizeof(err)), 0);
	assert_true(cfg->correlate.keep_ns == 7200000000000ULL);
	assert_int_equal(config_set(cfg, "correlate.keep", "long", err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "correlate.keep: \"long\""));
	assert_true(cfg->correlate.keep_ns == 7200000000000ULL);
	assert_int_equal(config_set(cfg, "interfaces", " a , b", err, sizeof(err)), 0);
	assert_int_equal(cfg->interfaces.len, 2);
	assert_string_equal(cfg->interfaces.items[0], "a");
	assert_int_equal(config_set(cfg, "interfaces", "a,,b", err, sizeof(err)), -EINVAL);
	assert_int_equal(cfg->interfaces.len, 2);
	assert_int_equal(config_set(cfg, "sensor", "gw \xc3\xa9\xf0\x9f\x8c\x90", err, sizeof(err)),
			 0);
	/* bytes that are no UTF-8, an overlong form, a surrogate, U+0085, U+2028 */
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++)
		assert_int_equal(config_set(cfg, "sensor", bad_texts[i], err, sizeof(err)),
				 -EINVAL);
	assert_int_equal(config_set(cfg, "interfaces", "", err, sizeof(err)), 0);
	assert_int_equal(cfg->interfaces.len, 0);
	assert_int_equal(config_set(cfg, "limits.memory", "32MiB", err, sizeof(err)), 0);
	assert_int_equal(cfg->detect.memory_bytes, 1 << 25);
	assert_int_equal(config_set(cfg, "detect.medium_score", "9", err, sizeof(err)), 0);
	assert_int_equal(config_check(cfg, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "detect.high_score: below medium_score");
	assert_int_equal(config_set(cfg, "detect.high_score", "9", err, sizeof(err)), 0);
	assert_int_equal(config_check(cfg, err, sizeof(err)), 0);
	assert_int_equal(config_set(cfg, "capture", "x", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "capture: unknown key");
	config_free(cfg);
}

static void printed_configuration_reads_back_the_same(void **state)
{
	struct config *cfg = parse("interfaces: ['a\"b', 'c\\d', '*', 'x: y', '#z']\n"
				   "sensor: 'null'\n"
				   "home_networks: [192.0.2.0/24, '::/0']\n"
				   "capture: { refresh: 1500ms }\n"
				   "store: { retention: 0, enabled: off }\n"
				   "eve: { types: [] }\n");
	char *first = printed(cfg), *second;
	struct config *again = parse(first);

	(void)state;
	second = printed(again);
	assert_string_equal(first, second);
	assert_string_equal(again->interfaces.items[0], "a\"b");
	assert_string_equal(again->interfaces.items[4], "#z");
	assert_true(again->capture.refresh_ns == 1500000000);
	free(first);
	free(second);
	config_free(cfg);
	config_free(again);
}

static void amounts_have_units_and_bounds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns; /* UINT64_MAX: refused */
	} durations[] = {
		{"0", 0},
		{"0s", 0},
		{"250ms", 250000000},
		{"1.5s", 1500000000},
		{"2d", 172800000000000},
		{"5", UINT64_MAX},
		{"", UINT64_MAX},
		{"s", UINT64_MAX},
		{"-5s", UINT64_MAX},
		{"1e3s", UINT64_MAX},
		{"5 s", UINT64_MAX},
		{"1.s", UINT64_MAX},
		{"999999999999999999999d", UINT64_MAX},
		{"5sec", UINT64_MAX},
	};
	uint64_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		int rc = value_duration(durations[i].text, &got);

		assert_int_equal(rc, durations[i].ns == UINT64_MAX ? -EINVAL : 0);
		if (!rc)
			assert_true(got == durations[i].ns);
	}
	assert_int_equal(value_size("4096", &got), 0);
	assert_int_equal(got, 4096);
	assert_int_equal(value_size("0.5GiB", &got), 0);
	assert_int_equal(got, 1 << 29);
	assert_int_equal(value_size("5MB", &got), -EINVAL);
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void sample_holds_every_key_at_its_default(void **state)
{
	struct config *sample = NULL, *initial = config_default();
	char err[CONFIG_ERR_MAX] = "", *got, *want, *text;
	struct outline outline;

	(void)state;
	if (config_load(SAMPLE, &sample, err, sizeof(err)))
		fail_msg("%s", err);
	text = file_text(SAMPLE);
	assert_int_equal(outline_read(SAMPLE, text, strlen(text), &outline, err, sizeof(err)), 0);
	for (size_t i = 0; i < config_keys_len; i++)
		if (!outline.lines[i])
			fail_msg("%s lacks %s", SAMPLE, config_keys[i].path);
	outline_fini(&outline);
	free(text);
	got = printed(sample);
	want = printed(initial);
	assert_string_equal(got, want);
	free(got);
	free(want);
	config_free(sample);
	config_free(initial);
}

/* What a module states as its default is the default of the keys that set it. */
static void defaults_are_those_of_the_modules(void **state)
{
	const struct kernel_config kernel = kernel_config_default();
	const struct reassembly_config reassembly = reassembly_config_default();
	const struct correlate_config correlate = correlate_config_default();
	const struct detect_config detect = detect_config_default();
	const struct store_config store = store_config_default();
	struct config *cfg = config_default();

	(void)state;
	assert_int_equal(cfg->capture.ring_bytes, kernel.ring_bytes);
	assert_int_equal(cfg->capture.filter, kernel.filter);
	assert_int_equal(cfg->capture.filter_bytes, kernel.filter_bytes);
	assert_int_equal(cfg->capture.refresh_ns, kernel.refresh_ns);
	assert_int_equal(cfg->capture.follow_tcp, kernel.follow_tcp);
	assert_int_equal(cfg->capture.follow_fragments, kernel.follow_fragments);
	assert_memory_equal(cfg->dns.ports, kernel.ports, sizeof(cfg->dns.ports));
	assert_memory_equal(cfg->reassembly.ports, reassembly.ports, sizeof(reassembly.ports));
	assert_int_equal(cfg->reassembly.max_tcp_bytes, reassembly.max_tcp_bytes);
	assert_memory_equal(&cfg->correlate, &correlate, sizeof(correlate));
	assert_int_equal(cfg->limits.memory, detect.memory_bytes);
	assert_int_equal(cfg->store.flush_interval_ns, store.interval_ns);
	assert_int_equal(cfg->store.retention_ns, store.max_age_s * 1000000000);
	config_free(cfg);
}

/* The words of a choice are counted like the values of the enum it is handed to. */
static void choices_are_those_of_the_modules(void **state)
{
	(void)state;
	assert_int_equal(CONFIG_CLIENTS_OFF, KERNEL_CLIENTS_OFF);
	assert_int_equal(CONFIG_CLIENTS_HOSTS, KERNEL_CLIENTS_HOSTS);
	assert_int_equal(CONFIG_CLIENTS_ALL, KERNEL_CLIENTS_ALL);
	assert_int_equal(CONFIG_CAPTURE_AUTO, KERNEL_MODE_AUTO);
	assert_int_equal(CONFIG_CAPTURE_NATIVE, KERNEL_MODE_NATIVE);
	assert_int_equal(CONFIG_CAPTURE_GENERIC, KERNEL_MODE_GENERIC);
	assert_int_equal(CONFIG_CAPTURE_TC, KERNEL_MODE_TC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_with_their_units),
		cmocka_unit_test(an_empty_file_is_all_defaults),
		cmocka_unit_test(what_is_wrong_is_named_with_file_line_and_key),
		cmocka_unit_test(what_cannot_be_read_names_the_file),
		cmocka_unit_test(set_changes_one_key_or_nothing),
		cmocka_unit_test(printed_configuration_reads_back_the_same),
		cmocka_unit_test(amounts_have_units_and_bounds),
		cmocka_unit_test(defaults_are_those_of_the_modules),
		cmocka_unit_test(choices_are_those_of_the_modules),
		cmocka_unit_test(sample_holds_every_key_at_its_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
