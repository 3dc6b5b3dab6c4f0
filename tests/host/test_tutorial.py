"""docs/write-a-capsule.md is followed step by step, in a copy of the repository.

Blocks of its text: ```python PATH is a file; ```diff is a change of files; ```console has commands, each with what
it says, where `…` stands for anything. Commands that begin with `adder` or `python` are run and compared. `make run`
is compared as well, by a test of its own that builds the kernel and boots it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

TUTORIAL = ROOT / "docs" / "write-a-capsule.md"
COPIED = ("adder", "apps", "board", "boards", "capsules", "firmware", "tests/host/capsules")
FILES = ("Kconfig", "mpy-cross.cfg", "pyproject.toml")


@dataclass(frozen=True)
class Block:
    """A block of the text between ``` and ```."""

    kind: str
    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Command:
    """A command, and what it says."""

    line: int
    command: str
    output: str


def blocks() -> Iterator[Block]:
    """All blocks, in order."""
    text = TUTORIAL.read_text()
    for found in re.finditer(r"(?ms)^```(\w*) ?(\S*)\n(.*?)^```$", text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1, found[3])


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block."""
    for found in re.finditer(r"(?m)^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text):
        yield Command(block.line + 1 + block.text.count("\n", 0, found.start()), found[1], found[2])


def pattern(expected: str) -> str:
    """A regular expression for an expected output; `…` on a line of its own is any number of lines."""
    parts = [re.escape(line).replace("…", ".*?") for line in expected.splitlines(keepends=True)]
    return "".join("(?:.*\n)*?" if part == ".*?\\\n" else part for part in parts)


def in_tree(tree: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy. `adder` and `python` are those of this environment, on the copy's files."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V")}
    environment |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", **more}
    return subprocess.run(arguments, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def change(tree: Path, block: Block) -> None:
    """Do to the files what a block says."""
    if block.kind == "python":
        (tree / block.path).write_text(block.text)
    elif block.kind == "diff":
        result = subprocess.run(
            ["git", "apply", "-"], cwd=tree, input=block.text, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{TUTORIAL.name}:{block.line}: the change does not apply: {result.stderr}"


def run(tree: Path, command: Command) -> str:
    """Run `adder` or `python`; returns what it says."""
    words = shlex.split(command.command)
    words[:1] = [sys.executable, "-m", "adder"] if words[0] == "adder" else [sys.executable]
    if words[1:3] == ["-m", "pytest"]:
        words += ["-p", "no:cacheprovider"]
    result = in_tree(tree, *words)
    return result.stdout + result.stderr


def compare(command: Command, said: str) -> None:
    """Fail if a command says something else."""
    assert re.fullmatch(pattern(command.output), said), f"{TUTORIAL.name}:{command.line}: {command.command}\n{said}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the tutorial works on."""
    made = tmp_path / "adder"
    for folder in COPIED:
        shutil.copytree(ROOT / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy2(ROOT / file, made / file)
    return made


def test_every_file_change_and_check_of_the_tutorial_is_as_it_says(tree: Path) -> None:
    ran = 0
    for block in blocks():
        change(tree, block)
        for command in commands(block) if block.kind == "console" else ():
            if command.command.startswith(("adder ", "python ")):
                compare(command, run(tree, command))
                ran += 1
    assert ran > 8


def test_the_changes_land_in_the_right_places_by_patch_too(tree: Path) -> None:
    ours = (r"^--- a/Kconfig$", r"^--- a/boards/qemu/board\.py$")
    changes = [one for one in blocks() if one.kind == "diff" and any(re.match(path, one.text, re.M) for path in ours)]
    for block in changes:
        subprocess.run(["patch", "-p1", "-s"], cwd=tree, input=block.text, text=True, check=True)
    menu = (tree / "Kconfig").read_text().split('menu "Capsules"', 1)[1].split("\nendmenu\n", 1)[0]
    assert "config CAPSULE_SALINITY\n" in menu
    assert len(changes) > 1


def build_kernel(tree: Path, folder: Path) -> Path:
    """The copy's kernel for QEMU; MicroPython's own objects are taken over."""
    shutil.copytree(ROOT / "build" / "qemu", folder, ignore=shutil.ignore_patterns("*.img", ".config", "typecheck"))
    for part in ("frozen_content.o", "kernel.elf"):
        (folder / part).unlink(missing_ok=True)
    for source in ("micropython", "qrcodegen"):  # where the build looks for them
        path = (ROOT / (ROOT / "build" / f".{source}").read_text().strip()).resolve()
        (tree / "build" / f".{source}").write_text(f"{path}\n")
    micropython = (tree / "build" / ".micropython").read_text().strip()
    for words in (
        [sys.executable, "-m", "adder.build.configure", "qemu", str(folder)],
        [sys.executable, "-m", "adder.build.manifest", "qemu", str(folder)],
        ["make", "-s", "-j2", "-C", str(tree / "firmware" / "port"), "BOARD=qemu", f"BUILD={folder}",
         f"TOP={micropython}", f"PYTHON={sys.executable}"],
    ):  # fmt: skip
        result = in_tree(tree, *words, MICROPY_GIT_TAG="v1.25.0", MICROPY_GIT_HASH="release")
        assert result.returncode == 0, result.stdout + result.stderr
    return folder / "kernel.elf"


def test_the_app_reads_the_sensor_and_the_mistake_is_contained_in_qemu(tree: Path, kernel: Path) -> None:
    for block in blocks():
        change(tree, block)
        for command in commands(block) if block.kind == "console" else ():
            if command.command.startswith("adder capsule new"):
                run(tree, command)
            elif "failed in command" in command.output:
                boot_and_compare(tree, command)
                return
    pytest.fail("the tutorial shows no failing capsule")


def boot_and_compare(tree: Path, command: Command) -> None:
    """Build the kernel and the app, and compare all that the board says with what `make run` is said to show."""
    assert re.fullmatch(r'make run APPS="salinity-py"', command.command)
    elf = build_kernel(tree, tree / "build" / "qemu")
    tbf = tree / "salinity.tbf"
    result = in_tree(tree, sys.executable, "-m", "adder", "app", "build", "apps/salinity.py", "-o", str(tbf))
    assert result.returncode == 0, result.stderr
    shown = command.output.splitlines(keepends=True)
    assert result.stdout in shown
    image = FlashImage(tree / "flash.img")
    image.install([read_app_file(tbf)], only=True)
    shown = shown[shown.index("Adder 0.1.0 on QEMU mps2-an386\n") :]
    with Simulation(elf, image.path, clock="fast") as board:
        board.expect("^" + re.escape(shown[-2].rstrip()) + "\r?\n", timeout=60)  # before the last `…`
        said = board.transcript.replace("\r", "")
    said = said[: said.rindex("\n") + 1]  # more may come meanwhile
    # Where an app's memory is depends on the size of the kernel.
    expected = pattern("".join(re.sub(r"RAM \S+", "RAM …", line) for line in shown))
    assert re.fullmatch(expected, said), f"{TUTORIAL.name}:{command.line}: {command.command}\n{said}"
