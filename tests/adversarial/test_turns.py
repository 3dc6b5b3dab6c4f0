"""Whoever is served in turn is served in time, however often a process before it comes again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT

# The first slots are the attackers'. Each restart leaves much to clear before it runs again.
AGAIN = "import syscall\nsyscall.restart()"
STARTS = "import time\nprint(NAME, 'starts', time.ticks_ms())\ntime.sleep_ms(300)\n"
FAULTS = STARTS + "import uctypes\nuctypes.bytearray_at(0x40000000, 4)[0]"
GROWS = STARTS + "print(NAME, 'grew', len(bytes(10000)))\nimport syscall\nsyscall.restart()"


def in_python(python_app: Callable[..., Path], _: Path) -> Path:
    return python_app(AGAIN, name="again", ram='"96K"', permissions=[])


def in_c(_: Callable[..., Path], folder: Path) -> Path:
    elf = (ROOT / "build/apps/greedy.elf").read_bytes()
    path = folder / "again.tbf"
    path.write_bytes(elf_to_tbf(elf, Options(name="again", argument="restart", app_heap=96_000)).encode())
    return path


@pytest.mark.parametrize("attacker", [in_python, in_c])
def test_an_app_that_restarts_itself_for_ever_keeps_nobody_from_starting_nor_from_starting_again(
    simulation: Any, python_app: Any, tmp_path: Path, attacker: Callable[..., Path]
) -> None:
    victims = [
        python_app(text.replace("NAME", repr(name)), name=name, ram='"20K"')
        for name, text in (("faults", FAULTS), ("grows", GROWS), ("last", FAULTS))
    ]
    with simulation(attacker(python_app, tmp_path), *victims) as board:
        assert board.run_until(lambda: board.raw.count(b"last starts") >= 3, 6), board.transcript
        for name in ("faults", "last"):
            first, second, *_ = [int(ms) for ms in re.findall(rf"^{name} starts (\d+)", board.transcript, re.M)]
            assert first < 500, board.transcript
            assert second - first < 2000, board.transcript
        assert board.raw.count(b"grows grew") >= 2


def test_the_restart_of_one_is_not_behind_each_report_of_those_that_fault_at_once_again(
    simulation: Any, python_app: Any
) -> None:
    victim = python_app(FAULTS.replace("NAME", "'victim'"), name="victim", ram='"12K"')
    at_once = "import uctypes\nuctypes.bytearray_at(0x40000000, 4)[0]"
    others = [python_app(at_once, name=f"at-once{n}", ram='"10K"', permissions=[]) for n in range(6)]
    with simulation(victim, *others) as board:
        assert board.run_until(lambda: board.raw.count(b"victim starts") >= 2, 20), board.transcript
        before = board.transcript.split("victim starts")[1]
        for n in range(6):  # each of them once, at most, and the one of which the report had begun
            assert before.count(f"app at-once{n}: restart in") <= 2, before
        assert before.count(": restart in") <= 6 + 2, before


PRESSES = """
from adder import button
print("waits")
n = 0
while True:
    button.wait_pressed(0)
    n += 1
    print("press", n)
"""
BOTHERS = "import syscall, time\nwhile True:\n    syscall.command(3, 1, 0)\n    time.sleep_ms(1)"
TWO_TASKS = """
import asyncio
from adder import button
async def presses():
    n = 0
    print("waits")
    while True:
        await button.pressed(0)
        n += 1
        print("press", n)
async def looks():
    while True:
        try:
            await asyncio.wait_for(button.released(0), 0.01)
        except asyncio.TimeoutError:
            pass
async def main():
    asyncio.create_task(looks())
    await presses()
asyncio.run(main())
"""


@pytest.mark.parametrize("texts", [(PRESSES, BOTHERS), (TWO_TASKS,)], ids=["two-apps", "two-tasks"])
def test_no_press_is_lost_because_somebody_else_begins_to_wait_for_one(
    simulation: Any, python_app: Any, texts: tuple[str, ...]
) -> None:
    apps = [python_app(text, name=f"app{n}", ram='"20K"') for n, text in enumerate(texts)]
    with simulation(*apps) as board:
        board.expect("waits")
        board.run(0.2)
        for n in range(10):
            board.press(0)
            board.run(0.1)
            board.release(0)
            board.run(0.1 + n * 0.007)
        board.run(0.1)
        assert "press 10" in board.transcript
