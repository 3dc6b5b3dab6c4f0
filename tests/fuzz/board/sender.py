"""A user of the shared UART, who notices when it is silent for ever.

Driver number 0xBAD002

Command
    0 exists -> success
    1 send   -> success, BUSY while the last one is under way
    2 sent   -> success_u32(how often it has been done)
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, ErrorCode, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.uart import Uart

DRIVER_NUM = const(0xBAD002)

LAYOUT = Layout()


class Sender:
    """A HIL UartClient."""

    def __init__(self, uart: Uart, buffer: Buffer) -> None:
        self._uart = uart
        self._buffer = buffer
        self._busy = False
        self._sent = 0
        uart.set_client(self)

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART."""
        self._busy = False
        self._sent += 1

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART; it never asks."""

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == 0:
            return SUCCESS
        if number == 1:
            if self._busy:
                return ErrorCode.BUSY
            self._busy = True
            self._uart.transmit(self._buffer, 3)
            return SUCCESS
        if number == 2:
            return success_u32(self._sent)
        return ErrorCode.NOSUPPORT
