"""What happens after a process has faulted: a report on the console, then the policy. One that has ended has its code shown.

The report is the one that Tock users know: why, where, the process's registers and its memory map. It is written a line
at a time, out of texts that are there already and numbers that the core prints: so it takes nobody's time, and leaves
no garbage.
"""

from typing import TYPE_CHECKING

from kernel import InterruptLine, ProcessControl, log, log_number

import config
from capsules.hil.time import Alarm

if TYPE_CHECKING:
    from capsules.virtual.last_words import LastWords

# CFSR: ARMv7-M Architecture Reference Manual, B3.2.15; and the line of each bit.
CAUSES = (
    (0x00000001, "Instruction Access Violation:        true"),
    (0x00000002, "Data Access Violation:               true"),
    (0x00000008, "Memory Management Unstacking Fault:  true"),
    (0x00000010, "Memory Management Stacking Fault:    true"),
    (0x00000020, "Memory Management Lazy FP Fault:     true"),
    (0x00000100, "Instruction Bus Error:               true"),
    (0x00000200, "Precise Data Bus Error:              true"),
    (0x00000400, "Imprecise Data Bus Error:            true"),
    (0x00000800, "Bus Unstacking Fault:                true"),
    (0x00001000, "Bus Stacking Fault:                  true"),
    (0x00002000, "Bus Lazy FP Fault:                   true"),
    (0x00010000, "Undefined Instruction Usage Fault:   true"),
    (0x00020000, "Invalid State Usage Fault:           true"),
    (0x00040000, "Invalid PC Load Usage Fault:         true"),
    (0x00080000, "No Coprocessor Usage Fault:          true"),
    (0x01000000, "Unaligned Access Usage Fault:        true"),
    (0x02000000, "Divide By Zero:                      true"),
)
MMFAR_VALID = 0x80
BFAR_VALID = 0x8000
FORCED = 0x40000000
STATE_FAULTED = 3
STATE_TERMINATED = 4
FIRST_BREAK = 32  # bytes of RAM before a program has asked for more: an exception frame
AT_ONCE = 6  # causes that are looked at for one line
STEP_MS = 50  # between looks at the restarts that are due
LINES_PER_MS = 8  # of a report
PAUSE_MS = 150  # when the log has no room: so long the console takes for it at 115,200 baud
PAUSES = 4  # at most in a report: restarts do not wait for a console that nobody reads

REGISTERS = (
    ("  R0 : ", "    R6 : "),
    ("  R1 : ", "    R7 : "),
    ("  R2 : ", "    R8 : "),
    ("  R3 : ", "    R9 : "),
    ("  R4 : ", "    R10: "),
    ("  R5 : ", "    R11: "),
)


class ProcessFaults:
    """Reports faults and restarts, stops or panics, as configured.

    A process that keeps faulting is restarted after a pause that doubles each time. A report is written a line at
    a time, and the processes run on in between.
    """

    def __init__(
        self, processes: ProcessControl, line: InterruptLine, restarts: Alarm, reports: Alarm, words: "LastWords | None" = None
    ) -> None:
        self._words = (words.mark, words.number, words.end) if words is not None else None
        self._processes = processes
        self._fact, self._show = processes.fact, processes.log  # taken once: each access would make an object
        self._restart_alarm = restarts
        self._report_alarm = reports
        self._ticks_per_ms = (restarts.frequency + 255999) // 256000
        self._seen = [0 for _ in range(processes.SLOTS)]  # the id whose fault is known
        self._unreported = [False for _ in range(processes.SLOTS)]
        self._wait = [0 for _ in range(processes.SLOTS)]  # ms until the restart; 0: none is due
        self._slot = 0  # whose report is being written,
        self._part = 0  # which part comes next; 0: none is;
        self._step = 0  # and which line of it
        self._pauses = False  # until there is room in the log
        self._patience = PAUSES
        self._split = False  # its memory is split up as a program in C has it
        self._parts = (
            self._report_cause,
            self._report_state,
            self._report_memory,
            self._report_flash,
            self._report_registers,
            self._report_rest,
            self._report_verdict,
        )
        restarts.set_client(self._tick)
        reports.set_client(self._write_line)
        line.enable(self._look)
        processes.on_fault(line)

    def _look(self) -> None:
        """Find the processes that have faulted, or ended, since the last time."""
        for slot in range(self._processes.SLOTS):
            state = self._processes.state(slot) & 7 if self._processes.exists(slot) else 0
            if state >= STATE_FAULTED:
                identity = self._fact(slot, "id")
                if self._seen[slot] != identity:
                    self._remember(slot, identity, state)
                    if state == STATE_TERMINATED:
                        self._seen[slot] = identity
                        code = self._fact(slot, "completion_code")
                        log("app %s: ended with code %d" % (self._name(slot), code - (1 << 32) if code >> 31 else code))
                    elif self._is_for_tock_1(slot):
                        self._seen[slot] = identity
                        log("app %s: ended; it seems to be made for Tock 1.x, whose system calls are others: build it again" % self._name(slot))
                        self._processes.terminate(slot)
                    else:
                        self._unreported[slot] = True
                        self._apply_policy(slot)
                        self._seen[slot] = identity  # last: what was cut short before is done again
        if not self._pauses:
            self._report_alarm.set_alarm(1)

    def _remember(self, slot: int, identity: int, state: int) -> None:
        """Why it has ended, in numbers, behind what it has said."""
        if self._words is None:
            return
        mark, number, end = self._words
        fact = self._fact
        mark(slot, identity)
        number(slot, fact(slot, "fault_status"))
        number(slot, state)
        number(slot, fact(slot, "fault_address"))
        number(slot, fact(slot, "completion_code"))
        number(slot, fact(slot, "short_id"))  # whose end it is, with the name: another app may get the slot
        for register in (15, 14, 13):
            value = self._processes.register(slot, register)
            if value is not None:
                number(slot, value)
        end(slot, self._processes.name(slot))

    # -- Policy ----------------------------------------------------------------

    def _apply_policy(self, slot: int) -> None:
        if config.FAULT_POLICY_PANIC:
            self._slot = slot
            for part in self._parts:
                step = 0
                while part(step):
                    step += 1
            self._processes.panic("process " + self._name(slot) + " had a fault")
        elif not config.FAULT_POLICY_STOP:
            self._wait[slot] = self.delay(self._fact(slot, "restarts"))
            self._arm()

    def _is_for_tock_1(self, slot: int) -> bool:
        """Such a program names no kernel, and asks for memory in a way that is now an allow; so it has none."""
        fact = self._fact
        return fact(slot, "kernel_version") == 0 and fact(slot, "app_break") - fact(slot, "ram_start") == FIRST_BREAK

    def _has_said_why(self, slot: int) -> bool:
        """Whether it ended by itself in the shared interpreter, which has then printed the exception and its traceback.

        That is an unknown system call, from code that is not the program's own.
        """
        fact, pc = self._fact, self._processes.register(slot, 15)
        if fact(slot, "fault_status") != 0 or pc is None:
            return False
        own = fact(slot, "flash_start") <= pc < fact(slot, "flash_end") or fact(slot, "ram_start") <= pc < fact(slot, "ram_end")
        return not own

    def delay(self, restarts: int) -> int:
        """Milliseconds before the next restart of a process that was restarted so often."""
        wait = config.RESTART_DELAY_MS << min(restarts, 16)
        return min(wait, config.RESTART_DELAY_MAX_MS)

    def _arm(self) -> None:
        self._restart_alarm.set_alarm(int(self._ticks_per_ms) * STEP_MS)

    def _tick(self) -> None:
        waiting = False
        for slot in range(len(self._wait)):
            if self._wait[slot] > STEP_MS:
                self._wait[slot] -= STEP_MS
                waiting = True
            elif self._wait[slot] and self._unreported[slot]:
                waiting = True
            elif self._wait[slot]:
                self._wait[slot] = 0
                if self._is_there(slot) and self._processes.state(slot) & 7 == STATE_FAULTED:
                    self._processes.restart(slot)
        if waiting:
            self._arm()

    def _is_there(self, slot: int) -> bool:
        """Whether the process whose fault is known is still in its slot."""
        return self._processes.exists(slot) and self._fact(slot, "id") == self._seen[slot]

    # -- Report ----------------------------------------------------------------

    def _name(self, slot: int) -> str:
        return "".join([chr(c) if 32 <= c < 127 else "?" for c in self._processes.name(slot)])

    def _write_line(self) -> None:
        """Write the next line of a report; begin with one whose turn it is."""
        self._pauses = bool(self._patience and not self._processes.log_has_room())
        if self._pauses:
            self._patience -= 1
            self._report_alarm.set_alarm(int(self._ticks_per_ms) * PAUSE_MS)
            return
        if self._part and not self._is_there(self._slot):  # it was unloaded, or somebody has started it again
            log("")
            self._part = 0
            self._unreported[self._slot] = False
        if self._part == 0:
            slot = self._slot
            for _ in range(len(self._unreported)):
                slot = int(slot + 1) % len(self._unreported)  # in turn, or who faults at once again were always first
                if self._unreported[slot] and not self._is_there(slot):
                    self._unreported[slot] = False
                elif self._unreported[slot]:
                    self._slot = slot
                    self._part = len(self._parts) if self._has_said_why(slot) else 1
                    break
            self._step = 0
            self._patience = PAUSES
            if self._part == 0:
                return
        part, step = self._part, self._step
        self._part = part + 1 if part < len(self._parts) else 0  # if this one fails, the next is its turn
        self._step = 0
        if self._part == 0:
            self._unreported[self._slot] = False
        self._report_alarm.set_alarm(int(self._ticks_per_ms) // LINES_PER_MS)
        if self._parts[part - 1](step):
            self._part = part
            self._step = step + 1

    # Each part writes its line number `step`, and says whether there may be another.

    def _report_cause(self, step: int) -> bool:
        slot, show = self._slot, self._show
        status = self._fact(slot, "fault_status")
        if step == 0:
            log("\n---| Cortex-M Fault Status |---")
            return True
        if int(step - 1) * AT_ONCE < len(CAUSES):
            for n in range(int(step - 1) * AT_ONCE, min(int(step) * AT_ONCE, len(CAUSES))):
                if status & CAUSES[n][0]:
                    log(CAUSES[n][1])
            return True
        step -= (len(CAUSES) + AT_ONCE - 1) // AT_ONCE
        if step == 1:
            if status == 0:
                log("Unknown System Call:                 true")
            if self._fact(slot, "hard_fault_status") & FORCED:
                log("Forced Hard Fault:                   true")
            return True
        if step == 2:
            if status & (MMFAR_VALID | BFAR_VALID):
                show(slot, "Faulting Memory Address:             ", "fault_address")
                log("")
            return True
        if step == 3:
            show(slot, "Fault Status Register (CFSR):        ", "fault_status")
            log("")
            return True
        show(slot, "Hard Fault Status Register (HFSR):   ", "hard_fault_status")
        log("")
        return False

    def _report_state(self, step: int) -> bool:
        fact, slot = self._fact, self._slot
        if step == 0:
            log("\n---| App Status |---")
        elif step == 1:
            self._show(slot, "App: ", "name")
            self._show(slot, "   -   [", "state")
            log("]")
        elif step == 2:
            log_number(" Events Queued: ", self._processes.queue_length(slot), 1)
            log_number("   Syscall Count: ", fact(slot, "syscalls"), 1)
            log_number("   Dropped Upcall Count: ", fact(slot, "dropped_upcalls"), 1)
            log("")
        else:
            log_number(" Restart Count: ", fact(slot, "restarts"), 1)
            log("")
        return step < 3

    def _report_memory(self, step: int) -> bool:
        fact, slot = self._fact, self._slot
        if step == 0:
            log("\n +-----------+------------------------------------------+")
        elif step == 1:
            log(" |  Address  | Region Name    Used | Allocated (bytes)  |")
        elif step == 2:
            self._show(slot, " +-", "ram_end")
            log("+------------------------------------------+")
        elif step == 3:
            self._size("             | Grants     ", fact(slot, "ram_end") - fact(slot, "grant_start"), "")
        elif step == 4:
            self._line_at("grant_start")
        elif step == 5:
            self._size("             | Unused     ", fact(slot, "grant_start") - fact(slot, "app_break"), "")
        elif step == 6:
            self._line_at("app_break")
            stack, heap = fact(slot, "stack_top"), fact(slot, "heap_start")
            self._split = fact(slot, "ram_start") < stack <= heap <= fact(slot, "app_break")
        elif step == 7:
            if self._split:
                self._size("             | Heap              ? | ", fact(slot, "app_break") - fact(slot, "heap_start"), "           R", 6)
            else:
                self._size("             | In use     ", fact(slot, "app_break") - fact(slot, "ram_start"), "")
        elif self._split and step < 12:
            self._report_split(step)
        elif self._split and step == 12 or step == 8:
            self._line_at("ram_start")
        else:
            log("             .....")
            return False
        return True

    def _report_split(self, step: int) -> None:
        """What a program in C says of its memory."""
        fact, slot = self._fact, self._slot
        if step == 8:
            self._line_at("heap_start")
        elif step == 9:
            size = fact(slot, "heap_start") - fact(slot, "stack_top")
            log_number("             | Data       ", size, 8)
            log_number(" | ", size, 6)
            log("           A")
        elif step == 10:
            self._line_at("stack_top")
        else:
            stack = fact(slot, "stack_top")
            used, size = stack - fact(slot, "psp"), stack - fact(slot, "ram_start")
            log_number("             | Stack      ", used, 8)
            log_number(" | ", size, 6)
            log("           M EXCEEDED!" if used > size else "           M")

    def _report_flash(self, step: int) -> bool:
        fact, slot = self._fact, self._slot
        if step == 0:
            self._line_at("flash_end")
        elif step == 1:
            self._size("             | App Flash  ", fact(slot, "flash_end") - fact(slot, "app_start"), "                    FLASH")
        elif step == 2:
            self._line_at("app_start")
        elif step == 3:
            self._size("             | Protected  ", fact(slot, "app_start") - fact(slot, "flash_start"), "")
        else:
            self._line_at("flash_start")
        return step < 4

    def _line_at(self, what: str) -> None:
        self._show(self._slot, "  ", what)
        log(" +-------------------------------------------")

    def _size(self, text: str, size: int, rest: str, places: int = 8) -> None:
        log_number(text, size, places)
        log(rest)

    def _report_registers(self, step: int) -> bool:
        if step > 0:
            left, right = REGISTERS[step - 1]
            self._show(self._slot, left, step - 1)
            self._show(self._slot, right, step + 5)
        log("")
        return step < len(REGISTERS)

    def _report_rest(self, step: int) -> bool:
        show, slot = self._show, self._slot
        if step == 0:
            show(slot, "  R12: ", 12)
            log("")
        elif step == 1:
            log("  R9 is the static base register.")
        elif step == 2:
            show(slot, "  SP : ", 13)
            log("")
        elif step == 3:
            show(slot, "  LR : ", 14)
            log("")
        elif step == 4:
            show(slot, "  PC : ", 15)
            log("")
        elif step == 5:
            high = self._processes.register(slot, 18)
            if high is not None:
                log_number(" APSR: N ", high >> 15 & 1, 1)
                log_number(" Z ", high >> 14 & 1, 1)
                log_number(" C ", high >> 13 & 1, 1)
                log_number(" V ", high >> 12 & 1, 1)
                log_number(" Q ", high >> 11 & 1, 1)
                log("")
        elif step == 6:
            low, high = self._processes.register(slot, 17), self._processes.register(slot, 18)
            if low is not None and high is not None:
                log_number(" EPSR: ICI.IT ", high >> 9 & 3 | low >> 8 & 0xFC, -2)
                log(" ThumbBit true" if high & 0x100 else " ThumbBit false")
        else:
            log("")
        return step < 7

    def _report_verdict(self, step: int) -> bool:
        self._show(self._slot, "app ", "name")
        if config.FAULT_POLICY_STOP:
            log(": stopped")
        else:
            log_number(": restart in ", self.delay(self._fact(self._slot, "restarts")), 1)
            log(" ms")
        return False
