# How MicroPython is compiled, and of what: for the kernel's image, and for measurements without one.

CFLAGS_MCU = -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
CFLAGS += $(CFLAGS_MCU) $(if $(filter fixed,$(STATE)),,-ffixed-r9) -std=gnu11 -O2 -g -DNDEBUG -Wall -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -Wpointer-arith -Wdouble-promotion -Wfloat-conversion -Werror -fsingle-precision-constant \
	-ffunction-sections -fdata-sections -fno-common
# MicroPython itself is small rather than fast, except for what is on the path of a system call.
COPT_SMALL = -Os
# Its warnings are not ours to mend, and another compiler may have more of them.
$(BUILD)/py/%.o: CFLAGS += $(COPT_SMALL) -Wno-error
$(BUILD)/extmod/%.o: CFLAGS += $(COPT_SMALL) -Wno-error
$(BUILD)/shared/%.o $(BUILD)/lib/%.o: CFLAGS += $(COPT_SMALL) -Wno-error -Wno-double-promotion -Wno-float-conversion
$(BUILD)/upstream_%.o $(BUILD)/python_process/upstream_%.o: CFLAGS += -Wno-error
$(BUILD)/upstream_objstr.o: CFLAGS += $(COPT_SMALL)
$(BUILD)/upstream_bc.o: CFLAGS += -fno-tree-loop-distribute-patterns # a frame is too small for memset
# -Os would put bytecode at odd addresses, as if it were machine code.
$(BUILD)/frozen_content.o: CFLAGS += -Wno-error -Wno-unused
# -O2 puts each text at a multiple of four. qstr has most of it: quick code, small data.
$(BUILD)/py/qstr.o: CFLAGS += -Os -include port/quick_code.h
COLD = objects/process_control kernel/crash_screen kernel/fault kernel/loader kernel/log kernel/tbf \
	python_process/main python_process/upstream_modrandom python_process/upstream_pyexec python_process/upstream_readline
$(COLD:%=$(BUILD)/%.o): CFLAGS += -Os
HOT = obj objtype objfun map runtime nativeglue objboundmeth objint vm bc gc argcheck objmodule nlrthumb nlr
$(foreach name,$(HOT),$(eval $(BUILD)/py/$(name).o: COPT_SMALL = -O2))


# Files of MicroPython that keep a variable of their own, or the address of one: compiled through a
# wrapper that puts it into the state. tests/system/test_kernel_image.py finds the ones that need it.
# What processes alone run is in python_process/.
WRAPPED_FOR_ALL = py/runtime py/nativeglue py/vm py/bc py/frozenmod py/objstr py/modsys
WRAPPED = $(WRAPPED_FOR_ALL) py/repl extmod/modrandom extmod/modasyncio extmod/modselect \
	shared/readline/readline shared/runtime/pyexec shared/runtime/sys_stdio_mphal
SRC_SHARED = shared/libc/string0.c shared/runtime/gchelper_native.c shared/runtime/stdout_helpers.c \
	shared/timeutils/timeutils.c $(SRC_LIB_LIBM_C) $(SRC_LIB_LIBM_SQRT_HW_C)
SRC_SHARED_S = shared/runtime/gchelper_thumb2.s
