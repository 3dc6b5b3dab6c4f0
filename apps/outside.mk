# For an app outside of this tree. Its Makefile sets NAME and ADDER, this tree's folder, makes build/$(NAME).tbf,
# and includes this file. A C app (SOURCES, STACK) is made here. `adder app new` writes such Makefiles.

ADDER_PYTHON := $(ADDER)/build/venv/bin/python
ADDER_TOOL := $(ADDER_PYTHON) -m adder
KERNEL := $(ADDER)/build/qemu/kernel.elf
APP_ROOT := $(ADDER)/apps
OWN_MAKEFILE := $(firstword $(MAKEFILE_LIST))
include $(APP_ROOT)/flags.mk

TBF := build/$(NAME).tbf
IMAGE := build/flash.img

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all run test clean

all: $(TBF)

# Whether they are there is looked at, since `make -B` would have them made.
$(ADDER_PYTHON) $(KERNEL):
	@test -e $@ || { echo "Adder's tools or kernel are missing; run \`make kernel\` in $(ADDER)." >&2; exit 1; }

run: $(TBF) $(KERNEL)
	@$(ADDER_TOOL) image install $(IMAGE) $(TBF)
	@$(ADDER_TOOL) simulate --image $(IMAGE) $(RUN_OPTIONS)

test: $(TBF) $(KERNEL)
	@$(ADDER_PYTHON) -m pytest -q -p no:cacheprovider test_app.py

clean:
	@rm -rf build

# What is set there, such as STACK or TBF_OPTIONS, is part of what is made.
$(TBF): $(OWN_MAKEFILE)

ifdef SOURCES
STACK ?= 1024
RUNTIME := $(wildcard $(APP_ROOT)/runtime/*.c $(APP_ROOT)/runtime/*.S)
OBJECTS := $(patsubst $(APP_ROOT)/runtime/%,build/runtime/%.o,$(RUNTIME)) $(SOURCES:%=build/%.o)

$(OBJECTS) build/$(NAME).elf: $(OWN_MAKEFILE)

build/runtime/%.o: $(APP_ROOT)/runtime/%
	@mkdir -p $(@D)
	@$(APP_CC) $(APP_CFLAGS) $(APP_PIC) -MMD -MP -c $< -o $@

build/%.o: %
	@mkdir -p $(@D)
	@$(APP_CC) $(APP_CFLAGS) $(APP_PIC) -MMD -MP -c $< -o $@

build/$(NAME).elf: $(OBJECTS) $(APP_ROOT)/runtime/app.ld
	@$(APP_CC) $(APP_LDFLAGS) -Wl,--defsym=STACK_SIZE=$(STACK) -Wl,-T,$(APP_ROOT)/runtime/app.ld $(OBJECTS) -lgcc -o $@

$(TBF): build/$(NAME).elf $(ADDER_PYTHON)
	@$(ADDER_TOOL) tbf $< -o $@ --tab build/$(NAME).tab --name $(NAME) $(TBF_OPTIONS)

-include $(OBJECTS:.o=.d)
endif
