/* SPDX-License-Identifier: BSD-2-Clause */
/* The frames that the decoder must judge, by name, with where each has to end in the ledger. */
#ifndef TESTS_BPF_LIBFRAMES_H
#define TESTS_BPF_LIBFRAMES_H

#include "libpacket.h"

extern const size_t frame_kinds;

const char *frame_name(size_t i);
unsigned int frame_end(size_t i); /* enum ft_counter */
void frame_build(size_t i, struct packet *p);

#endif
