"""Links in folders of others: none leads a file of the user's into an app, and nothing is written through one."""

import ast
import os
import re
import stat
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from making import make_elf, make_tbf

from adder import files
from adder.apps.app_source import with_source
from adder.board import ROOT
from adder.cli import cli
from adder.errors import AdderError
from adder.flash import uf2_drive
from adder.output import write_json

SECRET = b"the user's own key: 4711\n"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the user's, which nobody else may read or write."""
    path = tmp_path / "home" / "id"
    path.parent.mkdir()
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder that somebody else has packed, with an app in it."""
    folder = tmp_path / "repo" / "app"
    (folder / "lib").mkdir(parents=True)
    (folder / "main.py").write_text("x = 1\n")
    return folder


def run(*arguments: object) -> str:
    """What a verb says, which must be through or refuse in one sentence."""
    result = CliRunner().invoke(cli, [str(part) for part in arguments])
    assert result.exception is None or isinstance(result.exception, AdderError), result.exception
    return f"{result.output}{result.exception or ''}"


# ---------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("note.txt", SECRET),
        ("module.py", b"key = 4711\n"),
        ("lib/module.py", b"key = 4711\n"),
        ("lib/note.txt", SECRET),
        ("data.mpy", SECRET),
        ("main.py", b"key = 4711\n"),
        ("app.toml", b"version = 4711\n"),
        ("../app.toml", b"version = 4711\n"),
    ],
)
def test_no_link_leads_a_file_into_an_app(app: Path, secret: Path, name: str, contents: bytes) -> None:
    source = app / "main.py" if name.startswith("..") else app
    if name.startswith(".."):  # an app of one file, with its settings beside it
        source = app.parent / "app.py"
        source.write_text("x = 1\n")
    secret.write_bytes(contents)
    for target in (secret, Path("../" * (1 + name.count("/") - name.count("..") * 2)) / "../home/id"):
        link = app / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert link.resolve() == secret
        assert f"{link.name} is a link that leads out of the app's folder" in run("app", "build", source)
        assert not list(app.parent.glob("*.t[ba][fb]"))


def test_a_link_to_where_there_is_nothing_yet_is_refused_too(app: Path, tmp_path: Path) -> None:
    for name in ("note.txt", "app.toml"):
        (app / name).symlink_to(tmp_path / "home" / "none")
        assert f"{name} is a link that leads out of the app's folder" in run("app", "build", app)
        (app / name).unlink()


def test_links_within_an_app_and_to_the_app_are_followed(app: Path, tmp_path: Path) -> None:
    (app / "lib" / "text.txt").write_text("hello")
    (app / "text.txt").symlink_to("lib/text.txt")
    (tmp_path / "mine").symlink_to(app)
    out = tmp_path / "mine.tbf"
    assert "bytes of flash" in run("app", "build", tmp_path / "mine", "-o", out)
    assert out.read_bytes().count(b"hello") == 2
    (tmp_path / "one.py").symlink_to(app / "main.py")
    assert "bytes of flash" in run("app", "build", tmp_path / "one.py", "-o", out)


# ---------------------------------------------------------------------------- writing


def image_of(folder: Path) -> None:
    """What the verbs below read."""
    (folder / "kernel.elf").write_bytes(make_elf([(0x1000, 0x1000, bytes(64))]))
    (folder / "hello.tbf").write_bytes(make_tbf("hello", 1024))


WRITERS = {
    "a TBF beside the app": ("app.tbf", ["app", "build", "app"]),
    "a TAB beside the app": ("app.tab", ["app", "build", "app"]),
    "a TBF with a name": ("x.tbf", ["app", "build", "app", "-o", "x.tbf"]),
    "a TAB with a name": ("x.tab", ["app", "build", "app", "--tab", "x.tab"]),
    "a TAB of TBFs": ("x.tab", ["tab", "hello.tbf", "-o", "x.tab"]),
    "a hex file": ("x.hex", ["image", "export", "kernel.elf", "-o", "x.hex"]),
    "a flash image": ("x.img", ["image", "install", "x.img", "hello.tbf"]),
    "a flash image for Renode": ("x.img", ["renode", "image", "x.img", "hello.tbf"]),
    "the names of a set": ("x.set", ["image", "install", "--set", "x.set", "x.img", "hello.tbf"]),
}


@pytest.mark.parametrize("what", WRITERS)
def test_nothing_is_written_through_a_link(app: Path, secret: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, line = WRITERS[what]
    monkeypatch.chdir(app.parent)
    image_of(app.parent)
    if name.endswith((".img", ".set")):
        secret.write_bytes(b"")  # what an image and a list may be before
    before = secret.read_bytes()
    Path(name).symlink_to(secret)
    assert f"{name} is a link, and no file is written through one" in run(*line)
    assert secret.read_bytes() == before
    Path(name).unlink()
    said = run(*line)
    assert Path(name).is_file(), said
    mode = 0o666 & ~stat.S_IMODE(0o777 - stat.S_IMODE(os.stat(app).st_mode))
    assert stat.S_IMODE(Path(name).stat().st_mode) == mode
    assert not [path for path in app.parent.iterdir() if path.name.startswith(".")]


def test_an_elf_files_tbf_is_not_written_through_a_link(app: Path, secret: Path, tiny: Path) -> None:
    elf = app.parent / "tiny.elf"
    elf.write_bytes((tiny / "tiny.elf").read_bytes())
    for name, arguments in (("tiny.tbf", []), ("tiny.tab", ["--tab", app.parent / "tiny.tab"])):
        (app.parent / name).symlink_to(secret)
        assert f"{name} is a link, and no file is written through one" in run("tbf", elf, *arguments)
        assert secret.read_bytes() == SECRET
        (app.parent / name).unlink()


def test_figures_are_not_written_through_a_link(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "bench.json").symlink_to(secret)
    with pytest.raises(AdderError, match="is a link"):
        write_json(tmp_path / "bench.json", {})
    assert secret.read_bytes() == SECRET


def test_a_file_is_replaced_whole_or_stays_as_it_is(secret: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    os.link(secret, other)
    secret.chmod(0o600)
    with suppress(RuntimeError), files.replacing(other) as file:
        file.write(b"half")
        raise RuntimeError
    assert other.read_bytes() == SECRET
    files.write_text(other, "new\n")
    assert (other.read_bytes(), secret.read_bytes()) == (b"new\n", SECRET)
    assert stat.S_IMODE(other.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "other"]


def test_what_is_there_and_no_file_is_refused_and_a_device_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(AdderError, match="is there and no file"):
            files.write_bytes(path, b"x")
    files.write_bytes(Path(os.devnull), b"x")
    assert Path(os.devnull).is_char_device()


# ---------------------------------------------------------------------------- drives


def test_a_drives_link_leads_a_kernel_nowhere(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "ADDER.UF2").symlink_to(secret)
    with pytest.raises(AdderError, match=r"ADDER\.UF2 is a link"):
        uf2_drive._copy(b"x" * 512, tmp_path / "ADDER.UF2")
    assert secret.read_bytes() == SECRET


@pytest.mark.timeout(30)
def test_what_a_drive_says_of_itself_is_read_within_bounds(tmp_path: Path) -> None:
    info = tmp_path / uf2_drive.INFO
    info.write_text("UF2 Bootloader 0.6.1\nModel: x nrf52840\n")
    os.truncate(info, 3 << 30)
    tracemalloc.start()
    try:
        assert len(uf2_drive.find_drives([tmp_path])) == 1
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    info.unlink()
    os.mkfifo(info)
    assert uf2_drive.find_drives([tmp_path]) == []


def test_a_source_as_long_as_no_apps_is_not_shown(app: Path) -> None:
    trace = 'File "app/main.py", line 1, in f'
    assert list(with_source(f"  {trace}", "app", app)) == [f"  {trace}", "    x = 1"]
    os.truncate(app / "main.py", 3 << 30)
    assert list(with_source(f"  {trace}", "app", app)) == [f"  {trace}"]


# ---------------------------------------------------------------------------- the next one

OURS = "a file of the repository's own"
BUILT = "in build/, which nobody else packs"
TEMPORARY = "in a temporary folder"
WRITES = {
    "apps/app_stubs.py ": OURS,
    "apps/driver_docs.py ": OURS,
    "apps/python_app.py compile": TEMPORARY,
    "bringup/folder.py write_folder": BUILT,
    "build/configure.py menu": "the user's own choices, which may well be a link",
    "build/freeze.py compile": BUILT,
    "build/manifest.py write_if_changed": BUILT,
    "build/typecheck.py ask_mypy": BUILT,
    "capsule.py write": OURS,
    "completion.py install": "the user's own settings of his shell, which may well be a link",
    "files.py replacing": "what all others use",
    "flash/probes.py _script": TEMPORARY,
    "flash/probes.py devices": TEMPORARY,
    "flash/probes.py hex_file": TEMPORARY,
    "flash/probes.py piece_files": TEMPORARY,
    "flash/serial_port.py _adafruit": TEMPORARY,
    "flash/serial_port.py steps": TEMPORARY,
    "flash/uf2_drive.py _copy": "refuses links itself: a bootloader wants its blocks in order",
    "measure/bench_interpreter.py measure": TEMPORARY,
    "run/chip_session.py flash_file": "refuses links itself: the image changes while the board runs",
    "run/port.py _hold": "a folder, to lock it",
    "run/port.py published": "makes a link, and fails where something is",
    "run/renode.py test_command": BUILT,
    "run/simulate.py _launch": TEMPORARY,
    "run/simulated.py _write": "the image that the simulator has open, in its place",
    "wire/__init__.py wire_board": BUILT,
}
"""Who writes files by other means than `adder.files`, and why he may."""

READS = {
    "apps/app_new.py make_app": OURS,
    "apps/app_stubs.py outputs": OURS,
    "apps/app_stubs.py reference": OURS,
    "apps/app_stubs.py stub": OURS,
    "apps/driver_docs.py capsules": OURS,
    "apps/driver_docs.py checked_by": OURS,
    "apps/driver_docs.py served": OURS,
    "apps/python_app.py compile": TEMPORARY,
    "apps/python_imports.py image_modules": OURS,
    "bringup/folder.py write_folder": BUILT,
    "bringup/report.py _explanations": OURS,
    "build/configure.py choices": TEMPORARY,
    "build/freeze.py compile": BUILT,
    "build/freeze.py freeze": "MicroPython's, and the library's",
    "build/manifest.py write_if_changed": BUILT,
    "build/prepare.py place": BUILT,
    "build/typecheck.py ask_mypy": BUILT,
    "capsule.py class_names": OURS,
    "capsule.py served": OURS,
    "capsule.py text": OURS,
    "capsule.py wired": OURS,
    "chip/left_behind.py ": OURS,
    "completion.py install": "the user's own settings of his shell",
    "flash/uf2_drive.py _mounted": "Linux's list of what is mounted",
    "measure/bench_interpreter.py measure": "MicroPython's benchmarks",
    "measure/bench_interpreter.py micropython": BUILT,
    "measure/size.py measure_board": BUILT,
    "measure/tcb.py count_file": OURS,
    "measure/tcb.py find_powers": OURS,
    "mpy_cross.py read_config": OURS,
    "run/chip_session.py simulate_chip": "an image whose length has been checked",
    "run/renode.py _output": "what Renode has said, as the log of the child",
    "run/renode.py image_command": "an image whose length has been checked",
    "run/simulate.py _complaint": "what QEMU has said",
    "run/simulate.py read_memory": TEMPORARY,
    "run/terminal.py from_port": "what a port has at the moment",
    "verify/functions.py ": OURS,
    "verify/program.py exports": OURS,
    "verify/rules.py _read": OURS,
}
"""Who reads a file as long as it is, and why it is not long; all others use `adder.text` or give a number."""


def calls(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.Call]]:
    """All calls, and the function in which each is."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield within, node
        yield from calls(node, node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else within)


def writes(call: ast.Call) -> bool:
    """Whether it may make, change or move a file."""
    name = ast.unparse(call.func)
    if isinstance(call.func, ast.Attribute) and call.func.attr in {"write_text", "write_bytes", "symlink_to", "touch"}:
        return True
    if name in {"os.open", "os.replace", "os.rename", "os.link", "os.symlink", "os.truncate"}:
        return True
    if name.startswith("shutil.") and name not in {"shutil.which", "shutil.rmtree", "shutil.get_terminal_size"}:
        return True
    if (name != "open" and not name.endswith(".open")) or name == "tarfile.open":
        return False
    given = [*call.args[: 2 if name == "open" else 1], *(word.value for word in call.keywords if word.arg == "mode")]
    modes = [part.value for one in given for part in ast.walk(one) if isinstance(part, ast.Constant)]
    return any(isinstance(mode, str) and re.fullmatch(r"[rbt]*[wxa+][wxabt+]*", mode) for mode in modes)


def reads_all(call: ast.Call) -> bool:
    """Whether it reads a file to its end."""
    if not isinstance(call.func, ast.Attribute):
        return False
    return call.func.attr in {"read_text", "read_bytes"} or (call.func.attr in {"read", "readlines"} and not call.args)


@cache
def of_the_tool() -> list[tuple[str, ast.Call]]:
    """All calls in adder/, and where each is."""
    top = ROOT / "adder"
    return [
        (f"{path.relative_to(top).as_posix()} {within}", call)
        for path in sorted(top.rglob("*.py"))
        for within, call in calls(ast.parse(path.read_text()))
    ]


def found(wanted: Callable[[ast.Call], bool]) -> set[str]:
    return {place for place, call in of_the_tool() if wanted(call)}


@pytest.mark.parametrize(("known", "wanted"), [(WRITES, writes), (READS, reads_all)], ids=["writes", "reads"])
def test_files_are_written_and_read_by_the_functions_that_know_others_may_have_made_them(
    known: dict[str, str], wanted: Callable[[ast.Call], bool]
) -> None:
    assert sorted(found(wanted) - set(known)) == [], "use adder.files or adder.text, or say here why not"
    assert sorted(set(known) - found(wanted)) == [], "which does so no more"


@pytest.mark.parametrize(
    ("text", "writes_one", "reads_one"),
    [
        ("path.write_bytes(x)", True, False),
        ("write_bytes(path, x)", False, False),
        ("open(path, 'w')", True, False),
        ("path.open(mode='r+b')", True, False),
        ("path.open('r+b' if there else 'w+b')", True, False),
        ("path.open('rb')", False, False),
        ("shutil.copy(a, b)", True, False),
        ("os.open(path, flags)", True, False),
        ("path.read_text(errors='replace')", False, True),
        ("read_text(path)", False, False),
        ("file.read()", False, True),
        ("file.read(10)", False, False),
    ],
)
def test_calls_are_told_apart(text: str, writes_one: bool, reads_one: bool) -> None:
    (_, call), *_ = [found for found in calls(ast.parse(text)) if isinstance(found[1], ast.Call)]
    assert (writes(call), reads_all(call)) == (writes_one, reads_one)
