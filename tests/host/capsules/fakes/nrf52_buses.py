"""The nRF52840's SAADC, SPIM, TWIM, PWM and ECB as its Product Specification v1.7 describes them.

They see memory as the hardware does, by the addresses and counts in their registers; `cells.memory` fails where those
go beyond a buffer. What a task begins, a test ends: nothing happens before it says so.
"""

from collections.abc import Callable
from typing import ClassVar

from cells import memory
from kernel import InterruptLine, Registers


class Chip:
    """What all of them share: events, INTENSET, and tasks."""

    NAME: str
    EVENTS: ClassVar[dict[int, int]]
    """Offset to bit of INTEN."""

    def __init__(self, tasks: dict[int, Callable[[], None]]) -> None:
        self.registers = registers = Registers.of(self.NAME)
        self.words = registers.words
        self.events = dict.fromkeys(self.EVENTS, 0)
        self.enabled = 0
        self.line = InterruptLine(self.asks)
        for offset in self.EVENTS:
            registers.on_read[offset] = lambda offset=offset: self.events[offset]
            registers.on_write[offset] = lambda value, offset=offset: self._clear(offset, value)
        for offset, task in tasks.items():
            registers.on_write[offset] = lambda value, task=task: task() if value == 1 else None
        registers.on_write |= {0x304: self._enable, 0x308: self._disable}

    def _clear(self, offset: int, value: int) -> None:
        assert value == 0, "events are cleared only"
        self.events[offset] = 0

    def _enable(self, value: int) -> None:
        self.enabled |= value

    def _disable(self, value: int) -> None:
        self.enabled &= ~value

    def asks(self) -> bool:
        return any(self.events[offset] and self.enabled >> bit & 1 for offset, bit in self.EVENTS.items())

    def word(self, offset: int) -> int:
        return self.words.get(offset, 0)


class ChipSaadc(Chip):
    """One channel. `volts` maps an input (PSELP) to what is there; `deaf`: STOP is never answered."""

    NAME = "saadc"
    EVENTS: ClassVar = {0x100: 0, 0x104: 1, 0x110: 4, 0x114: 5}
    ENABLE, PSELP, CONFIG, RESOLUTION, SAMPLERATE, POINTER, COUNT, AMOUNT = (
        0x500, 0x510, 0x518, 0x5F0, 0x5F8, 0x62C, 0x630, 0x634,
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__({0x000: self._start, 0x004: self._sample, 0x008: self._stop, 0x00C: self._calibrate})
        self.volts: dict[int, float] = {}
        self.deaf = False
        self.started = False
        self.timing = False
        self.calibrating = False
        self.calibrations = 0
        self.target: tuple[int, int] | None = None

    def _calibrate(self) -> None:
        assert self.word(self.ENABLE) == 1
        assert not self.started, "anomaly 252"
        self.calibrations += 1
        self.calibrating = True

    def calibrated(self) -> None:
        self.calibrating = False
        self.events[0x110] = 1

    def _start(self) -> None:
        assert self.word(self.ENABLE) == 1
        assert self.target is None, "started while it fills a buffer"
        assert not self.calibrating, "started while it calibrates"
        assert self.word(self.POINTER) % 2 == 0
        memory(self.word(self.POINTER), 2 * self.word(self.COUNT))
        self.target, self.words[self.AMOUNT] = (self.word(self.POINTER), self.word(self.COUNT)), 0
        self.started = True
        self.events[0x100] = 1

    def _sample(self) -> None:
        assert self.started, "SAMPLE without START"
        if self.word(self.SAMPLERATE) >> 12 & 1:
            assert 80 <= self.word(self.SAMPLERATE) & 0x7FF <= 2047
            self.timing = True
        else:
            self.convert()

    def convert(self) -> bool:
        """A sample; False if it had no place."""
        if self.target is None:
            return False
        address, count = self.target
        assert self.word(self.CONFIG) == 2 << 16, "gain 1/6, 0.6 V, single-ended, 10 us"
        bits = 8 + 2 * self.word(self.RESOLUTION)
        value = round(self.volts[self.word(self.PSELP)] / 3.6 * (1 << bits))
        value = max(-(1 << bits), min((1 << bits) - 1, value))
        at = self.words[self.AMOUNT]
        memory(address + 2 * at, 2)[:] = (value & 0xFFFF).to_bytes(2, "little")
        self.words[self.AMOUNT] = at + 1
        if at + 1 == count:
            self._end()
        return True

    def _end(self) -> None:
        self.target = None
        self.events[0x104] = 1

    def _stop(self) -> None:
        if self.deaf:
            return
        if self.target is not None:
            self._end()
        self.started = self.timing = False
        self.events[0x114] = 1

    @property
    def is_off(self) -> bool:
        return self.word(self.ENABLE) == 0 and not self.timing


class ChipSpim(Chip):
    """`answer` is what the device makes of a byte; `levels` is called at each transfer's beginning and end."""

    NAME = "spim2"
    EVENTS: ClassVar = {0x110: 4, 0x118: 6, 0x120: 8}

    def __init__(self, answer: Callable[[int], int] = lambda byte: byte ^ 0xFF) -> None:
        super().__init__({0x010: self._start})
        self.answer = answer
        self.running = False
        self.sent = b""

    def _start(self) -> None:
        assert self.word(0x500) == 7
        assert not self.running
        self.running = True

    def finish(self) -> None:
        assert self.running, "nothing is being sent"
        self.running = False
        write, read = self.word(0x548), self.word(0x538)
        data = bytes(memory(self.word(0x544), write)) + bytes([self.word(0x5C0)] * max(0, read - write))
        self.sent = data
        got = bytes(self.answer(byte) for byte in data)[:read]
        memory(self.word(0x534), read)[:] = got
        for event in self.EVENTS:
            self.events[event] = 1


class ChipTwim(Chip):
    """A bus with devices: by address, what each answers. `refuse`: a device takes so many bytes and no more."""

    NAME = "twim0"
    EVENTS: ClassVar = {0x104: 1, 0x124: 9, 0x14C: 19, 0x150: 20, 0x15C: 23, 0x160: 24}
    SHORTS, ERRORSRC, ENABLE, ADDRESS = 0x200, 0x4C4, 0x500, 0x588

    def __init__(self) -> None:
        super().__init__(
            {0x000: self._start_rx, 0x008: self._start_tx, 0x014: self._stop, 0x020: lambda: self.done.append("resume")}
        )
        self.registers.on_write[self.ERRORSRC] = lambda value: self.words.update(
            {self.ERRORSRC: self.word(self.ERRORSRC) & ~value}
        )
        self.devices: dict[int, bytes] = {}
        self.refuse = 1 << 16
        self.overrun = False
        self.cut_off = False
        self.written: list[tuple[int, bytes]] = []
        self.done: list[str] = []

    def _start_rx(self) -> None:
        assert self.word(self.ENABLE) == 6
        self.done.append("rx")

    def _start_tx(self) -> None:
        assert self.word(self.ENABLE) == 6
        self.done.append("tx")

    def _stop(self) -> None:
        self.done.append("stop")

    def _fail(self, bit: int) -> None:
        self.words[self.ERRORSRC] = self.word(self.ERRORSRC) | 1 << bit
        self.events[0x124] = 1

    def run(self) -> None:
        """What has been begun takes place, up to an error or the stop."""
        if self.done[-1:] in (["stop"], ["stop by the short"]):
            self._end()
        elif self.done[-1:] == ["tx"]:
            self._transmit()
        elif self.done[-1:] == ["rx"]:
            self._receive()

    def _transmit(self) -> None:
        address, length = self.word(self.ADDRESS), self.word(0x548)
        self.words[0x54C] = 0
        if address not in self.devices:
            self._fail(1)
            return
        data = bytes(memory(self.word(0x544), length))
        taken = min(length, self.refuse)
        self.words[0x54C] = taken
        self.written.append((address, data[:taken]))
        if taken < length:
            if taken == length - 1 and self.word(self.SHORTS) >> 9 & 1:  # LASTTX_STOP
                self.events[0x160] = 1
                self.done.append("stop by the short")
            self._fail(2)
            return
        if self.cut_off:
            self.words[0x54C] = length - 1
            self._end()
            return
        self.events[0x160] = 1
        if self.word(self.SHORTS) == 1 << 7 | 1 << 12:
            self.done.append("rx")
            self._receive()
        else:
            assert self.word(self.SHORTS) == 1 << 9
            self._end()

    def _receive(self) -> None:
        assert self.word(self.SHORTS) >> 12 & 1
        address, length = self.word(self.ADDRESS), self.word(0x538)
        self.words[0x53C] = 0
        if address not in self.devices:
            self._fail(1)
            return
        memory(self.word(0x534), length)[:] = self.devices[address][:length].ljust(length, b"\xff")
        self.words[0x53C] = length
        if self.overrun:
            self._fail(0)
            return
        self.events[0x15C] = 1
        self._end()

    def _end(self) -> None:
        self.done.append("stopped")
        self.events[0x104] = 1


class ChipPwm(Chip):
    """`step()` is the end of a period."""

    NAME = "pwm0"
    EVENTS: ClassVar = {0x104: 1, 0x110: 4}

    def __init__(self) -> None:
        super().__init__({0x004: self._stop, 0x008: self._play})
        self.playing = self.stopping = self.loading = False
        self.values: list[int] = []

    def _stop(self) -> None:
        assert self.word(0x500) == 1
        self.stopping = True

    def _play(self) -> None:
        assert self.word(0x500) == 1
        assert self.word(0x514) == 0
        assert self.word(0x510) == 2
        assert self.word(0x524) == 4, "of 16 bits each"
        self.loading = True

    def step(self) -> None:
        if self.stopping:
            self.playing = self.stopping = self.loading = False
            self.events[0x104] = 1
        elif self.loading:
            data = bytes(memory(self.word(0x520), 2 * self.word(0x524)))
            self.values = [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]
            self.loading, self.playing = False, True
            self.events[0x110] = 1

    def pulses(self) -> tuple[float, list[float]]:
        """Hz, and for each channel for how much of a period it is high."""
        if not self.playing or self.word(0x500) == 0:
            return 0.0, [0.0] * 4
        top = self.word(0x508)
        assert all(value & 0x8000 for value in self.values)
        return 16e6 / (1 << self.word(0x50C)) / top, [min(1.0, (value & 0x7FFF) / top) for value in self.values]


class ChipEcb(Chip):
    """`cipher` encrypts a block: key and cleartext to ciphertext. `fails`: so many attempts are aborted."""

    NAME = "ecb"
    EVENTS: ClassVar = {0x100: 0, 0x104: 1}

    def __init__(self, cipher: Callable[[bytes, bytes], bytes]) -> None:
        super().__init__({0x000: self._start})
        self.cipher = cipher
        self.fails = 0
        self.running = False

    def _start(self) -> None:
        self.running = True

    def run(self) -> None:
        if not self.running:
            return
        self.running = False
        if self.fails:
            self.fails -= 1
            self.events[0x104] = 1
            return
        data = memory(self.word(0x504), 48)
        data[32:48] = self.cipher(bytes(data[:16]), bytes(data[16:32]))
        self.events[0x100] = 1
