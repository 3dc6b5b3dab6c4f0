"""Stand-in for the module `kernel`: firmware/objects/ and kernel/command_return.c, as far as
a capsule can tell.

What a capsule imports has the C side's names. What only tests use is on `Machine` and `Process`.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import config
from cells import Buffer
from words import integer, signed, truncated, unsigned

from adder.board import ROOT, read_manifest
from adder.build.manifest import protected_of

_STUB = (ROOT / "firmware" / "stubs" / "kernel.pyi").read_text()


class ErrorCode:
    FAIL, BUSY, ALREADY, OFF, RESERVE, INVAL, SIZE, CANCEL, NOMEM, NOSUPPORT, NODEVICE, UNINSTALLED, NOACK = range(
        1, 14
    )


# -- Results: one object for each kind; the next call overwrites the numbers -------------------


class CommandReturn:
    def __init__(self, count: int) -> None:
        self.count = count


SUCCESS = CommandReturn(0)
_SUCCESS_U32 = CommandReturn(1)
_SUCCESS_U32_U32 = CommandReturn(2)
_result_words = [0, 0]


def success_u32(value: int) -> CommandReturn:
    _result_words[0] = truncated(value)
    return _SUCCESS_U32


def success_u32_shifted(value: int, shift: int) -> CommandReturn:
    _result_words[0] = truncated(value) << (truncated(shift) & 31) & 0xFFFFFFFF
    return _SUCCESS_U32


def success_u32_u32(first: int, second: int) -> CommandReturn:
    _result_words[:] = truncated(first), truncated(second)
    return _SUCCESS_U32_U32


def success_u64(low: int, high: int) -> CommandReturn:
    _result_words[:] = truncated(low), truncated(high)
    return _SUCCESS_U32_U32


# -- MicroPython's hashlib ------------------------------------------------------------------------

_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
_ROUNDS = [int((p ** (1 / 3) % 1) * 2**32) for p in _PRIMES]


def sha256(buffer: Buffer, state: int, block: int) -> None:
    """FIPS 180-4, 6.2.2."""

    def turned(x: int, n: int) -> int:
        return x >> n | x << 32 - n & 0xFFFFFFFF

    if not (0 <= state <= len(buffer) - 32 and 0 <= block <= len(buffer) - 64):
        raise IndexError
    w = list(struct.unpack(">16I", buffer.get(block, 64)))
    for t in range(16, 64):
        s0 = turned(w[t - 15], 7) ^ turned(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = turned(w[t - 2], 17) ^ turned(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append(w[t - 16] + s0 + w[t - 7] + s1 & 0xFFFFFFFF)
    first = struct.unpack("<8I", buffer.get(state, 32))
    a, b, c, d, e, f, g, h = first
    for t in range(64):
        t1 = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & f ^ ~e & g) + _ROUNDS[t] + w[t]
        t2 = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = t1 + t2 & 0xFFFFFFFF, a, b, c, d + t1 & 0xFFFFFFFF, e, f, g
    after = [x + y & 0xFFFFFFFF for x, y in zip(first, (a, b, c, d, e, f, g, h), strict=True)]
    buffer.set(state, struct.pack("<8I", *after))


# -- The log ------------------------------------------------------------------------------------


class KernelLog:
    """The ring of kernel messages; there is one, and tests empty it."""

    def __init__(self) -> None:
        self.pending = bytearray()
        self.line: InterruptLine | None = None

    def put(self, text: str) -> None:
        self.pending += text.encode().replace(b"\n", b"\r\n")
        if self.line is not None:
            self.line.trigger()

    def take(self, buffer: Buffer) -> int:
        count = buffer.set(0, bytes(self.pending[: len(buffer)]))
        del self.pending[:count]
        return count

    def notify(self, line: "InterruptLine") -> None:
        self.line = line
        if self.pending:
            line.trigger()

    @property
    def text(self) -> str:
        """For tests: what nobody has taken yet."""
        return self.pending.decode().replace("\r\n", "\n")


the_log = KernelLog()


class Callback:
    """For annotations."""


def callback(method: Callable[..., None]) -> Callable[..., None]:
    return method


def call_client(function: "Callable[..., None] | None", *arguments: object) -> bool:
    if function is None:
        return False
    try:
        function(*arguments)
    except Exception as error:
        the_log.put(f"a callback failed: {error!r}\n")
        return False
    except BaseException as error:
        if not getattr(error, "of_client", False):  # cut_short.py
            raise
        return False
    return True


shared_code: set[object] = set()  # which no caller's time-out cuts short


def shared(method: Callable[..., Any], stack: int = 1280) -> Callable[..., Any]:
    shared_code.add(method.__code__)
    return method


_deferred: list[Callable[[], None]] = []


def deferred(method: Callable[[], None]) -> Callable[[], None]:
    return lambda: None if method in _deferred else _deferred.append(method)


def step_deferred() -> bool:
    """For tests: make one of the calls that were deferred; False if none was."""
    if _deferred:
        _deferred.pop(0)()
        return True
    return False


def run_deferred() -> None:
    """For tests: make the calls that were deferred."""
    while _deferred:
        _deferred.pop(0)()


def log(text: str) -> None:
    if not isinstance(text, str):
        raise TypeError("can't convert to str implicitly")
    the_log.put(text + "\n")


def log_number(text: str, value: int, places: int) -> None:
    number = truncated(value)
    if integer(places) > 0:
        the_log.put(f"{text}{signed(number):{min(places, 9)}d}")
    else:
        the_log.put(f"{text}0x{number:0{8 if places == 0 else 2}X}")


def log_u32(text: str, high: int, low: int) -> None:
    the_log.put(f"{text}{(truncated(high) << 16 | (truncated(low) & 0xFFFF)) & 0xFFFFFFFF:x}")


# -- Grants -------------------------------------------------------------------------------------


class Layout:
    def __init__(
        self,
        upcalls: int = 0,
        read_write: int = 0,
        read_only: int = 0,
        readable: int = 0,
        u32: int = 0,
        answers: int = 0,
        asks: bytes = b"",
    ) -> None:
        counts = (upcalls, read_write, read_only, readable)
        if not all(0 <= count <= 32 for count in counts) or not 0 <= u32 <= 64 or not 0 <= answers <= 7:
            raise ValueError("a layout has 0 to 32 of each kind, and up to 64 fields")
        if 2 * sum(counts) + u32 + 4 * answers > 255:
            raise ValueError("a layout has at most 255 words")
        self.answers, self.asks = answers, dict(zip(asks[::2], asks[1::2], strict=True))
        self.upcalls = upcalls
        self.buffers = {"read_write": read_write, "read_only": read_only, "readable": readable}
        self.u32 = u32


class UserBuffer:
    """A view that looks up, at each access, what the process allows."""

    def __init__(self, entry: "Entry", kind: str, number: int) -> None:
        self._entry, self._kind, self._number = entry, kind, number

    def allowed(self) -> bytearray | memoryview:
        if not self._entry.alive():
            return bytearray()
        return self._entry._process.allowed.get((self._entry._grant.number, self._kind, self._number), bytearray())

    def _clip(self, offset: int, length: int) -> tuple[int, int]:
        size = len(self.allowed())
        offset = truncated(offset)
        return offset, 0 if offset >= size else min(length, size - offset)

    def _check_writable(self) -> None:
        if self._kind == "read_only":
            raise TypeError("the process allowed only reading")

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        _, length = Buffer.range_of(buffer, start, truncated(length))
        offset, length = self._clip(offset, length)
        return buffer.set(start, bytes(self.allowed()[offset : offset + length]))

    def write(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        self._check_writable()
        data = Buffer.get(buffer, start, truncated(length))
        offset, length = self._clip(offset, len(data))
        self.allowed()[offset : offset + length] = data[:length]
        return length

    def write_u32(self, index: int, value: int) -> bool:
        self._check_writable()
        offset, length = self._clip(4 * integer(index), 4)
        if length < 4:
            return False
        self.allowed()[offset : offset + 4] = struct.pack("<I", truncated(value))
        return True

    def __len__(self) -> int:
        return len(self.allowed())

    def __bool__(self) -> bool:
        return len(self) != 0

    def __getitem__(self, index: int) -> int:
        offset, length = self._clip(index, 1)
        if length == 0:
            raise IndexError
        return self.allowed()[offset]

    def __setitem__(self, index: int, value: int) -> None:
        offset, length = self._clip(index, 1)
        if length == 0:
            raise IndexError
        self._check_writable()
        self.allowed()[offset] = truncated(value) & 0xFF


class Entry:
    """The record of one process, good for one of its lives."""

    def __init__(self, grant: "Grant", process: "Process") -> None:
        self._grant, self._process, self._id = grant, process, process.id
        self._fields = [0] * grant.layout.u32
        self._views: dict[tuple[str, int], UserBuffer] = {}

    def alive(self) -> bool:
        return self._process.alive and self._process.id == self._id

    def _check(self) -> None:
        if not self.alive():
            raise RuntimeError("the process of this grant has ended")

    def __getitem__(self, index: int) -> int:
        self._check()
        return self._fields[unsigned(index)]

    def __setitem__(self, index: int, value: int) -> None:
        self._check()
        self._fields[unsigned(index)] = truncated(value)

    def schedule_upcall(self, number: int, a0: int, a1: int, a2: int, shift: int = 0) -> bool:
        self._check()
        if unsigned(number) >= self._grant.layout.upcalls:
            raise ValueError("the layout has no such upcall")
        words = [truncated(a) << (shift & 31) & 0xFFFFFFFF for a in (a0, a1, a2)]
        if shift == 32:
            words[1:] = words[1] << 16 & 0xFFFFFFFF | words[2] & 0xFFFF, words[2] >> 16
        return self._process.queue(self._grant.layout, self._grant.number, number, *words)

    def _view(self, kind: str, number: int) -> UserBuffer:
        if unsigned(number) >= self._grant.layout.buffers[kind]:
            raise ValueError("the layout has no such buffer")
        return self._views.setdefault((kind, number), UserBuffer(self, kind, number))

    def read_write(self, number: int) -> UserBuffer:
        return self._view("read_write", number)

    def read_only(self, number: int) -> UserBuffer:
        return self._view("read_only", number)

    def readable(self, number: int) -> UserBuffer:
        return self._view("readable", number)


class ProcessId:
    def __init__(self, process: "Process") -> None:
        self._process, self.slot, self.number = process, process.slot, process.id
        self.write_id = process.write_id


class Grant:
    SLOTS = config.MAX_PROCESSES

    def __init__(self, machine: "Machine", number: int, layout: Layout) -> None:
        if not isinstance(layout, Layout):
            raise TypeError("a Layout is needed")
        self._machine, self.number, self.layout = machine, number, layout

    def enter(self, identity: ProcessId) -> Entry | None:
        if not isinstance(identity, ProcessId):
            raise TypeError("a ProcessId is needed")
        process = identity._process
        if process.id != identity.number or not process.alive:
            return None
        if self.number not in process.entries:
            if process.grants_left == 0:
                return None
            process.grants_left -= 1
            process.entries[self.number] = Entry(self, process)
        return process.entries[self.number]

    def entry(self, slot: int) -> Entry | None:
        process = self._machine.processes.get(unsigned(slot))
        return process.entries.get(self.number) if process is not None and process.alive else None

    def upcall(self, slot: int, number: int, a0: int, a1: int, a2: int, shift: int) -> bool:
        entry = self.entry(slot)
        return entry is not None and entry.schedule_upcall(number, a0, a1, a2, shift)


# -- Hardware -----------------------------------------------------------------------------------


class InterruptLine:
    """One line. Its handler runs in Machine.run(), never from within itself."""

    def __init__(self, level: Callable[[], bool] = lambda: False) -> None:
        self.level = level  # whether the hardware asks
        self.pending = False
        self.enabled = False
        self.handler: Callable[[], None] | None = None

    def enable(self, handler: Callable[[], None]) -> None:
        self.handler = handler
        self.enabled = True

    def enable_acknowledged(self, handler: Callable[[], None], field: "Field", value: int) -> None:
        if not isinstance(field, Field):
            raise TypeError("a Field is needed")

        def acknowledged() -> None:
            field(value)
            handler()

        field(value)
        self.enable(acknowledged)

    def disable(self) -> None:
        self.enabled = False
        self.pending = False

    def trigger(self) -> None:
        self.pending = True


class FlashRange:
    """A range of the flash: firmware/objects/flash_range.c. `pieces`: so many make a page erased."""

    def __init__(self, size: int, page: int, pieces: int = 1) -> None:
        self.data, self.page, self.pieces = bytearray(b"\xff" * size), page, pieces
        self.erased: list[tuple[int, int]] = []  # pages and their pieces, one after the other

    def _check(self, offset: int, length: int) -> int:
        if truncated(offset) > len(self.data) or length > len(self.data) - truncated(offset):
            raise IndexError
        return truncated(offset)

    def length(self) -> int:
        return len(self.data)

    def page_size(self) -> int:
        return self.page

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        _, length = Buffer.range_of(buffer, start, truncated(length))
        offset = self._check(offset, length)
        return buffer.set(start, bytes(self.data[offset : offset + length]))

    def write(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        data = Buffer.get(buffer, start, truncated(length))
        offset = self._check(offset, len(data))
        data = data[: 64 - offset % 4]
        for at, byte in enumerate(data):
            self.data[offset + at] &= byte
        return len(data)

    def erase(self, page: int, piece: int) -> bool:
        if unsigned(page) >= len(self.data) // self.page:
            raise IndexError
        # Each piece in its order; the last one once more is as good.
        last = self.erased[-1] if self.erased else (page, -1)
        assert (page, integer(piece)) in (last, (last[0], last[1] + 1), (page, 0)), "not the next piece"
        assert last[1] in (-1, self.pieces - 1) or last[0] == page, "two pages at a time"
        self.erased.append((page, piece))
        done = piece == self.pieces - 1
        self.data[page * self.page : (page + 1) * self.page] = (b"\xff" if done else b"\xa5") * self.page
        return done


class Registers:
    """A peripheral's block. Tests model hardware by `on_read` and `on_write`, by offset.

    `dma`: the channels, as the manifest has them; or pointer, length and end register of each.
    """

    def __init__(self, size: int = 0x1000, protected: tuple[int, ...] = (), dma: dict[str, Any] | None = None) -> None:
        self.dma: dict[str, dict[str, int]] = {}
        for name, it in (dma or {}).items():
            self.dma[name] = it if isinstance(it, dict) else dict(zip(("pointer", "length", "end"), it, strict=True))
        self.size, self.protected = size, tuple(protected_of({"protected": protected, "dma": self.dma}))
        self.transfers: dict[str, list[Buffer]] = {name: [] for name in self.dma}
        self.words: dict[int, int] = {}
        self.on_read: dict[int, Callable[[], int]] = {}
        self.on_write: dict[int, Callable[[int], None]] = {}

    @classmethod
    def of(cls, name: str) -> "Registers":
        """The window onto this peripheral of the nRF52840."""
        it = read_manifest("nrf52840")["peripherals"][name]
        return cls(it["size"], tuple(it.get("protected", ())), it.get("dma"))

    def check(self, offset: int) -> int:
        if unsigned(offset) % 4 or unsigned(offset) >= self.size:
            raise ValueError(f"the block has no register at 0x{offset:x}")
        return offset

    def read(self, offset: int) -> int:
        self.check(offset)
        return self.on_read[offset]() if offset in self.on_read else self.words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        if self.check(offset) in self.protected:
            raise ValueError(f"register 0x{offset:x} is protected")
        self._write(offset, value)

    def _write(self, offset: int, value: int) -> None:
        if offset in self.on_write:
            self.on_write[offset](truncated(value))
        else:
            self.words[offset] = truncated(value)

    def start_dma(self, channel: str, buffer: Buffer, length: int) -> None:
        if channel not in self.dma:
            raise ValueError(f"there is no DMA channel {channel}")
        if len(self.transfers[channel]) == 2:
            raise RuntimeError("two transfers are under way")
        it, length = self.dma[channel], truncated(length)
        address, unit = Buffer.lock(buffer, length), it.get("unit", 1)
        if length != it["size"] if "size" in it else (length | address) % unit:
            buffer.unlock()
            raise ValueError("the hardware cannot move such a length, or from there")
        self.transfers[channel].append(buffer)
        if len(self.transfers[channel]) == 1:
            self._write(it["end"], 0)
        self._write(it["pointer"], address)
        if "length" in it:
            self._write(it["length"], length // unit)
        if it.get("shared"):
            buffer.unlock()

    def end_dma(self, channel: str) -> Buffer | None:
        if channel not in self.dma:
            raise ValueError(f"there is no DMA channel {channel}")
        end, off = self.dma[channel]["end"], self.dma[channel].get("off")
        if not self.transfers[channel] or (self.read(end) == 0 and not (off is not None and self.read(off) == 0)):
            return None
        self._write(end, 0)
        buffer = self.transfers[channel].pop(0)
        if not self.transfers[channel]:
            it = self.dma[channel]
            self._write(it["length"] if "length" in it else it["pointer"], 0)
        if not self.dma[channel].get("shared"):
            buffer.unlock()
        return buffer

    def field(self, offset: int, shift: int, width: int, inverted: bool = False) -> "Field":
        if not 1 <= width <= 32 or not 0 <= shift <= 32 - width:
            raise ValueError("a field lies within 32 bits")
        return Field(self, self.check(offset), shift, width, inverted)


class Field:
    def __init__(self, registers: Registers, offset: int, shift: int, width: int, inverted: bool) -> None:
        self._registers, self._offset, self._shift = registers, offset, shift
        self._mask = (1 << width) - 1
        self._flip = self._mask if inverted else 0

    def __call__(self, *value: int) -> int | None:
        if not value:
            return (self._registers.read(self._offset) >> self._shift & self._mask) ^ self._flip
        (word,) = value
        bits = self._mask << self._shift
        others = 0 if bits == 0xFFFFFFFF else self._registers.read(self._offset) & ~bits
        self._registers.write(self._offset, others | (truncated(word) & self._mask) << self._shift)
        return None

    def __getattr__(self, name: str) -> "FieldOperation":
        if name not in ("read", "set", "clear", "toggle"):
            raise AttributeError(name)
        if name != "read" and self._offset in self._registers.protected:
            raise ValueError("the register is protected")
        return FieldOperation(self, name)


class FieldOperation:
    def __init__(self, field: Field, what: str) -> None:
        self._field, self._what = field, what

    def __call__(self) -> int | None:
        if self._what == "read":
            return self._field()
        registers, offset = self._field._registers, self._field._offset
        bits, word = self._field._mask << self._field._shift, self._field._registers.read(self._field._offset)
        registers.write(
            offset, word ^ bits if self._what == "toggle" else word | bits if self._what == "set" else word & ~bits
        )
        return None


# -- Processes ----------------------------------------------------------------------------------

RUNNING, YIELDED, YIELDED_FOR, FAULTED, TERMINATED = range(5)
STATE_NAMES = ("Running", "Yielded", "YieldedFor", "Faulted", "Terminated")


@dataclass
class Process:
    """A process as tests see it: it makes system calls, is killed, and collects its upcalls."""

    machine: "Machine"
    slot: int
    name: bytes
    id: int = 0
    state: int = RUNNING
    stopped: bool = False
    grants_left: int = 100
    write_id: int = 7
    facts: dict[str, int] = field(default_factory=dict)
    registers: list[int] | None = None
    allowed: dict[tuple[int, str, int], Any] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    upcalls: list[tuple[int, ...]] = field(default_factory=list)
    placed: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.state < FAULTED

    def command(self, driver: int, number: int, first: int = 0, second: int = 0) -> "tuple[int, ...] | int":
        """The numbers that came with success, or the error."""
        return self.machine.command(self, driver, number, first, second)

    def allow_read_only(self, driver: int, number: int, data: bytes) -> None:
        self.allowed[driver, "read_only", number] = memoryview(bytes(data))

    def allow_read_write(self, driver: int, number: int, size: int) -> bytearray:
        """Allow zeros; returns the memory, which stays the process's."""
        memory = bytearray(size)
        self.allowed[driver, "read_write", number] = memoryview(memory)
        return memory

    def queue(self, layout: Layout, *upcall: int) -> bool:
        if len(self.upcalls) < config.UPCALL_QUEUE_LENGTH:
            self.upcalls.append(upcall)
            return True
        if sum(waiting[0] == upcall[0] for waiting in self.placed) < layout.answers:
            self.placed.append(upcall)
            return True
        self.facts["dropped_upcalls"] = self.facts.get("dropped_upcalls", 0) + 1
        for at, waiting in enumerate(self.placed):
            if waiting[:2] == upcall[:2] and not layout.asks:
                self.placed[at] = upcall
                return True
        return False

    def must_collect(self, driver: int, layout: Layout, command: int) -> bool:
        """Whether the answer to an earlier command of this kind waits in a place, the queue being full."""
        return any(waiting[:2] == (driver, layout.asks.get(command)) for waiting in self.placed)

    def take_upcalls(self) -> list[tuple[int, ...]]:
        """The upcalls since the last time: (driver, number, a0, a1, a2)."""
        taken, self.upcalls, self.placed = self.upcalls + self.placed, [], []
        return taken

    def end(self, state: int = TERMINATED) -> None:
        """The process is no more; what it had in the kernel goes with it."""
        self.state = state
        self.allowed.clear()
        self.entries.clear()
        self.upcalls.clear()
        self.placed.clear()

    def fault(self) -> None:
        self.end(FAULTED)
        if self.machine.control.fault_line is not None:
            self.machine.control.fault_line.trigger()

    def restart(self) -> None:
        self.end()
        self.state, self.stopped, self.id = RUNNING, False, self.machine.new_id()
        self.facts["restarts"] = self.facts.get("restarts", 0) + 1


class ProcessControl:
    SLOTS = config.MAX_PROCESSES

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self.fault_line: InterruptLine | None = None
        self.panics: list[str] = []
        self.log_room = True

    def _of(self, slot: int) -> Process:
        if slot not in self._machine.processes:
            raise ValueError("no process in this slot")
        return self._machine.processes[slot]

    def exists(self, slot: int) -> bool:
        return slot in self._machine.processes

    _LISTED = _STUB.partition("_Fact = Literal[")[2].partition("]")[0]
    FACTS = frozenset(re.findall(r'"(\w+)"', _LISTED))

    def fact(self, slot: int, name: str) -> int:
        process = self._of(slot)
        if name not in self.FACTS:
            raise ValueError("no such fact")
        return process.id if name == "id" else process.facts.get(name, 0)

    def state(self, slot: int) -> int:
        return self._of(slot).state + (8 if self._of(slot).stopped else 0)

    def _state_name(self, slot: int) -> str:
        return STATE_NAMES[self._of(slot).state]

    def name(self, slot: int) -> bytes:
        return self._of(slot).name

    def write_name(self, slot: int, view: UserBuffer) -> int:
        if not isinstance(view, UserBuffer):
            raise TypeError("a UserBuffer is needed")
        name, memory = self._of(slot).name, view.allowed()
        count = min(len(name), len(memory))
        memory[:count] = name[:count]
        return len(name)

    def find(self, view: UserBuffer) -> int:
        if not isinstance(view, UserBuffer):
            raise TypeError("a UserBuffer is needed")
        for slot, process in sorted(self._machine.processes.items()):
            if process.alive and process.name == bytes(view.allowed()):
                return slot
        return -1

    def register(self, slot: int, n: int) -> int | None:
        registers = self._of(slot).registers
        if n in (17, 18) and registers is not None:
            return registers[16] >> (n - 17) * 16 & 0xFFFF
        return registers[n] if registers is not None else None if n < 4 or n in (12, *range(14, 19)) else 0

    def log(self, slot: int, text: str, what: str | int) -> None:
        if isinstance(what, int):
            value = self.register(slot, what)
            shown = "(lost)    " if value is None else f"0x{value:08X}"
        elif what == "name":
            shown = "".join(chr(c) if 32 <= c < 127 else "?" for c in self.name(slot))
        else:
            shown = self._state_name(slot) if what == "state" else f"0x{self.fact(slot, what):08X}"
        the_log.put(text + shown)

    def log_has_room(self) -> bool:
        return self.log_room

    def queue_length(self, slot: int) -> int:
        return len(self._of(slot).upcalls) + len(self._of(slot).placed)

    def completed(self, slot: int) -> bool:
        return "completion_code" in self._of(slot).facts

    def restart(self, slot: int) -> None:
        self._of(slot).restart()

    def stop(self, slot: int) -> None:
        self._of(slot).stopped = True

    def resume(self, slot: int) -> None:
        self._of(slot).stopped = False

    def terminate(self, slot: int) -> None:
        self._of(slot).end()

    def fault(self, slot: int) -> None:
        self._of(slot).fault()

    def panic(self, reason: str) -> None:
        self.panics.append(reason)

    def on_fault(self, line: InterruptLine) -> None:
        self.fault_line = line


class ProcessLoader:
    """Knows of each offset what program is there: a name, or an ErrorCode."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self.programs: dict[int, str | int] = {}
        self.offsets: dict[int, int] = {}
        self.loaded: list[tuple[str, int]] = []
        self.taken = False

    def load(self, offset: int) -> int:
        program = self.programs.get(offset, ErrorCode.INVAL)
        if isinstance(program, int):
            return -program
        if offset in self.offsets.values():
            return -ErrorCode.ALREADY
        slot = next((one for one in range(config.MAX_PROCESSES) if one not in self._machine.processes), None)
        if slot is None:
            return -ErrorCode.RESERVE
        self._machine.process(program, slot, facts={"flash_start": offset})
        self.offsets[slot] = offset
        return slot

    def find(self, offset: int) -> int:
        return next((slot for slot, at in self.offsets.items() if at == offset), -1)

    def unload(self, slot: int) -> None:
        if slot in self._machine.processes:
            self._machine.processes.pop(slot).end()
            self.offsets.pop(slot, None)

    def take_over(self) -> None:
        self.taken = True


class Machine:
    """The trusted core, as small as a capsule's test needs it."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.control = ProcessControl(self)
        self.loader = ProcessLoader(self)
        self.lines: list[InterruptLine] = []
        self._commands: dict[int, tuple[Callable[..., Any], bool]] = {}
        self._layouts: dict[int, Layout] = {}
        self._grants: set[int] = set()
        self._last_id = 0
        self.holds = False  # deferred calls wait for the test to make them

    # -- What boards do with `mint` --

    def grant(self, number: int, layout: Layout) -> Grant:
        if number in self._grants:
            raise ValueError(f"driver 0x{number:x} is already served")
        self._grants.add(number)
        return Grant(self, number, layout)

    def serve(self, grant: Grant, command: Callable[..., Any], words: bool = True) -> None:
        """`words`: mpy-cross.cfg compiles the method to machine words, so its numbers are signed."""
        self._commands[grant.number] = command, words
        self._layouts[grant.number] = grant.layout

    def line(self, level: Callable[[], bool] = lambda: False) -> InterruptLine:
        self.lines.append(InterruptLine(level))
        return self.lines[-1]

    # -- What happens at run time --

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def process(self, name: str = "app", slot: int | None = None, **more: Any) -> Process:
        slot = len(self.processes) if slot is None else slot
        self.processes[slot] = Process(self, slot, name.encode(), id=self.new_id(), **more)
        return self.processes[slot]

    def command(self, process: Process, driver: int, number: int, first: int, second: int) -> "tuple[int, ...] | int":
        if driver not in self._commands:
            return ErrorCode.NODEVICE
        function, words = self._commands[driver]
        if process.must_collect(driver, self._layouts[driver], number):
            return ErrorCode.BUSY
        arguments = [signed(a) if words else a & 0xFFFFFFFF for a in (number, first, second)]
        result = function(*arguments, ProcessId(process))
        words = list(_result_words)
        if not self.holds:
            run_deferred()
        if isinstance(result, CommandReturn):
            return tuple(words[: result.count])
        assert isinstance(result, int), "the command returned neither success nor an error"
        assert not isinstance(result, bool), "the command returned neither success nor an error"
        assert 1 <= result <= ErrorCode.NOACK, "the command returned neither success nor an error"
        return result

    def run(self) -> None:
        """Call the handlers of all interrupts, until none is pending."""
        for _ in range(10_000):
            line = next((one for one in self.lines if one.enabled and (one.pending or one.level())), None)
            if line is None:
                return
            line.pending = False
            assert line.handler is not None
            line.handler()
            run_deferred()
        raise AssertionError("an interrupt handler leaves its cause in place")
