"""The console stack: one UART shared by the user programs' console and the kernel's log."""

from cells import Buffer
from kernel import Grant, InterruptLine, KernelLog
from micropython import const

from capsules.core.console import ConsoleDriver
from capsules.core.kernel_log import KernelLogWriter
from capsules.hil.uart import Uart
from capsules.virtual.virtual_uart import UartMux

_BUFFER_SIZE = const(64)


def console_stack(uart: Uart, grant: Grant, log: KernelLog, line: InterruptLine) -> ConsoleDriver:
    """Wire the stack; returns the capsule that serves the console's driver number."""
    mux = UartMux(uart, Buffer(_BUFFER_SIZE))
    KernelLogWriter(log, mux.new_device(True), line, Buffer(_BUFFER_SIZE))
    return ConsoleDriver(mux.new_device(), grant, Buffer(_BUFFER_SIZE), Buffer(_BUFFER_SIZE))
