"""apps/library/asyncio/stream.py on CPython: whatever tasks write, read and are cancelled, each byte comes once."""

import builtins
import importlib.util
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from app_library import bytes_of, natural
from hypothesis import given
from hypothesis import strategies as st

from adder.board import ROOT


class Cancelled(BaseException):
    pass


class Slow:
    """Takes a few bytes at a time, or none."""

    def __init__(self, takes: list[int]) -> None:
        self.takes, self.got = takes, b""

    def write(self, data: bytes) -> int | None:
        count = self.takes.pop(0) if self.takes else len(data)
        self.got += bytes(data)[:count]
        return min(count, len(data)) if count else None


@contextmanager
def stream_module() -> Iterator[ModuleType]:
    """The module, with an asyncio of which a test is the loop: a task that has yielded goes on when it says so."""

    def sleep_ms(milliseconds: int) -> Generator[None, None, None]:
        yield

    waiting: set[int] = set()

    def queue_write(stream: object) -> None:
        if id(stream) in waiting:
            raise RuntimeError("another task waits for this stream")
        waiting.add(id(stream))

    core: Any = ModuleType("ours.core")
    core.sleep_ms = sleep_ms
    core._io_queue = SimpleNamespace(queue_write=queue_write, queue_read=lambda stream: None)
    core.waiting = waiting
    core._interrupts = 0
    package: Any = ModuleType("ours")
    package.__path__, package.core = [], core
    place = ROOT / "apps" / "library" / "asyncio" / "stream.py"
    spec = importlib.util.spec_from_file_location("ours.stream", place)
    assert spec is not None
    assert spec.loader is not None
    loop: Any = ModuleType("_asyncio_loop")
    loop.take = None
    syscall: Any = ModuleType("syscall")
    syscall.bytes_of, syscall.natural = bytes_of, natural
    sys.modules |= {"ours": package, "ours.core": core, "_asyncio_loop": loop, "syscall": syscall}
    builtins.const = lambda value: value  # type: ignore[attr-defined]
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        for name in ("ours", "ours.core", "_asyncio_loop", "syscall"):
            del sys.modules[name]
        del builtins.const


class Loop:
    """Tasks that write to one stream."""

    def __init__(self, module: Any, takes: list[int]) -> None:
        self.core, self.slow = module.core, Slow(takes)
        self.stream = module.Stream(self.slow)
        self.wanted = b""
        self.tasks: list[Generator[None, None, None]] = []

    def start(self, size: int) -> None:
        """A task that writes, and drains."""
        data = bytes((len(self.wanted) + i) % 251 for i in range(size))
        self.stream.write(data)
        self.wanted += data
        self.tasks.append(self.stream.drain())

    def step(self, number: int, cancel: bool = False) -> None:
        """One of them goes on. Who waited for the stream waits no more."""
        if not self.tasks:
            return
        task = self.tasks[number % len(self.tasks)]
        self.core.waiting.clear() if getattr(task, "gi_yieldfrom", None) is None else None
        try:
            task.throw(Cancelled()) if cancel else next(task)
        except (StopIteration, Cancelled):
            self.tasks.remove(task)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 40)),
        st.tuples(st.just("go on"), st.integers(0, 3)),
        st.tuples(st.just("cancel"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(steps, st.lists(st.integers(0, 9), max_size=40))
def test_each_byte_goes_out_once_and_in_order(plan: list[tuple[str, int]], takes: list[int]) -> None:
    with stream_module() as module:
        loop = Loop(module, takes)
        for what, number in plan:
            loop.start(number) if what == "start" else loop.step(number, what == "cancel")
            assert loop.wanted.startswith(loop.slow.got)
        loop.start(1)
        for _ in range(300):
            for number in range(len(loop.tasks)):
                loop.step(number)
        assert loop.slow.got == loop.wanted
        assert not loop.tasks
        assert loop.stream.out_buf == b""


@pytest.mark.parametrize("cancel", [False, True])
def test_a_second_task_that_drains_is_through_when_all_bytes_are_out(cancel: bool) -> None:
    with stream_module() as module:
        loop = Loop(module, [4] * 10)
        loop.start(16)
        loop.start(16)
        for _ in range(2):
            for number in (0, 1):
                loop.step(number)
        if cancel:
            loop.step(0, cancel=True)
        while loop.tasks:
            loop.step(0)
            loop.step(1)
        assert loop.slow.got == loop.wanted


class Typed:
    """A stream of which a few bytes, or characters, come at a time."""

    def __init__(self, text: Any) -> None:
        self.text, self.there = text, 0

    def read(self, n: int) -> Any:
        count = self.there if n < 0 else min(n, self.there)
        self.there -= count
        data, self.text = self.text[:count], self.text[count:]
        return data or None

    def readline(self) -> Any:
        end = self.text.find("\n" if isinstance(self.text, str) else b"\n") + 1
        return self.read(end if 0 < end <= self.there else -1)

    def readinto(self, buffer: Any) -> int | None:
        data = self.read(len(memoryview(buffer).cast("B")))
        if data is None:
            return None
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)


def finished(call: Generator[None, None, Any]) -> Any:
    """What it gives when it is done."""
    while True:
        try:
            next(call)
        except StopIteration as over:
            return over.value


readings = st.lists(
    st.tuples(
        st.sampled_from(["read", "readexactly", "readline", "readinto"]),
        st.integers(1, 6),
        st.lists(st.one_of(st.integers(0, 5), st.just(-1)), min_size=1, max_size=6),
    ),
    max_size=30,
)
"""A reader, and what happens while it waits: so many more come, or, -1, it is cancelled."""


@given(readings, st.booleans())
def test_what_a_cancelled_reader_had_is_the_next_ones(plan: list[tuple[str, int, list[int]]], text: bool) -> None:
    whole = "".join(f"{number}\n" if number % 3 else f"{number}" for number in range(1, 400))
    with stream_module() as module:
        typed = Typed(whole if text else whole.encode())
        stream = module.Stream(typed)
        got = "" if text else b""
        for way, n, steps in plan:
            buffer = bytearray(n)
            if way == "readinto" and text:
                continue
            call = stream.readline() if way == "readline" else getattr(stream, way)(buffer if way == "readinto" else n)
            for step in steps:
                try:
                    call.throw(Cancelled()) if step < 0 else next(call)
                    typed.there += step
                except Cancelled:
                    break
                except StopIteration as over:
                    data = bytes(buffer[: over.value]) if way == "readinto" and over.value is not None else over.value
                    assert way != "readexactly" or len(data) == n
                    assert way != "readline" or (data[-1:] in ("\n", b"\n") and len(data.splitlines()) == 1)
                    got += data or got[:0]
                    break
            call.close()
            assert (whole if text else whole.encode()).startswith(got)
        typed.there = len(typed.text)
        while got != (whole if text else whole.encode()):
            got += finished(stream.read(len(whole)))


def test_what_was_typed_before_an_interrupt_is_dropped_and_what_comes_after_it_not() -> None:
    with stream_module() as module:
        stream = module.Stream(sys.stdin)
        parts: list[Any] = ["ab", None, "c\n", "de", None, "f\n"]
        module.take = lambda n, how: parts.pop(0)
        call = stream.readline()
        next(call), next(call), next(call)
        module.core._interrupts += 1  # one that waits goes on in the next loop
        assert finished(call) == "c\n"
        call = stream.readline()
        next(call), next(call), next(call)
        module.core._interrupts += 1
        with pytest.raises(Cancelled):
            call.throw(Cancelled())
        call = stream.readline()
        assert finished(call) == "f\n"
