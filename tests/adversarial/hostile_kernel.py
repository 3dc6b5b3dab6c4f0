"""Builds kernels around hostile capsules: the board's folder from templates, then the image."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from adder.board import ROOT

HERE = Path(__file__).parent / "hostile"
ATTACKS = sorted((HERE / "contained").glob("*.py"))
BASE = ROOT / "build" / "qemu"
GROUP = 16  # a tuple of Capsule Python has at most 32 elements
MARK = b"the chosen attack: "

OPTIONS = ("KERNEL_HEAP_KB=128", "MAX_PROCESSES=6", "MAX_CAPSULES=40", "MAX_DRIVERS=16")

POLICIES = {"CONTINUE": 0, "RESTART": 1, "DISABLE": 2}


def header(path: Path, name: str) -> str | None:
    """A line `# name: text` before an attack's docstring."""
    found = re.search(rf"^# {name}: (.*)$", path.read_text().split('"""')[0], re.MULTILINE)
    return found and found[1]


def groups(rows: list[str]) -> str:
    """Tuples in a tuple."""
    parts = [", ".join(rows[i : i + GROUP]) + "," for i in range(0, len(rows), GROUP)]
    return "(\n" + "".join(f"    ({part}),\n" for part in parts) + ")"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_board(folder: Path, attacks: list[Path]) -> None:
    """The board's folder, with the attacks as modules of it."""
    modules = folder / "capsules" / "hostile"
    names = [path.stem for path in attacks]
    text = (HERE / "board" / "board.py.txt").read_text()
    text = text.replace("@IMPORTS@", "\n".join(f"from capsules.hostile import {name}" for name in names))
    recipes = groups([f"lambda: {name}.Attack(powers).attack" for name in names])
    policies = groups([str(POLICIES[header(path, "policy") or "CONTINUE"]) for path in attacks])
    write(folder / "board.py", text.replace("@ATTACKS@", f"recipes = {recipes}\npolicies = {policies}"))
    memory = (ROOT / "boards" / "qemu" / "memory.toml").read_text()
    # More of what QEMU's board has than an nRF52840: all attacks are in one image.
    memory = memory.replace("start = 0x00000000, size = 0x80000", "start = 0x00000000, size = 0x100000")
    memory = memory.replace("start = 0x20000000, size = 0x40000", "start = 0x20000000, size = 0x60000")
    write(folder / "memory.toml", memory + (HERE / "board" / "memory.toml.txt").read_text())
    write(folder / "defconfig", "".join(f"CONFIG_{option}\n" for option in OPTIONS))
    emit = [f"capsules/hostile/{path.stem} = {kind}" for path in attacks if (kind := header(path, "emit"))]
    words = [f"capsules/hostile/{path.stem} = {functions}" for path in attacks if (functions := header(path, "words"))]
    write(folder / "mpy-cross.cfg", "\n".join(["[emit]", *emit, "[words]", *words]) + "\n")
    for path in (HERE / "board" / "powers.py", HERE / "board" / "victim.py", *attacks):
        write(modules / path.name, path.read_text())


def run(*command: str) -> None:
    # The make that runs the tests must not lend its job server to this one.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V")}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]


def fingerprint(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in paths)).hexdigest()


def build_kernel(board: Path, folder: Path, python: Path | None = None, base: Path = BASE) -> Path:
    """Build the kernel of the board; MicroPython's own objects are those in `base`. Nothing new, nothing done.

    `python` is a program in Python that the build calls in place of Python itself.
    """
    kernel = folder / "kernel.elf"
    base_stamp = fingerprint([base / "kernel.elf", *sorted((ROOT / "adder").rglob("*.py")), ROOT / "mpy-cross.cfg"])
    sources = [path for path in sorted(board.rglob("*")) if path.is_file()]
    sources += sorted((ROOT / "capsules").rglob("*.py"))  # the kernel in `base` has not all of them
    stamp = base_stamp + fingerprint(sources) + str(python)
    if kernel.is_file() and (folder / ".built").is_file() and (folder / ".built").read_text() == stamp:
        return kernel
    if not (folder / ".base").is_file() or (folder / ".base").read_text() != base_stamp:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder, ignore=shutil.ignore_patterns("*.img", "*.bin", ".config"))
        for part in ("core", "kernel", "arch"):
            shutil.rmtree(folder / part)
        for part in ("main.o", "modes.o", "frozen_content.o", "kernel.elf"):
            (folder / part).unlink()
        write(folder / ".base", base_stamp)
    (folder / ".built").unlink(missing_ok=True)
    run(sys.executable, "-m", "adder.configure", str(board), str(folder))
    run(sys.executable, "-m", "adder.manifest", str(board), str(folder))
    top = (ROOT / (ROOT / "build/.micropython").read_text().strip()).resolve()
    run(
        "make", "-s", "-j2", "-C", str(ROOT / "firmware" / "port"), f"BOARD={board}", f"BUILD={folder}", f"TOP={top}",
        f"PYTHON={sys.executable}{f' {python}' if python else ''}",
    )  # fmt: skip
    write(folder / ".built", stamp)
    return kernel


def choose(kernel: Path, number: int, copy: Path) -> Path:
    """A copy of the kernel in which the board makes that attack."""
    image = kernel.read_bytes()
    assert image.count(MARK) == 1
    at = image.index(MARK) + len(MARK)
    copy.write_bytes(image[:at] + b"%03d" % number + image[at + 3 :])
    return copy
