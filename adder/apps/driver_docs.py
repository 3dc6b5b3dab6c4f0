"""docs/drivers.md: the drivers that programs find, made of the capsules' docstrings, the boards' wiring and the tests.

    python -m adder.apps.driver_docs      writes it (`make reference`)

A test refuses a page that is out of date, and a capsule without a test.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adder.apps.drivers import DRIVERS
from adder.board import ROOT
from adder.board.configuration import load, values
from adder.errors import AdderError

CHIPS = ("qemu", "nrf52840")
"""The boards with a file of their own."""

PAGE = ROOT / "docs" / "drivers.md"
LIBRARY = ROOT / "apps" / "library" / "adder"
TESTS = ROOT / "tests" / "host" / "capsules"

LIBRARY_MODULES = {"nonvolatile_storage": "storage", "temperature": "sensors", "quantity": "sensors"} | dict.fromkeys(
    ("proximity", "distance", "rainfall", "air_quality"), "sensors"
)
"""Modules of the Python library that are not called like the capsule."""

HEAD = """# Drivers

What a program can ask the kernel for, by driver number. This page is made of the capsules' own docstrings
(`make reference`), which are their specification; numbers, commands and errors are [Tock's](abi.md), and where one
differs its text says so. Command 0 asks whether a driver exists; a driver that the board has not, or that the program
has no permission for, gives NODEVICE.
"""


@dataclass(frozen=True)
class Capsule:
    """One file that serves a driver number, or several of one form."""

    path: Path
    docstring: str
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def module(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)


def capsules() -> list[Capsule]:
    """All of them, by number."""
    found = []
    for path in sorted((ROOT / "capsules").rglob("*.py")):
        if path.parent.name == "bringup":
            continue  # in no board's kernel
        text = path.read_text()
        if re.search(r"(?m)^DRIVER_NUM\b", text):
            docstring = ast.get_docstring(ast.parse(text)) or ""
            numbers = tuple(int(one, 16) for one in re.findall(r"(?m)^Driver number (0x[0-9A-Fa-f]+)", docstring))
            if not numbers:
                raise AdderError(f"{path.relative_to(ROOT)} does not say which driver number it serves.")
            found.append(Capsule(path, docstring, numbers))
    return sorted(found, key=lambda capsule: capsule.numbers)


def served(board: str) -> dict[str, str]:
    """The capsules, by their files' names, that a board can have; each with the option that it depends on, or none."""
    text = (ROOT / "boards" / board / "board.py").read_text()
    imported = set(re.findall(r"(?m)^ *from capsules\.(?:core|sensors) import (.*)$", text))
    names = {name.split(" as ")[0] for line in imported for name in line.split(", ")}
    found = {}
    for name in names:
        option = re.search(
            rf"(?m)^if config\.(\w+):\n    from capsules\.(?:core|sensors) import {name}(?: as \w+)?$", text
        )
        found[name] = option[1] if option else ""
    return found


def boards(capsule: Capsule) -> Iterator[str]:
    """In words, where it is."""
    for board in CHIPS:
        has = served(board)
        if capsule.name not in has:
            continue
        option = has[capsule.name]
        default = not option or values(load(board, ROOT / "no such folder"))[option]
        yield f"{board}" + (f" (`CONFIG_{option}`" + (")" if default else ", off at first)") if option else "")


def checked_by(capsule: Capsule) -> list[str]:
    """The host tests that import it."""
    folder, name = capsule.module.rsplit(".", 1)
    pattern = re.compile(rf"from {re.escape(capsule.module)} import|from {re.escape(folder)} import .*\b{name}\b")
    found = [path for path in sorted(TESTS.glob("test_*.py")) if pattern.search(path.read_text())]
    return [path.relative_to(ROOT).as_posix() for path in found]


def section(capsule: Capsule) -> str:
    """What the page says of one capsule."""
    numbers = ", ".join(f"0x{number:X}" for number in capsule.numbers)
    title = capsule.docstring.splitlines()[0].partition(". ")[0].rstrip(".")
    library = LIBRARY_MODULES.get(capsule.name, capsule.name)
    names = {number: name for name, number in DRIVERS.items()}
    facts = [f"`{capsule.path.relative_to(ROOT).as_posix()}`", f"boards: {', '.join(boards(capsule)) or 'none'}"]
    facts.append("permission: " + ", ".join(f"`{names[number]}`" for number in capsule.numbers))
    if (LIBRARY / f"{library}.py").exists():
        facts.append(f"to try: [`adder.{library}`](python-library.md#adder{library})")
    facts.append("tests: " + ", ".join(f"`{test}`" for test in checked_by(capsule)))
    return f"## {numbers}: {title}\n\n{'; '.join(facts)}.\n\n```text\n{capsule.docstring}\n```"


def page() -> str:
    """docs/drivers.md."""
    return "\n\n".join([HEAD.strip(), *map(section, capsules())]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
