"""Tries to lead the hardware's DMA astray, as a driver that is wrong could."""

from cells import Buffer
from kernel import Registers, log
from micropython import const

from capsules.bench.memory import FlashBench
from capsules.hil.time import Alarm

_RAM = const(0x20000000)


class GuardBench:
    """Begins a moment after boot."""

    def __init__(self, blocks: "tuple[Registers, ...]", alarm: Alarm, following: FlashBench) -> None:
        self._blocks = blocks
        self._following = following
        self._buffer = Buffer(64)
        self._alarm = alarm
        alarm.set_client(self._run)

    def start(self) -> None:
        self._alarm.set_alarm(self._alarm.frequency // 256 // 10)

    def _run(self) -> None:
        opened = 0
        saadc, twim, spim, pwm, ecb = self._blocks
        for block, offsets in (
            (saadc, (0x104, 0x62C, 0x630, 0x640, 0xFFC)),
            (twim, (0x104, 0x534, 0x538, 0x540, 0x544, 0x548, 0x550, 0xFFC)),
            (spim, (0x110, 0x120, 0x534, 0x538, 0x540, 0x544, 0x548, 0x550, 0xFFC)),
            (pwm, (0x110, 0x520, 0x524, 0x540, 0x544, 0xFFC)),
            (ecb, (0x100, 0x504, 0x508, 0xFFC)),
        ):
            for offset in offsets:
                opened += self._writes(block, offset)
        for block, channel, start, length in (
            (saadc, "result", 0, 1),
            (saadc, "result", 0, 63),
            (saadc, "result", 0, 66),
            (saadc, "result", 0, 128),
            (saadc, "result", 1, 62),
            (pwm, "sequence", 0, 7),
            (pwm, "sequence", 3, 8),
            (ecb, "block", 0, 47),
            (ecb, "block", 0, 64),
            (ecb, "block", 17, 48),
            (twim, "rx", 0, 65),
            (spim, "tx", 32, 33),
        ):
            opened += self._starts(block, channel, start, length)
        # The register counts samples, where the driver counts bytes.
        self._buffer.window(0, 64)
        saadc.start_dma("result", self._buffer, 64)
        counted = saadc.read(0x630)
        free = saadc.end_dma("result") is not None  # it is off
        log(f"bench: guard {opened} opened, {counted} samples, returned {free}")
        self._following.begin()

    def _writes(self, block: Registers, offset: int) -> int:
        try:
            block.write(offset, _RAM)
        except ValueError:
            return 0
        return 1

    def _starts(self, block: Registers, channel: str, start: int, length: int) -> int:
        self._buffer.window(start, 64)
        try:
            block.start_dma(channel, self._buffer, length)
        except ValueError:
            self._buffer.window(0, 64)
            return 0
        except IndexError:
            self._buffer.window(0, 64)
            return 0
        return 1
