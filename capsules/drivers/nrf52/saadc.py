"""Analog-to-digital converter: nRF52840 Product Specification v1.7, "SAADC", registers in its section "Registers".

One channel at a time, 12 bits, single-ended, against the internal reference of 0.6 V with a gain of 1/6: full scale
is 3.6 V. A frequency is made by the converter's own timer (SAMPLERATE: 16 MHz by 80 to 2047, so 7,817 Hz to 200 kHz),
for buffers only; or by an alarm, up to 1 kHz. There are none in between.

Between two buffers the timer's samples are lost until this driver has been called; an alarm's are not.

Offset calibration runs once, when this is made, and never while it samples (anomaly 252: wrong values). Anomaly 212,
events that stay away after scan mode, does not arise: this never scans. The converter is off between samples.
"""

from cells import Buffer, TakeCell
from kernel import Callback, ErrorCode, InterruptLine, Registers, call_client, callback
from micropython import const

from capsules.hil.adc import AdcClient
from capsules.hil.time import Alarm

# SAADC, "Registers"
_START = const(0x000)
_SAMPLE = const(0x004)
_STOP = const(0x008)
_CALIBRATEOFFSET = const(0x00C)
_STARTED = const(0x100)
_END = const(0x104)
_CALIBRATEDONE = const(0x110)
_STOPPED = const(0x114)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_ENABLE = const(0x500)
_PSELP = const(0x510)  # CH[0].PSELP
_CONFIG = const(0x518)  # CH[0].CONFIG
_RESOLUTION = const(0x5F0)
_SAMPLERATE = const(0x5F8)
_AMOUNT = const(0x634)

_INT_STARTED = const(1)
_INT_END = const(1 << 1)
_INT_CALIBRATEDONE = const(1 << 4)
_TACQ_10_US = const(2 << 16)  # CH[n].CONFIG; gain 1/6, internal reference and single-ended are 0
_RESOLUTION_12 = const(2)  # RESOLUTION.VAL
_BY_TIMER = const(1 << 12)  # SAMPLERATE.MODE
_TIMER_HZ = const(16_000_000)
_TIMER_LEAST = const(80)  # SAMPLERATE.CC
_TIMER_MOST = const(2047)

_BITS = const(12)
_LARGEST = const(4095)
_NEGATIVE = const(0x8000)
_MILLIVOLTS = const(3600)  # 0.6 V * 6
_MOST_BY_ALARM = const(1000)  # Hz
_LATE = const(0x7FFFFF)  # half of the alarm's 24 bits: what is further ahead has passed
_MASK = const(0xFFFFFF)
_LOOKS = const(200)  # at the stopping converter: more than the time of a conversion

_IDLE = const(0)
_SINGLE = const(1)
_CONTINUOUS = const(2)
_BUFFERS = const(3)


class Saadc:
    """A HIL Adc. `inputs`: for each channel its input as in CH[n].PSELP: 1 to 8 for AIN0 to AIN7, 9 for VDD."""

    def __init__(self, registers: Registers, line: InterruptLine, alarm: Alarm, inputs: "tuple[int, ...]") -> None:
        self._registers = registers
        self._alarm = alarm
        self._inputs = inputs
        self._start = registers.field(_START, 0, 32)
        self._sample = registers.field(_SAMPLE, 0, 32)
        self._stop = registers.field(_STOP, 0, 32)
        self._started = registers.field(_STARTED, 0, 1)
        self._ended = registers.field(_END, 0, 1)  # to read; end_dma() clears it
        self._calibrated = registers.field(_CALIBRATEDONE, 0, 1)
        self._stopped = registers.field(_STOPPED, 0, 1)
        self._enable = registers.field(_ENABLE, 0, 32)
        self._interrupts = registers.field(_INTENSET, 0, 32)
        self._no_interrupts = registers.field(_INTENCLR, 0, 32)
        self._amount = registers.field(_AMOUNT, 0, 16)
        self._sampled: "Callback | None" = None
        self._filled: "Callback | None" = None
        self._one = Buffer(2)  # the sample for a client without a buffer
        self._next: TakeCell[Buffer] = TakeCell()
        self._next_count = 0
        self._mode = _IDLE
        self._channel = 0
        self._count = 0  # samples of the buffer that is being filled
        self._by_timer = False
        self._begun = False  # the first buffer has been begun
        self._converting = False  # from START to END
        # The alarm's period is `_step` ticks and `_rest` / `_frequency` of one.
        self._frequency = 1
        self._step = 0
        self._rest = 0
        self._fraction = 0
        self._due = 0
        alarm.set_client(self._tick)
        self._started(0)
        self._calibrated(0)
        registers.write(_RESOLUTION, _RESOLUTION_12)
        registers.write(_CONFIG, _TACQ_10_US)
        self._no_interrupts(_INT_STARTED | _INT_END)
        self._interrupts(_INT_CALIBRATEDONE)
        line.enable(self._interrupt)
        self._calibrating = True
        self._enable(1)
        registers.write(_CALIBRATEOFFSET, 1)

    def set_client(self, client: AdcClient) -> None:
        self._sampled = callback(client.sampled)
        self._filled = callback(client.filled)

    def channels(self) -> int:
        return len(self._inputs)

    def resolution_bits(self) -> int:
        return _BITS

    def reference_millivolts(self) -> int:
        return _MILLIVOLTS

    # -- For the client --

    def sample(self, channel: int) -> int:
        if self._mode != _IDLE:
            return ErrorCode.BUSY
        if not 0 <= channel < len(self._inputs):
            return ErrorCode.INVAL
        self._by_timer = False
        self._begin(_SINGLE, channel)
        return 0

    def sample_continuous(self, channel: int, frequency: int) -> int:
        if self._mode != _IDLE:
            return ErrorCode.BUSY
        if not 0 <= channel < len(self._inputs) or not 1 <= frequency <= _MOST_BY_ALARM:
            return ErrorCode.INVAL
        self._plan(frequency)
        self._begin(_CONTINUOUS, channel)
        self._wait()
        return 0

    def sample_buffers(self, channel: int, frequency: int, buffer: Buffer, count: int) -> int:
        if self._mode != _IDLE:
            return ErrorCode.BUSY
        if not 0 <= channel < len(self._inputs) or frequency < 1:
            return ErrorCode.INVAL
        if not 1 <= count <= len(buffer) // 2:
            return ErrorCode.SIZE
        divider = _TIMER_HZ // frequency
        by_timer = _TIMER_LEAST <= divider <= _TIMER_MOST
        if not by_timer and frequency > _MOST_BY_ALARM:
            return ErrorCode.INVAL
        self._plan(frequency)
        self._by_timer = by_timer
        self._registers.write(_SAMPLERATE, _BY_TIMER | divider if by_timer else 0)
        self._next.put(buffer.move(self))
        self._next_count = count
        self._begin(_BUFFERS, channel)
        return 0

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
        mode = self._mode
        self._mode = _IDLE
        self._alarm.disarm()
        if mode == _IDLE or self._calibrating:
            self._give_back_next()
            return 0
        filling = self._converting
        self._halt()
        buffer = self._registers.end_dma("result")
        if filling and buffer is not None and mode == _BUFFERS:
            self._deliver(buffer, self._amount(), ErrorCode.CANCEL)
        self._give_back_next()
        return 0

    # -- Beginning and ending --

    def _plan(self, frequency: int) -> None:
        """Periods of the alarm."""
        hertz = self._alarm.frequency // 256
        self._by_timer = False
        self._frequency = frequency
        self._step = hertz // frequency
        self._rest = int(hertz) % frequency
        self._fraction = 0
        self._due = self._alarm.now()

    def _begin(self, mode: int, channel: int) -> None:
        self._mode = mode
        self._channel = channel
        self._begun = False
        if not self._by_timer:
            self._registers.write(_SAMPLERATE, 0)
        if not self._calibrating and mode != _CONTINUOUS:
            self._convert()

    def _convert(self) -> None:
        """Have the hardware fill a buffer: the client's, or the one for a single sample."""
        buffer = self._one
        self._count = 1
        if self._mode == _BUFFERS:
            following = self._next.take()
            if following is None:
                return
            buffer = following
            self._count = self._next_count
        self._registers.write(_PSELP, self._inputs[self._channel])
        self._enable(1)
        self._started(0)
        try:
            self._registers.start_dma("result", buffer, 2 * int(self._count))
        except ValueError:  # its first byte is at an odd address
            self._mode = _IDLE
            self._enable(0)
            call_client(self._filled, buffer.give_back(), 0, ErrorCode.INVAL)
            return
        self._converting = True
        self._interrupts(_INT_STARTED | _INT_END)
        self._start(1)

    def _halt(self) -> None:
        """Off. ENABLE ends what STOP has not."""
        self._converting = False
        self._no_interrupts(_INT_STARTED | _INT_END)
        self._stopped(0)
        self._stop(1)
        for _ in range(_LOOKS):
            if self._stopped():
                break
        self._enable(0)
        self._registers.write(_PSELP, 0)

    def _give_back_next(self) -> None:
        buffer = self._next.take()
        if buffer is not None:
            call_client(self._filled, buffer.give_back(), 0, ErrorCode.CANCEL)

    # -- For the hardware --

    def _interrupt(self) -> None:
        if self._calibrated():
            self._calibrated(0)
            self._calibrating = False
            self._halt()
            if self._mode == _SINGLE or self._mode == _BUFFERS:
                self._convert()
            return
        if self._started():
            self._started(0)
            if self._converting:
                self._is_started()
        if self._ended():
            buffer = self._registers.end_dma("result")
            if buffer is not None:
                self._is_filled(buffer)

    def _is_started(self) -> None:
        """The converter has taken pointer and length."""
        if self._mode != _BUFFERS:
            self._sample(1)
        elif not self._begun:
            self._begun = True
            if self._by_timer:
                self._sample(1)  # starts the timer
            else:
                self._due = self._alarm.now()
                self._wait()

    def _is_filled(self, buffer: Buffer) -> None:
        self._converting = False
        if self._mode == _BUFFERS:
            count = self._count
            if self._next.is_some():
                self._convert()
            else:
                self._mode = _IDLE
                self._alarm.disarm()
                self._halt()
            self._deliver(buffer, count, 0)
            return
        self._halt()
        if self._mode == _SINGLE:
            self._mode = _IDLE
        call_client(self._sampled, self._justify(buffer, 0), 0)

    def _deliver(self, buffer: Buffer, count: int, status: int) -> None:
        for at in range(count):
            value = self._justify(buffer, 2 * int(at))
            buffer[2 * int(at)] = value
            buffer[2 * int(at) + 1] = value >> 8
        call_client(self._filled, buffer.give_back(), count, status)

    def _justify(self, buffer: Buffer, at: int) -> int:
        """The sample there, left-justified; noise around 0 V may be negative, and counts as 0."""
        value = buffer[at] | buffer[at + 1] << 8
        if value >= _NEGATIVE:
            return 0
        return min(value, _LARGEST) << 4

    # -- The alarm --

    def _wait(self) -> None:
        """Until the next sample. Those whose time has passed are left out."""
        self._fraction += self._rest
        step = self._step
        if self._fraction >= self._frequency:
            self._fraction -= self._frequency
            step += 1
        self._due = (self._due + step) & _MASK
        left = (self._due - self._alarm.now()) & _MASK
        if left == 0 or left > _LATE:
            self._due = self._alarm.now()
            left = 1
        self._alarm.set_alarm(left)

    def _tick(self) -> None:
        if self._mode == _CONTINUOUS:
            self._wait()
            if not self._converting and not self._calibrating:
                self._convert()
        elif self._mode == _BUFFERS:
            self._wait()
            if self._converting:
                self._sample(1)
