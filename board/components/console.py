"""The console: one UART shared by the user programs' console, the kernel's log and protocols, each in its session."""

from cells import Buffer
from kernel import Grant, InterruptLine, KernelLog
from micropython import const

import config
from capsules.core.console import ConsoleDriver
from capsules.core.kernel_log import KernelLogWriter
from capsules.hil.time import Alarm
from capsules.hil.uart import Uart
from capsules.virtual.console_sessions import ConsoleSessions
from capsules.virtual.virtual_uart import UartMux

_BUFFER_SIZE = const(64)


def console_line(
    uart: Uart, alarm: Alarm, log: KernelLog, line: InterruptLine, patience: "Alarm | None" = None
) -> ConsoleSessions:
    """Whose the line is, and the kernel's log on it. Protocols get a line of it each, after the console.

    With a second alarm, the kernel's messages wait a little for the end of a program's line.
    """
    mux = UartMux(uart, Buffer(_BUFFER_SIZE), patience)
    KernelLogWriter(log, mux.new_device(True), line, Buffer(_BUFFER_SIZE))
    return ConsoleSessions(mux, alarm, Buffer(_BUFFER_SIZE))


def console_stack(sessions: ConsoleSessions, grant: Grant) -> ConsoleDriver:
    """The capsule that serves the console's driver number."""
    kept = Buffer(int(grant.SLOTS) * config.CONSOLE_KEPT_BYTES)
    return ConsoleDriver(sessions.new_line(), grant, Buffer(_BUFFER_SIZE), Buffer(_BUFFER_SIZE), kept)
