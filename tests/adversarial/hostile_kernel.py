"""The board of hostile capsules, from templates, and its kernel's copies that make one attack each."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from kernels import alone, build_board, write

from adder.board import ROOT
from adder.wire import wire_board

HERE = Path(__file__).parent / "hostile"
ATTACKS = sorted((HERE / "contained").glob("*/*.py"), key=lambda path: path.stem)
GROUP = 16  # a tuple of Capsule Python has at most 32 elements
MARK = b"the chosen attack: "

OPTIONS = ("WIRED=n", "KERNEL_HEAP_KB=128", "MAX_PROCESSES=6", "MAX_CAPSULES=40", "MAX_DRIVERS=16")


def header(path: Path, name: str) -> str | None:
    """A line `# name: text` before an attack's docstring."""
    found = re.search(rf"^# {name}: (.*)$", path.read_text().split('"""')[0], re.MULTILINE)
    return found and found[1]


def groups(rows: list[str]) -> str:
    """Tuples in a tuple."""
    parts = [", ".join(rows[i : i + GROUP]) + "," for i in range(0, len(rows), GROUP)]
    return "(\n" + "".join(f"    ({part}),\n" for part in parts) + ")"


def write_board(folder: Path, attacks: list[Path], wired: bool = False) -> None:
    """The board's folder, with the attacks as modules of it. It chooses when it is wired: at each boot, or with `wired`
    when it is built (`wire`).
    """
    modules = folder / "capsules" / "hostile"
    names = [path.stem for path in attacks]
    text = (HERE / "board" / "board.py.txt").read_text()
    text = text.replace("@IMPORTS@", "\n".join(f"from capsules.hostile import {name}" for name in names))
    recipes = groups([f"lambda grant: {name}.Attack(powers).attack" for name in names])
    policies = groups([f"mint.{header(path, 'policy') or 'CONTINUE'}" for path in attacks])
    write(folder / "board.py", text.replace("@ATTACKS@", f"recipes = {recipes}\npolicies = {policies}"))
    memory = (ROOT / "boards" / "qemu" / "memory.toml").read_text()
    # More of what QEMU's board has than an nRF52840: all attacks are in one image.
    memory = memory.replace("start = 0x00000000, size = 0x80000", "start = 0x00000000, size = 0x100000")
    memory = memory.replace("start = 0x20000000, size = 0x40000", "start = 0x20000000, size = 0x60000")
    write(folder / "memory.toml", memory + (HERE / "board" / "memory.toml.txt").read_text())
    write(folder / "defconfig", "".join(f"CONFIG_{option}\n" for option in OPTIONS[wired:]))
    emit = [f"capsules/hostile/{path.stem} = {kind}" for path in attacks if (kind := header(path, "emit"))]
    words = [f"capsules/hostile/{path.stem} = {functions}" for path in attacks if (functions := header(path, "words"))]
    write(folder / "mpy-cross.cfg", "\n".join(["[emit]", *emit, "[words]", *words]) + "\n")
    for path in (HERE / "board" / "powers.py", HERE / "board" / "victim.py", *attacks):
        write(modules / path.name, path.read_text())


def choose(kernel: Path, number: int, copy: Path) -> Path:
    """A copy of the kernel in which the board makes that attack."""
    image = kernel.read_bytes()
    assert image.count(MARK) == 1
    at = image.index(MARK) + len(MARK)
    copy.write_bytes(image[:at] + b"%03d" % number + image[at + 3 :])
    return copy


def steps(board: Path, folder: Path) -> list[str]:
    """The commands that link a kernel with its wired part."""
    top = (ROOT / (ROOT / "build/.micropython").read_text().strip()).resolve()
    line = ["make", "-n", "-C", str(ROOT / "firmware/port"), "-W", f"{folder}/wired.bin", f"{folder}/kernel.elf"]
    names = (f"BOARD={board}", f"BUILD={folder}", f"TOP={top}", f"PYTHON={sys.executable}")
    said = subprocess.run([*line, *names], capture_output=True, text=True, check=True).stdout.replace("\\\n", " ")
    wanted = re.compile(rf"-o {re.escape(str(folder))}/(wired\.o|kernel\.elf) ")
    found = [one for one in said.splitlines() if wanted.search(one + " ")]
    assert len(found) == 2, said[-3000:]
    return found


def wire(attacks: list[Path], number: int, name: str, copy: Path) -> Path:
    """The kernel with these attacks, wired for this one when it is built; raises AdderError if the build refuses it."""
    built = build_board(name, lambda folder: write_board(folder, attacks, wired=True))
    folder, board = built.parent, built.parent.parent / "board"
    with alone(folder):
        unwired = folder / "kernel_unwired.elf"
        image = unwired.read_bytes()
        assert image.count(MARK) == 1
        choose(unwired, number, copy)
        try:
            unwired.write_bytes(copy.read_bytes())
            wire_board(str(board), folder)
            for step in steps(board, folder):
                subprocess.run(step, shell=True, cwd=ROOT / "firmware/port", check=True, capture_output=True)
            shutil.copy(built, copy)
        finally:
            unwired.write_bytes(image)
    return copy
