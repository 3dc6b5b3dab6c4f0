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

if config.CAPSULE_DEPLOY:
    from capsules.virtual.last_words import LastWords

_BUFFER_SIZE = const(64)
_WORDS = const(256)  # of each process, that are remembered
_LARGE = const(256)  # for apps that come in while others take the processor, so that it is looked at four times less often


def console_line(
    uart: Uart, alarm: Alarm, log: KernelLog, line: InterruptLine, patience: "Alarm | None" = None, slots: int = 0
) -> ConsoleSessions:
    """Whose the line is, and the kernel's log on it. Protocols get a line of it each, after the console.

    With a second alarm, the kernel's messages wait a little for the end of a program's line. Of so many processes, the last words
    are remembered, if anybody can ask.
    """
    size = _LARGE if config.CAPSULE_DEPLOY else _BUFFER_SIZE
    mux = UartMux(uart, Buffer(size), patience)
    KernelLogWriter(log, mux.new_device(True), line, Buffer(_BUFFER_SIZE))
    words = LastWords(Buffer(int(slots) * _WORDS), slots) if slots and config.CAPSULE_DEPLOY else None
    return ConsoleSessions(mux, alarm, Buffer(size), words)


def console_stack(sessions: ConsoleSessions, grant: Grant) -> ConsoleDriver:
    """The capsule that serves the console's driver number."""
    return ConsoleDriver(sessions.new_line(), grant, Buffer(_BUFFER_SIZE), Buffer(_BUFFER_SIZE), sessions.words)
