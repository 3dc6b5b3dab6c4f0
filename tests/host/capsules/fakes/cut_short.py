"""A handler that is cut short anywhere finds, when the kernel calls it once more, what is left to be done.

The kernel ends a handler that takes too long in place of its next instruction, and calls it again
(kernel/contain.c). Here the handler ends before each of its opcodes, one after the other, each time in a new scene;
then all must have been told.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from kernel import shared_code

CAPSULES = str(Path(__file__).parents[4] / "capsules")


class Cut(BaseException):
    """The time-out: no capsule catches it. A client's ends in kernel.call_client()."""

    of_client = False


def in_shared_code(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in shared_code:
            return True
        frame = frame.f_back
    return False


def cut_short(handler: Callable[[], None], after: int, within: str = "", of_client: bool = False) -> str:
    """Call it, and end it before that opcode of its own, or of what it calls in capsules. Where that is, if it is.

    `within`: only in files whose paths end so, and not in shared code: the time of that and of clients is their own.
    `of_client`: those are a client's, so who has called it goes on.
    """
    count = 0
    where = ""

    def at(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count, where
        if event == "opcode" and not where:
            count += 1
            if count > after:
                where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                cut = Cut()
                cut.of_client = of_client
                raise cut
        return at

    def enter(frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(CAPSULES) or not name.endswith(within) or (within and in_shared_code(frame)):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return at

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        handler()
    except Cut:
        pass
    finally:
        sys.settrace(before)
    return where


def losses(scene: Callable[[], tuple[Callable[[], None], Callable[[], None]]]) -> dict[str, int]:
    """Of what is not mended by one more call: in which functions a cut loses something, and before how many opcodes."""
    found: dict[str, int] = {}
    for after in range(5000):
        handler, check = scene()
        cut = cut_short(handler, after).partition(",")[0]
        if not cut:
            assert after > 20, "nothing was cut short"
            return found
        try:
            handler()
            check()
        except Exception:
            found[cut] = found.get(cut, 0) + 1
    raise AssertionError("it does not end")


def every_cut(
    scene: Callable[[], tuple[Callable[[], None], Callable[[], None]]], within: str = "", of_client: bool = False
) -> None:
    """Each time a new scene: its handler is cut short, is called once more, and then all must be well."""
    for after in range(2000):
        handler, check = scene()
        cut = cut_short(handler, after, within, of_client)
        try:
            handler()
            check()
        except Exception as problem:
            raise AssertionError(f"cut short in {cut}") from problem
        if not cut:
            assert after > 20, "nothing was cut short"
            return
    raise AssertionError("it does not end")


Place = tuple[str, int]


class Cutter:
    """Makes deferred calls, and ends one before the first opcode at a place; notes all places, in some files."""

    def __init__(self, files: str, place: Place | None) -> None:
        self.files = files
        self.place = place
        self.places: dict[Place, None] = {}
        self.where = ""

    def _opcode(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "opcode":
            place = frame.f_code.co_qualname, frame.f_lasti
            self.places[place] = None
            if place == self.place:
                self.place = None
                self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                raise Cut
        return self._opcode

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        if f"/{self.files}" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._opcode

    def run(self, later: "list[Callable[[], None]]") -> None:
        """All of them, as the kernel does; what was cut short is called once more."""
        while later:
            call = later.pop(0)
            sys.settrace(self._enter)
            try:
                call()
            except Cut:
                later.append(call)
            finally:
                sys.settrace(None)
