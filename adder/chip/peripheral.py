"""What all peripherals of the nRF52840 have in common: tasks, events, interrupts, shortcuts (6.1)."""

from collections.abc import Callable
from typing import Protocol

from adder.chip.time import Time

_EVENTS = 0x100
_INTEN, _INTENSET, _INTENCLR = 0x300, 0x304, 0x308
_SHORTS = 0x200


class Peripheral:
    """One block of 4 KB. A subclass lists its tasks (methods, by offset), registers, events and shortcuts.

    An access to a register that it has not listed is a fault of the software, and noted in `Chip.complaints`.
    """

    def __init__(self, bus: "Bus", base: int, line: int | None) -> None:
        self.bus = bus
        self.time = bus.time
        self.base = base
        self.line = line
        self.tasks: dict[int, Callable[[], None]] = {}
        self.registers: dict[int, int] = {}
        self.readable: dict[int, Callable[[], int]] = {}
        self.writable: dict[int, Callable[[int], None]] = {}
        self.events: dict[int, int] = {}
        self.shortcuts: dict[int, tuple[int, int]] = {}  # bit of SHORTS: event's number, task's offset
        self.enabled = self.shorts = 0

    @property
    def name(self) -> str:
        return type(self).__name__

    def has_events(self, *numbers: int) -> None:
        """These are its events: number n has its register at 0x100 + 4 n and bit n in INTEN."""
        for number in numbers:
            self.events[number] = 0

    def event(self, number: int) -> None:
        """It happens."""
        self.events[number] = 1
        for bit, (source, task) in self.shortcuts.items():
            if source == number and self.shorts >> bit & 1:
                self.tasks[task]()
        self.bus.happened(self.base + _EVENTS + 4 * number)
        self.update()

    def update(self) -> None:
        """Tell the NVIC whether the interrupt is asserted."""
        if self.line is not None:
            self.bus.set_level(self.line, any(on and self.enabled >> n & 1 for n, on in self.events.items()))

    def read(self, offset: int) -> int:
        if offset in self.readable:
            return self.readable[offset]()
        if offset in self.registers:
            return self.registers[offset]
        if _EVENTS <= offset < _SHORTS and (offset - _EVENTS) // 4 in self.events:
            return self.events[(offset - _EVENTS) // 4]
        if offset == _SHORTS:
            return self.shorts
        if offset in (_INTEN, _INTENSET, _INTENCLR):
            return self.enabled
        if offset in self.tasks:
            return 0
        self.bus.complain(f"{self.name}: no register {offset:#x} to read")
        return 0

    def write(self, offset: int, value: int) -> None:
        if offset in self.tasks:
            if value & 1:
                self.tasks[offset]()
        elif offset in self.writable:
            self.writable[offset](value)
        elif offset in self.registers:
            self.registers[offset] = value
        elif _EVENTS <= offset < _SHORTS and (offset - _EVENTS) // 4 in self.events:
            self.events[(offset - _EVENTS) // 4] = value & 1
        elif offset == _SHORTS:
            self.shorts = value
        elif offset == _INTEN:
            self.enabled = value
        elif offset == _INTENSET:
            self.enabled |= value
        elif offset == _INTENCLR:
            self.enabled &= ~value
        else:
            self.bus.complain(f"{self.name}: no register {offset:#x} to write")
        self.update()


class Bus(Protocol):
    """What a peripheral sees of the rest: time, memory, the NVIC, and other peripherals through the PPI."""

    time: Time

    def set_level(self, line: int, level: bool) -> None:
        """Assert this line of the NVIC, or not."""

    def happened(self, event: int) -> None:
        """The event whose register is there has happened."""

    def stand_still(self, time: int) -> None:
        """The processor waits for so long, awake."""

    def complain(self, what: str) -> None:
        """The software does what the manual forbids."""

    def read_memory(self, address: int, length: int) -> bytes:
        """What DMA reads."""

    def write_memory(self, address: int, data: bytes) -> None:
        """What DMA writes."""
