"""`adder capsule new`: what it makes works as it stands; what it cannot make, it says in one sentence."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from adder import capsule
from adder.board import ROOT
from adder.capsule import Plan, choose_number, next_steps, plan, served, with_option, with_wiring, write
from adder.cli import main
from adder.errors import AdderError

FOLDERS = ("adder", "board", "boards", "capsules", "firmware/stubs", "tests/host/capsules")
FILES = ("Kconfig", "mpy-cross.cfg", "pyproject.toml")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what belongs to capsules."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy2(ROOT / file, tmp_path / file)
    return tmp_path


def contents(tree: Path) -> dict[str, bytes]:
    """All files of a tree."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def run(tree: Path, *arguments: str) -> str:
    """Run a Python module on the tree; it must succeed."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *arguments]
    result = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_what_it_makes_is_verified_typed_formatted_tested_and_wired(tree: Path) -> None:
    before = contents(tree)
    for arguments in (
        ["salinity", "--wire"],
        ["a_name_as_long_as_it_may", "--kind", "sensor", "--number", "0x80000001", "--wire"],
        ["tally", "--kind", "plain", "--wire"],
        ["sum2", "--kind", "plain"],
        ["radio", "--kind", "driver", "--chip", "nrf52840"],
        ["beeper", "--kind", "driver"],
    ):
        assert run(tree, "adder", "capsule", "new", *arguments).startswith("Made\n")
    new = sorted(set(contents(tree)) - set(before))
    assert len(new) == 4 + 4 + 2 + 2 + 3 + 3
    assert run(tree, "adder", "verify").endswith(" files are Capsule Python\n")
    assert "no type errors (nrf52840, qemu)" in run(tree, "adder", "typecheck")
    tests = [path for path in new if path.startswith("tests/")]
    run(tree, "pytest", "-q", "-p", "no:cacheprovider", *tests, "tests/host/capsules/test_capsule_interfaces.py")
    rules = ["--isolated", "--select", "B,E,F,I,PT,RUF,SIM,W", "--line-length", "120", "--no-cache"]
    run(tree, "ruff", "check", *rules, "--config", 'src=["."]', *new)
    run(tree, "ruff", "format", "--isolated", "--check", "--line-length", "120", "--no-cache", *new)


def test_the_lines_to_copy_are_those_that_wire_would_add(tree: Path) -> None:
    made = plan("salinity", "sensor", None, None, tree)
    said = next_steps(made, wire=False)
    write(made, wire=True)
    for path in (capsule.KCONFIG, capsule.BOARD):
        old, new = (ROOT / path).read_text().splitlines(), (tree / path).read_text().splitlines()
        added = [line for line in new if line and line not in old]
        assert len(added) > 2
        for line in added:
            assert f"\n    {line}\n" in said


def test_it_says_what_was_made_and_what_comes_next(tree: Path) -> None:
    said = next_steps(plan("salinity", "sensor", None, None, tree), wire=False)
    for path in ("sensors/salinity.py", "hil/salinity.py", "drivers/simulated/salinity.py"):
        assert f"    capsules/{path} " in said
    for command in ("adder verify capsules/sensors/salinity.py", "adder typecheck", "pytest tests/host", "make run"):
        assert f"{command}" in said
    assert "driver 0xB0000" in said
    said = next_steps(plan("radio", "driver", None, "nrf52840", tree), wire=False)
    assert "[peripherals.radio]" in said
    assert "from capsules.drivers.nrf52840.radio import RadioDriver" in said
    assert "0x0" not in said.replace("0x40000000", "")  # a driver has no number


@pytest.mark.parametrize(
    "name", ["Salinity", "2nd", "air-quality", "_x", "x_", "a__b", "", "ä", "a.b", "../x", "x" * 25]
)
def test_a_name_that_is_none_is_refused_with_an_example(tree: Path, name: str) -> None:
    with pytest.raises(AdderError, match=r"^The name '.*' must be 1 to 24 small letters.*as in 'air_quality'\.$"):
        plan(name, "plain", None, None, tree)


def test_a_word_of_python_is_no_name(tree: Path) -> None:
    with pytest.raises(AdderError, match=r"^The name 'class' is a word of Python's own; choose another\.$"):
        plan("class", "plain", None, None, tree)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("x", "plain", "0x60000", None),
            r"^Driver number 0x60000 is served by capsules/sensors/temperature.py already",
        ),
        (("x", "plain", "sixty", None), r"^The driver number 'sixty' must be a number, such as 0x60001\.$"),
        (("x", "plain", "-1", None), r"^The driver number -1 must be 0 or more and fit in 32 bits\.$"),
        (("x", "plain", "0x100000000", None), r"fit in 32 bits"),
        (("x", "driver", "0x60009", None), r"^A driver has no driver number"),
        (("x", "sensor", None, "nrf52840"), r"^--chip is for drivers"),
        (("x", "driver", None, "../boards"), r"^The chip's name '\.\./boards' must be"),
        (
            ("temperature", "sensor", None, None),
            r"^capsules/sensors/temperature.py exists already.*Nothing was written\.$",
        ),
        (("uart", "driver", None, "cmsdk"), r"^capsules/drivers/cmsdk/uart.py exists already"),
        (("uart", "driver", None, "stm32"), r"^capsules/hil/uart.py exists already"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_sentence(tree: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(AdderError, match=message):
        plan(*arguments, tree)


def test_a_hil_of_the_same_name_is_not_made_twice(tree: Path) -> None:
    (tree / "capsules/sensors/temperature.py").unlink()
    (tree / "tests/host/capsules/test_capsule_temperature.py").unlink()
    with pytest.raises(AdderError, match=r"^There is a HIL TemperatureSensor already, in capsules/hil/sensors.py"):
        plan("temperature", "sensor", None, None, tree)


@pytest.mark.parametrize("there", [0, 1, 2, 3])
def test_nothing_is_overwritten_and_nothing_half_made(tree: Path, there: int) -> None:
    path = tree / list(plan("salinity", "sensor", None, None, tree).files.values())[there]
    path.write_text("precious\n")
    before = contents(tree)
    with pytest.raises(AdderError, match="exists already"):
        plan("salinity", "sensor", None, None, tree)
    assert contents(tree) == before


def test_a_file_that_appears_meanwhile_is_not_overwritten(tree: Path) -> None:
    made = plan("tally", "plain", None, None, tree)
    (tree / made.files["capsule"]).write_text("precious\n")
    with pytest.raises(FileExistsError):
        write(made, wire=False)
    assert (tree / made.files["capsule"]).read_text() == "precious\n"


def test_the_number_is_tocks_or_a_free_one() -> None:
    assert choose_number("humidity", None, {}) == 0x60001
    assert choose_number("humidity", None, {0x60001: Path("x.py")}) == 0xB0000
    assert choose_number("tally", None, {0xB0000: Path("x.py")}) == 0xB0001
    assert choose_number("tally", "17", {}) == 17
    assert served(ROOT)[0x60000] == Path("capsules/sensors/temperature.py")


def test_wiring_that_would_take_a_name_of_the_board_is_not_written(tree: Path) -> None:
    before = contents(tree)
    with pytest.raises(AdderError, match=r"^boards/qemu/board.py uses the name 'measures' for something else"):
        write(plan("measures", "sensor", None, None, tree), wire=True)
    assert contents(tree) == before


def test_wiring_that_the_verifier_refuses_is_not_written(tree: Path) -> None:
    board = tree / capsule.BOARD
    board.write_text(board.read_text().replace("import mint\n", "import mint\nimport os\n"))
    before = contents(tree)
    with pytest.raises(AdderError, match=r"^Wired, the board would be refused \(.*CP003.*leave out --wire"):
        write(plan("salinity", "sensor", None, None, tree), wire=True)
    assert contents(tree) == before


def test_files_that_cannot_be_wired_are_named(tree: Path) -> None:
    made = Plan("tally", "plain", 1, None, tree)
    option = made.text("kconfig")
    with pytest.raises(AdderError, match=r'^Kconfig has no menu "Capsules"'):
        with_option("config X\n", option)
    once = with_option((tree / "Kconfig").read_text(), option)
    with pytest.raises(AdderError, match=r"^Kconfig has an option CAPSULE_TALLY already"):
        with_option(once, option)
    with pytest.raises(AdderError, match=r"^boards/qemu/board.py:1: .*; put that right first\.$"):
        with_wiring("import\n", "", "")


def test_a_folder_that_is_not_the_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(AdderError, match=r"is not Adder's repository: it has no folder 'capsules'\.$"):
        plan("tally", "plain", None, None, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("capsule", "new", "Temperature"),
        ("capsule", "new", "temperature"),
        ("capsule", "new", "x", "--kind", "driver", "--wire"),
        ("capsule", "new", "x", "--kind", "nonsense"),
        ("capsule", "new"),
        ("capsule", "nonsense"),
    ],
)
def test_the_verb_fails_in_one_sentence(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert re.match(r"(adder|Error): .+\.$", said.err.strip().splitlines()[-1])


def test_help_says_what_the_kinds_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["capsule", "new", "--help"])
    said = capsys.readouterr().out
    for word in ("sensor ", "plain ", "driver ", "--wire", "--number", "--chip", "Nothing is ever overwritten"):
        assert word in said


def test_the_templates_are_part_of_the_package() -> None:
    (patterns,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"].values()
    paths = [path for path in capsule.TEMPLATES.rglob("*") if path.is_file()]
    assert len(paths) > 12
    for path in paths:
        assert any(fnmatch(str(path.relative_to(ROOT / "adder")), pattern) for pattern in patterns), path
