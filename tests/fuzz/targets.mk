# SPDX-License-Identifier: BSD-2-Clause
# Each tests/fuzz/<target>_fuzz.c is a libFuzzer driver. Built with clang, coverage, ASan and UBSan,
# it replays its seeds in `make test` (tests/fuzz/replay_test.sh) and looks for more here:
#
# make fuzz        60 s a target                make fuzz-long SECONDS=3600
# FUZZ="tcp pcap"  chooses targets              FUZZ_WORK=DIR keeps what is found (build/fuzz)
# FUZZ_JOBS=2      so many at a time
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_ALL := $(FUZZ_SRC:tests/fuzz/%_fuzz.c=%)
FUZZ ?= $(FUZZ_ALL)
FUZZ_WORK ?= build/fuzz
FUZZ_DIR := build/tests/fuzz
FUZZ_BIN := $(FUZZ_ALL:%=$(FUZZ_DIR)/%_fuzz)
# Warnings are the business of the ordinary build.
FUZZ_FLAGS := -std=gnu11 -O1 -g -w -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
FUZZ_LIB := $(FUZZ_DIR)/libfluxtap.a
# Folders whose code is looked at; what else a driver needs comes from the ordinary library, and
# what has to do with the kernel cannot be fuzzed.
FUZZ_FOLDERS := base dns capture config control correlate churn detect enrich logs ui
FUZZ_LIB_SRC := $(foreach d,$(FUZZ_FOLDERS),$(wildcard userspace/$(d)/*.c))
FUZZ_LIB_SRC := $(filter-out $(shell grep -l 'skel\.h' $(FUZZ_LIB_SRC)),$(FUZZ_LIB_SRC))

tests: $(FUZZ_BIN)

$(FUZZ_DIR)/obj/%.o: %.c Makefile tests/fuzz/targets.mk | $(SKEL)
	@mkdir -p $(@D)
	@echo '  FUZZ-CC $<'
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(FUZZ_LIB): $(FUZZ_LIB_SRC:%.c=$(FUZZ_DIR)/obj/%.o)
	@echo '  AR      $@'
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_DIR)/%_fuzz: $(FUZZ_DIR)/obj/tests/fuzz/%_fuzz.o $(FUZZ_LIB) $(LIB)
	@echo '  LD      $@'
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -lldns $(LDLIBS) -o $@

.PHONY: fuzz fuzz-long fuzz-differential
# Kernel engine against native engine, MESSAGES mutated messages and as many frames; needs root.
MESSAGES ?= 10000000
fuzz-differential: $(BUILD)/tests/tools/differential
	$(Q)nice -n 10 $< messages $(MESSAGES) $(SEED)
	$(Q)nice -n 10 $< frames $(MESSAGES) $(SEED)

fuzz: SECONDS ?= 60
fuzz fuzz-long: deps-test
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(FUZZ_BIN)
	$(Q)FUZZ_DIR=$(FUZZ_DIR) bash tests/fuzz/campaign.sh $(FUZZ_WORK) $(or $(SECONDS),3600) $(FUZZ)

# Which lines the seeds, and what campaigns found (FUZZ_WORK, several allowed), reach.
COV_DIR := build/tests/coverage
COV_FLAGS := -std=gnu11 -O1 -g -w -fprofile-instr-generate -fcoverage-mapping
COV_BIN := $(FUZZ_ALL:%=$(COV_DIR)/%_fuzz)
COV_LIB := $(COV_DIR)/libfluxtap.a

$(COV_DIR)/obj/%.o: %.c Makefile tests/fuzz/targets.mk | $(SKEL)
	@mkdir -p $(@D)
	@echo '  COV-CC  $<'
	$(Q)$(CLANG) $(CPPFLAGS) $(COV_FLAGS) -MMD -MP -c $< -o $@

$(COV_LIB): $(FUZZ_LIB_SRC:%.c=$(COV_DIR)/obj/%.o)
	@echo '  AR      $@'
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(COV_DIR)/%_fuzz: $(COV_DIR)/obj/tests/fuzz/%_fuzz.o $(COV_LIB) $(LIB)
	@echo '  LD      $@'
	$(Q)$(CLANG) $(COV_FLAGS) -fsanitize=fuzzer $^ -lldns $(LDLIBS) -o $@

.PHONY: fuzz-coverage
fuzz-coverage: deps-test
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(COV_BIN)
	$(Q)python3 tests/fuzz/coverage.py $(COV_DIR) $(FUZZ_WORK)
