"""From the kernel's Python to C: what happens to capsules, drivers and the board before they are frozen.

Run by the build: `python -m adder.freeze BOARD FOLDER MICROPYTHON`. Beginning with
`boards/BOARD/board.py`, it follows the imports, prepares each module, compiles it with mpy-cross as
mpy-cross.cfg says, and writes `FOLDER/frozen_content.c`. Only modules that the board can reach are
frozen; an import under `if config.X:` counts when X is set.

Preparing a module keeps every line where it is (so tracebacks tell the truth) and does three things:
annotations that mpy-cross's emitters do not know are blanked; constants imported from other modules
become `const()` here, since mpy-cross folds only what it sees; and functions named in [words] get the
viper decorator, on the blank line above them.

Nothing is frozen that is not Capsule Python (adder/verify): all modules are verified first. The verifier reads with
Python's parser, MicroPython compiles with its own, so each module is compiled a second time from what Python
understood, and both must come out the same. At last, a look at the stack that each function takes.

The library of Python processes is frozen as well, as it is: one copy in flash for all of them.
"""

import ast
import operator
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adder import mpy_cross
from adder.board import ROOT, board_folder
from adder.errors import AdderError
from adder.manifest import write_if_changed
from adder.verify import verify_program
from adder.verify.machine_code import check_machine_code

BUILT_IN = {"kernel", "cells", "mint", "micropython"}
"""Modules that are not files: the trusted core's, and MicroPython's `const`."""

HOST_ONLY = ("typing", "capsules.hil", "__future__")
"""Modules that exist for the type checker alone; importing them costs nothing on the device."""

TYPES = {
    "CommandReturn",
    "Entry",
    "Field",
    "FlashRange",
    "Grant",
    "InterruptLine",
    "KernelLog",
    "ProcessControl",
    "ProcessId",
    "Registers",
    "UserBuffer",
}
"""Names in `kernel` that only annotations use: nobody can make such an object but the core."""

WORD_TYPES = {"int", "bool"}

LIBRARY = ROOT / "apps" / "library"
ASYNCIO = ("__init__", "core", "event", "funcs", "lock", "stream")
"""The modules of MicroPython's asyncio that do not exist in C."""


def is_host_only(name: str) -> bool:
    """Whether the module exists for the type checker alone."""
    return any(name == module or name.startswith(module + ".") for module in HOST_ONLY)


@dataclass
class Module:
    """One Python file on its way into the image."""

    name: str  # as imported: capsules.core.led
    path: Path
    text: str
    tree: ast.Module
    lines: list[str]

    @property
    def shown(self) -> Path:
        """The path for people."""
        return self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path

    constants: dict[str, int] = field(default_factory=dict)


class Freezer:
    """Collects the modules of one board and prepares them."""

    def __init__(self, board: str, folder: Path) -> None:
        self.board = board
        self.folder = folder
        self.config = mpy_cross.read_config(board_folder(board))
        self.modules: dict[str, Module] = {}
        self.options = self.load("config", folder / "config.py").constants

    # -- Finding ---------------------------------------------------------------

    def path_of(self, name: str) -> Path:
        """The file of a module: of the repository, or else in the board's folder."""
        if name == "board":
            return board_folder(self.board) / "board.py"
        relative = Path(*name.split("."))
        if relative.parts[0] == "components":
            relative = Path("board") / relative
        path = ROOT / relative.with_suffix(".py")
        return path if path.is_file() else board_folder(self.board) / relative.with_suffix(".py")

    def load(self, name: str, path: Path | None = None) -> Module:
        """Read a module and all that it imports."""
        if name in self.modules:
            return self.modules[name]
        path = path or self.path_of(name)
        if not path.is_file():
            raise AdderError(f"There is no module '{name}' ({path} is missing).")
        text = path.read_text()
        # Columns in the syntax tree count bytes; with ASCII they are also characters.
        for number, line in enumerate(text.splitlines(), 1):
            if not line.isascii() and (":" in line or "config" in line) and "def " in line:
                raise AdderError(f"{path}:{number}: write this line in ASCII.")
        try:
            tree = ast.parse(text, str(path))
        except SyntaxError as error:
            raise AdderError(f"{path}:{error.lineno}: {error.msg}.") from error
        module = Module(name, path, text, tree, text.splitlines())
        self.modules[name] = module
        module.constants = constants_of(tree)
        for imported in self.imports(tree.body):
            if imported not in BUILT_IN and not is_host_only(imported):
                self.load(imported)
        return module

    def imports(self, body: list[ast.stmt]) -> list[str]:
        """The modules that these statements import."""
        found = []
        for node in body:
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    raise AdderError(f"Line {node.lineno}: write the whole name of the module in place of the dots.")
                name = node.module or ""
                if (
                    name not in BUILT_IN
                    and not is_host_only(name)
                    and name not in self.modules
                    and not self.path_of(name).is_file()
                ):
                    found += [f"{name}.{alias.name}" for alias in node.names]  # from package import module
                else:
                    found.append(name)
            elif isinstance(node, ast.If):
                switch = self.switch(node.test)
                if switch is not False:
                    found += self.imports(node.body)
                if switch is not True:
                    found += self.imports(node.orelse)
        return found

    def switch(self, test: ast.expr) -> bool | None:
        """The value of `config.X`, or of TYPE_CHECKING; None for any other condition."""
        if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "config":
            if test.attr not in self.options:
                raise AdderError(f"There is no option {test.attr} in Kconfig.")
            return bool(self.options[test.attr])
        if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
            return False
        return None

    # -- Preparing -------------------------------------------------------------

    def prepare(self, module: Module) -> str:
        """The module's text as mpy-cross gets it, line for line."""
        lines = list(module.lines)
        words = self.words_of(module)
        self.drop_host_only(module, lines)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef):
                blank_annotations(node, lines, keep_words=node in words)
            elif isinstance(node, ast.AnnAssign) and node.value is None:
                raise AdderError(f"{module.path}:{node.lineno}: give the annotated name a value.")
            elif isinstance(node, ast.AnnAssign):
                blank(lines, node.target, node.annotation, start_at_end=True)
        for function in words:
            row = function.lineno - 2
            if lines[row].strip() and not lines[row].lstrip().startswith("#"):
                raise AdderError(
                    f"{module.path}:{function.lineno}: [words] needs a blank line above '{function.name}'."
                )
            lines[row] = " " * function.col_offset + "@micropython.viper"
        self.fold_imports(module, lines)
        return "\n".join(lines) + "\n"

    def words_of(self, module: Module) -> list[ast.FunctionDef]:
        """The functions of this module that mpy-cross.cfg lists under [words]."""
        names = self.config["words"].get(module.name.replace(".", "/"), "").split()
        found = []
        for name in names:
            body: list[ast.stmt] = module.tree.body
            node: ast.stmt | None = None
            for part in name.split("."):
                node = next((n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == part), None)
                if node is None:
                    raise AdderError(f"mpy-cross.cfg: {module.path} has no '{name}'.")
                body = node.body
            if not isinstance(node, ast.FunctionDef):
                raise AdderError(f"mpy-cross.cfg: '{name}' of {module.path} is no function.")
            found.append(node)
        return found

    def drop_host_only(self, module: Module, lines: list[str]) -> None:
        """Remove imports that only the type checker needs."""
        for node in module.tree.body:
            host_import = isinstance(node, ast.ImportFrom) and is_host_only(node.module or "")
            if isinstance(node, ast.Import) and any(is_host_only(alias.name) for alias in node.names):
                raise AdderError(f"{module.path}:{node.lineno}: write `from {node.names[0].name} import …` instead.")
            host_branch = (
                isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            )
            if host_import or host_branch or (isinstance(node, ast.ImportFrom) and node.module == "micropython"):
                for row in range(node.lineno - 1, (node.end_lineno or node.lineno)):
                    lines[row] = ""

    def fold_imports(self, module: Module, lines: list[str]) -> None:
        """Turn `from other import CONSTANT` into `CONSTANT = const(value)`, and `config.X` into its value."""
        for node in module.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "kernel":
                kept_names = [alias for alias in node.names if alias.name not in TYPES]
                names = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in kept_names)
                lines[node.lineno - 1] = f"from kernel import {names}" if names else ""
                for row in range(node.lineno, (node.end_lineno or node.lineno)):
                    lines[row] = ""
            if not isinstance(node, ast.ImportFrom):
                continue
            constants = self.constants_in(node.module or "")
            folded = [alias for alias in node.names if alias.name in constants]
            kept = [alias for alias in node.names if alias.name not in constants and node.module in self.modules]
            if not folded:
                continue
            parts = [f"{alias.asname or alias.name} = const({constants[alias.name]})" for alias in folded]
            if kept:
                names = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in kept)
                parts.append(f"from {node.module} import {names}")
            lines[node.lineno - 1] = "; ".join(parts)
            for row in range(node.lineno, (node.end_lineno or node.lineno)):
                lines[row] = ""
        for row, line in enumerate(lines):
            if line.strip() == "import config":
                lines[row] = ""
        uses = [
            node
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "config"
        ]
        for use in sorted(uses, key=lambda node: (node.lineno, node.col_offset), reverse=True):
            if use.attr not in self.options:
                raise AdderError(f"{module.path}:{use.lineno}: there is no option {use.attr} in Kconfig.")
            line = lines[use.lineno - 1]
            lines[use.lineno - 1] = line[: use.col_offset] + str(self.options[use.attr]) + line[use.end_col_offset :]

    def constants_in(self, name: str) -> dict[str, int]:
        """The constants of a module; of an interface, which is in no image, they are all there is."""
        if name in self.modules:
            return self.modules[name].constants
        if name.startswith("capsules.hil.") and self.path_of(name).is_file():
            return constants_of(ast.parse(self.path_of(name).read_text(), str(self.path_of(name))))
        return {}

    # -- Compiling -------------------------------------------------------------

    def emitter(self, module: Module) -> str:
        """What mpy-cross.cfg says of this module's path, in the repository or in the board's folder."""
        for folder in (board_folder(self.board).resolve(), ROOT):
            if module.path.is_relative_to(folder):
                return mpy_cross.emitter(self.config, str(module.path.relative_to(folder).with_suffix("")))
        return mpy_cross.emitter(self.config, module.name)

    def compile(self, shown: str, path: Path, emit: str, text: str) -> Path:
        """Compile one module's text; returns its .mpy file. Tracebacks will call it `shown`."""
        source = self.folder / "frozen" / shown
        compiled = source.with_suffix(".mpy")
        settings = self.config["mpy-cross"]
        command = mpy_cross.command(settings["march"], settings["optimise"], shown, compiled, emit)
        stamp = " ".join(command) + "\n" + text
        record = source.with_suffix(".stamp")
        if compiled.exists() and record.exists() and record.read_text() == stamp:
            return compiled
        write_if_changed(source, text)
        self.run_compiler(command, source, path)
        record.write_text(stamp)
        return compiled

    def run_compiler(self, command: list[str], source: Path, path: Path) -> None:
        """Run mpy-cross. An assertion in it ends it with a signal, which is a refusal as any other."""
        result = mpy_cross.run(command, source)
        if result.returncode:
            said = (result.stderr or result.stdout).strip().splitlines() or [f"exit code {result.returncode}"]
            raise AdderError(f"{path}: MicroPython's compiler refuses it: {said[-1]}")

    def compare_parsers(self, module: Module, text: str) -> None:
        """Make sure that MicroPython compiles what Python's parser, and so the verifier, has understood."""
        shown, emit = file_of(module.name), self.emitter(module)
        results = []
        for number, version in enumerate((text, written_anew(text))):
            source = self.folder / "compared" / f"{shown}.{number}"
            compiled = source.with_suffix(f".{number}.mpy")
            if not compiled.exists() or not source.exists() or source.read_text() != version:
                compiled.unlink(missing_ok=True)
                write_if_changed(source, version)
                # Without line numbers, which differ.
                command = mpy_cross.command(self.config["mpy-cross"]["march"], "3", shown, compiled, emit)
                self.run_compiler(command, source, module.shown)
            results.append(compiled.read_bytes())
        if results[0] != results[1]:
            raise AdderError(
                f"{module.shown}: MicroPython's parser takes this file for something else than Python's; "
                "write it more plainly."
            )

    def verify(self, modules: list[Module]) -> None:
        """Refuse what is not Capsule Python."""
        program = {module.name: (module.shown, module.text) for module in modules}
        findings = verify_program(program, self.config["words"])
        if findings:
            listed = "\n".join(str(finding) for finding in findings)
            raise AdderError(
                f"{len(findings)} findings of the verifier:\n{listed}\n`adder verify --explain RULE` says more."
            )

    def freeze(self, micropython: Path) -> None:
        """Compile every module that the board needs and write frozen_content.c."""
        self.load("board")
        frozen = [module for name, module in sorted(self.modules.items()) if name != "config"]
        self.verify(frozen)
        compiled = []
        for module in frozen:
            text = self.prepare(module)
            compiled.append(self.compile(file_of(module.name), module.shown, self.emitter(module), text))
            self.compare_parsers(module, text)
        compiled += [
            self.compile(shown, path, mpy_cross.emitter(self.config, "apps/library/" + shown), path.read_text())
            for shown, path in library(micropython)
        ]
        tool = micropython / "tools" / "mpy-tool.py"
        qstrs = self.folder / "genhdr" / "qstrdefs.preprocessed.h"
        result = subprocess.run(
            [
                sys.executable,
                str(tool),
                "-f",
                "-q",
                str(qstrs),
                "-mlongint-impl=mpz",
                "-mmpz-dig-size=16",
                *map(str, compiled),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise AdderError(f"mpy-tool failed: {result.stderr.strip().splitlines()[-1]}")
        complaints = list(check_machine_code(result.stdout))
        if complaints:
            raise AdderError("\n".join(complaints))
        write_if_changed(
            self.folder / "frozen_content.c",
            list_functions(name_frozen(result.stdout, [file_of(m.name) for m in frozen]), self.config["words"]),
        )


def written_anew(text: str) -> str:
    """The text that Python makes of its syntax tree."""
    tree = ast.parse(text)
    # `a, b = c, d`: MicroPython compiles it otherwise if the right side has parentheses, which Python adds.
    anew = re.sub(r"^(\s*[\w., ]+, [\w., ]+ = )\((.*)\)$", r"\1\2", ast.unparse(tree), flags=re.MULTILINE)
    return (anew if ast.dump(ast.parse(anew)) == ast.dump(tree) else ast.unparse(tree)) + "\n"


def file_of(name: str) -> str:
    """The file of a module, as a traceback shows it."""
    return name.replace(".", "/") + ".py"


def library(micropython: Path) -> list[tuple[str, Path]]:
    """What Python processes import from the image, in its frozen form: our library, and MicroPython's asyncio."""
    files = {str(path.relative_to(LIBRARY)): path for path in LIBRARY.rglob("*.py")}
    files |= {f"asyncio/{name}.py": micropython / "extmod" / "asyncio" / f"{name}.py" for name in ASYNCIO}
    return sorted(files.items())


def name_frozen(text: str, kernel: list[str]) -> str:
    """Put the kernel's modules into a folder `.kernel` of the frozen file system.

    The kernel's sys.path names that folder, a process's does not. Tracebacks keep the short names.
    """
    for path in kernel:
        text = text.replace(f'"{path}\\0"', f'".kernel/{path}\\0"', 1)
    return text


def list_functions(text: str, words: Mapping[str, str]) -> str:
    """Add a table of all functions of machine code, which the kernel's tracebacks are made from.

    A function of machine words has no name in its code; `words` is [words] of mpy-cross.cfg.
    """
    found = re.findall(
        r"^// frozen native code for file (\S+), scope (\S+)\nstatic const byte (\w+)\[", text, flags=re.MULTILINE
    )
    rows = []
    offsets: dict[str, int] = {}
    length = 0
    for file, scope, symbol in found:
        name = scope.removeprefix(re.sub(r"\W", "_", file.removesuffix(".py")) + "_")
        for listed in words.get(file.removesuffix(".py"), "").split():
            if name.endswith("_dot_py") and name.startswith(listed.rpartition(".")[0]):
                name = listed
        for one in (file, readable(name)):
            if one not in offsets:
                offsets[one] = length
                length += len(one) + 1
        rows.append(f"    {{ {symbol}, {offsets[file]}, {offsets[readable(name)]} }},")
    head = "typedef struct { const byte *code; uint16_t file, function; } frozen_function_t;\n"
    if length > 0xFFFF:
        raise AdderError("The names of the kernel's functions take more than 64 KB.")
    table = ["const frozen_function_t frozen_functions[] = {", *rows, "};"]
    # One array, which the linker can keep out of what processes may read; it does not merge into others' strings.
    strings = ["const char frozen_function_texts[] =", *(f'    "{one}\\0"' for one in offsets), "    ;"]
    return text + head + "\n".join([*strings, *table]) + f"\nconst size_t frozen_function_count = {len(rows)};\n"


def readable(scope: str) -> str:
    """A function's name, from what mpy-tool makes of it: `LedDriver___init____lt_listcomp_gt_`."""
    name = re.sub(r"_lt_(\w+?)_gt_", r"<\1>", scope)
    return name.replace("_", ".", 1) if name[:1].isupper() else name  # a class's name has no underscore


_OPERATORS: dict[type[ast.operator] | type[ast.unaryop], Callable[..., int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


def constants_of(tree: ast.Module) -> dict[str, int]:
    """What a module defines as `NAME = const(number)`."""
    return {
        node.targets[0].id: value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and (value := const_value(node.value)) is not None
    }


def const_value(node: ast.expr) -> int | None:
    """The number in `const(number)`; it may be computed from literals. Nothing of the source is run."""

    def fold(part: ast.expr) -> int:
        if isinstance(part, ast.Constant) and isinstance(part.value, int):
            return int(part.value)
        if isinstance(part, ast.BinOp) and type(part.op) in _OPERATORS:
            left, right = fold(part.left), fold(part.right)
            if abs(left) < 1 << 32 and abs(right) < 1 << 32 and not (isinstance(part.op, ast.LShift) and right > 32):
                return _OPERATORS[type(part.op)](left, right)
        if isinstance(part, ast.UnaryOp) and type(part.op) in _OPERATORS:
            return _OPERATORS[type(part.op)](fold(part.operand))
        raise ValueError("no constant")

    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "const"
        and len(node.args) == 1
    ):
        try:
            return fold(node.args[0])
        except (ValueError, ZeroDivisionError):
            return None
    return None


def blank(lines: list[str], first: ast.expr | ast.arg, last: ast.expr, start_at_end: bool) -> None:
    """Replace the text from `first`'s end to `last`'s end by spaces; line breaks stay."""
    if (
        last.end_lineno is None
        or last.end_col_offset is None
        or first.end_lineno is None
        or first.end_col_offset is None
    ):
        return
    row, column = (first.end_lineno, first.end_col_offset) if start_at_end else (first.lineno, first.col_offset)
    while (row, column) < (last.end_lineno, last.end_col_offset):
        end = last.end_col_offset if row == last.end_lineno else len(lines[row - 1])
        line = lines[row - 1]
        lines[row - 1] = line[:column] + " " * (end - column) + line[end:]
        row, column = row + 1, 0


def blank_annotations(function: ast.FunctionDef, lines: list[str], keep_words: bool) -> None:
    """Remove a function's annotations; machine-word functions keep those that name a word type."""
    arguments = function.args
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]:
        if argument.annotation is None:
            continue
        # An unused parameter, `_`, needs no conversion.
        if (
            keep_words
            and argument.arg != "_"
            and isinstance(argument.annotation, ast.Name)
            and argument.annotation.id in WORD_TYPES
        ):
            continue
        start = ast.arg(
            argument.arg,
            lineno=argument.lineno,
            col_offset=argument.col_offset,
            end_lineno=argument.lineno,
            end_col_offset=argument.col_offset + len(argument.arg),
        )
        blank(lines, start, argument.annotation, start_at_end=True)
    if function.returns is not None and not (
        keep_words and isinstance(function.returns, ast.Name) and function.returns.id in WORD_TYPES
    ):
        row = function.returns.lineno - 1
        if "->" not in lines[row][: function.returns.col_offset]:
            raise AdderError(f"line {row + 1}: the return type of '{function.name}' stands on the line of its '->'.")
        arrow = lines[row].rindex("->", 0, function.returns.col_offset)
        end = function.returns.end_col_offset or len(lines[row])
        lines[row] = lines[row][:arrow] + " " * (end - arrow) + lines[row][end:]


if __name__ == "__main__":
    try:
        Freezer(sys.argv[1], Path(sys.argv[2])).freeze(Path(sys.argv[3]))
    except AdderError as error:
        sys.exit(f"adder: {error}")
