"""CP021: functions of machine words, which mpy-cross.cfg lists under [words].

The viper emitter keeps integers in registers and decides at compile time what is an integer and what an object. It
does not check at run time, and where it would have to convert it may simply take the number for an object's address.
So each expression here has a kind that is known, and each place says which kinds it takes. What is not listed is
refused.
"""

import ast
from collections.abc import Iterable
from enum import Enum

from adder.verify.findings import Report
from adder.verify.program import is_switch
from adder.verify.whitelist import Kind


class Word(Enum):
    """What the emitter takes an expression for."""

    INT = "a number"
    BOOL = "a truth value"
    OBJECT = "an object"


CASTS = {"int": Word.INT, "bool": Word.BOOL}
POINTERS = {"ptr", "ptr8", "ptr16", "ptr32", "uint", "object"}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.LShift, ast.RShift, ast.BitOr, ast.BitXor, ast.BitAnd)
_ORDER = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_PLAIN = (ast.Pass, ast.Break, ast.Continue)


class Words:
    """Checks one function."""

    def __init__(self, function: ast.FunctionDef, kinds: dict[str, Kind], report: Report) -> None:
        self.kinds = kinds
        self.report = report
        self.locals: dict[str, Word] = {}
        arguments = function.args
        if arguments.defaults:
            self.refuse(function, "a parameter with a default")
        for argument in arguments.args:
            annotation = argument.annotation
            word = CASTS.get(annotation.id) if isinstance(annotation, ast.Name) else None
            if argument.arg in ("self", "process"):
                word = Word.OBJECT
                if isinstance(annotation, ast.Name) and annotation.id in CASTS:
                    self.refuse(argument, f"'{argument.arg}' is an object, no number")
                elif argument.arg == "process" and argument is not arguments.args[-1]:
                    # The kernel hands a command its numbers as objects that the next command overwrites.
                    self.refuse(argument, "'process' is the last parameter, behind the numbers")
            elif word is None:
                self.refuse(argument, f"parameter '{argument.arg}' is not annotated as int or bool")
            if argument.arg in POINTERS:
                self.refuse(argument, f"'{argument.arg}'")
            if argument.arg.strip("_"):  # what is passed for `_` stays unconverted, so it may not be read
                self.locals[argument.arg] = word or Word.OBJECT
        self.block(function.body)

    def refuse(self, node: ast.AST, what: str) -> None:
        """Report a finding."""
        self.report.add(node, "CP021", what)

    # -- Statements ------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Statements one after the other."""
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """One of the few statements that there are."""
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Expr(value=value) | ast.Return(value=ast.expr() as value):
                self.kind(value)
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign(target, self.kind(value))
            case ast.AugAssign(target=ast.Name(id=name)):
                self.operands(node, node.op, [node.target, node.value])
                self.assign(node.target, self.locals.get(name, Word.OBJECT))
            case ast.If(test=test, body=body, orelse=orelse):
                self.condition(test)
                self.block(body)
                self.block(orelse)
            case ast.While(test=test, body=body, orelse=[]):
                self.condition(test)
                self.block(body)
            case ast.Return(value=None):
                pass
            case _ if not isinstance(node, _PLAIN):
                self.refuse(node, f"{type(node).__name__} does more than compute, compare, call and return")

    def assign(self, target: ast.expr, word: Word) -> None:
        """A local of one kind, or an attribute of self."""
        match target:
            case ast.Name(id=name):
                if name in POINTERS or not name.strip("_"):
                    self.refuse(target, f"'{name}'")
                elif self.locals.setdefault(name, word) is not word:
                    self.refuse(target, f"'{name}' was {self.locals[name].value} before, and is {word.value} here")
            case ast.Attribute(value=ast.Name(id="self")):
                pass
            case _:
                self.refuse(target, "an assignment to something else than a local or an attribute of self")

    def condition(self, node: ast.expr) -> None:
        """What if and while look at: compiled to jumps, so `and`, `or` and `not` may stand here."""
        match node:
            case ast.BoolOp(values=values):
                # In parentheses, which are not seen here, it is compiled as a value: then all are of one kind.
                for value in values:
                    self.condition(value)
                    if not isinstance(value, ast.BoolOp | ast.UnaryOp) and self.kind(value) is Word.OBJECT:
                        self.refuse(value, "an object within `and` or `or`")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.condition(operand)
            case _:
                self.kind(node)

    # -- Expressions -----------------------------------------------------------

    def kind(self, node: ast.expr) -> Word:
        """What an expression is; each part is checked on the way."""
        match node:
            case ast.Constant(value=bool()):
                return Word.BOOL
            case ast.Constant(value=int()):
                return Word.INT
            case ast.Constant(value=str() | bytes()):
                return Word.OBJECT
            case ast.Name():
                return self.name(node)
            case ast.Attribute() if is_switch(node):
                return Word.INT
            case ast.Attribute(value=value):
                return self.object(value, "read an attribute of")
            case ast.Subscript(value=value, slice=index):
                self.kind(index)
                return self.object(value, "index")
            case ast.Call():
                return self.call(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self.operands(node, op, [left, right])
            case ast.UnaryOp(op=ast.USub() | ast.Invert(), operand=operand):
                return self.operands(node, ast.Add(), [operand])
            case ast.Compare():
                return self.compare(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.condition(test)
                first, second = self.kind(body), self.kind(orelse)
                if first is not second:
                    self.refuse(node, f"{first.value} or {second.value}")
                return first
        self.refuse(node, f"{type(node).__name__} does more than compute, compare, call and return")
        return Word.OBJECT

    def name(self, node: ast.Name) -> Word:
        """A local or global."""
        name = node.id
        if name in self.locals:
            return self.locals[name]
        if name in POINTERS:
            self.refuse(node, f"'{name}' is a pointer type")
        elif name not in self.kinds:
            self.refuse(node, f"'{name}' is read, and has no kind yet")
        return Word.INT if self.kinds.get(name) is Kind.NUMBER else Word.OBJECT

    def object(self, node: ast.expr, action: str) -> Word:
        """An operand that has to be an object."""
        found = self.kind(node)
        if found is not Word.OBJECT:
            self.refuse(node, f"to {action} {found.value}")
        return Word.OBJECT

    def call(self, node: ast.Call) -> Word:
        """A call; numbers that are passed become objects on the way."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in POINTERS:
            self.refuse(node, f"'{name}' is a pointer type")
        elif name not in CASTS and not (name and name not in self.locals):
            self.object(node.func, "call")
        elif self.kinds.get(name) is Kind.NUMBER:
            self.refuse(node, "to call a number")
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self.kind(argument)
        return CASTS.get(name, Word.OBJECT)

    def operands(self, node: ast.expr | ast.stmt, op: ast.operator, parts: list[ast.expr]) -> Word:
        """Arithmetic: of numbers only, and no division, which has no check for zero here."""
        if not isinstance(op, _ARITHMETIC):
            self.refuse(node, f"{type(op).__name__} has no check here")
        for part in parts:
            found = self.kind(part)
            if found is not Word.INT:
                self.refuse(part, f"{found.value} in arithmetic; write int(...)")
        return Word.INT

    def compare(self, node: ast.Compare) -> Word:
        """A comparison of numbers, or of objects."""
        kinds = [self.kind(part) for part in [node.left, *node.comparators]]
        if len(set(kinds)) > 1:
            self.refuse(node, f"{kinds[0].value} compared with {next(k for k in kinds if k is not kinds[0]).value}")
        if kinds[0] is Word.OBJECT:
            if len(kinds) > 2 or not all(isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq) for op in node.ops):
                self.refuse(node, "objects are compared by is, is not, == and != alone; write int(...)")
            return Word.OBJECT
        if not all(isinstance(op, _ORDER) for op in node.ops):
            self.refuse(node, "numbers are compared by <, <=, ==, !=, > and >= alone")
        return Word.BOOL


def functions_named(tree: ast.Module, names: Iterable[str]) -> list[ast.FunctionDef]:
    """The functions with these names: `function` or `Class.method`."""
    found = []
    for name in names:
        body: list[ast.stmt] = tree.body
        for part in name.split("."):
            nodes = [n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == part]
            body = nodes[0].body if nodes else []
        found += [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return found
