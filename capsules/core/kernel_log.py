"""Sends the kernel's own messages to the console."""

from cells import Buffer, TakeCell
from kernel import InterruptLine, KernelLog

from capsules.hil.uart import Uart


class KernelLogWriter:
    """Takes text from the kernel's log whenever there is some and the UART is free."""

    def __init__(self, log: KernelLog, uart: Uart, line: InterruptLine, buffer: Buffer) -> None:
        self._log = log
        self._uart = uart
        self._buffer = TakeCell(buffer)
        self._line = line
        self._begun = False
        uart.set_client(self)
        line.enable(self._send)
        log.notify(line)

    def _send(self) -> None:
        if not self._begun:  # what comes up in boot is not in a hurry: a process that is ready runs before
            self._begun = True
            self._line.trigger()
            return
        buffer = self._buffer.take()
        if buffer is None:
            return
        count = self._log.take(buffer)
        if count:
            self._uart.transmit(buffer.move(self._uart), count)  # transmitted() gets it back
        else:
            self._buffer.put(buffer)

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART."""
        self._buffer.put(buffer.give_back())
        self._send()

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART; nothing is ever asked for."""
