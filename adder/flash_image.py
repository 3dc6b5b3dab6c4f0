"""The simulated flash: a host file that QEMU maps as the board's app flash and storage.

The file begins with the app flash: a list of Tock binaries (TBF), each of which tells where the
next one begins. After it comes the storage area, which belongs to the kernel and is never
touched here except by `erase --storage`. The rest, up to 16 MB, is a hole that QEMU needs
because the memory it maps has that size.

Where an app goes:
- A position-independent app begins at a multiple of its size rounded up to a power of two, so
  that one region of the memory protection unit covers it.
- An app linked for a fixed address goes where that address says.
- Apps that are there already stay in place when the new ones fit around them; otherwise all
  are packed afresh, largest first.
- A padding app (a header of 16 bytes and nothing else) bridges each gap.
- The list ends with erased flash (0xFF).

A change is written to a temporary file that then replaces the image, so an interrupted install
leaves the old image whole. QEMU would go on using the old file, so the image is locked while a
simulation runs and a change is refused until it has ended. Nothing is written when nothing
changes.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click

from adder.board import Board, Region, load_board
from adder.errors import AdderError
from adder.output import console, table
from adder.tbf import BASE_SIZE, SMALLEST_TBF, Header, PythonProgram, Tbf, TbfError, read_tab, walk

FILE_SIZE = 16 * 1024 * 1024
"""Size of the file: that of the PSRAM of QEMU's mps2-an386."""

ERASED = 0xFF

ARCHITECTURE = "cortex-m4"
"""How bundles name the processor that the boards have."""


@dataclass(frozen=True)
class App:
    """One Tock binary: its bytes, and what its header says."""

    data: bytes
    header: Header

    @property
    def name(self) -> str:
        return self.header.name

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def fixed_address(self) -> int | None:
        """Where the linked image must lie, if the app was linked for one address."""
        return self.header.fixed_addresses.flash

    @property
    def alignment(self) -> int:
        """What the start must be a multiple of, so that one MPU region covers the app."""
        return 1 << (max(self.size, SMALLEST_TBF) - 1).bit_length()

    @property
    def footprint(self) -> int:
        """Bytes that nothing else may use: whole sub-regions, an eighth of the region each."""
        eighth = self.alignment // 8
        return -(-self.size // eighth) * eighth


@dataclass(frozen=True)
class PlacedApp:
    """An app and the address at which it lies."""

    address: int
    app: App

    @property
    def end(self) -> int:
        return self.address + self.app.size

    @property
    def code(self) -> int:
        """Where the app's linked image begins: after the header and its protected trailer."""
        return self.address + self.app.header.protected_size


def read_app(data: bytes, where: str) -> App:
    """The app in a TBF; `where` names it in error messages."""
    try:
        tbf = Tbf.decode(data)
    except TbfError as error:
        raise TbfError(f"{where}: {error}") from error
    if tbf.header.is_padding:
        raise TbfError(f"{where} is a padding app, which holds no program.")
    return App(bytes(data[: tbf.header.total_size]), tbf.header)


def read_app_file(path: Path) -> App:
    """The app in a `.tbf` file, or the one for Cortex-M4 in a `.tab` file."""
    data = path.read_bytes()
    if path.suffix != ".tab":
        return read_app(data, str(path))
    try:
        tbfs = read_tab(data).tbfs
    except TbfError as error:
        raise TbfError(f"{path}: {error}") from error
    fitting = [name for name in sorted(tbfs) if name.split(".")[0] == ARCHITECTURE]
    if len(fitting) != 1:
        raise TbfError(
            f"{path} holds {len(fitting) or 'no'} programs for {ARCHITECTURE}; "
            "unpack it with tar and install the .tbf file you want."
        )
    return read_app(tbfs[fitting[0]].encode(), f"{path}: {fitting[0]}")


def padding_app(size: int) -> bytes:
    """A header that makes the list of apps skip `size` bytes."""
    return Header(size, enabled=False).encode()


def walk_apps(flash: bytes, base: int) -> Iterator[PlacedApp]:
    """The apps in the app flash `flash`, whose first byte has the address `base`."""
    for offset, tbf in walk(flash):
        if not tbf.header.is_padding:
            data = flash[offset : offset + tbf.header.total_size]
            yield PlacedApp(base + offset, App(data, tbf.header))


def _start_of_fixed(app: App, flash: Region) -> int:
    assert app.fixed_address is not None
    start = app.fixed_address - app.header.protected_size
    if start not in flash or start + app.size > flash.end:
        raise AdderError(
            f"{app.name or 'An app'} is linked for address {app.fixed_address:#x}, "
            f"which is outside the app flash ({flash.start:#x} to {flash.end:#x})."
        )
    return start


def _find_room(app: App, taken: Sequence[tuple[int, int]], flash: Region) -> int | None:
    """The lowest start at which `app` fits between the `taken` ranges."""
    step = app.alignment
    for start in range(-(-flash.start // step) * step, flash.end - app.size + 1, step):
        end = min(start + app.footprint, flash.end)
        if all(end <= low or high <= start for low, high in taken):
            return start
    return None


def _range(start: int, app: App) -> tuple[int, int]:
    size = app.size if app.fixed_address is not None else app.footprint
    return (start, start + size)


def _place_around(kept: Sequence[PlacedApp], new: Iterable[App], flash: Region) -> list[PlacedApp] | None:
    """Put `new` apps around the `kept` ones; None if they do not fit."""
    result = list(kept)
    taken = [_range(placed.address, placed.app) for placed in kept]
    # Apps with a fixed address have no choice, so they go first; then the largest.
    for app in sorted(new, key=lambda app: (app.fixed_address is None, -app.alignment)):
        if app.fixed_address is not None:
            start: int | None = _start_of_fixed(app, flash)
            assert start is not None
            low, high = _range(start, app)
            if any(low < other_high and other_low < high for other_low, other_high in taken):
                return None
        else:
            start = _find_room(app, taken, flash)
        if start is None:
            return None
        result.append(PlacedApp(start, app))
        taken.append(_range(start, app))
    result.sort(key=lambda placed: placed.address)
    return result


def place(kept: Sequence[PlacedApp], new: Sequence[App], flash: Region) -> list[PlacedApp]:
    """Decide where every app goes; the `kept` ones move only if there is no room otherwise."""
    placed = _place_around(kept, new, flash)
    if placed is None:
        everything = [old.app for old in kept] + list(new)
        _check_fixed(everything, flash)
        placed = _place_around([], everything, flash)
        if placed is None:
            need = sum(app.size for app in everything)
            raise AdderError(
                f"The app flash is full: {len(everything)} apps of together {need} bytes do not "
                f"fit into {flash.size} bytes; remove one with `adder image remove`."
            )
    return placed


def _check_fixed(apps: Iterable[App], flash: Region) -> None:
    """Refuse two apps that are linked for overlapping addresses."""
    fixed = sorted(
        (PlacedApp(_start_of_fixed(app, flash), app) for app in apps if app.fixed_address is not None),
        key=lambda placed: placed.address,
    )
    for first, second in pairwise(fixed):
        if second.address < first.end:
            raise AdderError(
                f"{first.app.name} and {second.app.name} are linked for overlapping addresses "
                f"({first.address:#x} and {second.address:#x}); only one of them can be installed."
            )


def render(placed: Sequence[PlacedApp], flash: Region) -> bytes:
    """The contents of the app flash with the apps where `placed` says."""
    out = bytearray([ERASED]) * flash.size
    position = flash.start
    for entry in placed:
        gap = entry.address - position
        if 0 < gap < BASE_SIZE:
            raise AdderError(
                f"{entry.app.name} is linked for an address {gap} bytes after another app ends, "
                "which leaves no room for a padding header between them."
            )
        if gap:
            offset = position - flash.start
            out[offset : offset + BASE_SIZE] = padding_app(gap)
        offset = entry.address - flash.start
        out[offset : offset + entry.app.size] = entry.app.data
        position = entry.end
    return bytes(out)


class FlashImage:
    """The file that holds a board's app flash and storage."""

    def __init__(self, path: Path, board: Board | None = None) -> None:
        self.path = path
        board = board or load_board()
        self.flash = board.app_flash
        self.storage = board.storage
        self._storage_offset = self.storage.start - self.flash.start
        self._used = self._storage_offset + self.storage.size

    def _read(self) -> bytes:
        """App flash and storage; all erased if there is no file yet."""
        if not self.path.exists():
            return bytes([ERASED]) * self._used
        size = self.path.stat().st_size
        if size not in (0, FILE_SIZE):
            raise AdderError(
                f"{self.path} is not a flash image: it has {size:,} bytes and not {FILE_SIZE:,}. "
                "The image comes first, then the apps; `adder image install` makes it if there is none."
            )
        with self.path.open("rb") as file:
            contents = file.read(self._used)
        return contents + bytes([ERASED]) * (self._used - len(contents))

    def _write(self, contents: bytes) -> None:
        complete = self.path.exists() and self.path.stat().st_size == FILE_SIZE
        if complete and contents == self._read():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(contents)
                    file.truncate(FILE_SIZE)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                os.replace(temporary, self.path)
            except BaseException:
                os.unlink(temporary)
                raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Refuse to go on while a simulation has the image open."""
        if not self.path.exists():
            yield
            return
        with self.path.open("rb") as file:
            lock_image(file.fileno(), self.path)
            yield

    def create(self) -> None:
        """Make an erased image if there is none, so that QEMU has something to map."""
        self._write(self._read())

    def apps(self) -> list[PlacedApp]:
        """The installed apps, in the order in which the kernel finds them."""
        return list(walk_apps(self._read()[: self._storage_offset], self.flash.start))

    def storage_contents(self) -> bytes:
        """The bytes of the storage area."""
        return self._read()[self._storage_offset :]

    def install(self, apps: Sequence[App], *, only: bool = False) -> list[PlacedApp]:
        """Add `apps`, replacing installed ones of the same names (all of them with `only`)."""
        names = {app.name for app in apps}
        present = [] if only else self.apps()
        kept = [old for old in present if old.app.name not in names]
        # An app that is there already, unchanged, stays where it is.
        new = list(apps)
        for old in present:
            if old.app in new:
                new.remove(old.app)
                kept.append(old)
        kept.sort(key=lambda placed: placed.address)
        placed = place(kept, new, self.flash)
        self._write_apps(placed)
        return placed

    def remove(self, name: str) -> list[PlacedApp]:
        """Remove every app called `name`; the others stay in place."""
        present = self.apps()
        kept = [placed for placed in present if placed.app.name != name]
        if len(kept) == len(present):
            names = ", ".join(sorted({placed.app.name for placed in present})) or "none"
            raise AdderError(f"No app called '{name}' is installed; installed: {names}.")
        self._write_apps(kept)
        return kept

    def erase(self, *, storage: bool = False) -> None:
        """Remove all apps; with `storage` also what they stored."""
        kept = b"" if storage else self.storage_contents()
        self._write((bytes([ERASED]) * self._storage_offset + kept).ljust(self._used, b"\xff"))

    def _write_apps(self, placed: Sequence[PlacedApp]) -> None:
        self._write(render(placed, self.flash) + self.storage_contents())


def lock_image(handle: int, path: Path) -> None:
    """Take the lock that says that somebody uses the image behind the open file `handle`."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AdderError(f"{path} is in use by a running simulation; end that first.") from None


def in_use(path: Path) -> bool:
    """Whether a simulation has the image open."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _show(placed: Sequence[PlacedApp], flash: Region) -> None:
    rows = table("address", "app", "state", right=("flash", "RAM"))
    for entry in placed:
        state = "enabled" if entry.app.header.enabled else "disabled"
        if entry.app.fixed_address is not None:
            state += ", fixed address"
        if entry.app.header.find(PythonProgram) is not None:
            state += ", Python"
        program = entry.app.header.program
        ram = program.min_ram if program is not None else 0
        rows.add_row(f"{entry.address:#010x}", entry.app.name, state, f"{entry.app.size:,}", f"{ram:,}")
    out = console()
    if placed:
        out.print(rows)
    used = sum(entry.app.size for entry in placed)
    out.print(f"{len(placed)} apps, {used:,} of {flash.size:,} bytes of flash used")


@click.group()
def image() -> None:
    """Put apps into a simulated flash, list them, remove them; export an image for a board.

    IMG is the file that `adder simulate` maps as flash, normally build/qemu/flash.img.
    """


_IMAGE = click.argument("img", type=click.Path(dir_okay=False, path_type=Path))


@image.command("install")
@_IMAGE
@click.argument("tbfs", metavar="TBF...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--only", is_flag=True, help="Remove all other apps.")
def install_command(img: Path, tbfs: tuple[Path, ...], only: bool) -> None:
    """Install apps from TBF or TAB files.

    An installed app of the same name is replaced. IMG is made if it does not exist.
    """
    flash = FlashImage(img)
    _show(flash.install([read_app_file(path) for path in tbfs], only=only), flash.flash)


@image.command("list")
@_IMAGE
def list_command(img: Path) -> None:
    """List the installed apps."""
    if not img.exists():
        raise AdderError(f"{img} does not exist; `adder image install` makes it.")
    flash = FlashImage(img)
    _show(flash.apps(), flash.flash)


@image.command("remove")
@_IMAGE
@click.argument("name")
def remove_command(img: Path, name: str) -> None:
    """Remove the app called NAME; what it stored stays."""
    flash = FlashImage(img)
    _show(flash.remove(name), flash.flash)


@image.command("erase")
@_IMAGE
@click.option("--storage", is_flag=True, help="Erase what apps stored, too.")
def erase_command(img: Path, storage: bool) -> None:
    """Remove all apps."""
    flash = FlashImage(img)
    flash.erase(storage=storage)
    _show(flash.apps(), flash.flash)


@image.command("export")
@click.argument("kernel", type=click.Path(path_type=Path))
@click.argument("apps", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="The file; its name ends in .hex, .bin, .uf2 or .zip (a DFU package).",
)  # fmt: skip
@click.option("--board", "board_name", default="nrf52840", show_default=True, metavar="BOARD", help="Which board.")
@click.option(
    "--dfu", type=click.Choice(["nordic", "adafruit"]), default="nordic", show_default=True,
    help="Whose bootloader a .zip is for.",
)  # fmt: skip
def export_command(kernel: Path, apps: tuple[Path, ...], out: Path, board_name: str, dfu: str) -> None:
    """Put a kernel and apps into one file that any tool can write to a board.

    KERNEL is an ELF file, which itself says where it lies. A .uf2 file can be copied to the drive of a UF2
    bootloader; `adder flash` writes to a board directly.
    """
    # What flashes boards builds on this module.
    from adder.flash.command import export
    from adder.flash.image import load_image

    export(load_image(kernel, apps, load_board(board_name)), out, dfu)
