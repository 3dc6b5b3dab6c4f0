"""The board's own number, which no other board has.

Driver number 0x30006 (Tock: capsules/extra/src/eui64.rs).

Command
    0 exists -> success
    1 get    -> success_u64(the number)
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Layout, ProcessId, success_u64
from micropython import const

from capsules.hil.system import Identity

DRIVER_NUM = const(0x30006)

LAYOUT = Layout()

# Commands
_EXISTS = const(0)
_GET = const(1)


class Eui64Driver:
    """Tells the number that it was handed."""

    def __init__(self, identity: Identity) -> None:
        self._low = identity.low
        self._high = identity.high

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _GET:
            return success_u64(self._low(), self._high())
        return ErrorCode.NOSUPPORT
