"""Which boards there are, and where their files lie."""

from pathlib import Path

from adder.board.title import check_title
from adder.errors import AdderError
from adder.text import read_text

ROOT = Path(__file__).resolve().parents[2]
"""The top folder of the repository (the tool runs from a checkout)."""


def board_folder(name: str) -> Path:
    """The folder of the board called `name`, or the name itself if it has a slash: a folder with a `defconfig`."""
    if "/" in name:
        return Path(name)
    return next((path.parent for path in (ROOT / "boards").glob(f"*/{name}.config")), ROOT / "boards" / name)


def board_file(name: str) -> Path:
    """The file that says what is special about this board."""
    folder = board_folder(name)
    own = folder / f"{name}.config"
    path = own if "/" not in name and own.is_file() else folder / "defconfig"
    if not path.is_file():
        raise no_such_board(name)
    return path


def board_names() -> list[str]:
    """All boards in boards/."""
    files = (ROOT / "boards").glob("*/*config")
    return sorted(path.parent.name if path.name == "defconfig" else path.stem for path in files)


def board_title(name: str) -> str | None:
    """What the board's file calls it."""
    file = board_file(name)
    first, *_ = read_text(file).split("\n")
    return check_title(file, first.removeprefix("#").strip()) if first.startswith("#") else None


def no_such_board(name: str) -> AdderError:
    """What is said of a board that does not exist."""
    return AdderError(f"There is no board '{name}'; known boards: {', '.join(board_names()) or 'none'}.")
