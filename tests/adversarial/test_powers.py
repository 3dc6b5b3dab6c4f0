"""Powers check what they are given: everything that the kernel offers, called with everything that there is.

One boot makes all the calls (hostile/board/sweep.py): each function and method of `kernel`, `mint` and `cells` and of
each power, found in the kernel's own tables, with a value of each kind in the place of each argument.
"""

import re
from pathlib import Path

import pytest
from reached import Image, reached, short
from swept_kernel import build_swept_kernel, ours
from test_hostile_capsules import ASK

from adder.apps.python_app import build
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

NO_METHODS = {"ErrorCode", "CommandReturn", "ProcessId"}
"""Types of which there are constants and attributes alone."""

ALLOW = """
SWEPT = 0xBAD002
PATTERN = bytes(range(64))
whole = bytearray(PATTERN * 3)
own = memoryview(whole)[64:128]
other = bytearray(PATTERN * 3)
shared = bytearray(64)
syscall.allow_rw(SWEPT, 0, own)
syscall.allow_ro(SWEPT, 0, b"a constant of the program, which lies in its flash, behind the MPU")
syscall.allow_ro(SWEPT, 1, memoryview(other)[64:128])
syscall.allow_readable(SWEPT, 0, shared)
"""

MORTAL = (
    ASK
    + ALLOW
    + """
ask(ATTACK, 2)
while True:
    time.sleep_ms(1000)
"""
)

SWEEPER = (
    ASK
    + ALLOW
    + """
time.sleep_ms(300)
ask(ATTACK, 3)
time.sleep_ms(300)
for number in (1, 4):
    part = parts = 0
    while part <= parts:
        answer = ask(ATTACK, number, part)
        if not isinstance(answer, int):
            print("sweeper: part %d: %s" % (part, answer))
        else:
            parts = answer - 1
        part += 1
        time.sleep_ms(500)
    print("sweeper: parts:", part)
ask(ATTACK, 5)
time.sleep_ms(2000)
print("sweeper: around what it allowed:", whole[:64] == PATTERN, whole[128:] == PATTERN)
print("sweeper: what it allowed for reading:", other == PATTERN * 3)
print("sweeper: victim:", ask(VICTIM, 1))
print("sweeper: done")
"""
)

WITNESS = """
import time
pattern = bytes(range(256)) * 8
kept = bytearray(pattern)
while True:
    time.sleep_ms(1000)
    print("witness:", "well" if kept == pattern else "ROBBED")
"""


def app(folder: Path, name: str, text: str) -> Path:
    source = folder / f"{name}.py"
    source.write_text(f'# /// script\n# [tool.adder]\n# name = "{name}"\n# ram = 16384\n# ///\n{text}')
    path = folder / f"{name}.tbf"
    path.write_bytes(build(source).tbf.encode())
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, bool]:
    """The kernel, what the console shows, and whether the programs' flash is as it was."""
    folder = tmp_path_factory.mktemp("powers")
    kernel = build_swept_kernel()
    image = FlashImage(folder / "flash.img")
    apps = [app(folder, name, text) for name, text in (("mortal", MORTAL), ("sweeper", SWEEPER), ("witness", WITNESS))]
    image.install([read_app_file(path) for path in apps], only=True)
    before = image.path.read_bytes()
    with Simulation(kernel, image.path) as board:
        board.expect(r"sweeper: done|panicked", timeout=100)
        board.expect(r"witness: \w+\r", timeout=20)
        shown = board.transcript
    after = image.path.read_bytes()
    size = sum(len(read_app_file(path).data) for path in apps)
    return kernel, shown, before[:size] == after[:size]


def test_nothing_is_accepted_that_is_of_the_wrong_kind(swept: tuple[Path, str, bool]) -> None:
    _, shown, _ = swept
    assert re.findall(r"FINDING .*", shown) == []
    total = re.search(r"sweep: (\d+) calls, (\d+) raised, 0 findings", shown)
    assert total is not None, shown[-3000:]
    assert int(total[1]) > 5000
    assert int(total[2]) > int(total[1]) * 3 // 4


def test_the_kernel_and_everyone_else_survive(swept: tuple[Path, str, bool]) -> None:
    _, shown, flash_is_intact = swept
    assert "panicked" not in shown
    assert re.search(r"sweeper: parts: \d+", shown)
    assert not re.search(r"sweeper: part \d+: ", shown)
    assert "sweeper: around what it allowed: True True" in shown
    assert "sweeper: what it allowed for reading: True" in shown
    assert re.search(r"sweeper: victim: 0\b", shown)
    assert "ROBBED" not in shown
    assert "witness: well" in shown
    assert flash_is_intact


def test_every_function_and_method_of_the_kernels_own_was_called(swept: tuple[Path, str, bool]) -> None:
    """What a new power has is called, or the test fails."""
    kernel, shown, _ = swept
    called = set(re.findall(r"sweep: called (\S+)", shown))
    types = ours(Image(kernel))
    assert {"ProcessControl", "UserBuffer", "FlashRange"} <= types.keys()
    made = {short for name, short in types.items() if name not in NO_METHODS}
    wanted = {f"{one.owner}.{one.name}" for one in reached(kernel) if one.group == "methods" and one.owner in made}
    wanted |= {f"{one.owner}.{one.name}" for one in reached(kernel) if one.group == "functions"}
    wanted |= {"entry.subscr", "buffer.subscr", "user_buffer.subscr", "layout.make_new", "register_field.call"}
    assert len(wanted) > 70
    assert wanted - called == set()
    assert short("control_type") == "control"
