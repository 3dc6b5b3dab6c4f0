"""Nothing that an app says of itself reaches a terminal as anything but text, whichever verb shows it."""

import ast
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_elf

from adder.apps.tbf import FixedAddresses, Header, KernelVersion, Main, PackageName, Permission, Permissions, Unknown
from adder.board import ROOT, load_board
from adder.bringup.command import show_line
from adder.cli import VERBS, main
from adder.deploy import command as deploy_command
from adder.deploy import find, trial, words
from adder.deploy import link as wire
from adder.deploy.command import apps_complete
from adder.flash import method
from adder.output import console
from adder.text import counted, printable, printable_lines

EVIL = "\x1b[2J\x1b]0;owned\x07\r\x9b31mred\u202eback\u2028line\x7f"
FLASH = load_board("qemu").app_flash


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_printable_is_one_line_of_printable_characters_and_says_all(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or any(not c.isprintable() for c in text)
    assert printable_lines(text).replace("\n", "").isprintable() or not printable_lines(text).replace("\n", "")


def test_numbers_of_things_are_said_as_people_say_them() -> None:
    assert (counted(0, "app"), counted(1, "app"), counted(1200, "app")) == ("0 apps", "1 app", "1,200 apps")
    assert (counted(1, "file is", "files are"), counted(2, "file is", "files are")) == ("1 file is", "2 files are")


def tbf(name: bytes, *tlvs: object, size: int = 1024) -> bytes:
    """An app whose name is any bytes."""
    package = Unknown(PackageName.TYPE, name)
    header = Header(size, (Main(0, 0, 512), package, *tlvs))
    return header.encode().ljust(size, b"\0")


def pack(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Files of an app whose every text is evil, and whose paths are."""
    folder = tmp_path / EVIL
    folder.mkdir()
    evil = EVIL.encode()
    toml = f"tab-version = 1\nname = {json.dumps(EVIL)}\n{json.dumps(EVIL)} = {json.dumps(EVIL)}\n".encode()
    permissions = Permissions((Permission(0xFFFFFFFF, 0, 1),))
    made = {
        "app.tbf": tbf(evil, permissions, Unknown(0x9999, evil)),
        "other.tbf": tbf(evil + b"2"),
        "bytes.tbf": tbf(b"\xff\xfe\x1b[2J"),
        "same.tbf": tbf(evil, size=512),
        "new.tbf": tbf(evil, KernelVersion(3, 0)),
        "fixed.tbf": tbf(evil, FixedAddresses(None, 0x1234)),
        "two.tbf": tbf(evil, FixedAddresses(0x20000000, None)),
        "cut.tbf": tbf(evil)[:600],
        "app.elf": make_elf([(0x80000000, 0x80000000, b"\0" * 64)]),
        "app.py": f"# /// script\n# [tool.adder]\n# {json.dumps(EVIL)} = 1\n# ///\n".encode(),
        "name.py": f"# /// script\n# [tool.adder]\n# name = {json.dumps(EVIL)}\n# ///\n".encode(),
        "permission.py": f"# /// script\n# [tool.adder]\n# permissions = [{json.dumps(EVIL)}]\n# ///\n".encode(),
        "tool.py": f"# /// script\n# [{json.dumps(EVIL)}]\n# ///\n".encode(),
        "import.py": b"import numpy\n",
        "syntax.py": f"x = = '{EVIL}'\n".encode(),
        "capsule.py": f"'''{EVIL}'''\nfrom uctypes import {'x' * 3}\n".encode(),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    pack(folder / "app.tab", {"metadata.toml": toml, f"{EVIL}cortex-m4.tbf": tbf(evil), "cortex-m4.tbf": tbf(evil)})
    pack(folder / "bad.tab", {"metadata.toml": toml, f"x/{EVIL}.tbf": b"x"})
    pack(folder / "toml.tab", {"metadata.toml": evil})
    pack(folder / "arch.tab", {"metadata.toml": toml, f"{EVIL}.tbf": tbf(evil)})
    image = folder / "flash.img"
    flash = tbf(evil) + tbf(evil + b"x")[:-4] + b"\0\0\0\0" + tbf(b"\xff\x1b[2J", FixedAddresses(0x20000000, None))
    damaged = bytearray(flash)
    damaged[1024 + 30] ^= 1
    image.write_bytes(bytes(damaged).ljust(FLASH.size, b"\xff"))
    os.truncate(image, 16 << 20)
    return {path.name: path for path in folder.iterdir()}


def calls(files: dict[str, Path], out: Path) -> list[list[object]]:
    """Each verb that reads or is told anything of an app's, with all that it could say."""
    f = files
    return [
        *(["inspect", path] for path in f.values()),
        *(["image", "install", out / "new.img", path] for path in f.values() if path.suffix in (".tbf", ".tab")),
        ["image", "install", out / "two.img", f["app.tbf"], f["same.tbf"]],
        ["image", "install", f["flash.img"], f["other.tbf"]],
        ["image", "install", out / "ok.img", f["app.tbf"], "--set", out / "set"],
        ["image", "list", out / "ok.img"],
        ["image", "list", f["flash.img"]],
        ["image", "remove", f["flash.img"], "x" + EVIL],
        ["image", "remove", f["flash.img"], EVIL],
        ["image", "export", f["app.elf"], f["app.tbf"], "-o", out / "x.hex"],
        ["image", "export", f["app.tbf"], "-o", out / f"x.{EVIL}"],
        ["flash", "--no-kernel", "--out", out / "y.hex", f["app.tbf"]],
        ["flash", "--kernel", f["app.py"], "--dry-run"],
        ["renode", "image", out / "r.bin", f["app.tbf"], f["same.tbf"]],
        ["simulate", "--kernel", f["app.tbf"]],
        ["tab", f["app.tbf"], f["other.tbf"], "-o", out / "x.tab"],
        ["tab", f["app.tbf"], "-o", out / "y.tab"],
        ["tbf", f["app.elf"], "-n", EVIL, "-o", out / "z.tbf", "-v"],
        ["tbf", f["app.py"]],
        ["tbf", f["app.elf"], "--permission", EVIL],
        ["tbf", f["app.elf"], "--argument", EVIL],
        *(["app", "build", path, "-o", out / "b.tbf"] for path in f.values() if path.suffix == ".py"),
        ["app", "build", f["import.py"].parent],
        ["app", "build", f["import.py"], "--name", EVIL],
        ["verify", f["capsule.py"]],
        ["verify", f["capsule.py"].parent],
        ["verify", "--explain", EVIL],
        ["powers", EVIL],
        ["capsule", "new", EVIL],
        ["bench-interpreter", "--only", "(" + EVIL],
        ["press", "0", "--image", f["flash.img"]],
        ["sensor", EVIL, "1", "--image", f["flash.img"]],
        ["pin", "--image", f["flash.img"]],
        [EVIL],
        ["image", "install", f"--{EVIL}"],
    ]


RUNNER = """
import contextlib, io, json, sys
from adder.cli import main
for arguments in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(arguments)
        except SystemExit:
            pass
    print(json.dumps(out.getvalue()))
"""


def test_no_verb_lets_a_control_character_through(files: dict[str, Path], tmp_path: Path) -> None:
    wanted = [[str(part) for part in call] for call in calls(files, tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(wanted), cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(wanted)
    for call, text in zip(wanted, said, strict=True):
        bad = [c for c in text if not c.isprintable() and c != "\n"]
        assert not bad, (call, bad, text)
        assert "Traceback" not in text, (call, text)
    shown = "".join(said)
    assert "\\x1b[2J" in shown  # it was there to be shown
    assert sum("\\x1b" in text for text in said) > 40


def test_every_verb_is_among_those_tried_or_reads_nothing_of_an_apps(files: dict[str, Path], tmp_path: Path) -> None:
    tried = {str(call[0]) for call in [*calls(files, tmp_path), *calls_of_a_board(files)]}
    # `console` is a terminal: it shows a board's own bytes.
    assert set(VERBS) - tried == {"bench", "typecheck", "size", "tcb", "completion", "console"}


# -- A board that runs, whose apps are evil ------------------------------------------------------


class EvilBoard:
    """As much of the protocol as the verbs use, from a board that says evil things wherever it can."""

    timeout: float | None = None

    def __init__(self, names: tuple[bytes, ...] = (EVIL.encode(), b"\xff\x1b[2J{a}[red]", b"old;reboot")) -> None:
        self.apps = [tbf(name) for name in names]
        self.flags = [1, 1, 1 | 4]
        self.kept = b""
        self.session = bytes(3)
        self.frame = bytearray()
        self.answers = bytearray()
        self.escape = False
        self.committed = False

    def close(self) -> None: ...

    def read(self, size: int = 1) -> bytes:
        data = bytes(self.answers[:size])
        del self.answers[:size]
        return data

    def write(self, data: bytes) -> int:
        for byte in data:
            if self.escape and byte != wire.ESCAPE:
                self._obey(byte, bytes(self.frame))
                self.frame.clear()
            elif self.escape or byte != wire.ESCAPE:
                self.frame.append(byte)
            self.escape = byte == wire.ESCAPE and not self.escape
        return len(data)

    def _obey(self, command: int, frame: bytes) -> None:
        if command == wire.PING:
            self.answers += bytes((wire.ESCAPE, wire.PONG))
        elif command == wire.SESSION:
            self.session = frame[:3]
            self.answers += bytes((wire.ESCAPE, wire.ANSWER, command)) + self.session + bytes(2)
        elif command != wire.FINISH:
            content = self._content(command, struct.unpack(f"<{len(frame) // 4}I", frame[: len(frame) // 4 * 4]))
            self.answers += bytes((wire.ESCAPE, wire.ANSWER, command)) + self.session + wire.escaped(content)

    def _content(self, command: int, words: tuple[int, ...]) -> bytes:
        status, data = 0, b""
        if command == wire.ABOUT:
            data = struct.pack("<7I", wire.VERSION, len(self.apps), 0x70000, 512, 16, 8, 1)
        elif command == wire.APP:
            slot = 0 if self.flags[words[0]] & 4 else words[0] + 1
            data = struct.pack("<10I", words[0] * 4096, 1024, self.flags[words[0]], slot, 3, 1, 0, 64, 0, 0)
        elif command == wire.READ:
            data = self.apps[words[0]][words[1] : words[1] + words[2]]
        elif command == wire.SAID:
            said = EVIL.encode() + b"\x1b[31m\x9b\n\0again" + EVIL.encode() + b"\x01" + b"00000082 " * 4 + b"\n"
            data = struct.pack("<I", words[1]) + said[words[1] : words[1] + 60]
        elif command == wire.STAGE:
            data = struct.pack("<I", len(self.apps))
        elif command == wire.TRIAL and not words:
            data = struct.pack("<2I", 3, 0)
        elif command in (wire.COPY, wire.ABORT):
            status = wire.NOMEM if command == wire.COPY else wire.RESERVE
        return bytes((status, len(data))) + data


def calls_of_a_board(files: dict[str, Path]) -> list[list[object]]:
    f = files
    name = f["app.tbf"].parent / "set.toml"
    name.write_text(f"[apps]\n{json.dumps(EVIL)} = false\n")
    report = f["app.tbf"].parent / "report.txt"
    report.write_text(f"= bring-up of {EVIL}\n= crystal {EVIL} FAIL\n= receive skipped: {EVIL}\n= end: {EVIL}\n")
    return [
        ["apps"],
        ["apps", "--json"],
        ["install", f["app.tbf"]],
        ["install", f["app.tbf"], "--keep"],
        ["install", f["app.tbf"], "--trial", "1s"],
        ["install", f["app.tbf"], "--json"],
        ["install", f["fixed.tbf"]],
        ["remove", EVIL],
        ["remove", "nobody" + EVIL],
        ["start", EVIL],
        ["stop", EVIL],
        ["stop", "--disable", EVIL],
        ["stop", EVIL, "--json"],
        ["apply", name],
        ["apply", name, "--dry-run"],
        ["watch", f["app.tbf"]],
        ["watch", f["fixed.tbf"]],
        ["logs", EVIL],
        ["logs", EVIL, "--json"],
        ["logs", "--follow", EVIL],
        ["why", EVIL],
        ["why", EVIL, "--json"],
        ["why", "nobody" + EVIL],
        ["rollback", EVIL],
        ["rollback", "old;reboot"],
        ["compact"],
        ["apps", "--port", EVIL],
        ["bringup", "report", report],
        ["bringup", "report", report, "--all"],
        ["bringup", "report", f["app.py"]],
    ]


def test_no_verb_of_a_board_that_runs_lets_one_through(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    boards: list[EvilBoard] = []

    def open_port(name: str) -> EvilBoard:
        boards.append(EvilBoard())
        return boards[-1]

    def no_more(seconds: float) -> None:
        raise KeyboardInterrupt  # where a verb would wait for ever

    monkeypatch.setattr(find, "open_port", open_port)
    monkeypatch.setattr(find, "simulations", lambda: ["/dev/null"])
    for module in (deploy_command, trial, words):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=no_more, monotonic=time.monotonic))
    shown: dict[str, str] = {}
    for call in calls_of_a_board(files):
        with pytest.raises(SystemExit):
            main([str(part) for part in call])
        out, err = capsys.readouterr()
        bad = [c for c in out + err if not c.isprintable() and c != "\n"]
        assert not bad, (call, bad, out + err)
        assert "Traceback" not in out + err, (call, out + err)
        shown[str(call[0])] = shown.get(str(call[0]), "") + out + err
    assert len(boards) > 20
    for verb in ("apps", "install", "remove", "start", "stop", "watch", "logs", "why", "bringup"):
        assert "\\x1b" in shown[verb], (verb, shown[verb])  # it was there to be shown


def test_what_a_board_under_test_says_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_line(f"= clock {EVIL} ok")
    assert printable(EVIL) in capsys.readouterr().out


@pytest.mark.parametrize("name", ["{a}", "{", "[red]x[/]", "[/]", EVIL])
def test_a_progress_bar_shows_a_name_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = console()
    out._force_terminal = True
    monkeypatch.setattr(method, "console", lambda: out)
    with method.bar(f"Installing {name}", 10) as progress:
        progress.advance(10)
    said = capsys.readouterr().out
    assert f"Installing {printable(name)}" in said
    assert not [evil for evil in ("\x07", "\x1b]0", "\u202e") if evil in said]  # rich's own sequences are there


def test_the_shell_is_offered_no_name_in_which_it_would_see_more_than_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (b"good-1.2", b"x;reboot", b"$(reboot)", b"--force", b"a b", b"`x`", b"a\nb", b"*", EVIL.encode())
    board = EvilBoard(names)
    board.flags = [1] * len(names)
    monkeypatch.setattr(find, "open_port", lambda name: board)
    monkeypatch.setattr(find, "simulations", lambda: ["/dev/null"])
    context = click.Context(click.Command("remove"))
    assert [item.value for item in apps_complete(context, click.Argument(["name"]), "")] == ["good-1.2"]


PRINTS = {
    "adder/output.py": "it is what the others print with",
    "adder/cli.py": "errors, which it makes printable",
    "adder/completion.py": "a script for the shell, which has nothing of an app's",
    "adder/run/terminal.py": "a terminal of a board's: its bytes as they are, and a line of this tool's own",
    "adder/run/renode.py": "the same of Renode's",
    "adder/flash/method.py": "another tool's own output, which draws on the terminal",
}


def printing(path: Path) -> list[str]:
    """The calls by which a module writes to the terminal by itself."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            streams = ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__")
            if name in ("print", "input", "Console", "click.echo", "click.secho", "click.prompt", "click.confirm") or (
                name.startswith(streams) and "write" in name
            ):
                found.append(f"{path}:{node.lineno}: {ast.unparse(node)[:80]}")
    return found


def test_no_module_prints_but_through_what_makes_it_printable() -> None:
    found = {str(path.relative_to(ROOT)): printing(path) for path in sorted((ROOT / "adder").rglob("*.py"))}
    assert {name: lines for name, lines in found.items() if lines and name not in PRINTS} == {}
    assert [name for name in PRINTS if not found[name]] == [], "these print no more"
