"""The walk over one module: each statement and expression against the lists of whitelist.py."""

import ast
import re

from adder.verify.arithmetic import bindings, element_of, is_number, numbers_among
from adder.verify.assigned import Assigned
from adder.verify.findings import Report
from adder.verify.program import Names, Profile, is_switch, is_type_checking
from adder.verify.whitelist import (
    BUILTINS,
    DEEPEST_EXPRESSION,
    DEEPEST_STATEMENT,
    EXCEPTIONS,
    EXPRESSIONS,
    F_STRING,
    FORMAT,
    LONGEST_STRING,
    MOST_ARGUMENTS,
    MOST_BITS,
    MOST_ELEMENTS,
    MOST_FRAME_WORDS,
    MOST_LOCALS,
    MOST_PARAMETERS,
    OPERATORS,
    RESERVED,
    STATEMENTS,
    Kind,
)  # fmt: skip

_ANNOTATIONS = (ast.Name, ast.Constant, ast.Subscript, ast.BinOp, ast.BitOr, ast.Tuple, ast.List, ast.Load)


class Check:
    """Checks one module, statement by statement."""

    def __init__(self, names: Names, text: str, report: Report) -> None:
        self.names = names
        self.kinds = names.kinds
        self.board = names.profile is Profile.BOARD
        self.lines = text.split("\n")
        self.text = text
        self.report = report
        self.locals: set[str] = set()
        self.numbers = {name for name, kind in self.kinds.items() if kind is Kind.NUMBER}
        self.errors: set[str] = set()  # what `except ... as` has bound, within its handler
        self.in_function = False
        self.in_method = False

    # -- Module and class level ------------------------------------------------

    def module(self, tree: ast.Module) -> None:
        """The whole file."""
        for node in tree.body:
            self.top(node)

    def top(self, node: ast.stmt) -> None:
        """A statement of the module level."""
        match node:
            case ast.Import() | ast.ImportFrom():
                pass  # Names has looked at it
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.If() if is_switch(node.test) or is_type_checking(node):
                if is_switch(node.test):
                    self.expression(node.test)
                elif node.orelse:
                    self.report.add(node, "CP013", "`else` of TYPE_CHECKING")
                for inner in [*node.body, *node.orelse]:
                    if self.board or isinstance(inner, ast.Import | ast.ImportFrom | ast.If):
                        self.top(inner)
                    else:
                        self.report.add(inner, "CP013", "more than imports under `if`")
            case ast.ClassDef() if not self.board:
                self.class_(node)
            case ast.FunctionDef() if not self.board:
                self.function(node, method=False)
            case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name(), value=ast.expr()):
                self.constant(node)
            case ast.Expr(value=ast.Call()) if self.board:
                self.expression(node.value)
            case _ if not isinstance(node, STATEMENTS):
                self.report.add(node, "CP002", type(node).__name__)
            case _:
                self.report.add(node, "CP013", type(node).__name__)

    def constant(self, node: ast.Assign | ast.AnnAssign) -> None:
        """`NAME = value` at module or class level; in a board any value."""
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        assert isinstance(target, ast.Name)
        assert node.value is not None
        if isinstance(node, ast.AnnAssign):
            self.annotation(target, node.annotation)
        self.identifier(target, target.id)
        if self.board:
            argument = self.const_argument(node.value)
            self.expression(node.value) if argument is None else self.const(argument)
        elif not target.id.isupper():
            self.report.add(target, "CP013", f"'{target.id}' is not in capitals")
        else:
            self.immutable(node.value)

    def const_argument(self, node: ast.expr) -> ast.expr | None:
        """The value in `const(value)`."""
        match node:
            case ast.Call(func=ast.Name(id=name), args=[value], keywords=[]) if self.kinds.get(name) is Kind.CONST:
                return value
        return None

    def immutable(self, node: ast.expr) -> None:
        """A value that nobody can change."""
        match node:
            case ast.Constant() | ast.Name() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int())):
                self.const(node, numbers_only=False)
            case ast.Attribute() if is_switch(node):
                self.expression(node)
            case ast.Tuple(elts=elements):
                for element in elements:
                    self.immutable(element)
            case ast.Call() if (argument := self.const_argument(node)) is not None:
                self.const(argument)
            case ast.Call(func=ast.Name(id="Layout"), args=[]) if self.kinds.get("Layout") is Kind.CLASS:
                for keyword in node.keywords:
                    self.immutable(keyword.value)
            case _ if not isinstance(node, EXPRESSIONS):
                self.report.add(node, "CP002", type(node).__name__)
            case _:
                self.report.add(node, "CP013", "a value that is no literal, const(), Layout() or tuple of them")

    def const(self, node: ast.expr, numbers_only: bool = True) -> None:
        """What may stand in const(...): integers, and arithmetic of them; without it, any literal."""
        match node:
            case ast.BinOp() if isinstance(node.op, OPERATORS):
                self.const(node.left)
                self.const(node.right)
            case ast.UnaryOp(op=ast.USub() | ast.Invert()):
                self.const(node.operand)
            case ast.Constant() if not numbers_only or isinstance(node.value, int):
                self.literal(node)
            case ast.Name(id=name) if name in self.numbers:
                pass
            case ast.Name(id=name) if not numbers_only and self.kinds.get(name) is Kind.VALUE:
                pass
            case ast.Attribute() if is_switch(node):
                self.expression(node)
            case _:
                self.report.add(node, "CP013", "a constant that is not computed from integers")

    def class_(self, node: ast.ClassDef) -> None:
        """A class: docstring, constants, methods."""
        self.identifier(node, node.name)
        hil = self.names.profile is Profile.HIL
        bases = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
        if node.decorator_list or node.keywords or bases != (["Protocol"] if hil else []):
            self.report.add(node, "CP014", f"'{node.name}' has bases, keywords or decorators")
        seen: set[str] = set()
        for inner in node.body:
            name = ""
            match inner:
                case ast.Expr(value=ast.Constant(value=str())):
                    pass
                case ast.FunctionDef(name=name):
                    self.member(inner, name)
                    self.function(inner, method=True, documented_only=hil)
                case ast.AnnAssign(target=ast.Name(id=name), value=None) if hil:
                    self.member(inner, name)
                case (
                    ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr())
                ):
                    self.member(inner, name)
                    if self.const_argument(inner.value) is not None:  # for MicroPython, const() names the whole file
                        self.report.add(inner, "CP014", "const() within a class")
                    self.constant(inner)
                case _ if not isinstance(inner, STATEMENTS):
                    self.report.add(inner, "CP002", type(inner).__name__)
                case _:
                    self.report.add(inner, "CP014", type(inner).__name__)
            if name and name in seen:
                self.report.add(inner, "CP014", f"'{name}' is defined twice")
            seen.add(name)

    def member(self, node: ast.stmt, name: str) -> None:
        """The name of a method or of a constant of a class."""
        if name in RESERVED:
            self.report.add(node, "CP011", f"'{name}'")

    # -- Functions -------------------------------------------------------------

    def function(self, node: ast.FunctionDef, method: bool, documented_only: bool = False) -> None:
        """A function or method: its head, its body, then what holds for it as a whole."""
        arguments = node.args
        parameters = [argument.arg for argument in arguments.args]
        if not (method and node.name == "__init__"):
            self.identifier(node, node.name)
        if node.decorator_list:
            self.report.add(node, "CP015", "decorator")
        if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg:
            self.report.add(node, "CP015", f"parameters of '{node.name}' other than plain ones")
            return
        if method and parameters[:1] != ["self"]:
            self.report.add(node, "CP010", f"the first parameter of '{node.name}' is not self")
        if len(parameters) > MOST_PARAMETERS:
            self.report.add(node, "CP015", f"{len(parameters)} parameters")
        for default in arguments.defaults:
            self.default(default)
        self.locals = set(parameters)
        for argument in arguments.args[1 if method else 0 :]:
            self.bind(argument, argument.arg)
        for argument in arguments.args:
            self.annotation(argument, argument.annotation)
        self.annotation(None, node.returns)
        if documented_only:
            if not all(isinstance(inner, ast.Expr | ast.Pass) for inner in node.body):
                self.report.add(node, "CP014", f"'{node.name}' has a body")
            return
        bound = bindings(node.body)
        self.locals |= set(bound)
        outer_numbers = self.numbers
        self.numbers = (outer_numbers - self.locals) | numbers_among(
            {name: values for name, values in bound.items() if name not in parameters}, outer_numbers - self.locals
        )
        self.in_function, self.in_method = True, method
        self.block(node.body)
        if not self.report.has(node, ("CP002", "CP003", "CP015")):
            Assigned(node, self.locals, self.report)
            self.size(node)
        self.in_function = self.in_method = False
        self.locals, self.numbers = set(), outer_numbers

    def default(self, node: ast.expr) -> None:
        """The value of a parameter that is not passed."""
        match node:
            case ast.Constant():
                self.literal(node)
            case ast.Name(id=name) if self.kinds.get(name) in (Kind.NUMBER, Kind.VALUE):
                pass
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int())):
                pass
            case _:
                self.report.add(node, "CP015", "default that is no constant")

    def annotation(self, start: ast.arg | ast.expr | None, node: ast.expr | None) -> None:
        """What the build blanks: a type on one line, after `: ` or `-> `."""
        if node is None:
            return
        before = self.lines[node.lineno - 1][: node.col_offset]
        if start is None:
            plain = before.endswith("-> ")
        else:
            first = start.col_offset + len(start.arg) if isinstance(start, ast.arg) else start.end_col_offset or 0
            same_line = (start.lineno if isinstance(start, ast.arg) else start.end_lineno) == node.lineno
            plain = same_line and before[first:].strip() == ":"
        after = self.lines[(node.end_lineno or 1) - 1][node.end_col_offset :]
        if not (plain and node.lineno == node.end_lineno and re.match(r" *([,=:)]|$)", after)):
            self.report.add(node, "CP023", "it is not plain")
        for part in ast.walk(node):
            if not isinstance(part, _ANNOTATIONS) or not isinstance(getattr(part, "value", ""), str | ast.expr | None):
                self.report.add(node, "CP023", type(part).__name__)
                break

    def size(self, node: ast.FunctionDef) -> None:
        """CP018: whether the frame fits into the kernel's stack."""
        count = len(self.locals)
        words = count + _stack(node) + max(map(_held, node.body), default=0)
        if count > MOST_LOCALS:
            self.report.add(node, "CP018", f"'{node.name}' has {count} locals, more than {MOST_LOCALS}")
        elif words > MOST_FRAME_WORDS:
            self.report.add(
                node, "CP018", f"the frame of '{node.name}' has {words} words, more than {MOST_FRAME_WORDS}"
            )

    # -- Statements of functions -----------------------------------------------

    def block(self, body: list[ast.stmt], depth: int = 1) -> None:
        """Statements one after the other."""
        for node in body:
            if depth > DEEPEST_STATEMENT:
                self.report.add(node, "CP018", f"statements nested deeper than {DEEPEST_STATEMENT}")
                return
            self.statement(node, depth)

    def statement(self, node: ast.stmt, depth: int) -> None:
        """One statement of a function."""
        match node:
            case ast.Pass() | ast.Break() | ast.Continue() | ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Expr(value=value) if isinstance(value, ast.Call) or not isinstance(value, EXPRESSIONS):
                self.expression(value)
            case ast.Return():
                if node.value is not None:
                    self.expression(node.value)
            case ast.Assign():
                self.expression(node.value)
                for target in node.targets:
                    self.target(target)
            case ast.AugAssign():
                self.operator(node, node.op, node.target, node.value)
                self.expression(node.value)
                self.target(node.target)
            case ast.AnnAssign(value=ast.expr() as value):
                self.annotation(node.target, node.annotation)
                self.expression(value)
                self.target(node.target)
            case ast.If():
                self.expression(node.test)
                self.block(node.body, depth + 1)
                # `elif` is no deeper
                chained = len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)
                self.block(node.orelse, depth if chained else depth + 1)
            case ast.While(orelse=[]):
                self.expression(node.test)
                self.block(node.body, depth + 1)
            case ast.For(orelse=[]):
                self.iterable(node.iter)
                self.target(node.target, loop=True)
                self.block(node.body, depth + 1)
            case ast.Raise():
                self.raise_(node)
            case ast.Try():
                self.try_(node, depth)
            case ast.FunctionDef() | ast.ClassDef():
                self.report.add(node, "CP015", f"'{node.name}' within a function")
            case ast.Import() | ast.ImportFrom():
                self.report.add(node, "CP003", "import within a function")
            case _:
                self.report.add(node, "CP002", type(node).__name__)

    def target(self, node: ast.expr, loop: bool = False) -> None:
        """What is assigned to: a local, an attribute of self, an element."""
        match node:
            case ast.Name(id=name):
                self.bind(node, name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if self.in_method and not loop:
                self.attribute_name(node, name, private=True)
            case ast.Attribute():
                self.report.add(node, "CP007", f"'{ast.unparse(node)}'")
            case ast.Subscript() if not loop:
                self.expression(node)
            case ast.Tuple(elts=elements):
                for element in elements:
                    if isinstance(element, ast.Tuple | ast.List):
                        self.report.add(element, "CP002", "unpacking within unpacking")
                    else:
                        self.target(element, loop)
            case _:
                self.report.add(node, "CP002", f"{type(node).__name__} as a target")

    def bind(self, node: ast.AST, name: str) -> None:
        """A parameter or local."""
        if name == "self":
            self.report.add(node, "CP010", "it is bound here")
        elif name in self.kinds or name in BUILTINS or name in EXCEPTIONS:
            self.report.add(node, "CP019", f"'{name}'")
        else:
            self.identifier(node, name)

    def identifier(self, node: ast.AST, name: str) -> None:
        """A name of the interpreter, or `self`, may not be defined."""
        if name.startswith("__"):
            self.report.add(node, "CP009", f"'{name}'")
        elif name == "self":
            self.report.add(node, "CP010", "it is defined here")

    def raise_(self, node: ast.Raise) -> None:
        """`raise X(...)`, or `raise error` in error's handler."""
        match node.exc:
            case ast.Call(func=ast.Name(id=name)) if name in EXCEPTIONS and not node.cause:
                self.arguments(node.exc, 1)
            case ast.Name(id=name) if name in self.errors and not node.cause:
                pass
            case _:
                self.report.add(node, "CP017", "raise" + (" from" if node.cause else ""))

    def try_(self, node: ast.Try, depth: int) -> None:
        """`try` with handlers alone: code in `finally` could put another exception in a time-out's place."""
        if node.finalbody or node.orelse:
            self.report.add(node, "CP017", "finally" if node.finalbody else "else after try")
        self.block(node.body, depth + 1)
        for handler in node.handlers:
            caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            if not all(isinstance(name, ast.Name) and name.id in EXCEPTIONS for name in caught):
                self.report.add(handler, "CP017", f"except {ast.unparse(handler.type) if handler.type else ''}".strip())
            outer = self.errors
            if handler.name:
                self.bind(handler, handler.name)
                self.errors = outer | {handler.name}
            self.block(handler.body, depth + 1)
            self.errors = outer

    # -- Expressions -----------------------------------------------------------

    def expression(self, node: ast.expr, depth: int = 1, called: bool = False) -> None:
        """One expression; `called` if its value is called at once."""
        if depth > DEEPEST_EXPRESSION:
            self.report.add(node, "CP018", f"expressions nested deeper than {DEEPEST_EXPRESSION}")
            return
        match node:
            case ast.Constant():
                self.literal(node)
            case ast.Name():
                self.name(node, called)
            case ast.Attribute():
                self.attribute(node, depth, called)
            case ast.Call():
                self.call(node, depth)
            case ast.BinOp():
                self.operator(node, node.op, node.left, node.right)
                self.inner(node, depth)
            case ast.Subscript(slice=ast.Slice() as part):
                self.report.add(part, "CP002", "Slice")
            case ast.JoinedStr():
                self.f_string(node, depth)
            case ast.ListComp():
                self.comprehension(node, depth)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) if len(elements) > MOST_ELEMENTS:
                self.report.add(node, "CP018", f"{len(elements)} elements, more than {MOST_ELEMENTS}")
            case ast.Lambda() if self.board and not ast.unparse(node.args):
                self.expression(node.body, depth + 1)
            case _ if isinstance(node, EXPRESSIONS):
                self.inner(node, depth)
            case _:
                self.report.add(node, "CP002", type(node).__name__)

    def inner(self, node: ast.expr, depth: int) -> None:
        """The parts of an expression."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child, depth + 1)

    def literal(self, node: ast.Constant) -> None:
        """A number of at most 64 bits, a string, bytes, True, False or None."""
        value = node.value
        if isinstance(value, str | bytes):
            if len(value) > LONGEST_STRING:
                self.report.add(node, "CP018", f"{len(value)} characters, more than {LONGEST_STRING}")
        elif isinstance(value, int):
            if value.bit_length() > MOST_BITS:
                self.report.add(node, "CP018", f"a number of {value.bit_length()} bits, more than {MOST_BITS}")
        elif value is not None:
            self.report.add(node, "CP002", f"{type(value).__name__} constant")

    def name(self, node: ast.Name, called: bool) -> None:
        """A name that is read."""
        name, kind = node.id, self.kinds.get(node.id)
        if name.startswith("__"):
            self.report.add(node, "CP009", f"'{name}'")
        elif name in self.locals:
            pass
        elif name == "self":
            self.report.add(node, "CP010", "there is no self here")
        elif name in BUILTINS or name in EXCEPTIONS:
            self.report.add(node, "CP006", f"'{name}' is not called")
        elif kind is None:
            self.report.add(node, "CP005", f"'{name}'")
        elif kind is Kind.CONST:
            self.report.add(node, "CP006", "'const' is for constants of a module or class")
        elif kind in (Kind.MODULE, Kind.OPTIONS, Kind.POWERS):
            self.report.add(node, "CP025", f"'{name}'")
        elif kind in (Kind.TYPE, Kind.ERRORS) or (kind is Kind.CLASS and not called):
            self.report.add(node, "CP012", f"'{name}'")

    def attribute(self, node: ast.Attribute, depth: int, called: bool) -> None:
        """`x.name`: of a module, of ErrorCode, or of an object."""
        name = node.attr
        base = node.value.id if isinstance(node.value, ast.Name) else ""
        kind = None if base in self.locals else self.kinds.get(base)
        if name.startswith("__"):
            self.attribute_name(node, name, private=False)
        elif kind is Kind.OPTIONS:
            if not name.isupper() or node.lineno != node.end_lineno:
                self.report.add(node, "CP025", f"config.{name}")
        elif kind is Kind.POWERS:
            if not called or name.startswith("_"):
                self.report.add(node, "CP025", f"mint.{name} is not called")
        elif kind is Kind.MODULE:
            offered = self.names.modules.get(base, {}).get(name)
            if offered is None or name.startswith("_"):
                self.report.add(node, "CP003", f"'{base}' offers no '{name}'")
            elif offered is Kind.CLASS and not called:
                self.report.add(node, "CP012", f"'{base}.{name}'")
        elif kind in (Kind.CLASS, Kind.TYPE) or (kind is Kind.ERRORS and not name.isupper()):
            self.report.add(node, "CP012", f"'{base}.{name}'")
        else:
            self.attribute_name(node, name, private=base == "self" and self.in_method)
            if kind is not Kind.ERRORS:
                self.expression(node.value, depth + 1)

    def attribute_name(self, node: ast.AST, name: str, private: bool) -> None:
        """The name of an attribute that is read, or assigned on self."""
        if name.startswith("__"):
            self.report.add(node, "CP009", f"'.{name}'")
        elif name.startswith("_") and not private:
            self.report.add(node, "CP008", f"'.{name}'")
        elif name in RESERVED:
            self.report.add(node, "CP011", f"'.{name}'")

    def call(self, node: ast.Call, depth: int) -> None:
        """A call of a function, class, method or other value."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in EXCEPTIONS:
            self.report.add(node, "CP017", f"'{name}' is made outside a raise")
        elif name in BUILTINS:
            least, most = BUILTINS[name]
            listed = name != "tuple" or isinstance(
                node.args[0] if node.args else None, ast.ListComp | ast.List | ast.Tuple
            )
            if name == "range":
                self.report.add(node, "CP006", "'range' outside a for")
            elif node.keywords or not least <= len(node.args) <= most or not listed:
                self.report.add(node, "CP006", f"'{name}' with these arguments")
        else:
            self.expression(node.func, depth + 1, called=True)
        self.arguments(node, depth)

    def arguments(self, node: ast.Call, depth: int) -> None:
        """What is passed."""
        if len(node.args) + len(node.keywords) > MOST_ARGUMENTS:
            self.report.add(node, "CP018", f"more than {MOST_ARGUMENTS} arguments")
        for argument in node.args:
            self.expression(argument, depth + 1)
        for keyword in node.keywords:
            if keyword.arg is None:
                self.report.add(keyword, "CP002", "** in a call")
            else:
                self.identifier(keyword, keyword.arg)
            self.expression(keyword.value, depth + 1)

    def operator(self, node: ast.AST, op: ast.operator, left: ast.expr, right: ast.expr) -> None:
        """CP020: `*` of integers, `%` of an integer or a plain format."""
        plain = isinstance(left, ast.Constant) and isinstance(left.value, str) and FORMAT.fullmatch(left.value)
        if not isinstance(op, OPERATORS):
            self.report.add(node, "CP002", type(op).__name__)
        elif isinstance(op, ast.Mult):
            if not (is_number(left, self.numbers) and is_number(right, self.numbers)):
                self.report.add(node, "CP020", "'*'")
        elif isinstance(op, ast.Mod) and not plain and not is_number(left, self.numbers):
            self.report.add(node, "CP020", "'%'")

    def f_string(self, node: ast.JoinedStr, depth: int) -> None:
        """CP024: only the simplest."""
        if node.lineno != node.end_lineno or not F_STRING.fullmatch(ast.get_source_segment(self.text, node) or ""):
            self.report.add(node, "CP024", "it is not one of the simple ones")
            return
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.expression(part.value, depth + 1)

    def iterable(self, node: ast.expr, depth: int = 1) -> None:
        """What `for` goes through; here `range` may stand."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            least, most = BUILTINS["range"]
            if node.keywords or not least <= len(node.args) <= most:
                self.report.add(node, "CP006", "'range' with these arguments")
            self.arguments(node, depth)
        else:
            self.expression(node, depth)

    def comprehension(self, node: ast.ListComp, depth: int) -> None:
        """A list comprehension with one `for`; its variables are its own."""
        generator = node.generators[0]
        if len(node.generators) > 1 or generator.is_async:
            self.report.add(node, "CP002", "comprehension with more than one for")
            return
        if any(isinstance(part, ast.ListComp) for part in ast.walk(node) if part is not node):
            self.report.add(node, "CP002", "comprehension within a comprehension")
            return
        self.iterable(generator.iter, depth + 1)
        outer, outer_numbers = self.locals, self.numbers
        own = {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
        self.locals = outer | own
        if isinstance(generator.target, ast.Name) and is_number(element_of(generator.iter), set()):
            self.numbers = outer_numbers | own
        else:
            self.numbers = outer_numbers - own
        self.target(generator.target, loop=True)
        for part in [node.elt, *generator.ifs]:
            self.expression(part, depth + 1)
        self.locals, self.numbers = outer, outer_numbers


def _stack(node: ast.AST) -> int:
    """Words that computing an expression, or the largest one in a statement, needs at most."""
    if isinstance(node, ast.Call | ast.Tuple | ast.List | ast.BinOp | ast.Compare | ast.Subscript | ast.JoinedStr):
        children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr | ast.keyword)]
        return 2 + max((2 * place + _stack(child) for place, child in enumerate(children)), default=0)
    return 1 + max((_stack(child) - 1 for child in ast.iter_child_nodes(node)), default=0)


def _held(node: ast.stmt) -> int:
    """Words that a statement holds while its body runs: iterators, exception handlers."""
    inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt | ast.ExceptHandler)]
    own = {ast.For: 6, ast.Try: 16, ast.ExceptHandler: 4}.get(type(node), 0)
    return int(own) + max((_held(part) for part in inner), default=0)  # type: ignore[arg-type]
