# SPDX-License-Identifier: BSD-2-Clause

# ns per frame in the real XDP program, beside an empty one; needs root
.PHONY: bench-kernel
bench-kernel: $(BUILD)/tests/tools/kernel_bench
	$(Q)flock /tmp/fluxtap-bench.lock $<
