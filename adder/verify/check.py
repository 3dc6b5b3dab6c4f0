"""The walk over one module: each node against the lists of whitelist.py, and what only its place tells."""

import ast
from collections.abc import Iterator

from adder.verify import whitelist as listed
from adder.verify.assigned import Assigned
from adder.verify.findings import Report, source_of, unparsed
from adder.verify.functions import BUILTINS
from adder.verify.handed import handed_out
from adder.verify.nodes import children, walk
from adder.verify.program import Names, Profile, is_switch, is_type_checking
from adder.verify.proved import bindings, element_of, is_number, is_proved, not_proved, numbers_among
from adder.verify.whitelist import EXCEPTIONS, POLICIES, Kind

_CONSTANTS = (Kind.NUMBER, Kind.VALUE)
_MODULES = (Kind.MODULE, Kind.OPTIONS, Kind.POWERS)


def called_name(node: ast.expr | None) -> str:
    """The name of the function in `name(...)`; otherwise nothing."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def misuses(body: list[ast.stmt], name: str, in_loop: bool = False) -> Iterator[tuple[ast.AST, str]]:
    """What the handler of `except ... as name` may not do.

    It is compiled as if there were a `finally` that deletes the name. Native code that jumps out of it comes back
    there later; and what it raises without a look must be the exception.
    """
    for node in body:
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
            yield node, f"{type(node).__name__.lower()} out of a handler with `as`"
        for child in children(node):
            if not isinstance(child, ast.stmt | ast.ExceptHandler):
                stored = (n for n in walk(child) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
                yield from ((n, f"'{name}' is assigned in its handler") for n in stored if n.id == name)
        looping = in_loop or isinstance(node, ast.For | ast.While)
        for part in ("body", "orelse", "finalbody", "handlers"):
            for inner in getattr(node, part, []):
                if isinstance(inner, ast.ExceptHandler):
                    yield from misuses(inner.body, name, looping)
                elif isinstance(inner, ast.stmt):
                    yield from misuses([inner], name, looping)


class Check:
    """Checks one module, statement by statement."""

    def __init__(self, names: Names, text: str, report: Report) -> None:
        self.names = names
        self.kinds = names.kinds
        self.board = names.profile is Profile.BOARD
        self.hil = names.profile is Profile.HIL
        self.text = text
        self.refuse = report.add
        self.report = report
        self.locals: set[str] = set()
        self.numbers = {name for name, kind in self.kinds.items() if kind is Kind.NUMBER}
        self.errors: set[str] = set()  # what `except ... as` has bound, within its handler
        self.in_method = False
        self.called: set[ast.expr] = set()  # names and attributes whose value is called at once
        self.placed: set[ast.expr] = set()  # range in a for, exceptions in a raise or except, a module in mint.serve

    # -- Module and class level ------------------------------------------------

    def top(self, node: ast.stmt) -> None:
        """A statement of the module level; imports have been looked at by Names."""
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.If() if is_switch(node.test) or is_type_checking(node):
                if is_switch(node.test):
                    self.visit(node.test)
                elif node.orelse:
                    self.refuse(node, "CP013", "`else` of TYPE_CHECKING")
                for inner in [*node.body, *node.orelse]:
                    if self.board or isinstance(inner, ast.Import | ast.ImportFrom | ast.If):
                        self.top(inner)
                    else:
                        self.refuse(inner, "CP013", "more than imports under `if`")
            case ast.ClassDef() if not self.board:
                self.class_(node)
            case ast.FunctionDef() if not self.board:
                self.function(node, method=False)
            case ast.Assign(targets=[ast.Name() as target]) | ast.AnnAssign(target=ast.Name() as target) if node.value:
                self.constant(node, target)
            case ast.Expr(value=ast.Call()) if self.board:
                self.visit(node.value)
            case _:
                self.refuse(node, "CP013" if isinstance(node, listed.STATEMENTS) else "CP002", type(node).__name__)

    def constant(self, node: ast.Assign | ast.AnnAssign, target: ast.Name) -> None:
        """`NAME = value` at module or class level; in a board any value."""
        if isinstance(node, ast.AnnAssign):
            self.annotation(node.annotation)
        self.identifier(target, target.id)
        if node.value is not None and self.board and self.kinds.get(called_name(node.value)) is not Kind.CONST:
            self.visit(node.value)
        elif node.value is not None:
            self.immutable(node.value, "CP013")
            if not target.id.isupper() and not self.board:
                self.refuse(target, "CP013", f"'{target.id}' is not in capitals")

    def immutable(self, node: ast.expr, rule: str, number: bool = False) -> None:
        """A value that nobody can change; with `number`, arithmetic of constant integers."""
        match node:
            case ast.Call(args=[value], keywords=[]) if self.kinds.get(called_name(node)) is Kind.CONST and not number:
                self.immutable(value, rule, number=True)
            case ast.Call(args=[], keywords=keywords) if called_name(node) == "Layout" in self.kinds and not number:
                for keyword in keywords:
                    self.immutable(keyword.value, rule)
            case ast.Tuple(elts=elements) if not number:
                for element in elements:
                    self.immutable(element, rule)
            case ast.BinOp(op=op) if number and isinstance(op, listed.OPERATORS):
                self.immutable(node.left, rule, number=True)
                self.immutable(node.right, rule, number=True)
            case ast.UnaryOp(op=ast.USub() | ast.Invert()):
                self.immutable(node.operand, rule, number=True)
            case ast.Constant() if not number or is_number(node, set()):
                self.visit(node)
            case ast.Attribute() if is_switch(node):
                self.visit(node)
            case ast.Name(id=name) if self.kinds.get(name) in _CONSTANTS[: 1 if number else 2]:
                pass
            case _:
                self.refuse(node, rule, "a value that is not a literal, const(), Layout() or tuple of them")

    def class_(self, node: ast.ClassDef) -> None:
        """A class: docstring, constants, methods."""
        self.identifier(node, node.name)
        bases = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
        if node.decorator_list or node.keywords or bases != (["Protocol"] if self.hil else []):
            self.refuse(node, "CP014", f"'{node.name}' has bases, keywords or decorators")
        seen: set[str] = set()
        for inner in node.body:
            name = ""
            match inner:
                case ast.Expr(value=ast.Constant(value=str())):
                    continue
                case ast.FunctionDef(name=name):
                    self.function(inner, method=True)
                case ast.AnnAssign(target=ast.Name(id=name), value=None) if self.hil:
                    pass
                case ast.Assign(targets=[ast.Name(id=name) as to]) | ast.AnnAssign(target=ast.Name(id=name) as to):
                    self.constant(inner, to)
                    if inner.value is None or called_name(inner.value) == "const":
                        self.refuse(inner, "CP014", "const() in a class, which MicroPython takes for the whole file")
                case _:
                    rule = "CP014" if isinstance(inner, listed.STATEMENTS) else "CP002"
                    self.refuse(inner, rule, type(inner).__name__)
            if name and name in seen:
                self.refuse(inner, "CP014", f"'{name}' is defined twice")
            if name in listed.RESERVED:
                self.refuse(inner, "CP011", f"'{name}'")
            if name == "start" and isinstance(inner, ast.FunctionDef) and len(inner.args.args) != 1:
                self.refuse(inner, "CP028", f"'{node.name}.start'")
            seen.add(name)
        methods = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
        for stored in ast.walk(node):
            if isinstance(stored, ast.Attribute) and isinstance(stored.ctx, ast.Store) and stored.attr in methods:
                self.refuse(stored, "CP014", f"'{source_of(stored)}' hides the method of that name")
        for where, name in handed_out(node):
            self.refuse(where, "CP026", f"'{name}'")

    # -- Functions -------------------------------------------------------------

    def function(self, node: ast.FunctionDef, method: bool) -> None:
        """A function or method: its head, its body, then what holds for it as a whole."""
        head = node.args
        parameters = [argument.arg for argument in head.args]
        if not (method and node.name == "__init__"):
            self.identifier(node, node.name)
        if node.decorator_list:
            self.refuse(node, "CP015", "decorator")
        if head.posonlyargs or head.kwonlyargs or head.vararg or head.kwarg or len(parameters) > listed.MOST_PARAMETERS:
            self.refuse(node, "CP015", f"other parameters than up to {listed.MOST_PARAMETERS} plain ones")
            return
        if method and parameters[:1] != ["self"]:
            self.refuse(node, "CP010", f"the first parameter of '{node.name}' is not self")
        for default in head.defaults:
            self.immutable(default, "CP015")
        for argument in head.args[1 if method else 0 :]:
            self.bind(argument, argument.arg)
        for annotation in [*(argument.annotation for argument in head.args), node.returns]:
            self.annotation(annotation)
        if self.hil and not all(isinstance(inner, ast.Expr | ast.Pass) for inner in node.body):
            self.refuse(node, "CP014", f"'{node.name}' has a body")
            return
        bound = bindings(node.body)
        outer = self.numbers
        self.locals = {*bound, *parameters}
        known = outer - self.locals
        self.numbers = known | numbers_among({n: bound[n] for n in bound if n not in parameters}, known)
        self.in_method = method
        for inner in node.body:
            self.visit(inner)
        if not self.report.has(node, ("CP002", "CP003", "CP015")):
            Assigned(node, self.locals, self.report)
        if len(self.locals) > listed.MOST_LOCALS:
            self.refuse(node, "CP018", f"{len(self.locals)} locals, more than {listed.MOST_LOCALS}")
        self.locals, self.numbers, self.in_method = set(), outer, False

    def annotation(self, node: ast.expr | None) -> None:
        """A type, which the build leaves out."""
        parts = [part for part in walk(node) if not isinstance(part, listed.ANNOTATIONS)] if node else []
        if node and parts:
            self.refuse(node, "CP023", type(parts[0]).__name__)

    # -- Nodes of functions, and of a board's values ---------------------------

    def visit(self, node: ast.AST, depth: int = 1) -> None:
        """One node and all below it; `elif` is as deep as its `if`."""
        if depth > listed.DEEPEST:
            self.refuse(node, "CP018", f"nested deeper than {listed.DEEPEST}")
            return
        if not isinstance(node, listed.NODES) and not (self.board and isinstance(node, ast.Lambda)):
            self.refuse(node, "CP002", type(node).__name__)
        elif self.look(node):
            chained = isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)
            for child in children(node):
                if not (isinstance(node, ast.AnnAssign) and child is node.annotation):
                    self.visit(child, depth if chained and isinstance(child, ast.If) else depth + 1)
            if isinstance(node, ast.ExceptHandler):
                self.errors.discard(node.name or "")

    def look(self, node: ast.AST) -> bool:
        """Look at one node; whether those below it are to be looked at, too."""
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                self.refuse(node, "CP015", f"'{node.name}' within a function")
                return False
            case ast.Import() | ast.ImportFrom():
                self.refuse(node, "CP003", "import within a function")
                return False
            case ast.Name():
                self.name(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Call():
                self.call(node)
            case ast.keyword(arg=name):
                if name is None or name.startswith("__"):
                    self.refuse(node, "CP009" if name else "CP002", f"'{name}'" if name else "** in a call")
            case ast.Constant():
                self.literal(node)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) if len(elements) > listed.MOST_ELEMENTS:
                self.refuse(node, "CP018", f"{len(elements)} elements, more than {listed.MOST_ELEMENTS}")
            case ast.BinOp():
                self.operator(node, node.op, node.left, node.right)
            case ast.AugAssign():
                self.operator(node, node.op, node.target, node.value)
            case ast.JoinedStr():
                source = ast.get_source_segment(self.text, node) or ""
                if node.lineno != node.end_lineno or not listed.F_STRING.fullmatch(source):
                    self.refuse(node, "CP024", "it is not one of the simple ones")
                    return False
                node.values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            case ast.ListComp():
                return self.comprehension(node)
            case ast.For() | ast.While() if node.orelse:
                self.refuse(node, "CP002", "else of a loop")
            case ast.For():
                self.count(node.iter)
            case ast.AnnAssign():
                self.annotation(node.annotation)
                if node.value is None:
                    self.refuse(node, "CP002", "annotation without a value")
            case ast.Expr(value=value) if isinstance(value, listed.EXPRESSIONS) and not isinstance(value, ast.Call):
                if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
                    self.refuse(node, "CP002", "expression whose value nobody uses")
            case ast.Raise(exc=exc, cause=cause):
                again = isinstance(exc, ast.Name) and exc.id in self.errors
                if cause or exc is None or not (again or called_name(exc) in EXCEPTIONS):
                    self.refuse(node, "CP017", "raise from" if cause else "raise")
                    return False
                self.placed.add(exc)
            case ast.Try() if node.finalbody or node.orelse:
                # Code in `finally` could put another exception in a time-out's place.
                self.refuse(node, "CP017", "finally" if node.finalbody else "else after try")
            case ast.ExceptHandler(type=caught, name=name):
                classes = caught.elts if isinstance(caught, ast.Tuple) else [caught]
                if not all(isinstance(one, ast.Name) and one.id in EXCEPTIONS for one in classes):
                    self.refuse(node, "CP017", f"except {source_of(caught) if caught else ''}".strip())
                    return False
                self.placed.update(one for one in classes if one)
                if name:
                    self.bind(node, name)
                    for place, what in misuses(node.body, name):
                        self.refuse(place, "CP017", what)
                    self.errors.add(name)
            case ast.Lambda() if unparsed(node.args) not in ("", "grant"):
                self.refuse(node, "CP002", "lambda with other parameters than grant")
            case ast.Lambda():
                return self.recipe(node)
        return True

    def bind(self, node: ast.AST, name: str) -> None:
        """A parameter or local."""
        if name in self.kinds or name in BUILTINS or name in EXCEPTIONS:
            self.refuse(node, "CP019", f"'{name}'")
        else:
            self.identifier(node, name)

    def identifier(self, node: ast.AST, name: str) -> None:
        """What is defined may be neither a name of the interpreter nor one that the verifier knows by its text."""
        if name.startswith("__"):
            self.refuse(node, "CP009", f"'{name}'")
        elif name == "self":
            self.refuse(node, "CP010", "it is bound here")
        elif name in listed.SPECIAL:
            self.refuse(node, "CP019", f"'{name}'")

    def literal(self, node: ast.Constant) -> None:
        """A number of at most 64 bits, a string, bytes, True, False or None."""
        value = node.value
        if isinstance(value, str | bytes | int):
            size, most = (value.bit_length(), 64) if isinstance(value, int) else (len(value), listed.LONGEST_STRING)
            if size > most:
                self.refuse(node, "CP018", f"{size} bits or characters, more than {most}")
        elif value is not None:
            self.refuse(node, "CP002", f"{type(value).__name__} constant")

    def name(self, node: ast.Name) -> None:
        """A name that is read or bound."""
        name, kind = node.id, self.kinds.get(node.id)
        if isinstance(node.ctx, ast.Store):
            self.bind(node, name)
        elif name.startswith("__"):
            self.refuse(node, "CP009", f"'{name}'")
        elif name in self.locals:
            pass
        elif name == "self":
            self.refuse(node, "CP010", "there is no self here")
        elif name in BUILTINS or name in EXCEPTIONS or kind is Kind.CONST:
            if kind is Kind.CONST or not (node in self.called or node in self.placed):
                self.refuse(node, "CP006", f"'{name}'")
        elif kind is None:
            self.refuse(node, "CP005", f"'{name}'")
        elif kind in _MODULES and not (kind is Kind.MODULE and node in self.placed):
            self.refuse(node, "CP025", f"'{name}'")
        elif kind in (Kind.TYPE, Kind.ERRORS) or (kind is Kind.CLASS and node not in self.called):
            self.refuse(node, "CP012", f"'{name}'")

    def attribute(self, node: ast.Attribute) -> bool:
        """`x.name`: of a module, of ErrorCode, or of an object; whether `x` is to be looked at."""
        name = node.attr
        base = node.value.id if isinstance(node.value, ast.Name) else ""
        kind = None if base in self.locals else self.kinds.get(base)
        own = base == "self" and self.in_method
        rule = ""
        if isinstance(node.ctx, ast.Store) and not own:
            rule = "CP007"
        elif name.startswith("__"):
            rule = "CP009"
        elif kind is Kind.OPTIONS:
            rule = "" if name.isupper() and node.lineno == node.end_lineno else "CP025"
        elif kind is Kind.POWERS:
            rule = "" if node in self.called or name in POLICIES else "CP025"
        elif kind is Kind.MODULE:
            offered = None if name.startswith("_") else self.names.modules[base].get(name)
            rule = "CP003" if offered is None else "CP012" if offered is Kind.CLASS and node not in self.called else ""
        elif kind in (Kind.CLASS, Kind.TYPE) or (kind is Kind.ERRORS and not name.isupper()):
            rule = "CP012"
        elif name.startswith("_") and not own:
            rule = "CP008"
        elif name in listed.RESERVED:
            rule = "CP011"
        if rule:
            self.refuse(node, rule, f"'{source_of(node)}'")
        return not rule and (kind is None or kind in _CONSTANTS or kind is Kind.FUNCTION)

    def call(self, node: ast.Call) -> None:
        """A call of a function, class, method or other value."""
        self.called.add(node.func)
        name = called_name(node)
        if self.board and unparsed(node.func) == "mint.serve":
            self.placed.update(node.args[1:2])
        if len(node.args) + len(node.keywords) > listed.MOST_ARGUMENTS:
            self.refuse(node, "CP018", f"more than {listed.MOST_ARGUMENTS} arguments")
        if name in EXCEPTIONS and node not in self.placed:
            self.refuse(node, "CP017", f"'{name}' is made outside a raise")
        elif name in BUILTINS:
            asked = BUILTINS[name]
            kinds = [*asked.safe, *asked.safe[-1:] * len(node.args)]
            proved = all(is_proved(kind, one, self.numbers) for kind, one in zip(kinds, node.args, strict=False))
            placed = name != "range" or node in self.placed
            if node.keywords or not asked.least <= len(node.args) <= asked.most or not proved or not placed:
                self.refuse(node, "CP006", f"'{source_of(node)}'")

    def operator(self, node: ast.AST, op: ast.operator, left: ast.expr, right: ast.expr) -> None:
        """CP020: operands of which the table's kinds are proved."""
        if not isinstance(op, listed.OPERATORS):
            self.refuse(node, "CP002", type(op).__name__)
        elif (operand := not_proved(op, left, right, self.numbers)) is not None:
            self.refuse(node, "CP020", f"'{source_of(operand)}'")

    def recipe(self, node: ast.Lambda) -> bool:
        """What a board hands to mint: `lambda: value` or `lambda grant: value`."""
        for parameter in node.args.args:
            self.bind(parameter, parameter.arg)
        outer, self.locals = self.locals, self.locals | {parameter.arg for parameter in node.args.args}
        self.visit(node.body)
        self.locals = outer
        return False

    def count(self, iterable: ast.expr) -> None:
        """What `for` goes through: here `range` may stand."""
        if called_name(iterable) == "range":
            self.placed.add(iterable)

    def comprehension(self, node: ast.ListComp) -> bool:
        """A list comprehension with one `for`, not within another; its variables are its own."""
        first = node.generators[0]
        if len([part for part in walk(node) if isinstance(part, ast.comprehension)]) > 1 or first.is_async:
            self.refuse(node, "CP002", "comprehension with more than one for")
            return False
        self.count(first.iter)
        self.visit(first.iter)
        outer, outer_numbers = self.locals, self.numbers
        own = {part.id for part in walk(first.target) if isinstance(part, ast.Name)}
        self.locals = outer | own
        counted = isinstance(first.target, ast.Name) and is_number(element_of(first.iter), outer_numbers)
        self.numbers = outer_numbers | own if counted else outer_numbers - own
        for part in [first.target, node.elt, *first.ifs]:
            self.visit(part)
        self.locals, self.numbers = outer, outer_numbers
        return False
