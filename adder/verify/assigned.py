"""CP016: a local is assigned on every path before it is read.

Code by MicroPython's native emitter reads a local's place on the stack without a check.
"""

import ast

from adder.verify.findings import Report
from adder.verify.nodes import children, walk


class Assigned:
    """Follows one function's paths with the set of locals that are surely assigned.

    The set only grows, except for the name of `except ... as`, which must be free before and is unbound after; so what
    holds when a loop is entered holds in each of its rounds. Where no path leads, every local counts as assigned.
    """

    def __init__(self, function: ast.FunctionDef, names: set[str], report: Report) -> None:
        self.names = names
        self.report = report
        self.breaks: list[set[str]] = []
        self.body(function.body, {argument.arg for argument in function.args.args})

    def read(self, node: ast.AST | None, assigned: set[str]) -> None:
        """The names that an expression, or a target, reads."""
        if isinstance(node, ast.ListComp):
            own: set[str] = set()
            for generator in node.generators:
                self.read(generator.iter, assigned)
                own = {n.id for n in walk(generator.target) if isinstance(n, ast.Name)}
            for part in [node.elt, *(test for generator in node.generators for test in generator.ifs)]:
                self.read(part, assigned | own)
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load) and node.id in self.names - assigned:
                self.report.add(node, "CP016", f"'{node.id}'")
        elif node is not None:
            for child in children(node):
                self.read(child, assigned)

    def body(self, statements: list[ast.stmt], assigned: set[str]) -> set[str]:
        """What is assigned after these statements."""
        for statement in statements:
            assigned = self.statement(statement, assigned)
        return assigned

    def statement(self, node: ast.stmt, assigned: set[str]) -> set[str]:
        """What is assigned after this statement."""
        match node:
            case ast.If():
                self.read(node.test, assigned)
                return self.body(node.body, assigned) & self.body(node.orelse, assigned)
            case ast.While():
                self.read(node.test, assigned)
                endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
                return self.loop(node.body, assigned, set(self.names) if endless else assigned)
            case ast.For():
                self.read(node.iter, assigned)
                self.read(node.target, assigned)
                return self.loop(node.body, assigned | _stored(node.target), assigned)
            case ast.Try():
                after = self.body([*node.body, *node.orelse], assigned)
                for handler in node.handlers:
                    after = after & self.handler(handler, assigned)
                return after
            case ast.AugAssign():
                self.read(node.value, assigned)
                self.read(node.target, assigned)
                if isinstance(node.target, ast.Name) and node.target.id in self.names - assigned:
                    self.report.add(node, "CP016", f"'{node.target.id}'")
                return assigned | _stored(node.target)
            case ast.Assign():
                self.read(node.value, assigned)
                for target in node.targets:
                    self.read(target, assigned)
                return assigned.union(*map(_stored, node.targets))
            case ast.AnnAssign():
                self.read(node.value, assigned)
                self.read(node.target, assigned)
                return assigned | _stored(node.target)
            case ast.Break() if self.breaks:  # outside of loops it is not valid syntax, which the compiler says
                self.breaks[-1] &= assigned
                return set(self.names)
        self.read(node, assigned)
        return set(self.names) if isinstance(node, ast.Return | ast.Raise | ast.Continue) else assigned

    def loop(self, body: list[ast.stmt], assigned: set[str], fallen_through: set[str]) -> set[str]:
        """What is assigned after a loop: what is so when its condition fails, and at each break."""
        self.breaks.append(set(fallen_through))
        self.body(body, assigned)
        return self.breaks.pop()

    def handler(self, handler: ast.ExceptHandler, assigned: set[str]) -> set[str]:
        """What is assigned after a handler; the name of its exception is not."""
        name = handler.name
        if name is None:
            return self.body(handler.body, assigned)
        if name in assigned - {"self"}:
            self.report.add(handler, "CP019", f"'{name}' is a local already")
        return self.body(handler.body, assigned | {name}) - {name}


def _stored(target: ast.expr) -> set[str]:
    return {n.id for n in walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
