# SPDX-License-Identifier: BSD-2-Clause
# worst_case_test counts the edges that the DNS parser goes through: it has a parser of its own, built
# to call back at each. build/tests/tools/worst_case takes times instead.
TRACED_OBJ := $(patsubst %.c,$(BUILD)/traced/%.o,$(wildcard userspace/dns/*.c))

$(BUILD)/traced/%.o: %.c Makefile | $(SKEL)
	@mkdir -p $(@D)
	@echo '  CC      $@'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize-coverage=trace-pc -MD -MP -c $< -o $@

$(BUILD)/tests/unit/worst_case_test: $(TRACED_OBJ)
$(BUILD)/tests/tools/worst_case: $(BUILD)/obj/tests/unit/libworst.o
