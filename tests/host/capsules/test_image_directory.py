"""adder.image and the board's own store agree on what lies in a flash, whoever wrote it and wherever the power went."""

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from app_flash import Board, HalfFlash, name_of, padding, program
from hardware import FakeFlash, PowerCut

from adder.apps.app_files import read_app
from adder.board import Region, load_board
from adder.errors import AdderError
from adder.flash.image import load_image
from adder.image import directory
from adder.image.flash_image import FlashImage, is_kept
from capsules.virtual import app_directory, app_list, app_set, app_store

PAGE = directory.PAGE
SIZE = 20 * PAGE
BASE = 0x21000000
THERE = load_board("qemu")
BOARD = replace(
    THERE,
    app_flash=Region(BASE, SIZE),
    storage=Region(BASE + SIZE, PAGE),
    ram=Region(0x20000000, 0x100000),
)
SIZES = (512, 1024, PAGE, 2 * PAGE, 3 * PAGE)
NAMES = ("one", "two", "three", "four", "five")


def app(name: str, size: int = PAGE, fill: int = 0) -> bytes:
    return program(name, size, fill=fill)


def boot(data: bytearray, cut: int | None = None, half: random.Random | None = None) -> Board:
    return Board(data, HalfFlash(data, PAGE, cut, half)).booted()


class Image:
    """The app flash as a file, which the tool changes and a board boots from."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "flash.img"
        self.tool = FlashImage(self.path, BOARD)
        self.tool.create()

    def read(self) -> bytearray:
        return bytearray(self.tool.app_flash())

    def write(self, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.write(data)

    def install(self, *apps: bytes, **how: object) -> None:
        self.tool.install([read_app(data, "x") for data in apps], **how)

    def seen(self) -> dict[str, tuple[bytes, bool]]:
        """What the tool sees: names, bytes, and whether they run."""
        return {
            ("kept " if is_kept(placed.app) else "") + placed.app.name.rstrip("_"): (
                placed.app.data,
                directory.runs(placed.app.flags if placed.app.flags is not None else int(placed.app.header.enabled)),
            )
            for placed in self.tool.apps()
        }


def state(data: bytes) -> dict[str, tuple[bytes, bool]]:
    """What a board finds that boots from a copy."""
    return {name: (bytes(data), runs) for name, (data, _, runs) in boot(bytearray(data)).state().items()}


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_the_format_is_that_of_the_capsules() -> None:
    assert (directory.MOST, directory.DIRTY) == (app_set.MOST, app_directory.DIRTY)
    assert directory._LONGEST == app_directory.RECORD
    assert (directory.MARKED, directory.LONGEST_HEADER) == (app_list.MARKED, app_list.LONGEST_HEADER)
    for name in ("ENABLED", "STICKY", "KEPT", "GONE", "BAD", "TRIAL"):
        assert getattr(directory, name) == getattr(app_store, name)
    assert directory.FIXED == app_store._FIXED


def test_what_was_done_over_the_line_is_seen_and_stays_when_another_app_is_installed(image: Image) -> None:
    image.install(*(app(name) for name in NAMES))
    data = image.read()
    board = boot(data)
    assert board.change(("disable", "two")) == 0
    assert board.change(("drop", "four")) == 0
    assert board.change(("keep", "one"), ("install", app("one", fill=9))) == 0
    image.write(data)
    assert image.seen() == {
        "kept one": (app("one"), False), "one": (app("one", fill=9), True), "two": (app("two"), False),
        "three": (app("three"), True), "five": (app("five"), True),
    }  # fmt: skip
    before = state(data)
    assert image.seen() == before
    image.install(app("six", 512))
    assert state(image.read()) == image.seen() == before | {"six": (app("six", 512), True)}
    image.install(app("two"))  # unchanged: it stays disabled
    assert not image.seen()["two"][1]
    image.install(app("two", fill=7))
    assert image.seen()["two"] == (app("two", fill=7), True)
    image.install(app("one", fill=5))
    assert "kept one" not in image.seen()
    assert state(image.read()) == image.seen()
    assert directory.read_directory(image.read()) is None  # the list says it all
    board = boot(image.read())
    assert board.change(("install", app("seven"))) == 0


def test_the_version_that_is_kept_can_be_gone_back_to_after_an_install_here(image: Image) -> None:
    data = image.read()
    board = boot(data)
    assert board.change(("install", app("one"))) == 0
    assert board.change(("keep", "one"), ("install", app("one", fill=9))) == 0
    image.write(data)
    image.install(app("two"))
    data = image.read()
    board = boot(data)
    assert board.change(("back", "one")) == 0
    assert state(data)["one"] == (app("one"), True)


def test_an_app_on_trial_has_failed_as_it_has_for_the_board_that_boots(image: Image) -> None:
    data = image.read()
    board = boot(data)
    assert board.change(("install", app("one")), ("install", app("two"))) == 0
    assert board.change(("try", app("one", fill=9))) == 0
    image.write(data)
    assert image.seen() == state(data) == {"one": (app("one"), True), "two": (app("two"), True)}
    image.install(app("three"))
    assert state(image.read()) == image.seen()


def test_nothing_is_written_when_nothing_changes(image: Image) -> None:
    data = image.read()
    board = boot(data)
    assert board.change(*(("install", app(name)) for name in NAMES)) == 0
    assert board.change(("disable", "two")) == 0
    image.write(data)
    image.install(app("three"), app("two"))
    assert image.read() == data


def test_only_and_erase_begin_anew_whatever_the_directory_says(image: Image) -> None:
    data = image.read()
    board = boot(data)
    assert board.change(("install", app("one")), ("install", app("two"))) == 0
    assert board.change(("disable", "one")) == 0
    image.write(data)
    image.install(app("one"), only=True)
    assert state(image.read()) == {"one": (app("one"), True)}
    image.write(data)
    image.tool.erase()
    assert image.read() == b"\xff" * SIZE


@pytest.mark.parametrize("ready", [False, True], ids=["new apps", "the same apps"])
def test_what_is_flashed_is_what_there_is_wherever_a_change_was_cut(tmp_path: Path, ready: bool) -> None:
    """`adder flash` has never seen the board's flash; what the board was about to do to it is over."""
    files = []
    for name in ("one", "two") if ready else ("new", "other"):
        files.append(tmp_path / f"{name}.tbf")
        files[-1].write_bytes(app(name))
    image = load_image(None, files, BOARD)
    wanted = {path.stem: (path.read_bytes(), True) for path in files}
    for cut in range(1, 200):
        data = bytearray(b"\xff" * SIZE)
        board = boot(data)
        assert board.change(("install", app("one")), ("install", app("two"))) == 0
        assert board.change(("disable", "one")) == 0
        board = boot(data, cut)
        try:
            board.change(("drop", "two"), ("install", app("six", 2 * PAGE)), ("enable", "one"))
        except PowerCut:
            pass
        else:
            break
        for piece in image.pieces:
            data[piece.address - BASE : piece.end - BASE] = piece.data
        assert state(data) == wanted, cut
    assert cut > 10


def test_a_directory_that_the_list_contradicts_does_not_count(image: Image) -> None:
    data = image.read()
    board = boot(data)
    assert board.change(("install", app("one")), ("install", app("two"))) == 0
    assert board.change(("disable", "one")) == 0
    data[: 3 * PAGE] = (app("new") + padding(PAGE) + app("other")).ljust(3 * PAGE, b"\xff")
    image.write(data)
    assert sorted(image.seen()) == ["new", "other"]
    assert image.seen() == state(data)


def test_more_apps_than_a_directory_holds_are_refused_where_there_has_to_be_one(tmp_path: Path) -> None:
    apps = [read_app(app(f"a{number}", 512), "x") for number in range(directory.MOST)]
    board = replace(BOARD, app_flash=Region(BASE, 64 * PAGE), storage=Region(BASE + 64 * PAGE, PAGE))
    tool = FlashImage(tmp_path / "flash.img", board)
    tool.install(apps)
    data = bytearray(tool.app_flash())
    assert boot(data).change(("disable", "a1")) == 0
    with tool.path.open("r+b") as file:
        file.write(data)
    with pytest.raises(AdderError, match="holds at most 32 apps, not 33"):
        tool.install([read_app(app("more", 512), "x")])
    assert tool.app_flash() == data
    tool.remove("a1______")
    tool.install([read_app(app(name, 512), "x") for name in ("more", "still")])  # the list alone says it again
    assert len(tool.apps()) == 33


def test_a_directory_that_no_board_writes_is_refused_in_words(image: Image) -> None:
    image.install(app("one"))
    data = bytes(image.read())
    for entries in ([(0, 8, 1)], [(0, SIZE, 1)], [(PAGE, PAGE, 1), (0, PAGE, 1)]):
        made = [directory.Entry(*entry, directory.mark_of(data, entry[0])) for entry in entries]
        dirty = bytearray(directory.write_directory(data, made))
        record = directory.end_of_list(dirty)
        dirty[record + 12] = directory.DIRTY
        length = 12 + 4 + 12 * len(made)
        dirty[record + length : record + length + 4] = directory.zlib.crc32(
            dirty[record : record + length]
        ).to_bytes(4, "little")  # fmt: skip
        image.write(dirty)
        with pytest.raises(AdderError, match="none that a board has written"):
            image.tool.apps()
        image.tool.erase()


def steps(dice: random.Random, there: list[str], serial: int) -> list[tuple[str, object]]:
    """A transaction on apps that are there."""
    names = [name for name in there if not name.startswith("kept ")]
    kept = {name.removeprefix("kept ") for name in there if name.startswith("kept ")}
    plain = [name for name in names if name not in kept]
    what = dice.choice(["install", "install", "drop", "disable", "enable", "keep", "try", "back"])
    if what == "back" and kept & set(names):
        return [("back", dice.choice(sorted(kept & set(names))))]
    if what == "install" or not plain:
        return [("install", app(f"n{serial}", dice.choice(SIZES), serial))]
    name = dice.choice(plain)
    if what == "keep":
        return [("keep", name), ("install", app(name, dice.choice(SIZES), serial))]
    if what == "try":
        return [("try", app(name, dice.choice(SIZES), serial))]
    return [(what, name)] if what != "back" else [("disable", name)]


@pytest.mark.parametrize("seed", range(6))
def test_after_any_changes_and_cuts_tool_and_board_see_the_same_and_the_tool_changes_nothing_else(
    seed: int, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    image = Image(tmp_path)
    cuts = tools = 0
    for serial in range(40):
        data = image.read()
        board = Board(data, HalfFlash(data, PAGE, None, dice)).booted()
        there = list(board.state())
        board.flash.cut = dice.choice([None, dice.randrange(40), dice.randrange(400), dice.randrange(3000)])
        try:
            board.change(*steps(dice, there, serial))
        except PowerCut:
            cuts += 1
        image.write(data)
        seen = image.seen()
        assert seen == state(data), serial
        if dice.random() < 0.5:
            continue
        tools += 1
        names = sorted({name.removeprefix("kept ") for name in seen})
        new = app(f"t{serial}", dice.choice(SIZES), serial)
        try:
            if names and dice.random() < 0.5:
                gone = dice.choice(names)
                image.tool.remove(gone.ljust(8, "_"))
                expected = {name: it for name, it in seen.items() if name.removeprefix("kept ") != gone}
            elif names and dice.random() < 0.3:
                again = dice.choice([name for name in seen if not name.startswith("kept ")] or [""])
                if not again:
                    continue
                image.install(seen[again][0])
                expected = seen
            else:
                image.install(new)
                expected = seen | {name_of(new): (new, True)}
        except AdderError as error:
            if "The app flash is full" not in str(error):
                raise
            image.tool.remove(*(name.ljust(8, "_") for name in names[:2]))
            continue
        assert image.seen() == expected, serial
        assert state(image.read()) == expected, serial
    assert cuts > 3
    assert tools > 5


def test_wherever_a_hole_is_filled_and_the_power_goes_no_app_behind_it_is_lost(tmp_path: Path) -> None:
    image = Image(tmp_path)
    start = image.read()
    board = boot(start)
    for name in NAMES:
        assert board.change(("install", app(name, PAGE))) == 0
    broken = 0
    for cut in range(1000):
        data = bytearray(start)
        board = boot(data)
        board.begin()
        board.store.drop(board.client, board.number("two"))
        board.flash.cut = cut
        try:
            board.ask(board.store.commit(board.client))
        except PowerCut:
            image.write(data)
            behind = "five" in {name_of(found) for found in listed(data)}
            broken += not behind
            image.install(app("six", PAGE))
            assert {"one", "three", "four", "five", "six"} <= set(state(image.read())), cut
        else:
            break
    assert broken > 0


@pytest.mark.parametrize("byte", [0, 1, 2, 5, 7, 8, 13, 30])
@pytest.mark.parametrize("which", [0, 2, 4])
def test_a_damaged_app_stays_as_it_is_and_costs_no_other_though_the_list_is_broken(
    image: Image, which: int, byte: int
) -> None:
    data = image.read()
    board = boot(data)
    assert board.change(*(("install", app(name)) for name in NAMES)) == 0
    board = boot(data)
    board.begin()
    board.store.set_flags(board.client, board.number("two"), 0)
    board.flash.cut = 23 if byte % 2 else 43  # the directory says dirty, and that one is disabled, or not
    with pytest.raises(PowerCut):
        board.ask(board.store.commit(board.client))
    at = next(data.index(app(name)) for name in [NAMES[which]])
    data[at + byte] ^= 0x40
    before = bytes(data)
    image.write(data)
    others = {name for name in NAMES if name != NAMES[which]}
    assert set(image.seen()) == others
    if which == len(NAMES) - 1:  # nobody can say where it ends, so nothing comes behind it
        image.tool.remove("three___")
        expected = others - {"three"}
    else:
        image.install(app("six", 512))
        expected = others | {"six"}
    after = image.read()
    assert after[at : at + PAGE] == before[at : at + PAGE]
    assert set(image.seen()) == expected
    if directory.read_directory(after) is None:  # the kernel's own loader goes over it
        assert {name_of(found) for found in listed(after)} == expected
        return
    board = boot(bytearray(after))
    running = {name_of(board.bytes_of(app)) for app in range(board.store.apps()) if board.store.slot_of(app) >= 0}
    assert running == {name for name, (_, runs) in image.seen().items() if runs}
    assert expected - running <= {"two"}


def listed(data: bytes) -> list[bytes]:
    """The apps that a walk along the list alone finds."""
    from adder.image.flash_image import walk_apps

    return [placed.app.data for placed in walk_apps(bytes(data), BASE)]


def test_any_bytes_in_place_of_a_directory_are_read_or_refused() -> None:
    dice = random.Random(1)
    data = bytearray(b"\xff" * SIZE)
    board = Board(data, FakeFlash(data, PAGE)).booted()
    for name in NAMES:
        assert board.change(("install", app(name))) == 0
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        image = Image(Path(folder))
        for _ in range(300):
            wrong = bytearray(data)
            for _ in range(dice.randrange(1, 4)):
                wrong[SIZE - dice.randrange(2 * PAGE) - 1] = dice.randrange(256)
            image.write(wrong)
            try:
                assert image.seen() == state(wrong)
            except AdderError:
                refused += 1
    assert refused < 300
