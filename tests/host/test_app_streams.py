"""apps/library/asyncio/stream.py on CPython: whatever tasks write, drain and are cancelled, each byte goes out once."""

import builtins
import importlib.util
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
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
    core._io_queue = SimpleNamespace(queue_write=queue_write)
    core.waiting = waiting
    package: Any = ModuleType("ours")
    package.__path__, package.core = [], core
    place = ROOT / "apps" / "library" / "asyncio" / "stream.py"
    spec = importlib.util.spec_from_file_location("ours.stream", place)
    assert spec is not None
    assert spec.loader is not None
    loop: Any = ModuleType("_asyncio_loop")
    loop.take = None
    sys.modules |= {"ours": package, "ours.core": core, "_asyncio_loop": loop}
    builtins.const = lambda value: value  # type: ignore[attr-defined]
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules["ours"], sys.modules["ours.core"], sys.modules["_asyncio_loop"], builtins.const


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
