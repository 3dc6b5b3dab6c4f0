"""Builds kernels that differ from those in build/: other options, other boards. For tests; MicroPython's own objects,
which know nothing of either, are taken over."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from adder.board import ROOT


def run(*command: str) -> None:
    # The make that runs the tests must not lend its job server to this one.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V")}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def fingerprint(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in paths)).hexdigest()


def names_in(header: Path) -> set[str]:
    """The names of MicroPython's table of strings that a header uses."""
    return set(re.findall(r"MP_QSTR_\w+", header.read_text()))


def build_kernel(
    board: str | Path, folder: Path, *options: str, base: str = "qemu", python: Path | None = None
) -> Path:
    """As `_build_kernel`, one at a time in a folder: tests that run side by side share some."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build_kernel(board, folder, *options, base=base, python=python)


def _build_kernel(board: str | Path, folder: Path, *options: str, base: str, python: Path | None) -> Path:
    """Build the kernel of a board, a name or a folder, with options like "MAX_PROCESSES=2". Nothing new, nothing done.

    `base` is the board in build/ whose objects are taken over: one with the same chip. `python` is a program in Python
    that the build calls in place of Python itself.
    """
    kernel = folder / "kernel.elf"
    built = ROOT / "build" / base
    base_stamp = fingerprint([built / "kernel.elf", *sorted((ROOT / "adder").rglob("*.py")), ROOT / "mpy-cross.cfg"])
    own = sorted((ROOT / "capsules").rglob("*.py"))  # the kernel in build/ has not all of them
    own += sorted(path for path in board.rglob("*") if path.is_file()) if isinstance(board, Path) else []
    stamp = base_stamp + fingerprint(own) + f"{board} {options} {python}"
    if kernel.is_file() and (folder / ".built").is_file() and (folder / ".built").read_text() == stamp:
        return kernel
    if not (folder / ".base").is_file() or (folder / ".base").read_text() != base_stamp:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(built, folder, ignore=shutil.ignore_patterns("*.img", "*.bin", ".config", "flash"))
        for part in ("core", "kernel", "arch"):
            shutil.rmtree(folder / part)
        for pattern in ("*.elf", "flash_*.o", "panic_console_*.o", "main.o", "modes.o", "frozen_content.o"):
            for made in folder.glob(pattern):
                made.unlink()
        write(folder / ".base", base_stamp)
    (folder / ".built").unlink(missing_ok=True)
    (folder / ".config").unlink(missing_ok=True)
    if options:
        write(folder / ".config", "".join(f"CONFIG_{option}\n" for option in options))
    run(sys.executable, "-m", "adder.configure", str(board), str(folder))
    run(sys.executable, "-m", "adder.manifest", str(board), str(folder))
    if names_in(folder / "peripherals.h") != names_in(built / "peripherals.h"):
        for made in folder.rglob("*.o"):  # names are numbers in every object: with other names, other numbers
            made.unlink()
    top = (ROOT / (ROOT / "build/.micropython").read_text().strip()).resolve()
    run(
        "make", "-s", "-j2", "-C", str(ROOT / "firmware" / "port"), f"BOARD={board}", f"BUILD={folder}", f"TOP={top}",
        f"PYTHON={sys.executable}{f' {python}' if python else ''}",
    )  # fmt: skip
    write(folder / ".built", stamp)
    return kernel
