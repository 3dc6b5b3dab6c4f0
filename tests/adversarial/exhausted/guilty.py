"""Uses all that other capsules share, at each alarm: the guilty one, whose time, stack or memory is to run out.

Driver number 0xBAD002

Command
    0 exists -> success
    1 lent   -> success, NOMEM; what the program allows is used from now on

Allow read-only
    0 a text
"""

from typing import TYPE_CHECKING

from cells import Buffer
from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, InterruptLine, Layout, ProcessId, UserBuffer
from micropython import const

from capsules.hil.gpio import Pin
from capsules.hil.i2c import I2c
from capsules.hil.line import Line
from capsules.hil.pwm import Pwm
from capsules.hil.spi import Spi
from capsules.hil.time import Alarm, Alarms
from capsules.hil.uart import Uart

if TYPE_CHECKING:
    from capsules.virtual.app_store import AppStore
    from capsules.virtual.last_words import LastWords

DRIVER_NUM = const(0xBAD002)

LAYOUT = Layout(read_only=1)

_PERIOD = const(20_000)  # 205 ms
_SOON = const(40)
_EITHER = const(0)
_DEVICE = const(0x48)
_SIZE = const(512)
_LENDER = const(1)  # the app behind the witness
_LIFE = const(77)
_SHARED = const(0)  # capsules/hil/line.py


class Buses:
    """Uses the rest of what is shared; a HIL I2cClient, SpiClient and LineClient."""

    def __init__(
        self, i2c: I2c, spi: Spi, line: Line, store: "AppStore", buffers: "tuple[Buffer, Buffer, Buffer, Buffer]"
    ) -> None:
        self._i2c = i2c
        self._spi = spi
        self._line = line
        self._look, self._begin, self._can_be, self._stage = store.look, store.begin, store.can_be, store.stage
        self._write, self._finish, self._drop, self._commit = store.write, store.finish, store.drop, store.commit
        self._abort, self._apps, self._staged, self._length = store.abort, store.apps, store.staged, store.length
        self._start_of, self._size_of, self._flags_of = store.start_of, store.size_of, store.flags_of
        self._slot_of, self._read, self._set_flags = store.slot_of, store.read, store.set_flags
        self._copy, self._settle = store.copy, store.settle_trial
        self._end_process, self._run = store.end, store.run
        self._new_client = store.new_client
        self._client = store.new_client(self._told)
        self._byte, self._more, self._typed, self._head = buffers
        i2c.set_client(self)
        spi.set_client(self)
        line.set_client(self)

    def use(self) -> None:
        self._i2c.set_client(self)
        self._spi.set_client(self)
        self._line.set_client(self)
        self._i2c.write(_DEVICE, self._byte, 1)
        self._spi.set_rate(1_000_000)
        self._spi.rate()
        self._spi.rate_for(9)
        self._spi.transfer(self._more, None, 1)
        self._line.active()
        self._line.remind()
        self._line.receive(self._typed.move(self._line), 4)
        self._line.receive_abort()
        self._line.end()
        try:
            self._line.claim(_SHARED, 1)
        except ValueError:
            pass  # that is for the console

    def install(self) -> None:
        """All that a client does before it commits, and what it cannot do in between."""
        if self._look(self._client) == 0 and self._can_be(_SIZE):
            for app in range(min(self._apps(), 1)):
                self._start_of(app)
                self._size_of(app)
                self._flags_of(app)
                self._slot_of(app)
                self._read(app, 0, self._head, 0, 8)
            self._length()
            self._settle(self._client, 1)
            if self._begin(self._client) == 0:
                self._stage(self._client, _SIZE)
                self._write(self._client, 0, 0, self._head, 8)
                self._finish(self._client, 0)
                self._drop(self._client, 99)
                self._set_flags(self._client, 99, 0)
                self._staged()
                self._copy(self._client, 99, 0)
                self._commit(self._client)
                self._abort(self._client)
        if self._apps() > _LENDER:
            self._end_process(_LENDER)
            self._run(_LENDER)
        try:
            self._new_client(self._told)
        except ValueError:
            pass  # there are enough

    def _told(self, status: int) -> None:
        """From the store."""

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From a bus."""

    def turn(self, mine: int) -> None:
        """From the line."""

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the line."""

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the line."""
        buffer.give_back()


class Others:
    """Uses what processes have said last, pins that make pulses, and the alarm of a process that there is not."""

    def __init__(self, words: "LastWords", pulses: Pwm, alarms: Alarms, slots: int, buffer: Buffer) -> None:
        self._said, self._begin, self._mark, self._number = words.said, words.begin, words.mark, words.number
        self._end, self._oldest, self._read = words.end, words.oldest, words.read
        self._pulses = pulses
        self._now, self._set_alarm, self._disarm = alarms.now, alarms.set_alarm, alarms.disarm
        self._slot = slots - 1
        self._buffer = buffer
        self._view: UserBuffer | None = None

    def lent(self, view: UserBuffer) -> None:
        self._view = view

    def use(self) -> None:
        slot = self._slot
        view = self._view
        if view is not None:
            self._said(slot, _LIFE, view, len(view))
        self._begin(slot, _LIFE)
        self._mark(slot, _LIFE)
        self._number(slot, 0xC0FFEE)
        self._end(slot, b"guilty")
        self._read(slot, self._oldest(slot, 0), self._buffer, 8)
        self._pulses.pulse(0, 1000, 5000)
        self._pulses.stop(0)
        now = self._now()
        self._set_alarm(slot, now, _PERIOD)
        self._disarm(slot)
        self._set_alarm(slot, now, _SOON)


class Guilty:
    """A HIL UartClient."""

    def __init__(
        self,
        uart: Uart,
        turn: Alarm,
        other: Alarm,
        pin: Pin,
        line: InterruptLine,
        buffers: "tuple[Buffer, Buffer]",
        rest: "tuple[Buses, Others, Grant]",
    ) -> None:
        self._uart = uart
        self._turn = turn
        self._other = other
        self._pin = pin
        self._line = line
        self._out, self._in = buffers
        self._rest, self._others, self._grant = rest
        self._is_using = False
        uart.set_client(self)
        turn.set_client(self._now)
        other.set_client(self._fired)
        pin.set_client(self._edge)
        line.enable(self.use_all)
        self._out[0] = 103  # g

    def start(self) -> None:
        self._turn.set_alarm(_PERIOD)

    def _now(self) -> None:
        self._line.trigger()

    def use_all(self) -> None:
        """Once each time. What is cut short is called again at once, when others still have its buffers: it waits."""
        if self._is_using:
            self._is_using = False
            self._turn.set_alarm(_PERIOD)
            return
        self._is_using = True
        self._turn.set_client(self._now)
        self._other.set_client(self._fired)
        self._turn.set_alarm(_PERIOD)
        self._other.set_alarm(_SOON)
        self._other.disarm()
        self._other.set_alarm(_SOON)
        self._pin.set_client(self._edge)
        self._pin.make_output()
        self._pin.set()
        self._pin.toggle()
        self._pin.clear()
        self._pin.make_input(1)
        self._pin.enable_interrupts(_EITHER)
        self._pin.read()
        self._pin.disable_interrupts()
        self._uart.set_client(self)
        self._uart.receive(self._in.move(self._uart), 8)
        self._uart.receive_abort()
        self._uart.transmit(self._out.move(self._uart), 1)
        self._rest.use()
        self._rest.install()
        self._others.use()
        self._is_using = False

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
        if number == 1:
            entry = self._grant.enter(process)
            if entry is None:
                return ErrorCode.NOMEM
            self._others.lent(entry.read_only(0))
            return SUCCESS
        return ErrorCode.NOSUPPORT
