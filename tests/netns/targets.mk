# SPDX-License-Identifier: BSD-2-Clause
# make check-fresh: the package lists are complete, tried in a clean Debian 12 tree.
FRESH ?= /var/tmp/fluxtap-fresh
.PHONY: check-fresh
check-fresh:
	$(Q)sh packaging/deps.sh debootstrap
	$(Q)bash packaging/check-fresh.sh $(FRESH)
