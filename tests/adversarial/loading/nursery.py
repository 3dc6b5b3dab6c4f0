"""Loads and unloads programs as a test's app says.

Driver number 0xBAD010

Command
    0 exists        -> success
    1 load   offset -> success_u32(the slot), or why not
    2 unload slot   -> success
    3 life   slot   -> success_u32(the number of the process there), INVAL if there is none
    4 place  slot   -> success_u32_u32(where its RAM begins, and ends), INVAL
    5 erase  page   -> success; FAIL if a program is loaded from there
"""

from kernel import (
    SUCCESS,
    CommandReturn,
    ErrorCode,
    FlashRange,
    Layout,
    ProcessControl,
    ProcessId,
    ProcessLoader,
    success_u32,
    success_u32_u32,
)
from micropython import const

DRIVER_NUM = const(0xBAD010)

LAYOUT = Layout()


class Nursery:
    def __init__(self, processes: ProcessControl, loader: ProcessLoader, flash: FlashRange) -> None:
        self._processes = processes
        self._loader = loader
        self._flash = flash

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == 0:
            return SUCCESS
        if number == 1:
            slot = self._loader.load(first)
            return success_u32(slot) if slot >= 0 else -slot
        if number == 2:
            self._loader.unload(first)
            return SUCCESS
        if number == 5:
            return SUCCESS if self._flash.erase(first, 0) else ErrorCode.BUSY
        if number > 5:
            return ErrorCode.NOSUPPORT
        if not self._processes.exists(first):
            return ErrorCode.INVAL
        if number == 3:
            return success_u32(self._processes.fact(first, "id"))
        return success_u32_u32(self._processes.fact(first, "ram_start"), self._processes.fact(first, "ram_end"))
