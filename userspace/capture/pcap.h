/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files: pcap and pcapng (several interfaces and link types), gzip or not, or stdin. */
#ifndef CAPTURE_PCAP_H
#define CAPTURE_PCAP_H

#include "capture/decode.h"

struct pcap_reader;

/* @path "-" is standard input. 0 or negative errno; -EBADMSG: no capture file. @err (size
 * @err_len) then holds a line for people that names the file. */
int pcap_reader_open(const char *path, struct pcap_reader **ret, char *err, size_t err_len);
void pcap_reader_close(struct pcap_reader *r);
/* 1: @ret filled, valid until the next call; 0: end of file; -EBADMSG: damaged from here on;
 * other negative errno: reading failed. What failed once fails again. */
int pcap_reader_next(struct pcap_reader *r, struct frame *ret);
/* After a failure: one line for people, with file name, offset (unpacked) and what is wrong. */
const char *pcap_reader_error(const struct pcap_reader *r);

#endif
