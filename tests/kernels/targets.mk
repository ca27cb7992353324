# SPDX-License-Identifier: BSD-2-Clause
# make kernels: the objects and the packet tests on the kernels Debian packages.
DEPS_KERNELS := qemu-system-x86 qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
	busybox-static cpio xz-utils zstd iproute2 debian-archive-keyring

# The same source for another processor: other registers hold the arguments of a system call.
ARM64_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(BUILD)/arm64/bpf/%.bpf.o)

$(BUILD)/arm64/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	@echo '  BPF     $@'
	$(Q)$(CLANG) $(subst -D__TARGET_ARCH_$(BPF_ARCH),-D__TARGET_ARCH_arm64,$(BPF_CFLAGS)) \
		-MMD -MP -MF $(@:.o=.d) -c $< -o $@
	$(Q)llvm-strip -g $@

KERNEL_PROGRAMS = $(filter $(BUILD)/tests/bpf/%,$(TEST_BIN)) $(BUILD)/tests/tools/bpf_probe \
	$(BUILD)/tests/tools/send_frames

.PHONY: kernels kernel-programs deps-kernels
deps-kernels: deps-test
	$(Q)sh packaging/deps.sh $(DEPS_KERNELS)

kernel-programs: all $(KERNEL_PROGRAMS) $(ARM64_OBJ)

kernels: deps-kernels
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) kernel-programs
	$(Q)bash tests/kernels/run.sh $(BUILD)
