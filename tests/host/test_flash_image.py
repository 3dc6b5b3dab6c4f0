"""Placing apps in the simulated flash."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_tbf

from adder.apps.tbf import FixedAddresses, Header, KernelVersion, Tbf, make_tab, walk
from adder.board import load_board
from adder.cli import cli
from adder.errors import AdderError
from adder.image.flash_image import FILE_SIZE, App, FlashImage, padding_app, read_app, read_app_file
from adder.image_command import check_place
from adder.run.simulate import Simulation

FLASH = load_board("qemu").app_flash
STORAGE = load_board("qemu").storage


def app(name: str, size: int = 512, fixed: int | None = None, fill: bytes = b"") -> App:
    tlvs = () if fixed is None else (FixedAddresses(None, fixed),)
    return read_app(make_tbf(name, size, fill, tlvs=tlvs), name)


def app_at(name: str, start: int, size: int = 512) -> App:
    """An app that is linked to begin, with its header, at `start`."""
    return app(name, size, fixed=start + app(name, fixed=0).header.protected_size)


@pytest.fixture
def image(tmp_path: Path) -> FlashImage:
    return FlashImage(tmp_path / "flash.img")


def layout(image: FlashImage) -> dict[str, int]:
    return {placed.app.name: placed.address for placed in image.apps()}


def test_apps_are_found_where_install_says(image: FlashImage) -> None:
    placed = image.install([app("small"), app("large", 8192), app("middle", 2048)])
    assert image.apps() == placed
    assert {entry.app.name for entry in placed} == {"small", "middle", "large"}


def test_each_app_is_aligned_to_its_size(image: FlashImage) -> None:
    image.install([app("a", 512), app("b", 4096), app("c", 1024), app("d", 512)])
    image.install([app("e", 4096)])
    assert len(image.apps()) == 5
    for placed in image.apps():
        assert placed.address % placed.app.size == 0


def test_the_list_ends_with_erased_flash(image: FlashImage) -> None:
    image.install([app("a")])
    contents = image.path.read_bytes()
    assert contents[512:1024] == b"\xff" * 512


def test_the_file_is_as_large_as_qemu_wants_and_sparse(image: FlashImage) -> None:
    image.install([app("a")])
    assert image.path.stat().st_size == FILE_SIZE
    assert image.path.stat().st_blocks * 512 < FILE_SIZE // 8


def test_a_fixed_app_goes_to_its_address_and_padding_leads_there(image: FlashImage) -> None:
    image.install([app_at("fixed", FLASH.start + 0x4000, 1024), app("free")])
    assert layout(image)["fixed"] == FLASH.start + 0x4000
    assert "free" in layout(image)


def test_a_fixed_app_pushes_aside_a_movable_one(image: FlashImage) -> None:
    image.install([app("free", 4096)])
    assert layout(image)["free"] == FLASH.start
    image.install([app_at("fixed", FLASH.start + 256)])
    assert layout(image)["fixed"] == FLASH.start + 256
    assert layout(image)["free"] == FLASH.start + 4096


def test_two_apps_linked_for_the_same_address_are_refused(image: FlashImage) -> None:
    image.install([app_at("one", FLASH.start + 128)])
    with pytest.raises(AdderError, match="one and two are linked for overlapping addresses"):
        image.install([app("two", fixed=FLASH.start + 192)])


def test_an_app_linked_for_elsewhere_is_refused(image: FlashImage) -> None:
    with pytest.raises(AdderError, match="stray is linked for address 0x30080, which is outside"):
        image.install([app("stray", fixed=0x30080)])


def test_a_gap_too_small_for_a_padding_header_is_refused(image: FlashImage) -> None:
    header = app("x", fixed=FLASH.start + 128).header.protected_size
    with pytest.raises(AdderError, match="no room for a padding header"):
        image.install([app("x", fixed=FLASH.start + header + 8)])


def test_installing_again_replaces_and_leaves_the_others_in_place(image: FlashImage) -> None:
    image.install([app("a"), app("b", 2048), app("c")])
    before = layout(image)
    image.install([app("b", 2048, fill=b"new")])
    assert layout(image) == before
    assert sum(placed.app.name == "b" for placed in image.apps()) == 1
    assert b"new" in next(p.app.data for p in image.apps() if p.app.name == "b")


def test_the_same_app_twice_is_one_app_and_two_different_ones_of_one_name_are_refused(image: FlashImage) -> None:
    image.install([app("twin"), app("twin")])
    image.install([app("twin")])
    assert [placed.app.name for placed in image.apps()] == ["twin"]
    with pytest.raises(AdderError, match="Two different apps are called 'twin'"):
        image.install([app("twin"), app("twin", fill=b"other")])


def test_only_removes_all_others(image: FlashImage) -> None:
    image.install([app("a"), app("b")])
    image.install([app("c")], only=True)
    assert set(layout(image)) == {"c"}


def test_removing_leaves_the_others_in_place(image: FlashImage) -> None:
    image.install([app("a", 2048), app("b"), app("c")])
    before = layout(image)
    image.remove("a")
    del before["a"]
    assert layout(image) == before


def test_several_apps_are_removed_at_once_or_none(image: FlashImage) -> None:
    image.install([app("a"), app("b"), app("c")])
    with pytest.raises(AdderError, match="No app called 'd'"):
        image.remove("a", "d")
    assert set(layout(image)) == {"a", "b", "c"}
    image.remove("a", "c")
    assert set(layout(image)) == {"b"}


def test_a_removed_apps_room_is_used_again(image: FlashImage) -> None:
    image.install([app("a", 2048), app("b")])
    image.remove("a")
    image.install([app("c", 2048)])
    assert layout(image)["c"] == FLASH.start


def test_removing_an_unknown_app_names_the_known_ones(image: FlashImage) -> None:
    image.install([app("hello"), app("blink")])
    with pytest.raises(AdderError, match=r"No app called 'helo' is installed; .*blink, hello"):
        image.remove("helo")


def test_a_full_flash_is_refused_and_left_as_it_was(image: FlashImage) -> None:
    image.install([app("large", 256 * 1024)])
    before = image.path.read_bytes()
    with pytest.raises(AdderError, match="The app flash is full: 2 apps of together 524288 bytes"):
        image.install([app("second", 256 * 1024)])
    assert image.path.read_bytes() == before


def test_apps_that_fit_only_when_packed_afresh_are_packed(image: FlashImage) -> None:
    # 448 KB: the small app in the middle keeps 256 KB from fitting until it moves.
    image.install([app("a", 128 * 1024), app("b", 128 * 1024)])
    image.remove("a")
    image.install([app("large", 256 * 1024)])
    assert layout(image)["large"] == FLASH.start


def test_storage_survives_everything_but_erasing_it(image: FlashImage) -> None:
    image.install([app("a")])
    with image.path.open("r+b") as file:
        file.seek(STORAGE.start - FLASH.start)
        file.write(b"precious")
    image.install([app("b", 4096)])
    image.remove("a")
    image.erase()
    assert image.storage_contents().startswith(b"precious")
    assert image.apps() == []
    image.erase(storage=True)
    assert set(image.storage_contents()) == {0xFF}


def test_nothing_is_written_when_nothing_changes(image: FlashImage) -> None:
    image.install([app("a"), app("b", 2048)])
    before = image.path.stat()
    image.install([app("b", 2048)])
    image.install([app("a"), app("b", 2048)], only=True)
    after = image.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_failed_write_leaves_the_old_image_and_no_litter(image: FlashImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.install([app("a")])
    before = image.path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        image.install([app("b")])
    assert image.path.read_bytes() == before
    assert list(image.path.parent.iterdir()) == [image.path]


def test_an_app_of_odd_size_keeps_whole_subregions_to_itself(image: FlashImage) -> None:
    # 1408 bytes: a region of 2048 with sub-regions of 256, of which six are taken.
    image.install([app("odd", 1408), app("next", 512)])
    where = layout(image)
    assert where["odd"] % 2048 == 0
    assert where["next"] >= where["odd"] + 1536


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 40, 300, 511])
def test_a_file_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.tbf"
    path.write_bytes(make_tbf("cut")[:cut])
    with pytest.raises(AdderError, match=r"cut\.tbf: "):
        read_app_file(path)


def test_a_corrupt_header_is_refused(tmp_path: Path) -> None:
    data = bytearray(make_tbf("corrupt"))
    data[20] ^= 1
    path = tmp_path / "corrupt.tbf"
    path.write_bytes(data)
    with pytest.raises(AdderError, match="checksum"):
        read_app_file(path)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "too short"),
        (b"# A README, no program\n", r"its version would be \d+, not 2"),
        (b"\x7fELF" + bytes(60), "an ELF file; `adder tbf`"),
    ],
)
def test_what_is_no_tock_binary_is_called_so(tmp_path: Path, data: bytes, complaint: str) -> None:
    path = tmp_path / "app.tbf"
    path.write_bytes(data)
    with pytest.raises(AdderError, match=rf"app\.tbf: Not a Tock binary \(TBF\): .*{complaint}"):
        read_app_file(path)


@pytest.mark.parametrize("before", [["image", "install"], ["renode", "image"]])
def test_an_app_in_the_images_place_is_not_overwritten(tmp_path: Path, before: list[str]) -> None:
    files = [tmp_path / "one.tbf", tmp_path / "two.tbf"]
    for path in files:
        path.write_bytes(make_tbf(path.stem))
    result = CliRunner().invoke(cli, [*before, *map(str, files)])
    assert isinstance(result.exception, AdderError)
    assert "one.tbf is not a flash image" in str(result.exception)
    assert files[0].read_bytes() == make_tbf("one")


def test_a_file_that_is_no_image_has_no_apps_to_list(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("Some text")
    with pytest.raises(AdderError, match=r"README\.md is not a flash image of QEMU mps2-an386: it has 9 bytes"):
        FlashImage(path).apps()


@pytest.mark.parametrize(
    "command",
    [
        "image list",
        "image install pipe one.tbf",
        "image remove pipe one",
        "image erase",
        "simulate --board nrf52840 --image",
    ],
)
def test_what_is_no_file_is_never_replaced_by_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A pipe here; /dev/null was a file afterwards, for everybody on the machine."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("one.tbf").write_bytes(make_tbf("one"))
    arguments = command.split() if "pipe" in command else [*command.split(), "pipe"]
    result = CliRunner().invoke(cli, arguments)
    assert isinstance(result.exception, AdderError), result.output
    assert "pipe is not a file, so it can be no flash image." in str(result.exception)
    assert Path("pipe").is_fifo()


def test_a_padding_app_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "padding.tbf"
    path.write_bytes(padding_app(16))
    with pytest.raises(AdderError, match="padding app"):
        read_app_file(path)


def test_a_bundle_is_installed_like_a_tbf(tmp_path: Path, image: FlashImage) -> None:
    path = tmp_path / "bundle.tab"
    path.write_bytes(make_tab([Tbf.decode(make_tbf("bundled"))]))
    image.install([read_app_file(path)])
    assert set(layout(image)) == {"bundled"}


def test_a_bundle_without_a_fitting_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tab"
    path.write_bytes(make_tab([Tbf.decode(make_tbf("bundled"))], architecture="rv32imc"))
    with pytest.raises(AdderError, match="holds no programs for cortex-m4"):
        read_app_file(path)


def test_a_change_is_refused_while_a_simulation_runs(tmp_path: Path, tiny: Path) -> None:
    image = FlashImage(tmp_path / "flash.img")
    image.install([read_app_file(tiny / "tiny.tbf")])
    with Simulation(tiny / "kernel.elf", image.path):
        with pytest.raises(AdderError, match="in use by a running simulation"):
            image.remove("tiny")
        assert set(layout(image)) == {"tiny"}  # looking is allowed
    image.remove("tiny")
    assert image.apps() == []


def test_the_verbs_do_what_the_functions_do(tmp_path: Path) -> None:
    image = tmp_path / "flash.img"
    for name in ("one", "two"):
        (tmp_path / f"{name}.tbf").write_bytes(make_tbf(name))

    def run(*arguments: object) -> str:
        result = CliRunner().invoke(cli, ["image", *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    shown = run("install", image, tmp_path / "one.tbf", tmp_path / "two.tbf")
    assert "one" in shown
    assert "2 apps" in shown
    assert run("list", image) == shown
    assert "1 app," in run("remove", image, "one")
    assert "0 apps" in run("erase", image)


sizes = st.sampled_from([512, 768, 1024, 1408, 2048, 4096, 16384, 65536])
apps = st.lists(st.tuples(st.sampled_from("abcdefgh"), sizes), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(apps, min_size=1, max_size=4))
def test_any_sequence_of_installs_gives_a_list_that_the_kernel_can_walk(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[tuple[str, int]]]
) -> None:
    image = FlashImage(tmp_path_factory.mktemp("flash") / "flash.img")
    expected: dict[str, int] = {}
    for step in steps:
        chosen = {name: app(name, size // 4 * 4) for name, size in step}
        try:
            placed = image.install(list(chosen.values()))
        except AdderError:
            assert sum(expected.values()) + sum(a.size for a in chosen.values()) > FLASH.size // 2
            return
        expected |= {name: entry.size for name, entry in chosen.items()}
        assert {entry.app.name: entry.app.size for entry in placed} == expected
        assert image.apps() == placed
        for entry in placed:
            assert entry.address % entry.app.alignment == 0
        for first, second in pairwise(placed):
            assert first.address + first.app.footprint <= second.address
        # No part of the list is skipped or double: it covers the flash without holes.
        position = 0
        for offset, header in walk(image.path.read_bytes()[: FLASH.size]):
            assert offset == position
            assert isinstance(header, Header)
            position += header.total_size
        assert position == placed[-1].end - FLASH.start


def test_a_simulated_chips_flash_is_the_size_of_its_apps_and_storage(tmp_path: Path) -> None:
    board = load_board("nrf52840")
    image = FlashImage(tmp_path / "flash.img", board)
    image.install([app("a"), app("b")])
    image.remove("a")
    assert [placed.app.name for placed in image.apps()] == ["b"]
    assert image.apps()[0].address >= board.app_flash.start
    assert image.path.stat().st_size == board.storage.end - board.app_flash.start
    with pytest.raises(
        AdderError, match=r"not a flash image of QEMU .* If it is another board's, say which with --board"
    ):
        FlashImage(image.path).apps()


def test_an_image_is_made_only_where_a_simulation_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adder.image_command.ROOT", tmp_path)
    with pytest.raises(AdderError, match=r"^There is no folder .*build/qemu to make flash\.img in"):
        check_place(tmp_path / "build/qemu/flash.img", "qemu")
    (tmp_path / "build/nrf52840").mkdir(parents=True)
    with pytest.raises(AdderError, match=r"would be the flash of nrf52840; say so with `--board nrf52840`"):
        check_place(tmp_path / "build/nrf52840/flash.img", "qemu")
    check_place(tmp_path / "build/nrf52840/flash.img", "nrf52840")
    check_place(tmp_path / "mine.img", "qemu")
    (tmp_path / "build/nrf52840/flash.img").touch()  # it is there: whose it is, its size says
    check_place(tmp_path / "build/nrf52840/flash.img", "qemu")


def test_of_a_program_that_may_be_for_tock_1_it_is_said_before_it_boots(tmp_path: Path) -> None:
    said = "if it is made for Tock 1.x, whose system calls are others, it ends at once: build it again"
    for name, tlvs, told in (("old", (), True), ("new", (KernelVersion(2, 0),), False)):
        tab = tmp_path / f"{name}.tab"
        tab.write_bytes(make_tab([Tbf.decode(make_tbf(name, tlvs=tlvs))]))
        for arguments in (["inspect", str(tab)], ["image", "install", str(tmp_path / f"{name}.img"), str(tab)]):
            result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
            assert result.exit_code == 0, result.output
            assert (said in " ".join(result.output.split())) == told, result.output
