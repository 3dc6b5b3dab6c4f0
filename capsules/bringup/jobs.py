"""Jobs for the programs of a bring-up (apps/bringup), which have no power and so can try what the kernel cannot.

Driver number 0xBD0001 (Adder's own; only in the kernels of `adder bringup`)

Command
    0 exists               -> success
    1 job     role         -> success_u32_u32(job, what it is about); 0 0: none for now, upcall 0 says when to ask again
    2 result  result more  -> success; the job is over

Subscribe
    0 there is a job: (0, 0, 0)
"""

from typing import Callable

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, InterruptLine, Layout, ProcessControl, ProcessId, success_u32_u32
from micropython import const

DRIVER_NUM = const(0xBD0001)

LAYOUT = Layout(upcalls=1)

TRAP = const(0)
WORK = const(1)
OTHER = const(2)

READ = const(1)
WRITE = const(2)
EXECUTE = const(3)
STORE_THEN_CALL = const(4)
PRIVILEGE = const(5)
DOZE = const(6)
FLOAT = const(7)
SPIN = const(8)
RAM = const(9)

_EXISTS = const(0)
_JOB = const(1)
_RESULT = const(2)

_ROLES = const(3)
_NOWHERE = const(-1)
_FAULTED = const(3)


class Jobs:
    """Hands out the jobs. Its client is told when one is taken, has a result, or has ended in a fault."""

    def __init__(self, grant: Grant, processes: ProcessControl, line: InterruptLine) -> None:
        self._grant = grant
        self._processes = processes
        self._slots = [_NOWHERE for _ in range(_ROLES)]
        self._job = [0 for _ in range(_ROLES)]
        self._what = [0 for _ in range(_ROLES)]
        self._taken: "Callable[[int], None] | None" = None
        self._ended: "Callable[[int, int, int], None] | None" = None
        self._faulted: "Callable[[int], None] | None" = None
        line.enable(self._look)
        processes.on_fault(line)

    def set_client(
        self,
        taken: "Callable[[int], None]",
        ended: "Callable[[int, int, int], None]",
        faulted: "Callable[[int], None]",
    ) -> None:
        """The test that is under way: taken(role), ended(role, result, more), faulted(role)."""
        self._taken = taken
        self._ended = ended
        self._faulted = faulted

    def give(self, role: int, job: int, what: int) -> None:
        """A job for a program; it takes it when it asks."""
        self._what[role] = what
        self._job[role] = job
        if self._slots[role] != _NOWHERE:
            self._grant.upcall(self._slots[role], 0, 0, 0, 0, 0)

    def slot(self, role: int) -> int:
        """Where the program is; below 0 if it has not asked yet."""
        return self._slots[role]

    def restart(self, role: int) -> None:
        """Begin the program anew, whatever it does."""
        self._job[role] = 0
        if self._slots[role] != _NOWHERE:
            self._processes.restart(self._slots[role])

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _JOB:
            return self._give_to(process, first)
        if number == _RESULT:
            for role in range(_ROLES):
                if self._slots[role] == process.slot and self._ended is not None:
                    self._ended(role, first, second)
            return SUCCESS
        if number == _EXISTS:
            return SUCCESS
        return ErrorCode.NOSUPPORT

    def _give_to(self, process: ProcessId, role: int) -> "CommandReturn | int":
        if not 0 <= role < _ROLES:
            return ErrorCode.INVAL
        self._grant.enter(process)
        self._slots[role] = process.slot
        job = self._job[role]
        self._job[role] = 0
        if job and self._taken is not None:
            self._taken(role)
        return success_u32_u32(job, self._what[role] if job else 0)

    def _look(self) -> None:
        for role in range(_ROLES):
            slot = self._slots[role]
            if slot != _NOWHERE and self._processes.exists(slot) and self._processes.state(slot) & 7 == _FAULTED:
                if self._faulted is not None:
                    self._faulted(role)
                self._processes.restart(slot)
