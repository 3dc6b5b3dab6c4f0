"""A board's folder that somebody else wrote: its texts reach make, C and the linker as names and numbers only."""

import copy
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import adder.board as board_module
from adder.board import ROOT, board_names, board_title, configuration, load_board, raw_manifest, shape
from adder.build import configure, manifest
from adder.errors import AdderError
from adder.mpy_cross import read_config

HOSTILE = (
    "EVIL$(shell touch EVIL)",
    "${EVIL}",
    "`EVIL`",
    'EVIL"\n#define EVIL 1 //',
    "EVIL\\",
    "EVIL??/",
    "*/ EVIL = 0; /*",
    "EVIL, 0 }, { 0",
    "EVIL(1)",
    "EVIL.o ../EVIL",
    "../EVIL",
    "EVIL,dumpdtb=EVIL",
    "EVIL\n",
    "EVIL%s",
    "-EVIL",
    "1EVIL ",
    "ÉVIL EVIL",
    "EVIL\u202e",
    "EVIL" * 40,
)
WRONG: tuple[Any, ...] = (
    "EVIL",
    "",
    True,
    False,
    -1,
    0,
    3,
    1 << 40,
    1.5,
    float("inf"),
    date(2026, 1, 1),
    [],
    ["EVIL"],
    [{}],
    {},
)
REAL = sorted(path.parent.name for path in ROOT.glob("boards/*/memory.toml"))
Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every entry of a manifest, tables and members of lists too."""
    if place:
        yield place
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*place, key))


def kinds(given: dict[str, Any]) -> list[Place]:
    """One place of each kind: what holds of a peripheral's interrupt holds of the next one's."""
    found: dict[Place, Place] = {}
    for place in places(given):
        named = [at for at, key in enumerate(place[:-1]) if key in ("peripherals", "irq", "dma", "protected")]
        found.setdefault(tuple("*" if at - 1 in named else key for at, key in enumerate(place)), place)
    return list(found.values())


def real(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "boards" / name / "memory.toml").read_text())


def changed(given: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """With another value at the place."""
    made = copy.deepcopy(given)
    table: Any = made
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = value
    return made


def renamed(given: dict[str, Any], place: Place, key: str, keep: bool) -> dict[str, Any]:
    """With another key at the place, or besides that one."""
    made = copy.deepcopy(given)
    table: Any = made
    for part in place[:-1]:
        table = table[part]
    table[key] = copy.deepcopy(table[place[-1]]) if keep else table.pop(place[-1])
    return made


def obeyed(text: str) -> str:
    """What is left of C or a linker script without texts in quotes and comments."""
    text = text.replace("??/", "\\").replace("\\\n", "")
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', " ", text, flags=re.DOTALL)


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Makes the build's files from a manifest, and returns what they say; Kconfig is read once a board."""
    loaded = {name: configuration.load(name, tmp_path) for name in REAL}
    monkeypatch.setattr(configuration, "load", lambda name, *_: loaded[name])

    def run(name: str, given: dict[str, Any]) -> dict[str, str]:
        monkeypatch.setattr(board_module, "read_toml", lambda _: copy.deepcopy(given))
        manifest.generate(name, tmp_path)
        return {path.name: path.read_text() for path in tmp_path.glob("[mp]*.*")}

    return run


def check_refused(error: AdderError) -> None:
    assert "\n" not in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 500


@pytest.mark.parametrize("name", REAL)
def test_no_text_and_no_key_of_a_manifest_is_obeyed_by_make_c_or_the_linker(generate: Any, name: str) -> None:
    given = real(name)
    reached = refused = 0
    for place in kinds(given):
        for text in HOSTILE:
            cases = [changed(given, place, text)]
            if isinstance(place[-1], str):
                cases += [renamed(given, place, text, keep) for keep in (False, True)]
            for case in cases:
                try:
                    shape.check(Path("memory.toml"), case, options=True)
                except AdderError as error:
                    check_refused(error)
                    refused += 1
                    continue
                said = generate(name, case)
                reached += 1
                assert "EVIL" not in said.pop("memory_map.mk"), (place, text)
                assert not [file for file, made in said.items() if "EVIL" in obeyed(made)], (place, text)
    assert refused > 500
    assert reached, "a title may hold almost anything"


@pytest.mark.parametrize("name", REAL)
def test_whatever_a_manifest_says_the_build_takes_it_or_says_one_sentence(generate: Any, name: str) -> None:
    given = real(name)
    refused = 0
    for place in kinds(given):
        for value in WRONG:
            try:
                made = generate(name, changed(given, place, value))
            except AdderError as error:
                check_refused(error)
                refused += 1
            else:
                assert re.fullmatch(r"PANIC_CONSOLE := \w+\nFLASH := \w+\n", made["memory_map.mk"])
        without = copy.deepcopy(given)
        table: Any = without
        for key in place[:-1]:
            table = table[key]
        del table[place[-1]]
        try:
            generate(name, without)
        except AdderError as error:
            check_refused(error)
    assert refused > 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A board's folder of somebody else's."""
    made = tmp_path / "qemu"
    made.mkdir()
    for name in ("memory.toml", "defconfig"):
        shutil.copy(ROOT / "boards" / "qemu" / name, made / name)
    return made


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "memory.toml").read_text()
    assert text.count(old) == 1
    (folder / "memory.toml").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'kind = "cmsdk_uart"',
            'kind = "cmsdk_uart$(shell touch EVIL)"',
            r"panic_console.kind = .* must be cmsdk_uart",
        ),
        ('kind = "memory"', 'kind = "other"', "flash.kind = 'other' must be memory or nrf_nvmc, as in firmware/port/"),
        (
            "irq = { rx",
            'irq = { "rx, 0 }, {" ',
            "uart0.irq has an entry 'rx, 0 }, {', which must be a name",
        ),
        ("storage  ", '"storage = 1;" ', "memory has an entry 'storage = 1;', which must be a name"),
        ("simulated = true\n\n[peripherals.buttons]", "simulatd = true\n\n[peripherals.buttons]", "is it 'simulated'"),
        ("cpu_hz = 25_000_000", 'cpu_hz = "CLOCK"', "cpu_hz = 'CLOCK' must be a number"),
        ("cpu_hz = 25_000_000", "", "the entry 'cpu_hz' is missing"),
        (", size = 0x70000 ", "", "memory.app_flash must have either 'size' or 'end'"),
        ("page = 4096", "page = 0", "flash.page = 0 must be a number from 1 to"),
        ("base = 0x40004000\n\n# How", "base = 0x40004000\n[flash", "memory.toml: "),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_before_a_file_is_written(
    folder: Path, tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    edit(folder, old, new)
    with pytest.raises(AdderError, match=complaint) as raised:
        manifest.generate(str(folder), tmp_path / "build")
    assert str(folder / "memory.toml") in str(raised.value)
    assert not (tmp_path / "build").exists()
    with pytest.raises(AdderError, match=complaint):
        load_board(str(folder))


@pytest.mark.parametrize("text", [text for text in HOSTILE if not shape.TITLE.takes(text)])
def test_a_boards_first_comment_is_its_title_and_nothing_else(folder: Path, tmp_path: Path, text: str) -> None:
    (folder / "defconfig").write_text(f"# {text}\n")
    titled = board_title_or_none(folder)
    if titled is not None:  # its first line alone is harmless
        assert shape.TITLE.takes(titled)
        return
    for step in (
        lambda: configure.main([str(folder), str(tmp_path)]),
        lambda: manifest.generate(str(folder), tmp_path),
        lambda: load_board(str(folder)),
    ):
        with pytest.raises(AdderError, match="first line is the board's title, which must be one line") as raised:
            step()
        check_refused(raised.value)


def board_title_or_none(folder: Path) -> str | None:
    try:
        return board_title(str(folder))
    except AdderError:
        return None


def test_the_titles_of_all_boards_are_titles() -> None:
    assert all(shape.TITLE.takes(load_board(name).title) for name in board_names())


def test_files_of_a_boards_folder_are_read_within_bounds(folder: Path) -> None:
    for name in ("memory.toml", "defconfig", "mpy-cross.cfg"):
        path = folder / name
        before = path.read_bytes() if path.exists() else b""
        path.write_bytes(b"# x\n" * (1 << 19))
        with pytest.raises(AdderError, match="has more than 1 MB"):
            {"memory.toml": raw_manifest, "defconfig": lambda at: board_title(str(at))}.get(name, read_config)(folder)
        path.write_bytes(before)


def test_a_boards_compiler_settings_that_cannot_be_read_are_one_sentence(folder: Path) -> None:
    (folder / "mpy-cross.cfg").write_text("emit = native\n[emit\n")
    with pytest.raises(AdderError, match=r"mpy-cross\.cfg: File contains no section headers") as raised:
        read_config(folder)
    check_refused(raised.value)


@pytest.mark.parametrize(
    "path",
    ["boards/qemu/x$(touch EVIL).config", "boards/x;touch EVIL;/nice.config", "boards/a`touch EVIL`/defconfig"],
)
def test_no_name_of_a_boards_file_is_obeyed_by_make(tmp_path: Path, path: str) -> None:
    for name in ("Makefile", "apps/apps.mk", "apps/flags.mk", "boards/qemu/defconfig"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    line = ["make", "-C", str(tmp_path), "help"]
    assert "boards: qemu" in subprocess.run(line, capture_output=True, text=True, check=True).stdout
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("")
    for board in ("qemu", "nice"):
        done = subprocess.run([*line, f"BOARD={board}"], capture_output=True, text=True, check=False)
        assert "rename it" in done.stderr
        assert done.returncode == 2
    assert not list(tmp_path.rglob("EVIL"))


def test_a_build_step_shows_nothing_that_a_terminal_obeys(folder: Path, tmp_path: Path) -> None:
    (folder / "memory.toml").write_text('"\\u001b[2J" = 1\n')
    for step in ("adder.build.manifest", "adder.wire"):
        done = subprocess.run(
            [sys.executable, "-m", step, str(folder), str(tmp_path / "\x1b[2J")],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "\x1b" not in done.stderr
        assert "Traceback" not in done.stderr
