"""Debug output for user programs that have no working console yet.

Driver number 0x8 (stable since Tock 2.0).

Command
    0 exists          -> success
    1 alert  code     -> success; prints a predefined message number
    2 print  n        -> success; prints a number
    3 print2 n m      -> success; prints two numbers

Its lines begin as Tock's do with the name LowLevelDebug: the board calls it so. When too much waits for the console already, a line
is lost, and counted.
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Layout, ProcessId, log, log_u32
from micropython import const

DRIVER_NUM = const(0x8)

LAYOUT = Layout()

# Commands
_EXISTS = const(0)
_ALERT = const(1)
_PRINT2 = const(3)


class LowLevelDebug:
    """Prints on the kernel's log."""

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _PRINT2:
            return ErrorCode.NOSUPPORT
        log_u32("App 0x", 0, int(process.number) - 1)  # on Tock the first is 0
        # Halves, because a number of 32 bits would be an object.
        if number == _ALERT:
            log_u32(" alert code 0x", first >> 16 & 0xFFFF, first & 0xFFFF)
        else:
            log_u32(" prints 0x", first >> 16 & 0xFFFF, first & 0xFFFF)
        if number == _PRINT2:
            log_u32(" 0x", second >> 16 & 0xFFFF, second & 0xFFFF)
        log("")
        return SUCCESS
