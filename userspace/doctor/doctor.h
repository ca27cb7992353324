/* SPDX-License-Identifier: BSD-2-Clause */
/* What this machine can and cannot do for the monitor, line by line, with the remedy. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct doctor_config {
	const char *const *interfaces; /* patterns; none: default routes and lo, as `run` does */
	size_t interfaces_len;
	const char *const *asn_sources; /* as `enrich.asn`; none: libloc */
	size_t asn_sources_len;
	const char *user; /* whom `run` becomes; NULL: its default */
	bool json;	  /* one object: {"ok":…,"checks":[{"check","status","text","remedy"}]} */
};

/*
 * Write the findings to @out. 0: `run` would work here; 3 (the exit status for a missing
 * prerequisite): it would not, and which line says why; 1: the findings could not be written.
 * Changes nothing on the machine: attaches no program, touches no interface.
 */
int doctor_run(FILE *out, const struct doctor_config *cfg);

#endif
