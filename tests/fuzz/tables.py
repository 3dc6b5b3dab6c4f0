"""What generated programs may call: read from the verifier's lists, the table of C functions, the stubs, and sources.

What becomes reachable is in one of these first, and so is called by the next program.
"""

import ast
import tomllib
from functools import cache
from typing import NamedTuple

from adder.board import ROOT
from adder.verify import whitelist


class Function(NamedTuple):
    """A function: its name, the kinds of its arguments (without self), and of its result. A property is not called."""

    name: str
    takes: tuple[str, ...]
    gives: str
    called: bool = True


TABLE = ROOT / "adder" / "verify" / "functions.toml"
STUBS = ("kernel", "cells")
SOURCES = {
    "Victim": "tests/adversarial/hostile/board/victim.py",
    "VirtualAlarm": "capsules/virtual/virtual_alarm.py",
    "UartDevice": "capsules/virtual/virtual_uart.py",
}
"""Classes of other capsules, of which a program is given an object."""

KINDS = {
    "int": "number",
    "bool": "number",
    "str": "text",
    "bytes": "bytes",
    "list": "list",
    "tuple": "tuple",
    "None": "none",
    "Callable": "function",
}
"""Kinds of values that are no power, by their names in annotations."""

TYPES = {
    "str": "text",
    "bytes": "bytes",
    "list": "list",
    "control": "ProcessControl",
    "loader": "ProcessLoader",
    "grant": "Grant",
    "entry": "Entry",
    "flash_range": "FlashRange",
    "interrupt_line": "InterruptLine",
    "registers": "Registers",
    "buffer": "Buffer",
    "take_cell": "TakeCell",
    "user_buffer": "UserBuffer",
    "log": "KernelLog",
}
"""Names of types in the table of C functions."""

SMALL = {"slot", "number", "field", "piece", "page"}
"""Parameters of which but a few values are any good."""

LEFT_OUT = {"panic"}
"""A power to end everything is no way around the others."""


def kind_of(annotation: ast.expr | None) -> str:
    """The kind that an annotation names; of several, the first."""
    match annotation:
        case ast.Constant(value=str(text)):
            return kind_of(ast.parse(text, mode="eval").body)
        case ast.Constant(value=None):
            return "none"
        case ast.Subscript(value=value):
            return kind_of(value)
        case ast.BinOp(left=left):
            return kind_of(left)
        case ast.Name(id=name):
            return KINDS.get(name, "anything" if name.startswith("_") or name in ("Any", "object") else name)
    return "anything"


def _functions_of(body: list[ast.stmt], method: bool) -> list[Function]:
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name not in LEFT_OUT:
            arguments = [*node.args.posonlyargs, *node.args.args][method:]
            takes = tuple("small" if a.arg in SMALL else kind_of(a.annotation) for a in arguments)
            found[node.name] = Function(node.name, takes, kind_of(node.returns), not node.decorator_list or bool(takes))
    return list(found.values())


def _of_table() -> dict[str, list[Function]]:
    """The methods in C, if the table of them is there."""
    if not TABLE.is_file():
        return {}
    found: dict[str, list[Function]] = {}
    for kind, methods in tomllib.loads(TABLE.read_text()).get("methods", {}).items():
        for name, row in methods.items():
            takes = [one.rstrip("?").split(" | ")[0] for one in row["takes"] if one != "..."]
            if name not in LEFT_OUT | whitelist.RESERVED:
                found.setdefault(TYPES.get(kind, kind), []).append(
                    Function(name, tuple(takes), row["gives"].split(" | ")[0])
                )
    return found


@cache
def methods() -> dict[str, list[Function]]:
    """All methods, by the kind of the object."""
    found = {
        "text": [
            Function("find", ("text",), "number"),
            Function("join", ("list",), "text"),
            Function("replace", ("text", "text"), "text"),
        ],
        "bytes": [
            Function("find", ("bytes",), "number"),
            Function("join", ("list",), "bytes"),
            Function("replace", ("bytes", "bytes"), "bytes"),
        ],
        "list": [
            Function("append", ("anything",), "none"),
            Function("clear", (), "none"),
            Function("copy", (), "list"),
            Function("pop", (), "anything"),
            Function("pop", ("number",), "anything"),
        ],
    }
    for stub in STUBS:
        for node in ast.parse((ROOT / "firmware" / "stubs" / f"{stub}.pyi").read_text()).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = _functions_of(node.body, method=True)
    for kind, functions in _of_table().items():
        known = {function.name for function in found.get(kind, [])}
        found[kind] = [*found.get(kind, []), *(function for function in functions if function.name not in known)]
    for name, path in SOURCES.items():
        for node in ast.parse((ROOT / path).read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                found[name] = _functions_of(node.body, method=True)
    return {kind: functions for kind, functions in found.items() if functions}


@cache
def kernel_functions() -> list[Function]:
    """What can be imported from `kernel` and called."""
    stub = _functions_of(ast.parse((ROOT / "firmware" / "stubs" / "kernel.pyi").read_text()).body, method=False)
    known = {function.name: function for function in stub}
    offered = [name for name, kind in whitelist.MODULES["kernel"].items() if kind is whitelist.Kind.FUNCTION]
    return [known.get(name, Function(name, ("anything",), "anything")) for name in offered]


@cache
def builtins() -> list[tuple[str, int, int]]:
    """Built-in functions, and how many arguments they take; `range` stands in a `for` alone."""
    try:
        from adder.verify.functions import BUILTINS

        listed = {name: (call.least, call.most) for name, call in BUILTINS.items()}
    except ImportError:
        listed = dict(whitelist.BUILTINS)
    return [(name, least, most) for name, (least, most) in listed.items() if name not in ("range", "tuple")]


NUMBERS = ("abs", "bool", "int", "len", "ord")
EXCEPTIONS = sorted(whitelist.EXCEPTIONS)
