"""Which expressions are surely integers, whatever their operands are.

Capsule Python has no floats, sets or dicts and no operators of its own classes, so `-`, `//`, `|`, `&`, `^`, `<<`
and `>>` return an integer or raise.
"""

import ast

from adder.verify.program import is_switch
from adder.verify.whitelist import NUMBERS

_AN_INTEGER = ast.Constant(0)
_ANYTHING = ast.Constant(None)
_NUMERIC = (ast.Sub, ast.FloorDiv, ast.LShift, ast.RShift, ast.BitOr, ast.BitXor, ast.BitAnd)


def is_number(node: ast.expr, known: set[str]) -> bool:
    """Whether the value is surely an integer; `known` are the names that are."""
    match node:
        case ast.Constant(value=int()) | ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.UnaryOp(operand=operand):
            return is_number(operand, known)
        case ast.Name(id=name):
            return name in known
        case ast.Call(func=ast.Name(id=name)):
            return name in NUMBERS
        case ast.BinOp(left=left, op=op, right=right):
            if isinstance(op, ast.Add):  # what can be added to an integer is one
                return is_number(left, known) or is_number(right, known)
            return isinstance(op, _NUMERIC) or (
                is_number(left, known) and (isinstance(op, ast.Mod) or is_number(right, known))
            )
        case ast.IfExp(body=body, orelse=orelse):
            return is_number(body, known) and is_number(orelse, known)
        case ast.BoolOp(values=values):
            return all(is_number(value, known) for value in values)
        case ast.Attribute():
            return is_switch(node)
    return False


def bindings(body: list[ast.stmt]) -> dict[str, list[ast.expr]]:
    """All that is assigned to each local of a function."""
    found: dict[str, list[ast.expr]] = {}

    def bind(target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple | ast.List):
            pairs = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
            for i, element in enumerate(target.elts):
                bind(element, value.elts[i] if pairs and isinstance(value, ast.Tuple) else _ANYTHING)

    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    bind(target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                bind(node.target, node.value)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                bind(node.target, ast.BinOp(ast.Name(node.target.id), node.op, node.value))
            elif isinstance(node, ast.For):
                bind(node.target, element_of(node.iter))
            elif isinstance(node, ast.ExceptHandler) and node.name:
                bind(ast.Name(node.name), _ANYTHING)
    return found


def element_of(iterable: ast.expr) -> ast.expr:
    """What iterating gives: integers for `range`."""
    counts = isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id == "range"
    return _AN_INTEGER if counts else _ANYTHING


def numbers_among(bound: dict[str, list[ast.expr]], known: set[str]) -> set[str]:
    """The locals to which nothing but integers is ever assigned."""
    numbers = set(bound)
    while dropped := {n for n in numbers if not all(is_number(value, numbers | known) for value in bound[n])}:
        numbers -= dropped
    return numbers
