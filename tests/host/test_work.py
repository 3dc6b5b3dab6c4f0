"""What reads a file of somebody else's does work that grows with the file's size, not with its square.

Work is counted, in the interpreter's instructions and the bytes that pyelftools reads, so no clock is asked.
"""

import io
import struct
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from click.testing import CliRunner
from making import make_tbf

from adder.apps.app_files import read_candidates
from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.apps.loading import conflicts
from adder.apps.python_app import script_table
from adder.apps.tbf import FixedAddresses, Header, Main, Program, Tbf, TbfError, describe, read_tab
from adder.board import load_board
from adder.cli import cli
from adder.elf import MOST_SECTIONS, MOST_SEGMENTS
from adder.errors import AdderError
from adder.image.flash_image import MOST_ELEMENTS, FlashImage, padding_app, read_flash
from adder.symbols import Symbols
from adder.toml import TomlError, read_toml

LINEAR = 2.3
"""Times the work for twice the file, at most: with a square it is four."""

BOARD = load_board("qemu")


def work(function: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many instructions of Python's it takes; a byte that is read from an ELF file counts as one, too."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    class Stream(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal count
            data = super().read(size)
            count += len(data)
            return data

    before = sys.gettrace()
    with monkeypatch.context() as patch:
        patch.setattr("adder.elf.io", type("io", (), {"BytesIO": Stream}))
        sys.settrace(trace)
        try:
            function()
        except AdderError:
            pass
        finally:
            sys.settrace(before)
    return count


# ---------------------------------------------------------------------------- ELF

TEXT = b"\0.a\0.rel.a\0.shstrtab\0.symtab\0"
NAME = {name: TEXT.index(b"\0" + name.encode() + b"\0") + 1 for name in (".a", ".rel.a", ".shstrtab", ".symtab")}


def elf(segments: list[tuple[int, ...]], sections: list[tuple[int, ...]], data: bytes, strings: bytes = TEXT) -> bytes:
    """An ELF file with these headers. An offset counts from the data's beginning; the last section is the names."""
    table = 52 + 32 * len(segments)
    at = table + 40 * (len(sections) + 2)
    head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, table, 0x5000000, 52, 32, len(segments), 40, len(sections) + 2,
        len(sections) + 1,
    )  # fmt: skip
    out = head
    for kind, offset, *rest in segments:
        out += struct.pack("<8I", kind, at + offset, *rest)
    out += bytes(40)
    for name, kind, flags, address, offset, *rest in sections:
        out += struct.pack("<10I", name, kind, flags, address, at + offset, *rest)
    out += struct.pack("<10I", NAME[".shstrtab"], 3, 0, 0, at + len(data), len(strings), 0, 0, 1, 0)
    return out + data + strings


def segments_beside_sections(n: int) -> bytes:
    """Executable segments of a byte, and sections that lie in none."""
    segments = [(1, 0, 0x10000000 + i, 0x10000000 + i, 1, 1, 5, 1) for i in range(n)]
    sections = [(NAME[".a"], 1, 2, 0x40000000 + i, 0, 1, 0, 0, 1, 0) for i in range(4 * n)]
    return elf(segments, sections, bytes(5 * n))


def sections_of_one_name(n: int) -> bytes:
    """Sections in RAM, all of which have one list of relocations."""
    segments = [(1, 0, 0x80000000, 0x80000000, 16, 16, 5, 4)]
    sections = [(NAME[".a"], 1, 3, 0x20000000 + i, 0, 1, 0, 0, 1, 0) for i in range(n)]
    sections += [(NAME[".a"], 1, 6, 0x80000000, 0, 16, 0, 0, 4, 0), (NAME[".rel.a"], 9, 0, 0, 16, 8 * n, 0, 0, 4, 8)]
    return elf(segments, sections, bytes(16) + struct.pack("<II", 0, 2) * n)


def symbols_of_one_long_name(n: int) -> bytes:
    strings = TEXT + b"x" * 16 * n + b"\0"
    symbols = struct.pack("<IIII", len(TEXT), 0x100, 4, 0x10002) * n
    return elf([], [(NAME[".symtab"], 2, 0, 0, 0, len(symbols), 2, 0, 4, 16)], symbols, strings)


def symbols_whose_names_have_no_end(n: int) -> bytes:
    """They lie behind the table of strings, where there is no zero."""
    symbols = struct.pack("<IIII", len(TEXT) + 1, 0x100, 4, 0x10002) * n
    section = (NAME[".symtab"], 2, 0, 0, 0, len(symbols), 2, 0, 4, 16)
    return elf([], [section], symbols) + b"x" * 16 * n


def tables_of_hashes(n: int) -> bytes:
    """Which say that they have four billion buckets."""
    return elf([], [(NAME[".a"], 5, 0, 0, 0, 0, 0, 0, 4, 4)] * n, b"\xff" * 16 * n)


def dynamic_parts(n: int) -> bytes:
    """For each segment all sections are looked at."""
    return elf([(2, 0, 0, 0, 8, 8, 4, 4)] * n, [(NAME[".a"], 6, 0, 0, 8, 8, 0, 0, 4, 8)] * n, bytes(16 * n))


def tables_that_refer_to_each_other(n: int) -> bytes:
    return elf([], [(NAME[".symtab"], 2, 0, 0, 0, 0, i + 2, 0, 4, 16) for i in range(n)], b"")


# ---------------------------------------------------------------------------- the others


def many_mains(n: int) -> bytes:
    header = Header(32768, (Program(0, 0, 512, 32768, 1), *(Main(0, 0, 512),) * n))
    return header.encode().ljust(32768, b"\0")


def tab(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


METADATA = b'tab-version = 1\nname = "app"\n'


def programs(n: int) -> bytes:
    return tab([("metadata.toml", METADATA), *((f"cortex-m4.{i}.tbf", make_tbf("app")) for i in range(n))])


def same_ram(n: int) -> bytes:
    """Apps that are linked for the same RAM, behind others."""
    header = Header(512, (Main(0, 0, 512), FixedAddresses(BOARD.ram.end - 4096, None)))
    return padding_app(16) * n + header.encode().ljust(512, b"\0") * n


def lines(n: int) -> bytes:
    return b"".join(b"[h.h.h.h.h.h.%x]\na.b.c.d = 1\n" % i for i in range(n))


def elf_readers(data: bytes, folder: Path) -> None:
    (folder / "x.elf").write_bytes(data)
    for reader in (lambda: elf_to_tbf(data, Options("x")), lambda: Symbols.read(folder / "x.elf")):
        with suppress(AdderError):
            reader()


SHAPES: dict[str, tuple[Callable[[int], bytes], Callable[[bytes, Path], object], int]] = {
    **{
        make.__name__: (make, elf_readers, n)
        for make, n in (
            (segments_beside_sections, 64), (sections_of_one_name, 200), (symbols_of_one_long_name, 300),
            (symbols_whose_names_have_no_end, 300), (tables_of_hashes, 100), (dynamic_parts, 60),
            (tables_that_refer_to_each_other, 100),
        )
    },
    "many_mains": (many_mains, lambda data, _: describe(Tbf.decode(data)), 300),
    "programs": (programs, lambda data, _: read_tab(data), 20),
    "same_ram": (same_ram, lambda data, _: list(conflicts(data + b"\xff" * 16, BOARD)), 100),
    "same_ram, read": (same_ram, lambda data, _: read_flash(data + b"\xff" * 16, BOARD.app_flash.start), 100),
    "lines": (lines, lambda data, _: read_toml(data.decode()), 200),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_file_is_twice_the_work(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, read, n = SHAPES[shape]
    with suppress(AdderError):  # what is imported once is no work
        read(make(2), tmp_path)
    counts = [work(lambda n=n: read(make(n), tmp_path), monkeypatch) for n in (n, 2 * n)]  # type: ignore[misc]
    made = [work(lambda n=n: make(n), monkeypatch) for n in (n, 2 * n)]  # type: ignore[misc]
    once, twice = counts[0] - made[0], counts[1] - made[1]
    assert twice <= LINEAR * once + 2000, (once, twice)


@pytest.mark.parametrize(
    "make",
    [
        lambda: segments_beside_sections(MOST_SEGMENTS + 1),
        lambda: dynamic_parts(MOST_SECTIONS + 1),
        lambda: symbols_whose_names_have_no_end(3),
        lambda: symbols_of_one_long_name(900),
    ],
)
def test_an_elf_file_that_no_linker_makes_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(TbfError, match=r"more than 256 segments|lies outside of its table|names overlap"):
        elf_to_tbf(make(), Options("x"))


def test_a_bundle_has_one_description_and_no_more_files_than_any_needs(tmp_path: Path) -> None:
    with pytest.raises(TbfError, match=r"two files called metadata.toml"):
        read_tab(tab([("metadata.toml", METADATA)] * 2))
    with pytest.raises(TbfError, match="more than 100 files"):
        read_tab(programs(100))
    assert len(read_tab(programs(99)).tbfs) == 99
    (tmp_path / "app.tab").write_bytes(programs(60))
    assert len(read_candidates(tmp_path / "app.tab")) == 60


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_dots_count_behind_what_looks_like_a_comment(quotes: str) -> None:
    evil = ".".join("a" * 20000)
    with pytest.raises(TomlError, match="dots"):
        read_toml(f"x = [{quotes}\n#{quotes}, {{ {evil} = 1 }} ]")
    read_toml(f"# {'.' * 200}\nx = 1\n")


def test_a_source_with_many_beginnings_of_settings_is_refused_before_their_ends_are_looked_for() -> None:
    with pytest.raises(AdderError, match=r"x.py:2: more than one '# /// script' comment"):
        script_table("# /// script\n" * 50000, "x.py")


def test_an_image_with_more_apps_than_any_board_takes_is_refused_and_can_be_erased(tmp_path: Path) -> None:
    path = tmp_path / "flash.img"
    image = FlashImage(path, BOARD)
    image.create()
    with path.open("r+b") as file:
        file.write(padding_app(16) * (MOST_ELEMENTS + 1))
    result = CliRunner().invoke(cli, ["image", "list", str(path)])
    assert "more than 1,024 apps" in str(result.exception)
    image.erase()
    assert image.apps() == []
