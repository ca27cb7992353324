// SPDX-License-Identifier: BSD-2-Clause
/* The event types by name, as --emit and eve.types list them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "pipeline/pipeline.h"

static const struct {
	const char *name;
	unsigned int bit;
} events[] = {
	{ "dns", PIPELINE_DNS },	 { "anomaly", PIPELINE_ANOMALY },
	{ "churn", PIPELINE_CHURN },	 { "connect", PIPELINE_CONNECT },
	{ "alert", PIPELINE_ALERT },	 { "stats", PIPELINE_STATS },
	{ "all", PIPELINE_ALL },	 { "none", 0 },
};

int cli_parse_emit(const char *list, unsigned int *ret_bits)
{
	unsigned int bits = 0;

	while (*list) {
		size_t n = strcspn(list, ","), i;

		for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
			if (strlen(events[i].name) == n && !strncmp(events[i].name, list, n))
				break;
		if (i == sizeof(events) / sizeof(events[0])) {
			fprintf(stderr,
				"fluxtap: --emit: unknown event type '%.*s' (dns, anomaly, churn, "
				"connect, alert, stats, all, none)\n",
				(int)n, list);
			return -EINVAL;
		}
		bits |= events[i].bit;
		list += n + (list[n] == ',');
	}
	*ret_bits = bits;
	return 0;
}

int cli_parse_output(const char *word, bool *ret_human)
{
	if (strcmp(word, "json") && strcmp(word, "text")) {
		fprintf(stderr, "fluxtap: -o: '%s' is neither json nor text\n", word);
		return -EINVAL;
	}
	*ret_human = word[0] == 't';
	return 0;
}
