"""The types of the kernel's Python: the verb `adder typecheck`, which the build runs before it freezes.

mypy, in its strict mode, checks the capsules (wired or not), the boards' components and the board file
against `firmware/stubs/`, which say what the modules in C offer. The result is as good as those stubs.

A class that calls itself "A HIL X" in the first line of its docstring, or says that it is "a HIL X itself",
must have all that the Protocol X of `capsules/hil/` asks for. mypy is asked that by a module made for the
purpose, one function for each such class; the answer is shown at the class. Drivers must name their HIL so.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from adder.board import ROOT, board_folder, board_names, configuration, no_such_board
from adder.build.manifest import write_if_changed
from adder.errors import AdderError
from adder.output import tell
from adder.text import MEGABYTE, read_file

STUBS = Path("firmware/stubs")
COMPONENTS = Path("board/components")
CAPSULES = Path("capsules")
HILS = CAPSULES / "hil"
DRIVERS = CAPSULES / "drivers"

CHECKS = "hil_checks"
"""The module that asks mypy about HILs."""

_CLAIM = re.compile(r"^An? HIL (\w+)|\ban? HIL (\w+) itself\b")
_NO_REASON = "Incompatible return value type"
_FURTHER_CLAIM = re.compile(r"(?:,| and) an? HIL (\w+)")


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong, and where: the path is relative to the repository, lines and columns count from 1."""

    path: str
    line: int
    column: int
    text: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.text}"


@dataclass(frozen=True)
class Class:
    """A class of the kernel's Python."""

    path: Path  # relative to the repository
    module: str
    name: str
    line: int
    column: int
    claims: tuple[str, ...]  # the HILs that its docstring names
    used_here: bool  # whether its own module mentions it

    def problem(self, text: str) -> Problem:
        """Something that is wrong with this class."""
        return Problem(self.path.as_posix(), self.line, self.column, f"class {self.name} {text}")


def claims(docstring: str) -> tuple[str, ...]:
    """The HILs that a class says to be, in the first line of its docstring."""
    line = docstring.strip().partition("\n")[0]
    found = _CLAIM.search(line)
    if found is None:
        return ()
    return (found[1] or found[2], *_FURTHER_CLAIM.findall(line, found.end()))


def identifiers(tree: ast.Module) -> set[str]:
    """The names that a module takes from others."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def classes(path: Path, tree: ast.Module) -> Iterator[Class]:
    """The classes at the top level of a module."""
    module = ".".join(path.with_suffix("").parts)
    mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            claimed = claims(ast.get_docstring(node) or "")
            yield Class(path, module, node.name, node.lineno, node.col_offset + 1, claimed, node.name in mentioned)


@dataclass(frozen=True)
class Claim:
    """A class that says to be a HIL."""

    one: Class
    hil: str
    module: str  # the HIL's
    members: tuple[str, ...]  # what the HIL asks for


def members(hil: str, protocols: dict[str, ast.ClassDef]) -> tuple[str, ...]:
    """The methods and attributes of a HIL, those of the HILs that it extends included."""
    found: list[str] = []
    for base in protocols[hil].bases:
        if isinstance(base, ast.Name) and base.id in protocols:
            found += members(base.id, protocols)
    for node in protocols[hil].body:
        if isinstance(node, ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return tuple(dict.fromkeys(found))


@dataclass
class Check:
    """The check of one board. `root` is the repository, or a copy of its folders with Python and stubs."""

    board: str
    folder: Path  # for mypy's cache and what is made for it
    root: Path = ROOT
    problems: list[Problem] = field(default_factory=list)

    def sources(self) -> list[Path]:
        """The files to check, relative to the root."""
        files = [
            path.relative_to(self.root)
            for folder in (CAPSULES, COMPONENTS)
            for path in sorted((self.root / folder).rglob("*.py"))
        ]
        return [*files, self.wiring / "board.py"]

    def trees(self, paths: list[Path]) -> dict[Path, ast.Module]:
        """The files' syntax trees. A file that has none is a problem, at which mypy would stop."""
        trees = {}
        for path in paths:
            try:
                trees[path] = ast.parse(read_file(self.root / path, MEGABYTE), str(path))
            except SyntaxError as error:
                self.problems.append(Problem(path.as_posix(), error.lineno or 1, error.offset or 1, error.msg))
        return trees

    def find_hils(self, trees: dict[Path, ast.Module]) -> list[Claim]:
        """Every claim to be a HIL. Complains about drivers without one."""
        found = [one for path, tree in trees.items() if CAPSULES in path.parents for one in classes(path, tree)]
        hils = {one.name: one.module for one in found if HILS in one.path.parents}
        protocols = {
            node.name: node
            for path, tree in trees.items()
            if HILS in path.parents
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        }
        others = {path: identifiers(tree) for path, tree in trees.items()}
        claimed = []
        for one in found:
            if HILS in one.path.parents:
                continue
            for name in one.claims:
                if name in hils:
                    claimed.append(Claim(one, name, hils[name], members(name, protocols)))
                else:
                    self.problems.append(one.problem(f"calls itself a HIL {name}, which {HILS} does not have"))
            if DRIVERS in one.path.parents and not one.claims:
                used_elsewhere = any(one.name in names for path, names in others.items() if path != one.path)
                if used_elsewhere or not one.used_here:
                    self.problems.append(one.problem('names no HIL in the first line of its docstring ("A HIL Led.")'))
        return claimed

    @property
    def wiring(self) -> Path:
        """The folder of the board file."""
        return Path("boards") / board_folder(self.board).name

    def configuration(self) -> str:
        """The stub of the module `config`: every option is a number."""
        options = configuration.values(configuration.load(self.board, self.folder.parent))
        return "".join(f"{name}: int\n" for name in options)

    def settings(self) -> str:
        """mypy's configuration file."""
        path = [self.root / STUBS, self.folder, self.root / self.wiring, self.root / "board", self.root]
        return "\n".join(
            [
                "[mypy]",
                "strict = true",
                "python_version = 3.11",
                f"mypy_path = {':'.join(map(str, path))}",
                f"cache_dir = {self.folder / 'cache'}",
                "explicit_package_bases = true",
                "no_site_packages = true",  # the device has none of it
                "show_column_numbers = true",
                "",
            ]
        )

    def run(self) -> list[Problem]:
        """Everything that is wrong, in order."""
        sources = self.sources()
        trees = self.trees(sources)
        if len(trees) == len(sources):
            self.ask_mypy(sources, self.find_hils(trees))
        return sorted(set(self.problems))

    def ask_mypy(self, sources: list[Path], claimed: list[Claim]) -> None:
        """Run mypy over the files, and over the module that asks about the HILs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # mypy's cache does not notice a module that comes into a folder without __init__.py.
        files = "\n".join(map(str, [*sources, *sorted((self.root / STUBS).glob("*.pyi"))])) + "\n"
        checked = self.folder / "files.txt"
        if not checked.exists() or checked.read_text() != files:
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            checked.write_text(files)
        checks = self.folder / f"{CHECKS}.py"
        lines = [
            f"from {claim.one.module} import {claim.one.name} as Class{n}; "
            f"from {claim.module} import {claim.hil} as Hil{n}"
            for n, claim in enumerate(claimed)
        ]
        # Naming the members makes mypy name each one that is missing: of the class as a whole it lists two at most.
        lines += [
            f"def check_{n}(it: Class{n}) -> Hil{n}: {''.join(f'it.{name}; ' for name in claim.members)}return it"
            for n, claim in enumerate(claimed)
        ]
        write_if_changed(checks, "\n".join(lines) + "\n")
        write_if_changed(self.folder / "config.pyi", self.configuration())
        write_if_changed(self.folder / "mypy.ini", self.settings())
        options = ["--config-file", str(self.folder / "mypy.ini"), "--output", "json"]
        result = subprocess.run(
            [sys.executable, "-m", "mypy", *options, *map(str, sources), str(checks)],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode not in (0, 1) and not result.stdout.strip():
            raise AdderError(f"mypy failed: {(result.stderr.strip() or 'no message').splitlines()[-1]}")
        hil_problems: list[Problem] = []
        for line in result.stdout.splitlines():
            if not line.strip():
                continue
            if not line.startswith("{"):
                raise AdderError(f"mypy said: {line}")
            said = json.loads(line)
            if Path(said["file"]).stem == CHECKS:
                hil_problems.append(self.hil_problem(said, claimed))
            else:
                self.problems += self.problems_of(said)
        # Without a reason of its own, a message adds nothing to those about members.
        reasoned = {(problem.path, problem.line) for problem in hil_problems if _NO_REASON not in problem.text}
        self.problems += [
            problem
            for problem in hil_problems
            if _NO_REASON not in problem.text or (problem.path, problem.line) not in reasoned
        ]

    @staticmethod
    def problems_of(said: dict[str, Any]) -> Iterator[Problem]:
        """One message of mypy, as we show it."""
        code = f"  [{said['code']}]" if said.get("code") else ""
        hint = " ".join((said.get("hint") or "").split())
        text = said["message"] + (f" ({hint})" if hint else "") + code
        yield Problem(said["file"], max(said["line"], 1), max(said["column"], 0) + 1, text, said["severity"])

    @staticmethod
    def hil_problem(said: dict[str, Any], claimed: list[Claim]) -> Problem:
        """A message about the module that asks, as one about the class."""
        claim = claimed[(int(said["line"]) - 1) % len(claimed)]
        _, found, conflicts = (said.get("hint") or "").partition("Following member(s) of")
        reason = " ".join((found + conflicts or said["message"]).split())
        return claim.one.problem(f"is not a complete HIL {claim.hil}: {reason}")


@click.command()
@click.option("--board", default="all", show_default=True, help="The board whose wiring is checked, or all wirings.")
def typecheck(board: str) -> None:
    """Check the types of the kernel's Python: capsules, drivers and the board's wiring."""
    known = board_names()
    if board != "all" and board not in known:
        raise no_such_board(board)
    chosen = [name for name in known if board in (name, "all") and (board == name or board_folder(name).name == name)]
    problems: dict[Problem, None] = {}
    for name in chosen:
        problems |= dict.fromkeys(Check(name, ROOT / "build" / name / "typecheck", ROOT).run())
    for problem in problems:
        tell(str(problem))
    count = sum(problem.severity == "error" for problem in problems)
    if count:
        raise AdderError(f"{count} type error{'s' * (count != 1)} in the kernel's Python ({', '.join(chosen)}).")
    tell(f"The kernel's Python has no type errors ({', '.join(chosen)}).")
