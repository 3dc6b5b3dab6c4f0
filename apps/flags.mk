# How a C app is compiled and linked, in this tree (apps.mk) and outside of it (outside.mk).
# APP_ROOT is the folder of this file.

APP_ROOT ?= apps
CROSS_COMPILE ?= arm-none-eabi-

APP_CC := $(CROSS_COMPILE)gcc
APP_FLAGS := -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
APP_CFLAGS := $(APP_FLAGS) -std=gnu11 -Os -g -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes \
    -ffreestanding -ffunction-sections -fdata-sections -fno-common \
    -fno-tree-loop-distribute-patterns -I$(APP_ROOT)/runtime
# Code that runs at any flash address, with its RAM at any other: all data is reached through
# the global offset table, to which r9 points.
APP_PIC := -fPIC -msingle-pic-base -mpic-register=r9 -mno-pic-data-is-text-relative
APP_LDFLAGS := $(APP_FLAGS) -nostdlib -nostartfiles -static \
    -Wl,--gc-sections -Wl,--emit-relocs -Wl,--build-id=none -Wl,--fatal-warnings \
    -Wl,--no-warn-rwx-segments
