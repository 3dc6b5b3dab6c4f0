"""Where things are in the sources: the functions of machine code in the image, and the classes of its modules."""

import ast
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from adder.build.freeze import Freezer, of_board, recipes_stay
from adder.wire.kernel import Kernel


def function_at(kernel: Kernel, address: int) -> str:
    """The function of the kernel's Python whose machine code is there, if there is one: its file and name."""
    parts = ("_frozen_code", "_wiring_code")
    if not any(kernel.symbols[f"{part}_start"] <= address < kernel.symbols[f"{part}_end"] for part in parts):
        return ""
    before = [found for kind in ("frozen", "wiring") for found in machine_code(kernel, kind) if found[0] < address]
    return max(before)[1] if before else ""


def machine_code(kernel: Kernel, kind: str) -> Iterator[tuple[int, str]]:
    """Where they begin, and what a traceback calls them: the tables that adder/build/freeze.py has made."""
    listed, texts = (
        kernel.bytes(kernel.symbols[name], kernel.sizes[name])
        for name in (f"{kind}_functions", f"{kind}_function_texts")
    )
    for code, *names in struct.iter_unpack("<IHH", listed[:-8]):  # the last one is none
        yield code, ", ".join(texts[at : texts.index(0, at)].decode() for at in names)


def first_function(kernel: Kernel, words: Iterable[int]) -> str:
    """The first function of the kernel's Python that one of these words, from a stack, leads into, if there is one."""
    return next((found for word in words if (found := function_at(kernel, word))), "")


@dataclass
class Class:
    """What the source says of a class."""

    path: Path
    line: int
    later: dict[str, int] = field(default_factory=dict)
    """Attributes that are assigned elsewhere than in __init__, by the line where."""


def stored(node: ast.AST) -> dict[str, int]:
    """The attributes of self that are assigned within, and where. Those of others nobody may assign (CP007)."""
    return {
        inner.attr: inner.lineno
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.ctx, ast.Store)
        and isinstance(inner.value, ast.Name)
        and inner.value.id == "self"
    }


Node = TypeVar("Node", bound=ast.AST)


def functions(tree: ast.AST, kind: type[Node]) -> Iterator[Node]:
    """Nodes of a kind that lie in functions."""
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef | ast.Lambda):
            yield from (node for node in ast.walk(outer) if isinstance(node, kind))


class Sources:
    """The modules that are in a board's image."""

    def __init__(self, board: str, folder: Path) -> None:
        freezer = Freezer(board, folder)
        freezer.load("board")
        self.modules = freezer.modules
        self.recipes = recipes_stay(self.modules.values(), bool(freezer.options["CAPSULE_POLICY_RESTART"]))

    def used(self, module: str) -> set[str]:
        """The names that a module's functions mention, and those that any function looks up in something."""
        found = self.modules.get(module)
        return self._looked_up | ({node.id for node in functions(found.tree, ast.Name)} if found else set())

    @cached_property
    def _looked_up(self) -> set[str]:
        modules = self.modules.values()
        kept = [one for one in modules if self.recipes or not of_board(one)]
        return {node.attr for one in kept for node in functions(one.tree, ast.Attribute)}

    def class_(self, module: str, name: str) -> Class | None:
        """A class of a module."""
        found = self.modules.get(module)
        if found is None:
            return None
        for node in found.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                made = Class(found.shown, node.lineno)
                for inner in node.body:
                    if not (isinstance(inner, ast.FunctionDef) and inner.name == "__init__"):
                        made.later |= stored(inner)
                return made
        return None
