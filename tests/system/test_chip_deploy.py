"""Apps are installed over the line of an nRF52840: its UART, its flash and its time, on the simulated chip.

There a byte that nobody takes in time is lost, and flash makes the processor stand still while the line goes on.
"""

import copy
import random
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from kernels import build_variant
from test_deploy import BEAT

from adder.apps.app_files import App, read_app_file
from adder.board import ROOT, load_board
from adder.chip.nrf52840 import Chip
from adder.chip.time import PER_SECOND
from adder.deploy.link import Link
from adder.deploy.remote import Remote, fitting
from adder.deploy.words import lives, said
from adder.run.renode import flash_contents

APPS = ROOT / "build" / "apps"
BITS = 10  # of a byte on the line
BAUD = 115_200
HZ = 64_000_000
ENOUGH = 0.85
MOST_INSTRUCTIONS = 5_500
PATIENCE = 300  # seconds of the host, which is in no hurry
LATEST = 30_000  # microseconds between two beats of 10 ms: 20 ms late


class Port:
    """The chip's line as a serial port; its time passes while somebody waits."""

    timeout: float | None = 0

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._read = len(chip.uart.sent)

    def write(self, data: bytes) -> int:
        self._chip.type(data)
        return len(data)

    def read(self, size: int = 1) -> bytes:
        end = self._chip.seconds + (self.timeout or 0.0002)
        while len(self._chip.uart.sent) < self._read + (size if self.timeout else 1) and self._chip.seconds < end:
            self._chip.run(0.0002)
        data = bytes(self._chip.uart.sent[self._read : self._read + size])
        self._read += len(data)
        return data

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


def large(size: int, name: str = "hello") -> App:
    """An app with so many bytes, of all values, behind it."""
    app = fitting(read_app_file(APPS / f"{name}.tbf"))
    header = replace(app.header, total_size=size)
    return App(header.encode() + app.data[header.size :] + random.Random(size).randbytes(size - app.size), header)


@pytest.fixture(scope="module")
def boot() -> Callable[..., Chip]:
    kernel = build_variant("nrf52840", "CAPSULE_DEPLOY=y", base="nrf52840")
    board = load_board("nrf52840")

    def make(*apps: Path) -> Chip:
        chip = Chip(kernel, {board.app_flash.start: flash_contents(list(apps), board, b"")})
        chip.run(1)
        return chip

    return make


def test_an_app_comes_in_nearly_as_fast_as_the_line_and_a_byte_costs_less_than_it_has_time_for(boot) -> None:
    """From the first byte of the session to the app that runs; 16 KB, for which four pages are erased."""
    chip = boot(APPS / "blink.tbf")
    app = large(16384)
    begun, awake = chip.seconds, chip.cpu.awake
    with Link(Port(chip), patience=PATIENCE) as link:
        Remote(link).apply(install=[app])
        took = chip.seconds - begun
        found = Remote(link).find("hello")
        assert Remote(link).checksum(found) is not None
    flash = app.size // 4 * chip.nvmc.WRITE + 5 * 96 * PER_SECOND // 1000  # in which it stands still
    busy = (chip.cpu.awake - awake - flash) / PER_SECOND
    assert chip.uart.lost == 0
    assert app.size * BITS / BAUD / took >= ENOUGH, f"{took:.3f} s"
    assert busy * HZ / app.size <= MOST_INSTRUCTIONS
    assert not chip.complaints, "\n".join(chip.complaints)


def test_a_beat_is_not_late_beside_an_app_that_computes_whatever_is_done_to_the_apps(boot, python_app) -> None:
    """Installed, updated on trial, taken back, stopped, moved, enabled, removed.

    Three apps take all of the processor here, so bytes may be lost, as there is no flow control; then the host sends
    one block after the other.
    """
    beat = python_app(BEAT, name="beat", ram=8192)
    chip = boot(APPS / "spin.tbf", APPS / "faulty.tbf", beat)
    new = read_app_file(python_app("raise ValueError", name="faulty", ram=8192))
    with Link(Port(chip), patience=PATIENCE) as link:
        remote = Remote(link)
        remote.apply(install=[large(8192, "ping")])
        remote.apply(install=[fitting(large(8192))])
        remote.apply(install=[fitting(new)], trial=1)
    chip.run(1.3)
    with Link(Port(chip), patience=PATIENCE) as link:
        remote = Remote(link)
        assert remote.verdict()[0] > 2, "it has raised an exception"
        app = remote.find("faulty")
        ended = [life for life in lives(said(remote, app)[1], "faulty", app.short_id) if life.end]
        assert any("ValueError" in life.text for life in ended), ended
        assert not remote.is_on_trial()
        remote.stop(remote.find("hello"))
        remote.apply(remove=["ping"])
        before = remote.largest_piece(remote.apps())
        assert remote.move_together() == ["hello"]
        assert remote.largest_piece(remote.apps()) == before + 8192
        remote.apply(enable=["hello"], disable=["spin"])
        remote.apply(remove=["hello", "spin", "faulty"])
        assert [app.name for app in remote.apps()] == ["beat"]
    worst = int(chip.expect(r"beat: worst \d+\r", 5)[0].split()[-1])
    chip.run(1.1)
    worst = max(worst, *(int(value) for value in re.findall(r"beat: worst (\d+)\r", chip.transcript)))
    assert worst <= LATEST
    assert not chip.complaints, "\n".join(chip.complaints)


def test_tockloader_itself_needs_no_more_patience_than_it_has(boot, monkeypatch, capsys, tmp_path) -> None:
    """Its own, half a second for an answer, in the chip's time: no machine is too busy for that."""
    import tockloader.bootloader_serial as serial
    import tockloader.main
    import tockloader.tockloader as loader

    chip = boot(*(APPS / f"{name}.tbf" for name in ("blink", "hello", "spin")))
    settings = copy.deepcopy(loader.TockLoader.TOCKLOADER_APP_SETTINGS)

    def opens(self, listen: bool = False) -> None:
        self.sp = Port(chip)
        self.sp.timeout = 0.5  # as it sets it

    monkeypatch.setattr(serial.BootloaderSerial, "open_link_to_board", opens)
    monkeypatch.setattr(serial.BootloaderSerial, "_determine_port", lambda self, any=False: "port")
    # Its own name for the module: other tests' threads sleep as well, by the host's time.
    monkeypatch.setattr(serial, "time", SimpleNamespace(sleep=chip.run))

    def run(*arguments: str) -> str:
        monkeypatch.setattr(loader.TockLoader, "TOCKLOADER_APP_SETTINGS", copy.deepcopy(settings))
        monkeypatch.setattr(sys, "argv", ["tockloader", *arguments, "--serial"])
        try:
            tockloader.main.main()
        except SystemExit as end:
            return f"exit {end.code}: " + "".join(capsys.readouterr())
        return "".join(capsys.readouterr())

    shown = run("list")
    assert all(name in shown for name in ("blink", "hello", "spin")), shown
    for arguments in (
        ("install", str(APPS / "ping.tab")), ("disable-app", "hello"), ("sticky-app", "spin"), ("uninstall", "blink"),
    ):  # fmt: skip
        said = run(*arguments)
        assert "exit" not in said, said
    shown = run("list")
    assert "ping" in shown
    assert "blink" not in shown
    assert "exit" not in run("erase-apps")
    assert [name in run("list") for name in ("spin", "ping")] == [True, False]
    assert chip.uart.lost == 0
    assert not chip.complaints, "\n".join(chip.complaints)
