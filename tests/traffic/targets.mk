# make evaluate   how well detection does on synthetic traffic, beside published rules
# make fit        training run, then weights fitted to it into build/fit/weights.c

EVALUATE := $(BUILD)/tests/traffic/evaluate
FIT := $(BUILD)/tests/traffic/fit
EVALUATE_ARGS ?=
FIT_ARGS ?=
TRAFFIC_LIB := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/traffic/lib*.c))

.PHONY: evaluate fit

evaluate: $(EVALUATE)
	$(Q)mkdir -p $(BUILD)/evaluate
	$(Q)$(EVALUATE) --out $(BUILD)/evaluate $(EVALUATE_ARGS)

$(EVALUATE): $(BUILD)/obj/tests/traffic/evaluate.o $(TRAFFIC_LIB) $(LIB)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) $(LIB) $(LDLIBS) -o $@

fit: $(EVALUATE) $(FIT)
	$(Q)mkdir -p $(BUILD)/fit
	$(Q)$(EVALUATE) --train --seed 1001 --suite day,week --instances 60 --sites 6 --out $(BUILD)/fit \
		--terms $(BUILD)/fit/terms $(FIT_ARGS) >$(BUILD)/fit/training.md
	$(Q)$(FIT) $(BUILD)/fit/terms userspace/detect/weights.c $(BUILD)/fit/weights.c

$(FIT): $(BUILD)/obj/tests/traffic/fit.o
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $^ -lm -o $@
