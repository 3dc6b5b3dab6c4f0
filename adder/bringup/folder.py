"""The board of a bring-up: a folder that is put together from the board's own files and `boards/CHIP/bringup`."""

import re
from pathlib import Path

from adder.board import board_file, board_folder, board_title, load_board
from adder.errors import AdderError
from adder.text import read_text

APPS = ("bringup-trap", "bringup-work", "bringup-other")
"""The programs that the bench gives its jobs to (apps/bringup)."""


_OPTION = re.compile(r"^CONFIG_(\w+)=", re.MULTILINE)

TITLE = "THE BOARD"
"""In board.py, what the board's title takes the place of."""


def chip_of(board: str) -> str:
    """The folder of the board's chip, which is what the folder that is made must be called: Kconfig asks for it."""
    return board_folder(board).name


def contents(board: str) -> dict[str, str]:
    """The files of the folder, by name."""
    chip = board_folder(board)
    extra = chip / "bringup"
    if not (extra / "board.py.txt").is_file():
        raise AdderError(f"There is no bring-up for boards like {board}: {extra}/board.py.txt is missing.")
    title = f"# {board_title(board) or load_board(board).title}\n"
    ours = read_text(extra / "defconfig")
    named = set(_OPTION.findall(ours))
    theirs = [line for line in read_text(board_file(board)).splitlines(True) if not set(_OPTION.findall(line)) & named]
    return {
        "board.py": read_text(extra / "board.py.txt").replace(TITLE, title[2:-1].replace('"', "'")),
        "memory.toml": read_text(chip / "memory.toml") + read_text(extra / "memory.toml"),
        "defconfig": title + "".join(theirs) + ours,
        "mpy-cross.cfg": "[emit]\ncapsules/bringup = bytecode\n",
    }


def write_folder(board: str, folder: Path) -> None:
    """Write it, anew only where something has changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents(board).items():
        path = folder / name
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
