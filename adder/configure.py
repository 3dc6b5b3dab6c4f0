"""From Kconfig to the build: `config.h` for C, `config.mk` for make, `config.py` for the board.

Run by the build: `python -m adder.configure BOARD FOLDER [menu]`. The configuration is
`FOLDER/.config`; where it is missing, it begins as `boards/BOARD/defconfig`. With `menu`, the
menu opens first.
"""

import os
import re
import sys
from pathlib import Path

import kconfiglib

from adder.board import ROOT, board_folder, no_such_board
from adder.errors import AdderError
from adder.manifest import write_if_changed

UART_PINS = ("NRF52_UART_TX", "NRF52_UART_RX", "NRF52_UART_RTS", "NRF52_UART_CTS")
"""The last two only with flow control."""


def load(board: str, folder: Path) -> kconfiglib.Kconfig:
    """The configuration of `board`, checked."""
    defconfig = board_folder(board) / "defconfig"
    if not defconfig.is_file():
        raise no_such_board(board)
    kconfig = kconfiglib.Kconfig(str(ROOT / "Kconfig"), warn_to_stderr=False)
    kconfig.warn_assign_undef = True
    chosen = folder / ".config"
    kconfig.load_config(str(chosen if chosen.is_file() else defconfig))
    options = values(kconfig)  # a number out of its range is noticed when it is looked at
    if kconfig.warnings:
        problem = kconfig.warnings[0].removeprefix("warning: ")
        file = str(chosen if chosen.is_file() else defconfig)
        raise AdderError(problem if file in problem else f"{file}: {problem}")
    check(options)
    return kconfig


def check(options: dict[str, int]) -> None:
    """Refuse what is in range and cannot be all the same."""
    log = options["KERNEL_LOG_BYTES"]
    if log & (log - 1):
        raise AdderError(f"KERNEL_LOG_BYTES is {log}, no power of two; `make menuconfig` changes it.")
    taken: dict[int, str] = {}
    for name in UART_PINS[: 4 if options["NRF52_UART_FLOW_CONTROL"] else 2]:
        pin = options[name]
        if pin in taken:
            raise AdderError(
                f"{taken[pin]} and {name} are both pin {pin}; `make menuconfig BOARD=nrf52840` changes it."
            )
        if pin >= 0:
            taken[pin] = name
    for name, pin in options.items():
        if re.fullmatch(r"NRF52_(LED|BUTTON|GPIO)\d", name) and pin in taken:
            raise AdderError(
                f"{taken[pin]} and {name} are both pin {pin}; `make menuconfig BOARD=nrf52840` changes it."
            )


def values(kconfig: kconfiglib.Kconfig) -> dict[str, int]:
    """Every option as a number; a switch is 0 or 1."""
    return {
        symbol.name: int(symbol.str_value == "y")
        if symbol.type in (kconfiglib.BOOL, kconfiglib.TRISTATE)
        else int(symbol.str_value, 16 if symbol.type == kconfiglib.HEX else 10)
        for symbol in kconfig.unique_defined_syms
    }


def generate(kconfig: kconfiglib.Kconfig, folder: Path) -> None:
    """Write the three files."""
    options = values(kconfig)
    write_if_changed(
        folder / "config.h", "#pragma once\n" + "".join(f"#define CONFIG_{k} ({v})\n" for k, v in options.items())
    )
    write_if_changed(folder / "config.mk", "".join(f"CONFIG_{k} := {v}\n" for k, v in options.items()))
    text = '"""The kernel\'s configuration, from Kconfig."""\n\n'
    write_if_changed(folder / "config.py", text + "".join(f"{k} = const({v})\n" for k, v in options.items()))


def menu(kconfig: kconfiglib.Kconfig, folder: Path) -> None:
    """Let the user choose, and keep the choice in `.config`.

    Only what differs from its default is kept: what was written into the file once would not follow a choice
    that is made later, as the pins follow the board.
    """
    import menuconfig  # kconfiglib's; it needs curses and a terminal

    folder.mkdir(parents=True, exist_ok=True)
    if not sys.stdin.isatty():
        raise AdderError("menuconfig needs a terminal.")
    path = folder / ".config"
    kconfig.write_min_config(str(path))
    os.environ["KCONFIG_CONFIG"] = str(path)
    menuconfig.menuconfig(kconfig)  # which loads the file, and writes all options into it
    kconfig.load_config(str(path))
    kconfig.write_min_config(str(path))


def main(arguments: list[str]) -> None:
    """The command line described at the top."""
    board, folder = arguments[0], Path(arguments[1])
    kconfig = load(board, folder)
    if "menu" in arguments[2:]:
        menu(kconfig, folder)
        kconfig = load(board, folder)
    generate(kconfig, folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AdderError as error:
        sys.exit(f"adder: {error}")
