# SPDX-License-Identifier: BSD-2-Clause
# tests/fuzz/<name>_fuzz.c defines LLVMFuzzerTestOneInput(). Its seeds, and every input that once
# broke something, lie in tests/data/fuzz/<name>/.
#   make test            runs the seeds (build/tests/fuzz/<name>_test, any compiler)
#   make fuzz            searches with libFuzzer, FUZZ_SECONDS for each of FUZZ_TARGETS
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_TARGETS ?= $(FUZZ_SRC:tests/fuzz/%_fuzz.c=%)
FUZZ_TEST_BIN := $(FUZZ_SRC:tests/fuzz/%_fuzz.c=$(BUILD)/tests/fuzz/%_test)
FUZZ_DIR := build/fuzz
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fsanitize-recover=unsigned-integer-overflow
FUZZ_OBJ := $(filter-out $(FUZZ_DIR)/obj/userspace/main.o,$(SRC:%.c=$(FUZZ_DIR)/obj/%.o))

.PHONY: fuzz
tests: $(FUZZ_TEST_BIN)

$(FUZZ_TEST_BIN): $(BUILD)/tests/fuzz/%_test: $(BUILD)/obj/tests/fuzz/%_fuzz.o \
		$(BUILD)/obj/tests/fuzz/replay.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(FUZZ_DIR)/obj/%.o: %.c Makefile | $(SKEL)
	@mkdir -p $(@D)
	@echo '  FUZZCC  $<'
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(FUZZ_DIR)/libfluxtap.a: $(FUZZ_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_DIR)/%_fuzz: $(FUZZ_DIR)/obj/tests/fuzz/%_fuzz.o $(FUZZ_DIR)/libfluxtap.a
	@echo '  FUZZLD  $@'
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

fuzz: $(FUZZ_TARGETS:%=$(FUZZ_DIR)/%_fuzz)
	$(Q)for t in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ_DIR)/corpus/$$t tests/data/fuzz/$$t; \
		echo "  FUZZ    $$t, $(FUZZ_SECONDS) s"; \
		$(FUZZ_DIR)/$${t}_fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
			-print_final_stats=1 -artifact_prefix=tests/data/fuzz/$$t/ \
			$(FUZZ_DIR)/corpus/$$t tests/data/fuzz/$$t >$(FUZZ_DIR)/$$t.log 2>&1 || \
			{ tail -n 40 $(FUZZ_DIR)/$$t.log; exit 1; }; \
		grep -E 'DONE|number_of_executed_units|peak_rss' $(FUZZ_DIR)/$$t.log; \
	done

-include $(wildcard $(FUZZ_DIR)/obj/*/*.d $(FUZZ_DIR)/obj/*/*/*.d)
