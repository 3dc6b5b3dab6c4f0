"""A Cortex-M4: Unicorn executes instructions, this does exceptions. Sections are of the ARMv7-M Architecture Manual.

Unicorn has the registers, both stacks and the two modes, but no interrupt controller: it stops at an SVC, at a branch
to EXC_RETURN and at WFI, and what the hardware does then is done here. The FPU is always on; the
MPU is there if it is asked for.
"""

import ctypes
import struct
from collections.abc import Callable
from typing import Any

from unicorn import UC_ARCH_ARM, UC_HOOK_INTR, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc_const

from adder.chip.mpu import EXECUTE, PRIVATE, WRITE, Mpu
from adder.chip.time import Time

# B1.5.2, exception numbers
HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT, SVCALL, PENDSV, SYSTICK = 3, 4, 5, 6, 11, 14, 15
FIRST_IRQ = 16

_THREAD = 256  # a priority below all

_UNICORN_SVC, _UNICORN_BREAKPOINT, _UNICORN_EXCEPTION_RETURN = 2, 7, 8

# How many instructions are executed at a stretch: what happens meanwhile is seen afterwards. Unicorn does not tell how
# many came before an SVC or a WFI, so half the stretch is charged; one that runs to its end makes the next one longer.
_SHORTEST, _LONGEST = 64, 2048

_FRAME = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3, arm.UC_ARM_REG_R12)
_FLOATS = [arm.UC_ARM_REG_S0 + i for i in range(16)]

_XPSR_THUMB = 1 << 24
_XPSR_ALIGNED = 1 << 9
_XPSR_NUMBER = 0x1FF
_CONTROL_UNPRIVILEGED, _CONTROL_PSP, _CONTROL_FP = 1, 2, 4
_CONTROL_SECURE_FP = 8  # Unicorn wants both, else it clears FPSCR at the next instruction of the FPU

_WFI, _WFE = 0xBF30, 0xBF20

_CYCLE = 15625  # picoseconds, at 64 MHz


class LockUp(Exception):
    """The processor cannot go on: a fault while it handles one."""


class CortexM:
    """The processor. `mips` is how many million instructions it executes a second when awake."""

    def __init__(self, time: Time, lines: int, mips: int, mpu: bool = False) -> None:
        self.time = time
        self.lines = lines
        self.set_speed(mips)
        self.uc: Any = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self.uc.hook_add(UC_HOOK_INTR, self._stopped_by)
        self._value = ctypes.c_uint64()
        self._at_value = ctypes.byref(self._value)
        self.before_exception: Callable[[], None] = lambda: None
        self.reset_requested: Callable[[], None] = lambda: None
        self.asserted: set[int] = set()  # by peripherals
        self.awake = 0  # time spent executing
        self.instructions = 0
        self.exceptions = 0
        self.sleeps = 0
        self.active: list[int] = []
        self.mpu = Mpu(self.uc, self.uc.emu_stop) if mpu else None
        self.cycle = _CYCLE  # for faults
        self.forgets_floats = False
        self.system = SystemControl(self)
        self.uc.mmio_map(0xE0001000, 0x1000, self.system.read_trace, None, self.system.write_trace, None)
        self.uc.mmio_map(0xE000E000, 0x1000, self.system.read, None, self.system.write, None)
        self._reason: int | None = None
        self._stretch = _SHORTEST
        self.sleeping = False

    def set_speed(self, mips: int) -> None:
        self.per_instruction = 10**6 // mips  # picoseconds

    def reset(self) -> None:
        """B1.5.5. The vector table is where the chip finds it: at 0, unless a bootloader starts the kernel."""
        self.start(0)

    def start(self, vectors: int) -> None:
        """Begin as a bootloader begins a program whose vectors are there."""
        self.active = []
        self.latched: set[int] = set()
        self.sleeping = False
        self.system.reset()
        self.system.vtor = vectors
        stack, entry = struct.unpack("<II", self.uc.mem_read(vectors, 8))
        self._write(arm.UC_ARM_REG_XPSR, _XPSR_THUMB | SVCALL)  # privileged, whatever it was
        self._write(arm.UC_ARM_REG_CONTROL, 0)
        self._write(arm.UC_ARM_REG_XPSR, _XPSR_THUMB)
        self._write(arm.UC_ARM_REG_CONTROL, 0)
        self._mode_changed()
        self._write(arm.UC_ARM_REG_MSP, stack)
        self._write(arm.UC_ARM_REG_BASEPRI, 0)
        self._write(arm.UC_ARM_REG_PRIMASK, 0)
        self._write(arm.UC_ARM_REG_PC, entry | 1)

    def hang(self) -> None:
        """For tests: an endless loop with interrupts off, in the last bytes of the RAM."""
        self.uc.mem_write(0x2003FFF0, struct.pack("<HH", 0xBF00, 0xE7FD))
        self.sleeping = False
        self._write(arm.UC_ARM_REG_XPSR, _XPSR_THUMB | SVCALL)
        self._mode_changed()
        self.active = [HARD_FAULT]
        self._write(arm.UC_ARM_REG_PC, 0x2003FFF1)

    # -- Registers ------------------------------------------------------------

    # By the function in C: `reg_read` and `reg_write` look each time for what kind of register it is, which took a
    # third of all the time that the model takes.

    def _read(self, register: int) -> int:
        self._check(self.uc._do_reg_read(register, self._at_value))
        return self._value.value

    def _write(self, register: int, value: int) -> None:
        self._value.value = value & 0xFFFFFFFF
        self._check(self.uc._do_reg_write(register, self._at_value))
        self._value.value = 0

    @staticmethod
    def _check(status: int) -> None:
        if status != uc_const.UC_ERR_OK:
            raise UcError(status)

    def _mode_changed(self) -> None:
        """Have Unicorn see whether it is privileged now.

        It translates code for the mode that it was in when it last looked. A write to XPSR or CONTROL does not make it
        look, one to the flags does. Else a handler's CPSID is taken for that of a process, and does nothing.
        """
        self._write(arm.UC_ARM_REG_APSR_NZCV, self._read(arm.UC_ARM_REG_XPSR) & 0xF0000000)

    @property
    def pc(self) -> int:
        return self._read(arm.UC_ARM_REG_PC)

    # -- Exceptions -----------------------------------------------------------

    def _execution_priority(self, but_for_primask: bool = False) -> int:
        """B1.5.4"""
        priority = min((self.system.priority(number) for number in self.active), default=_THREAD)
        basepri = self._read(arm.UC_ARM_REG_BASEPRI)
        if basepri:
            priority = min(priority, basepri)
        if not but_for_primask and self._read(arm.UC_ARM_REG_PRIMASK):
            priority = min(priority, 0)
        return priority

    def _first_pending(self) -> tuple[int, int] | None:
        """The exception that waits with the smallest priority and number, as (priority, number)."""
        if not self.latched and not self.asserted:
            return None
        waiting = self.latched | (self.asserted - set(self.active))
        return min(
            ((self.system.priority(number), number) for number in waiting if self._is_enabled(number)), default=None
        )

    def set_level(self, line: int, level: bool) -> None:
        """A peripheral asserts its interrupt, or does not. One that stays asserted comes again."""
        (self.asserted.add if level else self.asserted.discard)(FIRST_IRQ + line)

    def _is_enabled(self, number: int) -> bool:
        return number < FIRST_IRQ or bool(self.system.enabled >> (number - FIRST_IRQ) & 1)

    def take(self, number: int) -> None:
        """Exception entry, B1.5.6 to B1.5.8."""
        self.exceptions += 1
        self.latched.discard(number)
        control = self._read(arm.UC_ARM_REG_CONTROL)
        xpsr = self._read(arm.UC_ARM_REG_XPSR)
        floats = bool(control & _CONTROL_FP)
        on_psp = not self.active and bool(control & _CONTROL_PSP)
        sp = self._read(arm.UC_ARM_REG_SP)
        base = (sp - (0x68 if floats else 0x20)) & ~7
        words = [self._read(r) for r in _FRAME] + [self._read(arm.UC_ARM_REG_LR), self.pc & ~1]
        words.append((xpsr & ~_XPSR_ALIGNED) | (_XPSR_ALIGNED if sp & 4 else 0))
        if floats:
            words += [self._read(r) for r in _FLOATS] + [self._read(arm.UC_ARM_REG_FPSCR), 0]
        self._write(arm.UC_ARM_REG_SP, base)
        try:
            self._check_stack(WRITE, on_psp and bool(control & _CONTROL_UNPRIVILEGED), base, 4 * len(words))
            self.uc.mem_write(base, struct.pack(f"<{len(words)}I", *words))
        except UcError:
            self.system.cfsr |= 1 << 4  # MSTKERR
            if number in (MEM_MANAGE, BUS_FAULT, USAGE_FAULT, HARD_FAULT):
                raise LockUp(f"no stack for fault {number}, at {self.pc:#x}") from None
            number = MEM_MANAGE
        exc_return = 0xFFFFFFF1 if self.active else 0xFFFFFFFD if on_psp else 0xFFFFFFF9
        self.active.append(number)
        self._write(arm.UC_ARM_REG_XPSR, _XPSR_THUMB | number)
        self._write(arm.UC_ARM_REG_CONTROL, control & _CONTROL_UNPRIVILEGED)
        self._mode_changed()
        self._write(arm.UC_ARM_REG_LR, exc_return & ~0x10 if floats else exc_return)
        try:
            vector = struct.unpack("<I", self.uc.mem_read(self.system.vtor + 4 * number, 4))[0]
        except UcError:
            raise LockUp(f"no vector for exception {number}, VTOR is {self.system.vtor:#x}, at {self.pc:#x}") from None
        self._write(arm.UC_ARM_REG_PC, vector)

    def _check_stack(self, kind: int, process: bool, base: int, length: int) -> None:
        if process and self.mpu is not None and not self.mpu.allows(kind, base, length):
            raise UcError(uc_const.UC_ERR_WRITE_PROT)

    def _return(self, exc_return: int) -> None:
        """Exception return, B1.5.8."""
        self.active.pop()
        on_psp = exc_return & 0xF == 0xD
        floats = not exc_return & 0x10
        stack = arm.UC_ARM_REG_PSP if on_psp else arm.UC_ARM_REG_MSP
        base = self._read(stack)
        try:
            words = struct.unpack("<8I", self.uc.mem_read(base, 32))
            more = struct.unpack("<17I", self.uc.mem_read(base + 32, 68)) if floats else ()
        except UcError:
            self.system.cfsr |= 1 << 3  # MUNSTKERR
            self.take(MEM_MANAGE)
            return
        unprivileged = self._read(arm.UC_ARM_REG_CONTROL) & _CONTROL_UNPRIVILEGED
        xpsr = words[7]
        self._write(stack, base + (0x68 if floats else 0x20) + (4 if xpsr & _XPSR_ALIGNED else 0))
        # Unicorn writes CONTROL and the other stack pointer only while the processor is privileged: that ends last.
        self._write(arm.UC_ARM_REG_CONTROL, 0)
        number = self.active[-1] if self.active else 0
        self._write(arm.UC_ARM_REG_XPSR, (xpsr & ~(_XPSR_NUMBER | _XPSR_ALIGNED)) | number)
        control = unprivileged | (_CONTROL_PSP if on_psp else 0) | (_CONTROL_FP | _CONTROL_SECURE_FP if floats else 0)
        self._write(arm.UC_ARM_REG_CONTROL, control)
        self._mode_changed()
        for register, value in zip(_FRAME, words, strict=False):
            self._write(register, value)
        self._write(arm.UC_ARM_REG_LR, words[5])
        for register, value in zip([*_FLOATS, arm.UC_ARM_REG_FPSCR], () if self.forgets_floats else more, strict=False):
            self._write(register, value)
        self._write(arm.UC_ARM_REG_PC, words[6] | 1)

    def fault(self, number: int, status: int, address: int | None = None) -> None:
        """A fault of the instruction that is being executed, B1.5.14."""
        self.system.cfsr |= status
        if address is not None:
            self.system.fault_address = address
        if any(self.system.priority(active) <= 0 for active in self.active):
            raise LockUp(f"a fault (CFSR {self.system.cfsr:#x}) while a fault is handled, at {self.pc:#x}")
        self.take(number)

    # -- Running --------------------------------------------------------------

    def _stopped_by(self, uc: Any, number: int, data: object) -> None:
        self._reason = number
        uc.emu_stop()

    def step(self, until: int) -> None:
        """Take an exception, or execute some instructions, or sleep on; never beyond the time `until`."""
        self.before_exception()
        pending = self._first_pending()
        if self.sleeping:
            # B1.5.19: WFI ends when an exception would be taken if PRIMASK were 0.
            if pending is None or pending[0] >= self._execution_priority(but_for_primask=True):
                self.time.now = until
                return
            self.sleeping = False
        if pending is not None and pending[0] < self._execution_priority():
            self.take(pending[1])
        room = max(1, (until - self.time.now) // self.per_instruction)
        if self.system.systick_left is not None:
            room = min(room, max(1, self.system.systick_left // self.per_instruction + 1))
        self._execute(min(room, self._stretch))

    def _execute(self, count: int) -> None:
        self._reason = None
        begin = self.pc
        mpu = self.mpu
        if mpu is not None:
            if not self.active and self._read(arm.UC_ARM_REG_CONTROL) & _CONTROL_UNPRIVILEGED:
                mpu.watch()
            else:
                mpu.unwatch()
        try:
            self.uc.emu_start(begin | 1, 0xFFFFFFFE, count=count)
        except UcError as error:
            self._spend(count // 2 + 1)
            self._failed(error)
            return
        if mpu is not None and mpu.refused is not None:
            self._spend(count // 2 + 1)
            self._refused(*mpu.refused)
            return
        pc = self.pc
        if self._reason is None:
            asleep = self._is_wfi(pc - 2)
            self._spend(count if not asleep else count // 2 + 1)
            self._stretch = _SHORTEST if asleep else min(2 * self._stretch, _LONGEST)
            if asleep:
                self.sleeps += 1
                self.sleeping = True
            return
        self._spend(count // 2 + 1)
        self._stretch = _SHORTEST
        if self._reason == _UNICORN_SVC:
            if self._execution_priority() <= self.system.priority(SVCALL):
                self.fault(HARD_FAULT, 0)
            else:
                self.take(SVCALL)
        elif self._reason == _UNICORN_EXCEPTION_RETURN:
            self._return(pc | 1)
        elif self._may_not_be_here(pc):  # Unicorn has seen no instruction there before anybody could stop it
            self._refused(EXECUTE, pc & ~1, pc & ~1)
        elif self._reason == _UNICORN_BREAKPOINT:
            self.fault(HARD_FAULT, 0)
        else:
            self.fault(USAGE_FAULT, 1 << 16)

    def _is_wfi(self, address: int) -> bool:
        try:
            return struct.unpack("<H", self.uc.mem_read(address, 2))[0] in (_WFI, _WFE)
        except UcError:
            return False

    def _failed(self, error: UcError) -> None:
        pc = self.pc
        if pc & 0xFFFFFF00 == 0xFFFFFF00 and self.active:
            self._return(pc | 1)
        elif self.mpu is not None and self.mpu.refused is not None:
            self._refused(*self.mpu.refused)
        elif self._may_not_be_here(pc):
            self._refused(EXECUTE, pc & ~1, pc & ~1)
        elif error.errno == uc_const.UC_ERR_INSN_INVALID:
            self.fault(USAGE_FAULT, 1 << 16)  # UNDEFINSTR
        elif error.errno in (uc_const.UC_ERR_FETCH_UNMAPPED, uc_const.UC_ERR_FETCH_PROT):
            self.fault(BUS_FAULT, 1 << 8)  # IBUSERR
        else:
            self.fault(BUS_FAULT, 1 << 9 | 1 << 15, self.system.last_bad)  # PRECISERR, BFARVALID

    def _may_not_be_here(self, pc: int) -> bool:
        return self.mpu is not None and self.mpu.watches and not self.mpu.allows(EXECUTE, pc & ~1, 2)

    def _refused(self, kind: int, address: int, pc: int) -> None:
        """The MPU has not let a process do this."""
        assert self.mpu is not None
        self.mpu.undo()
        self._write(arm.UC_ARM_REG_PC, pc | 1)
        if kind == EXECUTE:
            self.fault(MEM_MANAGE, 1 << 0)  # IACCVIOL
        elif address in PRIVATE:
            self.fault(BUS_FAULT, 1 << 9 | 1 << 15, address)  # PRECISERR, BFARVALID
        else:
            self.fault(MEM_MANAGE, 1 << 1 | 1 << 7, address)  # DACCVIOL, MMARVALID

    def _spend(self, instructions: int) -> None:
        self.instructions += instructions
        self.stand_still(instructions * self.per_instruction)

    def stand_still(self, time: int) -> None:
        """Time passes that is the processor's, awake: SysTick, which counts its clock, goes on."""
        self.time.now += time
        self.awake += time
        self.system.systick_passed(time)


class SystemControl:
    """SysTick, NVIC, the system control block and the cycle counter: B3.2 to B3.5, C1.8.

    Without an MPU, its registers are kept and do nothing.
    """

    def __init__(self, cpu: CortexM) -> None:
        self._cpu = cpu
        self.last_bad = 0
        self.reset()

    def reset(self) -> None:
        self.vtor = 0
        self.enabled = 0
        self.cfsr = self.hfsr = self.fault_address = 0
        self._kept: dict[int, int] = {}
        self._priorities = bytearray(self._cpu.lines)
        self._system_priorities = bytearray(12)  # of exceptions 4 to 15
        self._systick_control = self._systick_reload = 0
        self.systick_left: int | None = None
        self._trace_control = self._cycles_begun = 0
        if self._cpu.mpu is not None:
            self._cpu.mpu.reset()

    # DWT: CYCCNT counts while the processor has a clock, and TRCENA of DEMCR is set.

    def read_trace(self, uc: Any, offset: int, size: int, data: object) -> int:
        if offset == 4:
            return self._cycles() - self._cycles_begun & 0xFFFFFFFF
        return 4 << 28 | self._trace_control if offset == 0 else 0

    def write_trace(self, uc: Any, offset: int, size: int, value: int, data: object) -> None:
        if offset == 0:
            self._trace_control = value & 1
        elif offset == 4:
            self._cycles_begun = self._cycles() - value

    def _cycles(self) -> int:
        on = self._trace_control and self._kept.get(0xDFC, 0) >> 24 & 1
        return self._cpu.awake // self._cpu.cycle if on else 0

    def priority(self, number: int) -> int:
        """Of an exception; a smaller number wins."""
        if number >= FIRST_IRQ:
            return self._priorities[number - FIRST_IRQ]
        return self._system_priorities[number - 4] if number >= 4 else -1

    # SysTick stands still while the processor sleeps: on this chip it has no clock then.

    def systick_passed(self, time: int) -> None:
        if self.systick_left is None:
            return
        self.systick_left -= time
        while self.systick_left <= 0:
            self.systick_left += (self._systick_reload + 1) * _CYCLE
            if self._systick_control & 2:
                self._cpu.latched.add(SYSTICK)

    def _systick_restart(self) -> None:
        on = self._systick_control & 1 and self._systick_reload
        self.systick_left = (self._systick_reload + 1) * _CYCLE if on else None

    @property
    def _refused(self) -> bool:
        mpu = self._cpu.mpu
        return mpu is not None and mpu.refused is not None

    def read(self, uc: Any, offset: int, size: int, data: object) -> int:
        if self._refused:
            return 0
        return self._get(offset & ~3) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def _get(self, offset: int) -> int:
        cpu = self._cpu
        match offset:
            case 0x010:
                return self._systick_control
            case 0x014:
                return self._systick_reload
            case 0x018:
                return (self.systick_left or 0) // _CYCLE
            case 0x100 | 0x104 | 0x180 | 0x184:
                return self.enabled >> 8 * (offset & 0x7F) & 0xFFFFFFFF
            case 0xD00:
                return 0x410FC241  # CPUID
            case 0xD04:
                number = cpu.active[-1] if cpu.active else 0
                return number | (PENDSV in cpu.latched) << 28 | (SYSTICK in cpu.latched) << 26
            case 0xD08:
                return self.vtor
            case 0xD28:
                return self.cfsr
            case 0xD2C:
                return self.hfsr
            case 0xD34 | 0xD38:
                return self.fault_address
            case 0xD90:
                return 8 << 8  # MPU_TYPE: eight regions
            case 0xD18 | 0xD1C | 0xD20:
                at = offset - 0xD18
                return int.from_bytes(self._system_priorities[at : at + 4], "little")
        if 0x200 <= offset < 0x2C0:
            first = 8 * (offset & 0x3F)
            return sum(1 << i for i in range(32) if FIRST_IRQ + first + i in cpu.latched)
        if 0x400 <= offset < 0x400 + cpu.lines:
            return int.from_bytes(self._priorities[offset - 0x400 : offset - 0x3FC], "little")
        if cpu.mpu is not None and 0xD94 <= offset < 0xDB8:
            return cpu.mpu.read(offset - 0xD94)
        return self._kept.get(offset, 0)

    def write(self, uc: Any, offset: int, size: int, value: int, data: object) -> None:
        if self._refused:
            return
        if 0x400 <= offset < 0x400 + self._cpu.lines:
            self._priorities[offset - 0x400 : offset - 0x400 + size] = value.to_bytes(size, "little")
            return
        self._set(offset, value)

    def _set(self, offset: int, value: int) -> None:
        cpu = self._cpu
        match offset:
            case 0x010:
                started = value & 1 and not self._systick_control & 1
                self._systick_control = value & 7
                if started or not value & 1:
                    self._systick_restart()
            case 0x014:
                self._systick_reload = value & 0xFFFFFF
            case 0x018:
                self._systick_restart()
            case 0x100 | 0x104:
                self.enabled |= value << 8 * (offset & 0x7F)
            case 0x180 | 0x184:
                self.enabled &= ~(value << 8 * (offset & 0x7F))
            case 0xD04:
                for bit, number in ((28, PENDSV), (26, SYSTICK)):  # to set; the bit below clears
                    if value >> bit & 1:
                        cpu.latched.add(number)
                    elif value >> (bit - 1) & 1:
                        cpu.latched.discard(number)
            case 0xD08:
                self.vtor = value
            case 0xD0C:
                if value & 4:  # SYSRESETREQ
                    cpu.reset_requested()
            case 0xD18 | 0xD1C | 0xD20:
                at = offset - 0xD18
                self._system_priorities[at : at + 4] = value.to_bytes(4, "little")
            case 0xD28:
                self.cfsr &= ~value
            case 0xD2C:
                self.hfsr &= ~value
            case _:
                if cpu.mpu is not None and 0xD94 <= offset < 0xDB8:
                    cpu.mpu.write(offset - 0xD94, value)
                elif 0x200 <= offset < 0x300:
                    for i in range(32):
                        if value >> i & 1:
                            number = FIRST_IRQ + 8 * (offset & 0x3F) + i
                            (cpu.latched.discard if offset >= 0x280 else cpu.latched.add)(number)
                else:
                    self._kept[offset] = value
