"""Pins for a board without: levels that the host sets and sees, in a block of memory (adder/run/simulated.py).

A register has one bit a pin.

    0x00 level      what the host drives the pins to; written by the host
    0x04 driven     which pins the host drives; written by the host
    0x08 output     what the pins put out
    0x0C direction  1: output
    0x10 listening  1: input
    0x14 up         1: pulled up
    0x18 down       1: pulled down
    0x1C wire       0, or 0x80 + a + 256 * b: pins a and b are connected; written by the host
"""

from typing import Any, Callable

from kernel import Callback, Registers, call_client, callback, shared
from micropython import const

from capsules.hil.gpio import EDGE_FALLING, EDGE_RISING, PULL_DOWN, PULL_UP
from capsules.hil.time import Alarm

_LEVEL = const(0x00)
_DRIVEN = const(0x04)
_OUTPUT = const(0x08)
_DIRECTION = const(0x0C)
_LISTENING = const(0x10)
_UP = const(0x14)
_DOWN = const(0x18)
_WIRE = const(0x1C)

_MOST = const(30)  # pins: larger numbers would need memory
_JUSTIFY = const(8)  # an alarm's frequency is that of its counter shifted left
_LOOKS = const(50)  # a second

# What a pin has its bank do.
_CONFIGURE = const(0)
_PUT_OUT = const(1)
_TOGGLE = const(2)
_WATCH = const(3)
_UNWATCH = const(4)
_SET_CLIENT = const(5)
_LEVELS = const(6)


class SimulatedPin:
    """A HIL Pin."""

    def __init__(self, bank: "SimulatedPins", index: int) -> None:
        self._do = bank.do
        self._index = index
        self._bit = 1 << index

    def make_output(self) -> None:
        self._do[_CONFIGURE](self._bit, 1, 0, 0)

    def make_input(self, pull: int) -> None:
        self._do[_CONFIGURE](self._bit, 0, 1, pull)

    def disable(self) -> None:
        self._do[_CONFIGURE](self._bit, 0, 0, 0)

    def read(self) -> int:
        return 1 if int(self._do[_LEVELS]()) & self._bit else 0

    def set(self) -> None:
        self._do[_PUT_OUT](self._bit, 0)

    def clear(self) -> None:
        self._do[_PUT_OUT](0, self._bit)

    def toggle(self) -> None:
        self._do[_TOGGLE](self._bit)

    def enable_interrupts(self, edge: int) -> None:
        self._do[_WATCH](self._bit, edge)

    def disable_interrupts(self) -> None:
        self._do[_UNWATCH](self._bit)

    def set_client(self, changed: "Callable[[], None]") -> None:
        self._do[_SET_CLIENT](self._index, changed)


class SimulatedPins:
    """All pins of the block. It looks for edges 50 times a second, while somebody waits for one."""

    def __init__(self, registers: Registers, alarm: Alarm) -> None:
        self.do: "tuple[Callable[..., Any], ...]" = (  # for its pins, each of which may be another capsule's
            shared(self._configure),
            shared(self._put_out),
            shared(self._toggle),
            shared(self._watch),
            shared(self._unwatch),
            shared(self._set_client),
            shared(self._levels),
        )
        self._level = registers.field(_LEVEL, 0, _MOST)
        self._driven = registers.field(_DRIVEN, 0, _MOST)
        self._output = registers.field(_OUTPUT, 0, 32)
        self._direction = registers.field(_DIRECTION, 0, 32)
        self._listening = registers.field(_LISTENING, 0, 32)
        self._up = registers.field(_UP, 0, 32)
        self._down = registers.field(_DOWN, 0, 32)
        self._wire = registers.field(_WIRE, 0, 16)
        self._is_out = 0
        self._is_in = 0
        self._is_up = 0
        self._is_down = 0
        self._puts_out = 0
        self._rising = 0
        self._falling = 0
        self._seen = 0  # the levels at the last look, of the pins that are watched
        self._changed: "list[Callback | None]" = []
        self._alarm = alarm
        self._pause = (alarm.frequency >> _JUSTIFY) // _LOOKS
        self._show()
        alarm.set_client(self._look)

    def new_pin(self) -> SimulatedPin:
        """Make the next pin."""
        self._changed.append(None)
        return SimulatedPin(self, len(self._changed) - 1)

    def _show(self) -> None:
        self._output(self._puts_out)
        self._direction(self._is_out)
        self._listening(self._is_in)
        self._up(self._is_up)
        self._down(self._is_down)

    def _configure(self, bit: int, out: int, listening: int, pull: int) -> None:
        """What one pin is from now on."""
        others = ~bit
        self._is_out = self._is_out & others | (bit if out else 0)
        self._is_in = self._is_in & others | (bit if listening else 0)
        self._is_up = self._is_up & others | (bit if pull == PULL_UP else 0)
        self._is_down = self._is_down & others | (bit if pull == PULL_DOWN else 0)
        self._show()

    def _put_out(self, high: int, low: int) -> None:
        """Set some outputs, clear others."""
        self._puts_out = self._puts_out & ~low | high
        self._output(self._puts_out)

    def _toggle(self, bits: int) -> None:
        """Change some outputs."""
        self._puts_out ^= bits
        self._output(self._puts_out)

    def _levels(self) -> int:
        """Of all pins."""
        driven = self._driven()
        heard = self._level() & driven | self._is_up & ~driven
        wire = self._wire()
        if wire:
            one = 1 << (wire & 31)
            other = 1 << (wire >> 8 & 31)
            if self._is_out & one:
                heard = heard & ~other | (other if self._puts_out & one else 0)
            if self._is_out & other:
                heard = heard & ~one | (one if self._puts_out & other else 0)
        return self._puts_out & self._is_out | heard & self._is_in

    def _set_client(self, index: int, changed: "Callable[[], None]") -> None:
        """Of the pin with this number."""
        self._changed[index] = callback(changed)

    def _watch(self, bit: int, edge: int) -> None:
        """Look out for edges of a pin."""
        watched = self._rising | self._falling
        if not watched:
            self._alarm.set_alarm(self._pause)
        if not watched & bit:
            self._seen = self._seen & ~bit | self._levels() & bit
        self._rising = self._rising & ~bit | (0 if edge == EDGE_FALLING else bit)
        self._falling = self._falling & ~bit | (0 if edge == EDGE_RISING else bit)

    def _unwatch(self, bit: int) -> None:
        """Look out no more."""
        self._rising &= ~bit
        self._falling &= ~bit
        if not self._rising | self._falling:
            self._alarm.disarm()

    def _look(self) -> None:
        if not self._rising | self._falling:
            return
        self._alarm.set_alarm(self._pause)
        levels = self._levels()
        changed = levels ^ self._seen
        edges = changed & levels & self._rising | changed & ~levels & self._falling
        self._seen = levels
        index = 0
        while edges:
            if edges & 1:
                call_client(self._changed[index])
            edges >>= 1
            index += 1


def simulated_pins(registers: Registers, alarm: Alarm, count: int) -> "tuple[SimulatedPin, ...]":
    """The pins of a block: at most 30, and only while the board is wired."""
    bank = SimulatedPins(registers, alarm)
    return tuple([bank.new_pin() for _ in range(count)])
