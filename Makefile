# SPDX-License-Identifier: GPL-2.0
# The project's own C programs and their unit tests. ./coop build tools calls this with O= in the cache.
#
#   make O=DIR [tools]   the programs, in DIR
#   make O=DIR unit      the tests, in DIR/unit and DIR/abi
#
# Every directory of PROGRAMS is one program made of all its .c and .S files; what they share lies in bench/lib and lab/lib.
# bench/NAME/guest/ is the part of a benchmark that runs in a guest: coop-guest-NAME. tests/programs/NAME/ is coop-test-NAME,
# with a guest/ of the same kind.

O ?= $(error say where to build: make O=DIR)
ABS_O := $(abspath $(O))

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g
COOP_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -MMD -MP
LIBS := -ljansson -lm -lpthread

# program:directory
PROGRAMS := coop-lab:lab/host coop-init:lab/init coop-report:bench/report coopstat:tools/coopstat \
	$(foreach d,$(patsubst %/,%,$(wildcard tests/programs/*/)),coop-test-$(notdir $(d)):$(d)) \
	$(foreach d,$(filter-out bench/lib bench/report,$(patsubst %/,%,$(wildcard bench/*/))),coop-bench-$(notdir $(d)):$(d)) \
	$(foreach d,$(patsubst %/guest/,%,$(wildcard bench/*/guest/ tests/programs/*/guest/)),coop-guest-$(notdir $(d)):$(d)/guest)
STATIC := coop-init $(filter coop-guest-%,$(foreach p,$(PROGRAMS),$(firstword $(subst :, ,$(p)))))
STATIC_LIBS := -luring -lm
LIBS_coopstat := -lncurses -ltinfo

sources = $(wildcard $(1)/*.[cS])
objects = $(patsubst %,$(ABS_O)/obj/%.o,$(basename $(1)))
directory = $(lastword $(subst :, ,$(1)))
program = $(firstword $(subst :, ,$(1)))

# A program whose directory has no source yet is left out.
PRESENT := $(foreach p,$(PROGRAMS),$(if $(call sources,$(call directory,$(p))),$(p)))
LIB := $(ABS_O)/libcoop.a
LIB_OBJECTS := $(call objects,$(wildcard bench/lib/*.c lab/lib/*.c))
TESTS := $(patsubst tests/%.c,$(ABS_O)/%,$(wildcard tests/unit/*.c tests/abi/*.c))

.PHONY: all tools unit
all: tools
tools: $(foreach p,$(PRESENT),$(ABS_O)/$(call program,$(p)))
unit: $(TESTS)

define program_rule
$(ABS_O)/$(call program,$(1)): $(call objects,$(call sources,$(call directory,$(1)))) $(LIB)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) $(if $(filter $(STATIC),$(call program,$(1))),-static) -o $$@.new $$^ \
		$(if $(filter $(STATIC),$(call program,$(1))),$(STATIC_LIBS),$(LIBS) $(LIBS_$(call program,$(1))))
	mv $$@.new $$@
endef
$(foreach p,$(PRESENT),$(eval $(call program_rule,$(p))))

$(LIB): $(LIB_OBJECTS)
	rm -f $@
	$(AR) rcsD $@ $^

$(ABS_O)/obj/tests/abi/%.o: COOP_CFLAGS += -Ikernel/include/uapi

$(ABS_O)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(COOP_CFLAGS) $(CFLAGS) -c -o $@ $<

$(ABS_O)/obj/%.o: %.S Makefile
	@mkdir -p $(@D)
	$(CC) $(COOP_CFLAGS) -c -o $@ $<

$(TESTS): $(ABS_O)/%: $(ABS_O)/obj/tests/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(ABS_O)/obj -name '*.d' 2>/dev/null)
