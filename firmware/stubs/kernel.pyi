"""The module `kernel` (firmware/core, firmware/kernel): what every capsule may import.

Only annotations use the types that nobody but the core can make, from CommandReturn to FlashRange; on the
device these names do not exist. What is written in C takes its arguments by position, `Layout` excepted.

ValueError: the call could never be right. RuntimeError: something is over (the process, the loan of a
buffer). IndexError: an index is out of range.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, Never, NoReturn, Self, TypeVar, final, overload

from cells import Buffer

# -- Results of a command -----------------------------------------------------------------------

@final
class ErrorCode:
    """Tock's error numbers. A command returns one; callbacks pass one, or 0, as `status`."""

    FAIL: Final = 1
    BUSY: Final = 2
    ALREADY: Final = 3
    OFF: Final = 4
    RESERVE: Final = 5
    INVAL: Final = 6
    SIZE: Final = 7
    CANCEL: Final = 8
    NOMEM: Final = 9
    NOSUPPORT: Final = 10
    NODEVICE: Final = 11
    UNINSTALLED: Final = 12
    NOACK: Final = 13

    def __new__(cls, these_are_constants: Never, /) -> Self: ...

@final
class CommandReturn:
    """What a command returns if it succeeds. It is good until the command returns."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...

SUCCESS: Final[CommandReturn]
"""Success without a number."""

def success_u32(value: int, /) -> CommandReturn:
    """Success with one number, of which the lower 32 bits count."""

def success_u32_shifted(value: int, shift: int, /) -> CommandReturn:
    """Success with `value << shift`, cut to 32 bits; `shift`: 0 to 31. Makes no integer that needs memory."""

def success_u32_u32(first: int, second: int, /) -> CommandReturn:
    """Success with two numbers, of which the lower 32 bits count."""

def success_u64(low: int, high: int, /) -> CommandReturn:
    """Success with one number of 64 bits."""

# -- MicroPython's hashlib ----------------------------------------------------------------------

def sha256(buffer: Buffer, state: int, block: int, /) -> None:
    """Work the 64 bytes at `block` in the buffer into the state of SHA-256 at `state`: eight words, lowest byte first.

    IndexError beyond the buffer.
    """

# -- Capsules among themselves ------------------------------------------------------------------

@final
class Callback:
    """What `callback` makes of a method."""

    def __new__(cls, only_callback_makes_one: Never, /) -> Self: ...
    def __call__(self, *arguments: object) -> None: ...

def callback(method: Callable[..., None], /) -> Callback:
    """What has just been handed in, to be called by `call_client`: its failures will be those of who calls here.

    That is who has called the shared code that calls this. TypeError unless the method is one that it has made itself:
    nobody hands in what is another's. It costs no memory, so a method kept since the board was wired, which then lies
    in flash, has to be handed in while that is done: TypeError later, unless it was.
    """

def call_client(callback: Callback | None, /, *arguments: object) -> bool:
    """Call what another capsule has handed in, with up to three arguments. False if it failed, or if there is none.

    An exception, or a time-out, is the failure of who has handed it in: it is reported, and the caller goes on. That
    capsule's time is its own. What is no callback is called, too, but a failure is one's own. RuntimeError, before
    anything has happened, if the stack has no room for a client.
    """

_Method = TypeVar("_Method", bound=Callable[..., Any])

def shared(method: _Method, stack: int = 1280, /) -> _Method:
    """What others call in place of this method, if their failing must not leave it half done.

    It raises RuntimeError before anything has changed if the caller's stack has too little room. It runs on the caller's
    time, but a time-out waits until it is over, and makes its objects on its own share of memory. It is short, makes
    no objects and calls no client. `stack`: bytes that it needs, with all that it calls; what other shared code calls
    needs less than that does. TypeError if the method is not one of an object that this capsule has made.
    """

def deferred(method: Callable[[], None], /) -> Callable[[], None]:
    """A function that has the method called soon, from the kernel's loop and not from there. Made in a recipe."""

# -- The kernel's log ---------------------------------------------------------------------------

def log(text: str, /) -> None:
    """A line on the console, behind the capsule's name. It is lost, and counted, when too much waits there already."""

def log_number(text: str, value: int, places: int, /) -> None:
    """`text` and a number of 32 bits, without a line end.

    In decimal, with blanks in front up to so many places; as 0x and eight hexadecimal digits if `places` is 0, two if it
    is below.
    """

def log_u32(text: str, high: int, low: int, /) -> None:
    """`text` and `high << 16 | low` in hexadecimal, without a line end. `low`: its lower 16 bits."""

# -- Grants -------------------------------------------------------------------------------------

@final
class Layout:
    """The shape of a grant: how many there are of each kind, 0 to 32, together at most 255 words. ValueError beyond.

    An upcall or a buffer takes two words, a field of the record one, an answer four.

    `answers`: upcalls that answer commands and may be under way at once, in one process; of each number, as many as the
    capsule accepts commands. Each has a place, so that none is lost when the process's queue is full. `asks`: pairs of a
    command and the upcall that answers it, a byte each; while an earlier answer of that number waits in such a place,
    the command is BUSY. Without any, a newer answer replaces the older one.
    """

    def __init__(
        self,
        upcalls: int = 0,
        read_write: int = 0,
        read_only: int = 0,
        readable: int = 0,
        u32: int = 0,
        answers: int = 0,
        asks: bytes = b"",
    ) -> None: ...

@final
class ProcessId:
    """A process, in one of its lives."""

    @property
    def slot(self) -> int:
        """Where it is in the process table: 0 to SLOTS - 1."""

    @property
    def number(self) -> int:
        """A number that no other life of a process has had."""

    @property
    def write_id(self) -> int:
        """Under which number its program stores, as its header says; 0 if it may not. Above 30 bits it needs memory."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...

@final
class UserBuffer:
    """What a process allows, at the moment of each access. Of length 0 if that is nothing or the process has ended.

    Writing raises TypeError if the process allowed only reading.
    """

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def __len__(self) -> int:
        """Bytes."""

    def __bool__(self) -> bool:
        """Whether there is at least one byte."""

    def __getitem__(self, index: int, /) -> int:
        """One byte, 0 to 255. IndexError beyond the end."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Set one byte to the lower 8 bits of `value`. IndexError beyond the end."""

    def read(self, offset: int, buffer: Buffer, start: int, length: int, /) -> int:
        """Copy at most `length` bytes from `offset` here to `start` in `buffer`; returns how many it were."""

    def write(self, offset: int, buffer: Buffer, start: int, length: int, /) -> int:
        """Copy at most `length` bytes from `start` in `buffer` to `offset` here; returns how many it were."""

    def write_u32(self, index: int, value: int, /) -> bool:
        """Write a little-endian word at byte 4 * `index`. False, and nothing is written, if it does not fit."""

@final
class Entry:
    """The record of one process, good for one of its lives.

    RuntimeError once that is over, but for `alive()` and for buffers, which are empty then.
    """

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def __getitem__(self, field: int, /) -> int:
        """A field, 0 at first: 0 to 2^32 - 1. IndexError beyond the layout's `u32`."""

    def __setitem__(self, field: int, value: int, /) -> None:
        """Set a field to the lower 32 bits of `value`. IndexError beyond the layout's `u32`."""

    def schedule_upcall(self, number: int, a0: int, a1: int, a2: int, shift: int = 0, /) -> bool:
        """Queue an upcall with the arguments shifted left by `shift` bits and cut to 32.

        False if the process's queue was full. ValueError if the layout has no such upcall.
        """

    def read_only(self, number: int, /) -> UserBuffer:
        """What the process allowed read-only. ValueError if the layout has no such buffer."""

    def read_write(self, number: int, /) -> UserBuffer:
        """What the process allowed read-write. ValueError if the layout has no such buffer."""

    def readable(self, number: int, /) -> UserBuffer:
        """What the process allowed userspace-readable. ValueError if the layout has no such buffer."""

    def alive(self) -> bool:
        """Whether the process still lives the life that the record is for."""

@final
class Grant:
    """The power to keep a record in every process, in that process's memory."""

    SLOTS: Final[int]
    """How many processes there can be."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def enter(self, process: ProcessId, /) -> Entry | None:
        """The record in that process, made on first use. None if it has ended or has no memory left."""

    def entry(self, slot: int, /) -> Entry | None:
        """The record in the process of that slot, or None if there is none yet."""

    def upcall(self, slot: int, number: int, a0: int, a1: int, a2: int, shift: int, /) -> bool:
        """In one call what `entry(slot).schedule_upcall(number, a0, a1, a2, shift)` does. False if there is no record, too."""

# -- Hardware -----------------------------------------------------------------------------------

@final
class Field:
    """Some bits of one register."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    @overload
    def __call__(self) -> int:
        """Read it; up to 30 bits make no object."""

    @overload
    def __call__(self, value: int, /) -> None:
        """Write it; the register's other bits stay. ValueError if the register is protected.

        A field of 32 bits is written without reading the register.
        """

    # Each access makes a function: take it once, when the driver is wired. ValueError if one would write and the
    # register is protected.
    @property
    def read(self) -> Callable[[], int]:
        """A function that reads the field and cannot write it: for other capsules."""

    @property
    def set(self) -> Callable[[], None]:
        """A function that sets all bits of the field."""

    @property
    def clear(self) -> Callable[[], None]:
        """A function that clears all bits of the field."""

    @property
    def toggle(self) -> Callable[[], None]:
        """A function that inverts all bits of the field."""

@final
class Registers:
    """The window onto one peripheral. Offsets are in bytes and multiples of 4; ValueError outside its block."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def read(self, offset: int, /) -> int:
        """A register, 0 to 2^32 - 1. Above 30 bits it is an object that needs memory."""

    def write(self, offset: int, value: int, /) -> None:
        """Write the lower 32 bits of `value`. ValueError if the register is protected."""

    def field(self, offset: int, shift: int, width: int, inverted: bool = False, /) -> Field:
        """The `width` bits from bit `shift` on. An inverted one reads upside down: for counters that count down.

        ValueError if they do not lie within 32 bits.
        """

    def start_dma(self, channel: str, buffer: Buffer, length: int, /) -> None:
        """The next transfer of a DMA channel of the manifest is about the first `length` bytes of the buffer.

        The driver then triggers it. The buffer is locked until end_dma() returns it. ValueError if there is no such
        channel, if `length` or the buffer's beginning is no multiple of the hardware's unit, or if the hardware always
        moves another length. IndexError if the buffer is shorter or `length` is 0, RuntimeError if two transfers are
        under way.
        """

    def end_dma(self, channel: str, /) -> Buffer | None:
        """The buffer whose transfer is over, unlocked. None while the hardware says that none is.

        For some peripherals, switching them off ends all transfers: the manifest's `off`.
        """

@final
class InterruptLine:
    """One interrupt. Its handler runs from the kernel's loop, never from within itself.

    A line whose handler raises eight times in a row is turned off.
    """

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def enable(self, handler: Callable[[], None], /) -> None:
        """Call `handler()` after each interrupt."""

    def enable_acknowledged(self, handler: Callable[[], None], field: Field, value: int, /) -> None:
        """As enable(); and `field(value)` is done now and before each call, which is what acknowledges the interrupt."""

    def disable(self) -> None:
        """No more calls; a pending one is forgotten."""

    def trigger(self) -> None:
        """Call the handler soon, and not from here."""

@final
class FlashRange:
    """The power over one range of the flash. Offsets and lengths are in bytes, from the start of the range."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def length(self) -> int:
        """Bytes of the range."""

    def page_size(self) -> int:
        """Bytes that are erased at once."""

    def read(self, offset: int, buffer: Buffer, start: int, length: int, /) -> int:
        """Copy at most `length` bytes from `offset` here to `start` in `buffer`; returns how many it were."""

    def write(self, offset: int, buffer: Buffer, start: int, length: int, /) -> int:
        """Write at most `length` bytes from `start` in `buffer` to `offset` here; returns how many it were, 64 at most."""

    def erase(self, page: int, piece: int, /) -> bool:
        """A piece, 0, 1, 2 …, of erasing a page; each takes at most some milliseconds. `page` counts pages, from 0.

        True after the last piece: all bytes are 0xFF. Before that the page's bytes can be anything.
        """

# -- The kernel itself --------------------------------------------------------------------------

@final
class KernelLog:
    """The power to read the kernel's messages."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def take(self, buffer: Buffer, /) -> int:
        """Move the oldest text into the buffer; returns its bytes, 0 if there is none."""

    def notify(self, line: InterruptLine, /) -> None:
        """Raise the line on new text. TypeError if it is not a software line."""

_Fact = Literal[
    "id",
    "ram_start",
    "ram_end",
    "app_break",
    "grant_start",
    "stack_top",
    "heap_start",
    "syscalls",
    "timeslice_expirations",
    "restarts",
    "dropped_upcalls",
    "completion_code",
    "fault_status",
    "fault_address",
    "hard_fault_status",
    "psp",
    "flash_start",
    "flash_end",
    "app_start",
    "short_id",
    "kernel_version",
]

@final
class ProcessControl:
    """The power over processes. A `slot` without a process is a ValueError, but for exists()."""

    SLOTS: Final[int]
    """How many processes there can be."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def exists(self, slot: int, /) -> bool:
        """Whether there is a process in the slot, be it alive or ended."""

    def fact(self, slot: int, name: _Fact, /) -> int:
        """One number, 0 to 2^32 - 1: an address, a counter, a fault register. ValueError if there is no such fact."""

    def state(self, slot: int, /) -> int:
        """0 running, 1 yielded, 2 yielded for one upcall, 3 faulted, 4 terminated; + 8 if it is stopped."""

    def name(self, slot: int, /) -> bytes:
        """The program's name."""

    def write_name(self, slot: int, view: UserBuffer, /) -> int:
        """Put the program's name into a process's buffer, as much as fits; returns its length in bytes."""

    def find(self, view: UserBuffer, /) -> int:
        """The slot of the live process whose name is in the buffer; -1 if there is none."""

    def register(self, slot: int, number: int, /) -> int | None:
        """R0 to R12, 13 SP, 14 LR, 15 PC, 16 xPSR of a process at rest; 17 the lower, 18 the upper half of that.

        None if it is lost.
        """

    def log(self, slot: int, text: str, what: str | int, /) -> None:
        """To the kernel's log, without a line end: `text`, and what of the process.

        A fact or the register of this number as 0x and eight digits, or "name" or "state" as a text. It makes no objects.
        """

    def log_has_room(self) -> bool:
        """Whether the kernel's log has room for a few lines more."""

    def queue_length(self, slot: int, /) -> int:
        """How many upcalls wait for the process."""

    def completed(self, slot: int, /) -> bool:
        """Whether the program has exited with a completion code."""

    def restart(self, slot: int, /) -> None:
        """End the process and begin it anew."""

    def stop(self, slot: int, /) -> None:
        """Do not let it run until resume()."""

    def resume(self, slot: int, /) -> None:
        """Let a stopped process run again."""

    def terminate(self, slot: int, /) -> None:
        """End the process, with completion code 0."""

    def fault(self, slot: int, /) -> None:
        """End the process as a fault of its own would."""

    def panic(self, reason: str, /) -> NoReturn:
        """Print the reason and stop the whole kernel."""

    def on_fault(self, line: InterruptLine, /) -> None:
        """Raise the line when a process has faulted or ended. TypeError if it is not a software line."""

@final
class ProcessLoader:
    """The power to begin processes and to remove them."""

    def __new__(cls, only_the_core_makes_one: Never, /) -> Self: ...
    def load(self, offset: int, /) -> int:
        """Begin the program whose header is at this offset in the flash of apps, be it enabled or not: its slot.

        Or an ErrorCode, negative: INVAL no good program, ALREADY it is loaded, RESERVE no slot is free, NOMEM no RAM, SIZE
        the MPU cannot cover it there. The kernel's log says more.
        """

    def find(self, offset: int, /) -> int:
        """The slot of the process whose program is at this offset in the flash of apps; -1 if there is none."""

    def unload(self, slot: int, /) -> None:
        """End the process and free its slot, RAM and flash; nobody inherits anything. Nothing if there is none."""

    def take_over(self) -> None:
        """At boot: all that is to be loaded is loaded, and the kernel does not walk the list of apps."""
