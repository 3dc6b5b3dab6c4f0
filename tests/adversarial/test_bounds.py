"""Each function in C that Capsule Python can reach takes at most so long, whatever it is given.

adder/verify/functions.toml says how long, in instructions. One boot calls each with the largest arguments that there
can be, those that a board makes while it is wired among them, and reads a timer (hostile/board/measure.py). What runs
longer than that in all must be ended by a time-out in between: a second boot, traced, measures the longest piece.
"""

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from hostile_kernel import choose
from swept_kernel import MEASURE, WHICH, build_swept_kernel
from test_hostile_capsules import ASK
from test_powers import ALLOW, MORTAL, app

from adder.image.flash_image import FlashImage, read_app_file
from adder.measure.trace import LogParser, Place, TracedRun
from adder.run.simulate import Simulation
from adder.symbols import Symbols
from adder.verify.functions import FUNCTIONS

MOST = 100_000
PER_TICK = 1.25
"""A tick of the timer is 40 ns, an instruction 32 (adder/run/simulate.py)."""

MEASURER = (
    ASK
    + ALLOW
    + """
time.sleep_ms(300)
for number in (1, 4, 4):  # twice: where the log is full, lines are lost
    part = parts = 0
    while part <= parts:
        answer = ask(ATTACK, number, part)
        for _ in range(20):
            syscall.yield_no_wait()
        if isinstance(answer, int):
            parts = answer - 1
        else:
            print("measurer: part %d: %s" % (part, answer))
        part += 1
        time.sleep_ms(200)
time.sleep_ms(1500)
print("measurer: done")
"""
)

PIECES = (
    ASK
    + """
ask(ATTACK, 3)
time.sleep_ms(200)
print("measurer: done")
time.sleep_ms(100000)
"""
)

MARKS = ("success_u32", "success_u64")
CHECKS = ("__wrap_mp_cstack_check", "__wrap_mp_obj_equal", "heap_alloc", "heap_realloc", "bounds_check_search")
"""Where a time-out may come. While a bytecode function runs it may come at each jump back, too."""

COLLECTING = ("gc_collect", "heap_recount")


def rows() -> dict[str, dict[str, Any]]:
    """The table, by the names that the measurements have."""
    found = {f"{group}.{name}": row for group in ("builtins", "runtime") for name, row in FUNCTIONS[group].items()}
    for group in ("functions", "methods", "slots"):
        for owner, inner in FUNCTIONS[group].items():
            found |= {f"{owner}.{name}": row for name, row in inner.items()}
    return found


ROWS = rows()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel that measures."""
    built = build_swept_kernel()
    return choose(built, WHICH.index(MEASURE), tmp_path_factory.mktemp("bounds") / "kernel.elf")


def flash(folder: Path, **texts: str) -> FlashImage:
    """A flash image with these apps."""
    image = FlashImage(folder / "flash.img")
    image.install([read_app_file(app(folder, name, text)) for name, text in texts.items()], only=True)
    return image


@pytest.fixture(scope="module")
def measured(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Instructions of the longest call of each function."""
    folder = tmp_path_factory.mktemp("measured")
    image = flash(folder, mortal=MORTAL, measurer=MEASURER)
    # Free: in step with the host, the board has a timer of its own set from outside, and this one's must count.
    with Simulation(kernel, image.path, clock="fast", free=True) as board:
        board.expect(r"measurer: done|panicked", timeout=300)
        shown = board.transcript
    assert "panicked" not in shown
    assert re.findall(r"measurer?: part .*", shown) == []
    return {label: int(int(ticks) * PER_TICK) for label, ticks in re.findall(r"bound: ([\w.]+) (\d+)", shown)}


class Watch:
    """Finds the longest piece between two places where a time-out may come."""

    def __init__(self, symbols: Symbols) -> None:
        self.pieces: list[int] = []
        self.begun: int | None = None
        self.longest = 0
        names = (*MARKS, *CHECKS, *COLLECTING)
        self.names = dict(enumerate(names, 1))
        self.places = [Place(symbols[name].address, symbols[name].end, number) for number, name in self.names.items()]

    def keep_from(self) -> None:
        return None

    def passed(self, count: int, before: int, now: int) -> None:
        left, entered = self.names.get(before), self.names.get(now)
        if left == MARKS[0]:
            self.begun, self.longest = count, 0
        elif self.begun is not None and (entered in (*CHECKS, *COLLECTING, MARKS[1]) or left in COLLECTING):
            if left not in COLLECTING or entered is not None:
                self.longest = max(self.longest, count - self.begun)
            self.begun = count
            if entered == MARKS[1]:
                self.pieces.append(self.longest)
                self.begun = None


@pytest.fixture(scope="module")
def longest_pieces(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Instructions of the longest piece of what takes long in all."""
    image = flash(tmp_path_factory.mktemp("pieces"), measurer=PIECES)
    watch = Watch(Symbols.read(kernel))
    done = threading.Event()
    run = TracedRun(kernel, image.path, LogParser(watch.places, watch), done)
    threading.Thread(target=wait_for, args=(run, done), daemon=True).start()
    shown = run.run(100)
    labels = re.findall(r"piece: ([\w.]+)", shown)
    assert len(labels) == len(watch.pieces) > 20, shown[-3000:]
    return {label: max(n for other, n in zip(labels, watch.pieces, strict=True) if other == label) for label in labels}


def wait_for(run: TracedRun, done: threading.Event) -> None:
    """The run is over when the app says so."""
    while not done.wait(0.2):
        if "measurer: done" in run.simulation.transcript:
            done.set()


def test_every_function_has_a_bound_that_is_small() -> None:
    assert len(ROWS) > 200
    for label, row in ROWS.items():
        assert "reach" in row or label == "control.panic" or 0 < row["time"] <= MOST, label


def test_no_function_takes_longer_than_the_table_says(measured: dict[str, int]) -> None:
    over = {
        f"{label} takes {took:,}, the table says {ROWS[label]['time']:,}"
        for label, took in measured.items()
        if label in ROWS and "pieces" not in ROWS[label] and took > ROWS[label]["time"]
    }
    assert not over, "\n".join(sorted(over))


def test_a_time_out_ends_what_takes_longer(measured: dict[str, int], longest_pieces: dict[str, int]) -> None:
    over = {
        f"a piece of {label} takes {took:,}, the table says {ROWS[label]['time']:,}"
        for label, took in longest_pieces.items()
        if took > ROWS[label]["time"]
    }
    assert not over, "\n".join(sorted(over))
    in_pieces = {label for label, row in ROWS.items() if "pieces" in row}
    assert in_pieces <= longest_pieces.keys()
    assert {label for label, took in measured.items() if took > MOST} <= in_pieces


def test_every_function_of_the_table_is_measured(measured: dict[str, int]) -> None:
    """Except for those that nothing reaches, those that boards alone reach, and what others are measured with."""
    spared = {label for label, row in ROWS.items() if "like" in row or "reach" in row}
    assert set(ROWS) - spared - set(measured) == {"control.panic"}, "which does not return"
    for label, row in ROWS.items():
        if "like" in row:
            assert row["time"] == ROWS[row["like"]]["time"], label
