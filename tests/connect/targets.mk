# SPDX-License-Identifier: BSD-2-Clause
# make bench-connect   what watching connections costs those who connect, beside peers that hook the
#                      same tracepoints (bpftrace, tcplife and tcpstates of libbpf-tools)
.PHONY: bench-connect
bench-connect: $(BUILD)/tests/tools/connect_bench $(BUILD)/tests/tools/correlate_bench
	$(Q)BUILD=$(BUILD) sh tests/connect/bench.sh
