"""The peripherals of the nRF52840 that Adder's kernel uses, as unkind as the manual lets them be.

Sections are of the Product Specification v1.7; numbers of anomalies are those of the errata, revision 3.
"""

import random
from collections import deque
from collections.abc import Callable
from functools import partial

from adder.chip.peripheral import Bus, Peripheral
from adder.chip.time import MICROSECOND, MILLISECOND, PER_SECOND, Event

LOW_HZ = 32768


class Clock(Peripheral):
    """CLOCK and POWER, 5.4 and 5.3."""

    STOPPING = 100 * MICROSECOND
    STOPPING_HIGH = 10 * MICROSECOND
    CRYSTAL_HIGH = 360 * MICROSECOND
    RC_LOW = 600 * MICROSECOND
    CRYSTAL_LOW = 250 * MILLISECOND

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(0, 1)
        self.tasks = {0x00: self._start_high, 0x04: self._stop_high, 0x08: self._start_low, 0x0C: self._stop_low}
        self.registers = {0x518: 0, 0x510: 0, 0x578: 0, 0x558: 0}
        self.reasons = 0
        # The RC oscillator runs whenever the processor does.
        self.readable = {0x40C: self._high, 0x418: lambda: self._low, 0x400: lambda: self.reasons}
        self.writable = {0x400: self._clear_reasons}
        self.crystal = False  # runs, and is the clock of high frequency
        self.low_hz = LOW_HZ
        self.low_crystal_works = self.high_crystal_works = True  # else it is not soldered
        self._stopped = 0  # when it stops, or stopped
        self._starting: Event | None = None
        self._low = 0
        self.low_wanted = False
        self.low_since: int | None = None  # the low-frequency clock runs since then
        self.followers: list[Callable[[], None]] = []

    def _clear_reasons(self, value: int) -> None:
        self.reasons &= ~value

    def _high(self) -> int:
        # What it says lags behind HFCLKSTOP: Nordic's own driver waits for it, and so has to who starts it again.
        return 1 << 16 | (self.crystal or self.time.now < self._stopped)

    def _start_high(self) -> None:
        if self.time.now < self._stopped:
            self.bus.complain("Clock: HFCLKSTART while it stops")
            return

        def running() -> None:
            self.crystal = True
            self.event(0)

        if self._starting is None and not self.crystal and self.high_crystal_works:
            self._starting = self.time.after(self.CRYSTAL_HIGH, running)

    def _stop_high(self) -> None:
        if self.crystal:
            self._stopped = self.time.now + self.STOPPING_HIGH
        self.crystal = False
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None

    def _start_low(self) -> None:
        self.low_wanted = True
        if self.low_since is not None:
            return  # runs already, from what it runs from: LFCLKSRC is not looked at
        source = self.registers[0x518] & 3

        def running() -> None:
            # A crystal takes its time; the RC oscillator stands in for it.
            self._low = 1 << 16 | (0 if source == 1 else source)
            self.low_since = self.time.now
            for follow in self.followers:
                follow()
            if source != 1:
                self.event(1)

        def crystal() -> None:
            if self._low and self.low_crystal_works:
                self._low = 1 << 16 | 1
                self.event(1)

        self.time.after(self.RC_LOW, running)
        if source == 1:
            self.time.after(self.CRYSTAL_LOW, crystal)

    def _stop_low(self) -> None:
        if self.low_since is None:
            return

        def stopped() -> None:
            self._low = 0
            self.low_since = None

        self.time.after(self.STOPPING, stopped)


class Rtc(Peripheral):
    """Real-time counter, 6.22.

    Until the low-frequency clock has run, registers say anything (anomaly 20), a task waits for it, and one that is
    started before anybody has asked for the clock may do nothing.
    """

    TASK = 46 * MICROSECOND
    """6.22.8: how long STOP may take, and the counter goes on."""

    def __init__(self, bus: Bus, base: int, line: int, clock: Clock, comparisons: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(0, 1, *range(16, 16 + comparisons))
        self.tasks = {0x00: self._start, 0x04: self._stop, 0x08: self._clear}
        self.registers = {0x340: 0, 0x344: 0, 0x348: 0}
        self._next_tick: Event | None = None
        self.readable = {0x504: self.counter, 0x508: lambda: self._prescaler}
        self.writable = {0x508: self._set_prescaler}
        self._comparisons = [0] * comparisons
        for number in range(comparisons):
            self.readable[0x540 + 4 * number] = partial(self._comparisons.__getitem__, number)
            self.writable[0x540 + 4 * number] = partial(self._compare, number)
        self._prescaler = 0
        self._running = False
        self._stopping: Event | None = None
        self._random = random.Random(line)
        self._base = 0  # the counter's value at `_since`
        self._since = 0  # in ticks of the low-frequency clock
        self._clock = clock
        self._waiting: list[Event | None] = [None] * comparisons
        clock.followers.append(self._rearm)

    def _ticks(self) -> int:
        """How often the clock has ticked."""
        begun = self._clock.low_since
        return 0 if begun is None else (self.time.now - begun) * self._clock.low_hz // PER_SECOND

    def counter(self) -> int:
        if not self._running:
            return self._base
        if self._clock.low_since is None:
            return self._random.getrandbits(24)
        return (self._base + (self._ticks() - self._since) // (self._prescaler + 1)) & 0xFFFFFF

    def set_counter(self, value: int) -> None:
        """For tests: the counter stands there now."""
        self._base, self._since = value, self._ticks()
        self._rearm()

    def _set_prescaler(self, value: int) -> None:
        if not self._running:  # 6.22.2: it can only be written while the RTC is stopped
            self._prescaler = value & 0xFFF

    def _start(self) -> None:
        if self._stopping is not None:
            self._stopping.cancel()
            self._stopping = None
        if not self._clock.low_wanted:
            self.bus.complain("Rtc: started without the low-frequency clock: it stands still")
        elif not self._running:
            self._running, self._since = True, self._ticks()
            self._rearm()

    def _stop(self) -> None:
        def stopped() -> None:
            self._stopping = None
            self._base, self._running = self.counter(), False
            self._rearm()

        if self._running and self._stopping is None:
            self._stopping = self.time.after(self.TASK, stopped)

    def _clear(self) -> None:
        self.set_counter(0)  # and the prescaler's own counter

    def _compare(self, number: int, value: int) -> None:
        self._comparisons[number] = value & 0xFFFFFF
        # 6.22.7: a value less than two ticks ahead may come too late, and then waits for a whole turn.
        self._arm(number, self._ticks_until(number, 2))

    def _ticks_until(self, number: int, least: int) -> int:
        left = (self._comparisons[number] - self.counter()) & 0xFFFFFF
        return left if left >= least else left + 0x1000000

    def update(self) -> None:
        super().update()
        if self.enabled & 1 and self._running and self._next_tick is None:
            self._arm_tick()

    def _arm_tick(self) -> None:
        """EVENTS_TICK comes with each step of the counter; nobody has to know of it unless it interrupts."""
        if self._next_tick is not None:
            self._next_tick.cancel()
            self._next_tick = None
        begun = self._clock.low_since
        if not (self.enabled & 1 and self._running) or begun is None:
            return

        def ticked() -> None:
            self._next_tick = None
            self.event(0)

        self._next_tick = self.time.after(self._time_of(1) - self.time.now, ticked)

    def _time_of(self, steps: int) -> int:
        """When the counter will have made so many steps more."""
        begun, period = self._clock.low_since or 0, self._prescaler + 1
        whole = self._ticks() - (self._ticks() - self._since) % period + steps * period
        return begun - (-whole * PER_SECOND // self._clock.low_hz)  # rounded up

    def _rearm(self) -> None:
        self._arm_tick()
        for number in range(len(self._waiting)):
            self._arm(number, self._ticks_until(number, 1))

    def _arm(self, number: int, ticks: int) -> None:
        waiting = self._waiting[number]
        if waiting is not None:
            waiting.cancel()
            self._waiting[number] = None
        begun = self._clock.low_since
        if not self._running or begun is None:
            return

        def matched() -> None:
            self.event(16 + number)
            self._arm(number, self._ticks_until(number, 1))

        self._waiting[number] = self.time.after(self._time_of(ticks) - self.time.now, matched)


class TimerCounter(Peripheral):
    """A TIMER in counter mode, 6.30: it counts how often its task COUNT is triggered."""

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(*range(16, 22))
        self.registers = {0x504: 0, 0x508: 0, 0x510: 4}
        self._running = False
        self._count = 0
        self.tasks = {0x00: self._start, 0x04: self._stop, 0x08: self._up, 0x0C: self._clear}
        for number in range(6):
            self.registers[0x540 + 4 * number] = 0
            self.tasks[0x40 + 4 * number] = partial(self._capture, number)

    def _start(self) -> None:
        self._running = True

    def _stop(self) -> None:
        self._running = False

    def _clear(self) -> None:
        self._count = 0

    def _capture(self, number: int) -> None:
        self.registers[0x540 + 4 * number] = self._count

    def _up(self) -> None:
        if self._running and self.registers[0x504] in (1, 2):
            width = (16, 8, 24, 32)[self.registers[0x508] & 3]
            self._count = (self._count + 1) & ((1 << width) - 1)
            for number in range(6):
                if self.registers[0x540 + 4 * number] == self._count:
                    self.event(16 + number)


class Ppi(Peripheral):
    """Programmable interconnect, 6.16: an event of one peripheral triggers a task of another."""

    def __init__(self, bus: Bus, base: int) -> None:
        super().__init__(bus, base, None)
        self.enabled_channels = 0
        for channel in range(20):
            self.registers[0x510 + 8 * channel] = self.registers[0x514 + 8 * channel] = 0
        self.readable = dict.fromkeys((0x500, 0x504, 0x508), lambda: self.enabled_channels)
        self.writable = {0x500: self._set, 0x504: self._enable, 0x508: self._disable}

    def _set(self, value: int) -> None:
        self.enabled_channels = value

    def _enable(self, value: int) -> None:
        self.enabled_channels |= value

    def _disable(self, value: int) -> None:
        self.enabled_channels &= ~value

    def tasks_of(self, event: int) -> list[int]:
        """The addresses of the tasks that an event triggers."""
        return [
            self.registers[0x514 + 8 * channel]
            for channel in range(20)
            if self.enabled_channels >> channel & 1 and self.registers[0x510 + 8 * channel] == event
        ]


class Uarte(Peripheral):
    """UART with EasyDMA, 6.34, and the UART without that shares its block (ENABLE 4), for a panic.

    `sent` has what was transmitted; `arrive` puts bytes onto the receive line. `clear_to_send` is what the other side
    does with CTS, `line_low` a receive line that nobody drives, `wrong_rate` a sender of another one than ours.
    """

    FIFO = 6

    def __init__(self, bus: Bus, base: int, line: int, clock: Clock) -> None:
        super().__init__(bus, base, line)
        self._clock = clock
        self._sends = False
        self.has_events(0, 1, 2, 4, 7, 8, 9, 17, 19, 20, 22)
        self.tasks = {
            0x00: self._start_rx, 0x04: self._stop_rx, 0x08: self._start_tx, 0x0C: self._stop_tx, 0x2C: self._flush,
        }  # fmt: skip
        self.registers = dict.fromkeys((0x508, 0x50C, 0x510, 0x514, 0x524, 0x534, 0x538, 0x544, 0x548, 0x56C), 0)
        self.registers |= {0x500: 0, 0x53C: 0, 0x54C: 0}
        self.readable = {0x480: lambda: self._errors, 0x518: lambda: 0}
        self.writable = {0x480: self._clear_errors, 0x500: self._enable, 0x51C: self._send_one}
        self.shortcuts = {5: (4, 0x00), 6: (4, 0x04)}
        self.sent = bytearray()
        self.clear_to_send = True
        self.jumper: Callable[[bytes], None] | None = None  # where else what is sent goes
        self.line_low = self.wrong_rate = False
        self.lost = 0
        self._errors = 0
        self._line: deque[int] = deque()  # what somebody sends, not here yet
        self._sending: Event | None = None
        self._fifo: deque[int] = deque()
        self._on = False  # the receiver, from STARTRX to RXTO
        self._receiving = False  # and has a buffer
        self._rx_at = self._rx_left = self._rx_begin = 0
        self._waiting_for_cts: bytes | None = None

    def _byte_time(self) -> int:
        # 6.34, BAUDRATE: in units of 16 MHz / 2^32, of which the lowest 12 bits do not count; ten bits a byte.
        rate = self.registers[0x524] * 16_000_000 >> 32 or 115200
        return 10 * PER_SECOND // rate

    def _enable(self, value: int) -> None:
        self.registers[0x500] = value
        if value == 0:
            if self._receiving:
                self.bus.complain("Uarte: disabled while it receives")
            self._on = self._receiving = self._sends = False
            self._fifo.clear()

    def _clear_errors(self, value: int) -> None:
        self._errors &= ~value

    @property
    def flow_control(self) -> bool:
        return bool(self.registers[0x56C] & 1)

    # -- Transmitting --

    def _start_tx(self) -> None:
        if self.registers[0x500] != 8:
            return
        data = self.bus.read_memory(self.registers[0x544], self.registers[0x548] & 0xFFFF)
        self._check_clock()
        self._sends = True
        self.event(20)
        self._transmit(data)

    def _transmit(self, data: bytes) -> None:
        if self.flow_control and not self.clear_to_send:
            self._waiting_for_cts = data
            return

        def done() -> None:
            self.sent += data
            if self.jumper is not None:
                self.jumper(data)
            self.registers[0x54C] = len(data)
            self.event(8)

        self.time.after(len(data) * self._byte_time(), done)

    def _stop_tx(self) -> None:
        self._sends = False
        self.event(22)

    def _check_clock(self) -> None:
        if not self._clock.crystal:
            self.bus.complain("Uarte: started without the crystal, so its rate may be 8 % off")

    @property
    def draws(self) -> bool:
        """Whether it needs the clock of high frequency: the transmitter does until it is stopped."""
        return self.registers[0x500] == 8 and (self._on or self._sends)

    def _send_one(self, value: int) -> None:
        def done() -> None:
            self.sent.append(value & 0xFF)
            self.event(7)

        self.time.after(self._byte_time(), done)

    def set_clear_to_send(self, clear: bool) -> None:
        """The other side lets us send, or holds us off."""
        self.clear_to_send = clear
        if clear and self._waiting_for_cts is not None:
            data, self._waiting_for_cts = self._waiting_for_cts, None
            self._transmit(data)

    # -- Receiving --

    def arrive(self, data: bytes) -> None:
        """Somebody sends this, at the line's rate."""
        self._line.extend(data)
        self._next()

    @property
    def listening(self) -> bool:
        """Whether the receiver is on."""
        return self._on

    @property
    def quiet(self) -> bool:
        """Whether all that was sent to us has come."""
        return not self._line and self._sending is None

    def _next(self) -> None:
        if self._line and self._sending is None and not (self.flow_control and not self._ready):
            self._sending = self.time.after(self._byte_time(), self._came)

    @property
    def _ready(self) -> bool:
        """RTS: whether there is room for what comes next. The sender may send a few bytes more."""
        return self._receiving and len(self._fifo) < 2

    def _came(self) -> None:
        self._sending = None
        byte = self._line.popleft()
        if not self._on:
            self.lost += 1
        elif self.wrong_rate:
            self.lost += 1  # such a byte is not stored (6.34.3)
            self._errors |= 4  # FRAMING
            self.event(9)
        elif len(self._fifo) < self.FIFO:
            self._fifo.append(byte)
            self._drain()
        else:
            self.lost += 1
            self._errors |= 1  # OVERRUN
            self.event(9)
        self._next()

    def _drain(self) -> None:
        """EasyDMA takes what the FIFO has, while there is room in the buffer."""
        while self._fifo and self._receiving and self._rx_left:
            byte = self._fifo.popleft()
            self.bus.write_memory(self._rx_at, bytes([byte]))
            self._rx_at += 1
            self._rx_left -= 1
            self.event(2)
            if self._rx_left == 0:
                self._end_rx()

    def _end_rx(self) -> None:
        self.registers[0x53C] = self._rx_at - self._rx_begin
        self._receiving = False
        self.event(4)

    def _start_rx(self) -> None:
        if self.registers[0x500] != 8:
            return
        self._check_clock()
        self._rx_begin = self._rx_at = self.registers[0x534]
        self._rx_left = self.registers[0x538] & 0xFFFF
        self._on = self._receiving = True
        self.event(19)
        if self.line_low:
            self.time.after(self._byte_time(), self._break)
        self._drain()
        self._next()

    def _break(self) -> None:
        if self.line_low and self._receiving:
            self._errors |= 4 | 8  # FRAMING, BREAK
            self.event(9)

    def _stop_rx(self) -> None:
        def stopped() -> None:
            if self._receiving:
                self._end_rx()
            self._on = False
            self.event(17)

        self.time.after(self._byte_time() * 4, stopped)

    def _flush(self) -> None:
        begin = self.registers[0x534]
        data = bytes(self._fifo)[: self.registers[0x538] & 0xFFFF]
        self._fifo.clear()
        if data:  # with an empty FIFO, RXD.AMOUNT is not updated
            self.bus.write_memory(begin, data)
            self.registers[0x53C] = len(data)
        self.event(4)


class Gpio(Peripheral):
    """One port, 6.9. `levels` is what is connected to each pin from outside: 0, 1, or nothing."""

    def __init__(self, bus: Bus, base: int, pins: int) -> None:
        super().__init__(bus, base, None)
        self.levels: list[int | None] = [None] * pins
        self.out = self.directions = self.latch = 0
        self.registers = {0x524: 0}
        self.configurations = [2] * pins
        self.watchers: list[Callable[[int, int], None]] = []
        self.detected: Callable[[], None] = lambda: None
        self.readable = {
            0x504: lambda: self.out, 0x508: lambda: self.out, 0x50C: lambda: self.out, 0x510: self.read_pins,
            0x514: lambda: self.directions, 0x518: lambda: self.directions, 0x51C: lambda: self.directions,
            0x520: lambda: self.latch,
        }  # fmt: skip
        self.writable = {
            0x504: lambda value: self._put(value), 0x508: lambda value: self._put(self.out | value),
            0x50C: lambda value: self._put(self.out & ~value), 0x520: self._clear_latch,
        }  # fmt: skip
        for pin in range(pins):
            self.readable[0x700 + 4 * pin] = partial(self.configurations.__getitem__, pin)
            self.writable[0x700 + 4 * pin] = partial(self._configure, pin)
        self._seen = [0] * pins

    def level(self, pin: int) -> int:
        """What the pin's input buffer says."""
        configuration = self.configurations[pin]
        if configuration & 2:
            return 0  # the input buffer is disconnected
        if configuration & 1:
            return self.out >> pin & 1
        outside = self.levels[pin]
        if outside is not None:
            return outside
        return int(configuration >> 2 & 3 == 3)  # pulled up; what floats reads 0

    def driven(self, pin: int) -> int | None:
        """What an output puts onto the pin."""
        return self.out >> pin & 1 if self.configurations[pin] & 1 else None

    def read_pins(self) -> int:
        return sum(self.level(pin) << pin for pin in range(len(self.levels)))

    def set_level(self, pin: int, level: int | None) -> None:
        """Somebody outside drives the pin, or lets go."""
        self.levels[pin] = level
        self._changed()

    def _put(self, value: int) -> None:
        self.out = value & 0xFFFFFFFF
        self._changed()

    def _configure(self, pin: int, value: int) -> None:
        self.configurations[pin] = value
        self.directions = self.directions & ~(1 << pin) | (value & 1) << pin
        self._changed()

    def _clear_latch(self, value: int) -> None:
        self.latch &= ~value
        self._changed()

    def _changed(self) -> None:
        rising = False
        for pin, before in enumerate(self._seen):
            level = self.level(pin)
            if level != before:
                self._seen[pin] = level
                for watch in self.watchers:
                    watch(pin, level)
            sense = self.configurations[pin] >> 16 & 3
            if sense and level == (sense == 2) and not self.latch >> pin & 1:
                self.latch |= 1 << pin
                rising = True
        if rising:
            self.detected()


class Gpiote(Peripheral):
    """Pin events, 6.10: eight channels that see edges, and the event of the ports."""

    def __init__(self, bus: Bus, base: int, line: int, ports: "list[Gpio]") -> None:
        super().__init__(bus, base, line)
        self.has_events(*range(8), 31)
        self.ports = ports
        for channel in range(8):
            self.registers[0x510 + 4 * channel] = 0
        for number, port in enumerate(ports):
            port.watchers.append(partial(self._edge, 32 * number))
            port.detected = lambda: self.event(31)

    @property
    def looks_for_edges(self) -> bool:
        """Whether a channel is in event mode."""
        return any(self.registers[0x510 + 4 * channel] & 3 == 1 for channel in range(8))

    def _edge(self, first: int, pin: int, level: int) -> None:
        for channel in range(8):
            configuration = self.registers[0x510 + 4 * channel]
            watched = configuration & 3 == 1 and configuration >> 8 & 63 == first + pin
            if watched and configuration >> 16 & 3 in (3, 1 if level else 2):
                self.event(channel)


class Rng(Peripheral):
    """Random numbers, 6.21; from a seed, so that a run can be repeated.

    How long a byte takes is unpredictable (6.21.2), and one that is nearly made at STOP is announced all the same.
    """

    SHORTEST, LONGEST = 60 * MICROSECOND, 250 * MICROSECOND
    TOO_LATE = 5 * MICROSECOND

    def __init__(self, bus: Bus, base: int, line: int, seed: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(0)
        self.tasks = {0x00: self._start, 0x04: self._stop}
        self.registers = {0x504: 0, 0x508: 0}
        self._random = random.Random(seed)
        self._next: Event | None = None
        self._stopped = True

    def _again(self) -> None:
        self._next = self.time.after(self._random.randint(self.SHORTEST, self.LONGEST), self._ready)

    def _start(self) -> None:
        self._stopped = False
        if self._next is None:
            self._again()

    def _stop(self) -> None:
        self._stopped = True
        if self._next is not None and self._next.at - self.time.now > self.TOO_LATE:
            self._next.cancel()
            self._next = None

    def _ready(self) -> None:
        self.registers[0x508] = self._random.getrandbits(8)
        self._next = None
        if not self._stopped:
            self._again()
        self.event(0)


class Temp(Peripheral):
    """The thermometer, 6.28. Without the factory's coefficients (anomaly 66), or the crystal, it is degrees off."""

    COEFFICIENTS = tuple(range(0x520, 0x538, 4)) + tuple(range(0x540, 0x558, 4)) + tuple(range(0x560, 0x574, 4))

    def __init__(self, bus: Bus, base: int, line: int, clock: Clock) -> None:
        super().__init__(bus, base, line)
        self._clock = clock
        self.has_events(0)
        self.tasks = {0x00: self._start, 0x04: lambda: None}
        self.registers = dict.fromkeys(self.COEFFICIENTS, 0)
        self.celsius = 25.0
        self.factory: list[int] = []
        self._value = 0
        self.readable = {0x508: lambda: self._value}

    def _start(self) -> None:
        def ready() -> None:
            calibrated = not self.factory or [self.registers[at] for at in self.COEFFICIENTS] == self.factory
            off = (0 if calibrated else 3) + (0 if self._clock.crystal else 1)
            self._value = round(4 * (self.celsius + off)) & 0xFFFFFFFF
            self.event(0)

        self.time.after(36 * MICROSECOND, ready)


class Watchdog(Peripheral):
    """6.36. All reload registers that RREN enables must be written; a soft reset leaves it running."""

    RELOAD = 0x6E524635

    def __init__(self, bus: Bus, base: int, line: int, awake: Callable[[], int], bite: Callable[[], None]) -> None:
        super().__init__(bus, base, line)
        self.has_events(0)
        self.tasks = {0x00: self._start}
        self.registers = {0x504: 0xFFFFFFFF, 0x508: 1, 0x50C: 1}
        self.readable = {0x400: lambda: int(self.running), 0x404: lambda: self._missing}
        for number in range(8):
            self.writable[0x600 + 4 * number] = partial(self._reload, number)
        self._awake = awake
        self._bite = bite
        self.running = False
        self._missing = 0
        self._begin = 0

    def write(self, offset: int, value: int) -> None:
        if self.running and offset in (0x504, 0x508, 0x50C):
            return  # 6.36.3: they are locked
        super().write(offset, value)

    def _clock(self) -> int:
        return self.time.now if self.registers[0x50C] & 1 else self._awake()

    def _start(self) -> None:
        if not self.running:
            self.running = True
            self._again()

    def _again(self) -> None:
        self._begin = self._clock()
        self._missing = self.registers[0x508] & 0xFF

    def _reload(self, number: int, value: int) -> None:
        if self.running and value == self.RELOAD:
            self._missing &= ~(1 << number)
            if not self._missing:
                self._again()

    def look(self) -> None:
        """Bite if the time is over."""
        if self.running and self._clock() - self._begin > (self.registers[0x504] + 1) * PER_SECOND // LOW_HZ:
            self.running = False
            self._bite()


class Nvmc(Peripheral):
    """Flash, 4.3. While it is erased or written, the processor stands still."""

    PAGE = 4096
    ERASE = 85 * MILLISECOND
    WRITE = 41 * MICROSECOND

    def __init__(self, bus: Bus, base: int) -> None:
        super().__init__(bus, base, None)
        self.registers = {0x504: 0, 0x51C: 10, 0x540: 0}
        self.readable = {0x400: lambda: 1, 0x408: lambda: 1}
        self.writable = {0x508: self._erase, 0x518: self._erase_partly, 0x540: self._switch_cache}
        self.cache_switched: Callable[[], None] = lambda: None
        self.stuck = b"\0" * self.PAGE  # for faults: bits that do not become 1
        self.stuck_high = 0  # and those of a word that do not become 0
        self._erased_for: dict[int, int] = {}
        self._random = random.Random(4)

    @property
    def cached(self) -> bool:
        return bool(self.registers[0x540] & 1)

    def _switch_cache(self, value: int) -> None:
        self.registers[0x540] = value
        self.cache_switched()

    def _erase(self, page: int) -> None:
        self._erase_for(page, self.ERASE)

    def _erase_partly(self, page: int) -> None:
        self._erase_for(page, (self.registers[0x51C] & 0x7F) * MILLISECOND)

    def _erase_for(self, page: int, time: int) -> None:
        if self.registers[0x504] != 2 or page % self.PAGE:
            self.bus.complain(f"Nvmc: page {page:#x} erased while CONFIG is {self.registers[0x504]}")
            return
        self.bus.stand_still(time)
        erased = bytes(0xFF & ~stuck for stuck in self.stuck)
        if page not in self._erased_for and self.bus.read_memory(page, self.PAGE) == erased:
            return  # what is erased stays so
        self._erased_for[page] = self._erased_for.get(page, 0) + time
        if self._erased_for[page] >= self.ERASE:
            del self._erased_for[page]
            self.bus.write_memory(page, erased)
        else:  # not what it was, and not erased either
            old = self.bus.read_memory(page, self.PAGE)
            self.bus.write_memory(page, bytes(byte | self._random.getrandbits(8) for byte in old))

    def store(self, address: int, old: int, new: int) -> int:
        """What a word of flash is after a store by the processor."""
        if self.registers[0x504] != 1:
            self.bus.complain(f"Nvmc: a store to {address:#x} while writing is off")
            return old
        if address // self.PAGE * self.PAGE in self._erased_for:
            self.bus.complain(f"Nvmc: {address:#x} written while its page is half erased")
        self.bus.stand_still(self.WRITE)
        return old & (new | self.stuck_high)
