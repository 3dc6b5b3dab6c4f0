"""From the kernel's Python to C: finds capsules, drivers and the board, compiles them and freezes them.

Run by the build: `python -m adder.build.freeze BOARD FOLDER MICROPYTHON`. Beginning with
`boards/BOARD/board.py`, it follows the imports, prepares each module, compiles it with mpy-cross as
mpy-cross.cfg says, and writes `FOLDER/frozen_content.c`. Only modules that the board can reach are
frozen; an import under `if config.X:` counts when X is set.

Nothing is frozen that is not Capsule Python (adder/verify): all modules are verified first. What is compiled is printed
from the syntax tree that was verified (adder/build/prepare.py). What the compiler made of it is
verified in the image (adder/verify_image).

The library of Python processes is frozen as well, as it is: one copy in flash for all of them.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from adder import mpy_cross
from adder.board import ROOT, board_folder
from adder.build.manifest import write_if_changed
from adder.build.prepare import LINES, Prepare, Refused, constants_of, is_host_only, lines_of, printed
from adder.build.prepared import with_prepared
from adder.build.scopes import Scope, scopes
from adder.errors import AdderError
from adder.text import printable_lines, read_text
from adder.verify import verify_program

BUILT_IN = {"kernel", "cells", "mint", "micropython"}
"""Modules that are not files: the trusted core's, and MicroPython's `const`."""

WITH_LINES = "2"
"""The most that MicroPython's compiler optimises without leaving out the lines' numbers."""

LIBRARY = ROOT / "apps" / "library"
ASYNCIO = ("__init__", "core", "event", "funcs", "lock", "stream")
"""The modules of MicroPython's asyncio that do not exist in C. Those in our library take their place."""


@dataclass
class Module:
    """One Python file on its way into the image."""

    name: str  # as imported: capsules.core.led
    path: Path
    text: str
    tree: ast.Module

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
        text = read_text(path)
        try:
            tree = ast.parse(text, str(path))
        except SyntaxError as error:
            raise AdderError(f"{path}:{error.lineno}: {error.msg}.") from error
        module = Module(name, path, text, tree)
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
        """The module's text as mpy-cross gets it."""
        tree = ast.parse(module.text)  # its own, which is changed; a copy would take six times as long
        try:
            text = printed(Prepare(self.options, self.constants_in, self.words_of(module, tree)).visit(tree))
        except Refused as error:
            raise AdderError(f"{module.path}:{error.line}: {error}.") from error
        if self.is_of_board(module):
            lines = {str(line): at for line, at in lines_of(tree, text).items()}
            path = self.folder / "frozen" / file_of(module.name)
            write_if_changed(path.with_suffix(LINES), json.dumps({"path": str(module.shown), "lines": lines}))
        return text

    @staticmethod
    def is_of_board(module: Module) -> bool:
        """Whether it wires the board, as nothing else does. It is in no kernel that was wired when it was built."""
        return module.name.split(".")[0] in ("board", "components")

    def words_of(self, module: Module, tree: ast.Module) -> list[ast.FunctionDef]:
        """The functions of this module's tree that mpy-cross.cfg lists under [words]."""
        names = self.config["words"].get(module.name.replace(".", "/"), "").split()
        found = []
        for name in names:
            body: list[ast.stmt] = tree.body
            node: ast.stmt | None = None
            for part in name.split("."):
                node = next((n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == part), None)
                if node is None:
                    raise AdderError(f"mpy-cross.cfg: {module.path} has no '{name}'.")
                body = node.body
            if not isinstance(node, ast.FunctionDef):
                raise AdderError(f"mpy-cross.cfg: '{name}' of {module.path} is not a function.")
            found.append(node)
        return found

    def ordered_words(self, module: Module) -> list[str]:
        """Their names, as in a class: `Class.function`; in the order of the source."""
        names = self.config["words"].get(module.name.replace(".", "/"), "").split()
        lines = {name: node.lineno for name, node in zip(names, self.words_of(module, module.tree), strict=True)}
        return sorted(names, key=lambda name: lines[name])

    def constants_in(self, name: str) -> dict[str, int]:
        """The constants of a module; of an interface, which is in no image, they are all there is."""
        if name in self.modules:
            return self.modules[name].constants
        if name.startswith("capsules.hil.") and self.path_of(name).is_file():
            return constants_of(ast.parse(read_text(self.path_of(name)), str(self.path_of(name))))
        return {}

    # -- Compiling -------------------------------------------------------------

    def emitter(self, module: Module) -> str:
        """What mpy-cross.cfg says of this module's path, in the repository or in the board's folder."""
        for folder in (board_folder(self.board).resolve(), ROOT):
            if module.path.is_relative_to(folder):
                return mpy_cross.emitter(self.config, str(module.path.relative_to(folder).with_suffix("")))
        return mpy_cross.emitter(self.config, module.name)

    def compile(self, shown: str, path: Path, emit: str, text: str, has_lines: bool = False) -> Path:
        """Compile one module's text; returns its .mpy file. Tracebacks will call it `shown`."""
        source = self.folder / "frozen" / shown
        compiled = source.with_suffix(".mpy")
        settings = self.config["mpy-cross"]
        optimise = WITH_LINES if has_lines else settings["optimise"]
        command = mpy_cross.command(settings["march"], optimise, shown, compiled, emit)
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
            has_lines = bool(self.options["WIRED"]) and self.is_of_board(module)
            compiled.append(self.compile(file_of(module.name), module.shown, self.emitter(module), text, has_lines))
        compiled += [
            self.compile(
                shown, path, mpy_cross.emitter(self.config, "apps/library/" + shown), with_prepared(path.read_text())
            )
            for shown, path in library(micropython)
        ]
        tool = micropython / "tools" / "mpy-tool.py"
        qstrs = self.folder / "genhdr" / "qstrdefs.preprocessed.h"
        options = ["-f", "-q", str(qstrs), "-mlongint-impl=mpz", "-mmpz-dig-size=16"]
        command = [sys.executable, str(tool), *options, *map(str, compiled)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise AdderError(f"mpy-tool failed: {result.stderr.strip().splitlines()[-1]}")
        text = split_names(result.stdout, [file_of(module.name) for module in frozen])
        found = scopes(tool, compiled)
        text = for_wiring(text, frozen, found, bool(self.options["CAPSULE_POLICY_RESTART"]))
        names = {}
        for module in frozen:
            file = file_of(module.name)
            names[found[file].symbol] = (file, "<module>")
            names |= {one.symbol: (file, name) for one, name in found[file].readable(self.ordered_words(module))}
        write_if_changed(self.folder / "frozen_content.c", list_functions(text, names))


def file_of(name: str) -> str:
    """The file of a module, as a traceback shows it."""
    return name.replace(".", "/") + ".py"


def library(micropython: Path) -> list[tuple[str, Path]]:
    """What Python processes import from the image, in its frozen form: our library, and MicroPython's asyncio."""
    files = {f"asyncio/{name}.py": micropython / "extmod" / "asyncio" / f"{name}.py" for name in ASYNCIO}
    files |= {str(path.relative_to(LIBRARY)): path for path in LIBRARY.rglob("*.py")}
    return sorted(files.items())


FOR_WIRING = '__attribute__((section(".wiring.rodata")))'
CODE = '__attribute__((section(".text,\\"ax\\",%progbits @ ")))'  # mpy-tool's
CODE_FOR_WIRING = CODE.replace(".text", ".wiring.code")


def split_names(text: str, kernel: list[str]) -> str:
    """Two lists of frozen modules in the place of one. The kernel's is there for wiring only (firmware/core/wired.h).

    Its modules lie in a folder `.kernel` of the frozen file system, which the kernel's sys.path names and a process's
    does not. Tracebacks keep the short names. The lengths of names are added, so that a search need not read each.
    """
    lists = [r"^const char mp_frozen_names\[\] = {\n(.*?)^};\n", r"^const mp_frozen_module_t .*?\n(.*?)^};\n"]
    names, content = (re.search(one, text, flags=re.MULTILINE | re.DOTALL) for one in lists)
    if names is None or content is None:
        raise AdderError("MicroPython's mpy-tool.py writes no list of modules any more.")
    files = re.findall(r'^    "(.+?)\\0"$', names[1], flags=re.MULTILINE)
    pairs = list(zip(files, re.findall(r"^    (&\w+),$", content[1], flags=re.MULTILINE), strict=True))
    text = text.replace(names[0], "").replace(content[0], "")
    of_kernel = [(f".kernel/{file}", module) for file, module in pairs if file in kernel]
    others = [(file, module) for file, module in pairs if file not in kernel]
    return text + frozen_list("mp_frozen", others, "") + frozen_list("kernel_frozen", of_kernel, FOR_WIRING)


def frozen_list(name: str, modules: list[tuple[str, str]], attribute: str) -> str:
    """Names, their lengths (0 ends the list), and modules."""
    texts = "\n".join(f'    "{file}\\0"' for file, _ in modules)
    lengths = ", ".join(str(len(file)) for file, _ in modules)
    entries = "\n".join(f"    {module}," for _, module in modules)
    return (
        f'const char {name}_names[] {attribute} = {{\n{texts}\n    "\\0"\n}};\n'
        f"const uint8_t {name}_name_lengths[] {attribute} = {{ {lengths}, 0 }};\n"
        f"const mp_frozen_module_t *const {name}_mpy_content[] {attribute} = {{\n{entries}\n}};\n"
    )


def of_board(module: Module) -> bool:
    """Whether a module only wires: it has functions that make something, and no class."""
    wires = module.name == "board" or module.name.startswith("components.")
    return wires and not any(isinstance(node, ast.ClassDef) for node in ast.walk(module.tree))


def recipes_stay(kernel: Iterable[Module], restarts: bool) -> bool:
    """Whether a capsule may be made again: by default, or because a board says mint.RESTART."""
    return restarts or any("RESTART" in module.text for module in kernel if of_board(module))


def made_while_wiring(kernel: list[Module]) -> list[ast.ClassDef]:
    """The classes of which nothing is made later: no function names them that may run then."""
    classes = [node for module in kernel for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    makers = {id(node): maker for node in classes if (maker := maker_of(node))}
    later: set[str] = set()
    for module in kernel:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.Lambda) and node not in makers.values():
                later |= mentioned(node, called=not of_board(module))
    for maker in makers.values():
        later |= mentioned(maker, called=False)
    while True:
        known = len(later)
        for node in classes:
            if node.name in later and id(node) in makers:
                later |= mentioned(makers[id(node)], called=True)
        if len(later) == known:
            break
    return [node for node in classes if node.name not in later]


def maker_of(node: ast.ClassDef) -> ast.FunctionDef | None:
    """The method __init__ of a class."""
    found = (inner for inner in node.body if isinstance(inner, ast.FunctionDef) and inner.name == "__init__")
    return next(found, None)


def mentioned(function: ast.FunctionDef | ast.Lambda, called: bool) -> set[str]:
    """The names in a function, but for its annotations; without `called`, not those that are only called."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(function.body) if isinstance(function, ast.FunctionDef) else [function.body]
    while waiting:
        node = waiting.pop()
        inner = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.FunctionDef):
            inner = [*node.body, *node.args.defaults]
        elif isinstance(node, ast.AnnAssign):
            inner = [node.target, *([node.value] if node.value else [])]
        elif isinstance(node, ast.Call) and not called and isinstance(node.func, ast.Name | ast.Attribute):
            inner = [*node.args, *node.keywords, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        waiting += inner
    return found


def for_wiring(text: str, kernel: list[Module], found: Mapping[str, Scope], restarts: bool) -> str:
    """Put into sections of their own what only wiring needs: the bodies of the kernel's modules and classes, what
    functions are made from that these define, and the board's recipes. A kernel that is wired when it is built has none
    of it.

    `restarts`: capsules are made again by default, so recipes are needed for ever.
    """
    bodies: dict[str, Scope] = {}
    gone: set[str] = set()
    symbols = {scope.symbol for module in kernel for scope in found[file_of(module.name)].inner()}
    stay = recipes_stay(kernel, restarts)
    made = [] if stay else made_while_wiring(kernel)
    for module in kernel:
        scope = found[file_of(module.name)]
        gone.add(f"frozen_module_{module.name.replace('.', '_')}")
        bodies[scope.symbol] = scope
        classes = list(scope.classes(module.tree.body))
        bodies |= {inner.symbol: inner for inner, _ in classes}
        if stay:
            continue
        # Capsules are not made again: neither recipes nor the functions that these call, nor what makes an object.
        for inner, node in classes:
            if node in made:
                bodies |= {one.symbol: one for one in inner.maker()}
        if of_board(module):
            gone |= {f"const_{part}_table_data_{module.name.replace('.', '_')}" for part in ("qstr", "obj")}
            bodies |= {one.symbol: one for one in scope.inner()}
    for symbol, scope in bodies.items():
        gone |= {f"fun_data_{symbol}", f"children_{symbol}", f"proto_fun_{symbol}"}
        if f"{symbol}_prelude" not in symbols:  # or it is the code of a function that is called so
            gone.add(f"fun_data_{symbol}_prelude")
        gone |= {f"proto_fun_{inner.symbol}" for inner in scope.children}
    # A method may be called `prelude`, and its code as its class's prelude is.
    gone -= {f"fun_data_{one.symbol}" for top in found.values() for one in top.inner() if one.symbol not in bodies}

    def moved(found: re.Match[str]) -> str:
        if found["name"] not in gone:
            return found[0]
        attributes = found["attributes"]
        attributes = attributes.replace(CODE, CODE_FOR_WIRING) if CODE in attributes else f" {FOR_WIRING}{attributes}"
        return f"{found['head']}{attributes} = {{"

    return re.sub(
        r"^(?P<head>static const [\w *]+?(?P<name>\w+)(?:\[\d*\])?)(?P<attributes>(?: __attribute__.*)?) = \{",
        moved,
        text,
        flags=re.MULTILINE,
    )


NATIVE = r"^// frozen native code for file \S+, scope (\S+)\nstatic const byte (\w+)\[\d*\] "


def list_functions(text: str, names: Mapping[str, tuple[str, str]]) -> str:
    """Add tables of all functions of machine code, which the kernel's tracebacks are made from.

    Those that only wiring needs have a table of their own. `names`: the file and the name of each scope.
    """
    head = "typedef struct { const byte *code; uint16_t file, name; } frozen_function_t;\n"
    kept, gone = (re.findall(NATIVE + re.escape(part), text, re.MULTILINE) for part in (CODE, CODE_FOR_WIRING))
    return text + head + functions("frozen", kept, "", names) + functions("wiring", gone, FOR_WIRING, names)


def functions(kind: str, found: list[tuple[str, str]], attribute: str, names: Mapping[str, tuple[str, str]]) -> str:
    """A table of functions: scopes, and what their code is called in C."""
    rows = [(*names[scope], symbol) for scope, symbol in found]
    texts = dict.fromkeys(text for file, name, _ in rows for text in (file, name))
    at = dict(zip(texts, accumulate((len(text) + 1 for text in texts), initial=0), strict=False))
    if any(offset > 0xFFFF for offset in at.values()):
        raise AdderError("The names of the kernel's functions take more than 64 KB.")
    # One array, which the linker can keep out of what processes may read; it does not merge into others' strings.
    strings = [f"const char {kind}_function_texts[] {attribute} =", *(f'    "{text}\\0"' for text in texts), '    "";']
    listed = [f"    {{ {symbol}, {at[file]}, {at[name]} }}," for file, name, symbol in rows]
    table = [f"const frozen_function_t {kind}_functions[] {attribute} = {{", *listed, "    { NULL, 0, 0 },", "};"]
    return "\n".join([*strings, *table, ""])


if __name__ == "__main__":
    try:
        Freezer(sys.argv[1], Path(sys.argv[2])).freeze(Path(sys.argv[3]))
    except AdderError as error:
        sys.exit(f"adder: {printable_lines(str(error))}")
