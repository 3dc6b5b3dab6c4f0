"""The modules that are verified together, and what each of their names means."""

import ast
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from functools import cache
from pathlib import Path

from adder.board import ROOT
from adder.verify.findings import Report
from adder.verify.functions import BUILTINS
from adder.verify.whitelist import EXCEPTIONS, MODULES, Kind

Program = Mapping[str, tuple[Path, str]]
"""Modules by name: their paths and texts."""


class Profile(Enum):
    """What kind of file it is; decided by the module's name alone."""

    CAPSULE = auto()
    HIL = auto()
    COMPONENT = auto()
    BOARD = auto()


def profile_of(name: str) -> Profile:
    """Which rules are for the module."""
    parts = name.split(".")
    if name == "board" or (len(parts) == 3 and parts[0] == "boards" and parts[2] == "board"):
        return Profile.BOARD
    if parts[0] == "components":
        return Profile.COMPONENT
    return Profile.HIL if parts[:2] == ["capsules", "hil"] else Profile.CAPSULE


def name_of(path: Path) -> str:
    """The name by which the file is imported."""
    absolute = path.resolve()
    if not absolute.is_relative_to(ROOT):
        return path.stem
    parts = absolute.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:] if parts[:2] == ("board", "components") else parts)


def path_of(name: str) -> Path:
    """The file of a module of the repository."""
    parts = name.split(".")
    return (ROOT / Path(*(["board"] if parts[0] == "components" else []), *parts)).with_suffix(".py")


def is_switch(test: ast.expr) -> bool:
    """Whether it is `config.NAME`."""
    return isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "config"


def is_type_checking(node: ast.stmt) -> bool:
    """Whether it is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def is_constant_number(value: ast.expr | None) -> bool:
    """Whether it is an integer literal or `const(...)`."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "const"
    return isinstance(value, ast.Constant) and isinstance(value.value, int)


def definitions(body: list[ast.stmt]) -> Iterator[tuple[str, Kind, ast.stmt]]:
    """The names that these statements define, imports left out."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.name, Kind.CLASS, node
        elif isinstance(node, ast.FunctionDef):
            yield node.name, Kind.FUNCTION, node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield target.id, Kind.NUMBER if is_constant_number(node.value) else Kind.VALUE, node
        elif isinstance(node, ast.If):
            yield from definitions([*node.body, *node.orelse])


class Names:
    """What the names of one module mean."""

    def __init__(self, program: Program, name: str, profile: Profile, report: Report) -> None:
        self.program = program
        self.name = name
        self.profile = profile
        self.report = report
        self.kinds: dict[str, Kind] = {}
        self.modules: dict[str, Mapping[str, Kind]] = {}  # the modules that the board knows by a name

    def collect(self, body: list[ast.stmt]) -> None:
        """Read the module level: imports first, then definitions; each name once."""
        imported = set()
        for node, hidden in _imports(body):
            for name, kind in self._import(node):
                if name in self.kinds or name in BUILTINS or name in EXCEPTIONS:
                    self.report.add(node, "CP019", f"'{name}' has a meaning already")
                self.kinds[name] = Kind.TYPE if hidden else kind
                imported.add(name)
        for name, kind, where in definitions(body):
            if name in imported or name in BUILTINS or name in EXCEPTIONS:
                self.report.add(where, "CP019", f"'{name}' has a meaning already")
            elif name in self.kinds and (self.profile is not Profile.BOARD or self.kinds[name] is not Kind.VALUE):
                self.report.add(where, "CP013", f"'{name}' is defined twice")
            else:
                self.kinds[name] = Kind.VALUE if name in self.kinds else kind

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Kind]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    self.report.add(node, "CP003", f"'{alias.name}' under another name")
                elif alias.name == "config":
                    yield "config", Kind.OPTIONS
                elif alias.name == "mint" and self.profile is Profile.BOARD:
                    yield "mint", Kind.POWERS
                else:
                    self.report.add(node, "CP004" if alias.name == "mint" else "CP003", f"import of '{alias.name}'")
            return
        source = node.module or ""
        if source == "mint" and self.profile is not Profile.BOARD:
            self.report.add(node, "CP004", "import from 'mint'")
            return
        if node.level or (source not in MODULES and not self._may_import(source)):
            self.report.add(node, "CP003", f"import from '{'.' * node.level}{source}'")
            return
        for alias in node.names:
            yield from self._import_name(node, source, alias)

    def _may_import(self, module: str) -> bool:
        top = module.split(".")[0]
        wiring = self.profile in (Profile.BOARD, Profile.COMPONENT)
        return module != self.name and (top == "capsules" or (top == "components" and wiring))

    def _import_name(self, node: ast.ImportFrom, source: str, alias: ast.alias) -> Iterator[tuple[str, Kind]]:
        whole = f"{source}.{alias.name}"
        exported = MODULES.get(source) or exports(self.program, source)
        inner = exports(self.program, whole) if exported is None and self.profile is Profile.BOARD else None
        name = alias.asname or alias.name
        if inner is not None:
            self.modules[name] = inner
            yield name, Kind.MODULE
        elif alias.asname:
            self.report.add(node, "CP003", f"'{alias.name}' under another name")
        elif exported is None or alias.name not in exported or alias.name.startswith("_"):
            self.report.add(node, "CP003", f"'{source}' offers no '{alias.name}'")
        else:
            # Of an interface the image has the numbers alone.
            kind = exported[alias.name]
            yield name, Kind.TYPE if source.startswith("capsules.hil.") and kind is not Kind.NUMBER else kind


def _imports(body: list[ast.stmt]) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The imports of the module level, and whether they are for the type checker alone."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, False
        elif isinstance(node, ast.If):
            for inner, hidden in _imports([*node.body, *node.orelse]):
                yield inner, hidden or is_type_checking(node)


def exports(program: Program, name: str) -> Mapping[str, Kind] | None:
    """What may be imported from a module; None if there is no such module."""
    if name in program:
        text = program[name][1]
    elif path_of(name).is_file():
        text = path_of(name).read_text("latin-1")  # as the module itself is read
    else:
        return None
    return _defined(text)


@cache
def _defined(text: str) -> Mapping[str, Kind]:
    try:
        return {name: kind for name, kind, _ in definitions(ast.parse(text).body)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # the module has findings of its own
