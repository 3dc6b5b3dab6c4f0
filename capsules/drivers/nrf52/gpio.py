"""Pins and their interrupts: nRF52840 Product Specification v1.7, 6.9 "GPIO" and 6.10 "GPIOTE".

The registers of the two ports interleave: P0 begins at 0x50000000 and P1 at 0x50000300, the first register of each is
0x504 further on. So a port's window begins there, and offsets here are less by as much.
"""

from typing import Any, Callable

from kernel import InterruptLine, Registers, call_client, callback, shared
from micropython import const

from capsules.hil.gpio import Pin

# capsules/hil/gpio.py
_HIL_PULL_UP = const(1)
_HIL_PULL_DOWN = const(2)
_EDGE_EITHER = const(0)
_EDGE_RISING = const(1)
_EDGE_FALLING = const(2)

# 6.9 "GPIO", registers
_OUT = const(0x504 - 0x504)
_IN = const(0x510 - 0x504)
_LATCH = const(0x520 - 0x504)
_DETECTMODE = const(0x524 - 0x504)
_PIN_CNF = const(0x700 - 0x504)

# GPIO, "PIN_CNF[n]"; an output is connected to its input buffer, too, so that its level can be read
_CNF_OUTPUT = const(1)
_CNF_INPUT = const(0)
_CNF_DISCONNECTED = const(2)
_CNF_PULL_DOWN = const(1 << 2)
_CNF_PULL_UP = const(3 << 2)
_CNF_S0D1 = const(6 << 8)  # DRIVE: 0 is driven, 1 is left to the pull-up
_CNF_MODE = const(0xFFFF)
_CNF_BITS = const(18)
_SENSE_SHIFT = const(16)
_SENSE_OFF = const(0)
_SENSE_HIGH = const(2)
_SENSE_LOW = const(3)
_LATCHED_DETECT = const(1)  # GPIO, "DETECTMODE"

# 6.10 "GPIOTE", registers
_EVENTS_IN = const(0x100)
_EVENTS_PORT = const(0x17C)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_CONFIG = const(0x510)

_ALL = const(0xFFFFFFFF)
_CHANNELS = const(8)
_INT_PORT_BIT = const(31)
_MODE_EVENT = const(1)
_PIN_SHIFT = const(8)  # five bits of pin, one of port
_POLARITY_SHIFT = const(16)
_LOW_TO_HIGH = const(1)
_HIGH_TO_LOW = const(2)
_TOGGLE = const(3)

_PIN_MASK = const(31)  # 32 pins in a port

_STACK = const(640)  # what other shared code calls needs less than that
_UNWATCHED = const(-2)  # a pin's channel; -1: it shares the port event


class Gpiote:
    """Hands out the eight channels, each of which sees the edges of a pin; further pins share the port event.

    A channel sees each edge of its kind. The port event comes of levels (6.10), so a pulse that is over before the
    handler runs is one call, whatever edge was asked for.
    """

    def __init__(self, registers: Registers, line: InterruptLine, port0: Registers, port1: Registers) -> None:
        # For pins, each of which may be another capsule's. A board has many, so they share what they can.
        self.shared = (
            shared(self._watch, _STACK),
            shared(self._unwatch, _STACK),
            shared(self._clear_latch, _STACK),
            shared(self._is_latched, _STACK),
        )
        self._clear = (port0.field(_LATCH, 0, 32), port1.field(_LATCH, 0, 32))  # ones clear
        self._latched = (  # by halves of a port: numbers that need no memory
            port0.field(_LATCH, 0, 16), port0.field(_LATCH, 16, 16), port1.field(_LATCH, 0, 16)
        )  # fmt: skip
        self._registers = registers
        self._channels: "list[GpioPin | None]" = [None for _ in range(_CHANNELS)]
        self._sharing: "list[GpioPin]" = []
        self._port = registers.field(_EVENTS_PORT, 0, 1)
        port0.write(_DETECTMODE, _LATCHED_DETECT)
        port1.write(_DETECTMODE, _LATCHED_DETECT)
        self._port(0)
        registers.write(_INTENCLR, _ALL)  # what a bootloader has left
        registers.field(_INTENSET, _INT_PORT_BIT, 1)(1)
        line.enable(self._interrupt)

    def _watch(self, pin: "GpioPin", number: int, edge: int) -> int:
        """Watch a pin; returns its channel, or -1 if it has the port event."""
        for channel in range(_CHANNELS):
            if self._channels[channel] is None:
                self._channels[channel] = pin
                polarity = _LOW_TO_HIGH if edge == _EDGE_RISING else _HIGH_TO_LOW if edge == _EDGE_FALLING else _TOGGLE
                # 6.10: the event may come of the configuration itself, so it is cleared before the interrupt is on.
                self._registers.write(
                    _CONFIG + (channel << 2), _MODE_EVENT | number << _PIN_SHIFT | polarity << _POLARITY_SHIFT
                )
                self._registers.write(_EVENTS_IN + (channel << 2), 0)
                self._registers.write(_INTENSET, 1 << channel)
                return channel
        self._sharing.append(pin)
        return -1

    def _unwatch(self, pin: "GpioPin", channel: int) -> None:
        """Stop watching it."""
        if channel >= 0:
            self._registers.write(_INTENCLR, 1 << channel)
            self._registers.write(_CONFIG + (channel << 2), 0)
            self._registers.write(_EVENTS_IN + (channel << 2), 0)
            self._channels[channel] = None
            return
        for index in range(len(self._sharing)):
            if self._sharing[index] is pin:
                self._sharing.pop(index)
                return

    def _clear_latch(self, number: int) -> None:
        self._clear[1 if number > _PIN_MASK else 0](1 << (number & _PIN_MASK))

    def _is_latched(self, number: int) -> int:
        return self._latched[number >> 4]() >> (number & 15) & 1

    def _interrupt(self) -> None:
        for channel in range(_CHANNELS):
            if self._registers.read(_EVENTS_IN + (channel << 2)):
                self._registers.write(_EVENTS_IN + (channel << 2), 0)
                pin = self._channels[channel]
                if pin is not None:
                    pin.tell()
        if self._port():
            self._port(0)  # before the levels are looked at: what comes now sets it again
            index = len(self._sharing)
            while index > 0:  # a client may close its pin
                index -= 1
                if index < len(self._sharing):
                    self._sharing[index].look()


# What changes of a pin. A list takes half the RAM of attributes, for those that never change lie in flash then.
_CNF = const(0)  # its configuration
_CHANGED = const(1)  # the client's callback, or None
_CHANNEL = const(2)  # GPIOTE's that watches it
_EDGE = const(3)
_LEVEL = const(4)  # when it was last looked at


class GpioPin:
    """A HIL Pin."""

    def __init__(self, port: Registers, number: int, gpiote: Gpiote) -> None:
        bit = number & _PIN_MASK
        out = port.field(_OUT, bit, 1)
        self.set = out.set
        self.clear = out.clear
        self.toggle = out.toggle
        self.read = port.field(_IN, bit, 1).read
        self._configuration = port.field(_PIN_CNF + (bit << 2), 0, _CNF_BITS)
        self._gpiote = gpiote.shared
        self._number = number
        self._state: "list[Any]" = [_CNF_DISCONNECTED, None, _UNWATCHED, 0, 0]

    def _configure(self, bits: int) -> None:
        self._state[_CNF] = bits
        self._configuration(bits)

    def _sense(self, level: int) -> None:
        self._configure(self._state[_CNF] & _CNF_MODE | level << _SENSE_SHIFT)

    def _use(self, mode: int) -> None:
        self._configure(self._state[_CNF] & ~_CNF_MODE | mode)

    def make_output(self) -> None:
        self._use(_CNF_OUTPUT)

    def make_input(self, pull: int) -> None:
        self._use(
            _CNF_INPUT | (_CNF_PULL_UP if pull == _HIL_PULL_UP else _CNF_PULL_DOWN if pull == _HIL_PULL_DOWN else 0)
        )

    def make_open_drain(self, driving: bool) -> None:
        """For a line that several pull low: pulled up; `driving`: clear() pulls it low, set() lets go."""
        self._use(_CNF_S0D1 | _CNF_PULL_UP | (_CNF_OUTPUT if driving else _CNF_INPUT))

    def disable(self) -> None:
        self.disable_interrupts()
        self._use(_CNF_DISCONNECTED)

    def set_client(self, changed: "Callable[[], None]") -> None:
        self._state[_CHANGED] = callback(changed)

    def enable_interrupts(self, edge: int) -> None:
        self.disable_interrupts()
        self._state[_EDGE] = edge
        self._state[_LEVEL] = self.read()
        watch, _, clear_latch, _ = self._gpiote
        self._state[_CHANNEL] = watch(self, self._number, edge)
        if self._state[_CHANNEL] < 0:
            self._sense(_SENSE_LOW if self._state[_LEVEL] else _SENSE_HIGH)
            clear_latch(self._number)  # anomaly 210: setting SENSE may have set it

    def disable_interrupts(self) -> None:
        channel = self._state[_CHANNEL]
        if channel != _UNWATCHED:
            self._state[_CHANNEL] = _UNWATCHED
            self._sense(_SENSE_OFF)
            self._gpiote[1](self, channel)

    def tell(self) -> None:
        """From the channel: an edge."""
        call_client(self._state[_CHANGED])

    def look(self) -> None:
        """From the port event: some pin has had the level that it was waiting for."""
        _, _, clear_latch, is_latched = self._gpiote
        if not is_latched(self._number):
            return
        level = self.read()
        moved = level != self._state[_LEVEL]
        if moved:
            self._state[_LEVEL] = level
            self._sense(_SENSE_LOW if level else _SENSE_HIGH)
        clear_latch(self._number)  # if the level has changed again, that sets the latch and the event again (6.9)
        if not moved or self._state[_EDGE] == _EDGE_EITHER or self._state[_EDGE] == (_EDGE_RISING if level else _EDGE_FALLING):
            call_client(self._state[_CHANGED])  # not moved: there and back again


class Pins:
    """A HIL Pins: P0.00 is 0, P1.00 is 32."""

    def __init__(self, port0: Registers, port1: Registers, gpiote: Registers, line: InterruptLine) -> None:
        self._port0 = port0
        self._port1 = port1
        self._gpiote = Gpiote(gpiote, line, port0, port1)

    def pin(self, number: int) -> GpioPin:
        return GpioPin(self._port1 if number > _PIN_MASK else self._port0, number, self._gpiote)


class PinLed:
    """A HIL Led on a pin that lights it when it is 1, or, if `active_low`, when it is 0."""

    def __init__(self, pin: Pin, active_low: bool) -> None:
        self.on = pin.clear if active_low else pin.set
        self.off = pin.set if active_low else pin.clear
        self.toggle = pin.toggle
        self._read = pin.read
        self._dark = 1 if active_low else 0
        self.off()
        pin.make_output()

    def is_on(self) -> int:
        return self._read() ^ self._dark
