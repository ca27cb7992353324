/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the connect programs this kernel takes, and attaching them. */
#ifndef CAPTURE_CONNECT_ATTACH_H
#define CAPTURE_CONNECT_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_link;
struct bpf_program;
struct connect_bpf;

struct connect_links {
	struct bpf_link *links[6];
	size_t links_len;
	struct bpf_program *at_state; /* the one for this kernel's table of sockets */
	struct bpf_program *at_return; /* the return of connect() is enough; NULL: it is not */
	bool want_udp_sends;
	bool syscalls, udp_sends; /* attached */
};

/* BPF programs may exchange memory atomically, on every architecture (Linux 5.19). */
bool connect_has_exchange(void);
/* Between open and load: switch off the programs that are not to be loaded. */
void connect_links_choose(struct connect_links *l, struct connect_bpf *bpf, bool udp_sends);
/*
 * The state tracepoint must attach; without the others (no tracefs, no cgroup v2) a warning says
 * what will not be seen.
 */
int connect_links_attach(struct connect_links *l, struct connect_bpf *bpf);
void connect_links_detach(struct connect_links *l);

#endif
