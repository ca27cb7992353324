/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: what the lab's own programs are started with. */
#ifndef LAB_LAB_CLIENT_H
#define LAB_LAB_CLIENT_H

/* --client RESOLVER PERIOD_MS NAME…: resolve each name, connect to its addresses, for ever. */
#define LAB_CLIENT "--client"
/* --sync RESOLVER PERIOD_MS NAME…: the same, but ask the addresses for the time (NTP). */
#define LAB_SYNC "--sync"
/* --listen FILE: lines "tcp ADDRESS" and "ntp ADDRESS"; answer each connection with a line, each
 * question for the time with the time. */
#define LAB_LISTEN "--listen"

#endif
