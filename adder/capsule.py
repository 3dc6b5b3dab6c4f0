"""Makes new capsules: the verb `adder capsule new`.

What it makes comes from `adder/templates/capsule/KIND/`, where each file is a `string.Template`. A capsule made
so passes `adder verify`, `adder typecheck` and its own host test at once; then its author changes it.
"""

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

import click

from adder.apps.drivers import DRIVERS
from adder.board import ROOT
from adder.errors import AdderError
from adder.output import tell
from adder.verify import verify_program

TEMPLATES = Path(__file__).parent / "templates" / "capsule"
KCONFIG = Path("Kconfig")
BOARD = Path("boards/qemu/board.py")
CAPSULES = Path("capsules")
TESTS = Path("tests/host/capsules")

LONGEST_NAME = 24
MOST = 0xFFFFFFFF
FIRST_OWN_NUMBER = 0xB0000
"""Tock's list of driver numbers ends before it."""

MENU = 'menu "Capsules"'


@dataclass(frozen=True)
class Plan:
    """What is to be made."""

    name: str
    kind: str
    number: int | None = None  # drivers have none
    chip: str | None = None
    root: Path = ROOT

    @property
    def class_name(self) -> str:
        """What the names of the classes begin with: AmbientLight for ambient_light."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def files(self) -> dict[str, Path]:
        """The files, relative to the repository, by their templates."""
        hil = CAPSULES / "hil" / f"{self.name}.py"
        test = TESTS / f"test_capsule_{self.name}.py"
        if self.kind == "sensor":
            return {
                "capsule": CAPSULES / "sensors" / f"{self.name}.py",
                "hil": hil,
                "simulated": CAPSULES / "drivers" / "simulated" / f"{self.name}.py",
                "test": test,
            }
        if self.kind == "plain":
            return {"capsule": CAPSULES / "core" / f"{self.name}.py", "test": test}
        if self.chip is not None:
            test = TESTS / f"test_capsule_{self.chip}_{self.name}.py"
        return {"capsule": CAPSULES / "drivers" / (self.chip or "") / f"{self.name}.py", "hil": hil, "test": test}

    def text(self, template: str) -> str:
        """A template of this kind, filled in."""
        title = self.name.replace("_", " ")
        place = self.files["capsule"].relative_to(CAPSULES / "drivers") if self.kind == "driver" else Path(self.name)
        return Template((TEMPLATES / self.kind / f"{template}.in").read_text()).substitute(
            name=self.name,
            NAME=self.name.upper(),
            Class=self.class_name,
            title=title,
            Title=title.capitalize(),
            number=f"0x{self.number or 0:X}",
            path=place.with_suffix("").as_posix(),
            module=".".join(place.with_suffix("").parts),
        )


# ---------------------------------------------------------------------------- what may be made


def check_name(name: str, what: str = "The name") -> None:
    """A module's name: it becomes a part of file, class and option names."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > LONGEST_NAME:
        raise AdderError(
            f"{what} '{name}' must be 1 to {LONGEST_NAME} small letters, digits and single underscores, "
            "and begin with a letter, as in 'air_quality'."
        )
    if keyword.iskeyword(name):
        raise AdderError(f"{what} '{name}' is a word of Python's own; choose another.")


def served(root: Path) -> dict[int, Path]:
    """The driver numbers that capsules serve, and the capsules."""
    found = {}
    for path in sorted((root / CAPSULES).rglob("*.py")):
        said = re.findall(
            r"(?m)^(?:DRIVER_NUM *=[ a-z(]*|Driver number )(0x[0-9A-Fa-f]+|[0-9]+)", path.read_text(encoding="utf-8")
        )
        found.update({int(number, 0): path.relative_to(root) for number in said})
    return found


def parse_number(text: str) -> int:
    """A driver number as people write it."""
    try:
        number = int(text, 0)
    except ValueError:
        raise AdderError(f"The driver number '{text}' must be a number, such as 0x60001.") from None
    if not 0 <= number <= MOST:
        raise AdderError(f"The driver number {text} must be 0 or more and fit in 32 bits.")
    return number


def choose_number(name: str, wanted: str | None, taken: dict[int, Path]) -> int:
    """The wanted number, or Tock's for this name, or a free one that Tock does not use."""
    if wanted is not None:
        number = parse_number(wanted)
        if number in taken:
            raise AdderError(f"Driver number 0x{number:X} is served by {taken[number]} already; choose another.")
        return number
    if DRIVERS.get(name, -1) not in (-1, *taken):
        return DRIVERS[name]
    return next(number for number in range(FIRST_OWN_NUMBER, MOST) if number not in taken)


def class_names(folder: Path) -> dict[str, Path]:
    """The classes in a folder, and where each is."""
    return {
        name: path
        for path in sorted(folder.rglob("*.py"))
        for name in re.findall(r"(?m)^class (\w+)", path.read_text(encoding="utf-8"))
    }


def plan(name: str, kind: str, number: str | None, chip: str | None, root: Path = ROOT) -> Plan:
    """What is to be made, checked."""
    check_name(name)
    if kind == "driver" and number is not None:
        raise AdderError("A driver has no driver number: it serves capsules, not user programs; leave out --number.")
    if kind != "driver" and chip is not None:
        raise AdderError(f"--chip is for drivers; a capsule of the kind {kind} belongs to no chip.")
    if chip is not None:
        check_name(chip, "The chip's name")
    if not (root / CAPSULES).is_dir():
        raise AdderError(f"{root} is not Adder's repository: it has no folder '{CAPSULES}'.")
    made = Plan(name, kind, None if kind == "driver" else choose_number(name, number, served(root)), chip, root)
    there = [path for path in made.files.values() if (root / path).exists()]
    if there:
        raise AdderError(f"{there[0]} exists already; choose another name, or remove it first. Nothing was written.")
    if "hil" in made.files:
        protocol = made.class_name + {"sensor": "Sensor", "driver": "Device"}[kind]
        others = class_names(root / CAPSULES / "hil")
        if protocol in others:
            raise AdderError(
                f"There is a HIL {protocol} already, in {others[protocol].relative_to(root)}; choose another name."
            )
    return made


# ---------------------------------------------------------------------------- wiring


def with_option(text: str, option: str) -> str:
    """Kconfig with one more option, the last of the menu "Capsules"."""
    start = text.find(MENU + "\n")
    end = text.find("\nendmenu", start)
    if start < 0 or end < 0:
        raise AdderError(f"{KCONFIG} has no {MENU} that ends in 'endmenu'; leave out --wire and edit it by hand.")
    name = option.split()[1]
    if re.search(rf"(?m)^config {name}$", text):
        raise AdderError(f"{KCONFIG} has an option {name} already; leave out --wire and edit it by hand.")
    return text[: end + 1] + option + "\n" + text[end + 1 :]


def import_lines(tree: ast.Module) -> Iterator[int]:
    """The last line of each import at the top level of a module, those under `if config.X:` included."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.If) and all(isinstance(inner, ast.Import | ast.ImportFrom) for inner in node.body)
        ):
            yield node.end_lineno or node.lineno


def bound(tree: ast.Module) -> set[str]:
    """The names that a module gives a meaning to."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return found | {alias.asname or alias.name for node in imports for alias in node.names}


def with_wiring(text: str, imports: str, wiring: str) -> str:
    """A board with one more capsule."""
    lines = text.splitlines(keepends=True)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise AdderError(f"{BOARD}:{error.lineno}: {error.msg}; put that right first.") from error
    twice = sorted(bound(tree) & bound(ast.parse(imports + wiring)))
    if twice:
        raise AdderError(f"{BOARD} uses the name '{twice[0]}' for something else; choose another name for the capsule.")
    after = max(import_lines(tree), default=0)
    return "".join([*lines[:after], imports, *lines[after:], "\n", wiring])


def wired(made: Plan, texts: dict[Path, str]) -> dict[Path, str]:
    """The new texts of Kconfig and the board file; `texts` are those of the new files."""
    kconfig = with_option((made.root / KCONFIG).read_text(), made.text("kconfig"))
    board = with_wiring((made.root / BOARD).read_text(), made.text("imports"), made.text("wiring"))
    program = {
        ".".join(path.with_suffix("").parts): (path, text)
        for path, text in [*texts.items(), (BOARD, board)]
        if path != made.files["test"]
    }
    findings = verify_program(program)
    if findings:
        raise AdderError(f"Wired, the board would be refused ({findings[0]}); leave out --wire and edit it by hand.")
    return {KCONFIG: kconfig, BOARD: board}


# ---------------------------------------------------------------------------- writing


def write(made: Plan, wire: bool) -> None:
    """Make the files; none of the new ones may exist."""
    texts = {path: made.text(f"{template}.py") for template, path in made.files.items()}
    changed = wired(made, texts) if wire else {}
    for path, text in texts.items():
        (made.root / path).parent.mkdir(parents=True, exist_ok=True)
        with (made.root / path).open("x", encoding="utf-8") as file:
            file.write(text)
    for path, text in changed.items():
        (made.root / path).write_text(text)


WHAT = {
    "capsule": "the capsule, driver {number}",
    "hil": "its HIL: what the hardware must offer",
    "simulated": "a simulated sensor that offers it",
    "test": "its host test",
}


def indented(text: str) -> str:
    """Lines to be copied, set off from what is said about them."""
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


def next_steps(made: Plan, wire: bool) -> str:
    """What was made, and what is left to do."""
    number = "" if made.number is None else f"0x{made.number:X}"
    width = max(len(str(path)) for path in made.files.values())
    out = "Made\n"
    for template, path in made.files.items():
        what = "the driver" if made.number is None and template == "capsule" else WHAT[template].format(number=number)
        out += f"    {path!s:{width}}  {what}\n"
    if wire:
        out += f"Changed\n    {KCONFIG!s:{width}}  the option CAPSULE_{made.name.upper()}\n"
        out += f"    {BOARD!s:{width}}  imports and wiring\n"
    out += "\nTry it as it is, then change it:\n"
    sources = [str(path) for template, path in made.files.items() if template != "test"]
    out += f"    adder verify {' '.join(sources)}\n    adder typecheck\n"
    out += f"    build/venv/bin/python -m pytest {made.files['test']}\n"
    if not wire:
        out += "\nThen wire it to a board. "
        if made.kind == "driver":
            out += "To the board's memory.toml, with the addresses of the manual:\n"
            out += f"\n{indented(made.text('memory'))}\nTo its board.py, with the other imports:\n"
        else:
            out += f'To {KCONFIG}, at the end of the menu "Capsules":\n\n{indented(made.text("kconfig"))}\n'
            out += f"To {BOARD}, after the other imports:\n"
        out += f"\n{indented(made.text('imports'))}\nand at its end:\n\n{indented(made.text('wiring'))}"
    build = "make kernel BOARD=..." if made.kind == "driver" else "make run"
    return out + f"\nBuild{' and run' * (made.kind != 'driver')}:\n    {build}"


# ---------------------------------------------------------------------------- the verb


@click.group()
def capsule() -> None:
    """Make new capsules."""


@capsule.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["sensor", "driver", "plain"]),
    default="sensor",
    show_default=True,
    help="What it is to be; see above.",
)
@click.option("--number", metavar="0x...", help="The driver number; otherwise Tock's for NAME, or a free one.")
@click.option("--chip", help="For a driver: the folder in capsules/drivers/ to put it into.")
@click.option("--wire", is_flag=True, help="Also add it to Kconfig and to QEMU's board.")
def new_command(name: str, kind: str, number: str | None, chip: str | None, wire: bool) -> None:
    """Make a capsule that works as it stands, to be changed into yours.

    NAME is a Python name in small letters, such as air_quality. Kinds:

    \b
      sensor   a capsule for user programs, what it asks of a sensor (its HIL),
               and a simulated sensor for boards that have none
      plain    a capsule for user programs that needs no hardware
      driver   a driver for a peripheral of a chip, and the HIL that it is;
               user programs reach it through a capsule

    Each comes with a test that runs on the host. Nothing is ever overwritten. What is left to do is printed:
    wiring it to a board, which --wire does for QEMU's.
    """
    if wire and kind == "driver":
        raise AdderError("QEMU's board has no peripheral for a new driver, so --wire cannot wire it; leave it out.")
    made = plan(name, kind, number, chip)
    write(made, wire)
    tell(next_steps(made, wire))
