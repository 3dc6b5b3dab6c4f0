"""The simulated flash: a host file that QEMU maps as the board's app flash and storage.

The file begins with the app flash: a list of Tock binaries (TBF), each of which tells where the
next one begins, and, once the apps have been changed over the board's line, a directory in its last
two pages, which then says which of them there are and which run (adder/image/directory.py). What it
says stays true when apps come and go here. After it comes the storage area, which belongs to the kernel and is never
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
- What cannot be read (a damaged header) stays as it is and where it is, until somebody asks for it to go.
- An app that cannot start on the board is refused.

A change is written to a temporary file that then replaces the image, so an interrupted install
leaves the old image whole. QEMU would go on using the old file, so the image is locked while a
simulation runs and a change is refused until it has ended. Nothing is written when nothing
changes.
"""

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from adder.apps.app_files import ARCHITECTURE, App, read_app, read_app_file, without_doubles
from adder.apps.loading import conflicts
from adder.apps.tbf import BASE_SIZE, Damaged, FixedAddresses, Header, TbfError, walk
from adder.board import Board, Region, load_board
from adder.errors import AdderError
from adder.files import replacing
from adder.image import directory
from adder.text import counted

__all__ = [
    "ARCHITECTURE",
    "App",
    "FlashImage",
    "PlacedApp",
    "read_app",
    "read_app_file",
]

FILE_SIZE = 16 * 1024 * 1024
"""Size of the file: that of the PSRAM of QEMU's mps2-an386."""

ERASED = 0xFF


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


@dataclass(frozen=True)
class Unreadable:
    """A part of the app flash that holds something which cannot be read; it stays as it is, where it is."""

    address: int
    data: bytes
    problem: str
    ends_list: bool = False
    """Whether nobody can say where the next app begins: nothing behind it is found."""

    @property
    def end(self) -> int:
        return self.address + len(self.data)


def padding_app(size: int) -> bytes:
    """A header that makes the list of apps skip `size` bytes."""
    return Header(size, enabled=False).encode()


MOST_ELEMENTS = 1024
"""Of a list of apps: many more than any board takes."""


def read_flash(flash: bytes, base: int) -> tuple[list[PlacedApp], list[Unreadable]]:
    """The apps in the app flash `flash`, whose first byte has the address `base`, and what is damaged there."""
    apps, unreadable = [], []
    for number, (offset, element) in enumerate(walk(flash)):
        if number == MOST_ELEMENTS:
            raise AdderError(
                f"It says that there are more than {MOST_ELEMENTS:,} apps, which no board takes; `adder image erase`, "
                "or `install --only`, starts again."
            )
        if isinstance(element, Damaged):
            # Without a size, it may be all that is not erased.
            size = element.size or len(flash[offset:].rstrip(bytes([ERASED])))
            data = flash[offset : offset + size]
            unreadable.append(Unreadable(base + offset, data, element.problem, ends_list=element.size == 0))
        elif not element.is_padding:
            apps.append(PlacedApp(base + offset, App(flash[offset : offset + element.total_size], element)))
    return apps, unreadable


def read_as_the_board(flash: bytes, base: int) -> tuple[list[PlacedApp], list[Unreadable]]:
    """The same, as the board sees it: by the directory, if that is in force, else by the list."""
    found = directory.in_force(flash)
    if found is None:
        return read_flash(flash, base)
    apps, unreadable = [], []
    entries = [entry for entry in found.entries if not entry.flags & directory.GONE]
    for entry in entries:
        data = flash[entry.start : entry.end]
        header, problem = _read_entry(flash, entry)
        if header is not None:
            apps.append(PlacedApp(base + entry.start, App(data, header, entry.flags)))
        else:
            ends_list = entry is entries[-1] and not _leads_on(data)
            data = data.rstrip(bytes([ERASED])) if ends_list else data
            unreadable.append(Unreadable(base + entry.start, data, problem, ends_list))
    return apps, unreadable


def _read_entry(flash: bytes, entry: directory.Entry) -> tuple[Header | None, str]:
    try:
        header = Header.decode(flash[entry.start : entry.end])
    except TbfError as error:
        return None, str(error)
    if directory.mark_of(flash, entry.start) != entry.mark or header.total_size != entry.size:
        return None, "The board's directory knows another app at this place."
    if header.is_padding or entry.flags & directory.BAD:
        return None, "The board's directory says that it is damaged."
    return header, ""


def _leads_on(data: bytes) -> bool:
    """Whether the first bytes of an element of the list say that it has just this size, whatever else it is."""
    for _, element in walk(data):
        return len(data) == (element.size if isinstance(element, Damaged) else element.total_size)
    return False


def _flags(app: App) -> int:
    """What a directory is to say of it."""
    header = app.header
    flags = directory.ENABLED * header.enabled | directory.STICKY * header.sticky
    flags = app.flags if app.flags is not None else flags
    return flags | directory.FIXED * (header.find(FixedAddresses) is not None)


def _is_as_its_header(app: App) -> bool:
    return _flags(app) == _flags(replace(app, flags=None))


def needs_directory(placed: Sequence[PlacedApp], blocks: Sequence[Unreadable] = ()) -> bool:
    """Whether the list cannot say what there is: an app is disabled or kept, or no size leads over what is damaged."""
    return not all(_is_as_its_header(one.app) for one in placed) or any(
        not block.ends_list and not _leads_on(block.data) for block in blocks
    )


def with_directory(flash: bytes, base: int, placed: Sequence[PlacedApp], blocks: Sequence[Unreadable]) -> bytes:
    """The app flash with a directory beside the list."""
    end = directory.end_of_list(flash)
    apps = [(one.address - base, one.app.size, _flags(one.app)) for one in placed]
    for block in blocks:
        size = end - (block.address - base) if block.ends_list else len(block.data)
        apps.append((block.address - base, size, directory.BAD))
    return directory.write_directory(flash, directory.entries_of(flash, apps))


def as_taken(placed: Sequence[PlacedApp], flash: Region, blocks: Sequence[Unreadable] = ()) -> bytes:
    """An app flash whose headers, and not its directory, say which apps run: for the loader's twin."""
    out = []
    for one in placed:
        enabled = directory.runs(_flags(one.app))
        if enabled != one.app.header.enabled:
            header = replace(one.app.header, enabled=enabled)
            one = PlacedApp(one.address, App(header.encode() + one.app.data[header.size :], header, one.app.flags))
        out.append(one)
    return render(out, flash, blocks)


def is_kept(app: App) -> bool:
    """Whether it is an older version that does not run."""
    return bool(_flags(app) & directory.KEPT)


def walk_apps(flash: bytes, base: int) -> Iterator[PlacedApp]:
    """The apps in the app flash."""
    yield from read_flash(flash, base)[0]


def _start_of_fixed(app: App, flash: Region) -> int:
    assert app.fixed_address is not None
    start = app.fixed_address - app.header.protected_size
    if start not in flash or start + app.size > flash.end:
        raise AdderError(
            f"{app.title} is linked for address {app.fixed_address:#x}, "
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


def _place_around(
    kept: Sequence[PlacedApp], new: Iterable[App], flash: Region, blocks: Sequence[Unreadable] = ()
) -> list[PlacedApp] | None:
    """Put `new` apps around the `kept` ones and what must not be touched; None if they do not fit."""
    result = list(kept)
    taken = [_range(placed.address, placed.app) for placed in kept]
    taken += [(block.address, block.end) for block in blocks]
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


def reachable(flash: Region, blocks: Sequence[Unreadable]) -> Region:
    """The part of the app flash in which the kernel finds apps."""
    end = min((block.address for block in blocks if block.ends_list), default=flash.end)
    return Region(flash.start, end - flash.start)


def place(
    kept: Sequence[PlacedApp], new: Sequence[App], flash: Region, blocks: Sequence[Unreadable] = ()
) -> list[PlacedApp]:
    """Decide where every app goes; the `kept` ones move only if there is no room otherwise, `blocks` never."""
    flash = reachable(flash, blocks)
    placed = _place_around(kept, new, flash, blocks)
    if placed is None:
        everything = [old.app for old in kept] + list(new)
        _check_fixed(everything, flash)
        placed = _place_around([], everything, flash, blocks)
        if placed is None:
            need = sum(app.size for app in everything)
            around = " around what cannot be read" if blocks else ""
            way = "remove one with `adder image remove`"
            if any(block.ends_list for block in blocks):
                way = "`adder image erase`, or `install --only`, starts again"
            raise AdderError(
                f"The app flash is full: {counted(len(everything), 'app')} of together {need} bytes do not "
                f"fit into {flash.size} bytes{around}; {way}."
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
                f"{first.app.title} and {second.app.title} are linked for overlapping addresses "
                f"({first.address:#x} and {second.address:#x}); only one of them can be installed."
            )


def render(placed: Sequence[PlacedApp], flash: Region, blocks: Sequence[Unreadable] = ()) -> bytes:
    """The contents of the app flash with the apps where `placed` says, and the `blocks` where they were."""
    out = bytearray([ERASED]) * flash.size
    position = flash.start
    parts: list[tuple[int, bytes, str]] = [(entry.address, entry.app.data, entry.app.title) for entry in placed]
    parts += [(block.address, block.data, "What cannot be read") for block in blocks]
    for address, data, what in sorted(parts):
        gap = address - position
        if 0 < gap < BASE_SIZE:
            raise AdderError(
                f"{what} is linked for an address {gap} bytes after another app ends, "
                "which leaves no room for a padding header between them."
            )
        if gap:
            offset = position - flash.start
            out[offset : offset + BASE_SIZE] = padding_app(gap)
        offset = address - flash.start
        out[offset : offset + len(data)] = data
        position = address + len(data)
    return bytes(out)


def check_startable(flash: bytes, new: Sequence[App], board: Board) -> None:
    """Refuse `new` apps that cannot start on this board, or not beside the others, with the reason."""
    for verdict, reason in conflicts(flash, board):
        app = verdict.header
        if app is not None and app.enabled and any(app == other.header for other in new):
            raise AdderError(f"{app.title} cannot start on {board.title}: {reason}.")


def choose(
    files: Sequence[Sequence[App]], board: Board, kept: Sequence[PlacedApp] = (), blocks: Sequence[Unreadable] = ()
) -> list[App]:
    """One app of each file: of one that is linked for several places, the first that can lie and start there."""
    chosen: list[App] = []
    for candidates in files:
        problems = []
        for app in candidates if len(candidates) > 1 else ():
            others = [old for old in kept if old.app.name not in {app.name, *(other.name for other in chosen)}]
            try:
                placed = place(others, [*chosen, app], board.app_flash, blocks)
                check_startable(render(placed, board.app_flash, blocks), [app], board)
            except AdderError as error:
                problems.append(str(error))
                continue
            chosen.append(app)
            break
        else:
            if problems:
                raise AdderError(f"None of the {len(problems)} programs fits, the last for this reason: {problems[-1]}")
            chosen.append(candidates[0])
    return chosen


def check_plain_file(path: Path) -> None:
    """Refuse what is there and is not a file: a change replaces it, and whoever is root would lose a device by that."""
    if path.exists() and not path.is_file():
        raise AdderError(f"{path} is not a file, so it can be no flash image.")


def check_image_file(path: Path, board: Board | None = None) -> None:
    """Refuse what is there and is not a flash image for the simulator of this board."""
    check_plain_file(path)
    board = board or load_board()
    size, right = path.stat().st_size, image_size(board)
    if size not in (0, right):
        if path.suffix.lower() in (".tbf", ".tab"):
            hint = "The image comes first, then the apps; `adder image install` makes it if there is none."
        else:
            hint = "If it is another board's, say which with --board; `adder image install` makes a new one."
        raise AdderError(
            f"{path} is not a flash image of {board.title}: it has {size:,} bytes and not {right:,}. {hint}"
        )


def image_size(board: Board) -> int:
    """Bytes of the file that is the flash of a simulated board: all that QEMU maps, or just apps and storage."""
    return board.storage.end - board.app_flash.start if board.flash_kind == "nrf_nvmc" else FILE_SIZE


class FlashImage:
    """The file that holds a board's app flash and storage."""

    def __init__(self, path: Path, board: Board | None = None) -> None:
        self.path = path
        self.board = board = board or load_board()
        self.flash = board.app_flash
        self.storage = board.storage
        self._storage_offset = self.storage.start - self.flash.start
        self._used = self._storage_offset + self.storage.size

    def _read(self) -> bytes:
        """App flash and storage; all erased if there is no file yet."""
        if not self.path.exists():
            return bytes([ERASED]) * self._used
        check_image_file(self.path, self.board)
        with self.path.open("rb") as file:
            contents = file.read(self._used)
        return contents + bytes([ERASED]) * (self._used - len(contents))

    def _write(self, contents: bytes) -> None:
        if self.path.exists():
            check_image_file(self.path, self.board)
        size = image_size(self.board)
        complete = self.path.exists() and self.path.stat().st_size == size
        if complete and contents == self._read():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(), replacing(self.path) as file:
            file.write(contents)
            file.truncate(size)
            file.flush()
            os.fsync(file.fileno())

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

    def app_flash(self) -> bytes:
        """The bytes of the app flash."""
        return self._read()[: self._storage_offset]

    def contents(self) -> tuple[list[PlacedApp], list[Unreadable]]:
        """The installed apps, in the order of their addresses, and what cannot be read."""
        return read_as_the_board(self.app_flash(), self.flash.start)

    def apps(self) -> list[PlacedApp]:
        """The installed apps, in the order of their addresses."""
        return self.contents()[0]

    def as_taken(self) -> bytes:
        """The app flash as a list whose headers say what the board goes by."""
        flash = self.app_flash()
        if directory.in_force(flash) is None:
            return flash
        placed, blocks = read_as_the_board(flash, self.flash.start)
        return as_taken(placed, self.flash, blocks)

    def storage_contents(self) -> bytes:
        """The bytes of the storage area."""
        return self._read()[self._storage_offset :]

    def install(
        self, apps: Sequence[App | Sequence[App]], *, only: bool = False, without: Collection[str] = ()
    ) -> list[PlacedApp]:
        """Add `apps`, replacing installed ones of the same names; remove those of the names in `without`.

        One that is there as it is to be stays as it is, be it disabled; with another one goes the version that is kept.
        With `only`, all others go, and what cannot be read. In place of an app there may be several that are
        linked for different places; the one that fits is taken.
        """
        present, blocks = ([], []) if only else self.contents()
        files = [[app] if isinstance(app, App) else app for app in apps]
        leaving = {*without, *(file[0].name for file in files)}
        staying = [old for old in present if old.app.name not in leaving]
        wanted = without_doubles(choose(files, self.board, staying, blocks))
        # An app that is there already, unchanged, stays where it is.
        unchanged = [old for old in present if old.app in wanted and not is_kept(old.app)]
        unchanged = [old for n, old in enumerate(unchanged) if old.app not in [o.app for o in unchanged[:n]]]
        there = [old.app for old in unchanged]
        names = {app.name for app in there}
        older = [old for old in present if is_kept(old.app) and old.app.name in names]
        kept = sorted([*staying, *unchanged, *older], key=lambda placed: placed.address)
        placed = place(kept, [app for app in wanted if app not in there], self._room(kept, blocks), blocks)
        self._write_apps(placed, blocks, wanted)
        return placed

    def remove(self, *names: str) -> list[PlacedApp]:
        """Remove every app of these names, or what is damaged at such an address; the others stay in place."""
        present, blocks = self.contents()
        kept = [placed for placed in present if placed.app.name not in names]
        addresses = {name.lower() for name in names}
        left = [block for block in blocks if f"{block.address:#010x}" not in addresses]
        known = {placed.app.name for placed in present} | {f"{block.address:#010x}" for block in blocks}
        if unknown := [name for name in names if name not in known and name.lower() not in known]:
            installed = ", ".join(sorted({placed.app.title for placed in present})) or "none"
            raise AdderError(f"No app called '{unknown[0]}' is installed; installed: {installed}.")
        if gone := [block for block in blocks if block.ends_list and block not in left]:
            raise AdderError(
                f"Nobody can say where the app at {gone[0].address:#010x} ends, good ones may lie behind it: nothing"
                " was removed. `adder image erase`, or `install --only`, takes away all of them."
            )
        self._write_apps(kept, left)
        return kept

    def erase(self, *, storage: bool = False) -> None:
        """Remove all apps; with `storage` also what they stored."""
        kept = b"" if storage else self.storage_contents()
        self._write((bytes([ERASED]) * self._storage_offset + kept).ljust(self._used, b"\xff"))

    def _write_apps(self, placed: Sequence[PlacedApp], blocks: Sequence[Unreadable], new: Sequence[App] = ()) -> None:
        if self._says(placed, blocks):
            return
        flash = render(placed, self.flash, blocks)
        first = [one for one in placed if not _flags(one.app) & directory.LOADED]  # the others take no RAM from these
        check_startable(as_taken(first, self.flash, blocks), new, self.board)
        if needs_directory(placed, blocks):
            flash = with_directory(flash, self.flash.start, placed, blocks)
        self._write(flash + self.storage_contents())

    def _room(self, placed: Sequence[PlacedApp], blocks: Sequence[Unreadable]) -> Region:
        """Where apps may lie beside these."""
        if not needs_directory(placed, blocks):
            return self.flash
        return Region(self.flash.start, self.flash.size - 2 * directory.PAGE)

    def _says(self, placed: Sequence[PlacedApp], blocks: Sequence[Unreadable]) -> bool:
        """Whether a board has left a directory in it that says just this, so that there is nothing to write."""
        flash = self.app_flash()
        found = directory.in_force(flash)
        if found is None or found.dirty or found != directory.read_directory(flash):
            return False
        if any(entry.flags & directory.GONE for entry in found.entries):
            return False
        apps, there = read_as_the_board(flash, self.flash.start)
        return (apps, there, [_flags(one.app) for one in apps]) == (
            list(placed), list(blocks), [_flags(one.app) for one in placed]
        )  # fmt: skip


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
