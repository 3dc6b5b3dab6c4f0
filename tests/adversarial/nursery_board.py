"""QEMU's board with a capsule that loads and unloads programs when an app says so."""

import shutil
from pathlib import Path

from kernels import build_board, write

from adder.apps.app_files import read_app_file
from adder.apps.tbf import Header
from adder.board import ROOT

NURSERY = Path(__file__).parent / "loading" / "nursery.py"

WIRING = """
from capsules.loading import nursery

nursery_loader = mint.process_loader()
nursery_flash = mint.flash("apps")
mint.serve("nursery", nursery, lambda grant: nursery.Nursery(processes, nursery_loader, nursery_flash).command)
"""

APP = """
import syscall, time
NURSERY = 0xBAD010
def nursery(number, first=0):
    try:
        return syscall.command(NURSERY, number, first)
    except syscall.SyscallError as error:
        return -error.args[0]
def load(offset): return nursery(1, offset)
def unload(slot): return nursery(2, slot)
def life(slot): return nursery(3, slot)
def place(slot): return nursery(4, slot)
"""
"""What an app in Python begins with that uses it."""


def write_board(folder: Path) -> None:
    """The board's folder."""
    shutil.copytree(ROOT / "boards" / "qemu", folder)
    text = (folder / "board.py").read_text()
    imported, _, rest = WIRING.strip().partition("\n\n")
    text = text.replace("from components.alarm", f"{imported}\nfrom components.alarm")
    write(folder / "board.py", f"{text}\n{rest}\n")
    (folder / "powers.toml").unlink()
    write(folder / "capsules" / "loading" / "nursery.py", NURSERY.read_text())


def build_nursery() -> Path:
    """The kernel."""
    return build_board("nursery", write_board)


def disabled(path: Path) -> bytes:
    """The app of a TBF file, disabled: in the flash, and not started."""
    data = bytearray(read_app_file(path).data)
    data[8] &= ~1
    data[12] ^= 1
    assert not Header.decode(bytes(data)).enabled
    return bytes(data)
