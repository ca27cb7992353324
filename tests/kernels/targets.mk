# SPDX-License-Identifier: BSD-2-Clause
# make kernels: the objects and the packet tests on the kernels Debian packages.
DEPS_KERNELS := qemu-system-x86 busybox-static cpio xz-utils zstd iproute2

.PHONY: kernels
kernels: deps-test
	$(Q)sh packaging/deps.sh $(DEPS_KERNELS)
	$(Q)$(MAKE) --no-print-directory all tests
	$(Q)bash tests/kernels/run.sh $(BUILD)
