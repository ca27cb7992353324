# make evaluate   how well detection does on synthetic traffic, beside published rules
# make fit        training run, then weights fitted to it into build/fit/weights.c
# make alerts-doc the blocks of docs/alerts.md anew
# make profiles   the ranges of the benign classes into userspace/report/benign_data.c

EVALUATE := $(BUILD)/tests/traffic/evaluate
FIT := $(BUILD)/tests/traffic/fit
POOLS := $(BUILD)/tests/traffic/pools
EVALUATE_ARGS ?=
FIT_ARGS ?=
TRAFFIC_LIB := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/traffic/lib*.c))

.PHONY: evaluate fit profiles
tests: $(EVALUATE)

evaluate: $(EVALUATE) $(POOLS)
	$(Q)mkdir -p $(BUILD)/evaluate
	$(Q)$(EVALUATE) --out $(BUILD)/evaluate $(EVALUATE_ARGS)
	$(Q)$(POOLS) $(BUILD)/evaluate/asn.csv

$(POOLS): $(BUILD)/obj/tests/traffic/pools.o $(TRAFFIC_LIB) $(LIB)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) $(LIB) $(LDLIBS) -o $@

$(EVALUATE): $(BUILD)/obj/tests/traffic/evaluate.o $(TRAFFIC_LIB) $(LIB)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) $(LIB) $(LDLIBS) -o $@

fit: $(EVALUATE) $(FIT)
	$(Q)mkdir -p $(BUILD)/fit
	$(Q)$(EVALUATE) --train --seed 1001 --suite day,week --instances 60 --sites 6 --no-rules --out $(BUILD)/fit \
		--terms $(BUILD)/fit/terms $(FIT_ARGS) >$(BUILD)/fit/training.md
	$(Q)$(FIT) $(BUILD)/fit/terms userspace/detect/weights.c $(BUILD)/fit/weights.c

$(FIT): $(BUILD)/obj/tests/traffic/fit.o
	@mkdir -p $(@D)
	@echo '  LD      $@'
	$(Q)$(CC) $(LDFLAGS) $^ -lm -o $@

# The ranges of the benign classes for `fluxtap explain`: after every change of terms or weights.
BENIGN := B1,B2,B3,B4,B5,B6,B7,B8,B9,B10,B11,B12,B13,B14,B15,B16,B17,B18,B19
PROFILE_ARGS := --train --seed 2002 --instances 40 --sites 4 --background 300 --no-rules --classes $(BENIGN) \
	--out $(BUILD)/profiles

profiles: $(EVALUATE)
	$(Q)mkdir -p $(BUILD)/profiles
	$(Q)$(EVALUATE) $(PROFILE_ARGS) --suite day,week --terms $(BUILD)/profiles/with >/dev/null
	$(Q)$(EVALUATE) $(PROFILE_ARGS) --suite day,week --no-connects \
		--terms $(BUILD)/profiles/without >/dev/null
	$(Q)$(EVALUATE) $(PROFILE_ARGS) --suite cold --terms $(BUILD)/profiles/cold >/dev/null
	$(Q)python3 tests/traffic/profiles.py $(BUILD)/profiles/with $(BUILD)/profiles/without \
		$(BUILD)/profiles/cold >$(BUILD)/profiles/benign_data.c
	$(Q)cp $(BUILD)/profiles/benign_data.c userspace/report/benign_data.c

.PHONY: alerts-doc
alerts-doc: $(EVALUATE) $(BUILD)/fluxtap
	$(Q)python3 tests/traffic/alerts_doc.py $(EVALUATE) $(BUILD)/fluxtap $(BUILD)/alerts-doc
