// SPDX-License-Identifier: BSD-2-Clause
/* The commands that ask: history, alerts and explain from the store, top and explain from a running
 * monitor. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/explain_history.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "control/client.h"
#include "doctor/doctor.h"
#include "store/query.h"
#include "ui/top.h"

struct options {
	const char *config_path, *socket, *db;
	const char *interfaces[64];
	size_t interfaces_len;
	unsigned long limit, interval;
	bool human; /* text for a person; default on a terminal */
	bool json; /* asked for by -o */
	bool table, once, follow;
	bool asked_db; /* by -d */
	struct config *config;
};

static int set_config(void *options, const char *value)
{
	((struct options *)options)->config_path = value;
	return 0;
}

static int set_socket(void *options, const char *value)
{
	((struct options *)options)->socket = value;
	return 0;
}

static int set_db(void *options, const char *value)
{
	((struct options *)options)->db = value;
	((struct options *)options)->asked_db = true;
	return 0;
}

static int set_limit(void *options, const char *value)
{
	return cli_parse_number("limit", value, 1000000000UL, &((struct options *)options)->limit);
}

static int set_interval(void *options, const char *value)
{
	return cli_parse_number("interval", value, 3600, &((struct options *)options)->interval);
}

static int set_output(void *options, const char *value)
{
	struct options *opt = options;
	int rc = cli_parse_output(value, &opt->human);

	opt->json = !rc && !opt->human;
	return rc;
}

static int set_table(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->table = true;
	return 0;
}

static int set_once(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->once = true;
	return 0;
}

static int set_follow(void *options, const char *value)
{
	(void)value;
	((struct options *)options)->follow = true;
	return 0;
}

static int add_interface(void *options, const char *value)
{
	struct options *opt = options;

	if (opt->interfaces_len == sizeof(opt->interfaces) / sizeof(opt->interfaces[0])) {
		log_error("--interface: too many");
		return -EINVAL;
	}
	opt->interfaces[opt->interfaces_len++] = value;
	return 0;
}

static const struct cli_option option_table[] = {
	{ "config", set_config },	{ "socket", set_socket }, { "db", set_db },
	{ "limit", set_limit },		{ "output", set_output }, { "table", set_table },
	{ "interval", set_interval },	{ "once", set_once },	  { "follow", set_follow },
	{ "interface", add_interface }, { NULL, NULL },
};

/* The configuration tells where the store and the socket are. */
static int load_config(struct options *opt)
{
	char err[CONFIG_ERR_MAX];
	int rc;

	if (!opt->config_path && access(CONFIG_PATH, F_OK)) {
		opt->config = config_default();
		return opt->config ? EXIT_OK : EXIT_RUNTIME;
	}
	rc = config_load(opt->config_path ? opt->config_path : CONFIG_PATH, &opt->config, err,
			 sizeof(err));
	if (rc)
		log_error("%s", err);
	return setup_exit_code(rc);
}

/* @operands: how many the command takes. Returns an exit code. */
static int prepare(int argc, char **argv, int operands, struct options *opt, char ***ret_operands)
{
	int first, rc;

	opt->human = isatty(STDOUT_FILENO) == 1;
	if (cli_parse(argc, argv, option_table, opt, &first))
		return EXIT_USAGE;
	if (argc - first != operands) {
		log_error("%s: %s; see fluxtap %s --help", argv[0],
			  argc - first < operands ? "an argument is missing" : "too many arguments",
			  argv[0]);
		return EXIT_USAGE;
	}
	*ret_operands = argv + first;
	rc = load_config(opt);
	if (rc)
		return rc;
	opt->socket = opt->socket ? opt->socket : opt->config->control.socket;
	opt->db = opt->db ? opt->db : opt->config->store.path;
	return EXIT_OK;
}

static int finish(struct options *opt, int rc)
{
	config_free(opt->config);
	if (rc >= 0)
		return rc;
	return setup_exit_code(rc);
}

int cmd_history(int argc, char **argv)
{
	struct options opt = { 0 };
	char **operands, err[512] = "";
	int rc = prepare(argc, argv, 1, &opt, &operands);
	int64_t n;

	if (rc)
		return finish(&opt, rc);
	n = history_print(opt.db, operands[0], opt.table ? PRINT_TABLE : PRINT_JSON, opt.limit,
			  stdout, err, sizeof(err));
	if (n < 0)
		log_error("history: %s", err);
	return finish(&opt, n < 0 ? (int)n : EXIT_OK);
}

static volatile sig_atomic_t stopped;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

int cmd_alerts(int argc, char **argv)
{
	struct options opt = { 0 };
	char **operands, err[512] = "";
	int rc = prepare(argc, argv, 0, &opt, &operands);
	int64_t n;

	if (rc)
		return finish(&opt, rc);
	signal(SIGINT, on_stop);
	signal(SIGTERM, on_stop);
	n = alerts_print(opt.db, opt.follow, opt.human ? PRINT_TABLE : PRINT_JSON, &stopped, stdout,
			 err, sizeof(err));
	if (n < 0)
		log_error("alerts: %s", err);
	return finish(&opt, n < 0 ? (int)n : EXIT_OK);
}

/* --- commands that need a running monitor ---------------------------------------------------- */

int cmd_top(int argc, char **argv)
{
	struct options opt = { .interval = 1 };
	struct top_options top;
	char **operands;
	int rc = prepare(argc, argv, 0, &opt, &operands);

	if (rc)
		return finish(&opt, rc);
	top = (struct top_options){
		.socket = opt.socket,
		.interval_ms = (unsigned int)opt.interval * 1000,
		.once = opt.once,
	};
	return finish(&opt, top_run(&top));
}

static int print_text(struct buf *reply)
{
	const char *path[] = { "text", NULL };
	const char *text;
	yajl_val root;
	char err[128];

	buf_char(reply, '\0');
	root = reply->failed ? NULL : yajl_tree_parse(reply->bytes, err, sizeof(err));
	if (!root)
		return -EBADMSG;
	text = YAJL_GET_STRING(yajl_tree_get(root, path, yajl_t_string));
	if (text)
		fputs(text, stdout);
	yajl_tree_free(root);
	return text ? 0 : -EBADMSG;
}

static int explain(const struct options *opt, const char *name, struct control_client *client)
{
	struct buf reply = { 0 };
	char message[512];
	int rc = control_client_request(client, opt->human ? "explain-text" : "explain", name, 5000,
					&reply);

	if (rc) {
		log_error("%s: %s", opt->socket, strerror(-rc));
	} else if (control_client_error(&reply, message, sizeof(message))) {
		log_error("%s: %s", name, message);
		rc = EXIT_RUNTIME;
	} else if (opt->human) {
		rc = print_text(&reply);
	} else {
		if (reply.len)
			fwrite(reply.bytes, 1, reply.len, stdout);
		putchar('\n');
	}
	buf_fini(&reply);
	return rc;
}

static int explain_from_history(const struct options *opt, const char *name)
{
	int rc = explain_history(opt->db, name, opt->config, opt->config_path, opt->human);

	return rc == -ENODATA ? EXIT_RUNTIME : rc;
}

int cmd_explain(int argc, char **argv)
{
	struct options opt = { 0 };
	struct control_client *client;
	char **operands, err[512];
	int rc = prepare(argc, argv, 1, &opt, &operands);

	if (rc)
		return finish(&opt, rc);
	if (opt.asked_db)
		return finish(&opt, explain_from_history(&opt, operands[0]));
	rc = control_client_open(opt.socket, &client, err, sizeof(err));
	if (!rc) {
		rc = explain(&opt, operands[0], client);
		control_client_close(client);
		return finish(&opt, rc);
	}
	/* nobody is there to ask: what was written down is what there is */
	if (access(opt.db, R_OK)) {
		log_error("%s", err);
		return finish(&opt, rc);
	}
	log_info("%s: from the history", err);
	return finish(&opt, explain_from_history(&opt, operands[0]));
}

int cmd_doctor(int argc, char **argv)
{
	struct options opt = { 0 };
	struct doctor_config cfg = { 0 };
	char **operands;
	int rc = prepare(argc, argv, 0, &opt, &operands);

	if (rc)
		return finish(&opt, rc);
	cfg.interfaces = opt.interfaces_len ? opt.interfaces
					    : (const char *const *)opt.config->interfaces.items;
	cfg.interfaces_len = opt.interfaces_len ? opt.interfaces_len : opt.config->interfaces.len;
	cfg.asn_sources = (const char *const *)opt.config->enrich.asn.items;
	cfg.asn_sources_len = opt.config->enrich.asn.len;
	cfg.json = opt.json;
	return finish(&opt, doctor_run(stdout, &cfg));
}
