# SPDX-License-Identifier: BSD-2-Clause
#
# make            build build/fluxtap and the kernel objects in build/bpf/
# make run        install what is missing, build, start the monitor
# make test       install what is missing, build, run every test
# make help       everything else

VERSION := 0.1.0

# Setting: SANITIZER=address,undefined builds beside the normal outputs, in build/sanitize/.
SANITIZER ?=
BUILD := build$(if $(SANITIZER),/sanitize)
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool /usr/bin/bpftool) bpftool)
Q := $(if $(V),,@)

# Packages by job, Debian and Ubuntu names. `make deps` installs the first two, `make deps-test` all.
DEPS_BUILD := gcc make pkg-config clang llvm libc6-dev libbpf-dev libelf-dev zlib1g-dev bpftool \
	libpcap-dev libpsl-dev libloc-dev libmaxminddb-dev libyajl-dev libcyaml-dev libyaml-dev \
	libsqlite3-dev libcap-dev libseccomp-dev linux-libc-dev
DEPS_RUN := libloc-database iproute2 knot unbound
DEPS_TEST := libcmocka-dev libldns-dev libclang-rt-14-dev python3 tshark tcpdump valgrind nsd \
	ethtool knot-dnsutils procps util-linux libubsan1 libasan8 groff-base busybox-static nftables

WARN := -Wall -Wextra -Wconversion -Wshadow
SAN_FLAGS := $(if $(SANITIZER),-fsanitize=$(SANITIZER) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
OPT := $(if $(SANITIZER),-O1,-O2)
CPPFLAGS += -D_GNU_SOURCE -DFLUXTAP_VERSION='"$(VERSION)"' -Iinclude -Iuserspace -Ibpf -isystem $(BUILD)/skel
CFLAGS := -std=gnu11 $(OPT) -g $(WARN) $(SAN_FLAGS) $(EXTRA_CFLAGS)
LDFLAGS += $(SAN_FLAGS)
LDLIBS := -lbpf -lelf -lz -lpcap -lpsl -lloc -lmaxminddb -lyajl -lcyaml -lyaml -lsqlite3 -lcap \
	-lseccomp -lpthread -lm

BPF_ARCH ?= $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/;s/ppc64le/powerpc/')
BPF_CFLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) $(WARN) \
	-Wno-unused-parameter -Iinclude -Ivmlinux -Ibpf

BPF_SRC := $(wildcard bpf/*.bpf.c)
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(BUILD)/bpf/%.bpf.o)
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(BUILD)/skel/%.skel.h)

SRC := $(sort $(wildcard userspace/*.c userspace/*/*.c))
OBJ := $(SRC:%.c=$(BUILD)/obj/%.o)
LIB_OBJ := $(filter-out $(BUILD)/obj/userspace/main.o,$(OBJ))
LIB := $(BUILD)/libfluxtap.a

# tests/<kind>/*_test.c are programs that speak TAP; tests/<kind>/lib*.c is linked to each of its kind.
TEST_KINDS := unit bpf scenario traffic
TEST_SRC := $(foreach k,$(TEST_KINDS),$(wildcard tests/$(k)/*_test.c))
TEST_BIN := $(TEST_SRC:%.c=$(BUILD)/%)
TOOL_SRC := $(wildcard tests/tools/*.c)
TOOL_BIN := $(TOOL_SRC:%.c=$(BUILD)/%)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all run test tests deps deps-test install clean help

all: $(BUILD)/fluxtap $(BPF_OBJ)

help:
	@echo 'make             build/fluxtap and build/bpf/*.bpf.o'
	@echo 'make run         install what is missing, build, start the monitor (ARGS="-i eth0 …")'
	@echo 'make test        install what is missing, build, run every test (KIND="unit bpf" to choose)'
	@echo 'make deps        install what building and running needs;  make deps-test: and testing'
	@echo 'make install     DESTDIR= PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR)'
	@echo 'make bench       speed, beside peers;  make evaluate: how well detection does on synthetic traffic'
	@echo 'make fuzz        a minute a parser (fuzz-long: SECONDS=3600);  make kernels: on Debian kernels'
	@echo 'make flood       a minute and ten million names of everything hostile, live (root)'
	@echo 'make check-fresh make run, the lab and the package lists, in a new Debian tree'
	@echo 'make SANITIZER=address,undefined   the same program, instrumented, in build/sanitize/'
	@echo 'make clean       V=1 shows the commands'

run: deps
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all
	$(Q)build/fluxtap run $(ARGS)

deps:
	$(Q)sh packaging/deps.sh $(DEPS_BUILD) $(DEPS_RUN)

deps-test:
	$(Q)sh packaging/deps.sh $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST)

test: deps-test
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all tests
	$(Q)BUILD=$(BUILD) tests/run $(KIND)

tests: $(TEST_BIN) $(TOOL_BIN)

# --- kernel side -----------------------------------------------------------------------------

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	@echo '  BPF     $@'
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@
	$(Q)llvm-strip -g $@

$(BUILD)/skel/%.skel.h: $(BUILD)/bpf/%.bpf.o
	@mkdir -p $(@D)
	@echo '  SKEL    $@'
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user side -------------------------------------------------------------------------------

# The way of a response is optimised more, and as one when the program is linked; the objects are
# ordinary ones too, for tests and tools. LTO= leaves that out.
HOT := base capture churn correlate detect dns pipeline
HOT_OBJ := $(foreach d,$(HOT),$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard userspace/$(d)/*.c)))
LTO := $(if $(SANITIZER),,$(shell $(CC) -flto=auto -ffat-lto-objects -x c -c /dev/null \
	-o /dev/null 2>&1 || echo no))
LTO := $(if $(SANITIZER)$(LTO),,-flto=auto)
$(HOT_OBJ): CFLAGS += $(if $(SANITIZER),,-O3) $(if $(LTO),$(LTO) -ffat-lto-objects)

$(BUILD)/obj/%.o: %.c Makefile | $(SKEL)
	@mkdir -p $(@D)
	@echo '  CC      $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c $< -o $@

$(LIB): $(LIB_OBJ)
	@echo '  AR      $@'
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/fluxtap: $(BUILD)/obj/userspace/main.o $(LIB)
	@echo '  LD      $@'
	$(Q)$(CC) $(if $(LTO),$(CFLAGS) $(LTO)) $(LDFLAGS) $^ $(LDLIBS) -o $@

# --- tests -----------------------------------------------------------------------------------

define test_kind
$(BUILD)/tests/$(1)/%_test: $(BUILD)/obj/tests/$(1)/%_test.o \
		$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/$(1)/lib*.c)) $(LIB)
	@mkdir -p $$(@D)
	@echo '  LD      $$@'
	$$(Q)$$(CC) $$(LDFLAGS) $$(filter %.o,$$^) $$(LIB) -lcmocka -lldns $$(LDLIBS) -o $$@
endef
$(foreach k,$(TEST_KINDS),$(eval $(call test_kind,$(k))))

$(BUILD)/tests/tools/%: $(BUILD)/obj/tests/tools/%.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# --- the rest --------------------------------------------------------------------------------

install: all
	install -D -m 755 $(BUILD)/fluxtap $(DESTDIR)$(PREFIX)/sbin/fluxtap
	sh packaging/install.sh "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)"

clean:
	rm -rf build

# Targets of their own for longer work live beside what they run: tests/bench, traffic, fuzz, kernels.
.PHONY: bench evaluate fuzz kernels
bench evaluate fuzz kernels:
-include $(wildcard tests/*/targets.mk)
-include $(shell find $(BUILD) -path $(BUILD)/kernels -prune -o -type f -name '*.d' -print 2>/dev/null)
