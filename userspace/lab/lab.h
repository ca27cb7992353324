/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `fluxtap lab`: a throw-away network of namespaces with real DNS servers, a rotating domain,
 * harmless company and clients; the monitor runs on its gateway, or on the clients' machine, and
 * has to tell them apart.
 *
 *   c1, c2 (clients) ─┐            ┌─ res   unbound, recursive, with cache
 *                     ├─ gateway ──┼─ auth  two knotd: the parent zones, the domains
 *                     │  (monitor) └─ svc   the addresses that the domains point to
 *
 * Everything has an address of 198.18.0.0/15 (RFC 2544); nothing can leave the namespaces, which
 * have no way out.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>

enum lab_scenario {
	LAB_SINGLE, /* the addresses of a domain rotate; the monitor is on the gateway */
	LAB_DOUBLE, /* its name servers, with their addresses in the parent zone, as well */
	LAB_HOST, /* as single, with the monitor on the machine of the clients' processes */
};

struct lab_config {
	enum lab_scenario scenario;
	bool keep; /* leave it running, also after the outcome, until interrupted */
	const char *const *sets; /* "KEY=VALUE": the monitor's settings on top of the lab's own */
	size_t sets_len;
};

/*
 * Build, run, judge, remove. Readable progress and the outcome go to standard output. Returns the
 * exit status: 0 all that was expected came, 1 something did not, 3 a prerequisite is missing.
 * Must be called while the process has one thread. Removes everything it made whatever happens:
 * a helper process does it that also survives the death of this one.
 */
int lab_run(const struct lab_config *cfg);

/*
 * The lab's own clients and servers are this same program: `fluxtap lab --client …`. When @argv
 * (starting behind "lab") asks for one, run it and return its exit status; else -1.
 */
int lab_helper(int argc, char **argv);

#endif
