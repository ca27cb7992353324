// SPDX-License-Identifier: BSD-2-Clause
/* A capture file, read to its end or its first fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "capture/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct pcap_reader *r)
{
	volatile uint8_t last;
	struct frame f;
	int rc;

	while ((rc = pcap_reader_next(r, &f)) == 1) {
		if (f.wire < f.captured || f.captured > 1 << 20)
			abort();
		if (f.captured)
			last = f.bytes[f.captured - 1];
	}
	if (rc && !strstr(pcap_reader_error(r), "offset"))
		abort();
	(void)last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", 0);
	struct pcap_reader *r;
	char path[40], err[300] = "";

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (pcap_reader_open(path, &r, err, sizeof(err))) {
		if (!strstr(err, path))
			abort();
	} else {
		read_all(r);
		pcap_reader_close(r);
	}
	close(fd);
	return 0;
}
