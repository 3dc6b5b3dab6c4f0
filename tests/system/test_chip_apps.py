"""Apps come and go on the nRF52840, whose flash makes the processor stand still: the kernel on the simulated chip."""

import re
from pathlib import Path

from test_app_store import BEAT, LOADER

from adder.board import ROOT, load_board
from adder.chip.nrf52840 import Chip
from adder.image.flash_image import walk_apps
from adder.run.renode import flash_contents

INNER = "import time\nwhile True:\n    print('inner: here')\n    time.sleep_ms(300)"


def test_an_app_is_installed_while_another_one_is_in_time(python_app) -> None:
    program = python_app(INNER, name="inner", ram=8192).read_bytes()
    apps: list[Path] = [
        python_app(
            f"{LOADER}\nprogram = {program!r}\nprint('loader:', install(program)[-1])", name="loader", ram=24576
        ),
        python_app(BEAT % 100, name="beat", ram=8192),
    ]
    board = load_board("nrf52840")
    kernel = ROOT / "build" / "nrf52840" / "kernel.elf"
    chip = Chip(kernel, {board.app_flash.start: flash_contents(apps, board, b"")})
    chip.expect(r"loader: \(3, 0, 0\)", 10)
    chip.expect("inner: here", 10)
    worst = int(re.search(r"\d+$", chip.expect(r"beat: worst \d+", 10)[0])[0])  # type: ignore[index]
    assert worst <= 30_000, "20 ms late"
    flash = chip.read_memory(board.app_flash.start, board.app_flash.size)
    assert [placed.app.name for placed in walk_apps(flash, board.app_flash.start)] == ["loader", "beat", "inner"]
    chip.reset()
    chip.expect(r"app inner: slot 2", 10)
    chip.expect("inner: here", 10)
    assert not chip.complaints, "\n".join(chip.complaints)
