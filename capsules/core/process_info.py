"""Processes, seen and controlled by user programs.

Driver number 0x10002.

Command
    0 exists            -> success
    1 count             -> success_u32(number of processes)
    2 identifiers       -> success_u32(number of processes); one u32 each into the buffer
    3 short identifiers -> success_u32(number of processes); one u32 each into the buffer, 0 = none
    4 name     id       -> success_u32(length of the name); the name into the buffer. INVAL if no such process
    5 stats    id       -> success_u32(number of values): time slices used up, system calls, restarts, state.
                           INVAL
    6 control  id what  -> success, INVAL. what: 1 start, 2 stop, 3 fault, 4 terminate, 5 boot
    100 dropped id      -> success_u32(events that found no place among its upcalls), INVAL
    101 facts   id      -> success_u32(number of values), for a process console: upcalls that wait, dropped ones, whether it
                           has exited, its completion code, where its RAM begins and ends, its break, where its grants
                           begin, its stack's top, its heap's start, its stack pointer, where its flash begins and ends,
                           and its program; its state, and 8 if it is stopped. INVAL
    102 panic           -> does not return; NOSUPPORT unless the board's configuration allows it

State: 0 running, 1 yielded, 2 waiting for one upcall, 3 stopped, 4 faulted, 5 terminated

Allow read-write
    0 where the answers go
"""

from typing import Literal

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessControl, ProcessId, UserBuffer, success_u32
from micropython import const

import config

DRIVER_NUM = const(0x10002)

LAYOUT = Layout(read_write=1)

# Commands
_EXISTS = const(0)
_COUNT = const(1)
_IDENTIFIERS = const(2)
_SHORT_IDENTIFIERS = const(3)
_NAME = const(4)
_CONTROL = const(6)
# Not Tock's
_DROPPED = const(100)
_FACTS = const(101)
_PANIC = const(102)

_WORDS = const(15)  # of the facts

_STOPPED = const(8)  # a bit of what ProcessControl.state() returns


class ProcessInfo:
    """Serves what ProcessControl knows and can do."""

    def __init__(self, grant: Grant, processes: ProcessControl) -> None:
        self._grant = grant
        self._processes = processes
        self._slots = processes.SLOTS

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _DROPPED:
            return self._dropped(self._slot_of(first & 0x3FFFFFFF))
        if number == _PANIC and config.PROCESS_PANIC:
            self._processes.panic("Process Console forced a kernel panic.")
        if (number < 0 or number > _CONTROL) and number != _FACTS:
            return ErrorCode.NOSUPPORT
        if number == _COUNT:
            return success_u32(self._count())
        if number == _CONTROL:
            return self._control(self._slot_of(first & 0x3FFFFFFF), second & 0xFF)
        return self._query(number, first & 0x3FFFFFFF, process)

    def _query(self, number: int, identifier: int, process: ProcessId) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        buffer = entry.read_write(0)
        if number == _IDENTIFIERS:
            return self._write_all(buffer, "id")
        if number == _SHORT_IDENTIFIERS:
            return self._write_all(buffer, "short_id")
        slot = self._slot_of(identifier)
        if slot < 0:
            return ErrorCode.INVAL
        if number == _NAME:
            return success_u32(self._processes.write_name(slot, buffer))
        if number == _FACTS:
            return self._facts(slot, buffer)
        return self._stats(slot, buffer)

    def _count(self) -> int:
        count = 0
        for slot in range(self._slots):
            if self._processes.exists(slot):
                count += 1
        return count

    def _slot_of(self, identifier: int) -> int:
        for slot in range(self._slots):
            if self._processes.exists(slot) and self._processes.fact(slot, "id") == identifier:
                return slot
        return -1

    def _write_all(self, buffer: UserBuffer, fact: "Literal['id', 'short_id']") -> "CommandReturn | int":
        at = 0
        for slot in range(self._slots):
            if self._processes.exists(slot):
                buffer.write_u32(at, self._processes.fact(slot, fact))
                at += 1
        return success_u32(at)

    def _state(self, slot: int) -> int:
        state = self._processes.state(slot)
        if state & _STOPPED:
            return 3
        return state if state < 3 else state + 1

    def _stats(self, slot: int, buffer: UserBuffer) -> "CommandReturn | int":
        buffer.write_u32(0, self._processes.fact(slot, "timeslice_expirations"))
        buffer.write_u32(1, self._processes.fact(slot, "syscalls"))
        buffer.write_u32(2, self._processes.fact(slot, "restarts"))
        buffer.write_u32(3, self._state(slot))
        return success_u32(4)

    def _facts(self, slot: int, buffer: UserBuffer) -> "CommandReturn | int":
        processes = self._processes
        buffer.write_u32(0, processes.queue_length(slot))
        buffer.write_u32(1, processes.fact(slot, "dropped_upcalls"))
        buffer.write_u32(2, 1 if processes.completed(slot) else 0)
        buffer.write_u32(3, processes.fact(slot, "completion_code"))
        buffer.write_u32(4, processes.fact(slot, "ram_start"))
        buffer.write_u32(5, processes.fact(slot, "ram_end"))
        buffer.write_u32(6, processes.fact(slot, "app_break"))
        buffer.write_u32(7, processes.fact(slot, "grant_start"))
        buffer.write_u32(8, processes.fact(slot, "stack_top"))
        buffer.write_u32(9, processes.fact(slot, "heap_start"))
        buffer.write_u32(10, processes.fact(slot, "psp"))
        buffer.write_u32(11, processes.fact(slot, "flash_start"))
        buffer.write_u32(12, processes.fact(slot, "flash_end"))
        buffer.write_u32(13, processes.fact(slot, "app_start"))
        buffer.write_u32(14, processes.state(slot))
        return success_u32(_WORDS)

    def _dropped(self, slot: int) -> "CommandReturn | int":
        return ErrorCode.INVAL if slot < 0 else success_u32(self._processes.fact(slot, "dropped_upcalls"))

    def _control(self, slot: int, what: int) -> "CommandReturn | int":
        if slot < 0 or what < 1 or what > 5:
            return ErrorCode.INVAL
        if what == 1:
            self._processes.resume(slot)
        elif what == 2:
            self._processes.stop(slot)
        elif what == 3:
            self._processes.fault(slot)
        elif what == 4:
            self._processes.terminate(slot)
        elif self._processes.state(slot) == 4:
            self._processes.restart(slot)
        else:
            return ErrorCode.INVAL
        return SUCCESS
