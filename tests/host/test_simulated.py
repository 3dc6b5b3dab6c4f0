"""Buttons and pins from the host: the words in the flash image, and the verbs that change them."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from adder.cli import main
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, lock_image
from adder.run import simulated
from adder.run.simulated import (
    DIRECTION,
    DRIVEN,
    LEVEL,
    LISTENING,
    OUTPUT,
    QUANTITIES,
    UP,
    ZERO,
    Window,
    buttons_of,
    pins_of,
    power_on,
    region_of,
)
from adder.run.terminal import Keyboard


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "flash.img"
    FlashImage(path).create()
    power_on(path, bytes(range(16)))
    return path


@pytest.fixture
def simulated_image(image: Path) -> Iterator[Path]:
    """An image that a simulation seems to use."""
    with image.open("rb") as file:
        lock_image(file.fileno(), image)
        yield image


def verb(*arguments: str) -> object:
    """Run a verb; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def test_the_words_lie_behind_the_storage_and_nothing_else_changes(image) -> None:
    before = image.read_bytes()
    buttons_of(image).drive(3, 0)
    pins_of(image).drive(0, 1)
    after = image.read_bytes()
    changed = [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert changed == [0x80000, 0x80004, 0x80024]
    assert before[0x80040:0x80050] == bytes(range(16))


def test_power_on_releases_all(image) -> None:
    buttons_of(image).drive(1, 1)
    pins_of(image).drive(2, 1)
    power_on(image, bytes(16))
    assert image.read_bytes()[0x80000:0x80050] == bytes(0x50)


def test_the_level_is_the_boards_or_that_from_outside_or_the_pull(image) -> None:
    pins, board = pins_of(image), Window(image, "pins")
    assert (pins.level(5), pins.mode(5)) == (0, "unused")
    board.write(UP, 1 << 5)
    board.write(LISTENING, 1 << 5)
    assert (pins.level(5), pins.mode(5)) == (1, "input, pulled up")
    pins.drive(5, 0)
    assert pins.level(5) == 0
    pins.drive(5, 1)
    board.write(UP, 0)
    assert (pins.level(5), pins.mode(5)) == (1, "input")
    board.write(DIRECTION, 1 << 5)
    assert (pins.level(5), pins.mode(5)) == (0, "output")
    board.write(OUTPUT, 1 << 5)
    pins.drive(5, None)
    assert (pins.level(5), pins.level(4)) == (1, 0)
    assert board.read(DRIVEN) == 0


@pytest.mark.parametrize("number", [-1, 4, 99])
def test_a_button_that_is_not_there(image, number) -> None:
    with pytest.raises(AdderError, match=f"no button {number}: 0 to 3"):
        buttons_of(image).drive(number, 0)


def test_the_verb_presses_and_releases(simulated_image, monkeypatch) -> None:
    image = simulated_image
    seen = []
    window = Window(image, "buttons")
    time = SimpleNamespace(sleep=lambda _: seen.append((window.read(LEVEL), window.read(DRIVEN))))
    monkeypatch.setattr(simulated, "time", time)
    assert verb("press", "2", "--image", str(image)) == 0
    assert seen == [(0, 4)]
    assert window.read(DRIVEN) == 0


def test_the_verb_shows_and_drives_pins(simulated_image, capsys) -> None:
    image = simulated_image
    assert verb("pin", "6", "1", "--image", str(image)) == 0
    assert verb("pin", "6", "--image", str(image)) == 0
    assert capsys.readouterr().out == "pin 6: 1  unused\n"
    assert verb("pin", "6", "free", "--image", str(image)) == 0
    assert verb("pin", "--image", str(image)) == 0
    assert capsys.readouterr().out.splitlines() == [f"pin {pin}: 0  unused" for pin in range(8)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("press", "2"), ("pin", "6", "1"), ("pin", "6", "--wire-to", "1"), ("pin", "6"), ("pin",),
        ("sensor",), ("sensor", "temperature"), ("sensor", "temperature", "3"),
    ],
)  # fmt: skip
def test_a_board_that_does_not_run_has_neither_pins_nor_buttons_nor_sensors(image, capsys, arguments) -> None:
    before = image.read_bytes()
    assert verb(*arguments, "--image", str(image)) == 1
    assert "No simulation runs with" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_the_verb_pin_shows_the_wire_at_both_of_its_ends(simulated_image, capsys) -> None:
    image = ("--image", str(simulated_image))
    assert verb("pin", "0", "--wire-to", "3", *image) == verb("pin", *image) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "pin 0: 0  unused, wired to 3"
    assert shown[3] == "pin 3: 0  unused, wired to 0"
    assert sum("wired" in line for line in shown) == 2
    assert verb("pin", "3", "free", *image) == verb("pin", "0", *image) == 0
    assert capsys.readouterr().out == "pin 0: 0  unused\n"


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e18", "99999999", "soon", "", "2h"])
def test_a_button_is_held_for_no_time_that_is_none(simulated_image, capsys, seconds: str) -> None:
    assert verb("press", "0", f"--seconds={seconds}", "--image", str(simulated_image)) == 2
    said = capsys.readouterr().err
    assert f"'{seconds}' is no time here; write `0.5`, `30s` or `2m`, an hour at most." in said
    assert Window(simulated_image, "buttons").read(DRIVEN) == 0


def test_a_board_that_was_never_simulated(tmp_path, capsys) -> None:
    assert verb("pin", "1", "--image", str(tmp_path / "none")) != 0
    assert "does not exist" in capsys.readouterr().err


def test_keys_press_buttons() -> None:
    keyboard = Keyboard(True)
    assert keyboard.filter(b"a\x010b\x013\x014") == b"ab4"
    assert keyboard.buttons == [0, 3]
    assert Keyboard(False).filter(b"\x010") == b"\x010"


def test_the_verb_sensor_shows_what_is_set(simulated_image, capsys) -> None:
    image = ("--image", str(simulated_image))
    assert verb("sensor", *image) == 0
    first = capsys.readouterr().out.splitlines()
    assert first == [f"{name}: {it.by_itself}" for name, it in QUANTITIES.items()]
    for name, value, shown in (
        ("temperature", "31.5", "31.50 degrees Celsius"),
        ("temperature", "-5.25", "-5.25 degrees Celsius"),
        ("ambient_light", "800", "800 lux"),
        ("acceleration-x", "-1.5", "-1.500 g"),
        ("humidity", "free", "goes up and down by itself"),
    ):
        assert verb("sensor", name, value, *image) == verb("sensor", name, *image) == 0
        assert capsys.readouterr().out == f"{name}: {shown}\n"
    assert verb("sensor", "temperature", "free", *image) == verb("sensor", *image) == 0
    assert capsys.readouterr().out.splitlines()[0] == first[0]


def test_a_sensor_is_called_what_the_python_library_calls_it() -> None:
    library = Path(__file__).resolve().parents[2] / "apps" / "library" / "adder"
    text = "".join((library / f"{module}.py").read_text() for module in ("sensors", "ninedof"))
    assert len(QUANTITIES) > 10
    for name in QUANTITIES:
        assert name.startswith("volts-") or re.search(rf"^{name.partition('-')[0]} = ", text, re.MULTILINE), name


def test_a_value_that_no_sensor_measures_is_refused(simulated_image, capsys) -> None:
    image = ("--image", str(simulated_image))
    for name, value in (("humidity", "101"), ("humidity", "-1"), ("temperature", "-274"), ("rotation-z", "41")):
        assert verb("sensor", name, value, *image) == 1
        assert f"{value} is no value for {name}" in capsys.readouterr().err
    assert verb("sensor", "ambient_light", "bright", *image) == 1
    assert "'bright' is no value for ambient_light: write lux" in capsys.readouterr().err


def test_no_two_sensors_share_a_register_and_none_reaches_out_of_the_window() -> None:
    registers = [it.register for it in QUANTITIES.values()]
    assert len(set(registers)) == len(registers)
    assert max(registers) < region_of("sensors").size
    for it in QUANTITIES.values():
        assert 0 < ZERO + round(it.scale * it.least) <= ZERO + round(it.scale * it.most) < 1 << 20


def test_a_choice_that_there_is_not_is_named_without_a_tab(simulated_image, capsys) -> None:
    assert verb("sensor", "mood", "3") == 2
    said = capsys.readouterr().err
    assert "'mood' is not one of 'temperature'" in said
    assert "\t" not in said


@pytest.mark.parametrize("line", [("press", "0"), ("sensor", "temperature", "3"), ("pin",), ("sensor",)])
def test_another_boards_image_is_refused_and_stays_as_it_is(tmp_path, capsys, line) -> None:
    image = tmp_path / "flash.img"
    image.write_bytes(b"\xff" * 4096)
    assert verb(*line, "--image", str(image)) == 1
    assert "is not the flash of QEMU's board" in capsys.readouterr().err
    assert image.read_bytes() == b"\xff" * 4096
