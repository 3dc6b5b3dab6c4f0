"""Apps are installed over the console's line while others run: tockloader and `adder`, on the real image."""

import contextlib
import dataclasses
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from adder.apps.app_files import read_app_file
from adder.apps.tbf import PackageName, Tbf, make_tab
from adder.board import ROOT
from adder.cli import cli
from adder.deploy import link as wire
from adder.deploy.link import Link, open_port
from adder.deploy.remote import Remote, fitting
from adder.errors import AdderError
from adder.image.flash_image import FlashImage

APPS = ROOT / "build" / "apps"

OTHERS = ("hello", "blink", "clock-py", "rot13-py", "rot13-client-py")

BEAT = """
import time
worst, last, beats = 0, time.ticks_us(), 0
while True:
    time.sleep_ms(10)
    now = time.ticks_us()
    worst, last, beats = max(worst, time.ticks_diff(now, last)), now, beats + 1
    if beats % 100 == 0:
        print("beat: worst", worst)
"""

LATEST = 30_000
"""Microseconds between two beats of 10 ms: 20 ms late."""


class Line:
    """The board's console as a serial port, which a thread carries to and fro. Nobody else asks the simulation then."""

    def __init__(self, board) -> None:
        self._board = board
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> "Line":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        os.close(self._ours)
        os.close(self._theirs)

    def _carry(self) -> None:
        shown = len(self._board.raw)
        while not self._ends.is_set():
            if select.select([self._ours], [], [], 0.002)[0]:
                with contextlib.suppress(OSError):
                    self._board.send(os.read(self._ours, 4096))
            data = self._board.raw[shown:]
            with contextlib.suppress(BlockingIOError):
                shown += os.write(self._ours, data) if data else 0


@pytest.fixture
def board(simulation) -> Iterator:
    """The apps of `make run`; on the wall's clock, with which tools of the host have their patience."""
    with simulation(*OTHERS, clock="wall") as made:
        made.expect_all("clock 00:00:01", timeout=120)
        yield made
        assert "failed in" not in made.transcript
        assert "panic" not in made.transcript


def tockloader(line: Line, *arguments: str | Path) -> str:
    """Its output. It runs as it is."""
    done = subprocess.run(
        [sys.executable, "-m", "adder.deploy.tockloader", *map(str, arguments), "--serial", "--port", line.name],
        capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def listen(line: Line, text: str) -> str:
    """What `tockloader listen` shows until it shows the text. It asks for a terminal to be typed at."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "adder.deploy.tockloader", "listen", "--port", line.name]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        shown = b""
        while text.encode() not in shown:
            piece = os.read(process.stdout.fileno(), 4096)
            assert piece, shown
            shown += piece
        process.kill()
    os.close(ours)
    os.close(theirs)
    return shown.decode(errors="replace")


def adder(line: Line, *arguments: str | Path, ends: int = 0) -> str:
    """The verb's output."""
    done = CliRunner().invoke(cli, [*map(str, arguments), "--port", line.name])
    if isinstance(done.exception, AdderError):
        assert ends == 1, done.exception
        return str(done.exception)
    assert done.exit_code == ends, done.output
    assert all(c.isprintable() or c == "\n" for c in done.output), "a name is obeyed by the terminal"
    return done.output


EVIL = "\x1b[2J\x07"


def called(path: Path, name: str) -> bytes:
    """An app under another name, as long as its own."""
    tbf = Tbf.decode(path.read_bytes())
    tlvs = (PackageName(name) if isinstance(tlv, PackageName) else tlv for tlv in tbf.header.tlvs)
    made = dataclasses.replace(tbf, header=dataclasses.replace(tbf.header, tlvs=tuple(tlvs))).encode()
    assert len(made) == path.stat().st_size
    return made


def names(board) -> list[str]:
    """The apps in the flash, as any walker finds them."""
    return sorted(placed.app.name for placed in FlashImage(board.image).apps())


def says(python_app, name: str, text: str, **settings: object) -> Path:
    app: Path = python_app(
        f"import time\nwhile True:\n    print('{name}: {text}')\n    time.sleep_ms(300)",
        name=name,
        ram=8192,
        **settings,
    )
    return app


def test_tockloader_lists_installs_disables_enables_and_removes_while_the_others_run(board, python_app) -> None:
    new = says(python_app, "inner", "here").with_suffix(".tab")
    new.write_bytes(make_tab([Tbf.decode(new.with_suffix(".tbf").read_bytes())], architecture="cortex-m4"))
    before = names(board)
    with Line(board) as line:
        listed = tockloader(line, "list")
        assert all(name in listed for name in before), listed
        assert "cortex-m4" in tockloader(line, "list-attributes")
        assert "0\n" in tockloader(line, "info")
        assert tockloader(line, "install", new).startswith("0\n")
        assert "inner" in tockloader(line, "list")
        assert tockloader(line, "disable-app", "inner").startswith("0\n")
        assert tockloader(line, "sticky-app", "blink").startswith("0\n")
        assert tockloader(line, "enable-app", "inner").startswith("0\n")
        assert "00100000  02 00" in tockloader(line, "dump-flash-page", "2048")
        assert tockloader(line, "uninstall", "hello").startswith("0\n")
        assert "sticky" in tockloader(line, "uninstall", "blink")
        assert "inner: here" in listen(line, "inner: here")
    board.expect_all("inner: here", timeout=60)
    assert names(board) == sorted([*(name for name in before if name != "hello"), "inner"])
    board.reset()
    board.expect_all(r"(?s)Adder .*Adder .*app inner: slot", timeout=60)
    with Line(board) as line:
        assert tockloader(line, "erase-apps").startswith("0\n")
        assert "blink" in tockloader(line, "list"), "it is sticky"
        assert names(board) == ["blink"]
        assert tockloader(line, "erase-apps", "--force").startswith("0\n")
    assert names(board) == []


def test_adder_installs_updates_stops_starts_and_removes_while_the_others_run(board, python_app, tmp_path) -> None:
    first = says(python_app, "inner", "first")
    before = names(board)
    with Line(board) as line:
        assert "clock-py" in adder(line, "apps")
        adder(line, "install", first)
    board.expect_all("inner: first", timeout=60)
    second = says(python_app, "inner", "second", version=2)
    boom = python_app("print('before')\nraise ValueError('boom')", name="boom", ram=8192)
    with Line(board) as line:
        assert "inner: first" in adder(line, "logs", "inner")
        assert "has not ended" in adder(line, "why", "inner", ends=1)
        adder(line, "install", boom)
    board.expect_all("ValueError: boom", timeout=60)
    with Line(board) as line:
        told = adder(line, "why", "boom")
        assert re.search(r"(?s)before\n.*Traceback.*ValueError: boom\nIt faulted: an uncaught exception\.", told), told
        adder(line, "remove", "boom")
        adder(line, "install", APPS / "faulty-read-kernel.tab")
    board.expect_all("app faulty-read-kernel: restart in", timeout=60)
    with Line(board) as line:
        told = adder(line, "why", "faulty-read-kernel")
        pc = re.search(r"memory that is not its own at 0x20000000 .*; in its ELF file PC (0x8\w+), LR 0x8\w+\)", told)
        assert pc is not None, told
        command = ["arm-none-eabi-addr2line", "-fe", str(APPS / "faulty.elf"), pc[1]]
        assert "read_word" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
        adder(line, "remove", "faulty-read-kernel")
        done = json.loads(adder(line, "install", "--json", second, APPS / "spin.tab"))
        assert [(app["name"], app["version"]) for app in done] == [("inner", 2), ("spin", 0)]
        (larger,) = json.loads(adder(line, "install", "--json", "--extra-ram", "4096", APPS / "spin.tab"))
        assert larger["ram"] >= done[1]["ram"] + 4096
        assert "boom" not in adder(line, "logs", "spin"), "spin may have boom's slot, and not its words"
        assert "has not ended" in adder(line, "why", "spin", ends=1)
        adder(line, "stop", "clock-py")
        found = {app["name"]: app for app in json.loads(adder(line, "apps", "--json"))}
        assert found["clock-py"]["state"] == "stopped"
        adder(line, "start", "clock-py")
        adder(line, "remove", "spin", "hello")
        assert "no app 'hello'" in adder(line, "remove", "hello", ends=1)
        found = {app["name"]: app for app in json.loads(adder(line, "apps", "--json"))}
        assert found["clock-py"]["state"] != "stopped"
        (tmp_path / "set.toml").write_text(
            f'[apps]\ninner = {{file = "{second}", enabled = false}}\nblink = false\nspin = "{APPS / "spin.tab"}"\n'
        )
        told = adder(line, "apply", "--dry-run", tmp_path / "set.toml")
        assert re.search(r"~ inner: disabled\n- blink: .*\n\+ spin: .*\n3 apps would change", told), told
        adder(line, "apply", tmp_path / "set.toml")
        assert "Nothing to change" in adder(line, "apply", tmp_path / "set.toml")
    board.expect_all("inner: second", timeout=60)
    assert names(board) == sorted([*(name for name in before if name not in ("hello", "blink")), "inner", "spin"])
    board.reset()
    board.expect_all(r"(?s)Adder .*Adder .*app spin: slot", timeout=60)


def test_what_cannot_be_is_one_sentence_and_changes_nothing(board, python_app, tmp_path) -> None:
    before = names(board)
    good = says(python_app, "inner", "here")
    (tmp_path / "cut.tbf").write_bytes(good.read_bytes()[:300])
    (tmp_path / "none.tab").write_bytes(b"PK" * 400)
    huge = python_app(f"data = {'x' * 300!r}", name="huge", ram=8192)
    padded = bytearray(huge.read_bytes())
    (tmp_path / "evil.tbf").write_bytes(called(APPS / "hello.tbf", EVIL))
    with Line(board) as line:
        assert "Cut short" in adder(line, "install", tmp_path / "cut.tbf", ends=1)
        assert "none.tab" in adder(line, "install", tmp_path / "none.tab", ends=1)
        with Link(open_port(line.name)) as link:
            link.ask(wire.BEGIN)
            with pytest.raises(AdderError, match="no room"):
                link.words(wire.STAGE, 0x68000)
        with Link(open_port(line.name)) as link:  # a session that dies in the middle of a write
            link.ask(wire.BEGIN)
            (number,) = link.words(wire.STAGE, len(padded))
            link._port.write(bytes(8) + bytes(padded[:100]))
            link._port.close()
        adder(line, "install", good)
        for arguments in (
            ["install", tmp_path / "evil.tbf"], ["apps"], ["apps", "--json"], ["logs", EVIL], ["stop", EVIL],
            ["start", EVIL], ["stop", "--disable", EVIL], ["compact"], ["remove", EVIL],
        ):  # fmt: skip
            adder(line, *arguments)
        assert "no app" in adder(line, "remove", EVIL, ends=1)
    board.expect_all("inner: here", timeout=60)
    assert names(board) == sorted([*before, "inner"])
    assert number >= len(before)


def test_a_file_that_is_watched_is_installed_each_time_it_is_saved(board, tmp_path) -> None:
    source = tmp_path / "seen.py"
    text = "# /// script\n# [tool.adder]\n# ram = 8192\n# ///\nimport time\nwhile True:\n"
    text += "    print('seen: {}')\n    time.sleep(1)\n"
    source.write_text(text.format("one"))
    with Line(board) as line:
        command = [sys.executable, "-m", "adder", "watch", str(source), "--port", line.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as watch:
            assert watch.stdout is not None
            assert "Watching" in watch.stdout.readline()
            assert "installed" in watch.stdout.readline()
            source.write_text("def (")
            assert "seen.py" in watch.stdout.readline()
            source.write_text(text.format("two"))
            for told in watch.stdout:
                if "installed" in told:
                    break
            watch.send_signal(signal.SIGINT)
            assert watch.wait(30) == 130
    board.expect_all("seen: one", "seen: two", timeout=60)


class BoardsTime:
    """The console as a serial port, at which the board's time passes while somebody waits for what it says."""

    timeout: float | None = 0

    def __init__(self, board) -> None:
        self._board = board
        self._read = len(board.raw)

    def write(self, data: bytes) -> int:
        self._board.send(data)
        return len(data)

    def read(self, size: int = 1) -> bytes:
        if len(self._board.raw) <= self._read:
            self._board.run(0.001)
        data = self._board.raw[self._read : self._read + size]
        self._read += len(data)
        return data

    def close(self) -> None:
        pass


def test_others_are_not_late_while_an_app_is_installed_updated_and_removed(simulation, python_app) -> None:
    """Every 10 ms, in the board's time, in which bytes come as on a line; 20 ms late at most."""
    large = python_app(f"data = {bytes(range(256)) * 20!r}\nprint('large: here')", name="large", ram=24576)
    app = fitting(read_app_file(large))
    assert app.size > 4096
    with simulation("blink", python_app(BEAT, name="beat", ram=8192)) as board:
        board.expect_all("beat: worst", timeout=60)
        for change in ({"install": [app]}, {"install": [app]}, {"disable": ["large"]}, {"remove": ["large"]}):
            with Link(BoardsTime(board), patience=120) as link:
                Remote(link).apply(**change)
        before = board.transcript.count("beat: worst")
        assert board.run_until(lambda: board.transcript.count("beat: worst") > before + 1, 10)
        worst = max(int(value) for value in re.findall(r"beat: worst (\d+)\r", board.transcript))
    assert worst < LATEST
    assert names(board) == ["beat", "blink"]
