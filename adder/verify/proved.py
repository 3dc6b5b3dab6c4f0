"""What is proved of an expression, whatever the values of parameters, attributes, calls and iterations are.

A value is a number if it is a literal, a constant, a comparison, what a built-in function gives as one, or arithmetic
on numbers. Everything else may be anything: MicroPython asks nobody for types.
"""

import ast

from adder.verify.functions import BUILTINS, GIVES, OPERATORS
from adder.verify.nodes import walk
from adder.verify.program import is_switch
from adder.verify.whitelist import FORMAT

_ANYTHING = ast.Constant(None)


def is_number(node: ast.expr, known: set[str]) -> bool:
    """Whether the value is surely an integer; `known` are the names that are."""
    match node:
        case ast.Constant(value=int()) | ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.UnaryOp(operand=operand):
            return is_number(operand, known)
        case ast.Name(id=name):
            return name in known
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in BUILTINS:
            return _gives_number(BUILTINS[name].gives, arguments, known)
        case ast.BinOp(left=left, op=op, right=right):
            return _gives_number(GIVES.get(type(op).__name__, ""), [left, right], known)
        case ast.IfExp(body=body, orelse=orelse):
            return is_number(body, known) and is_number(orelse, known)
        case ast.BoolOp(values=values):
            return all(is_number(value, known) for value in values)
        case ast.Attribute():
            return is_switch(node)
    return False


def _gives_number(gives: str, arguments: list[ast.expr], known: set[str]) -> bool:
    return gives == "number" or (gives == "argument" and all(is_number(argument, known) for argument in arguments))


def is_proved(kind: str, node: ast.expr, known: set[str]) -> bool:
    """Whether the value is surely of a kind of functions.toml."""
    match kind:
        case "anything":
            return True
        case "number":
            return is_number(node, known)
        case "format":
            return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(FORMAT.fullmatch(node.value))
        case "display":
            return isinstance(node, ast.ListComp | ast.List | ast.Tuple)
    return False


def not_proved(op: ast.operator, left: ast.expr, right: ast.expr, known: set[str]) -> ast.expr | None:
    """An operand of which nothing is proved that would make the operator safe; None if it is safe."""
    pairs = OPERATORS[type(op).__name__]
    if any(is_proved(first, left, known) and is_proved(second, right, known) for first, second in pairs):
        return None
    return right if any(is_proved(first, left, known) for first, _ in pairs) else left


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
        for node in walk(statement):
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
    """What iterating gives: of `range`, a number if all its arguments are. A loop over it never looks at them."""
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id == "range":
        return ast.BoolOp(ast.And(), iterable.args)
    return _ANYTHING


def numbers_among(bound: dict[str, list[ast.expr]], known: set[str]) -> set[str]:
    """The locals to which nothing but numbers is ever assigned."""
    numbers = set(bound)
    while dropped := {n for n in numbers if not all(is_number(value, numbers | known) for value in bound[n])}:
        numbers -= dropped
    return numbers
