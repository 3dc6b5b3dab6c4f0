"""Builds Python apps: one .py file, or a folder with main.py, becomes a TBF and a TAB.

What the TBF holds, in this order: the header with the Python TLV; the program, which is

    16 bytes    u32 RAM that the program uses, u32 bytes of it for the frames of bytecode functions,
                u32 length of the file system, u32 flags (bit 0 as in the Python TLV)
    ROMFS       MicroPython's read-only file system: main.mpy, other modules, data files as they are

and reserved space up to a size that the memory protection unit can cover. Modules are compiled with
mpy-cross as mpy-cross.cfg says; their sources stay out.

What an app says of itself is TOML: the table [tool.adder] of the `# /// script` comment in its main
file (PEP 723), or a file beside it: blink.toml for blink.py, app.toml in a folder.
"""

import difflib
import io
import re
import struct
import tempfile
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import click

from adder import mpy_cross
from adder.apps.app_new import new_command
from adder.apps.drivers import did_you_mean, every_command, parse_driver
from adder.apps.elf_to_tbf import TOCK_2, reserved_space
from adder.apps.python_imports import check_imports
from adder.apps.tbf import (
    SMALLEST_TBF,
    Header,
    Main,
    PackageName,
    Permissions,
    Program,
    PythonProgram,
    ShortId,
    StoragePermissions,
    Tbf,
    Tlv,
    align4,
    make_tab,
)
from adder.board import ROOT, largest_ram
from adder.errors import AdderError
from adder.files import check_plain, leads_out, write_bytes
from adder.output import console
from adder.text import MEGABYTE, read_file, read_text
from adder.toml import TomlError, read_toml

SMALLEST_STACK = 1536
SMALLEST_PYSTACK = 256
SMALLEST_HEAP = 1536
INTERPRETER_RAM = 1024
"""Bytes of a program's RAM that the interpreter's own state takes."""

SMALLEST_GRANULE = 32
MOST_GRANULES = 16
"""The MPU covers a program with up to 16 equal pieces: two regions of eight."""

LARGEST_FILE = 16 * MEGABYTE
LONGEST_NAME = 64
LONGEST_LIST = 1024
MOST = 0xFFFFFFFF

Tree: TypeAlias = "dict[str, bytes | Tree]"
"""A folder: files' contents and folders, by name."""


# ---------------------------------------------------------------------------- what the app says


@dataclass(frozen=True)
class Settings:
    """What an app says of itself."""

    name: str
    ram: int = 12288
    """Bytes for all of it: stack, interpreter, heap."""
    stack: int = 4096
    pystack: int = 768
    version: int = 0
    permissions: Permissions | None = None
    storage: StoragePermissions | None = None
    short_id: ShortId | None = None
    native: bool | None = None
    """Whether machine code runs in its RAM; None = if there is any."""


@dataclass(frozen=True)
class _Table:
    """A TOML table; `where` says in error messages which one, and `at` with a setting's line."""

    where: str
    values: dict[str, Any]
    text: str = ""
    """The file's, from its first line up to the table's end."""
    inside: str = ""

    def at(self, key: str) -> str:
        """Where this setting is: the last such line, since what stands above the table is none of it."""
        found = list(re.finditer(rf"""(?m)^.*?\b{re.escape(key)}["']?[ \t]*=""", self.text))
        line = f":{_line_at(self.text, found[-1].start())}" if found else ""
        return f"{self.where}{line}{self.inside}"

    def inner(self, name: str, values: dict[str, Any]) -> "_Table":
        """A table in this one."""
        return _Table(self.where, values, self.text, f": {name}")

    def only(self, *known: str) -> None:
        """Refuse other keys than these."""
        for key in self.values:
            if key not in known:
                guess = did_you_mean(key, known)
                raise AdderError(f"{self.at(key)}: there is no setting '{key}'{guess} There are {', '.join(known)}.")

    def number(self, key: str, default: int, smallest: int = 0) -> int:
        """A number of 32 bits."""
        value = self.values.get(key, default)
        if type(value) is not int:  # True is an int
            raise AdderError(f"{self.at(key)}: {key} must be a number.")
        if not smallest <= value <= MOST:
            raise AdderError(f"{self.at(key)}: {key} = {value} must be {smallest} or more and fit in 32 bits.")
        return value

    def size(self, key: str, default: int, smallest: int = 0) -> int:
        """A number of bytes, as 8192 or "8K"."""
        value = self.values.get(key, default)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}K", value):
            value = int(value[:-1]) * 1024
        if type(value) is not int:
            raise AdderError(f'{self.at(key)}: {key} must be a number of bytes, such as 8192 or "8K".')
        if not smallest <= value <= MOST:
            raise AdderError(f"{self.at(key)}: {key} = {value} must be {smallest} or more and fit in 32 bits.")
        if value % 8:
            raise AdderError(f"{self.at(key)}: {key} = {value} must be a multiple of 8.")
        return value

    def items(self, key: str) -> list[Any] | None:
        """A list, or None if there is none."""
        values = self.values.get(key)
        if values is not None and not isinstance(values, list):
            raise AdderError(f"{self.at(key)}: {key} must be a list.")
        if values is not None and len(values) > LONGEST_LIST:
            raise AdderError(f"{self.at(key)}: {key} has more than {LONGEST_LIST} entries.")
        return values

    def numbers(self, key: str, largest: int = MOST) -> tuple[int, ...] | None:
        """A list of numbers, or None if there is none."""
        values = self.items(key)
        if values is None:
            return None
        for value in values:
            if type(value) is not int or not 0 <= value <= largest:
                raise AdderError(f"{self.at(key)}: {key} must be a list of numbers from 0 to {largest:#x}.")
        return tuple(values)


def read_settings(table: _Table, default_name: str) -> Settings:
    """The settings in a table, checked."""
    table.only("name", "ram", "stack", "pystack", "version", "permissions", "storage", "short_id", "native")
    native = table.values.get("native")
    if native is not None and not isinstance(native, bool):
        raise AdderError(f"{table.at('native')}: native must be true or false.")
    settings = Settings(
        name=_name(table, default_name),
        ram=table.size("ram", Settings.ram),
        stack=table.size("stack", Settings.stack, SMALLEST_STACK),
        pystack=table.size("pystack", Settings.pystack, SMALLEST_PYSTACK),
        version=table.number("version", Settings.version),
        permissions=_permissions(table),
        storage=_storage(table),
        short_id=ShortId(table.number("short_id", 0, 1)) if "short_id" in table.values else None,
        native=native,
    )
    if settings.ram > largest_ram():
        raise AdderError(
            f"{table.at('ram')}: ram = {settings.ram} is more than any board has, which is {largest_ram()}."
        )
    need = settings.stack + settings.pystack + INTERPRETER_RAM + SMALLEST_HEAP
    if settings.ram < need:
        raise AdderError(
            f"{table.at('ram')}: ram = {settings.ram} is too small: {settings.stack} of stack, {settings.pystack} of "
            f"pystack, {INTERPRETER_RAM} for the interpreter and a heap of at least {SMALLEST_HEAP} make {need}."
        )
    return settings


def _name(table: _Table, default: str) -> str:
    name = table.values.get("name", default)
    if not isinstance(name, str):
        raise AdderError(f"{table.at('name')}: name must be a text.")
    if not name or not name.isprintable() or "/" in name or len(name.encode()) > LONGEST_NAME:
        raise AdderError(
            f"{table.at('name')}: the name {name!r} must have 1 to {LONGEST_NAME} bytes, all printable, and no '/'."
        )
    return name


def _permissions(table: _Table) -> Permissions | None:
    entries = table.items("permissions")
    if entries is None:
        return None
    allowed: dict[int, set[int]] = {}
    for entry in entries:
        driver, commands = entry, None
        if isinstance(entry, dict):
            inner = table.inner("permissions", entry)
            inner.only("driver", "commands")
            driver, commands = entry.get("driver"), inner.numbers("commands", 0xFFFF)
        number = _driver(table.at("permissions"), driver)
        allowed.setdefault(number, set()).update(every_command(number) if commands is None else commands)
    return Permissions.of(allowed)


def _driver(where: str, driver: object) -> int:
    if isinstance(driver, str):
        return parse_driver(driver, f"{where}: permissions")
    if type(driver) is not int or not 0 <= driver <= MOST:
        raise AdderError(
            f"{where}: permissions must name drivers, as in "
            '["alarm", 0x1, {driver = 2, commands = [0, 1]}]; a number must fit in 32 bits.'
        )
    return driver


def _storage(table: _Table) -> StoragePermissions | None:
    values = table.values.get("storage")
    if values is None:
        return None
    if not isinstance(values, dict):
        raise AdderError(f"{table.at('storage')}: storage must be a table, as in {{write_id = 7, read_ids = [7]}}.")
    inner = table.inner("storage", values)
    inner.only("write_id", "read_ids", "modify_ids")
    return StoragePermissions(
        inner.number("write_id", 0), inner.numbers("read_ids") or (), inner.numbers("modify_ids") or ()
    )


_SCRIPT = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # as PEP 723 gives it
MOST_STARTS = 16
_SCRIPT_START = re.compile(r"(?m)^# /// script$")
_MEANT = re.compile(r"[ \t]*#+\s*/{2,}\s*script\b.*", re.IGNORECASE)
_OTHERS = ("dependencies", "requires-python", "tool")  # what else PEP 723 lets stand there


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are comments, with their numbers; all lines of what is no Python."""
    lines = text.split("\n")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        yield from enumerate(lines, 1)
        return
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield token.start[0], lines[token.start[0] - 1]


def script_table(text: str, where: str) -> dict[str, Any] | None:
    """The table [tool.adder] in the `# /// script` comment of a source; None if there is none."""
    for number, comment in _comments(text):
        if comment != "# /// script" and _MEANT.fullmatch(comment):
            raise AdderError(
                f"{where}:{number}: the settings are not found unless their comment begins with exactly "
                "'# /// script', at the beginning of a line and with nothing behind it."
            )
    starts = list(_SCRIPT_START.finditer(text))
    if len(starts) > MOST_STARTS:  # from each of them on, the end is looked for
        raise AdderError(f"{where}:{_line_at(text, starts[1].start())}: more than one '# /// script' comment.")
    blocks = list(_SCRIPT.finditer(text))
    if len(blocks) > 1:
        raise AdderError(f"{where}:{_line_at(text, blocks[1].start())}: more than one '# /// script' comment.")
    if len(starts) != len(blocks):
        line = _line_at(text, starts[-1].start())
        lines = text.split("\n")
        while line < len(lines) and (lines[line] == "#" or lines[line].startswith("# ")) and lines[line] != "# ///":
            line += 1
        raise AdderError(
            f"{where}:{line + 1}: the '# /// script' comment does not end in '# ///', with '# ' before each line."
        )
    if not blocks:
        return None
    lines = blocks[0]["content"].splitlines()
    before = text.count("\n", 0, blocks[0].start("content"))  # so that errors name the file's line
    for number, comment in _comments(text):
        if comment.strip() == "# [tool.adder]" and not before < number <= before + len(lines):
            raise AdderError(f"{where}:{number}: [tool.adder] stands outside of the '# /// script' comment.")
    parsed = _parse_toml("\n" * before + "\n".join(line[2:] for line in lines), where)
    return _adder_table(parsed, where, before, lines)


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _adder_table(parsed: dict[str, Any], where: str, line: int, lines: list[str]) -> dict[str, Any] | None:
    """The table in a comment whose content begins behind `line` and consists of these lines."""
    for key in parsed:
        if key not in _OTHERS:
            at = next((n for n, text in enumerate(lines, line + 1) if text[2:].strip().startswith(key)), line)
            raise AdderError(f"{where}:{at}: the comment has a setting '{key}' outside of the table [tool.adder].")
    tool = parsed.get("tool", {})
    if not isinstance(tool, dict):
        raise AdderError(f"{where}:{line}: 'tool' must be a table, as in [tool.adder].")
    for name in tool:
        if name != "adder" and difflib.get_close_matches(name.lower(), ["adder"]):
            at = next((n for n, text in enumerate(lines, line + 1) if f"tool.{name}" in text), line)
            raise AdderError(f"{where}:{at}: there is a table [tool.{name}]; did you mean [tool.adder]?")
    table = tool.get("adder")
    if table is not None and not isinstance(table, dict):
        raise AdderError(f"{where}: tool.adder must be a table.")
    return table


def _parse_toml(text: str, where: str) -> dict[str, Any]:
    try:
        return read_toml(text)
    except TomlError as error:
        said = str(error).replace("at end of document", f"at line {text.count(chr(10)) + 1}")
        raise AdderError(f"{where}: {said}.") from error


@dataclass(frozen=True)
class App:
    """Where an app's source is."""

    path: Path

    @property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @property
    def main(self) -> Path:
        return self.path / "main.py" if self.is_folder else self.path

    @property
    def settings_file(self) -> Path:
        return self.path / "app.toml" if self.is_folder else self.path.with_suffix(".toml")

    @property
    def default_name(self) -> str:
        return self.path.resolve().name if self.is_folder else self.path.stem

    def own_modules(self) -> set[str]:
        """What its modules can import of itself: the files and folders beside the main file, and in lib/."""
        if not self.is_folder:
            return {"main"}
        return {path.stem for folder in (self.path, self.path / "lib") if folder.is_dir() for path in folder.iterdir()}

    def check(self) -> None:
        """Refuse what is no app."""
        if not self.path.exists():
            raise AdderError(f"{self.path} does not exist.")
        if self.is_folder:
            if not self.main.is_file():
                below = sorted(self.path.glob("*/main.py"))
                hint = f"; is {below[0].parent} meant?" if len(below) == 1 else "."
                raise AdderError(f"{self.path} has no main.py, where a Python app begins{hint}")
        elif self.path.suffix != ".py" or not self.path.is_file():
            raise AdderError(f"{self.path} is neither a .py file nor a folder with main.py.")
        if self.is_folder:
            check_inside(self.main, self.path)

    def settings(self) -> Settings:
        """What the app says of itself, in its main file or beside it."""
        where, text = str(self.main), read_text(self.main)
        table = script_table(text, where)
        if block := _SCRIPT.search(text):
            text = text[: block.end()]
        if self.settings_file.exists() or self.settings_file.is_symlink():
            check_inside(self.settings_file, self.path if self.is_folder else self.path.parent)
            if table is not None:
                raise AdderError(
                    f"{self.main} has a [tool.adder] and there is {self.settings_file}, too; keep one of them."
                )
            where, text = str(self.settings_file), read_text(self.settings_file)
            table = _parse_toml(text, where)
        return read_settings(_Table(where, table or {}, text), self.default_name)


# ---------------------------------------------------------------------------- its files


def check_inside(path: Path, folder: Path) -> None:
    """Refuse a link that leads out of an app's folder: a file that is not the app's would become part of the TBF."""
    if leads_out(path, folder):
        raise AdderError(f"{path} is a link that leads out of the app's folder; put the file itself there.")


class Compiler:
    """Compiles an app's modules with mpy-cross."""

    def __init__(self, folder: Path, own: Collection[str], alone: bool) -> None:
        self.folder = folder
        self.own = own
        """The app's own modules, by name."""
        self.alone = alone
        """Whether the app is one file."""
        self.config = mpy_cross.read_config()

    def emitter(self, source: Path) -> str:
        """What mpy-cross.cfg says of this source."""
        path = source.resolve()
        if not path.is_relative_to(ROOT):
            return "bytecode"
        return mpy_cross.emitter(self.config, path.relative_to(ROOT).with_suffix("").as_posix())

    def compile(self, source: Path, shown: str) -> bytes:
        """The .mpy file made from `source`, which tracebacks call `shown`."""
        text = read_text(source)  # mpy-cross takes any bytes, and no byte order mark
        check_imports(source, text, self.own, self.alone)
        plain = self.folder / "module.py"
        plain.write_text(text, newline="\n")
        compiled = self.folder / "module.mpy"
        march, optimise = self.config["mpy-cross"]["march"], self.config["apps"]["optimise"]
        command = mpy_cross.command(march, optimise, shown, compiled, self.emitter(source))
        result = mpy_cross.run(command, plain)
        if result.returncode:
            raise AdderError(compiler_message(source, result.stderr or result.stdout))
        return compiled.read_bytes()


def compiler_message(source: Path, text: str) -> str:
    """One sentence from what mpy-cross says, which looks like a traceback."""
    lines = text.strip().splitlines() or ["mpy-cross failed"]
    rows = re.findall(r'(?m)^  File ".*", line (\d+)', text)
    where = f"{source}:{rows[-1]}" if rows else str(source)
    if "memory allocation failed" in lines[-1]:
        return f"{source} is too large for MicroPython's compiler: split it into modules, in a folder of the app."
    return f"{where}: {re.sub(r'^[A-Za-z]+Error: ', '', lines[-1])}."


def read_folder(folder: Path, shown: str, compiler: Compiler, top: Path, leave_out: Collection[str] = ()) -> Tree:
    """A folder's modules, compiled, and its other files; it is the app's folder `top`, or below that."""
    tree: Tree = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith(".") or path.name in ("__pycache__", *leave_out) or path.suffix == ".pyc":
            continue
        if not path.name.isascii() or not path.name.isprintable():
            raise AdderError(f"{str(path)!r}: file names in an app must be ASCII.")
        if path.is_symlink() and path.is_dir():
            raise AdderError(f"{path} is a link to a folder; put the folder itself into the app.")
        check_inside(path, top)
        if path.is_dir():
            inner = read_folder(path, f"{shown}/{path.name}", compiler, top)
            if inner:
                tree[path.name] = inner
        elif not path.is_file():
            raise AdderError(f"{path} is neither a file nor a folder.")
        elif path.suffix == ".py":
            if path.with_suffix(".mpy").exists():
                raise AdderError(f"{path} and {path.with_suffix('.mpy').name} would be the same module; keep one.")
            tree[f"{path.stem}.mpy"] = compiler.compile(path, f"{shown}/{path.name}")
        else:
            tree[path.name] = read_file(path, LARGEST_FILE)
    return tree


def read_files(app: App, name: str) -> Tree:
    """What goes into the app's file system."""
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(Path(folder), app.own_modules(), alone=not app.is_folder)
        if not app.is_folder:
            return {"main.mpy": compiler.compile(app.path, f"{name}.py")}
        return read_folder(app.path, name, compiler, app.path, leave_out=("app.toml",))


def modules(tree: Tree, folder: str = "") -> Iterator[tuple[str, bytes]]:
    """The compiled modules of a file system."""
    for name, contents in tree.items():
        if isinstance(contents, dict):
            yield from modules(contents, f"{folder}{name}/")
        elif name.endswith(".mpy"):
            yield folder + name, contents


def is_native(module: bytes) -> bool:
    """Whether a .mpy file holds machine code: its header then names the processor."""
    return module[:1] == b"M" and len(module) > 2 and module[2] >> 2 & 0xF != 0


def make_romfs(tree: Tree) -> bytes:
    """MicroPython's read-only file system with these files."""
    from mpremote.romfs import VfsRomWriter

    writer = VfsRomWriter()

    def write(folder: Tree) -> None:
        for name, contents in folder.items():
            if isinstance(contents, dict):
                writer.opendir(name)
                write(contents)
                writer.closedir()
            else:
                writer.mkfile(name, contents)

    write(tree)
    return bytes(writer.finalise())


# ---------------------------------------------------------------------------- the TBF


@dataclass(frozen=True)
class Built:
    """A finished app."""

    tbf: Tbf
    settings: Settings
    bytecode: int
    """Bytes of compiled modules."""


def covered_size(size: int) -> int:
    """`size` rounded up to what the memory protection unit can cover."""
    size = max(size, SMALLEST_TBF)
    granule = SMALLEST_GRANULE
    while size > MOST_GRANULES * granule:
        granule *= 2
    return -(-size // granule) * granule


def make_tbf(settings: Settings, romfs: bytes, executable: bool) -> Tbf:
    """The TBF of an app with these files."""
    flags = PythonProgram.EXECUTABLE_RAM if executable else 0
    binary = struct.pack("<IIII", settings.ram, settings.pystack, len(romfs), flags) + romfs
    binary += bytes(align4(len(binary)) - len(binary))

    def header(binary_end: int, total_size: int) -> Header:
        tlvs: list[Tlv] = [
            Main(0, 0, settings.ram),
            Program(0, 0, settings.ram, binary_end, settings.version),
            PackageName(settings.name),
        ]
        optional = (settings.permissions, settings.storage, TOCK_2, settings.short_id)
        tlvs += [tlv for tlv in optional if tlv is not None]
        tlvs.append(PythonProgram(settings.stack, flags))
        return Header(total_size, tuple(tlvs))

    start = header(0, 0).size
    total = covered_size(start + len(binary))
    if total - start - len(binary) == 4:  # too little for a footer: make it part of the program
        binary += bytes(4)
    footers = tuple(reserved_space(total - start - len(binary)))
    return Tbf(header(start + len(binary), total), binary=binary, footers=footers)


def build(path: Path, name: str | None = None) -> Built:
    """Build the app at `path`; `name` instead of the one it gives itself."""
    app = App(path)
    app.check()
    settings = app.settings()
    if name is not None:
        settings = replace(settings, name=_name(_Table("--name", {"name": name}), name))
    files = read_files(app, settings.name)
    compiled = dict(modules(files))
    native = [name for name, module in compiled.items() if is_native(module)]
    if native and settings.native is False:
        raise AdderError(f"{path}: native = false, but {native[0]} holds machine code.")
    tbf = make_tbf(settings, make_romfs(files), executable=bool(settings.native or native))
    return Built(tbf, settings, sum(map(len, compiled.values())))


# ---------------------------------------------------------------------------- the verb


@click.group()
def app() -> None:
    """Make new apps; build those that are written in Python."""


app.add_command(new_command)

_FILE = click.Path(dir_okay=False, path_type=Path)


@app.command("build")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=_FILE, help="The TBF to write; otherwise next to SOURCE.")
@click.option("--tab", type=_FILE, help="The TAB to write; otherwise next to the TBF.")
@click.option("--name", help="Another name than the settings give it.")
def build_command(source: Path, output: Path | None, tab: Path | None, name: str | None) -> None:
    """Build a Python app into a TBF and a TAB.

    SOURCE is one .py file, or a folder with main.py. Its settings stand in the main file,

    \b
      # /// script
      # [tool.adder]
      # name = "blink"            the file's or folder's name if absent
      # ram = 8192                for stack, interpreter and heap; or "8K"
      # stack = 2560
      # pystack = 768             for the frames of Python functions
      # version = 1
      # permissions = ["console", "alarm", {driver = 2, commands = [0, 1]}]
      # storage = {write_id = 7, read_ids = [7], modify_ids = [7]}
      # short_id = 0x1234
      # native = true             machine code may run in its RAM
      # ///

    or without the comment signs, and without [tool.adder], in a file beside it: blink.toml for
    blink.py, app.toml in a folder.
    """
    place = source.resolve()
    output = output or source.absolute().parent / f"{App(source).default_name}.tbf"
    tab = tab or output.with_suffix(".tab")
    for written in (output, tab):
        check_plain(written)
        if written.resolve().is_relative_to(place) or written.resolve() == App(source).settings_file.resolve():
            raise AdderError(f"{written} is part of the app's source; write it somewhere else.")
    if tab.resolve() == output.resolve():
        raise AdderError(f"{tab} cannot be both the TBF and the TAB.")
    built = build(source, name)
    write_bytes(output, built.tbf.encode())
    write_bytes(tab, make_tab([built.tbf]))
    settings = built.settings
    console().print(
        f"{settings.name}: {built.tbf.header.total_size:,} bytes of flash "
        f"({built.bytecode:,} of bytecode), {settings.ram:,} bytes of RAM"
    )
