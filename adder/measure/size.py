"""Flash and RAM of the kernel, by component: the verb `adder size`.

The totals come from the ELF file, the components from the linker's map beside it (`kernel.map`),
which says from which object file each piece comes.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import click

from adder.board import ROOT, Board, board_names, load_board
from adder.elf import open_elf
from adder.errors import AdderError
from adder.output import console, table, write_json

HEAP = "kernel heap"
OTHER = "other"
WIRED = "wired objects"
REST = "kernel stack, padding"
"""What belongs to no object file: the linker script reserves it."""

# The first pattern that is found in an object file's path names the component. The build puts
# the objects of firmware/X into X, those of firmware/port at the top, and those of MicroPython
# where its own build puts them; paths count from the board's build folder.
COMPONENTS = (
    (re.compile(r"^frozen_content\.o"), "frozen Python"),
    (re.compile(r"^(?:not_)?wired\.o"), WIRED),
    (re.compile(r"^arch/"), "firmware/arch"),
    (re.compile(r"^core/"), "firmware/core"),
    (re.compile(r"^kernel/"), "firmware/kernel"),
    (re.compile(r"^objects/"), "firmware/objects"),
    (re.compile(r"^python_process/"), "firmware/python_process"),
    (re.compile(r"^(?:py|shared|extmod|lib)/"), "micropython"),
    (re.compile(r"^[^/]+\.o$"), "firmware/port"),
    (re.compile(r"/libgcc\.a\b"), "libgcc"),
    (re.compile(r"/lib(?:c|m|g|c_nano|g_nano|nosys)\.a\b"), "newlib"),
)


@dataclass
class Bytes:
    """Flash and RAM that something takes."""

    flash: int = 0
    ram: int = 0


@dataclass(frozen=True)
class Section:
    """A section of the ELF file that takes memory."""

    name: str
    in_ram: bool
    in_flash: bool
    address: int
    size: int


@dataclass(frozen=True)
class Piece:
    """What one object file contributes to one section."""

    section: str
    name: str
    address: int
    size: int
    origin: str


@dataclass(frozen=True)
class Size:
    """The kernel's size on one board."""

    total: Bytes
    components: dict[str, Bytes]

    def as_json(self) -> dict[str, object]:
        return {
            "flash_bytes": self.total.flash,
            "ram_bytes": self.total.ram,
            "components": {
                name: {"flash_bytes": part.flash, "ram_bytes": part.ram} for name, part in self.components.items()
            },
        }


def component(origin: str, build: Path) -> str:
    """The component that an object file belongs to."""
    path = Path(origin)
    if path.is_relative_to(build):
        origin = path.relative_to(build).as_posix()
    return next((name for pattern, name in COMPONENTS if pattern.search(origin)), OTHER)


_PIECE = re.compile(r"^ (?P<name>\S+)\s+0x(?P<address>[0-9a-f]+)\s+0x(?P<size>[0-9a-f]+)(?: (?P<origin>\S.*))?$")
_OUTPUT = re.compile(r"^(?P<name>[.\w][^\s(]*)(?:\s+0x[0-9a-f]+\s+0x[0-9a-f]+.*)?$")


def read_map(text: str) -> Iterator[Piece]:
    """The pieces that GNU ld's map lists."""
    marker = "Linker script and memory map"
    if marker not in text:
        raise AdderError("The linker map is not one of GNU ld.")
    section = ""
    pending = ""
    for line in text.split(marker, 1)[1].splitlines():
        if pending:
            # A long name stands on a line of its own.
            line, pending = f"{pending} {line.strip()}", ""
        if line.startswith(" ") and not line.startswith("  "):
            if len(line.split()) == 1 and not line.startswith(" *"):
                pending = line
                continue
            match = _PIECE.match(line)
            if match is None:
                continue
            origin, size = match["origin"] or "", int(match["size"], 16)
            if size and match["name"] != "*fill*" and origin:
                yield Piece(section, match["name"], int(match["address"], 16), size, origin)
        elif line and not line[0].isspace() and (match := _OUTPUT.match(line)):
            section = match["name"]


def measure(elf_path: Path, map_text: str, board: Board) -> Size:
    """Sum up flash and RAM of an ELF file."""
    from elftools.elf.sections import SymbolTableSection

    allocated = 2  # SHF_ALLOC
    sections: dict[str, Section] = {}
    symbols: dict[str, int] = {}
    with open_elf(elf_path) as elf:
        for entry in elf.iter_sections():
            if isinstance(entry, SymbolTableSection):
                for symbol in entry.iter_symbols():
                    symbols[symbol.name] = symbol["st_value"]
            if entry["sh_flags"] & allocated and entry["sh_size"]:
                sections[entry.name] = Section(
                    entry.name,
                    in_ram=entry["sh_addr"] in board.ram,
                    in_flash=entry["sh_type"] != "SHT_NOBITS",
                    address=entry["sh_addr"],
                    size=entry["sh_size"],
                )
        loaded = [
            range(segment["p_paddr"], segment["p_paddr"] + segment["p_filesz"])
            for segment in elf.iter_segments("PT_LOAD")
            if segment["p_filesz"]
        ]
    total = Bytes(
        # From the first byte to the last: the gaps between sections are flash as well.
        flash=max((part.stop for part in loaded), default=0) - min((part.start for part in loaded), default=0),
        ram=sum(section.size for section in sections.values() if section.in_ram),
    )
    if "_kernel_ram_start" in symbols and "_kernel_ram_end" in symbols:
        total.ram = symbols["_kernel_ram_end"] - symbols["_kernel_ram_start"]

    parts: dict[str, Bytes] = defaultdict(Bytes)
    pieces = [piece for piece in read_map(map_text) if piece.section in sections]
    pieces.sort(key=lambda piece: (sections[piece.section].address, piece.address))
    for piece, following in zip_longest(pieces, pieces[1:]):
        place = sections[piece.section]
        # Equal strings are merged, and the map still lists those that are gone: what counts is
        # where the next piece begins.
        end = place.address + place.size
        if following is not None and following.section == piece.section:
            end = following.address
        size = max(0, min(piece.size, end - piece.address))
        part = parts[component(piece.origin, elf_path.parent)]
        part.flash += size if place.in_flash else 0
        part.ram += size if place.in_ram else 0
    if "_wired_ram" in symbols:
        parts[WIRED].ram += symbols["_heap_start"] - symbols["_wired_ram"]
        parts[HEAP].ram += symbols["_heap_end"] - symbols["_heap_start"]
    rest = Bytes(
        total.flash - sum(part.flash for part in parts.values()),
        total.ram - sum(part.ram for part in parts.values()),
    )
    ordered = dict(sorted(parts.items(), key=lambda item: -item[1].flash))
    ordered[REST] = rest
    return Size(total, ordered)


def measure_board(board: Board) -> Size:
    """The size of the kernel that was built for a board."""
    elf = board.build / "kernel.elf"
    map_path = elf.with_suffix(".map")
    for path in (elf, map_path):
        if not path.is_file():
            raise AdderError(f"{path} does not exist; `make BOARD={board.name}` builds it.")
    return measure(elf, map_path.read_text(), board)


def show(sizes: dict[str, Size]) -> None:
    """Print one table: a row for each component, two columns for each board."""
    names: list[str] = []
    for size in sizes.values():
        names += [name for name in size.components if name not in names]
    names.sort(key=lambda name: name == REST)
    headings = tuple(f"{board} {kind}" for board in sizes for kind in ("flash", "RAM"))
    rows = table("component", right=headings)

    def row(name: str, parts: list[Bytes], style: str = "") -> None:
        rows.add_row(name, *(f"{n:,}" for part in parts for n in (part.flash, part.ram)), style=style)

    for name in names:
        row(name, [size.components.get(name, Bytes()) for size in sizes.values()])
    row("total", [size.total for size in sizes.values()], "bold")
    console().print(rows)


@click.command()
@click.argument("boards", metavar="[BOARD...]", nargs=-1)
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the figures.  [default: build/size.json]",
)  # fmt: skip
def size(boards: tuple[str, ...], json_path: Path | None) -> None:
    """Show flash and RAM of the kernel by component, in bytes.

    Without BOARD: of each board for which a kernel has been built.
    """
    names = list(boards) or [
        path.parent.name for path in sorted((ROOT / "build").glob("*/kernel.elf")) if path.parent.name in board_names()
    ]
    if not names:
        raise AdderError("No kernel has been built yet; `make` builds one.")
    sizes = {name: measure_board(load_board(name)) for name in names}
    contents = {name: entry.as_json() for name, entry in sizes.items()}
    write_json(json_path or ROOT / "build" / "size.json", contents)
    show(sizes)
