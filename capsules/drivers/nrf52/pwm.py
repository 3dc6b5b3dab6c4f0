"""Pulse width modulation: nRF52840 Product Specification v1.7, "PWM", registers in its section "Registers".

The four channels share a counter, and so a frequency. Their duties are a sequence of one value each, which is played
once: the hardware goes on with the last values by itself, and reads nothing any more. Other duties are the next
sequence, which begins with a period; another frequency, or none at all, needs a stop.

Loops are not used, so anomaly 183 does not arise (SEQEND events that are false).
"""

from cells import Buffer
from kernel import ErrorCode, InterruptLine, Registers
from micropython import const

from capsules.hil.gpio import Pins

# PWM, "Registers"
_STOP = const(0x004)
_SEQSTART = const(0x008)  # TASKS_SEQSTART[0]
_STOPPED = const(0x104)
_SHORTS = const(0x200)
_INTENSET = const(0x304)
_ENABLE = const(0x500)
_MODE = const(0x504)
_COUNTERTOP = const(0x508)
_PRESCALER = const(0x50C)
_DECODER = const(0x510)
_LOOP = const(0x514)
_REFRESH = const(0x528)  # SEQ[0]
_ENDDELAY = const(0x52C)
_PSEL = const(0x560)

_INT_STOPPED = const(1 << 1)
_INT_SEQEND = const(1 << 4)
_INDIVIDUAL = const(2)  # DECODER.LOAD: a value for each channel
_FALLING = const(0x8000)  # of a value: high until the counter reaches the rest of it
_DISCONNECTED = const(0xFFFFFFFF)

_CHANNELS = const(4)
_CLOCK_HZ = const(16_000_000)
_TOP = const(0x7FFF)  # COUNTERTOP: 15 bits
_SLOWEST = const(4)  # Hz: 16 MHz / 128 / 32767, rounded up
_FASTEST = const(1_000_000)  # sixteen duties
_FULL_DUTY = const(10000)  # capsules/hil/pwm.py


class PwmPins:
    """A HIL Pwm. `numbers`: up to four pins, 32 for P1.00."""

    def __init__(self, registers: Registers, line: InterruptLine, pins: Pins, numbers: "tuple[int, ...]") -> None:
        self._registers = registers
        self._stop = registers.field(_STOP, 0, 32)
        self._play = registers.field(_SEQSTART, 0, 32)
        self._stopped = registers.field(_STOPPED, 0, 1)
        self._enable = registers.field(_ENABLE, 0, 32)
        self._values = Buffer(2 * _CHANNELS)
        self._pins = len(numbers)
        self._duties = [0 for _ in range(_CHANNELS)]
        self._runs = [False for _ in range(_CHANNELS)]
        self._frequency = 0  # that was asked for
        self._applied = 0  # that the hardware makes; 0: it makes no pulses
        self._top = 0
        self._loading = False  # the hardware has the values
        self._stopping = False
        self._changed = False  # there is something that the hardware has not got yet
        self._enable(0)
        for channel in range(_CHANNELS):
            if channel < self._pins:
                pin = pins.pin(numbers[channel])
                pin.clear()
                pin.make_output()
                registers.write(_PSEL + (channel << 2), numbers[channel])
            else:
                registers.write(_PSEL + (channel << 2), _DISCONNECTED)
        registers.write(_MODE, 0)
        registers.write(_DECODER, _INDIVIDUAL)
        registers.write(_LOOP, 0)
        registers.write(_REFRESH, 0)
        registers.write(_ENDDELAY, 0)
        registers.write(_SHORTS, 0)
        self._stopped(0)
        registers.write(_INTENSET, _INT_STOPPED | _INT_SEQEND)
        line.enable(self._interrupt)

    def pins(self) -> int:
        return self._pins

    def maximum_frequency(self) -> int:
        return _FASTEST

    def pulse(self, pin: int, frequency: int, duty: int) -> int:
        if not 0 <= pin < self._pins or not _SLOWEST <= frequency <= _FASTEST or not 0 <= duty <= _FULL_DUTY:
            return ErrorCode.INVAL
        if frequency != self._frequency:
            for other in range(self._pins):
                if self._runs[other] and other != pin:
                    return ErrorCode.RESERVE
        self._frequency = frequency
        self._duties[pin] = duty
        self._runs[pin] = True
        self._apply()
        return 0

    def stop(self, pin: int) -> int:
        if not 0 <= pin < self._pins:
            return ErrorCode.INVAL
        if self._runs[pin]:
            self._duties[pin] = 0
            self._runs[pin] = False
            self._apply()
        return 0

    def _is_wanted(self) -> bool:
        for runs in self._runs:
            if runs:
                return True
        return False

    def _apply(self) -> None:
        """Give the hardware what is wanted, now or when it has taken what it was given before."""
        self._changed = True
        if self._loading or self._stopping:
            return
        wanted = self._is_wanted()
        if self._applied and (not wanted or self._applied != self._frequency):
            self._stopping = True
            self._stop(1)
            return
        self._changed = False
        if not wanted:
            return
        if self._applied == 0:
            self._set_frequency()
        for channel in range(_CHANNELS):
            value = int(self._top) * int(self._duties[channel]) // _FULL_DUTY | _FALLING
            self._values[2 * int(channel)] = value
            self._values[2 * int(channel) + 1] = value >> 8
        self._loading = True
        self._registers.start_dma("sequence", self._values, 2 * _CHANNELS)
        self._play(1)

    def _set_frequency(self) -> None:
        """While there are no pulses."""
        self._applied = self._frequency
        cycles = (_CLOCK_HZ + (self._frequency >> 1)) // self._frequency
        prescaler = 0
        while cycles > _TOP:
            cycles = (cycles + 1) >> 1
            prescaler += 1
        self._top = cycles
        self._registers.write(_PRESCALER, prescaler)
        self._registers.write(_COUNTERTOP, cycles)
        self._enable(1)

    def _interrupt(self) -> None:
        if self._registers.end_dma("sequence") is not None:
            self._loading = False
        if self._stopped():
            self._stopped(0)
            if self._stopping:
                self._stopping = False
                self._applied = 0
                self._enable(0)  # the pins are low again
        if self._changed:
            self._apply()
