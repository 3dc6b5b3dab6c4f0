"""Files as other people's tools write them, and files that cannot be what they should be."""

import gzip
import io
import os
import re
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from making import make_elf, make_tbf

from adder.apps.app_files import read_app_file
from adder.apps.tbf import LARGEST_TAB, TbfError, read_tab
from adder.cli import cli
from adder.errors import AdderError

METADATA = b'tab-version = 1\nname = "app"\n'


def pack(files: dict[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


TBF = make_tbf("app")
PLAIN = pack({"metadata.toml": METADATA, "cortex-m4.tbf": TBF})

BUNDLES = {
    "plain": PLAIN,
    "with ./": pack({"./": b"", "./metadata.toml": METADATA, "./cortex-m4.tbf": TBF}),
    "in a folder": pack({"app/": b"", "app/metadata.toml": METADATA, "app/cortex-m4.tbf": TBF}),
    "as GNU's tar": pack({"metadata.toml": METADATA, "cortex-m4.tbf": TBF}, tarfile.GNU_FORMAT),
    "as POSIX says": pack({"metadata.toml": METADATA, "cortex-m4.tbf": TBF}, tarfile.PAX_FORMAT),
    "from macOS": pack(
        {"._metadata.toml": b"\0", "metadata.toml": METADATA, "._cortex-m4.tbf": b"x", "cortex-m4.tbf": TBF}
    ),
    "packed": gzip.compress(PLAIN),
    "in capitals": pack({"METADATA.TOML": METADATA, "CORTEX-M4.TBF": TBF}),
    "with a mark": pack({"metadata.toml": b"\xef\xbb\xbf" + METADATA, "cortex-m4.tbf": TBF}),
    "with lines of Windows": pack({"metadata.toml": METADATA.replace(b"\n", b"\r\n"), "cortex-m4.tbf": TBF}),
    "of the 1.0 archive": pack(
        {"metadata.toml": METADATA, "cortex-m0.bin": make_tbf("app", 1024), "cortex-m4.bin": TBF}
    ),
    "for several processors": pack(
        {"metadata.toml": METADATA, "rv32imc.tbf": make_tbf("app", 2048), "cortex-m4.tbf": TBF}
    ),
}


@pytest.mark.parametrize("name", ["app.tab", "APP.TAB", "app.tar", "app"])
@pytest.mark.parametrize("what", BUNDLES)
def test_a_bundle_is_read_however_it_was_packed_and_whatever_it_is_called(tmp_path: Path, what: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BUNDLES[what])
    assert read_app_file(path).data == TBF
    result = CliRunner().invoke(cli, ["image", "install", str(tmp_path / "flash.img"), str(path)])
    assert result.exit_code == 0, result.exception
    assert "name" in CliRunner().invoke(cli, ["inspect", str(path)]).output


@pytest.mark.parametrize("name", ["app.tbf", "APP.TBF", "app.bin"])
def test_a_tbf_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(TBF)
    assert read_app_file(tmp_path / name).data == TBF


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (gzip.compress(bytes(LARGEST_TAB + 1)), "Unpacked, it has more than 64 MB"),
        (gzip.compress(PLAIN)[:-20], "cut short|Not a TAB"),
        (b"\x1f\x8b" + bytes(30), "Not a TAB"),
        (pack({"a/cortex-m4.tbf": TBF, "b/cortex-m4.tbf": TBF, "metadata.toml": METADATA}), "two files called"),
    ],
)
def test_a_bundle_that_is_none_is_refused_in_one_sentence(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(TbfError, match=what):
        read_tab(data)


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three gigabytes of nothing, which take no room."""
    path = tmp_path_factory.mktemp("huge") / "huge.tbf"
    path.touch()
    os.truncate(path, 3 << 30)
    for name in ("huge.py", "huge.elf", "huge.tab", "huge.pem"):
        path.with_name(name).symlink_to(path)
    return path


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "arguments",
    [
        "inspect huge.tbf", "inspect huge.tab", "app build huge.py -o x.tbf", "tbf huge.elf",
        "tab huge.tbf -o x.tab", "image install x.img huge.tbf", "image install x.img huge.tab",
        "image list huge.tbf", "image export huge.elf -o x.hex", "image export kernel.elf huge.tbf -o x.hex",
        "flash --kernel huge.elf --dry-run", "simulate --kernel huge.elf", "renode image x.bin huge.tbf",
        "tbf kernel.elf --ecdsa-nist-p256-private huge.pem",
        "verify huge.py",
    ],
)  # fmt: skip
def test_a_file_of_gigabytes_is_refused_before_it_is_read(
    huge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.elf").write_bytes(make_elf([(0, 0, bytes(64))]))
    for path in huge.parent.iterdir():
        (tmp_path / path.name).symlink_to(path)
    result = CliRunner().invoke(cli, arguments.split())
    assert isinstance(result.exception, AdderError), result.output
    assert str(result.exception).count("\n") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("verify empty", "There is no .py file in empty: nothing was checked."),
        ("bench-interpreter --only (", r"--only '\(' is not a regular expression"),
        ("simulate --kernel text", "text is not an ELF file"),
        ("image export text -o x.hex", "text is not an ELF file"),
        ("simulate --kernel other.elf", "other.elf is not a kernel: it is not a linked program for Arm's Cortex-M."),
        ("flash --kernel qemu.elf --dry-run", r"qemu.elf is the kernel of another board \(QEMU mps2-an386\)"),
        (
            "image export qemu.elf -o x.hex",
            r"of another board .* not of Nordic nRF52840.* `--board` says",
        ),
        ("image list no.img", "no.img does not exist; `adder image install` makes it."),
        ("image remove no.img blink", "no.img does not exist; `adder image install` makes it."),
        ("app new one --c --rust", "--c and --rust are given, but an app has one language; choose one of them."),
        ("simulate --kernel nordic.elf", r"is the kernel of another board \(Nordic nRF52840"),
    ],
)
def test_what_cannot_be_right_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no program")
    elf = bytearray(make_elf([(0, 0, bytes(64))]))
    elf[18] = 62  # x86-64
    (tmp_path / "other.elf").write_bytes(elf)
    (tmp_path / "qemu.elf").write_bytes(make_elf([(0, 0, b"QEMU mps2-an386\0" + bytes(64))]))
    (tmp_path / "nordic.elf").write_bytes(make_elf([(0, 0, b"Nordic nRF52840-DK (PCA10056)\0" + bytes(64))]))
    result = CliRunner().invoke(cli, arguments.split())
    assert isinstance(result.exception, AdderError), result.output
    assert re.search(said, str(result.exception)), result.exception


STRANGE_NAMES = {
    "no UTF-8": "\udcff\udcfe\udc80",
    "cut in a character": "caf\udcc3",
    "control characters": "a\x1b[2J\r\n\x07",
    "right to left": "\u202eelif",
    "nothing": "",
    "quotes": "\"'\\",
    "a path": "../../../etc/x",
    "an option": "--help",
    "long": "x" * 500,
}


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_every_verb_takes_or_refuses_an_app_whose_name_is_strange(name: str, tmp_path: Path) -> None:
    path, flash = tmp_path / "app.tbf", tmp_path / "flash.img"
    path.write_bytes(make_tbf(STRANGE_NAMES[name], 1024))
    inside = STRANGE_NAMES[name]
    for line in (
        ["inspect", path], ["tab", path, "-o", tmp_path / "app.tab"], ["inspect", tmp_path / "app.tab"],
        ["image", "install", flash, path], ["image", "list", flash], ["image", "list", "--json", flash],
        ["image", "remove", flash, inside],
    ):  # fmt: skip
        result = CliRunner().invoke(cli, [str(part) for part in line])
        assert result.exception is None or isinstance(result.exception, SystemExit | AdderError | OSError), line
        said = f"{result.output}{result.exception or ''}"
        assert not re.search(r"Traceback|[\x00-\x09\x0b-\x1f\x7f\u202e\udc80-\udcff]", said), line
