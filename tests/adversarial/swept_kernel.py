"""The kernel that calls everything it has with everything there is: for the tests of powers and of bounds."""

from pathlib import Path
from typing import Any

from hostile_kernel import HERE, write_board
from kernels import UNVERIFIED, build_board, write
from reached import Image

from adder.board import ROOT
from adder.verify.functions import FUNCTIONS

SWEEP = HERE / "board" / "sweep.py"
MEASURE = HERE / "board" / "measure.py"
WHICH = (SWEEP, MEASURE)
"""The two capsules; a byte of the image chooses."""

CLOCK = """
# QEMU's first simple timer: a clock for measurements.
[peripherals.sleep] # a name that the kernel knows already
base = 0x40000000
size = 0x1000
"""


def ours(image: Image) -> dict[str, str]:
    """The core's own types, by their names in Python: what the table calls each."""
    found = {}
    for symbol, address in image.types():
        short = symbol.removesuffix("_type")
        if symbol.endswith("_type") and not symbol.startswith("mp_") and short not in FUNCTIONS["unreached"]["types"]:
            found[image.qstr(int.from_bytes(image.bytes(address + 6, 2), "little"))] = short
    return found


def rows() -> list[tuple[str, str, str, Any]]:
    """The table: owner, name, what it takes, and which argument it writes through."""
    return [
        (owner, name, ", ".join(row["takes"]), row.get("writes"))
        for group in ("methods", "slots", "functions")
        for owner, inner in FUNCTIONS[group].items()
        for name, row in inner.items()
    ]


def build_swept_kernel() -> Path:
    """QEMU's board of hostile capsules, with one that sweeps and one that measures, which nobody verifies."""
    return build_board("swept", write_swept_board, python=UNVERIFIED)


def write_swept_board(board: Path) -> None:
    """The board's folder."""
    write_board(board, list(WHICH))
    text = (board / "board.py").read_text()
    text = text.replace(
        "recipes = (",
        "powers.log_line = log_line\npowers.fault_line = fault_line\nmeasure.prepare(powers)\nrecipes = (",
    )
    write(board / "board.py", text)
    write(board / "memory.toml", (board / "memory.toml").read_text() + CLOCK)
    options = (board / "defconfig").read_text()
    more = "CONFIG_CAPSULE_BUDGET_MS=10000\nCONFIG_CAPSULE_HEAP_BYTES=32768\n"
    write(board / "defconfig", options + more + "CONFIG_KERNEL_LOG_BYTES=16384\n")  # all that it says at one go
    types = sorted(ours(Image(ROOT / "build" / "qemu" / "kernel.elf")).items())
    table = f'"""What each function takes."""\n\nTYPES = {dict(types)!r}\nROWS = {tuple(rows())!r}\n'
    write(board / "capsules" / "hostile" / "table.py", table)
