"""The board of hostile capsules, from templates, and its kernel's copies that make one attack each."""

import re
from pathlib import Path

from kernels import write

from adder.board import ROOT

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
    """The board's folder, with the attacks as modules of it. It chooses when it boots, so it wires itself then.

    With `wired` it makes the first of them, as any other board is wired.
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
