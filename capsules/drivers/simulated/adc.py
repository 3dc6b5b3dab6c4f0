"""An analog-to-digital converter for a board without: what the host has set, or a voltage that rises and falls by itself.

A register for each channel is the host's (adder/run/simulated.py): 50,000 more than the millivolts; 0: nothing is set.
"""

from typing import Callable

from cells import Buffer, TakeCell
from kernel import ErrorCode, Registers, deferred
from micropython import const

from capsules.hil.adc import AdcClient
from capsules.hil.time import Alarm

FIRST = const(0x60)
"""The register of channel 0."""

_BITS = const(20)
_ZERO = const(50000)  # what 0 is in the register
_RESOLUTION = const(12)
_MASK = const(0xFFF0)
_FULL_SCALE = const(65536)
_MILLIVOLTS = const(3300)
_JUSTIFY = const(8)  # an alarm's frequency is that of its counter shifted left
_FASTEST = const(10000)  # Hz
_LOOKS = const(100)  # a second, or more of them
_AT_ONCE = const(10)  # samples at most, or alarms would wait for long
_STEP = const(97)

_IDLE = const(0)
_SINGLE = const(1)
_CONTINUOUS = const(2)
_BUFFERS = const(3)
_TOLD = const(4)  # a single sample is there, and the client is being told


class SimulatedAdc:
    """A HIL Adc, with 12 bits."""

    def __init__(self, registers: Registers, alarm: Alarm, channels: int) -> None:
        self._inputs = tuple([registers.field(FIRST + (channel << 2), 0, _BITS) for channel in range(channels)])
        self._alarm = alarm
        self._hertz = alarm.frequency >> _JUSTIFY
        self._sampled: "Callable[[int, int], None] | None" = None
        self._filled: "Callable[[Buffer, int, int], None] | None" = None
        self._later = deferred(self._one)
        self._mode = _IDLE
        self._channel = 0
        self._pause = 1  # ticks
        self._at_once = 1  # samples at each tick
        self._phase = 0
        self._buffer: TakeCell[Buffer] = TakeCell()
        self._next: TakeCell[Buffer] = TakeCell()
        self._count = 0
        self._next_count = 0
        self._at = 0
        alarm.set_client(self._tick)

    def set_client(self, client: AdcClient) -> None:
        self._sampled = client.sampled
        self._filled = client.filled

    def channels(self) -> int:
        return len(self._inputs)

    def resolution_bits(self) -> int:
        return _RESOLUTION

    def reference_millivolts(self) -> int:
        return _MILLIVOLTS

    def _begin(self, mode: int, channel: int, frequency: int) -> int:
        if self._mode != _IDLE and self._mode != _TOLD:
            return ErrorCode.BUSY
        if not 0 <= channel < len(self._inputs) or not 1 <= frequency <= _FASTEST:
            return ErrorCode.INVAL
        self._mode = mode
        self._channel = channel
        looks = min(frequency, max(_LOOKS, frequency // _AT_ONCE))
        self._pause = self._hertz // looks
        self._at_once = frequency // looks
        return 0

    def sample(self, channel: int) -> int:
        status = self._begin(_SINGLE, channel, 1)
        if status == 0:
            self._later()
        return status

    def sample_continuous(self, channel: int, frequency: int) -> int:
        status = self._begin(_CONTINUOUS, channel, frequency)
        if status == 0:
            self._alarm.set_alarm(self._pause)
        return status

    def sample_buffers(self, channel: int, frequency: int, buffer: Buffer, count: int) -> int:
        if not 1 <= count <= len(buffer) // 2:
            return ErrorCode.SIZE
        status = self._begin(_BUFFERS, channel, frequency)
        if status == 0:
            self._buffer.put(buffer.move(self))
            self._count = count
            self._at = 0
            self._alarm.set_alarm(self._pause)
        return status

    def provide_buffer(self, buffer: Buffer, count: int) -> int:
        if self._mode != _BUFFERS:
            return ErrorCode.OFF
        if self._next.is_some():
            return ErrorCode.BUSY
        if not 1 <= count <= len(buffer) // 2:
            return ErrorCode.SIZE
        self._next.put(buffer.move(self))
        self._next_count = count
        return 0

    def stop(self) -> int:
        self._mode = _IDLE
        self._alarm.disarm()
        self._give_back(self._buffer.take(), self._at)
        self._give_back(self._next.take(), 0)
        return 0

    def _give_back(self, buffer: "Buffer | None", count: int) -> None:
        if buffer is not None and self._filled is not None:
            self._filled(buffer.give_back(), count, ErrorCode.CANCEL)

    def _value(self) -> int:
        millivolts = self._inputs[self._channel]() - _ZERO
        if millivolts == -_ZERO:
            self._phase = self._phase + _STEP & 0x1FFF
            return (self._phase if self._phase < 0x1000 else 0x1FFF - self._phase) << 4
        return min(max(0, int(millivolts)) * _FULL_SCALE // _MILLIVOLTS, _MASK) & _MASK

    def _one(self) -> None:
        """Tell of a single sample; once more, if this was cut short."""
        if self._sampled is None or (self._mode != _SINGLE and self._mode != _TOLD):
            return
        self._mode = _TOLD
        self._sampled(self._value(), 0)
        if self._mode == _TOLD:  # nothing else was asked for
            self._mode = _IDLE

    def _tick(self) -> None:
        if self._mode == _IDLE:
            return
        self._alarm.set_alarm(self._pause)
        for _ in range(self._at_once):
            if self._mode == _CONTINUOUS and self._sampled is not None:
                self._sampled(self._value(), 0)
            elif self._mode == _BUFFERS:
                self._put(self._value())

    def _put(self, value: int) -> None:
        buffer = self._buffer.take()
        if buffer is None:
            return
        buffer[self._at << 1] = value
        buffer[(self._at << 1) + 1] = value >> 8
        self._at += 1
        if self._at < self._count:
            self._buffer.put(buffer)
            return
        count = self._count
        following = self._next.take()
        if following is not None:
            self._buffer.put(following)
            self._count = self._next_count
            self._at = 0
        else:
            self._mode = _IDLE
            self._alarm.disarm()
        if self._filled is not None:
            self._filled(buffer.give_back(), count, 0)
