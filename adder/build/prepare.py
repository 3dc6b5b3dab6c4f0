"""What a module of the kernel's Python becomes before it is compiled: a smaller syntax tree, and its text.

Annotations go, and what only the type checker needs; constants of other modules, and `config.X`, become numbers,
since mpy-cross folds only what it sees; functions of machine words get the viper decorator. What is compiled is printed
from the tree, so the compiler reads no line that somebody wrote.
"""

import ast
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

HOST_ONLY = ("typing", "capsules.hil", "__future__")
"""Modules that exist for the type checker alone; importing them costs nothing on the device."""

TYPES = {
    "Callback",
    "CommandReturn",
    "Entry",
    "Field",
    "FlashRange",
    "Grant",
    "InterruptLine",
    "KernelLog",
    "ProcessControl",
    "ProcessId",
    "ProcessLoader",
    "Registers",
    "UserBuffer",
}
"""Names in `kernel` that only annotations use: nobody can make such an object but the core."""

WORD_TYPES = {"int", "bool"}


class Refused(Exception):
    """What cannot be prepared, and where."""

    def __init__(self, node: ast.stmt | ast.expr, what: str) -> None:
        super().__init__(what)
        self.line = node.lineno


class Constants(Protocol):
    """Knows the constants of other modules; None for a module that is in no image."""

    def __call__(self, module: str, /) -> Mapping[str, int]: ...


def is_host_only(name: str) -> bool:
    """Whether the module exists for the type checker alone."""
    return any(name == module or name.startswith(module + ".") for module in HOST_ONLY)


class Prepare(ast.NodeTransformer):
    """Does all of it to one tree."""

    def __init__(self, options: Mapping[str, int], constants: Constants, words: list[ast.FunctionDef]) -> None:
        self.options = options  # Kconfig's
        self.constants = constants
        self.words = words  # which functions are of machine words

    def visit_Import(self, node: ast.Import) -> ast.Import | None:
        names = [alias for alias in node.names if alias.name != "config"]
        for alias in names:
            if is_host_only(alias.name):
                raise Refused(node, f"write `from {alias.name} import …` instead")
        return ast.Import(names) if names else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        module = node.module or ""
        names = node.names
        if module == "micropython":
            return []  # const is known to the compiler
        if module == "kernel":
            names = [alias for alias in names if alias.name not in TYPES]
        constants = self.constants(module)
        folded = [alias for alias in names if alias.name in constants]
        made: list[ast.stmt] = [
            assignment(alias.asname or alias.name, call("const", ast.Constant(constants[alias.name])))
            for alias in folded
        ]
        kept = [] if is_host_only(module) else [alias for alias in names if alias not in folded]
        return [*made, ast.ImportFrom(module, kept, 0)] if kept else made

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            raise Refused(node, "give the annotated name a value")
        return self.generic_visit(ast.Assign([node.target], node.value, lineno=node.lineno))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        of_words = node in self.words
        arguments = node.args
        for argument in (*arguments.args, arguments.vararg, arguments.kwarg):
            # An unused parameter, `_`, needs no conversion.
            if argument is not None and not (of_words and argument.arg != "_" and is_word(argument.annotation)):
                argument.annotation = None
        if not (of_words and is_word(node.returns)):
            node.returns = None
        if of_words:
            node.decorator_list = [ast.Attribute(ast.Name("micropython"), "viper")]
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "config":
            if node.attr not in self.options:
                raise Refused(node, f"there is no option {node.attr} in Kconfig")
            return ast.Constant(self.options[node.attr])
        return self.generic_visit(node)


def is_word(annotation: ast.expr | None) -> bool:
    """Whether a function of machine words has a word there."""
    return isinstance(annotation, ast.Name) and annotation.id in WORD_TYPES


def assignment(name: str, value: ast.expr) -> ast.stmt:
    """NAME = value"""
    return ast.Assign([ast.Name(name)], value, lineno=0)


def call(function: str, argument: ast.expr) -> ast.expr:
    """FUNCTION(argument)"""
    return ast.Call(ast.Name(function), [argument], [])


def printed(tree: ast.Module) -> str:
    """The text of a tree."""
    text = ast.unparse(tree)
    # `a, b = c, d`: MicroPython makes no tuple of the right side if it has no parentheses, which Python adds.
    plain = re.sub(r"^(\s*[\w., ]+, [\w., ]+ = )\((.*)\)$", r"\1\2", text, flags=re.MULTILINE)
    if plain == text:
        return text + "\n"
    try:
        same = ast.dump(ast.parse(plain)) == ast.dump(ast.parse(text))
    except SyntaxError:  # `a, b = ()` needs them
        same = False
    return (plain if same else text) + "\n"


# -- Lines --------------------------------------------------------------------

LINES = ".lines"
"""How the file ends that tells which line of a source a line of what was compiled is."""


def statements(node: ast.AST) -> Iterator[ast.stmt | ast.excepthandler]:
    """All that are in it, in the order of the text."""
    for part in ("body", "handlers", "orelse", "finalbody"):
        for one in getattr(node, part, ()):
            yield one
            yield from statements(one)


def lines_of(tree: ast.Module, text: str) -> dict[int, int]:
    """The line in the source of each line in the text that was printed of its tree."""
    pairs = zip(statements(ast.parse(text)), statements(tree), strict=True)
    return {new.lineno: old.lineno for new, old in pairs if getattr(old, "lineno", 0)}


def with_source_lines(said: str, folder: Path) -> str:
    """A traceback of a board that was compiled in this folder, with its files and lines as they were written."""

    def place(match: re.Match[str]) -> str:
        path = (folder / "frozen" / match[1]).with_suffix(LINES)
        if not path.is_file():
            return match[0]
        known = json.loads(path.read_text())
        return f'File "{known["path"]}", line {known["lines"].get(match[2], match[2])}'

    return re.sub(r'File "([\w/]+\.py)", line (\d+)', place, said)


# -- Constants ----------------------------------------------------------------

_OPERATORS: dict[type[ast.operator] | type[ast.unaryop], Callable[..., int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


def constants_of(tree: ast.Module) -> dict[str, int]:
    """What a module defines as `NAME = const(number)`."""
    return {
        node.targets[0].id: value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and (value := const_value(node.value)) is not None
    }


def const_value(node: ast.expr) -> int | None:
    """The number in `const(number)`; it may be computed from literals. Nothing of the source is run."""

    def fold(part: ast.expr) -> int:
        if isinstance(part, ast.Constant) and isinstance(part.value, int):
            return int(part.value)
        if isinstance(part, ast.BinOp) and type(part.op) in _OPERATORS:
            left, right = fold(part.left), fold(part.right)
            if abs(left) < 1 << 32 and abs(right) < 1 << 32 and not (isinstance(part.op, ast.LShift) and right > 32):
                return _OPERATORS[type(part.op)](left, right)
        if isinstance(part, ast.UnaryOp) and type(part.op) in _OPERATORS:
            return _OPERATORS[type(part.op)](fold(part.operand))
        raise ValueError("no constant")

    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "const"
        and len(node.args) == 1
    ):
        try:
            return fold(node.args[0])
        except (ValueError, ZeroDivisionError):
            return None
    return None
