"""Builds the kernel whose board tries the drivers that no app reaches yet: renode/tests/drivers. Prints its path.

Run by drivers.robot. The kernel of the nRF52840 must have been built: all that is the same is taken from there.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from kernels import alone, build_kernel, write  # noqa: E402


def main() -> None:
    folder = ROOT / "build" / "drivers"
    with alone(folder):
        print(build(folder))


def build(folder: Path) -> Path:
    """Write the board's folder, and build."""
    board = folder / "board"
    chip = ROOT / "boards" / "nrf52840"
    write(board / "board.py", (HERE / "drivers" / "board.py.txt").read_text())
    write(board / "memory.toml", (chip / "memory.toml").read_text())
    write(board / "defconfig", (chip / "defconfig").read_text())
    write(board / "mpy-cross.cfg", "[emit]\ncapsules/bench = bytecode\n")
    for path in (HERE / "drivers").glob("*.py"):
        write(board / "capsules" / "bench" / path.name, path.read_text())
    return build_kernel(board, folder / "build", base="nrf52840")


if __name__ == "__main__":
    main()
