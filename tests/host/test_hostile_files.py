"""No number in a file of others is believed: neither endless, nor a traceback, nor gigabytes."""

import io
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hostile import (
    DEEP,
    ENDLESS,
    ENDLESS_PAX,
    MANY_DIGITS,
    NUMBERS,
    WORDS,
    elf_fields,
    padded,
    pax,
    tab_of,
    tar_header,
    with_word,
    within,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_tbf

from adder.apps.archive import ArchiveError, files_in
from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.apps.tbf import TbfError, read_tab
from adder.board import load_board
from adder.elf import elf_in
from adder.errors import AdderError
from adder.flash.image import kernel_pieces
from adder.image.kernel_file import check_kernel
from adder.symbols import Symbols, find_symbol
from adder.toml import TomlError, read_toml

SECONDS = 5
BOARD = load_board("qemu")

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


# ---------------------------------------------------------------------------- archives


@given(
    st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)
                       .filter(lambda name: not name.endswith("/")), st.binary(max_size=1500)), max_size=5),
    st.sampled_from(FORMATS),
)  # fmt: skip
def test_an_honest_archive_is_read_as_tarfile_reads_it(files: list[tuple[str, bytes]], form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            with suppress(ValueError, UnicodeEncodeError):  # a name that ustar cannot hold
                tar.addfile(member, io.BytesIO(data))
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        theirs = [(member.name, tar.extractfile(member).read()) for member in tar if member.isreg()]  # type: ignore[union-attr]
    ours = [(name, data) for name, data in files_in(out.getvalue())]
    assert [(name.rstrip("/"), data) for name, data in ours] == [(name.rstrip("/"), data) for name, data in theirs]


@pytest.mark.parametrize("data", [ENDLESS, ENDLESS_PAX, MANY_DIGITS], ids=["size", "size of pax", "digits"])
def test_an_archive_that_would_be_read_for_ever_is_refused(data: bytes) -> None:
    with within(SECONDS), pytest.raises(TbfError, match="Not a TAB"):
        read_tab(data)


KINDS = [bytes((kind,)) for kind in b"\x000123456789AKLMNSVXgx~"]

members = st.builds(
    lambda name, size, kind, right, contents: tar_header(name, size, kind, right) + padded(contents),
    st.sampled_from(["metadata.toml", "cortex-m4.tbf", "x", "././@LongLink", ""]),
    st.one_of(st.sampled_from(NUMBERS), st.integers(0, 2000)),
    st.sampled_from(KINDS),
    st.sampled_from([True] * 9 + [False]),
    st.one_of(
        st.just(b""),
        st.just(make_tbf("app")),
        st.just(b"tab-version = 1\n"),
        st.binary(max_size=600),
        st.lists(
            st.tuples(
                st.sampled_from(["size", "path", "GNU.sparse.size", "GNU.sparse.map", "hdrcharset", "mtime"]),
                st.one_of(st.sampled_from(NUMBERS).map(str), st.text(max_size=20)),
            ),
            max_size=3,
        ).map(pax),
    ),
)


@settings(max_examples=600)
@given(st.lists(members, max_size=6), st.integers(0, 1024))
def test_any_headers_of_an_archive_are_read_or_refused_soon(parts: list[bytes], end: int) -> None:
    data = b"".join(parts) + bytes(end)
    with within(SECONDS), suppress(TbfError):
        tab = read_tab(data)
        assert sum(len(tbf.encode()) for tbf in tab.tbfs.values()) <= len(data)


@given(st.lists(st.tuples(st.integers(0, 2047), st.binary(min_size=1, max_size=12)), max_size=4))
def test_any_bytes_of_an_archive_are_read_or_refused_soon(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(
        tab_of(b"tab-version = 1\n")[:-1024] + tar_header("cortex-m4.tbf", 512) + make_tbf("a") + bytes(512)
    )
    for at, what in changes:
        data[at : at + len(what)] = what
    with within(SECONDS), suppress(TbfError):
        read_tab(bytes(data))


def test_more_files_than_any_bundle_has_are_refused() -> None:
    with within(SECONDS), pytest.raises(ArchiveError, match="more than 100 files"):
        list(files_in(tar_header("x", 0) * 100000))


# ---------------------------------------------------------------------------- TOML


@pytest.mark.parametrize("what", DEEP)
def test_toml_that_cannot_be_shown_is_refused(what: str) -> None:
    with within(SECONDS), pytest.raises(TomlError):
        read_toml(DEEP[what])
    with within(SECONDS), pytest.raises(TbfError):
        read_tab(tab_of(DEEP[what].encode()))


pieces = st.sampled_from(
    ["a", '"b"', ".", " = ", "=", "\n", "[", "]", "[[", "]]", "{", "}", ",", "#", '"""', "'", "1", "-", "0x", "9" * 400,
     "0x" + "f" * 4000, "inf", "nan", "1e999", "1979-05-27", "T", "24:00:00", "+99:99", "\\U00110000", "a." * 60,
     "[" * 60, "true"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(pieces, max_size=40).map("".join))
def test_any_toml_is_refused_or_can_be_shown(text: str) -> None:
    with within(SECONDS), suppress(TomlError):
        str(read_toml(text))


# ---------------------------------------------------------------------------- ELF


def readers(path: Path) -> list[Callable[[], object]]:
    return [
        lambda: elf_to_tbf(path.read_bytes(), Options("x")).encode(),
        lambda: check_kernel(path, BOARD),
        lambda: kernel_pieces(path),
        lambda: Symbols.read(path),
        lambda: find_symbol(path, "main"),
    ]


def read_all(path: Path, data: bytes) -> int:
    """How many refuse it."""
    path.write_bytes(data)
    refused = 0
    for reader in readers(path):
        with within(SECONDS):
            try:
                reader()
            except AdderError:
                refused += 1
    return refused


@pytest.mark.parametrize("name", ["tiny.elf", "kernel.elf"])
def test_each_field_of_an_elf_file_may_hold_anything(tiny: Path, tmp_path: Path, name: str) -> None:
    whole = (tiny / name).read_bytes()
    before = read_all(tmp_path / "x.elf", whole)
    refused = 0
    for number, (at, width) in enumerate(elf_fields(whole)):
        for value in WORDS[number % 5 :: 5]:
            refused += read_all(tmp_path / "x.elf", with_word(whole, at, value, width)) > before
    assert refused > 20


@settings(max_examples=80)
@given(st.data())
def test_any_fields_of_an_elf_file_may_hold_anything(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = (tiny / "tiny.elf").read_bytes()
    fields = elf_fields(whole)
    for at, width in data.draw(st.lists(st.sampled_from(fields), min_size=2, max_size=6)):
        whole = with_word(whole, at, data.draw(st.sampled_from(WORDS)), width)
    read_all(tmp_path_factory.getbasetemp() / "any.elf", whole)


def test_an_elf_file_that_says_the_same_bytes_again_and_again_is_refused(tiny: Path) -> None:
    whole = (tiny / "kernel.elf").read_bytes()
    at = int.from_bytes(whole[28:32], "little")
    many = 250
    whole = with_word(with_word(whole, 28, len(whole), 4), 44, many, 2) + whole[at : at + 32] * many
    with pytest.raises(AdderError, match="its segments overlap"), elf_in(whole, "x"):
        pass


def test_a_section_that_is_not_in_the_file_takes_no_memory(tiny: Path, tmp_path: Path) -> None:
    whole = (tiny / "tiny.elf").read_bytes()
    sections = int.from_bytes(whole[32:36], "little")
    number = int.from_bytes(whole[48:50], "little")
    for section in range(number):
        at = sections + 40 * section
        read_all(tmp_path / "x.elf", with_word(with_word(whole, at + 4, 8, 4), at + 20, 0xFFFFFFFF, 4))
