"""Which code in a frozen image belongs to which function or class of the source.

MicroPython's mpy-tool.py calls a scope by what it joins with underscores: the file's path, the names around it, its
own, and a number if that is taken. So class `_write` of module `console_Console` would be called like method `_write`
of class `Console` in module `console`. Who decides by such a name what a class is can be deceived; so nothing here
takes a name apart. The compiled files are read with mpy-tool.py's own reader, scope by scope, beside the syntax trees.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adder.errors import AdderError


@dataclass
class Scope:
    """The code of a module, class, function, lambda or comprehension."""

    symbol: str  # as mpy-tool.py calls it in C: fun_data_SYMBOL, proto_fun_SYMBOL
    name: str  # as the source calls it: `command`, `<lambda>`; of a function of machine words, the file's path
    children: list["Scope"] = field(default_factory=list)

    def inner(self) -> Iterator["Scope"]:
        """All scopes in this one."""
        for child in self.children:
            yield child
            yield from child.inner()

    def classes(self, body: list[ast.stmt]) -> Iterator[tuple["Scope", ast.ClassDef]]:
        """The bodies of classes, with their trees, that the statements of this scope define, and theirs.

        A name that is defined twice is left out: which is which would be a guess.
        """
        names = [node.name for node in defined(body)]
        twice = {name for name in names if names.count(name) > 1}
        for node in defined(body):
            found = [child for child in self.children if child.name == node.name]
            if isinstance(node, ast.ClassDef) and len(found) == 1 and node.name not in twice:
                yield found[0], node
                yield from found[0].classes(node.body)

    def maker(self) -> Iterator["Scope"]:
        """A class's `__init__`, and all in it."""
        found = [child for child in self.children if child.name == "__init__"]
        if len(found) == 1:
            yield found[0]
            yield from found[0].inner()

    def readable(self, words: list[str], around: str = "") -> Iterator[tuple["Scope", str]]:
        """Names for people: `Led.command`, `Led.__init__.<lambda>`. `words`: the functions of machine words, in order.

        The compiler calls these by their file. Those of one scope stand in the order of the source.
        """
        own = iter([word for word in words if word.rpartition(".")[0] == around.rstrip(".")])
        for child in self.children:
            name = next(own, around + "?") if child.name.endswith(".py") else around + child.name
            yield child, name
            yield from child.readable(words, name + ".")


def defined(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The classes and functions that these statements define, under conditions as well."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node
        elif isinstance(node, ast.stmt | ast.excepthandler):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def scopes(tool: Path, compiled: list[Path]) -> dict[str, Scope]:
    """The scopes of modules, by the file that a traceback shows; `compiled` as mpy-tool.py gets them, in that order."""
    reader = load(tool)
    found: dict[str, Scope] = {}
    joined: dict[str, str] = {}
    for path in compiled:
        module = reader.read_mpy(str(path))
        file = module.source_file.str
        if module.escaped_name in joined:
            first = joined[module.escaped_name]
            raise AdderError(f"{first} and {file} would have one name in the image: give one of them another.")
        joined[module.escaped_name] = file
        found[file] = scope_of(module.raw_code)
    return found


def load(tool: Path) -> Any:
    """A copy of mpy-tool.py of its own: it numbers names by what it has read."""
    spec = importlib.util.spec_from_file_location("mpy_tool", tool)
    if spec is None or spec.loader is None:
        raise AdderError(f"There is no {tool}.")
    module = importlib.util.module_from_spec(spec)
    before, sys.path[:] = sys.path[:], [str(tool.parent), *sys.path]  # it looks for its parts beside itself
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
    module.config.MICROPY_LONGINT_IMPL = module.config.MICROPY_LONGINT_IMPL_MPZ
    module.config.MPZ_DIG_SIZE = 16
    module.config.native_arch = module.MP_NATIVE_ARCH_NONE
    vars(module)["global_qstrs"] = module.GlobalQStrList()
    return module


def scope_of(code: Any) -> Scope:
    """What mpy-tool.py has read, as a scope."""
    return Scope(code.escaped_name, code.simple_name.str, [scope_of(child) for child in code.children])
