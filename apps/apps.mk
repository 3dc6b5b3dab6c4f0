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

app-objects = $(patsubst apps/%,$(APP_OBJ)/$(2)/%.o,$(APP_RUNTIME) $(wildcard apps/$(1)/*.c apps/$(1)/*.S))

$(APP_OBJ)/pic/%.o: apps/% apps/apps.mk apps/flags.mk
	@mkdir -p $(@D)
	@$(APP_CC) $(APP_CFLAGS) $(APP_PIC) -MMD -MP -c $< -o $@

$(APP_OBJ)/fixed/%.o: apps/% apps/apps.mk apps/flags.mk
	@mkdir -p $(@D)
	@$(APP_CC) $(APP_CFLAGS) -DADDER_FIXED_ADDRESS -MMD -MP -c $< -o $@

# $(call app-elf,elf,folder,pic|fixed,linker options)
define app-elf
APP_ELFS += $(APP_OUT)/$(1).elf
$(APP_OUT)/$(1).elf: $(call app-objects,$(2),$(3)) apps/runtime/app.ld apps/apps.mk
	@echo "APP $$(basename $$(@F))"
	@$(APP_CC) $(APP_LDFLAGS) -Wl,--defsym=STACK_SIZE=$(or $(STACK_$(2)),$(APP_STACK)) $(4) \
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

APP_FOLDERS := $(filter-out runtime,$(patsubst apps/%/main.c,%,$(wildcard apps/*/main.c)))

$(foreach f,$(APP_FOLDERS),$(eval $(call app-elf,$(f),$(f),pic)))
$(eval $(call app-elf,hello-fixed,hello,fixed,\
    -Xlinker --defsym=APP_FLASH=$(HELLO_FIXED_FLASH) -Xlinker --defsym=APP_RAM=$(HELLO_FIXED_RAM)))
$(eval $(call app-elf,blink-fixed,blink,fixed,\
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
$(eval $(call app,hog,hog))
$(eval $(call app,hostile,hostile,1 10000))
$(eval $(call app,steady,steady,100000,--write-id 23))
$(eval $(call app,witness,witness,,--write-id 24))
$(eval $(call app,bench,bench))
$(eval $(call app,bench-service,bench-service))
$(eval $(call app,bench-spin,bench-spin))
$(eval $(call app,bench-spin2,bench-spin))
$(eval $(call app,exits-terminate,exits,after 200 terminate 3))
$(eval $(call app,exits-restart,exits,after 200 restart 3))
$(eval $(call app,exits-return,exits,after 200 return 3))

$(eval $(call app,buttons,buttons))
$(eval $(call app,pins,pins))
$(eval $(call app,dice,dice))
$(eval $(call app,counter,counter,,--write-id 21))
$(eval $(call app,counter2,counter,,--write-id 22))
$(eval $(call app,counter-none,counter))
$(eval $(call app,rot13-client,rot13-client))
$(eval $(call app,jitter,jitter))
$(eval $(call app,abi,abi))
GREEDY := brk restart subscribe discover find list stats alarm write random load store record measure pin button
$(foreach g,$(GREEDY),$(eval $(call app,greedy-$(g),greedy,$(g),--write-id 26)))
$(eval $(call app,costs,costs,,--write-id 27))
$(eval $(call app,flood,flood,,--write-id 25))
$(eval $(call app,flood-edges,flood,edges))
$(eval $(call app,echo,echo))
$(eval $(call app,echo-revoke,echo,revoke))
$(eval $(call app,lateness,lateness,200 50))
$(eval $(call app,lateness-long,lateness,40 60000))
$(eval $(call app,ticks,ticks,40000))
# Eight processes beside each other: in all 10,000 alarms of up to two minutes, and 1,000 of up to 70 seconds.
$(foreach n,1 2 3 4 5 6 7 8,$(eval $(call app,alarms-$(n),alarms,$(n) 1250 120000)))
$(foreach n,1 2 3 4 5 6 7 8,$(eval $(call app,alarms-short-$(n),alarms,1$(n) 125 70000)))
BAD_STACKS := kernel peripheral flash system nowhere edge fpedge
$(foreach w,$(BAD_STACKS),$(eval $(call app,badstack-$(w),badstack,$(w) call)))
$(foreach w,$(BAD_STACKS),$(eval $(call app,badstack-$(w)-spin,badstack,$(w) spin)))

# The forbidden things of `faulty`; `faulty` itself crashes again and again, for `make run`.
FAULTS := read-kernel write-kernel read-kernel-flash read-peripheral write-peripheral read-system \
    write-flash read-header grant write-grant past-break jump-ram null-jump stack-overflow \
    bad-syscall undefined breakpoint unaligned divide privilege

$(eval $(call app,faulty,faulty,after 3000 read-kernel))
$(foreach f,$(FAULTS),$(eval $(call app,faulty-$(f),faulty,$(f))))

# Python apps: apps/blink.py becomes blink-py.tbf; `misbehave` is built once for each way of its.
# $(call python-app,name,source)
define python-app
APP_TBFS += $(APP_OUT)/$(1).tbf
APP_TABS += $(APP_OUT)/$(1).tab
$(APP_OUT)/$(1).tbf $(APP_OUT)/$(1).tab &: apps/$(2) $(PYTHON_APP_TOOL) | $(TOOL_READY)
	@mkdir -p $$(@D)
	@$(PYTHON) -m adder app build apps/$(2) -o $(APP_OUT)/$(1).tbf --tab $(APP_OUT)/$(1).tab --name $(1)
endef

PYTHON_APP_TOOL := $(APP_TOOL) adder/apps/python_app.py adder/mpy_cross.py mpy-cross.cfg apps/apps.mk

$(foreach source,$(filter-out misbehave.py,$(notdir $(wildcard apps/*.py))),\
    $(eval $(call python-app,$(subst _,-,$(basename $(source)))-py,$(source))))

MISBEHAVIOURS := read-kernel write-kernel write-kernel-heap write-interpreter read-peripheral write-system \
    read-last-ram forge forge-kernel loop hog recurse recurse-in-c big-int close-stdin machine-code allow flood
$(foreach way,$(MISBEHAVIOURS),$(eval $(call python-app,misbehave-$(way),misbehave.py)))

apps: $(APP_TBFS) $(APP_TABS)

-include $(shell test -d $(APP_OBJ) && find $(APP_OBJ) -name '*.d')
