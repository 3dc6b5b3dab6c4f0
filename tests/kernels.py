"""Builds kernels that differ from those in build/: other options, other boards. For tests; MicroPython's own objects,
which know nothing of either, are taken over.

A kernel is built once and kept in build/tests for as long as all that it is made of stays as it is. Whatever is made
in a folder that several tests share is made while nobody else is in there: the tests run side by side.
"""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adder.board import ROOT

FOLDER = ROOT / "build" / "tests"

SOURCES = ("adder", "board", "boards", "capsules", "firmware")
"""Folders of which any file may become a part of a kernel, or decide on one."""

UNVERIFIED = Path(__file__).parent / "unverified_build.py"
"""For build_kernel's `python`: a build without the verifiers."""


OF_A_BOARD = ("*.elf", "flash_*.o", "panic_console_*.o", "main.o", "modes.o", "frozen_content.o")
"""What is made for a board, besides the objects of firmware's folders."""

HEADERS = ("config.h", "memory_map.h", "peripherals.h")
"""What firmware's files are told of the board and its options."""


def run(*command: str) -> None:
    # The make that runs the tests must not lend its job server to this one.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V")}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, except for what Python leaves there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def fingerprint(parts: Iterable[tuple[str, bytes]]) -> str:
    found = hashlib.sha256()
    for name, data in parts:
        found.update(f"{name} {len(data)}\n".encode() + data)
    return found.hexdigest()


@functools.cache
def sources() -> str:
    """The fingerprint of all that kernels are made of besides their own boards."""
    parts = [(f"{folder}/{name}", data) for folder in SOURCES for name, data in files(ROOT / folder).items()]
    return fingerprint([*parts, *((name, (ROOT / name).read_bytes()) for name in ("Kconfig", "mpy-cross.cfg"))])


def firmware_objects(folder: Path) -> list[Path]:
    """The objects of firmware's folders in a kernel's."""
    return sorted(path for part in (ROOT / "firmware").iterdir() for path in (folder / part.name).rglob("*.o"))


def take_over(lender: Path, folder: Path) -> None:
    """Take firmware's objects from a kernel, except for those made of a file that names what differs between the two.

    What they are made of is in the files beside them. What includes a header whose tables differ is made again.
    """
    ours, theirs = ({name: (one / name).read_text() for name in HEADERS} for one in (folder, lender))
    defined = re.compile(r"#define (\w+)")
    tables = {name for name in HEADERS if _tables(ours[name]) != _tables(theirs[name])}
    differ: set[str] = set()
    for name in HEADERS:
        lines = set(ours[name].splitlines()) ^ set(theirs[name].splitlines())
        differ.update(match[1] for line in lines if (match := defined.match(line)))
    for path in firmware_objects(lender):
        made_of = path.with_suffix(".P")
        if not made_of.is_file() or (folder / path.relative_to(lender)).is_file():
            continue
        rule = made_of.read_text()
        parts = [Path(part) for part in rule.replace("\\\n", " ").partition(":")[2].split() if not part.endswith(":")]
        if {part.name for part in parts} & tables or any(_names(part, frozenset(differ)) for part in parts):
            continue
        copy = folder / path.relative_to(lender)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
        write(copy.with_suffix(".P"), rule.replace(str(lender), str(folder)))


def _tables(header: str) -> list[str]:
    """The lines of a header that are more than a name for a value."""
    return [line for line in header.splitlines() if not line.startswith(("#define ", "//"))]


@functools.cache
def _names(path: Path, words: frozenset[str]) -> bool:
    """Whether a file of firmware names one of these, other than by defining it."""
    if path.is_absolute():
        return False
    text = (ROOT / "firmware" / "port" / path).read_text()
    return not words.isdisjoint(re.findall(r"\w+", text))


def names_in(header: Path) -> set[str]:
    """The names of MicroPython's table of strings that a header uses."""
    return set(re.findall(r"MP_QSTR_\w+", header.read_text()))


def known_names(kernel: Path) -> set[str]:
    """The names in the table of strings that a kernel's objects were compiled with."""
    return set(re.findall(r"\((MP_QSTR_\w+)", (kernel / "genhdr" / "qstrdefs.generated.h").read_text()))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While this lasts, nobody else is at work in the folder who asks in the same way."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def refresh(folder: Path, make: Callable[[Path], object]) -> None:
    """Have a folder's contents made; if they are what they were, the files stay as old as they are."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    make(new)
    if folder.is_dir() and files(new) == files(folder):
        shutil.rmtree(new)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def build_board(
    name: str, make: Callable[[Path], object], *, chip: str = "board", base: str = "qemu", python: Path | None = None
) -> Path:
    """The kernel of a board whose files `make` writes into a folder: in build/tests/NAME/CHIP and …/build."""
    folder = FOLDER / name
    with alone(folder):
        refresh(folder / chip, make)
        return build_kernel(folder / chip, folder / "build", base=base, python=python)


LONGEST_NAME = 150
"""Of a folder: MicroPython's compiler takes no more than 255 characters of a path."""


def build_variant(board: str, *options: str, base: str = "qemu") -> Path:
    """The kernel of a known board with options like "MAX_PROCESSES=2"."""
    chosen = [option.replace("=", "-").lower() for option in options]
    name = "-".join([board, *chosen])
    if len(name) > LONGEST_NAME:
        name = f"{board}-{len(options)}-options-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return build_kernel(board, FOLDER / name, *options, base=base)


def littlefs_of(kernel: Path) -> list[str]:
    """What a kernel's configuration says of the one option that MicroPython's own objects know of."""
    return re.findall(r"PYTHON_LITTLEFS.*", (kernel / "config.h").read_text())


def build_kernel(
    board: str | Path, folder: Path, *options: str, base: str = "qemu", python: Path | None = None
) -> Path:
    """Build the kernel of a board, a name or a folder, with options. Nothing new, nothing done.

    `base` is the board in build/ whose objects are taken over: one with the same chip. `python` is a program in Python
    that the build calls in place of Python itself.
    """
    with alone(folder):
        return _build_kernel(board, folder, *options, base=base, python=python)


def _build_kernel(board: str | Path, folder: Path, *options: str, base: str, python: Path | None) -> Path:
    kernel = folder / "kernel.elf"
    built = ROOT / "build" / base
    tool = [*files(ROOT / "adder").items(), ("mpy-cross.cfg", (ROOT / "mpy-cross.cfg").read_bytes())]
    base_stamp = fingerprint([(base, (built / "kernel.elf").read_bytes()), *tool])
    own = list(files(board).items()) if isinstance(board, Path) else []
    own += [(str(python), python.read_bytes())] if python else []
    stamp = base_stamp + sources() + fingerprint(own) + f"{board} {options}"
    if kernel.is_file() and (folder / ".built").is_file() and (folder / ".built").read_text() == stamp:
        return kernel
    if not (folder / ".base").is_file() or (folder / ".base").read_text() != base_stamp:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(built, folder, ignore=shutil.ignore_patterns("*.img", "*.bin", ".config", "flash", "typecheck"))
        for part in (ROOT / "firmware").iterdir():
            shutil.rmtree(folder / part.name, ignore_errors=True)
        for pattern in OF_A_BOARD:
            for made in folder.glob(pattern):
                made.unlink()
        write(folder / ".base", base_stamp)
    (folder / ".built").unlink(missing_ok=True)
    (folder / ".config").unlink(missing_ok=True)
    if options:
        write(folder / ".config", "".join(f"CONFIG_{option}\n" for option in options))
    run(sys.executable, "-m", "adder.build.configure", str(board), str(folder))
    run(sys.executable, "-m", "adder.build.manifest", str(board), str(folder))
    if littlefs_of(folder) != littlefs_of(built):
        for made in folder.glob("extmod/*.o"):
            made.unlink()
    names = names_in(folder / "peripherals.h")
    told = fingerprint([(base_stamp, b""), *((name, (folder / name).read_bytes()) for name in HEADERS)])[:16]
    if names <= known_names(built):
        # The table of strings is what it was: let make not look for them again, or it compiles everything.
        shutil.copystat(built / "peripherals.h", folder / "peripherals.h")
        _take_from_equal(folder, told)
        take_over(built, folder)
        _make(board, folder, python)
    else:
        # Names are numbers in every object: with a new name, other numbers. Who has the same can lend them.
        key = fingerprint([(base_stamp, repr((sorted(names), littlefs_of(folder))).encode())])[:16]
        lender = FOLDER / f"names-{key}"
        with alone(lender):
            _borrow(Path(lender.read_text()) if lender.is_file() else None, folder, key)
            _take_from_equal(folder, told)
            _make(board, folder, python)
            write(folder / ".names", key)
            write(lender, str(folder))
    write(folder / ".built", stamp)
    with alone(FOLDER / f"told-{told}"):
        write(FOLDER / f"told-{told}", str(folder))
    return kernel


def _take_from_equal(folder: Path, told: str) -> None:
    """Take firmware's objects from a kernel whose headers say the same, if there is one."""
    known = FOLDER / f"told-{told}"
    with alone(known):
        lender = Path(known.read_text()) if known.is_file() else folder
    if lender != folder and all(
        (lender / name).is_file() and (lender / name).read_bytes() == (folder / name).read_bytes() for name in HEADERS
    ):
        take_over(lender, folder)


def _borrow(lender: Path | None, folder: Path, key: str) -> None:
    """Take MicroPython's objects from a kernel that has the same names; without one, there are none."""

    def has_them(one: Path) -> bool:
        return (one / ".names").is_file() and (one / ".names").read_text() == key

    if has_them(folder):
        return
    own = {part.name for part in (ROOT / "firmware").iterdir()}
    for made in folder.rglob("*.o"):
        made.unlink()
    if lender is None or not has_them(lender):
        return
    for path in (*lender.rglob("*.o"), *(lender / "genhdr").rglob("*")):
        part = path.relative_to(lender)
        if path.is_file() and part.parts[0] not in own and not any(part.match(pattern) for pattern in OF_A_BOARD):
            shutil.copy2(path, folder / part)


def _make(board: str | Path, folder: Path, python: Path | None) -> None:
    top = (ROOT / (ROOT / "build/.micropython").read_text().strip()).resolve()
    run(
        "make", "-s", "-j2", "-C", str(ROOT / "firmware" / "port"), f"BOARD={board}", f"BUILD={folder}", f"TOP={top}",
        f"PYTHON={sys.executable}{f' {python}' if python else ''}",
    )  # fmt: skip
