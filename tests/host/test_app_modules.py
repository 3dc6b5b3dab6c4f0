"""Every module of the library that asks a driver: its questions alone, at once, given up, refused, failed.

The questions are compared with the library's source, so a module that is added is asked here, too.
"""

import ast
import asyncio
import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from app_library import LIBRARY, Kernel, SyscallError, library
from app_questions import QUESTIONS, Question

from adder.board import ROOT

BUSY = 2
WAITING = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


class World:
    """One driver that answers when it is told to, each question with a number of its own."""

    def __init__(self, kernel: Kernel, question: Question) -> None:
        self.kernel = kernel
        self.question = question
        self.module: Any = importlib.import_module(f"adder.{question.module}")
        self.asked = 0
        self.pending: list[dict[int, Any]] = []
        self.refusing = False
        self.bad: tuple[int, int, int] | None = None
        self.run = asyncio.Runner().run  # one loop: CPython's locks belong to theirs
        kernel.answers = {(question.driver, question.command): self.ask}
        kernel.idle = lambda milliseconds: self.answer() and kernel.deliver()

    def ask(self) -> None:
        if self.refusing:
            raise SyscallError(BUSY, "BUSY")
        assert not self.pending, "two requests to a driver at once"
        self.asked += 1
        driver = self.question.driver
        self.pending.append({slot: lent for (of, slot), lent in self.kernel.buffers.items() if of == driver})

    def answer(self) -> bool:
        """The driver is done with what it was asked last."""
        if not self.pending:
            return False
        buffers = self.pending.pop()
        upcall = self.bad or self.question.answer(buffers, self.asked)
        self.kernel.upcall(self.question.driver, self.question.upcall, *upcall)
        return True

    def block(self) -> int | None:
        return self.question.number(self.question.ask(self.module))

    async def get(self) -> int | None:
        """For `await`, or blocking in a task where there is no other way."""
        if self.question.get is None:
            return self.block()
        return self.question.number(await self.question.get(self.module))

    def lent(self) -> list[Any]:
        return [lent for (driver, _), lent in self.kernel.buffers.items() if driver == self.question.driver]

    async def turn(self) -> None:
        self.answer()
        self.kernel.deliver()
        await asyncio.sleep(0)

    def check_next(self) -> None:
        """Whatever was before: the next question has its own answer, and nothing stays lent."""
        expected = self.asked + 1
        assert self.block() in (expected, None)
        assert self.run(self.alone()) in (expected + 1, None)
        assert self.lent() == [None] * len(self.lent())

    async def alone(self) -> int | None:
        task = asyncio.create_task(self.get())
        while not task.done():
            await self.turn()
        return task.result()


@contextlib.contextmanager
def world(question: Question) -> Iterator[World]:
    with library() as kernel:
        yield World(kernel, question)


@WAITING
def test_tasks_and_a_blocking_call_that_ask_at_once_have_their_own_answers(question) -> None:
    with world(question) as made:

        async def main() -> list[int | None]:
            tasks = [asyncio.create_task(made.get()) for _ in range(3)]
            await asyncio.sleep(0)
            blocking = made.block()
            while not all(task.done() for task in tasks):
                await made.turn()
            return [blocking, *(task.result() for task in tasks)]

        told = made.run(main())
        assert made.asked == 4
        assert set(told) in ({1, 2, 3, 4}, {None})
        made.check_next()


@WAITING
def test_a_task_that_gives_up_at_any_await_leaves_the_next_its_own_answer(question) -> None:
    for steps in range(6):
        with world(question) as made:

            async def main(made=made, steps=steps) -> int | None:
                first, second = (asyncio.create_task(made.get()) for _ in range(2))
                for _ in range(steps):
                    await asyncio.sleep(0)
                first.cancel()
                while not second.done():
                    await made.turn()
                return second.result()

            assert made.run(main()) in (made.asked, None)
            made.check_next()


@WAITING
def test_a_blocking_call_that_control_c_ends_leaves_the_next_its_own_answer(question) -> None:
    with world(question) as made:
        answering, presses = made.kernel.idle, iter(range(3))

        def idle(milliseconds: int) -> bool:
            if next(presses, None) is not None:
                raise KeyboardInterrupt
            return answering(milliseconds)

        made.kernel.idle = idle
        with pytest.raises(KeyboardInterrupt):
            made.block()
        made.kernel.idle = answering
        assert made.asked == 1
        # Of the storage nothing may be left: a file system asks the same driver.
        assert len(made.pending) == (question.module != "storage")
        made.check_next()


@WAITING
def test_a_refusal_is_raised_and_leaves_nothing_behind(question) -> None:
    with world(question) as made:
        made.refusing = True
        with pytest.raises(SyscallError) as caught:
            made.block()
        assert caught.value.errno == BUSY
        with pytest.raises(SyscallError):
            made.run(made.get())
        assert made.lent() == [None] * len(made.lent())
        made.refusing = False
        made.check_next()


@WAITING
def test_an_answer_that_is_none_is_raised_and_nothing_is_made_up(question) -> None:
    for bad in question.bad:
        with world(question) as made:
            made.bad = bad
            with pytest.raises(SyscallError):
                made.block()
            with pytest.raises(SyscallError):
                made.run(made.alone())
            made.bad = None
            made.check_next()


def askers() -> set[str]:
    """The functions of the library that ask a driver something, by their source."""
    found = set()
    for path in (ROOT / "apps" / "library" / "adder").glob("*.py"):
        text = path.read_text()
        if "upcall.requests(" not in text:
            continue
        outer = ast.parse(text).body
        inner = [(f"{node.name}.", node.body) for node in outer if isinstance(node, ast.ClassDef)]
        for prefix, body in [("", outer), *inner]:
            for node in body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
                    if any(isinstance(call, ast.Attribute) and call.attr in ("ask", "get") for call in calls):
                        found.add(f"{path.stem}.{prefix}{node.name}")
    return found


def test_every_function_of_the_library_that_asks_a_driver_is_asked_here(monkeypatch) -> None:
    asked = set()
    for question in QUESTIONS:
        with world(question) as made:
            requests = sys.modules["adder.upcall"].Requests
            for name in ("ask", "get"):
                real = getattr(requests, name)

                def noting(self, *arguments: Any, real: Any = real, module: str = question.module) -> Any:
                    asked.add(f"{module}.{sys._getframe(1).f_code.co_qualname}")
                    return real(self, *arguments)

                monkeypatch.setattr(requests, name, noting)
            made.check_next()
            monkeypatch.undo()
    assert asked == askers()
    assert str(ROOT / "apps" / "library") == LIBRARY
