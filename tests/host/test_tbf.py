"""Tock binaries and bundles: what is written can be read, and bad input is refused in words."""

import io
import struct
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adder.apps.tbf import (
    BASE_SIZE,
    Credentials,
    FixedAddresses,
    Header,
    KernelVersion,
    Main,
    PackageName,
    Permission,
    Permissions,
    Program,
    PythonProgram,
    ShortId,
    StoragePermissions,
    Tbf,
    TbfError,
    Unknown,
    WriteableFlashRegions,
    describe,
    make_tab,
    read_tab,
    walk,
)

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
u64 = st.integers(0, 0xFFFFFFFFFFFFFFFF)
address = st.one_of(st.none(), st.integers(0, 0xFFFFFFFE))
names = st.text(st.characters(codec="utf-8"), max_size=20)

other_tlvs = st.one_of(
    st.builds(WriteableFlashRegions, st.lists(st.tuples(u32, u32), max_size=4).map(tuple)),
    st.builds(PackageName, names),
    st.builds(FixedAddresses, address, address),
    st.builds(Permissions, st.lists(st.builds(Permission, u32, u32, u64), max_size=4).map(tuple)),
    st.builds(
        StoragePermissions,
        u32,
        st.lists(u32, max_size=8).map(tuple),
        st.lists(u32, max_size=8).map(tuple),
    ),
    st.builds(KernelVersion, u16, u16),
    st.builds(ShortId, st.integers(1, 0xFFFFFFFF)),
    st.builds(PythonProgram, u32, u16, u16),
    st.builds(Unknown, st.integers(11, 0xFFFF).filter(lambda t: t != PythonProgram.TYPE), st.binary(max_size=20)),
)
footers = st.lists(
    st.one_of(
        st.builds(Credentials, st.integers(0, 7), st.binary(max_size=40)),
        st.builds(Unknown, st.integers(129, 0xFFFF), st.binary(max_size=20)),
    ),
    max_size=3,
).map(tuple)


@st.composite
def tbfs(draw: st.DrawFn) -> Tbf:
    """A TBF with any TLVs, whose sizes are consistent."""
    trailer = bytes(draw(st.integers(0, 5)) * 4)
    binary = draw(st.binary(max_size=64))
    binary += bytes(-len(binary) % 4)
    ends = draw(footers)
    others = draw(st.lists(other_tlvs, max_size=6))
    where = draw(st.integers(0, len(others)))
    flags = {"enabled": draw(st.booleans()), "sticky": draw(st.booleans())}

    def header(total: int, end: int) -> Header:
        program = Program(draw_init, len(trailer), draw_ram, end, draw_version)
        return Header(total, (*others[:where], program, *others[where:]), **flags)

    draw_init, draw_ram, draw_version = draw(u32), draw(u32), draw(u32)
    end = header(0, 0).size + len(trailer) + len(binary)
    total = end + sum(8 + -(-len(footer.encode()) // 4) * 4 - 4 for footer in ends)
    padding = bytes(draw(st.integers(0, 3)) * 4)
    return Tbf(header(total + len(padding), end), trailer, binary, ends, padding)


def seal(data: bytearray) -> bytes:
    """Put a right checksum into a header, so that its contents are looked at."""
    if len(data) >= BASE_SIZE:
        size = struct.unpack_from("<H", data, 2)[0]
        data[12:16] = bytes(4)
        checksum = 0
        for at in range(0, min(size, len(data)) // 4 * 4, 4):
            checksum ^= struct.unpack_from("<I", data, at)[0]
        struct.pack_into("<I", data, 12, checksum)
    return bytes(data)


@given(tbfs())
def test_what_is_written_is_read_back(tbf: Tbf) -> None:
    assert Tbf.decode(tbf.encode()) == tbf


@given(tbfs(), st.binary(max_size=100))
def test_what_follows_a_tbf_is_left_alone(tbf: Tbf, rest: bytes) -> None:
    assert Tbf.decode(tbf.encode() + rest) == tbf


@given(tbfs())
def test_every_tbf_can_be_described(tbf: Tbf) -> None:
    assert all(key and isinstance(value, str) for key, value in describe(tbf))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(TbfError):
        Tbf.decode(data)


@settings(max_examples=500)
@given(tbfs(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), u16)
def test_any_mutation_is_read_or_refused(tbf: Tbf, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(tbf.encode())
    for at, value in changes:
        data[at % len(data)] = value
    if cut < len(data):
        del data[cut:]
    for candidate in (bytes(data), seal(data)):
        with suppress(TbfError):
            describe(Tbf.decode(candidate))
        list(walk(candidate))


@given(tbfs(), st.integers(0, 10000), st.integers(1, 255))
def test_no_change_of_one_byte_of_the_header_goes_unnoticed(tbf: Tbf, where: int, change: int) -> None:
    data = bytearray(tbf.encode())
    data[where % tbf.header.size] ^= change
    with pytest.raises(TbfError):
        Tbf.decode(bytes(data))


@given(st.lists(tbfs(), max_size=4))
def test_a_flash_image_is_a_list_of_tbfs(apps: list[Tbf]) -> None:
    image = b"".join(app.encode() for app in apps) + b"\xff" * 64
    found = list(walk(image))
    assert [header for _, header in found] == [app.header for app in apps]
    assert all(image[at:].startswith(app.encode()) for at, app in found)


def test_the_bytes_of_a_header_are_those_of_the_format() -> None:
    header = Header(512, (Main(0x29, 0, 0x1000), PackageName("blink")), enabled=True)
    assert header.encode() == bytes.fromhex(
        "0200 2c00 00020000 01000000 217e4c6e"  # version, sizes, flags, checksum
        "0100 0c00 29000000 00000000 00100000"
        "0300 0500 626c696e 6b000000"
    )


def test_a_header_without_tlvs_is_a_padding_app() -> None:
    data = Header(64, enabled=False).encode() + bytes(48)
    assert len(Header(64).encode()) == BASE_SIZE
    assert Tbf.decode(data).header.is_padding
    assert describe(Tbf.decode(data)) == [("padding", "64 bytes")]


def test_program_wins_over_main() -> None:
    header = Header(512, (Main(1, 0, 2), Program(3, 0, 4, 512, 5)))
    assert header.program == Program(3, 0, 4, 512, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: 3}, "version would be 3, not 2"),
        ({2: 15}, "header size 15"),
        ({2: 0xFC, 3: 0xFF}, "header size 65532"),
        ({4: 20, 5: 0}, "header size"),
        ({12: 0}, "checksum"),
    ],
)
def test_a_bad_base_is_refused_in_words(change: dict[int, int], message: str) -> None:
    data = bytearray(Header(512, (Main(1, 0, 2), PackageName("x"))).encode().ljust(512, b"\0"))
    for at, value in change.items():
        data[at] = value
    with pytest.raises(TbfError, match=message):
        Tbf.decode(bytes(data))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (1, b"123", "Main TLV has 3 bytes"),
        (9, bytes(19), "Program TLV has 19 bytes"),
        (2, bytes(7), "not a list of pairs"),
        (5, bytes(4), "FixedAddresses TLV"),
        (6, b"", "count"),
        (6, b"\2\0" + bytes(16), "count"),
        (7, b"", "cut short"),
        (7, struct.pack("<IH", 1, 9), "cut short"),
        (7, bytes(9), "longer than its counts"),
        (8, b"", "KernelVersion"),
        (10, bytes(4), "short identifier is 0"),
    ],
)
def test_a_bad_tlv_is_refused_in_words(kind: int, value: bytes, message: str) -> None:
    data = Header(512, (Unknown(kind, value),)).encode().ljust(512, b"\0")
    with pytest.raises(TbfError, match=message):
        Tbf.decode(data)


def test_a_program_that_ends_before_it_begins_is_refused() -> None:
    data = Header(512, (Program(1, 0, 2, 4),)).encode().ljust(512, b"\0")
    with pytest.raises(TbfError, match="would reach"):
        Tbf.decode(data)


def test_permissions_are_packed_by_sixty_four_commands() -> None:
    packed = Permissions.of({2: {0, 3, 64, 130}, 1: set()})
    assert packed.permissions == (
        Permission(1, 0, 0),
        Permission(2, 0, 0b1001),
        Permission(2, 1, 1),
        Permission(2, 2, 4),
    )
    assert [command for p in packed.permissions for command in p.commands()] == [0, 3, 64, 130]


# ------------------------------------------------------------------------------ bundles


def app(name: str = "blink", fixed: FixedAddresses | None = None) -> Tbf:
    tlvs = [Main(0, 0, 512), PackageName(name), KernelVersion(2, 1)]
    header = Header(512, (*tlvs, *([fixed] if fixed else [])))
    return Tbf(header, binary=bytes(512 - header.size))


def test_a_tab_holds_what_was_put_in() -> None:
    fixed = app(fixed=FixedAddresses(0x20030000, 0x21040080))
    tab = read_tab(make_tab([app(), fixed], boards=["one", "two"]))
    assert tab.metadata == {
        "tab-version": 1,
        "name": "blink",
        "minimum-tock-kernel-version": "2.1",
        "only-for-boards": "one,two",
    }
    assert tab.tbfs == {
        "cortex-m4.tbf": app(),
        "cortex-m4.0x21040080.0x20030000.tbf": fixed,
    }


def test_the_same_tbf_gives_the_same_tab() -> None:
    assert make_tab([app()]) == make_tab([app()])


def test_a_strange_name_survives_the_metadata() -> None:
    name = 'a "quoted"\\\n\x7f name ü'
    assert read_tab(make_tab([app(name)])).metadata["name"] == name


@pytest.mark.parametrize(
    ("apps", "message"),
    [
        ([], "at least one"),
        ([app("a"), app("b")], "one app, not a, b"),
        ([app(), app()], "Two of the TBFs would be cortex-m4.tbf"),
    ],
)
def test_a_tab_is_of_one_app(apps: list[Tbf], message: str) -> None:
    with pytest.raises(TbfError, match=message):
        make_tab(apps)


def pack(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, contents in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(contents)
            tar.addfile(entry, io.BytesIO(contents))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Not a TAB"),
        (b"nonsense" * 200, "Not a TAB"),
        (pack({"a": b""}), "no metadata.toml"),
        (pack({"metadata.toml": b"= ="}), "Not a TAB"),
        (pack({"metadata.toml": b"\xff"}), "Not a TAB"),
        (pack({"metadata.toml": b"a=" + b"[" * 5000}), "Not a TAB"),
        (pack({"metadata.toml": b"", "cortex-m4.tbf": b"x"}), "too short"),
    ],
)
def test_a_bad_tab_is_refused_in_words(data: bytes, message: str) -> None:
    with pytest.raises(TbfError, match=message):
        read_tab(data)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=8), st.integers(0, 4096))
def test_any_mutation_of_a_tab_is_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(make_tab([app()])[:4096])
    for at, value in changes:
        data[at % len(data)] = value
    for start in range(0, len(data), 512):  # tar ignores a block whose checksum is wrong
        block = data[start : start + 512]
        block[148:156] = b" " * 8
        data[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    with suppress(TbfError):
        read_tab(bytes(data[:cut]))
