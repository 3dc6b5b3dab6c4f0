"""What is written to a chip: the kernel and the apps, each with the address at which it lies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from adder.apps.app_files import read_candidates, without_doubles
from adder.apps.tbf import BASE_SIZE
from adder.board import Board, Region
from adder.elf import open_elf
from adder.errors import AdderError
from adder.image import directory
from adder.image.flash_image import ERASED, check_startable, choose, place, render
from adder.image.kernel_file import check_kernel

PAGE = 4096
"""The nRF52840's flash is erased in pages of this size."""

KERNEL = "kernel"
NO_DIRECTORY = "no directory"
"""The board's directory of its apps, erased: with one, a set that the board was still changing would win over the apps
that are written here, and one that had been stopped stay so (docs/deployment.md)."""


@dataclass(frozen=True)
class Piece:
    """Bytes that lie together."""

    what: str
    address: int
    data: bytes

    @property
    def end(self) -> int:
        return self.address + len(self.data)


@dataclass(frozen=True)
class Image:
    """Pieces in the order of their addresses, of which no two overlap."""

    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        return self.pieces[0].address

    @property
    def end(self) -> int:
        return self.pieces[-1].end

    @property
    def size(self) -> int:
        """How many bytes are written."""
        return sum(len(piece.data) for piece in self.pieces)

    def without_directory_beyond(self, end: int) -> "Image":
        """The same, as far as a way can write it that ends there: the directory then stays as it is."""
        return Image(tuple(piece for piece in self.pieces if piece.what != NO_DIRECTORY or piece.end <= end))

    def flat(self) -> bytes:
        """All bytes from start to end; what no piece covers is erased flash.

        Without the erased directory: it is far behind the apps, and all between would have to be sent, too.
        """
        pieces = [piece for piece in self.pieces if piece.what != NO_DIRECTORY]
        out = bytearray([ERASED]) * (pieces[-1].end - self.start)
        for piece in pieces:
            out[piece.address - self.start : piece.end - self.start] = piece.data
        return bytes(out)


def make_image(pieces: Iterable[Piece]) -> Image:
    """Sort the pieces; refuse those that overlap."""
    ordered = tuple(sorted((piece for piece in pieces if piece.data), key=lambda piece: piece.address))
    if not ordered:
        raise AdderError("There is nothing to write.")
    for first, second in pairwise(ordered):
        if second.address < first.end:
            raise AdderError(
                f"The {first.what} ({first.address:#x} to {first.end:#x}) overlaps the {second.what}, "
                f"which begins at {second.address:#x}."
            )
    return Image(ordered)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces of one thing, with neighbours made one."""
    out: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.address):
        if out and out[-1].end == piece.address:
            out[-1] = Piece(piece.what, out[-1].address, out[-1].data + piece.data)
        else:
            out.append(piece)
    return out


def kernel_pieces(path: Path) -> list[Piece]:
    """What an ELF file says is to be loaded, at its load addresses."""
    if not path.exists():
        raise AdderError(f"{path} does not exist; `make kernel BOARD=nrf52840` builds it.")
    with open_elf(path) as elf:
        loaded = [
            Piece(KERNEL, segment["p_paddr"], segment.data())
            for segment in elf.iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
        ]
    if not loaded:
        raise AdderError(f"{path} holds nothing to load.")
    return _joined(loaded)


def apps_piece(paths: Sequence[Path], board: Board) -> Piece:
    """The board's app flash with these apps, as far as it is used.

    It goes on to the end of a page and has at least an erased header after the last app, so that
    the kernel finds none of the apps that were there before.
    """
    flash = board.app_flash
    apps = without_doubles(choose([read_candidates(path) for path in paths], board))
    placed = place([], apps, flash)
    contents = render(placed, flash)
    check_startable(contents, apps, board)
    used = placed[-1].end - flash.start + BASE_SIZE
    whole_pages = -(-used // PAGE) * PAGE
    names = ", ".join(entry.app.title for entry in placed)
    what = "app" if len(placed) == 1 else "apps"
    return Piece(f"{what} {names}", flash.start, contents[:whole_pages])


def no_directory(flash: Region) -> Piece:
    """The two pages of the board's directory, erased, so that the list of apps is true again."""
    size = 2 * directory.PAGE
    return Piece(NO_DIRECTORY, flash.end - size, bytes([ERASED]) * size)


def load_image(kernel: Path | None, apps: Sequence[Path], board: Board) -> Image:
    """The image of a kernel and apps; either may be left out."""
    pieces = []
    if kernel is not None:
        check_kernel(kernel, board)
        pieces = kernel_pieces(kernel)
    if apps:
        listed = apps_piece(apps, board)
        erased = no_directory(board.app_flash)
        pieces += [listed, erased] if listed.end <= erased.address else [listed]
    return make_image(pieces)
