"""The tests of a bring-up that programs make: traps, RAM, the FPU's registers.

The kernel's own record of a fault says whether it was the right one, at the right address.
"""

from kernel import ProcessControl
from micropython import const

from capsules.bringup.jobs import Jobs
from capsules.bringup.report import Report

# capsules/bringup/jobs.py
_TRAP = const(0)
_WORK = const(1)
_OTHER = const(2)
_READ = const(1)
_EXECUTE = const(3)
_STORE_THEN_CALL = const(4)
_PRIVILEGE = const(5)
_DOZE = const(6)
_FLOAT = const(7)
_RAM = const(9)

_WAYS = ("", "read", "write", "execute")

# CFSR: ARMv7-M Architecture Reference Manual, B3.2.15
_INSTRUCTION = const(0x00000101)  # IACCVIOL, IBUSERR
_INVALID = const(0x00060000)  # INVSTATE, INVPC: a jump to what looks like EXC_RETURN
_DATA = const(0x00000082)  # DACCVIOL and MMARVALID
_BUS = const(0x00008200)  # PRECISERR and BFARVALID
_PC = const(15)

# Where a row of the matrix says something else than an address, it is this and what is added to it.
OF_WITNESS_RAM = const(-1)
OF_WITNESS_FLASH = const(-2)
OF_KERNEL_RAM_END = const(-3)
OF_OWN_RAM_END = const(-4)
OF_OWN_GRANTS = const(-5)

_FLOAT_MS = const(50)


class Traps:
    """Has a program try each way at each place: one a life."""

    def __init__(self, report: Report, jobs: Jobs, processes: ProcessControl, rows: "tuple[tuple[str, int, int], ...]") -> None:
        self.name = "mpu"
        self.limit = 8000
        self._report = report
        self._jobs = jobs
        self._processes = processes
        self._rows = rows  # name, address or one of the above, what is added
        self._row = 0
        self._way = 0
        self._at = 0
        self._wrong = ""

    def begin(self) -> None:
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._row = -1
        self._way = _EXECUTE
        self._next()

    def _next(self) -> None:
        self._way += 1
        if self._way > _EXECUTE:
            if self._row >= 0:
                name = self._rows[self._row][0]
                self._report.checked("mpu-" + name, not self._wrong, self._wrong or "read, write and execute trapped")
            self._way = _READ
            self._wrong = ""
            self._row += 1
            if self._row == len(self._rows):
                self._report.done(self.name)
                return
            self._at = self._address(self._rows[self._row])
        self._jobs.give(_TRAP, self._way, self._at)

    def _address(self, row: "tuple[str, int, int]") -> int:
        _, place, more = row
        fact = self._processes.fact
        own, witness = self._jobs.slot(_TRAP), self._jobs.slot(_OTHER)
        if own < 0 or witness < 0:
            return more
        if place == OF_WITNESS_RAM:
            return fact(witness, "ram_start") + more
        if place == OF_WITNESS_FLASH:
            return fact(witness, "flash_start") + more
        if place == OF_OWN_RAM_END:
            return fact(own, "ram_end") + more
        if place == OF_OWN_GRANTS:
            return fact(own, "grant_start") + more
        if place == OF_KERNEL_RAM_END:
            first = fact(own, "ram_start")
            for slot in range(self._processes.SLOTS):
                if self._processes.exists(slot):
                    first = min(first, fact(slot, "ram_start"))
            return first + more
        return place + more

    def _taken(self, role: int) -> None:
        """It begins to try."""

    def _ended(self, role: int, result: int, more: int) -> None:
        if role == _TRAP:
            self._note("was not stopped")
            self._next()

    def _faulted(self, role: int) -> None:
        if role != _TRAP:
            return
        slot = self._jobs.slot(role)
        status = self._processes.fact(slot, "fault_status")
        if self._way == _EXECUTE:
            pc = self._processes.register(slot, _PC)
            if pc is None:
                pc = 0
            if not ((status & _INSTRUCTION and pc | 1 == self._at | 1) or status & _INVALID):
                self._note(f"CFSR {status:08x}, PC {pc:08x}")
        else:
            address = self._processes.fact(slot, "fault_address")
            if not (status & _DATA == _DATA or status & _BUS == _BUS) or address != self._at:
                self._note(f"CFSR {status:08x} at {address:08x}")
        self._next()

    def _note(self, what: str) -> None:
        self._wrong = self._wrong + ("" if not self._wrong else ", ") + _WAYS[self._way] + " " + what


class Barrier:
    """A store to the system control block with a system call right behind: the fault is the store's, and the program's."""

    def __init__(self, report: Report, jobs: Jobs, processes: ProcessControl) -> None:
        self.name = "store-then-call"
        self.limit = 1000
        self._report = report
        self._jobs = jobs
        self._processes = processes
        self._at = 0xE000ED08

    def begin(self) -> None:
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_TRAP, _STORE_THEN_CALL, self._at)

    def _taken(self, role: int) -> None:
        """It begins to try."""

    def _ended(self, role: int, result: int, more: int) -> None:
        self._report.checked(self.name, False, "the store was not stopped")
        self._report.done(self.name)

    def _faulted(self, role: int) -> None:
        slot = self._jobs.slot(role)
        status, address = self._processes.fact(slot, "fault_status"), self._processes.fact(slot, "fault_address")
        good = (status & _BUS == _BUS or status & _DATA == _DATA) and address == self._at
        self._report.checked(self.name, good, f"CFSR {status:08x} at {address:08x}")
        self._report.done(self.name)


class Privilege:
    """A program tries to become privileged."""

    def __init__(self, report: Report, jobs: Jobs) -> None:
        self.name = "privilege"
        self.limit = 1000
        self._report = report
        self._jobs = jobs

    def begin(self) -> None:
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_TRAP, _PRIVILEGE, 0)

    def _taken(self, role: int) -> None:
        """It begins to try."""

    def _ended(self, role: int, result: int, more: int) -> None:
        self._report.checked(self.name, result == 0, "still unprivileged" if result == 0 else "a program is PRIVILEGED")
        self._report.done(self.name)

    def _faulted(self, role: int) -> None:
        self._report.checked(self.name, False, "a fault, where the attempt should have no effect")
        self._report.done(self.name)


class Floats:
    """Two programs keep values in all of the FPU's registers while each interrupts the other."""

    def __init__(self, report: Report, jobs: Jobs) -> None:
        self.name = "fpu"
        self.limit = 3000
        self._report = report
        self._jobs = jobs
        self._left = 0
        self._rounds = 0
        self._lost = 0

    def begin(self) -> None:
        self._left = 2
        self._rounds = 0
        self._lost = 0
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_WORK, _FLOAT, _FLOAT_MS)
        self._jobs.give(_OTHER, _FLOAT, _FLOAT_MS)

    def _taken(self, role: int) -> None:
        """It begins."""

    def _ended(self, role: int, result: int, more: int) -> None:
        self._lost += result
        self._rounds += more
        self._left -= 1
        if self._left == 0:
            self._report.measured("fpu-rounds", self._rounds, 4, 1000000, "rounds of two programs")
            self._report.measured("fpu-lost", self._lost, 0, 0, "registers lost")
            self._report.done(self.name)

    def _faulted(self, role: int) -> None:
        """The limit says that it has not come to an end."""


class Ram:
    """A program fills all of the RAM that programs can have."""

    def __init__(self, report: Report, jobs: Jobs) -> None:
        self.name = "ram"
        self.limit = 8000
        self._report = report
        self._jobs = jobs

    def begin(self) -> None:
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_WORK, _RAM, 0)

    def _taken(self, role: int) -> None:
        """It begins."""

    def _ended(self, role: int, result: int, more: int) -> None:
        if result == 0:
            self._report.measured("ram-tested", int(more) // 1024, 64, 256, "KB")
            self._report.measured("ram-wrong", 0, 0, 0, "words")
        else:
            self._report.checked("ram-wrong", False, f"{result} words, the first at {more:08x}")
        self._report.done(self.name)

    def _faulted(self, role: int) -> None:
        """The limit says that it has not come to an end."""


class Doze:
    """A program executes WFI for ever: another one has its turn all the same, by a clock that goes on in sleep."""

    def __init__(self, report: Report, jobs: Jobs) -> None:
        self.name = "wfi"
        self.limit = 2000
        self._report = report
        self._jobs = jobs

    def begin(self) -> None:
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_TRAP, _DOZE, 0)

    def _taken(self, role: int) -> None:
        if role == _TRAP:
            self._jobs.give(_OTHER, _FLOAT, 20)

    def _ended(self, role: int, result: int, more: int) -> None:
        if role == _OTHER:
            self._report.measured(self.name, more, 1, 1000000, "rounds beside a program that sleeps by itself")
            self._jobs.restart(_TRAP)
            self._report.done(self.name)

    def _faulted(self, role: int) -> None:
        """WFI is no fault."""
