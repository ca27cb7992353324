/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: what the lab's own programs are started with. */
#ifndef LAB_LAB_CLIENT_H
#define LAB_LAB_CLIENT_H

/* --client RESOLVER PERIOD_MS NAME…: resolve each name, connect to its addresses, for ever. */
#define LAB_CLIENT "--client"
/* --listen FILE: accept connections on the addresses in FILE, answer each with a line. */
#define LAB_LISTEN "--listen"

#endif
