"""apps/library/adder on CPython: a fake module `syscall`, and what else MicroPython has and CPython has not."""

import asyncio
import builtins
import contextlib
import importlib.machinery
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from adder.board import ROOT


class SyscallError(OSError):
    """As MicroPython has it: the first argument is the error number."""

    @property
    def errno(self) -> int:
        return int(self.args[0])


LIBRARY = str(ROOT / "apps" / "library")


class Waits(BaseException):
    """The app waits for ever."""


class Kernel:
    """The kernel's side: a table of drivers, and upcalls that wait for a yield."""

    def __init__(self) -> None:
        self.handlers: dict[tuple[int, int], Callable[[int, int, int], None]] = {}
        self.waiting: list[tuple[int, int, tuple[int, ...]]] = []
        self.commands: list[tuple[int, ...]] = []
        self.answers: dict[tuple[int, int], Any] = {}
        self.buffers: dict[tuple[int, int], Any] = {}
        self.constants: dict[tuple[int, int], Any] = {}
        """Those that were allowed for reading alone, which are among the buffers, too."""
        self.idle: Callable[[int], bool] = self._nothing_comes
        self.now = 0
        """Milliseconds."""
        self.typed: list[str] = []
        """Characters that the console has, and nobody has read."""
        self.reading = 0

    def _nothing_comes(self, milliseconds: int) -> bool:
        """Called when the app sleeps and nothing waits: make time pass, and say whether a handler has run."""
        if milliseconds < 0:
            raise Waits
        return False

    def command(self, driver: int, number: int, *arguments: int) -> Any:
        self.commands.append((driver, number, *arguments))
        answer = self.answers.get((driver, number), SyscallError(11, "NODEVICE"))
        if callable(answer):
            wanted = answer.__code__.co_argcount - hasattr(answer, "__self__")
            answer = answer(*(*arguments, 0, 0)[:wanted])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ticks(self, *_: int) -> int:
        """What alarm.py takes from `time`, and the tests do not use."""
        return self.now

    def subscribe(self, driver: int, number: int, handler: Any) -> None:
        self.handlers[driver, number] = handler

    def allow(self, driver: int, number: int, buffer: Any) -> None:
        self.buffers[driver, number] = buffer

    def allow_ro(self, driver: int, number: int, buffer: Any) -> None:
        self.constants[driver, number] = buffer
        self.allow(driver, number, buffer)

    def upcall(self, driver: int, number: int, *arguments: int) -> None:
        self.waiting.append((driver, number, arguments))

    def deliver(self) -> bool:
        """Run the handler of one upcall that waits."""
        if not self.waiting:
            return False
        driver, number, arguments = self.waiting.pop(0)
        handler = self.handlers[driver, number]
        if not isinstance(handler, list):
            handler(*arguments)
        elif sum(isinstance(known, tuple) and known[0] == arguments[0] for known in handler) < 2:
            handler.append(arguments[:2])
        return True

    def yield_wait(self, milliseconds: int = -1) -> bool:
        return self.deliver() or self.idle(milliseconds)

    def yield_wait_within(self, milliseconds: int) -> bool:
        return self.yield_wait(milliseconds)

    def yield_no_wait(self) -> bool:
        return self.deliver()


class ThreadSafeFlag:
    """What our asyncio has and CPython's has not."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def set(self) -> None:
        self.event.set()

    async def wait(self, milliseconds: int | None = None) -> bool:
        """A millisecond is a turn of the loop here."""
        if milliseconds is None:
            await self.event.wait()
        for _ in range(milliseconds or 0):
            if not self.event.is_set():
                await asyncio.sleep(0)
        was = self.event.is_set()
        self.event.clear()
        return was


def streams_of(made: Kernel) -> type:
    """What asyncio's StreamReader is to the console: characters, to one reader at a time."""

    class StreamReader:
        def __init__(self, stream: Any) -> None:
            assert stream is sys.stdin
            self.line = ""  # a cancelled reader's is the next one's

        async def read(self, count: int) -> str:
            assert made.reading == 0, "another task waits for this stream"
            made.reading += 1
            try:
                while not made.typed:
                    await asyncio.sleep(0)
            finally:
                made.reading -= 1
            return "".join(made.typed.pop(0) for _ in range(min(count, len(made.typed))))

        async def readline(self) -> str:
            while not self.line.endswith("\n"):
                self.line += await self.read(1)
            line, self.line = self.line, ""
            return line

    return StreamReader


def sleep_of(made: Kernel) -> Callable[[int], Any]:
    """asyncio.sleep_ms by the model's clock."""

    async def sleep_ms(milliseconds: int) -> None:
        until = made.now + milliseconds
        while made.now < until:
            await asyncio.sleep(0)

    return sleep_ms


def take_bytes(data: bytearray) -> bytes:
    assert data[-1] == 0
    return bytes(data[:-1])


def natural(number: int, most: int = 0x3FFFFFFF) -> int:
    if not 0 <= number <= most:
        raise ValueError(f"a number from 0 on is wanted, and up to {most}")
    return number


def check(status: int) -> None:
    if status:
        raise SyscallError(status, "failed")


def bytes_of(data: Any) -> memoryview:
    if isinstance(data, str):
        raise TypeError
    return memoryview(data).cast("B")


class Compiled(importlib.machinery.SourceFileLoader):
    """Reads a module of the library once: each test has its own, of the same code."""

    codes: ClassVar[dict[str, types.CodeType | None]] = {}

    def get_code(self, fullname: str) -> types.CodeType | None:
        if fullname not in self.codes:
            self.codes[fullname] = super().get_code(fullname)
        return self.codes[fullname]


COMPILED = importlib.machinery.FileFinder.path_hook((Compiled, [".py"]))


@contextlib.contextmanager
def library() -> Iterator[Kernel]:
    """The library takes the place of the host tool's package, which is called like it."""
    made = Kernel()
    module = types.ModuleType("syscall")
    uctypes = types.ModuleType("uctypes")
    uctypes.addressof = lambda memory: 0x20000004  # type: ignore[attr-defined]
    names = "FAIL BUSY ALREADY OFF RESERVE INVAL SIZE CANCEL NOMEM NOSUPPORT NODEVICE UNINSTALLED NOACK"
    given: dict[str, Any] = {name: code for code, name in enumerate(names.split(), 1)}
    given |= {name: getattr(made, name) for name in ("command", "subscribe", "yield_wait", "yield_no_wait")}
    given["yield_wait_within"] = made.yield_wait_within
    given |= {"SyscallError": SyscallError, "allow_ro": made.allow_ro, "allow_rw": made.allow}
    given |= {"take_bytes": take_bytes, "bytes_of": bytes_of, "natural": natural, "check": check}
    for name, value in given.items():
        setattr(module, name, value)
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "adder"}
    before = sys.path[:]
    sys.modules["syscall"] = module
    sys.modules["uctypes"] = uctypes
    asyncio.ThreadSafeFlag = ThreadSafeFlag  # type: ignore[attr-defined]
    asyncio.sleep_ms = sleep_of(made)  # type: ignore[attr-defined]
    real_reader, asyncio.StreamReader = asyncio.StreamReader, streams_of(made)  # type: ignore[assignment, misc]
    for name in ("ticks_add", "ticks_diff", "ticks_ms", "ticks_us"):
        setattr(time, name, made.ticks)
    builtins.const = lambda value: value  # type: ignore[attr-defined]
    # Its folder also has our asyncio, which is MicroPython's: found only after CPython's own.
    sys.path.insert(0, LIBRARY)
    sys.path_importer_cache |= {folder: COMPILED(folder) for folder in (LIBRARY, f"{LIBRARY}/adder")}
    try:
        yield made
    finally:
        sys.path[:] = before
        for folder in (LIBRARY, f"{LIBRARY}/adder"):
            sys.path_importer_cache.pop(folder, None)
        for name in [name for name in sys.modules if name.split(".")[0] == "adder"]:
            del sys.modules[name]
        asyncio.StreamReader = real_reader  # type: ignore[misc]
        for name in ("ticks_add", "ticks_diff", "ticks_ms", "ticks_us"):
            delattr(time, name)
        del sys.modules["syscall"], sys.modules["uctypes"], asyncio.ThreadSafeFlag, asyncio.sleep_ms, builtins.const
        sys.modules.update(ours)
