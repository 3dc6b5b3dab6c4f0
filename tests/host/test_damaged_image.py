"""A flash image with damage in it: the tools show it, and never write over what they cannot read."""

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_tbf

from adder.apps.app_files import App, read_app
from adder.apps.loading import process_ram
from adder.apps.tbf import FixedAddresses, Header, KernelVersion, Main, PackageName, Program, walk
from adder.board import load_board
from adder.cli import cli
from adder.errors import AdderError
from adder.image.flash_image import FlashImage

BOARD = load_board("qemu")
FLASH = BOARD.app_flash
NAMES = ("one", "two", "three")


def app(name: str, *tlvs: object, size: int = 512, fill: bytes = b"") -> App:
    return read_app(make_tbf(name, size, fill or name.encode() * 20, tlvs=tlvs), name)


@pytest.fixture
def image(tmp_path: Path) -> FlashImage:
    made = FlashImage(tmp_path / "flash.img", BOARD)
    made.install([app(name) for name in NAMES])
    return made


def flip(image: FlashImage, place: int, mask: int) -> bytes:
    """Change a byte of the file; returns the app flash as it then is."""
    with image.path.open("r+b") as file:
        file.seek(place)
        old = file.read(1)[0]
        file.seek(place)
        file.write(bytes([old ^ mask]))
    return image.app_flash()


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, ["image", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_damaged_app_is_shown_and_stays_when_others_come_and_go(image: FlashImage) -> None:
    before = flip(image, 512 + 12, 1)
    shown = run("list", image.path)
    assert "0x21000200  (damaged)  damaged" in shown
    assert "\n0x21000200: The header's checksum is wrong: " in shown
    assert "2 apps, 1,536 of" in shown
    image.install([app("four"), app("five", size=4096)])
    image.remove("one")
    image.install([app("six")])
    assert image.app_flash()[512:1024] == before[512:1024]
    assert {placed.app.name for placed in image.apps()} == {"three", "four", "five", "six"}


def test_a_damaged_app_goes_when_its_address_is_said(image: FlashImage) -> None:
    flip(image, 512 + 12, 1)
    assert "2 apps" in run("remove", image.path, "0x21000200")
    assert "damaged" not in run("list", image.path)
    image.install([app("four")])
    assert {placed.address: placed.app.name for placed in image.apps()}[FLASH.start + 512] == "four"


def test_where_the_list_breaks_nothing_behind_it_is_written_over(image: FlashImage) -> None:
    before = flip(image, 512, 0x80)  # the version, without which nobody knows what the rest means
    assert "The list of apps breaks at 0x21000200" in run("list", image.path)
    with pytest.raises(AdderError, match=r"The app flash is full: 2 apps .* around what cannot be read"):
        image.install([app("four")])
    image.install([app("one", fill=b"another one")])
    assert image.app_flash()[512:] == before[512:]
    image.remove("one")
    assert image.app_flash()[512:] == before[512:]
    image.install([app("four")])
    assert image.app_flash()[512:] == before[512:]
    assert [placed.app.name for placed in image.apps()] == ["four"]
    image.install([app("five")], only=True)
    assert [placed.app.name for placed in image.apps()] == ["five"]


def test_what_lies_behind_a_damaged_size_is_not_removed_with_it(image: FlashImage) -> None:
    before = flip(image, 512, 0x80)
    with pytest.raises(AdderError, match="Nobody can say where the app at 0x21000200 ends"):
        image.remove("0x21000200")
    assert image.app_flash() == before
    with pytest.raises(AdderError, match=r"`adder image erase`, or `install --only`, starts again"):
        image.install([app("four", size=64 << 10)])


steps = st.lists(st.tuples(st.booleans(), st.sampled_from("abcd"), st.sampled_from([512, 1024, 4096])), max_size=5)


@settings(max_examples=150, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 1535), st.integers(0, 7)), min_size=1, max_size=3), steps=steps)
def test_whatever_is_damaged_is_there_unchanged_after_any_installs_and_removals(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]], steps: list[tuple[bool, str, int]]
) -> None:
    image = FlashImage(tmp_path_factory.mktemp("flash") / "flash.img", BOARD)
    image.install([app(name) for name in NAMES])
    for place, bit in damage:
        flip(image, place, 1 << bit)
    _, blocks = image.contents()
    for install, name, size in steps:
        try:
            image.install([app(name, size=size)]) if install else image.remove(name)
        except AdderError:
            continue
        flash = image.app_flash()
        for block in blocks:
            at = block.address - FLASH.start
            assert flash[at : at + len(block.data)] == block.data
        found = dict(walk(flash))
        assert all(block.address - FLASH.start in found for block in blocks)  # the kernel still sees it as it was


# ---------------------------------------------------------------------------- what cannot start


def asking(name: str, ram: int, fixed: int | None = None, **header: object) -> App:
    """An app that asks for RAM, perhaps at one address."""
    tlvs = (Main(0, 0, ram), PackageName(name), *(() if fixed is None else (FixedAddresses(fixed, None),)))
    made = Header(512, tlvs, **header)
    return read_app(made.encode().ljust(512, b"\0"), name)


RAM = process_ram(BOARD)

NEVER = {
    "more than the MPU can cover": (
        asking("big", 200_000),
        r"apps have 2\d\d,\d\d\d bytes, .*, and the MPU covers none",
    ),
    "more RAM than there is": (asking("big", 250_000), r"needs 251,\d\d\d bytes of RAM, 1,792 of them for the kernel"),
    "the kernel's RAM": (asking("rude", 4096, BOARD.ram.start + 0x100), "0x20000100, which is the kernel's; apps have"),
    "RAM that is none": (asking("lost", 4096, 0x30000000), "linked for RAM at 0x30000000 to 0x30001700; apps have"),
    "RAM beyond the end": (asking("late", 4096, RAM.end - 4096), "linked for RAM at 0x2003f000 to 0x20040700"),
    "RAM that the MPU cannot open": (asking("crooked", 4096, RAM.start + 8), "which the MPU cannot open"),
    "another kernel": (
        read_app(make_tbf("new", tlvs=(KernelVersion(3, 0),)), "new"),
        "it is made for version 3.0 of the kernel's interface; this is 2.2",
    ),
    "an entry point elsewhere": (
        read_app(Header(512, (Program(600, 0, 512, 512), PackageName("far"))).encode().ljust(512, b"\0"), "far"),
        "its entry point lies outside its own flash",
    ),
}


@pytest.mark.parametrize("what", NEVER)
def test_what_can_never_start_is_refused_with_the_reason_and_nothing_is_changed(image: FlashImage, what: str) -> None:
    wrong, reason = NEVER[what]
    before = image.path.read_bytes()[: FLASH.size]
    with pytest.raises(AdderError, match=rf"^{wrong.name} cannot start on QEMU mps2-an386: it.*{reason}|{reason}"):
        image.install([wrong])
    assert image.app_flash() == before


def test_two_apps_that_are_linked_for_the_same_ram_are_refused_with_both_names(image: FlashImage) -> None:
    image.install([asking("first", 4096, RAM.start + 0x4000)])
    with pytest.raises(AdderError, match=r"^second cannot start .*: the RAM that it is linked for, .*, is first's\."):
        image.install([asking("second", 4096, RAM.start + 0x5000)])
    image.install([asking("second", 4096, RAM.start + 0x5000, enabled=False)])  # which does not want to start


def test_an_app_that_finds_no_room_beside_the_others_is_installed_and_the_list_says_so(image: FlashImage) -> None:
    image.install([asking("most", 150_000), asking("much", 100_000)])
    assert "\nmuch: there is no RAM left for it.\n" in run("list", image.path)


def test_more_ram_can_be_given_to_an_app_that_lives_from_rounding(tmp_path: Path, image: FlashImage) -> None:
    (tmp_path / "lua.tbf").write_bytes(asking("lua", 4096).data)
    shown = run("install", image.path, tmp_path / "lua.tbf", "--extra-ram", "16384")
    assert "lua" in shown
    assert "20,480" in shown
    installed = next(placed.app for placed in image.apps() if placed.app.name == "lua")
    assert installed.header.program is not None
    assert installed.header.program.min_ram == 4096 + 16384


def test_a_set_is_changed_without_touching_the_apps_of_others(tmp_path: Path, image: FlashImage) -> None:
    for name in ("red", "green"):
        (tmp_path / f"{name}.tbf").write_bytes(app(name).data)
    names = tmp_path / "names"
    run("install", image.path, "--set", names, tmp_path / "red.tbf", tmp_path / "green.tbf")
    assert "4 apps" in run("install", image.path, "--set", names, tmp_path / "green.tbf")
    assert {placed.app.name for placed in image.apps()} == {*NAMES, "green"}
    run("install", image.path, "--set", names)
    assert {placed.app.name for placed in image.apps()} == set(NAMES)


def test_of_a_bundle_for_several_addresses_the_program_that_fits_is_installed(tmp_path: Path) -> None:
    from adder.apps.tbf import Tbf, make_tab

    def linked(flash: int, ram: int) -> Tbf:
        head = Header(512, (Main(0, 0, 2048), PackageName("multi"), FixedAddresses(ram, flash))).size
        tlvs = (Main(0, 0, 2048), PackageName("multi"), FixedAddresses(ram, flash + head))
        return Tbf.decode(Header(512, tlvs).encode().ljust(512, b"\0"))

    places = [
        (0x30000, 0x20004000),  # for another board
        (FLASH.start + 0x1000, BOARD.ram.start + 0x400),  # RAM that is the kernel's
        (FLASH.start + 0x2000, RAM.start + 0x1000),  # taken, see below
        (FLASH.start + 0x3000, RAM.start + 0x8000),
    ]
    path = tmp_path / "multi.tab"
    path.write_bytes(make_tab([linked(*place) for place in places]))
    other = tmp_path / "other.tbf"
    other.write_bytes(asking("other", 4096, RAM.start + 0x1000).data)
    img = tmp_path / "flash.img"
    run("install", img, other)
    run("install", img, path)
    assert {placed.app.name: placed.address for placed in FlashImage(img).apps()}["multi"] == FLASH.start + 0x3000
    run("install", img, path)  # again: the same program stays
    assert len(FlashImage(img).apps()) == 2
    path.write_bytes(make_tab([linked(*place) for place in places[:2]]))
    result = CliRunner().invoke(cli, ["image", "install", str(img), str(path)])
    assert "None of the 2 programs fits" in str(result.exception)


def test_headers_of_any_bytes_in_a_list_are_read_alike_whatever_follows() -> None:
    header = Header(512, (Main(0, 0, 512), PackageName("x"))).encode()
    data = bytearray(header.ljust(512, b"\0") * 3)
    struct.pack_into("<H", data, 512 + 2, 14)
    assert [at for at, _ in walk(bytes(data))] == [0, 512, 1024]
