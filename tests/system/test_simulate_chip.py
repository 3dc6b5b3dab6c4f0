"""`adder simulate --board nrf52840`: the chip's kernel on any machine, driven as a user drives it."""

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from adder.apps import python_app
from adder.board import ROOT, load_board

BOARD = load_board("nrf52840")
ADDER = [sys.executable, "-m", "adder"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "flash.img"


def app(name: str) -> str:
    return str(ROOT / "build" / "apps" / f"{name}.tbf")


def build(name: str, folder: Path) -> str:
    """An app of renode/tests/apps."""
    path = folder / f"{name}.tbf"
    path.write_bytes(python_app.build(ROOT / "renode" / "tests" / "apps" / f"{name}.py").tbf.encode())
    return str(path)


def run_verb(image: Path, *options: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [*ADDER, "simulate", "--board", "nrf52840", "--image", str(image), "--clock", "fast", *options]
    return subprocess.run(
        command, input=typed or "", capture_output=True, text=True, cwd=ROOT, check=False, timeout=300
    )


def test_apps_run_until_a_text_is_shown(image: Path) -> None:
    result = run_verb(image, "--until", "hello, 2 of 5", "--seconds", "10", app("hello"), app("blink"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Adder ")
    assert "on Nordic nRF52840-DK" in result.stdout
    assert "blink: 4 LEDs" in result.stdout


def test_a_text_that_does_not_come_is_an_error_and_time_is_the_boards(image: Path) -> None:
    result = run_verb(image, "--until", "pigs", "--seconds", "30", app("hello"))
    assert result.returncode == 1
    assert result.stderr == "adder: The console did not show 'pigs' within 30 seconds.\n"
    assert result.stdout.count("of 5") == 5


def test_apps_and_what_they_store_stay_in_the_image(image: Path, tmp_path: Path) -> None:
    store = build("store", tmp_path)
    for start, apps in ((1, [store]), (2, []), (3, [store, app("blink")])):
        result = run_verb(image, "--until", f"store: start {start}", "--seconds", "20", *apps)
        assert result.returncode == 0, result.stdout + result.stderr
    assert image.stat().st_size == BOARD.storage.end - BOARD.app_flash.start
    result = run_verb(image, "--until", "hello, 1 of 5", "--seconds", "20", app("hello"))
    assert result.returncode == 0
    assert "store" not in result.stdout, "the apps that are named replace the others"


def test_what_is_typed_reaches_an_app(image: Path) -> None:
    result = run_verb(image, "--until", "42", "--seconds", "20", app("repl-py"), typed="6 * 7\r")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def terminal(image: Path, tmp_path: Path) -> pexpect.spawn:
    child = pexpect.spawn(
        sys.executable,
        [
            "-m",
            "adder",
            "simulate",
            "--board",
            "nrf52840",
            "--image",
            str(image),
            build("button", tmp_path),
            app("blink"),
        ],
        cwd=str(ROOT),
        timeout=120,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    yield child
    child.close(force=True)


def test_a_person_sees_leds_presses_a_button_and_leaves(terminal: pexpect.spawn, image: Path) -> None:
    terminal.expect(r"button: \d buttons")
    terminal.expect("LEDs (○|●) (○|●) ○ ○".encode())
    terminal.send("\x010")
    terminal.expect("button: pressed 1")
    terminal.expect("button: released 1")
    terminal.send("\x01x")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert image.stat().st_size, "the flash is kept"


def test_an_image_that_is_in_use_is_not_taken(terminal: pexpect.spawn, image: Path) -> None:
    terminal.expect("simulated; Ctrl-A X ends it")
    result = run_verb(image, "--seconds", "1")
    assert result.returncode == 1
    assert result.stderr == f"adder: {image} is in use by a running simulation; end that first.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--board", "qemu", "hello.tbf"), "puts apps into the flash of QEMU mps2-an386"),
        (("--board", "nonsense"), "There is no board 'nonsense'"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], said: str) -> None:
    result = subprocess.run([*ADDER, "simulate", *arguments], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 1
    assert said in result.stderr
