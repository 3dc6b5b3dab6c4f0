"""Kernels as files: whether an ELF file can be the kernel of a board."""

from pathlib import Path

from adder.board import Board, board_names, board_title
from adder.elf import LARGEST, open_elf
from adder.errors import AdderError
from adder.text import MEGABYTE


def check_kernel(path: Path, board: Board) -> None:
    """Refuse what is not a program for the board's processor, or the kernel of another board."""
    if not path.exists():
        raise AdderError(f"{path} does not exist; `make kernel BOARD={board.name}` builds it.")
    if path.stat().st_size > LARGEST:
        raise AdderError(f"{path} has more than {LARGEST // MEGABYTE} MB, too much for a kernel.")
    with open_elf(path) as elf:
        if elf["e_machine"] != "EM_ARM" or elf["e_type"] != "ET_EXEC":
            raise AdderError(f"{path} is not a kernel: it is not a linked program for Arm's Cortex-M.")
        data = b"".join(segment.data() for segment in elf.iter_segments("PT_LOAD") if segment["p_filesz"])
    if board.title.encode() in data:
        return
    for title in _titles():
        # It is what the kernel calls itself when it boots.
        if title != board.title and title.encode() + b"\0" in data:
            raise AdderError(
                f"{path} is the kernel of another board ({title}), and not of {board.title}: `--board` says which one "
                f"is meant, and `make kernel BOARD={board.name}` builds the kernel for this one."
            )


def _titles() -> list[str]:
    from adder.board import ROOT, raw_manifest

    found = [raw_manifest(path.parent)["title"] for path in (ROOT / "boards").glob("*/memory.toml")]
    return found + [title for title in map(board_title, board_names()) if title]
