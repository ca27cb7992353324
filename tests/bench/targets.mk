# SPDX-License-Identifier: BSD-2-Clause
#
# make bench            all tables, some minutes; as root also those that need namespaces
# make bench-offline    replay beside its peers, BASE=<git ref> beside that version
# tests/bench/same_output.py REF: does replay write what it wrote as of REF?
# make bench-memory     memory and time by number of names
# make bench-live       veth, flooded: rates, loss, cost (root)
# make bench-live-frames  the same with frames that the kernel makes (root, Linux 5.18)
# make bench-host       what the host's own traffic notices; idle cost (root)
# make bench-rings      two processors into one ring, beside two rings; what one reader takes (root)
# tests/bench/live.py queues: the same live, frames of two processors at one fluxtap and at two
# make bench-kernel     ns a frame in the real XDP program, beside an empty one (root)

BENCH_TOOLS := $(addprefix $(BUILD)/tests/tools/,workload flood parse_bench live_frames)
BENCH_PASS := $(BUILD)/tests/bench/pass.bpf.o $(BUILD)/tests/bench/sender.bpf.o
BENCH = BUILD=$(BUILD) BASE="$(BASE)" MAKE="$(MAKE)" python3 tests/bench/bench.py
# Tables of the kernel programs, where their authors have put them.
BENCH_MORE = $(filter bench-kernel bench-connect bench-rings,$(shell sed -n 's/^\(bench-[a-z]*\):.*/\1/p' \
	tests/*/targets.mk))

.PHONY: bench bench-offline bench-memory bench-live bench-live-frames bench-host
bench-live-frames: all $(BENCH_TOOLS) $(BENCH_PASS)
	$(Q)BUILD=$(BUILD) python3 tests/bench/live.py

bench: bench-offline bench-memory bench-live bench-live-frames bench-host
	$(Q)set -e; for t in $(BENCH_MORE); do $(MAKE) --no-print-directory $$t; done

bench-offline bench-memory bench-live bench-host: bench-%: all $(BENCH_TOOLS) $(BENCH_PASS)
	$(Q)$(BENCH) $*

$(BUILD)/tests/bench/%.bpf.o: tests/bench/%.bpf.c
	@mkdir -p $(@D)
	@echo '  BPF     $@'
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

.PHONY: bench-kernel
bench-kernel: $(BUILD)/tests/tools/kernel_bench
	$(Q)flock /tmp/fluxtap-bench.lock $<

.PHONY: bench-rings
bench-rings: $(addprefix $(BUILD)/tests/tools/,rings_bench workload) $(BUILD)/tests/bench/ring.bpf.o
	$(Q)$(BUILD)/tests/tools/workload -n 500000 > $(BUILD)/tests/bench/rings.pcap
	$(Q)flock /tmp/fluxtap-bench.lock $< $(BUILD)/tests/bench/ring.bpf.o $(BUILD)/tests/bench/rings.pcap
	$(Q)rm -f $(BUILD)/tests/bench/rings.pcap
