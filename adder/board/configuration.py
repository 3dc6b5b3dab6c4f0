"""What Kconfig says of a board: the options' defaults, the board's own choices, the user's."""

import difflib
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
        raise AdderError(problem_of(kconfig, kconfig.warnings[0], files[0] if files else board_file(board)))
    check(board, options)
    return kconfig


def problem_of(kconfig: kconfiglib.Kconfig, warning: str, file: Path) -> str:
    """A sentence from what kconfiglib says, which goes on where we stop."""
    where = re.match(rf"{re.escape(str(file))}:\d+", warning)
    place = where[0] if where else str(file)
    if found := re.search(r"value '(.*)' to the undefined symbol (\w+)", warning):
        like = difflib.get_close_matches(found[2], [symbol.name for symbol in kconfig.unique_defined_syms], 3, 0.7)
        hint = f" Is it {' or '.join(like)}?" if like else ""
        return f"{place}: there is no option {found[2]}.{hint} `make menuconfig` shows them all."
    if found := re.search(r"user value (\S+) on the \w+ symbol (\w+) .*outside the active range \((.+)\)", warning):
        return f"{place}: {found[2]} is {found[1]}, and must be within {found[3].strip('[]').replace(', ', ' to ')}."
    if found := re.search(r"the value '(.*)' is invalid for (\w+) .*which has type (\w+)", warning):
        return f"{place}: {found[2]} is '{found[1]}', which is no value of type {found[3]}."
    if found := re.search(r"malformed line '(.*)'", warning):
        return f"{place}: '{found[1]}' is neither CONFIG_OPTION=VALUE nor a comment."
    problem = warning.removeprefix("warning: ")
    return problem if str(file) in problem else f"{file}: {problem}"


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
