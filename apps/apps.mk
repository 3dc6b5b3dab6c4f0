# Builds the apps: C → ELF → TBF and TAB in $(BUILD)/apps.
#
# Included by the top Makefile, which may set:
#   BUILD           build folder                  (build)
#   CROSS_COMPILE   prefix of the cross compiler  (arm-none-eabi-)
#   PYTHON          a Python that can run `-m adder`
#   TOOL_READY      a file that exists once PYTHON can (optional)
#
# One folder is one ELF file. An ELF file becomes one or more apps, told apart by name and
# argument: see the table at the end.

BUILD ?= build
CROSS_COMPILE ?= arm-none-eabi-
PYTHON ?= python3

include apps/flags.mk

APP_OUT := $(BUILD)/apps
APP_OBJ := $(APP_OUT)/obj

# Where the two apps with fixed addresses are linked. The flash address leaves 128 bytes before
# it for the TBF header.
HELLO_FIXED_FLASH ?= 0x21040080
HELLO_FIXED_RAM ?= 0x20030000
BLINK_FIXED_FLASH ?= 0x21044080
BLINK_FIXED_RAM ?= 0x20034000

# Bytes of stack of an app whose folder sets none; STACK_<folder> sets it.
APP_STACK ?= 1024

APP_RUNTIME := $(wildcard apps/runtime/*.c apps/runtime/*.S)

APP_TOOL := adder/apps/tbf.py adder/apps/elf_to_tbf.py adder/apps/elf_file.py

APP_ELFS :=
APP_TBFS :=
APP_TABS :=

app-objects = $(patsubst %,$(APP_OBJ)/$(2)/%.o,$(APP_RUNTIME) $(wildcard $(1)/*.c $(1)/*.S))

$(APP_OBJ)/pic/%.o: % apps/apps.mk apps/flags.mk
	@mkdir -p $(@D)
	@$(APP_CC) $(APP_CFLAGS) $(APP_PIC) -MMD -MP -c $< -o $@

$(APP_OBJ)/fixed/%.o: % apps/apps.mk apps/flags.mk
	@mkdir -p $(@D)
	@$(APP_CC) $(APP_CFLAGS) -DADDER_FIXED_ADDRESS -MMD -MP -c $< -o $@

# $(call app-elf,elf,folder,pic|fixed,linker options)
define app-elf
APP_ELFS += $(APP_OUT)/$(1).elf
$(APP_OUT)/$(1).elf: $(call app-objects,$(2),$(3)) apps/runtime/app.ld apps/apps.mk
	@echo "APP $$(basename $$(@F))"
	@$(APP_CC) $(APP_LDFLAGS) -Wl,--defsym=STACK_SIZE=$(or $(STACK_$(notdir $(2))),$(APP_STACK)) $(4) \
	    -Wl,-T,apps/runtime/app.ld $$(filter %.o,$$^) -lgcc -o $$@
endef

# $(call app,name,elf,argument,options of `adder tbf`)
define app
APP_TBFS += $(APP_OUT)/$(1).tbf
APP_TABS += $(APP_OUT)/$(1).tab
$(APP_OUT)/$(1).tbf $(APP_OUT)/$(1).tab &: $(APP_OUT)/$(2).elf $(APP_TOOL) apps/apps.mk | $(TOOL_READY)
	@$(PYTHON) -m adder tbf $$< -o $(APP_OUT)/$(1).tbf --tab $(APP_OUT)/$(1).tab --name $(1) \
	    $(if $(3),--argument "$(3)") $(4)
endef

.PHONY: apps
apps:

# ---------------------------------------------------------------------- the table

$(foreach f,$(patsubst %/main.c,%,$(wildcard apps/*/main.c)),$(eval $(call app-elf,$(notdir $(f)),$(f),pic)))
$(eval $(call app-elf,hello-fixed,apps/hello,fixed,\
    -Xlinker --defsym=APP_FLASH=$(HELLO_FIXED_FLASH) -Xlinker --defsym=APP_RAM=$(HELLO_FIXED_RAM)))
$(eval $(call app-elf,blink-fixed,apps/blink,fixed,\
    -Xlinker --defsym=APP_FLASH=$(BLINK_FIXED_FLASH) -Xlinker --defsym=APP_RAM=$(BLINK_FIXED_RAM)))

#                  name                    ELF           argument
$(eval $(call app,hello,hello))
$(eval $(call app,hello-fixed,hello-fixed))
$(eval $(call app,blink,blink))
$(eval $(call app,blink-fixed,blink-fixed))
$(eval $(call app,ping,ping))
$(eval $(call app,pong,pong))
$(eval $(call app,float,float,1))
$(eval $(call app,float2,float,2))
$(eval $(call app,spin,spin))

$(eval $(call app,buttons,buttons))
$(eval $(call app,pins,pins))
$(eval $(call app,dice,dice))
$(eval $(call app,counter,counter,,--write-id 21))
$(eval $(call app,counter2,counter,,--write-id 22))
$(eval $(call app,counter-none,counter))
$(eval $(call app,rot13-client,rot13-client))
# What `adder bringup` puts onto a board. `work` tries the RAM, so it has most of it.
$(eval $(call app,bringup-trap,bringup,trap))
$(eval $(call app,bringup-work,bringup,work,--minimum-ram-size 0x24000))
$(eval $(call app,bringup-other,bringup,other))
$(eval $(call app,echo,echo))
$(eval $(call app,echo-revoke,echo,revoke))

# The forbidden things of `faulty`; `faulty` itself crashes again and again, for `make run`.
FAULTS := read-kernel write-kernel read-kernel-flash read-peripheral write-peripheral read-system \
    write-flash read-header grant write-grant record write-record past-break jump-ram null-jump stack-overflow \
    bad-syscall undefined breakpoint unaligned divide privilege

$(eval $(call app,faulty,faulty,after 3000 read-kernel))
$(foreach f,$(FAULTS),$(eval $(call app,faulty-$(f),faulty,$(f))))

# Python apps: apps/blink.py becomes blink-py.tbf, the folder apps/shell shell.tbf.
# $(call python-app,name,source,other files)
define python-app
APP_TBFS += $(APP_OUT)/$(1).tbf
APP_TABS += $(APP_OUT)/$(1).tab
$(APP_OUT)/$(1).tbf $(APP_OUT)/$(1).tab &: $(2) $(3) $(PYTHON_APP_TOOL) | $(TOOL_READY)
	@mkdir -p $$(@D)
	@$(PYTHON) -m adder app build $(2) -o $(APP_OUT)/$(1).tbf --tab $(APP_OUT)/$(1).tab --name $(1)
endef

PYTHON_APP_TOOL := $(APP_TOOL) adder/apps/python_app.py adder/mpy_cross.py mpy-cross.cfg apps/apps.mk

python-name = $(subst _,-,$(basename $(notdir $(1))))
$(foreach source,$(wildcard apps/*.py),$(eval $(call python-app,$(call python-name,$(source))-py,$(source))))
$(foreach folder,$(patsubst %/main.py,%,$(wildcard apps/*/main.py)),$(eval $(call python-app,$(notdir $(folder)),$(folder),\
    $(shell find $(folder) -name __pycache__ -prune -o -type f -print))))

# Those that only tests need.
-include tests/apps/apps.mk

apps: $(APP_TBFS) $(APP_TABS)

-include $(shell test -d $(APP_OBJ) && find $(APP_OBJ) -name '*.d')
