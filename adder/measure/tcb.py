"""The trusted computing base: the verb `adder tcb`.

Counts the lines that have to be right for the kernel to be safe, without comments and blank lines: C and assembly of
`firmware/`; the boards' manifests and linker scripts; the boards' wiring; both verifiers, and the table of what C
functions may be handed; what wires the kernel when it is built; and what makes an image of all that, since it chooses
what is verified, compiled and linked.
Lists each place where a board file mints a power, that is, uses the module `mint`.

Trusted as well, and not ours to count: MicroPython's runtime, its interpreter of bytecode and garbage collector, the C
compiler and linker, and the disassembler. MicroPython's compiler is not (adder/verify_image).
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from adder.board import ROOT
from adder.errors import AdderError
from adder.output import console, table, write_json

LIMIT = 14_515
"""What we allow ourselves. A test holds us to it; docs/architecture.md says how it came to be so much."""

ROOM = 300
"""At least so many stay free, so that nobody presses code into long lines. Whoever needs them raises the limit."""

KINDS = {
    "c": "C",
    "asm": "assembly",
    "manifest": "manifests and linker scripts",
    "wiring": "boards' wiring",
    "verifier": "the verifiers",
    "table": "their table of C functions",
    "wire": "wiring",
    "build": "the build",
}
"""The kinds of trusted files, with what they are."""

BUILD = (
    "build/freeze", "build/scopes", "build/prepare", "build/manifest", "build/configure", "mpy_cross",
    "board/__init__", "board/files", "board/configuration", "toml",
)  # fmt: skip
"""Modules of `adder/` that choose or change what is compiled, or read what may reach a register."""

LINKING = ("firmware/port/Makefile", "firmware/port/compile.mk", "mpy-cross.cfg")
"""What is compiled in which way, and which of MicroPython's functions the linker replaces."""

NAMES = re.compile(r"^Q\(.*\)$", re.MULTILINE)
"""Lines of qstrdefsport.h: names for MicroPython's table of strings, no code."""

UNPRIVILEGED = "python_process"
"""The folder of `firmware/` whose code runs in processes, with their rights: it is not trusted."""

SPEAKING = ("command.py", "interface.py", "rules.toml")
"""Files of the verifier that explain, or look after docstrings: they cannot let an unsafe capsule pass."""

CHECKING = ("check.py", "powers.py", "command.py", "__main__.py")
"""Files of adder/wire that look at the result, or only say what it is: what they miss makes nothing worse."""

MINT = "mint"
"""The module whose functions make powers."""

# A comment, or a string or character constant that may contain what looks like one.
_C_TOKEN = re.compile(r"//(?:\\\n|[^\n])*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
# In assembly an apostrophe need not come in pairs, and "@" begins a comment, too.
_ASM_TOKEN = re.compile(r"(?://|@)[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)


def _without_comments(text: str, token: re.Pattern[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] in "\"'":
            return found
        return "\n" * found.count("\n") or " "

    return token.sub(replace, text)


def _filled_lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def count_c(text: str) -> int:
    """Lines of C, or of a linker script, that hold more than comments."""
    return _filled_lines(_without_comments(text, _C_TOKEN))


def count_assembly(text: str) -> int:
    """Lines of GNU assembly for Arm that hold more than comments."""
    return _filled_lines(_without_comments(text, _ASM_TOKEN))


def count_toml(text: str) -> int:
    """Lines of TOML that hold more than comments."""
    return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def count_python(text: str) -> int:
    """Lines of Python that hold more than comments and docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    quiet = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in quiet:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


@dataclass(frozen=True)
class Unit:
    """One file of the trusted base."""

    path: str
    kind: str
    lines: int


@dataclass(frozen=True)
class Power:
    """A place where a power is minted."""

    path: str
    line: int
    text: str


def trusted_files(root: Path) -> Iterator[tuple[str, Path]]:
    """The files of the trusted base, with their kind."""
    for pattern, kind in (("*.c", "c"), ("*.h", "c"), ("*.S", "asm")):
        for path in sorted((root / "firmware").rglob(pattern)):
            if UNPRIVILEGED not in path.relative_to(root).parts:
                yield kind, path
    for path in sorted((root / "boards").glob("*/*.toml")):
        yield "manifest", path
    for folder in ("firmware", "board", "boards"):
        for path in sorted((root / folder).rglob("*.ld")):
            yield "manifest", path
    for path in sorted((root / "boards").glob("*/board.py")):
        yield "wiring", path
    for suffix, kind in ((".py", "verifier"), (".toml", "table")):
        for path in sorted((root / "adder").glob(f"verify*/*{suffix}")):
            if path.name not in SPEAKING:
                yield kind, path
    for path in sorted((root / "adder" / "wire").glob("*.py")):
        if path.name not in CHECKING:
            yield "wire", path
    for name in (*(f"adder/{module}.py" for module in BUILD), *LINKING):
        if (root / name).is_file():
            yield "build", root / name


def count_file(kind: str, path: Path) -> int:
    """Lines of one file."""
    text = path.read_text()
    if path.suffix == ".py":
        return count_python(text)
    if path.suffix not in (".c", ".h", ".S", ".ld"):
        return count_toml(text)  # makefiles and settings have the same comments
    if path.name == "qstrdefsport.h":
        text = NAMES.sub("", text)
    return count_assembly(text) if kind == "asm" else count_c(text)


def count_units(root: Path) -> list[Unit]:
    """Every file of the trusted base with its lines."""
    return [Unit(path.relative_to(root).as_posix(), kind, count_file(kind, path)) for kind, path in trusted_files(root)]


def minted_powers(source: str, path: str) -> list[Power]:
    """Each use of the module `mint` in a board file: its calls, and any other mention of it."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AdderError(f"{path}, line {error.lineno}: {error.msg}.") from error
    names: set[str] = set()
    powers: list[Power] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[-1] == MINT:
                    names.add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            from_mint = (node.module or "").split(".")[-1] == MINT
            for alias in node.names:
                if from_mint and alias.name == "*":
                    powers.append(Power(path, node.lineno, ast.unparse(node)))
                elif from_mint or alias.name == MINT:
                    names.add(alias.asname or alias.name)

    def root_name(node: ast.expr) -> str | None:
        while isinstance(node, ast.Attribute):
            node = node.value
        return node.id if isinstance(node, ast.Name) else None

    class Visitor(ast.NodeVisitor):
        def visit_Call(self, node: ast.Call) -> None:
            if root_name(node.func) in names:
                powers.append(Power(path, node.lineno, ast.unparse(node)))
            else:
                self.visit(node.func)
            for argument in (*node.args, *node.keywords):
                self.visit(argument)

        def visit_Name(self, node: ast.Name) -> None:
            # Not a call: the power to mint is handed on.
            if node.id in names:
                powers.append(Power(path, node.lineno, node.id))

        def visit_Attribute(self, node: ast.Attribute) -> None:
            if root_name(node) in names:
                powers.append(Power(path, node.lineno, ast.unparse(node)))
            else:
                self.generic_visit(node)

    Visitor().visit(tree)
    return sorted(set(powers), key=lambda power: (power.line, power.text))


def find_powers(root: Path) -> list[Power]:
    """Every place in the board files where a power is minted."""
    files = [*(root / "board").rglob("*.py"), *(root / "boards").rglob("*.py")]
    return [
        power for path in sorted(files) for power in minted_powers(path.read_text(), path.relative_to(root).as_posix())
    ]


def report(units: list[Unit], powers: list[Power]) -> dict[str, object]:
    """The contents of tcb.json."""
    totals: Counter[str] = Counter()
    for unit in units:
        totals[unit.kind] += unit.lines
    return {
        **{f"{kind}_lines": totals[kind] for kind in KINDS},
        "total_lines": totals.total(),
        "units": {unit.path: unit.lines for unit in units},
        "powers": [{"file": power.path, "line": power.line, "call": power.text} for power in powers],
    }


def show(units: list[Unit], powers: list[Power]) -> None:
    """Print both lists."""
    out = console()
    lines = table("unit", right=("lines",))
    folders: dict[str, list[Unit]] = {}
    for unit in units:
        folders.setdefault(str(Path(unit.path).parent), []).append(unit)
    for folder in sorted(folders):
        within = folders[folder]
        lines.add_row(folder, f"{sum(unit.lines for unit in within):,}", style="bold")
        for unit in sorted(within, key=lambda unit: unit.path):
            lines.add_row(f"  {Path(unit.path).name}", f"{unit.lines:,}")
    out.print(lines)
    figures = report(units, powers)
    parts = ", ".join(f"{figures[f'{kind}_lines']:,} of {what}" for kind, what in KINDS.items())
    out.print(f"\nLines: {parts}.\nIn all {figures['total_lines']:,} of {LIMIT:,} allowed\n")
    out.print("Powers are minted at" if powers else "No power is minted.", style="bold")
    for power in powers:
        out.print(f"{power.path}:{power.line}: {power.text}")


@click.command()
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the figures.  [default: build/tcb.json]",
)  # fmt: skip
def tcb(json_path: Path | None) -> None:
    """Count the lines of trusted code and list each place where a power is minted."""
    units, powers = count_units(ROOT), find_powers(ROOT)
    write_json(json_path or ROOT / "build" / "tcb.json", report(units, powers))
    show(units, powers)
