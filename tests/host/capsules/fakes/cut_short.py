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

CAPSULES = str(Path(__file__).parents[4] / "capsules")


class Cut(BaseException):
    """The time-out: no capsule catches it."""


def cut_short(handler: Callable[[], None], after: int) -> str:
    """Call it, and end it before that opcode of its own, or of what it calls in capsules. Where that is, if it is."""
    count = 0

    def at(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
            if count > after:
                raise Cut(f"{frame.f_code.co_qualname}, line {frame.f_lineno}")
        return at

    def enter(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(CAPSULES):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return at

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        handler()
    except Cut as cut:
        return str(cut)
    finally:
        sys.settrace(before)
    return ""


def every_cut(scene: Callable[[], tuple[Callable[[], None], Callable[[], None]]]) -> None:
    """Each time a new scene: its handler is cut short, is called once more, and then all must be well."""
    for after in range(2000):
        handler, check = scene()
        cut = cut_short(handler, after)
        try:
            handler()
            check()
        except Exception as problem:
            raise AssertionError(f"cut short in {cut}") from problem
        if not cut:
            assert after > 20, "nothing was cut short"
            return
    raise AssertionError("it does not end")
