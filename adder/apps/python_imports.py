"""What a Python app imports, and whether it will find it: in itself, in the library, or in the interpreter."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from adder.apps.drivers import nearest
from adder.board import ROOT
from adder.errors import AdderError

FOREIGN = {
    "machine": "hardware is the kernel's; `adder` has what the board offers",
    "network": "there is no network",
    "threading": "use asyncio, or several apps",
    "_thread": "use asyncio, or several apps",
    "typing": "leave annotations as text, without the import",
    "utime": "it is called time",
    "uasyncio": "it is called asyncio",
}
"""Modules that people look for, and what to do instead."""

ASYNCIO = "asyncio"
BUILT = re.compile(r"MP_ROM_QSTR\(MP_QSTR_(\w+)\)")
KERNELS_OWN = {"kernel", "mint", "cells"}


@cache
def image_modules() -> frozenset[str]:
    """The modules that the image has for apps; empty if no kernel has been built to say so."""
    found: set[str] = set()
    for table in sorted((ROOT / "build").glob("*/genhdr/moduledefs.h")):
        found |= set(BUILT.findall(table.read_text()))
    if not found:
        return frozenset()
    library = {path.stem for path in (ROOT / "apps" / "library").iterdir() if not path.name.startswith(("_", "."))}
    return frozenset(found - KERNELS_OWN | library | {ASYNCIO})


class _Imports(ast.NodeVisitor):
    """Collects the modules that a source imports, but for those that it can do without."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(node.lineno, alias.name) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module:
            self.found.append((node.lineno, node.module))

    def visit_Try(self, node: ast.Try) -> None:
        guarded = any(
            handler.type is None
            or {part.id for part in ast.walk(handler.type) if isinstance(part, ast.Name)}
            & {"ImportError", "Exception", "BaseException"}
            for handler in node.handlers
        )
        for part in node.body if not guarded else ():
            self.visit(part)
        for other in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(other)

    def visit_If(self, node: ast.If) -> None:
        """`if TYPE_CHECKING:` is for editors."""
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)


def imports(text: str) -> Iterator[tuple[int, str]]:
    """The lines and names of what a source imports; of one that CPython cannot read, nothing."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # MicroPython's compiler will say
    collector = _Imports()
    collector.visit(tree)
    yield from collector.found


def check_imports(source: Path, text: str, own: Collection[str], alone: bool = False) -> None:
    """Refuse an import that will fail on the board; `own` are the app's modules and folders.

    `alone`: the source is the whole app, and what lies beside it is none of that.
    """
    there = image_modules()
    for line, name in imports(text) if there else ():
        top = name.split(".")[0]
        if top in there or top in own:
            continue
        if alone and any(
            (source.parent / path).is_file() for path in (f"{top}.py", f"{top}.mpy", f"{top}/__init__.py")
        ):
            folder = source.absolute().parent
            how = f"install the folder, {folder.name}"
            if source.name != "main.py":
                how = f"make a folder of both, in which {source.name} is called main.py, and install that"
            raise AdderError(f"{source}:{line}: the module '{top}' lies beside it, and not in it: {how}.")
        guess = nearest(top, [*there, *own])
        hint = (
            FOREIGN.get(top)
            or (f"did you mean '{guess}'? " if guess else "") + "An app's own modules lie in its folder"
        )
        raise AdderError(
            f"{source}:{line}: no image has a module '{top}': {hint}; or import it within `try` … `except ImportError`."
        )
