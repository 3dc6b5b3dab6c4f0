"""What a class hands to whoever holds one of its objects: no power as a whole.

A public attribute that is a field of a register can be read by all clients, as was meant, and be written by them. An
honest mistake is what this finds: a driver that wants to give its power away has other ways.
"""

import ast
from collections.abc import Iterator

from adder.verify.nodes import walk

POWERS = {"Field", "FlashRange", "Grant", "InterruptLine", "KernelLog", "ProcessControl", "ProcessLoader", "Registers"}
"""Types that can do more than a client should."""


def handed_out(node: ast.ClassDef) -> Iterator[tuple[ast.AST, str]]:
    """Where a public attribute of the class is assigned a power, and its name."""
    methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
    holding: set[str] = set()  # attributes that hold one
    within = {method: list(walk(method)) for method in methods}
    assigned = {method: [inner for inner in within[method] if isinstance(inner, ast.Assign)] for method in methods}
    for _ in range(2):  # what a method assigns may be used in one that stands before
        for method in methods:
            held = {
                argument.arg
                for argument in method.args.args
                if argument.annotation is not None and _names(argument.annotation) & POWERS
            }
            for inner in assigned[method]:
                match inner:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_power(value, held, holding):
                        held.add(name)
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                        if _is_power(value, held, holding):
                            holding.add(name)
    if not any(not name.startswith("_") for name in holding):
        return
    for method in methods:
        for part in within[method]:
            stored = isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and part.attr
            if stored and stored in holding and not stored.startswith("_"):
                yield part, stored


def _names(annotation: ast.expr) -> set[str]:
    """The types that an annotation names, outside of what a function takes and gives."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return set() if "Callable" in annotation.value else set(annotation.value.replace("|", " ").split())
    return {part.id for part in walk(annotation) if isinstance(part, ast.Name)}


def _is_power(value: ast.expr, held: set[str], attributes: set[str]) -> bool:
    """Whether the value is a power, or has one in it."""
    match value:
        case ast.Call(func=ast.Attribute(attr="field")):
            return True
        case ast.Name(id=name):
            return name in held
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name in attributes
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return any(_is_power(element, held, attributes) for element in elements)
        case ast.ListComp(elt=element):
            return _is_power(element, held, attributes)
        case ast.Call(func=ast.Name(id="tuple"), args=[inner]):
            return _is_power(inner, held, attributes)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_power(body, held, attributes) or _is_power(orelse, held, attributes)
    return False
