"""Uses all that other capsules share, at each alarm: the guilty one, whose time, stack or memory is to run out.

Driver number 0xBAD002

Command
    0 exists -> success
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, ErrorCode, InterruptLine, Layout, ProcessId
from micropython import const

from capsules.hil.gpio import Pin
from capsules.hil.time import Alarm
from capsules.hil.uart import Uart

DRIVER_NUM = const(0xBAD002)

LAYOUT = Layout()

_PERIOD = const(20_000)  # 205 ms
_SOON = const(40)
_EITHER = const(0)


class Guilty:
    """A HIL UartClient."""

    def __init__(
        self, uart: Uart, turn: Alarm, other: Alarm, pin: Pin, line: InterruptLine, out: Buffer, back: Buffer
    ) -> None:
        self._uart = uart
        self._turn = turn
        self._other = other
        self._pin = pin
        self._line = line
        self._out = out
        self._in = back
        uart.set_client(self)
        turn.set_client(self._now)
        other.set_client(self._fired)
        pin.set_client(self._edge)
        line.enable(self.use_all)
        out[0] = 103  # g

    def start(self) -> None:
        self._turn.set_alarm(_PERIOD)

    def _now(self) -> None:
        self._line.trigger()

    def use_all(self) -> None:
        """Once each time."""
        self._turn.set_alarm(_PERIOD)
        self._other.set_alarm(_SOON)
        self._other.disarm()
        self._other.set_alarm(_SOON)
        self._pin.make_output()
        self._pin.set()
        self._pin.toggle()
        self._pin.clear()
        self._pin.make_input(1)
        self._pin.enable_interrupts(_EITHER)
        self._pin.read()
        self._pin.disable_interrupts()
        self._uart.receive(self._in.move(self._uart), 8)
        self._uart.receive_abort()
        self._uart.transmit(self._out.move(self._uart), 1)

    def _fired(self) -> None:
        self._pin.toggle()

    def _edge(self) -> None:
        """From the pin."""

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART."""
        buffer.give_back()

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART."""
        buffer.give_back()

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == 0:
            return SUCCESS
        return ErrorCode.NOSUPPORT
