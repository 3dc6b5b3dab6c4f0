"""What Kconfig says of a board: the options' defaults, the board's own choices, the user's."""

import os
import re
from pathlib import Path

import kconfiglib

from adder.board.files import ROOT, board_file, board_folder, board_title
from adder.errors import AdderError

UART_PINS = ("NRF52_UART_TX", "NRF52_UART_RX", "NRF52_UART_RTS", "NRF52_UART_CTS")
"""The last two only with flow control."""


def read(board: str, *files: Path) -> kconfiglib.Kconfig:
    """What Kconfig, the board's file and these files say, in this order; not checked."""
    os.environ["BOARD_TITLE"] = board_title(board) or board
    os.environ["BOARD_CHIP"] = board_folder(board).name
    kconfig = kconfiglib.Kconfig(str(ROOT / "Kconfig"), warn_to_stderr=False)
    kconfig.warn_assign_undef = True
    kconfig.warn_assign_override = False
    for i, file in enumerate((board_file(board), *files)):
        kconfig.load_config(str(file), replace=i == 0)
    return kconfig


def load(board: str, folder: Path) -> kconfiglib.Kconfig:
    """The configuration of `board` as it is built in `folder`, checked."""
    chosen = folder / ".config"
    files = [chosen] if chosen.is_file() else []
    kconfig = read(board, *files)
    options = values(kconfig)  # a number out of its range is noticed when it is looked at
    if kconfig.warnings:
        problem = kconfig.warnings[0].removeprefix("warning: ")
        file = str(files[0] if files else board_file(board))
        raise AdderError(problem if file in problem else f"{file}: {problem}")
    check(board, options)
    return kconfig


def check(board: str, options: dict[str, int]) -> None:
    """Refuse what is in range and cannot be all the same."""
    remedy = f"`make menuconfig BOARD={board}` changes it"
    log = options["KERNEL_LOG_BYTES"]
    if log & (log - 1):
        raise AdderError(f"KERNEL_LOG_BYTES is {log}, which is not a power of two; {remedy}.")
    taken: dict[int, str] = {}
    for name in UART_PINS[: 4 if options["NRF52_UART_FLOW_CONTROL"] else 2]:
        pin = options[name]
        if pin in taken:
            raise AdderError(f"{taken[pin]} and {name} are both pin {pin}; {remedy}.")
        if pin >= 0:
            taken[pin] = name
    for name, pin in options.items():
        if re.fullmatch(r"NRF52_(LED|BUTTON|GPIO)\d", name) and pin in taken:
            raise AdderError(f"{taken[pin]} and {name} are both pin {pin}; {remedy}.")


def values(kconfig: kconfiglib.Kconfig) -> dict[str, int]:
    """Every option as a number; a switch is 0 or 1."""
    return {
        symbol.name: int(symbol.str_value == "y")
        if symbol.type in (kconfiglib.BOOL, kconfiglib.TRISTATE)
        else int(symbol.str_value, 16 if symbol.type == kconfiglib.HEX else 10)
        for symbol in kconfig.unique_defined_syms
    }
