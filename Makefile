# Adder. `make help` lists what there is.

BOARD ?= qemu
BUILD := build
# The names in boards/ go to make and to shells, which would obey what is more than a name.
ifneq ($(shell LC_ALL=C find boards -mindepth 1 -maxdepth 2 \( -not -type f -o -name '*.config' \) -name '*[!A-Za-z0-9_.-]*' -exec echo found \;),)
$(error In boards/, a name of a folder or a .config file has more than letters, digits, '_', '.' and '-'; rename it)
endif
# A board is a file: boards/*/BOARD.config, or the defconfig of the folder that has its name.
BOARDS := $(sort $(patsubst boards/%/defconfig,%,$(wildcard boards/*/defconfig)) $(basename $(notdir $(wildcard boards/*/*.config))))
ifeq ($(filter $(BOARD),$(BOARDS)),)
$(error There is no board '$(BOARD)'; known boards: $(BOARDS))
endif
WIRING := $(patsubst %/,%,$(firstword $(dir $(wildcard boards/*/$(BOARD).config)) boards/$(BOARD)/))
# Your own choices for it: `make menuconfig` writes them; name another file with CONFIG=, and keep it where you like.
CONFIG ?= config/$(BOARD).config
PYTHON := $(BUILD)/venv/bin/python
TOOL_READY := $(BUILD)/venv/.ready
MICROPYTHON_READY := $(BUILD)/.micropython
QRCODEGEN_READY := $(BUILD)/.qrcodegen
SYSTEM_READY := $(BUILD)/.system
KERNEL := $(BUILD)/$(BOARD)/kernel.elf
MICROPYTHON = $(abspath $(shell cat $(MICROPYTHON_READY)))

# What MicroPython calls its version, not ours: its source lies inside our working tree.
export MICROPY_GIT_TAG := v1.25.0
export MICROPY_GIT_HASH := release

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all run flash bringup reference test test-host test-busy test-adversarial menuconfig bench size variants tcb powers help fuzz soak upstream-tests renode-run renode-test renode-soak clean kernel kernels apps image known-apps FORCE

all: kernel apps ## Build the kernel for BOARD and all apps

help: ## Show this list
	@echo "make TARGET [BOARD=qemu] [CONFIG=config/BOARD.config]; boards: $(BOARDS)"; echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 20

# -- Setting up -------------------------------------------------------------------

# System packages: cross compiler, C library, QEMU. Installed only where missing.
$(SYSTEM_READY): tools/setup-system
	@mkdir -p $(BUILD)
	@tools/setup-system
	@touch $@

# Host tools in a virtual environment, pinned by pyproject.toml.
$(TOOL_READY): pyproject.toml $(SYSTEM_READY)
	@tools/setup-venv $(BUILD)/venv
	@touch $@

# MicroPython's source, from the first place that has it; the file holds the path.
$(MICROPYTHON_READY): tools/setup-micropython
	@mkdir -p $(BUILD)
	@tools/setup-micropython $(BUILD)/micropython > $@

# The crash screen's QR codes, in the same way.
$(QRCODEGEN_READY): tools/setup-qrcodegen
	@mkdir -p $(BUILD)
	@tools/setup-qrcodegen $(BUILD)/qrcodegen > $@

# -- The kernel -------------------------------------------------------------------

# The types of the kernel's Python, checked when a file, a stub or an option has changed. A folder's time
# changes when a file in it comes or goes.
TYPECHECKED := $(BUILD)/$(BOARD)/.typechecked
TYPED := $(shell find capsules board/components $(WIRING) firmware/stubs \
    -name __pycache__ -prune -o \( -type d -o -name '*.py' -o -name '*.pyi' \) -print)

$(BUILD)/$(BOARD)/config.py: $(TOOL_READY) FORCE
	@$(PYTHON) -m adder.build.configure $(BOARD) $(BUILD)/$(BOARD) $(CONFIG)

$(TYPECHECKED): $(BUILD)/$(BOARD)/config.py adder/build/typecheck.py $(TYPED)
	@touch $@.begun # what is saved while the check runs is newer than this
	@$(PYTHON) -m adder typecheck --board $(BOARD)
	@mv $@.begun $@

FORCE:

kernel: $(TOOL_READY) $(MICROPYTHON_READY) $(QRCODEGEN_READY) $(TYPECHECKED) ## Build the kernel for BOARD
	@$(PYTHON) -m adder.build.manifest $(BOARD) $(BUILD)/$(BOARD)
	@mkdir -p $(BUILD)/$(BOARD)
	@+$(MAKE) --no-print-directory -C firmware/port $(if $(V),,-s) -j$$(nproc) BOARD=$(BOARD) BUILD=$(abspath $(BUILD)/$(BOARD)) \
	    TOP=$(MICROPYTHON) PYTHON=$(abspath $(PYTHON))

kernels: ## Build the kernel for QEMU and for the nRF52840-DK
	@+$(MAKE) --no-print-directory kernel BOARD=qemu
	@+$(MAKE) --no-print-directory kernel BOARD=nrf52840

menuconfig: $(TOOL_READY) ## Choose the kernel's options for BOARD; they are kept in CONFIG
	@$(PYTHON) -m adder.build.configure $(BOARD) $(BUILD)/$(BOARD) $(CONFIG) menu

# -- Apps -------------------------------------------------------------------------

include apps/apps.mk

# -- Running ----------------------------------------------------------------------

# What `make run` shows; the list can be overridden: make run APPS="hello spin".
APPS ?= hello blink ping pong float spin faulty clock-py rot13-py rot13-client-py
IMAGE := $(BUILD)/qemu/flash.img

# The set's names are kept beside the image, so that another APPS changes the set and nothing that others have installed.
image: known-apps kernel apps ## Put APPS into the simulated flash, in place of the last APPS and beside what you have installed there
	@$(PYTHON) -m adder image install --set $(BUILD)/qemu/apps.set $(IMAGE) $(APPS:%=$(BUILD)/apps/%.tbf)

# Apps that are named and do not exist are said so at once.
UNKNOWN_APPS = $(filter-out $(basename $(notdir $(APP_TBFS))),$(APPS))
known-apps:
	@$(if $(UNKNOWN_APPS),echo "There is no app '$(firstword $(UNKNOWN_APPS))' in apps/ (APPS=...);" \
	    "apps from elsewhere are installed by \`adder image install $(IMAGE) FILE\`." >&2; exit 1)

ifeq ($(BOARD),qemu)
run: image ## Build everything, boot it in a simulator, with the console here (leave: Ctrl-A X)
	@$(PYTHON) -m adder simulate $(RUN_OPTIONS)
else
run: kernel apps known-apps
	@$(PYTHON) -m adder simulate --board $(BOARD) $(RUN_OPTIONS) $(APPS:%=$(BUILD)/apps/%.tbf)
endif

picture: image ## Record docs/pictures/run.svg: what `make run` shows (needs termtosvg: pip install -e ".[docs]")
	@$(PYTHON) tools/record-run $(BUILD)/qemu/kernel.elf $(IMAGE) docs/pictures/run.svg

RENODE_IMAGE := $(BUILD)/nrf52840/renode.bin

renode-run: known-apps apps $(TOOL_READY) ## Build the nRF52840's kernel and boot it in Renode, with the console here
	@+$(MAKE) --no-print-directory kernel BOARD=nrf52840
	@$(PYTHON) -m adder renode image $(RENODE_IMAGE) $(APPS:%=$(BUILD)/apps/%.tbf)
	@$(PYTHON) -m adder renode run $(RUN_OPTIONS)

# -- A real board -----------------------------------------------------------------

# FLASH_OPTIONS="--method jlink --probe 68…"; APPS= leaves the board's apps alone. See docs/flashing.md.
flash: known-apps kernel apps ## Write the kernel and APPS to BOARD: probe, UF2 drive, serial DFU
	@$(PYTHON) -m adder flash --board $(BOARD) $(FLASH_OPTIONS) $(APPS:%=$(BUILD)/apps/%.tbf)

# The image that tests a board by itself: its folder's name is the chip's, which Kconfig asks for. `adder bringup` calls this.
BRINGUP := $(BUILD)/bringup-$(BOARD)
BRINGUP_BOARD := $(BRINGUP)/$(notdir $(WIRING))
bringup: $(TOOL_READY) $(MICROPYTHON_READY) $(QRCODEGEN_READY) $(patsubst %,$(BUILD)/apps/bringup-%.tbf,trap work other) ## Build the image that tests BOARD (`adder bringup` also flashes it and reads the report)
	@mkdir -p $(BRINGUP)/build
	@$(PYTHON) -m adder.bringup $(BOARD) $(BRINGUP_BOARD)
	@$(PYTHON) -m adder.build.configure $(BRINGUP_BOARD) $(BRINGUP)/build $(CONFIG)
	@$(PYTHON) -m adder.build.manifest $(BRINGUP_BOARD) $(BRINGUP)/build
	@+$(MAKE) --no-print-directory -C firmware/port $(if $(V),,-s) -j$$(nproc) BOARD=$(abspath $(BRINGUP_BOARD)) BUILD=$(abspath $(BRINGUP)/build) \
	    TOP=$(MICROPYTHON) PYTHON=$(abspath $(PYTHON))

# -- Checking and measuring -------------------------------------------------------

# So many tests run side by side; tests/side_by_side.py decides which of them one process runs, and in what order.
JOBS ?= $(shell nproc)
# When such a process dies, the run ends: pytest-xdist would wait for ever for what that one had before it.
SIDE_BY_SIDE = $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --no-loadscope-reorder --max-worker-restart=0)

test: kernels apps ## Run all tests, as many at a time as there are cores (JOBS=1: one)
	@$(PYTHON) -m pytest tests $(SIDE_BY_SIDE) $(TEST_OPTIONS)

BUSY ?= 4
test-busy: kernels apps ## Run all tests beside BUSY=4 loops that use up the CPU: none may fail because the machine is busy
	@tools/beside-busy-loops $(BUSY) $(PYTHON) -m pytest tests $(SIDE_BY_SIDE) $(TEST_OPTIONS)

SLOW_HOST_TESTS := tutorial typecheck verify_mutants tbf_from_elf bench simulate capsule_new
test-host: $(TOOL_READY) ## Run the quick ones of the tests that need no simulator
	@$(PYTHON) -m pytest tests/host $(SLOW_HOST_TESTS:%=--ignore tests/host/test_%.py) $(SIDE_BY_SIDE) $(TEST_OPTIONS)

renode-test: apps $(TOOL_READY) ## Test the nRF52840's kernel in Renode
	@+$(MAKE) --no-print-directory kernel BOARD=nrf52840
	@$(PYTHON) -m adder renode test $(TEST_OPTIONS)

renode-soak: apps $(TOOL_READY) ## Ten thousand alarms and two megabytes over the UART, on the nRF52840's kernel in Renode: half an hour
	@+$(MAKE) --no-print-directory kernel BOARD=nrf52840
	@$(PYTHON) -m adder renode test renode/long/alarms.robot renode/tests/uart.robot --variable SIZE:1048576 $(TEST_OPTIONS)

test-adversarial: kernel apps ## Run the tests that try to break out
	@$(PYTHON) -m pytest tests/adversarial $(SIDE_BY_SIDE) $(TEST_OPTIONS)

FUZZERS := $(wildcard tests/adversarial/test_*fuzz.py tests/adversarial/test_*_mutants.py) \
    tests/adversarial/test_allocation_failure.py tests/adversarial/test_exhaustion.py tests/adversarial/test_coming_and_going.py \
    tests/adversarial/test_cable.py \
    tests/adversarial/test_hostile_capsules.py::test_each_attack_is_contained_in_a_wired_kernel \
    tests/host/test_app_requests.py $(wildcard tests/host/capsules/test_capsule_app_*.py) tests/host/capsules/test_capsule_deploy.py \
    tests/fuzz tests/system/test_loader.py::test_kernel_and_tools_agree_on_lists_of_any_apps \
    tests/system/test_shell.py::test_random_bytes_on_the_line_reset_nothing_and_lose_nothing \
    tests/system/test_chip.py::test_whatever_apps_ask_the_drivers_and_when_each_question_has_its_answer
fuzz: kernels apps ## Run the long fuzzers, one after the other, for hours: what each of them does, its file says
	@$(PYTHON) -m pytest $(FUZZERS) --long --timeout=72000 -o faulthandler_timeout=0 $(TEST_OPTIONS)

soak: kernel apps ## Preempt and interrupt the interpreter for 10^10 instructions
	@$(PYTHON) -m pytest tests/system/test_soak.py --long --timeout=7200 -o faulthandler_timeout=0 $(TEST_OPTIONS)

upstream-tests: kernel ## Run MicroPython's own tests in a process and on its own port
	@$(PYTHON) tests/upstream/run.py

reference: $(TOOL_READY) ## Regenerate the Python library's stubs and reference (apps/stubs, docs/python-library.md), and docs/drivers.md
	@$(PYTHON) -m adder.apps.app_stubs
	@$(PYTHON) -m adder.apps.driver_docs

bench: kernel apps ## Count instructions of each kernel operation, and of the interpreter
	@$(PYTHON) -m adder bench
	@$(PYTHON) -m adder bench-interpreter

size: kernels ## Show flash and RAM by component
	@$(PYTHON) -m adder size

variants: ## Build the kernel of each board with an nRF52840, and check its size (minutes)
	@+$(MAKE) --no-print-directory kernel BOARD=nrf52840
	@$(PYTHON) -m pytest tests/system/test_board_variants.py --long $(TEST_OPTIONS)

tcb: $(TOOL_READY) ## Count trusted lines; list where powers are minted
	@$(PYTHON) -m adder tcb

powers: kernel ## Show which capsule of BOARD holds which power (adder powers --dot: as a graph)
	@$(PYTHON) -m adder powers $(BOARD)

clean: ## Remove what was built (not the virtual environment and MicroPython's source)
	@rm -rf $(BOARDS:%=$(BUILD)/%) $(BUILD)/bringup* $(BUILD)/apps $(BUILD)/bare-* $(BUILD)/tests $(BUILD)/fuzz-* $(BUILD)/drivers $(BUILD)/upstream $(BUILD)/*.json
