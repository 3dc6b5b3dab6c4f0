"""Fake HILs: an LED, a 24-bit clock with one alarm, a UART. They hold the capsules to the HILs' terms."""

from collections.abc import Callable

from cells import Buffer
from kernel import ErrorCode, Registers, run_deferred

MASK = 0xFFFFFF


class FakeLed:
    """A HIL Led."""

    def __init__(self) -> None:
        self.lit = False

    def on(self) -> None:
        self.lit = True

    def off(self) -> None:
        self.lit = False

    def toggle(self) -> None:
        self.lit = not self.lit

    def is_on(self) -> bool:
        return self.lit


class FakeAlarm:
    """A HIL Alarm. `time` counts for ever; the counter is its lower 24 bits.

    `creep` ticks pass at each look at the counter, as they may while code runs.
    """

    def __init__(self, start: int = 0, frequency: int = 25_000_000, creep: int = 0) -> None:
        self.frequency = frequency
        self.time = start
        self.creep = creep
        self.due: int | None = None
        self.interrupts = 0
        self._fired: Callable[[], None] | None = None

    def now(self) -> int:
        self.time += self.creep
        return self.time & MASK

    def set_client(self, fired: Callable[[], None]) -> None:
        self._fired = fired

    def set_alarm(self, dt: int) -> None:
        assert 1 <= dt <= MASK // 2, f"set_alarm({dt}) breaks the HIL's terms"
        self.due = self.time + dt

    def disarm(self) -> None:
        self.due = None

    def fire(self) -> None:
        """The interrupt."""
        assert self._fired is not None
        self.due = None
        self.interrupts += 1
        self._fired()

    def pass_time(self, ticks: int, lateness: Callable[[], int] = lambda: 0) -> None:
        """Let time pass; each interrupt comes as late as `lateness()` says."""
        end = self.time + ticks
        while self.due is not None and self.due <= end:
            self.time = max(self.time, self.due + lateness())
            self.fire()
        self.time = max(self.time, end)


class FakeUart:
    """A HIL Uart. Tests say when a transmission ends and which bytes come in."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self._client: object = None
        self._sending: tuple[Buffer, int] | None = None
        self._receiving: tuple[Buffer, int, int] | None = None
        self._at = 0

    @property
    def sent(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def is_sending(self) -> bool:
        return self._sending is not None

    @property
    def is_receiving(self) -> bool:
        return self._receiving is not None

    def set_client(self, client: object) -> None:
        self._client = client

    def transmit(self, buffer: Buffer, length: int) -> None:
        assert self._sending is None, "two transmissions at a time"
        assert 1 <= length <= len(buffer)
        self._sending = buffer.move(self), length

    def finish(self) -> None:
        """The transmission under way has ended."""
        assert self._sending is not None, "nothing is being sent"
        (buffer, length), self._sending = self._sending, None
        self.chunks.append(buffer.get(0, length))
        self._client.transmitted(buffer.give_back(), length, 0)

    def finish_all(self) -> None:
        for _ in range(10_000):
            if self._sending is None:
                return
            self.finish()
        raise AssertionError("the transmissions never end")

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        assert self._receiving is None, "two receptions at a time"
        assert 0 <= least <= length <= len(buffer)
        assert length
        self._receiving, self._at = (buffer.move(self), length, least or length), 0

    def _finish_receive(self, status: int) -> None:
        (buffer, _, _), self._receiving = self._receiving, None
        self._client.received(buffer.give_back(), self._at, status)

    def receive_abort(self) -> None:
        if self._receiving is not None:
            self._finish_receive(ErrorCode.CANCEL)

    def feed(self, data: bytes) -> bytes:
        """Bytes come in; returns those that nobody was waiting for."""
        while data and self._receiving is not None:
            buffer, length, least = self._receiving
            count = buffer.set(self._at, data[: length - self._at])
            self._at += count
            data = data[count:]
            if self._at >= least:
                self._finish_receive(0)
        return data


_DATA, _STATE, _CTRL, _INTSTATUS = 0x0, 0x4, 0x8, 0xC


class CmsdkBlock:
    """CMSDK UART: its registers. One byte each way, as DDI 0479, 4.3 describes them."""

    def __init__(self) -> None:
        self.registers = Registers()
        self.sent = bytearray()
        self.tx: int | None = None
        self.rx: int | None = None
        self.overruns = 0
        self.reads_of_nothing = 0
        self.pending = 0
        self.registers.on_read = {_DATA: self._read, _STATE: self._state, _INTSTATUS: lambda: self.pending}
        self.registers.on_write = {_DATA: self._write, _INTSTATUS: self._clear}

    def _control(self) -> int:
        return self.registers.words.get(_CTRL, 0)

    def _state(self) -> int:
        return (self.tx is not None) | (self.rx is not None) << 1

    def _read(self) -> int:
        if self.rx is None:
            self.reads_of_nothing += 1
        value, self.rx = self.rx or 0, None
        return value

    def _write(self, value: int) -> None:
        assert self._control() & 1, "the transmitter is off"
        assert self.tx is None, "a byte was written over another"
        self.tx = value & 0xFF

    def _clear(self, ones: int) -> None:
        self.pending &= ~ones

    def byte_goes(self) -> None:
        if self.tx is not None:
            self.sent.append(self.tx)
            self.tx = None
            self.pending |= 1 if self._control() & 4 else 0

    def byte_comes(self, byte: int) -> None:
        assert self._control() & 2, "the receiver is off"
        self.overruns += self.rx is not None
        self.rx = byte
        self.pending |= 2 if self._control() & 8 else 0


class FakePin:
    """A HIL Pin. Tests drive it with `drive()`."""

    def __init__(self) -> None:
        self.mode = "disabled"
        self.pull = 0
        self.outside: int | None = None
        self.output = 0
        self.edge: int | None = None
        self._changed: Callable[[], None] | None = None

    def make_output(self) -> None:
        self.mode = "output"

    def make_input(self, pull: int) -> None:
        assert pull in (0, 1, 2), f"make_input({pull}) breaks the HIL's terms"
        self.mode, self.pull = "input", pull

    def disable(self) -> None:
        self.mode = "disabled"

    def read(self) -> int:
        if self.mode == "output":
            return self.output
        return int(self.pull == 1) if self.outside is None else self.outside

    def set(self) -> None:
        self.output = 1

    def clear(self) -> None:
        self.output = 0

    def toggle(self) -> None:
        self.output ^= 1

    def enable_interrupts(self, edge: int) -> None:
        assert edge in (0, 1, 2), f"enable_interrupts({edge}) breaks the HIL's terms"
        self.edge = edge

    def disable_interrupts(self) -> None:
        self.edge = None

    def set_client(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def drive(self, level: int | None) -> None:
        """Somebody outside drives the pin, or lets go of it; an edge is an interrupt."""
        before = self.read()
        self.outside = level
        if self.edge is not None and before != self.read() and self.edge in (0, 1 if self.read() else 2):
            assert self._changed is not None
            self._changed()


class FakeRng:
    """A HIL Rng. Tests say when the bytes are there, and which."""

    def __init__(self) -> None:
        self._client: object = None
        self._filling: tuple[Buffer, int] | None = None

    @property
    def wanted(self) -> int:
        """Bytes that it has been asked for, 0 if it is idle."""
        return self._filling[1] if self._filling is not None else 0

    def set_client(self, client: object) -> None:
        self._client = client

    def fill(self, buffer: Buffer, length: int) -> None:
        assert self._filling is None, "asked twice at a time"
        assert 1 <= length <= len(buffer)
        self._filling = buffer.move(self), length

    def finish(self, data: bytes, status: int = 0) -> None:
        """The bytes are there; `data` repeats as needed."""
        assert self._filling is not None, "nobody has asked"
        (buffer, length), self._filling = self._filling, None
        got = 0 if status else length
        buffer.set(0, (data * length)[:got])
        self._client.filled(buffer.give_back(), got, status)


class PowerCut(Exception):
    """The power has gone."""


class FakeFlash:
    """A HIL Flash on `data`, which outlives it. `cut`: so many words can be written or erased before the power goes.

    It checks what chips ask for: whole words, written at most twice between erasures.
    """

    def __init__(self, data: bytearray, page: int = 256, cut: int | None = None) -> None:
        self.data, self.page, self.cut = data, page, cut
        self.status = 0
        self.writes = [0] * (len(data) // 4)
        self.erased = [0] * (len(data) // page)
        self._client: object = None
        self._under_way: list[Callable[[], None]] = []
        self._erasing: int | None = None

    def set_client(self, client: object) -> None:
        self._client = client

    def length(self) -> int:
        return len(self.data)

    def page_size(self) -> int:
        return self.page

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> None:
        assert 0 <= offset <= offset + length <= len(self.data)
        assert buffer.set(start, bytes(self.data[offset : offset + length])) == length

    def _spend(self) -> None:
        if self.cut is not None:
            if self.cut == 0:
                raise PowerCut
            self.cut -= 1

    def write(self, offset: int, buffer: Buffer, length: int) -> None:
        assert len(self._under_way) == (self._erasing is not None), "two writes at a time"
        assert offset // self.page != self._erasing, "a write to a page that is being erased"
        assert offset % 4 == length % 4 == 0 < length
        assert offset // self.page == (offset + length - 1) // self.page, "a write over the end of a page"
        words = buffer.get(0, length)
        if not self.status:
            for at in range(0, length, 4):
                self._spend()
                self.writes[(offset + at) // 4] += 1
                assert self.writes[(offset + at) // 4] <= 2, "a word was written three times"
                for index in range(4):
                    self.data[offset + at + index] &= words[at + index]
        moved = buffer.move(self)
        self._under_way.append(lambda: self._client.written(moved.give_back(), self.status))

    def erase(self, page: int, ahead: bool = False) -> None:
        assert not self._under_way, "something else is under way"
        self._erasing = page
        self.erased[page] += 1
        if not self.status:
            start = page * self.page
            for at in range(start, start + self.page, 4):
                self._spend()
                self.data[at : at + 4] = b"\xff" * 4
                self.writes[at // 4] = 0
        self._under_way.append(self._end_erase)

    def _end_erase(self) -> None:
        self._erasing = None
        self._client.erased(self.status)

    def step(self) -> bool:
        """End what is under way, a write before an erasure; False if nothing is."""
        if not self._under_way:
            return False
        self._under_way.pop()()
        return True

    def run(self) -> None:
        """End all that is under way, and what follows from it."""
        while self.step():
            pass


class FakeI2c:
    """A HIL I2c. Devices are functions: `devices[address](sent, count)` gives the bytes that are read, or an error.

    Tests say when a transfer is over; `refuses` is what a request returns.
    """

    def __init__(self) -> None:
        self.devices: dict[int, Callable[[bytes, int], bytes | int]] = {}
        self.transfers: list[tuple[int, bytes, int]] = []
        self.refuses = 0
        self._client: object = None
        self._under_way: tuple[int, bytes, Buffer | None, Buffer | None, int] | None = None

    @property
    def is_busy(self) -> bool:
        return self._under_way is not None

    def set_client(self, client: object) -> None:
        self._client = client

    def write(self, address: int, buffer: Buffer, length: int) -> int:
        return self._begin(address, None, buffer, length, None, 0)

    def read(self, address: int, buffer: Buffer, length: int) -> int:
        return self._begin(address, None, None, 0, buffer, length)

    def write_read(self, address: int, write: Buffer, write_length: int, read: Buffer, read_length: int) -> int:
        return self._begin(address, None, write, write_length, read, read_length)

    def read_register(self, address: int, register: int, read: Buffer, length: int) -> int:
        return self._begin(address, register, None, 0, read, length)

    def _begin(
        self, address: int, register: int | None, write: Buffer | None, sent: int, read: Buffer | None, count: int
    ) -> int:
        assert 0 <= address <= 0x7F
        assert write is None or 1 <= sent <= len(write)
        assert read is None or 1 <= count <= len(read)
        if self._under_way is not None:
            return ErrorCode.BUSY
        if self.refuses:
            return self.refuses
        data = bytes([register]) if register is not None else write.get(0, sent) if write is not None else b""
        moved = [buffer.move(self) if buffer is not None else None for buffer in (write, read)]
        self._under_way = (address, data, *moved, count)
        return 0

    def finish(self, status: int = 0) -> None:
        """The transfer under way is over."""
        assert self._under_way is not None, "nothing is being transferred"
        (address, data, write, read, count), self._under_way = self._under_way, None
        self.transfers.append((address, data, count))
        device = self.devices.get(address)
        answer = device(data, count) if device is not None else ErrorCode.NOACK
        if isinstance(answer, int):
            status = status or answer
        elif read is not None and not status:
            read.set(0, answer[:count].ljust(count, b"\xff"))
        lent = [buffer.give_back() if buffer is not None else None for buffer in (write, read)]
        self._client.transferred(*lent, status)

    def finish_all(self) -> None:
        """So are all that follow from it."""
        for _ in range(1000):
            run_deferred()
            if self._under_way is None:
                return
            self.finish()
        raise AssertionError("the transfers never end")


class FakeClock:
    """A HIL DateTime. Tests say when it is done; `refuses` is what a request returns."""

    def __init__(self) -> None:
        self.moment = (2026 << 9 | 11 << 5 | 28, 6 << 17 | 12 << 12 | 34 << 6 | 56)
        self.asked: list[tuple[int, ...]] = []
        self.refuses = 0
        self._client: object = None

    def set_client(self, client: object) -> None:
        self._client = client

    def read(self) -> int:
        if not self.refuses:
            self.asked.append(())
        return self.refuses

    def set(self, date: int, time: int) -> int:
        if not self.refuses:
            self.asked.append((date, time))
        return self.refuses

    def finish(self, status: int = 0) -> None:
        assert len(self.asked) == 1, "asked for two things at a time, or for none"
        asked = self.asked.pop()
        if asked:
            self.moment = self.moment if status else asked
            self._client.was_set(status)
        else:
            self._client.got(*((0, 0) if status else self.moment), status)


class FakeSensor:
    """A HIL Sensor, and what is like one. Tests say what it measures, and when; `refuses` is what a request returns."""

    def __init__(self) -> None:
        self.asked = 0
        self.hours: list[int] = []
        self.refuses = 0
        self._measured: Callable[[int, int], None] | None = None

    def set_client(self, measured: Callable[[int, int], None]) -> None:
        self._measured = measured

    def measure(self, *hours: int) -> int:
        self.asked += not self.refuses
        self.hours += hours
        return self.refuses

    def nearest(self) -> int:
        return 20

    def farthest(self) -> int:
        return 4000

    def done(self, value: int, status: int = 0) -> None:
        self._measured(value, status)


class FakeNineAxis:
    """A HIL NineAxis. `asked` is what is being measured, `refuses` what a request for it returns."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.refuses: dict[int, int] = {}

    def set_client(self, measured: Callable[[int, int, int], None], failed: Callable[[int], None]) -> None:
        self._measured, self._failed = measured, failed

    def measure(self, which: int) -> int:
        if not self.refuses.get(which):
            self.asked.append(which)
        return self.refuses.get(which, 0)

    def done(self, *values: int, status: int = 0) -> None:
        (_,) = self.asked
        self.asked.clear()
        if status:
            self._failed(status)
        else:
            self._measured(*values)


class FakeSpi:
    """A HIL Spi. `answer` makes of what is sent, by the chip that is selected, what comes back.

    Tests say when a transfer is over. `frames` is what went out while each chip was low without a break.
    """

    def __init__(self) -> None:
        self.answer: Callable[[object, bytes], bytes] = lambda chip, sent: bytes(255 - byte for byte in sent)
        self.chip: object = None
        self.frames: list[tuple[object, bytes, tuple[int, int, int]]] = []
        self.settings = [1_000_000, 0, 0]
        self.holding = self.held = False
        self.refuses = 0
        self._client: object = None
        self._under_way: tuple[Buffer | None, Buffer | None, int] | None = None

    @property
    def is_busy(self) -> bool:
        return self._under_way is not None

    def set_client(self, client: object) -> None:
        self._client = client

    def transfer(self, write: Buffer | None, read: Buffer | None, length: int) -> int:
        assert write is not read
        assert length >= 1
        assert all(buffer is None or length <= len(buffer) for buffer in (write, read))
        if self._under_way is not None:
            return ErrorCode.BUSY
        if self.refuses:
            return self.refuses
        if not self.held:
            self.frames.append((self.chip, b"", tuple(self.settings)))
        self.held = self.holding
        moved = [buffer.move(self) if buffer is not None else None for buffer in (write, read)]
        self._under_way = (*moved, length)
        return 0

    def finish(self, status: int = 0) -> None:
        """The transfer under way is over."""
        assert self._under_way is not None, "nothing is being transferred"
        (write, read, length), self._under_way = self._under_way, None
        sent = write.get(0, length) if write is not None else b"\xff" * length
        chip, before, settings = self.frames[-1]
        self.frames[-1] = (chip, before + sent, settings)
        if read is not None and not status:
            read.set(0, self.answer(chip, sent))
        self._client.transferred(*[b.give_back() if b is not None else None for b in (write, read)], status)

    def finish_all(self) -> None:
        """So are all that follow from it."""
        for _ in range(1000):
            run_deferred()
            if self._under_way is None:
                return
            self.finish()
        raise AssertionError("the transfers never end")

    def select(self, chip: object) -> int:
        if self.is_busy or self.held:
            return ErrorCode.BUSY
        self.chip = chip
        return 0

    def hold(self, on: bool) -> int:
        if self.is_busy:
            return ErrorCode.BUSY
        self.holding = on
        self.held = self.held and on
        return 0

    def rate_for(self, rate: int) -> int:
        return rate // 1000 * 1000 if 1000 <= rate <= 8_000_000 else 0

    def set_rate(self, rate: int) -> int:
        return self._set(0, self.rate_for(rate)) if self.rate_for(rate) else ErrorCode.INVAL

    def rate(self) -> int:
        return self.settings[0]

    def set_polarity(self, idle_high: bool) -> int:
        return self._set(1, int(idle_high))

    def polarity(self) -> int:
        return self.settings[1]

    def set_phase(self, trailing: bool) -> int:
        return self._set(2, int(trailing))

    def phase(self) -> int:
        return self.settings[2]

    def _set(self, which: int, value: int) -> int:
        if self.is_busy or self.held:
            return ErrorCode.BUSY
        self.settings[which] = value
        return 0
