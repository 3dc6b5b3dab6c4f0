"""Parts of an nRF52840 as its Product Specification v1.7 describes them, with what it leaves open left to chance."""

from collections.abc import Callable
from random import Random

from cells import memory
from kernel import InterruptLine, Registers

COUNTER_MASK = 0xFFFFFF


class Rtc:
    """6.22. Time is in 32nds of a tick, about microseconds; each access to a register takes some."""

    TICK = 32
    EVENT, INTENSET, COUNTER, CC = 0x140, 0x304, 0x504, 0x540

    def __init__(self, random: Random, start: int = 0, slowest: int = 40) -> None:
        self.random, self.slowest = random, slowest
        self.time = start * self.TICK
        self.event = False
        self.enabled = False
        self.cc = 0
        self.effective = 0  # from this tick on, the register surely has its value
        self.old: int | None = None  # what it had before, which may still match until then
        self.line = InterruptLine(lambda: self.enabled and self.event)
        self.registers = Registers()
        self.registers.on_read = {self.COUNTER: self._read_counter, self.EVENT: lambda: int(self.event)}
        self.registers.on_write = {self.EVENT: self._write_event, self.CC: self._write_cc, self.INTENSET: self._enable}

    @property
    def tick(self) -> int:
        return self.time // self.TICK

    def _spend(self) -> None:
        self.advance(self.random.randrange(1, self.slowest))

    def _read_counter(self) -> int:
        self._spend()
        return self.tick & COUNTER_MASK

    def _write_event(self, value: int) -> None:
        self._spend()
        assert value == 0
        self.event = False

    def _enable(self, value: int) -> None:
        self.enabled = bool(value & 1 << 16)

    def _write_cc(self, value: int) -> None:
        self._spend()
        self.old, self.cc, self.effective = self.cc, value & COUNTER_MASK, self.tick + 2

    def advance(self, time: int) -> None:
        """Let time pass."""
        end = self.time + time
        while self.tick < end // self.TICK and self.tick < self.effective:
            self.time = (self.tick + 1) * self.TICK
            counter = self.tick & COUNTER_MASK
            # 6.22: before N+2 the new value may not match, and until N+2 the old one may.
            if counter == self.cc and (self.tick >= self.effective or self.random.random() < 0.5):
                self.event = True
            if counter == self.old and self.random.random() < 0.5:
                self.event = True
        ahead = (self.cc - self.tick) & COUNTER_MASK or COUNTER_MASK + 1
        if self.tick + ahead <= end // self.TICK:
            self.event = True
        self.time = max(self.time, end)

    def advance_to_interrupt(self) -> None:
        """Let time pass until the interrupt asks, or the counter has gone round."""
        for _ in range(3):
            if not self.line.pending and not self.line.level():
                self.advance(self.TICK)
        if not self.line.pending and not self.line.level():
            ahead = (self.cc - self.tick) & COUNTER_MASK or COUNTER_MASK + 1
            self.advance((self.tick + ahead) * self.TICK - self.time)


class ChipCounter:
    """6.30, a TIMER in counter mode, and the channel of the PPI that triggers its task COUNT."""

    EVENT, INTENSET, CAPTURE1, CC0, CC1 = 0x140, 0x304, 0x044, 0x540, 0x544

    def __init__(self, spend: Callable[[], None]) -> None:
        self.spend = spend
        self.count = 0
        self.event = False
        self.enabled = False
        self.running = False
        self.line = InterruptLine(lambda: self.enabled and self.event)
        self.registers = Registers()
        words = self.registers.words
        self.registers.on_read = {self.EVENT: lambda: int(self.event)}
        self.registers.on_write = {
            0x000: lambda value: setattr(self, "running", True),
            0x00C: lambda value: setattr(self, "count", 0),
            self.EVENT: lambda value: setattr(self, "event", False),
            self.INTENSET: lambda value: setattr(self, "enabled", bool(value & 1 << 16)),
            self.CAPTURE1: self._capture,
            self.CC0: lambda value: words.update({self.CC0: value}),
        }

    def _capture(self, value: int) -> None:
        self.spend()
        self.registers.words[self.CC1] = self.count

    def tick(self) -> None:
        """The event that is counted."""
        words = self.registers.words
        assert (self.running, words[0x504], words[0x508]) == (True, 2, 2), "it does not count, or not in 24 bits"
        self.count = (self.count + 1) & COUNTER_MASK
        if self.count == words.get(self.CC0, 0):
            self.event = True


class ChipUarte:
    """6.34, with a sender at the other end. Time is in microseconds; each access to a register takes one.

    `late_end`: whether a stop ends the transfer at once or when the hardware has come to rest; both are before RXTO.
    `counts_lost`: whether RXDRDY comes for a byte that found no room.
    """

    BYTE = 87  # at 115200 baud
    FIFO = 6  # 6.34: RTS asks for silence while there is room for four
    STARTRX, STOPRX, STARTTX, STOPTX = 0x000, 0x004, 0x008, 0x00C
    TXSTOPPED = 0x158
    FLUSHRX, ERRORSRC = 0x02C, 0x480
    RXDRDY, ENDRX, ENDTX, ERROR, RXTO, RXSTARTED = 0x108, 0x110, 0x120, 0x124, 0x144, 0x14C
    INTERRUPTS = ((2, RXDRDY), (4, ENDRX), (8, ENDTX), (9, ERROR), (17, RXTO), (19, RXSTARTED))
    SHORTS, INTENSET, INTENCLR, ENABLE, AMOUNT, CONFIG = 0x200, 0x304, 0x308, 0x500, 0x53C, 0x56C
    RX_POINTER, RX_LENGTH, TX_POINTER, TX_LENGTH = 0x534, 0x538, 0x544, 0x548

    def __init__(self, late_end: bool = False, counts_lost: bool = False) -> None:
        self.late_end, self.counts_lost = late_end, counts_lost
        self.counter = ChipCounter(lambda: self.advance(1))
        self.time = 0
        self.events = {offset: 0 for _, offset in self.INTERRUPTS} | {self.TXSTOPPED: 0}
        self.enabled = 0
        self.exact: Callable[[], bool] = lambda: True  # whether its clock is
        self.on = False  # the receiver
        self.stop_at: int | None = None
        self.stopped_at: int | None = None
        self.filling: tuple[int, int] | None = None  # address and length
        self.count = 0
        self.fifo: list[int] = []
        self.arriving: list[tuple[int, int]] = []  # when its last bit comes, and the byte
        self.to_send: list[tuple[int, int]] = []  # not before when, and the byte; for a sender who heeds RTS
        self.lost: list[tuple[int, str]] = []
        self.lost_bytes = 0
        self.sending: tuple[int, bytes] | None = None
        self.sent = bytearray()
        self.dma = {"rx": (0x534, 0x538, 0x110), "tx": (0x544, 0x548, 0x120)}
        self.registers = registers = Registers(dma=self.dma)
        self.line = InterruptLine(self.asks)
        for offset in self.events:
            registers.on_read[offset] = lambda offset=offset: self._read(offset)
            registers.on_write[offset] = lambda value, offset=offset: self._write(offset, value)
        registers.on_write |= {
            self.STARTRX: self._start_rx,
            self.STOPRX: self._stop_rx,
            self.STARTTX: self._start_tx,
            self.STOPTX: self._stop_tx,
            self.ENABLE: self._switch,
            self.FLUSHRX: self._flush_rx,
            self.ERRORSRC: lambda value: None,
            self.INTENSET: self._enable,
            self.INTENCLR: self._disable,
        }
        for offset in (self.SHORTS, self.RX_POINTER, self.RX_LENGTH):
            registers.on_write[offset] = lambda value, offset=offset: self._store(offset, value)
        registers.on_read |= {self.INTENSET: lambda: self.enabled, self.INTENCLR: lambda: self.enabled}

    def asks(self) -> bool:
        return any(self.events[offset] and self.enabled >> bit & 1 for bit, offset in self.INTERRUPTS)

    @property
    def flow_control(self) -> bool:
        return bool(self.registers.words.get(self.CONFIG, 0) & 1)

    @property
    def may_send(self) -> bool:
        """RTS, as the sender sees it."""
        return self.on and self.stop_at is None and len(self.fifo) <= self.FIFO - 4

    @property
    def busy(self) -> bool:
        """Whether anything is under way, on the line or in the hardware."""
        moving = self.arriving or self.to_send or self.sending or self.fifo
        return bool(moving) or self.stop_at is not None

    # -- Registers --

    def _read(self, offset: int) -> int:
        self.advance(1)
        return self.events[offset]

    def _write(self, offset: int, value: int) -> None:
        self.advance(1)
        assert value == 0, "events are cleared only"
        self.events[offset] = 0

    def _store(self, offset: int, value: int) -> None:
        self.advance(1)
        self.registers.words[offset] = value

    def _enable(self, value: int) -> None:
        self.enabled |= value

    def _disable(self, value: int) -> None:
        self.enabled &= ~value

    def _start_rx(self, value: int) -> None:
        assert value == 1
        assert self.registers.words[self.ENABLE] == 8
        self.advance(1)
        assert self.exact(), "the receiver needs the exact clock"
        assert self.stop_at is None, "started while it stops"
        self._begin()

    def _begin(self) -> None:
        words = self.registers.words
        assert self.filling is None, "started while it fills a buffer"
        self.filling, self.count = (words[self.RX_POINTER], words[self.RX_LENGTH]), 0
        self.on = True
        self.stopped_at = None
        self.events[self.RXSTARTED] = 1
        self._drain()

    def _stop_rx(self, value: int) -> None:
        assert value == 1
        self.advance(1)
        self.stop_at = self.time + 4 * self.BYTE
        if not self.late_end:
            self._end()

    def _end(self) -> None:
        if self.filling is not None:
            self.registers.words[self.AMOUNT] = self.count
            self.filling = None
            self.events[self.ENDRX] = 1
            if self.registers.words.get(self.SHORTS, 0) & 1 << 5:
                assert self.stop_at is None, "the short would restart it while it stops"
                self._begin()

    def _flush_rx(self, value: int) -> None:
        assert value == 1
        self.advance(1)
        assert not self.on, "flushed before it had stopped"
        words = self.registers.words
        if self.fifo:  # if there is nothing, there is no event
            self.filling, self.count = (words[self.RX_POINTER], words[self.RX_LENGTH]), 0
            self._drain()
            if self.filling is not None:
                self._end()

    def _start_tx(self, value: int) -> None:
        assert value == 1
        assert self.sending is None
        assert self.exact(), "the transmitter needs the exact clock"
        words = self.registers.words
        assert words[self.ENABLE] == 8
        data = bytes(memory(words[self.TX_POINTER], words[self.TX_LENGTH]))
        self.sending = self.time + len(data) * self.BYTE, data

    def _stop_tx(self, value: int) -> None:
        assert (value, self.sending) == (1, None), "stopped while it sends"
        self.events[self.TXSTOPPED] = 1

    def _switch(self, value: int) -> None:
        assert value or not (self.on or self.filling or self.sending), "switched off while it works"
        self.registers.words[self.ENABLE] = value

    # -- Time --

    def _drain(self) -> None:
        while self.fifo and self.filling is not None:
            address, length = self.filling
            memory(address, length)[self.count] = self.fifo.pop(0)
            self.count += 1
            if self.count == length:
                self._end()

    def _arrive(self, byte: int) -> None:
        begun = self.time - self.BYTE
        if not self.on or (self.stopped_at is not None and begun < self.stopped_at):
            self.lost_bytes += 1
            self.lost.append((begun, "off"))
        elif len(self.fifo) == self.FIFO:
            self.lost_bytes += 1
            self.lost.append((begun, "overrun"))
            self.events[self.ERROR] = 1
            if self.counts_lost:
                self._ready()
        else:
            self._ready()  # before it is in memory
            self.fifo.append(byte)
            self._drain()

    def _ready(self) -> None:
        self.events[self.RXDRDY] = 1
        self.counter.tick()

    def _next(self) -> tuple[int, Callable[[], None]] | None:
        found: list[tuple[int, Callable[[], None]]] = []
        if self.arriving:
            found.append((self.arriving[0][0], lambda: self._arrive(self.arriving.pop(0)[1])))
        if self.stop_at is not None:
            found.append((self.stop_at, self._rest))
        if self.sending is not None:
            found.append((self.sending[0], self._sent))
        return min(found, key=lambda one: one[0]) if found else None

    def _rest(self) -> None:
        self._end()
        self.stop_at = None
        self.stopped_at = self.time
        self.on = False
        self.events[self.RXTO] = 1

    def _sent(self) -> None:
        assert self.sending is not None
        self.sent += self.sending[1]
        self.sending = None
        self.events[self.ENDTX] = 1

    def _send(self) -> None:
        """The sender begins its next byte, if it has one, the line is free, and RTS lets it."""
        if self.to_send and not self.arriving and self.to_send[0][0] <= self.time and self.may_send:
            self.arriving.append((self.time + self.BYTE, self.to_send.pop(0)[1]))

    def advance(self, time: int) -> None:
        end = self.time + time
        while True:
            self._send()
            following = self._next()
            waiting = self.to_send[0][0] if self.to_send and not self.arriving and self.may_send else end + 1
            moment = min(following[0] if following else end + 1, max(waiting, self.time))
            if moment > end:
                break
            self.time = max(self.time, moment)
            if following and following[0] <= moment:
                following[1]()
        self.time = end


class UarteClock:
    """A HIL ExactClock, which takes `delay` microseconds to start."""

    def __init__(self, chip: ChipUarte, delay: int) -> None:
        self.chip, self.delay = chip, delay
        self.running: Callable[[], None] = lambda: None
        self.at: int | None = None
        self.claimed = self.on = False
        chip.exact = lambda: self.on

    def set_client(self, running: Callable[[], None]) -> None:
        self.running = running

    def request(self) -> int:
        self.claimed = True
        if self.delay == 0:
            self.on = True
        if not self.on and self.at is None:
            self.at = self.chip.time + self.delay
        return int(self.on)

    def release(self) -> None:
        self.claimed = self.on = False
        self.at = None

    def look(self) -> None:
        if self.at is not None and self.chip.time >= self.at:
            self.at, self.on = None, True
            self.running()


class UarteAlarm:
    """A HIL Alarm of a million ticks a second."""

    frequency = 1_000_000 << 8

    def __init__(self, chip: ChipUarte) -> None:
        self.chip = chip
        self.fired: Callable[[], None] = lambda: None
        self.at: int | None = None

    def now(self) -> int:
        return self.chip.time & 0xFFFFFF

    def set_client(self, fired: Callable[[], None]) -> None:
        self.fired = fired

    def set_alarm(self, dt: int) -> None:
        self.at = self.chip.time + dt

    def look(self) -> None:
        if self.at is not None and self.chip.time >= self.at:
            self.at = None
            self.fired()
