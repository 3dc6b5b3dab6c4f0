"""The console stack: one UART shared by the user programs' console and the kernel's log."""

from cells import Buffer
from kernel import Grant, InterruptLine, KernelLog
from micropython import const

from capsules.core.console import ConsoleDriver
from capsules.core.kernel_log import KernelLogWriter
from capsules.hil.time import Alarm
from capsules.hil.uart import Uart
from capsules.virtual.virtual_uart import UartMux

_BUFFER_SIZE = const(64)


def console_stack(
    uart: Uart, grant: Grant, log: KernelLog, line: InterruptLine, patience: "Alarm | None" = None
) -> ConsoleDriver:
    """Wire the stack; returns the capsule that serves the console's driver number.

    With an alarm, the kernel's messages wait a little for the end of a program's line.
    """
    mux = UartMux(uart, Buffer(_BUFFER_SIZE), patience)
    KernelLogWriter(log, mux.new_device(True), line, Buffer(_BUFFER_SIZE))
    return ConsoleDriver(mux.new_device(), grant, Buffer(_BUFFER_SIZE), Buffer(_BUFFER_SIZE))
