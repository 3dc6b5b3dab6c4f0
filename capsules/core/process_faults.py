"""What happens after a process has faulted: a report on the console, then the policy. One that has ended has its code shown.

The report is the one that Tock users know: why, where, the process's registers and its memory map.
Nothing here is on a hot path, so it may build strings.
"""

from kernel import InterruptLine, ProcessControl, log

import config
from capsules.hil.time import Alarm

# CFSR: ARMv7-M Architecture Reference Manual, B3.2.15.
CAUSES = (
    (0x00000001, "Instruction Access Violation"),
    (0x00000002, "Data Access Violation"),
    (0x00000008, "Memory Management Unstacking Fault"),
    (0x00000010, "Memory Management Stacking Fault"),
    (0x00000020, "Memory Management Lazy FP Fault"),
    (0x00000100, "Instruction Bus Error"),
    (0x00000200, "Precise Data Bus Error"),
    (0x00000400, "Imprecise Data Bus Error"),
    (0x00000800, "Bus Unstacking Fault"),
    (0x00001000, "Bus Stacking Fault"),
    (0x00002000, "Bus Lazy FP Fault"),
    (0x00010000, "Undefined Instruction Usage Fault"),
    (0x00020000, "Invalid State Usage Fault"),
    (0x00040000, "Invalid PC Load Usage Fault"),
    (0x00080000, "No Coprocessor Usage Fault"),
    (0x01000000, "Unaligned Access Usage Fault"),
    (0x02000000, "Divide By Zero"),
)
MMFAR_VALID = 0x80
BFAR_VALID = 0x8000
FORCED = 0x40000000
STATE_FAULTED = 3
STATE_TERMINATED = 4
FIRST_BREAK = 32  # bytes of RAM before a program has asked for more: an exception frame
STEP_MS = 50  # between looks at the restarts that are due


class ProcessFaults:
    """Reports faults and restarts, stops or panics, as configured.

    A process that keeps faulting is restarted after a pause that doubles each time. A report is written a part at
    a time, and the processes run on in between.
    """

    def __init__(self, processes: ProcessControl, line: InterruptLine, restarts: Alarm, reports: Alarm) -> None:
        self._processes = processes
        self._restart_alarm = restarts
        self._report_alarm = reports
        self._ticks_per_ms = (restarts.frequency + 255999) // 256000
        self._seen = [0 for _ in range(processes.SLOTS)]  # the id whose fault is known
        self._unreported = [False for _ in range(processes.SLOTS)]
        self._wait = [0 for _ in range(processes.SLOTS)]  # ms until the restart; 0: none is due
        self._slot = 0  # whose report is being written,
        self._part = 0  # and which part comes next; 0: none is
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
        reports.set_client(self._write_part)
        line.enable(self._look)
        processes.on_fault(line)

    def _look(self) -> None:
        """Find the processes that have faulted, or ended, since the last time."""
        for slot in range(self._processes.SLOTS):
            state = self._processes.state(slot) & 7 if self._processes.exists(slot) else 0
            if state >= STATE_FAULTED:
                identity = self._processes.fact(slot, "id")
                if self._seen[slot] != identity:
                    self._seen[slot] = identity
                    if state == STATE_TERMINATED:
                        code = self._processes.fact(slot, "completion_code")
                        log("app %s: ended with code %d" % (self._name(slot), code - (1 << 32) if code >> 31 else code))
                    elif self._is_for_tock_1(slot):
                        log("app %s: ended; it seems to be made for Tock 1.x, whose system calls are others: build it anew" % self._name(slot))
                        self._processes.terminate(slot)
                    else:
                        self._unreported[slot] = True
                        self._apply_policy(slot)
        self._report_alarm.set_alarm(1)

    # -- Policy ----------------------------------------------------------------

    def _apply_policy(self, slot: int) -> None:
        if config.FAULT_POLICY_PANIC:
            for part in self._parts:
                self._slot = slot
                part()
            self._processes.panic("process " + self._name(slot) + " had a fault")
        elif not config.FAULT_POLICY_STOP:
            self._wait[slot] = self.delay(self._processes.fact(slot, "restarts"))
            self._arm()

    def _is_for_tock_1(self, slot: int) -> bool:
        """Such a program names no kernel, and asks for memory in a way that is now an allow; so it has none."""
        fact = self._processes.fact
        return fact(slot, "kernel_version") == 0 and fact(slot, "app_break") - fact(slot, "ram_start") == FIRST_BREAK

    def _has_said_why(self, slot: int) -> bool:
        """Whether it ended by itself in the shared interpreter, which has then printed the exception and its traceback.

        That is an unknown system call, from code that is not the program's own.
        """
        fact, pc = self._processes.fact, self._processes.register(slot, 15)
        if fact(slot, "fault_status") != 0 or pc is None:
            return False
        own = fact(slot, "flash_start") <= pc < fact(slot, "flash_end") or fact(slot, "ram_start") <= pc < fact(slot, "ram_end")
        return not own

    def _verdict(self) -> str:
        if config.FAULT_POLICY_STOP:
            return "stopped"
        return "restart in %d ms" % self.delay(self._processes.fact(self._slot, "restarts"))

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
                if self._processes.state(slot) & 7 == STATE_FAULTED:
                    self._processes.restart(slot)
        if waiting:
            self._arm()

    # -- Report ----------------------------------------------------------------

    def _name(self, slot: int) -> str:
        return "".join([chr(c) if 32 <= c < 127 else "?" for c in self._processes.name(slot)])

    def _write_part(self) -> None:
        """Write the next part of a report; begin with one whose turn it is."""
        if self._part == 0:
            for slot in range(len(self._unreported)):
                if self._unreported[slot]:
                    self._slot = slot
                    self._part = len(self._parts) if self._has_said_why(slot) else 1
            if self._part == 0:
                return
        part = self._part
        self._part = part + 1 if part < len(self._parts) else 0
        if self._part == 0:
            self._unreported[self._slot] = False
        self._report_alarm.set_alarm(1)  # before what may fail
        self._parts[part - 1]()

    def _report_cause(self) -> None:
        fact, slot = self._processes.fact, self._slot
        status = fact(slot, "fault_status")
        log("\n---| Cortex-M Fault Status |---")
        for bit, cause in CAUSES:
            if status & bit:
                log("%-37strue" % (cause + ":"))
        if status == 0:
            log("%-37strue" % "Unknown System Call:")
        if fact(slot, "hard_fault_status") & FORCED:
            log("%-37strue" % "Forced Hard Fault:")
        if status & (MMFAR_VALID | BFAR_VALID):
            log("%-37s0x%08X" % ("Faulting Memory Address:", fact(slot, "fault_address")))
        log("%-37s0x%08X" % ("Fault Status Register (CFSR):", status))
        log("%-37s0x%08X" % ("Hard Fault Status Register (HFSR):", fact(slot, "hard_fault_status")))

    def _report_state(self) -> None:
        fact, slot = self._processes.fact, self._slot
        log("\n---| App Status |---")
        log("App: %s   -   [%s]" % (self._name(slot), self._processes.state_name(slot)))
        log(
            " Events Queued: %d   Syscall Count: %d   Dropped Upcall Count: %d"
            % (self._processes.queue_length(slot), fact(slot, "syscalls"), fact(slot, "dropped_upcalls"))
        )
        log(" Restart Count: %d" % fact(slot, "restarts"))

    def _report_memory(self) -> None:
        fact, slot = self._processes.fact, self._slot
        start, end = fact(slot, "ram_start"), fact(slot, "ram_end")
        grants, app_break = fact(slot, "grant_start"), fact(slot, "app_break")
        stack, heap, sp = fact(slot, "stack_top"), fact(slot, "heap_start"), fact(slot, "psp")
        log("\n +-----------+------------------------------------------+")
        log(" |  Address  | Region Name    Used | Allocated (bytes)  |")
        log(" +-0x%08X+------------------------------------------+" % end)
        log("             | Grants     %8d" % (end - grants))
        self._line_at(grants)
        log("             | Unused     %8d" % (grants - app_break))
        self._line_at(app_break)
        if start < stack <= heap <= app_break:
            log("             | Heap       %8s | %6d           R" % ("?", app_break - heap))
            self._line_at(heap)
            log("             | Data       %8d | %6d           A" % (heap - stack, heap - stack))
            self._line_at(stack)
            used = stack - sp
            log("             | Stack      %8d | %6d           M%s" % (used, stack - start, " EXCEEDED!" if used > stack - start else ""))
        else:
            log("             | In use     %8d" % (app_break - start))
        self._line_at(start)
        log("             .....")

    def _report_flash(self) -> None:
        fact, slot = self._processes.fact, self._slot
        flash, code = fact(slot, "flash_start"), fact(slot, "app_start")
        self._line_at(fact(slot, "flash_end"))
        log("             | App Flash  %8d                    FLASH" % (fact(slot, "flash_end") - code))
        self._line_at(code)
        log("             | Protected  %8d" % (code - flash))
        self._line_at(flash)

    def _line_at(self, address: int) -> None:
        log("  0x%08X +-------------------------------------------" % address)

    def _value(self, n: int) -> str:
        value = self._processes.register(self._slot, n)
        return "(lost)    " if value is None else "0x%08X" % value

    def _report_registers(self) -> None:
        log("")
        for n in range(6):
            log("  R%d : %s    R%-2d: %s" % (n, self._value(n), n + 6, self._value(n + 6)))

    def _report_rest(self) -> None:
        log("  R12: %s" % self._value(12))
        log("  R9 is the static base register.")
        log("  SP : %s" % self._value(13))
        log("  LR : %s" % self._value(14))
        log("  PC : %s" % self._value(15))
        psr = self._processes.register(self._slot, 16)
        if psr is not None:
            log(" APSR: N %d Z %d C %d V %d Q %d" % (psr >> 31 & 1, psr >> 30 & 1, psr >> 29 & 1, psr >> 28 & 1, psr >> 27 & 1))
            log(" EPSR: ICI.IT 0x%02X ThumbBit %s" % (psr >> 25 & 3 | psr >> 8 & 0xFC, "true" if psr & 0x01000000 else "false"))
        log("")

    def _report_verdict(self) -> None:
        log("app %s: %s" % (self._name(self._slot), self._verdict()))
