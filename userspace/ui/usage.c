// SPDX-License-Identifier: BSD-2-Clause
#include "ui/usage.h"

#include <string.h>

#define HELP_COLUMN 28

#define OPTION_CONFIG                                                                  \
	{                                                                              \
		'c', "config", "FILE",                                                 \
			"read the configuration from FILE (/etc/fluxtap/fluxtap.yaml)" \
	}
#define OPTION_SET                                                                       \
	{                                                                                \
		0, "set", "KEY=VALUE", "override one configuration key; may be repeated" \
	}
#define OPTION_SOCKET                                                                   \
	{                                                                               \
		's', "socket", "PATH", "control socket of the monitor (control.socket)" \
	}
#define OPTION_VERBOSE                                                  \
	{                                                               \
		'v', "verbose", NULL, "more messages on standard error" \
	}
#define OPTION_HELP                                  \
	{                                            \
		'h', "help", NULL, "print this help" \
	}
#define OPTION_END                  \
	{                           \
		0, NULL, NULL, NULL \
	}

static const struct usage_option run_options[] = {
	OPTION_CONFIG,
	{ 'i', "interface", "IFACE", "watch IFACE, a name or a wildcard; may be repeated" },
	{ 'o', "output", "FORMAT",
	  "text: a live view; json: events as JSON Lines (when no terminal)" },
	{ 0, "check-config", NULL, "check the configuration and end; with -v print it in full" },
	OPTION_SET,
	{ 0, "seconds", "N", "end after N seconds" },
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option replay_options[] = {
	OPTION_CONFIG,
	{ 0, "emit", "LIST", "events to print: dns,anomaly,stats,connect,churn,alert; all; none" },
	{ 0, "engine", "ENGINE", "native, or kernel: each frame through the real XDP program" },
	{ 0, "filter", NULL, "with --engine kernel: hold repeats back, as run does" },
	{ 0, "state", "DIR", "begin with what was learned in DIR and save there" },
	{ 0, "learned", "DIR", "begin with what was learned in DIR and leave it as it is" },
	{ 0, "until", "TIME", "leave out what is later, and end then" },
	OPTION_SET,
	{ 0, "compare", "BASE", "print whose verdict differs from that of configuration BASE" },
	{ 0, "explain", "NAME", "print why NAME has the score it has at the end" },
	{ 'o', "output", "FORMAT", "text: alerts for people (on a terminal); json: JSON Lines" },
	{ 'q', "quiet", NULL, "no summary on standard error" },
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option top_options[] = {
	OPTION_CONFIG,
	OPTION_SOCKET,
	{ 'n', "interval", "SECONDS", "time between two frames (1)" },
	{ '1', "once", NULL, "print one frame and end" },
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option history_options[] = {
	OPTION_CONFIG,
	{ 'd', "db", "FILE", "history database (store.path)" },
	{ 't', "table", NULL, "a table for people instead of JSON Lines" },
	{ 'n', "limit", "N", "at most N records" },
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option alerts_options[] = {
	OPTION_CONFIG,
	{ 'd', "db", "FILE", "history database (store.path)" },
	{ 'f', "follow", NULL, "stay, and print new ones as they come" },
	{ 'o', "output", "FORMAT", "text or json" },
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option explain_options[] = {
	OPTION_CONFIG,
	OPTION_SOCKET,
	{ 'd', "db", "FILE", "from this history, not from the running monitor" },
	{ 'o', "output", "FORMAT", "text or json" },
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option doctor_options[] = {
	OPTION_CONFIG,
	{ 'i', "interface", "IFACE", "examine IFACE; may be repeated" },
	{ 'o', "output", "FORMAT", "text or json" },
	OPTION_HELP,
	OPTION_END,
};
static const struct usage_option lab_options[] = {
	{ 0, "scenario", "NAME", "single, double (name servers rotate too), host (monitor there)" },
	{ 0, "set", "KEY=VALUE", "override one configuration key of the monitor; may be repeated" },
	{ 0, "keep", NULL, "leave the network running for a look; Ctrl-C removes it" },
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct usage_command usage_commands[] = {
	{ "run", "", "watch interfaces, write events, raise detections",
	  "Attaches the kernel programs and drops all privileges. Without -i: the interfaces of\n"
	  "the default routes, and lo. SIGHUP reads configuration and lists again; SIGTERM and\n"
	  "SIGINT flush and end.\n",
	  "root", run_options },
	{ "replay", "FILE...", "the same over captures and logs, on their own clock",
	  "Reads pcap and pcapng, Zeek dns.log, conn.log and ntp.log, Suricata EVE, passive DNS in\n"
	  "Common Output Format; gzip too; - is a capture on standard input. Begins with nothing\n"
	  "learned and leaves nothing, unless --state is given.\n",
	  "anyone; root for --engine kernel", replay_options },
	{ "top", "", "live view of a running monitor",
	  "Rates, loss ledger, rising candidates, detections. q ends it.\n",
	  "group of the control socket", top_options },
	{ "history", "NAME|IP|CIDR", "what a name or address answered in the past",
	  "Passive DNS records in Common Output Format, one JSON object a line.\n",
	  "who may read the history", history_options },
	{ "alerts", "", "detections, newest last",
	  "From the history, whether a monitor runs or not.\n", "who may read the history",
	  alerts_options },
	{ "explain", "NAME", "why a name has the score it has, term by term",
	  "Its timeline, the terms of its score, the benign class it comes nearest to and what\n"
	  "speaks against that, and the command that comes to the same verdict again; alert or\n"
	  "not. From the running monitor; without one from the history.\n",
	  "group of the control socket", explain_options },
	{ "doctor", "", "what this machine can and cannot do",
	  "Ends with 0 only when \"run\" would work; each line that says no says the remedy.\n",
	  "root sees more", doctor_options },
	{ "lab", "", "a rotating domain in a throw-away network, caught",
	  "Real authoritative server, resolver and clients in network namespaces. Leaves nothing\n"
	  "behind.\n",
	  "root", lab_options },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

const struct usage_command *usage_find(const char *command)
{
	for (const struct usage_command *c = usage_commands; c->name; c++)
		if (strcmp(c->name, command) == 0)
			return c;
	return NULL;
}

static void print_option(const struct usage_option *o, FILE *to)
{
	char left[64], letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->argument ? " " : "",
		 o->argument ? o->argument : "");
	fprintf(to, "%-*s %s\n", HELP_COLUMN, left, o->help);
}

static void print_command(const struct usage_command *c, FILE *to)
{
	fprintf(to, "usage: fluxtap %s [options]%s%s\n\n%c%s.\n", c->name, *c->arguments ? " " : "",
		c->arguments, c->summary[0] - 'a' + 'A', c->summary + 1);
	if (c->details)
		fputs(c->details, to);
	fputs("\noptions:\n", to);
	for (const struct usage_option *o = c->options; o->name; o++)
		print_option(o, to);
	fprintf(to, "\nMay be run by: %s. Manual: fluxtap-%s(8)\n", c->privilege, c->name);
}

static void print_program(FILE *to)
{
	fputs("usage: fluxtap COMMAND [options]\n\n"
	      "DNS flow monitor: sees every DNS answer that crosses this machine and explains which\n"
	      "names are fast flux.\n\ncommands:\n",
	      to);
	for (const struct usage_command *c = usage_commands; c->name; c++)
		fprintf(to, "  %-9s %s\n", c->name, c->summary);
	fputs("\n\"fluxtap COMMAND --help\" says more; \"fluxtap --version\" prints the version.\n"
	      "Exit status: 0 ok, 1 failed, 2 bad usage or configuration, 3 a prerequisite is missing.\n"
	      "Manual: fluxtap(8), fluxtap.yaml(5)\n",
	      to);
}

void usage_print(const char *command, FILE *to)
{
	const struct usage_command *c = command ? usage_find(command) : NULL;

	if (c)
		print_command(c, to);
	else
		print_program(to);
}

void usage_getopt(const struct usage_command *c, struct option *ret_long, char *ret_short)
{
	size_t i;

	for (i = 0; c->options[i].name && i < USAGE_OPTIONS_MAX; i++) {
		const struct usage_option *o = &c->options[i];

		ret_long[i] = (struct option){
			.name = o->name,
			.has_arg = o->argument ? required_argument : no_argument,
			.val = o->letter ? o->letter : USAGE_LONG_ONLY + (int)i,
		};
		if (o->letter)
			*ret_short++ = o->letter;
		if (o->letter && o->argument)
			*ret_short++ = ':';
	}
	ret_long[i] = (struct option){ .name = NULL };
	*ret_short = '\0';
}

const char *usage_option_name(const struct usage_command *c, int val)
{
	for (size_t i = 0; c->options[i].name; i++)
		if (val == (c->options[i].letter ? c->options[i].letter : USAGE_LONG_ONLY + (int)i))
			return c->options[i].name;
	return NULL;
}
