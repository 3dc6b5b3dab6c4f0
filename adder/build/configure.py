"""From Kconfig to the build: `config.h` for C, `config.mk` for make, `config.py` for the board.

Run by the build: `python -m adder.build.configure BOARD FOLDER [FILE [menu]]`. The configuration is what Kconfig says,
then what the board's file says, then what FILE says, which is the user's: he names it, keeps it, and need not have one.
A copy of it, `FOLDER/.config`, tells what is built there. With `menu`, the menu opens first and writes FILE.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import kconfiglib

from adder.board.configuration import load, read, values
from adder.board.files import board_file
from adder.build.manifest import write_if_changed
from adder.errors import AdderError
from adder.text import printable_lines, read_text


def generate(kconfig: kconfiglib.Kconfig, folder: Path) -> None:
    """Write the three files."""
    options = values(kconfig)
    write_if_changed(
        folder / "config.h", "#pragma once\n" + "".join(f"#define CONFIG_{k} ({v})\n" for k, v in options.items())
    )
    write_if_changed(folder / "config.mk", "".join(f"CONFIG_{k} := {v}\n" for k, v in options.items()))
    text = '"""The kernel\'s configuration, from Kconfig."""\n\n'
    write_if_changed(folder / "config.py", text + "".join(f"{k} = const({v})\n" for k, v in options.items()))


def choices(kconfig: kconfiglib.Kconfig, folder: Path) -> dict[str, str]:
    """The lines that make this configuration from Kconfig's defaults, by option."""
    path = folder / "minimal"
    kconfig.write_min_config(str(path))
    return {match[1]: match[0] for match in re.finditer(r"^(?:# )?CONFIG_(\w+).*$", path.read_text(), re.MULTILINE)}


def menu(board: str, file: Path) -> None:
    """Let the user choose, and keep in `file` what differs from the board's own choices.

    Nothing else: what was written into the file once would not follow the board's file when that changes.
    """
    import menuconfig  # kconfiglib's; it needs curses and a terminal

    if not sys.stdin.isatty():
        raise AdderError("menuconfig needs a terminal.")
    file.parent.mkdir(parents=True, exist_ok=True)
    kconfig = read(board, *([file] if file.is_file() else []))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = choices(read(board), folder)
        kconfig.write_min_config(str(folder / "shown"))
        os.environ["KCONFIG_CONFIG"] = str(folder / "shown")
        menuconfig.menuconfig(kconfig)  # which loads the file, and writes all options into it
        kconfig.load_config(str(folder / "shown"))
        chosen = choices(kconfig, folder)
    lines = [line for name, line in chosen.items() if own.get(name) != line]
    lines += [kconfig.syms[name].config_string.strip() for name in own if name not in chosen]
    head = f"# What differs from {board_file(board).name} of {board}; `make menuconfig BOARD={board}` changes it."
    file.write_text("\n".join([head, *lines, ""]))


def take(file: Path, folder: Path) -> None:
    """Make the user's choices those of the build in `folder`; without such a file, there are none."""
    if file.is_file():
        write_if_changed(folder / ".config", read_text(file))
    else:
        (folder / ".config").unlink(missing_ok=True)


def main(arguments: list[str]) -> None:
    """The command line described at the top."""
    board, folder = arguments[0], Path(arguments[1])
    file = Path(arguments[2]) if len(arguments) > 2 else None
    if file is not None:
        if "menu" in arguments[3:]:
            menu(board, file)
        take(file, folder)
    generate(load(board, folder, file), folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AdderError as error:
        sys.exit(f"adder: {printable_lines(str(error))}")
