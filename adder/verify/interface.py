"""CP022: the docstring of a capsule says what it serves, and the code serves no more."""

import ast
import re

from adder.verify.findings import Report
from adder.verify.nodes import walk

_DRIVER = re.compile(r"Driver number (0x[0-9A-Fa-f]+)")
_TABLE = re.compile(r"^Command$(.*?)(?:^\S|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^ {4}(\d+)(?=\s)", re.MULTILINE)


def check_interface(tree: ast.Module, report: Report) -> None:
    """A module with a class that has a method `command`."""
    drivers = [node for node in tree.body if isinstance(node, ast.ClassDef) and "command" in _methods(node)]
    if not drivers:
        return
    text = ast.get_docstring(tree) or ""
    said = _DRIVER.search(text)
    number = _constants(tree).get("DRIVER_NUM")
    if said is None or number is None or int(said[1], 16) != number:
        what = "no line 'Driver number 0x...'" if said is None else f"it says {said[1]}, and DRIVER_NUM is {number}"
        report.add(tree.body[0], "CP022", what)
    table = _TABLE.search(text)
    if table is None:
        report.add(tree.body[0], "CP022", "no table 'Command'")
        return
    listed = {int(entry) for entry in _ENTRY.findall(table[1])}
    for driver in drivers:
        _check_numbers(driver, listed, _constants(tree), report)


def _check_numbers(driver: ast.ClassDef, listed: set[int], constants: dict[str, int], report: Report) -> None:
    """Follow the command's number into the methods that it is passed to."""
    methods = _methods(driver)
    waiting = [("command", 1)]
    seen = set()
    while waiting:
        name, place = waiting.pop()
        if (name, place) in seen or name not in methods or place >= len(methods[name].args.args):
            continue
        seen.add((name, place))
        parameter = methods[name].args.args[place].arg
        for node in walk(methods[name]):
            if isinstance(node, ast.Compare):
                for value in _compared(node, parameter, constants) - listed:
                    report.add(node, "CP022", f"command {value} is not in the table")
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                passed = [i for i, a in enumerate(node.args, 1) if isinstance(a, ast.Name) and a.id == parameter]
                waiting += [(node.func.attr, i) for i in passed]


def _compared(node: ast.Compare, parameter: str, constants: dict[str, int]) -> set[int]:
    """The numbers with which a parameter is compared by == or !=."""
    parts = [node.left, *node.comparators]
    found = set()
    for left, op, right in zip(parts, node.ops, parts[1:], strict=False):
        if isinstance(op, ast.Eq | ast.NotEq):
            for name, value in ((left, right), (right, left)):
                if isinstance(name, ast.Name) and name.id == parameter:
                    if isinstance(value, ast.Constant) and isinstance(value.value, int):
                        found.add(value.value)
                    elif isinstance(value, ast.Name) and value.id in constants:
                        found.add(constants[value.id])
    return found


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {inner.name: inner for inner in node.body if isinstance(inner, ast.FunctionDef)}


def _constants(tree: ast.Module) -> dict[str, int]:
    """The module's constants that are one number: `NAME = 1`, `NAME = const(1)`."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[ast.Constant(value=int(value))])):
                found[name] = value
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int(value))):
                found[name] = value
    return found
