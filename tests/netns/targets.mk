# SPDX-License-Identifier: BSD-2-Clause
# make check-fresh: `make run`, the lab and the package lists, tried in a clean Debian 12 tree.
FRESH ?= /var/tmp/fluxtap-fresh
.PHONY: check-fresh
check-fresh:
	$(Q)sh packaging/deps.sh debootstrap iproute2
	$(Q)bash packaging/check-fresh.sh $(FRESH)

# make flood: everything hostile at once for SECONDS, and until NAMES distinct names have gone out
# (ten million; on two processors that takes minutes), as fast as it goes or at RATE frames a second.
# The short form is part of `make test`.
.PHONY: flood
flood: SECONDS ?= 60
flood: NAMES ?= 10000000
flood: RATE ?= 0
flood: all $(BUILD)/tests/tools/hostile
	$(Q)BUILD=$(BUILD) FLOOD_SECONDS=$(SECONDS) FLOOD_NAMES=$(NAMES) FLOOD_RATE=$(RATE) \
		python3 tests/netns/flood_test.py
