"""docs/add-a-board.md is followed: its files are written, their kernels built, and the one for QEMU is booted."""

import re
import shutil
from pathlib import Path

import pytest
from kernels import build_board, write

from adder.board import ROOT, board_folder, configuration
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import MACHINE, Simulation

PAGE = (ROOT / "docs" / "add-a-board.md").read_text()
FILES = {found[1]: found[2] for found in re.finditer(r"(?ms)^```\w+ (boards/\S+)\n(.*?)^```$", PAGE)}
SAID = re.search(r"(?ms)^```console\n(.*?)^```$", PAGE)


def test_a_new_board_of_a_known_chip_is_one_file_that_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Beside a copy of the chip's folder: nothing else of the repository changes.
    shutil.copytree(ROOT / "boards" / "nrf52840", tmp_path / "boards" / "nrf52840")
    shutil.copy(ROOT / "Kconfig", tmp_path)
    for path, text in FILES.items():
        if path.startswith("boards/nrf52840/"):
            (tmp_path / path).write_text(text)
    for module in ("adder.board", "adder.board.files", "adder.board.configuration"):
        monkeypatch.setattr(f"{module}.ROOT", tmp_path)
    assert board_folder("xiao") == tmp_path / "boards" / "nrf52840"
    options = configuration.values(configuration.load("xiao", tmp_path))
    pins = [options[f"NRF52_{name}"] for name in ("UART_TX", "UART_RX", "LED0", "LED1", "LED2", "GPIO3", "BUTTON0")]
    assert pins == [43, 44, 26, 30, 6, 29, -1]
    monkeypatch.undo()
    # The kernel is built as the board that it becomes: a folder of its own with that file.
    copied = tmp_path / "boards" / "nrf52840"
    (copied / "defconfig").write_text((copied / "xiao.config").read_text())
    kernel = build_board("xiao", lambda folder: shutil.copytree(copied, folder), chip="nrf52840", base="nrf52840")
    assert b"Seeed XIAO nRF52840" in kernel.read_bytes()
    assert "KERNEL_FLASH_START (0x00027000u)" in (kernel.parent / "memory_map.h").read_text()


def write_new_chip(folder: Path) -> None:
    """The folder that the page has for a new chip."""
    for path, text in FILES.items():
        if path.startswith("boards/mychip/"):
            write(folder / Path(path).name, text)


def test_a_new_chip_is_a_folder_whose_kernel_boots(tmp_path: Path) -> None:
    kernel = build_board("mychip", write_new_chip)
    assert f'simulator = "{MACHINE}"' in FILES["boards/mychip/memory.toml"]
    image = FlashImage(tmp_path / "flash.img")
    image.install([read_app_file(ROOT / "build" / "apps" / "hello.tbf")], only=True)
    assert SAID is not None
    with Simulation(kernel, image.path, clock="fast") as board:
        for line in SAID[1].splitlines():
            board.expect(re.escape(line).replace("…", ".*"), timeout=60)
