"""CP027: nothing is read of the world while the board is wired.

That happens when the kernel is built: what was read then would be the build's machine, not the board. So what runs
during wiring (`__init__`, recipes, and what these call, as far as the text of one module tells) may connect, and write
to registers; what reads a register, the flash, a clock or the processes belongs in `start`. An honest mistake is what
this finds; a driver that hides what it does has other ways.
"""

import ast
from collections.abc import Iterable, Iterator

from adder.verify.findings import source_of, unparsed
from adder.verify.nodes import walk
from adder.verify.program import Profile

READS = {
    "Registers": {"read", "end_dma"},
    "Field": {"read", "toggle"},
    "FlashRange": {"read", "erase"},
    "KernelLog": {"take"},
    "Flash": {"read"},
    "Pin": {"read"},
    "Led": {"is_on", "toggle"},
    "Clocks": {"is_high_running", "is_low_running", "reset_reasons"},
}
"""By type, the methods whose result is the world's. A field is read, too, when it is called without a value."""

CLOCKS = {"now"}
"""Methods that are a clock's, whatever has them."""

_READER = "a function that reads"


def reads_at_wiring(tree: ast.Module, profile: Profile) -> Iterator[tuple[ast.AST, str]]:
    """Where something is read while the board is wired."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = {inner.name: inner for inner in node.body if isinstance(inner, ast.FunctionDef)}
            if "__init__" in methods:
                holding = _attributes(methods)
                for function in _reached("__init__", methods, functions):
                    yield from _reads(function, holding)
    if profile is Profile.COMPONENT:
        for function in functions.values():
            yield from _reads(function, {})
    if profile is Profile.BOARD:
        yield from _reads(tree, {})


Functions = dict[str, ast.FunctionDef]


def _reached(first: str, methods: Functions, functions: Functions) -> list[ast.FunctionDef]:
    """The method, and what it calls of its class and module."""
    found = [methods[first]]
    for function in found:
        for node in walk(function):
            called = None
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                    called = methods.get(name)
                case ast.Call(func=ast.Name(id=name)):
                    called = functions.get(name)
            if called is not None and called not in found:
                found.append(called)
    return found


def _attributes(methods: Functions) -> dict[str, str]:
    """What the attributes of self hold."""
    holding: dict[str, str] = {}
    assigning = {
        method: [node for node in walk(method) if isinstance(node, ast.Assign | ast.AnnAssign)]
        for method in methods.values()
    }
    for _ in range(2):  # what a method assigns may be used in one that stands before
        for method, nodes in assigning.items():
            held = _locals(method, nodes, holding)
            for node in nodes:
                match node:
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                        pass
                    case ast.AnnAssign(
                        target=ast.Attribute(value=ast.Name(id="self"), attr=name), value=ast.expr() as value
                    ):
                        pass
                    case _:
                        continue
                if kind := _kind(value, held, holding):
                    holding[name] = kind
    return holding


def _locals(node: ast.AST, below: Iterable[ast.AST], holding: dict[str, str]) -> dict[str, str]:
    """What the parameters and locals hold; of a board, its names. `below` has the assignments below the node."""
    held: dict[str, str] = {}
    if isinstance(node, ast.FunctionDef):
        for argument in node.args.args:
            for name in _types(argument.annotation):
                if name in READS:
                    held[argument.arg] = name
    for inner in below:
        match inner:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if kind := _kind(value, held, holding):
                held[name] = kind
    return held


def _types(annotation: ast.expr | None) -> list[str]:
    """The types that an annotation names, outside of what a function takes and gives."""
    if annotation is None or "Callable" in unparsed(annotation):
        return []
    return unparsed(annotation).replace("'", "").replace("|", " ").split()


def _kind(value: ast.expr, held: dict[str, str], holding: dict[str, str]) -> str:
    """What an expression gives: a type of READS, a function that reads, or nothing of interest."""
    match value:
        case ast.Name(id=name):
            return held.get(name, "")
        case ast.Attribute(attr=name) if name in CLOCKS:
            return _READER
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return holding.get(name, "")
        case ast.Attribute(value=inner, attr=name):
            return _READER if name in READS.get(_kind(inner, held, holding), ()) else ""
        case ast.Call(func=ast.Attribute(value=ast.Name(id="mint"), attr="registers")):
            return "Registers"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="mint"), attr="flash")):
            return "FlashRange"
        case ast.Call(func=ast.Attribute(attr="field")):
            return "Field"
    return ""


def _reads(node: ast.AST, holding: dict[str, str]) -> Iterator[tuple[ast.AST, str]]:
    nodes = list(walk(node))
    held = _locals(node, nodes, holding)
    for inner in nodes:
        if isinstance(inner, ast.Call):
            kind = _kind(inner.func, held, holding)
            if kind == _READER or (kind == "Field" and not inner.args):
                yield inner, f"'{source_of(inner)}'"
