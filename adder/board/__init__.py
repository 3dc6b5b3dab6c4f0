"""What the tool knows of a board: its files, its memory map.

A folder in boards/ has a manifest (memory.toml) and a wiring (board.py), and a small file of Kconfig's choices for
each board that they serve: pins, bootloader, what else differs. `defconfig` is the board that has the folder's name,
`NAME.config` another one. The file's first comment is the board's title.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adder.board import configuration, shape
from adder.board.files import ROOT, board_file, board_folder, board_names, board_title, no_such_board
from adder.errors import AdderError
from adder.text import read_text
from adder.toml import TomlError, read_toml

__all__ = [
    "ROOT",
    "Board",
    "Region",
    "board_file",
    "board_folder",
    "board_names",
    "board_title",
    "largest_ram",
    "load_board",
    "no_such_board",
    "raw_manifest",
    "read_manifest",
    "with_options",
]


@dataclass(frozen=True)
class Region:
    """A range of addresses."""

    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.end


@dataclass(frozen=True)
class Board:
    """A board's name and memory map."""

    name: str
    title: str
    kernel_flash: Region
    app_flash: Region
    storage: Region
    ram: Region
    flash_kind: str = ""
    """How the flash is written, as the manifest calls it: "nrf_nvmc" is the nRF52840's."""
    simulator: str = ""
    """The machine of QEMU's that is this board, if there is one."""
    process_extra_ram: int = 1024
    """Bytes that each process gets on top of what it asks for (Kconfig's PROCESS_EXTRA_RAM)."""
    max_processes: int = 16

    @property
    def build(self) -> Path:
        """The folder that holds what is built for this board."""
        return ROOT / "build" / self.name


def with_options(entry: Any, options: Mapping[str, int]) -> Any:
    """A part of a manifest in which the names of Kconfig's numbers have become those numbers."""
    if isinstance(entry, dict):
        return {key: with_options(value, options) for key, value in entry.items()}
    return options.get(entry, entry) if isinstance(entry, str) else entry


def raw_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in a board's folder, in which Kconfig's names still stand for numbers."""
    path = folder / "memory.toml"
    try:
        manifest = read_toml(read_text(path))
    except TomlError as error:
        raise AdderError(f"{path}: {error}.") from error
    shape.check(path, manifest, options=True)
    return manifest


def read_manifest(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The manifest of the board called `name`, with the configuration in the folder where it is built."""
    manifest = raw_manifest(board_folder(name))
    options = configuration.values(configuration.load(name, folder or ROOT / "build" / name))
    manifest = with_options(manifest, options)
    shape.check(board_folder(name) / "memory.toml", manifest)
    manifest["options"] = options
    if "/" not in name:
        manifest["name"] = name
    manifest["title"] = board_title(name) or manifest["title"]
    for region in manifest["memory"].values():
        if "end" in region:
            region["size"] = region.pop("end") - region["start"]
    manifest["peripherals"] = {name: it for name, it in manifest["peripherals"].items() if it.pop("if", True)}
    for peripheral in manifest["peripherals"].values():
        if "within" in peripheral:  # it is the end of that memory
            region = manifest["memory"][peripheral["within"]]
            region["size"] -= peripheral["size"]
            peripheral["base"] = region["start"] + region["size"]
    return dict(manifest)


def load_board(name: str = "qemu") -> Board:
    """Read the manifest of the board called `name`."""
    board_file(name)
    manifest = read_manifest(name)

    def region(key: str) -> Region:
        entry: dict[str, Any] = manifest["memory"][key]
        return Region(int(entry["start"]), int(entry["size"]))

    return Board(
        name=manifest["name"],
        title=manifest["title"],
        kernel_flash=region("kernel_flash"),
        app_flash=region("app_flash"),
        storage=region("storage"),
        ram=region("ram"),
        flash_kind=manifest["flash"]["kind"],
        simulator=manifest.get("simulator", ""),
        process_extra_ram=manifest["options"]["PROCESS_EXTRA_RAM"],
        max_processes=manifest["options"]["MAX_PROCESSES"],
    )


@cache
def largest_ram() -> int:
    """The RAM of the board that has most of it."""
    regions = [raw_manifest(path.parent)["memory"]["ram"] for path in ROOT.glob("boards/*/memory.toml")]
    return max(size for region in regions if isinstance(size := region.get("size"), int))
