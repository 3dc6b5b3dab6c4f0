"""Nothing that an app says of itself reaches a terminal as anything but text, whichever verb shows it."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_elf

from adder.apps.tbf import FixedAddresses, Header, KernelVersion, Main, PackageName, Permission, Permissions, Unknown
from adder.board import ROOT, load_board
from adder.cli import VERBS
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
    tried = {str(call[0]) for call in calls(files, tmp_path)}
    # `console` is a terminal: it shows a board's own bytes. The verbs of deployment need one that runs.
    deployment = {
        "apps", "install", "remove", "start", "stop", "apply", "watch", "rollback", "compact", "logs", "why", "bringup",
    }  # fmt: skip
    assert set(VERBS) - tried <= {"bench", "typecheck", "size", "tcb", "completion", "console"} | deployment
