"""capsules/deploy/: tockloader itself, on a line to the capsules and a store whose flash can lose its power."""

import contextlib
import copy
import io
import random
import re
import struct
import sys
import tarfile
import zlib
from types import SimpleNamespace

import deployed
import pytest
from app_flash import Board, name_of, program, walk
from cut_short import Cutter, Place
from deployed import PAGE, PAGES, Deployed, sizes, with_apps
from hardware import FakeFlash, PowerCut
from kernel import _deferred


@pytest.fixture
def tockloader(monkeypatch, capsys, caplog):
    """Tockloader 1.19, told to take a board's line for its serial port."""
    import tockloader.bootloader_serial
    import tockloader.main
    import tockloader.tockloader

    settings = copy.deepcopy(tockloader.tockloader.TockLoader.TOCKLOADER_APP_SETTINGS)

    def run(board: Deployed, *arguments: str) -> str:
        loader = tockloader.tockloader.TockLoader
        monkeypatch.setattr(loader, "TOCKLOADER_APP_SETTINGS", copy.deepcopy(settings))
        serial = tockloader.bootloader_serial.BootloaderSerial
        monkeypatch.setattr(serial, "open_link_to_board", lambda self, listen=False: setattr(self, "sp", board))
        monkeypatch.setattr(serial, "_determine_port", lambda self, any=False: "port")
        monkeypatch.setattr(tockloader.bootloader_serial, "time", SimpleNamespace(sleep=lambda seconds: None))
        full = [f"{word:_<8}" if re.fullmatch(r"app\d", word) else word for word in arguments]  # as programs are named
        monkeypatch.setattr(sys, "argv", ["tockloader", *full, "--serial"])
        board.is_open = False
        board.line.sent = board.line.incoming = b""
        try:
            tockloader.main.main()
        except SystemExit as end:
            return f"exit {end.code}: {caplog.text}" + "".join(capsys.readouterr())
        except IndexError:  # what it does when no answer comes
            return "exit: no answer"
        return "".join(capsys.readouterr())

    return run


def tab(tmp_path, data: bytes, arch: str = "cortex-m4") -> str:
    """A TAB with one program."""
    name = data[36:44].decode().rstrip("_")
    path = tmp_path / f"{name}.tab"
    with tarfile.open(path, "w") as archive:
        metadata = (
            f'tab-version = 1\nname = "{name}"\nonly-for-boards = ""\nbuild-date = 2026-01-01T00:00:00Z\n'.encode()
        )
        for inner, content in ((f"{arch}.tbf", data), ("metadata.toml", metadata)):
            info = tarfile.TarInfo(inner)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return str(path)


def test_it_lists_the_apps_as_if_they_lay_one_behind_the_other(tockloader) -> None:
    data = with_apps()
    before = bytes(data)
    board = Deployed(data).booted()
    shown = tockloader(board, "list", "--verbose")
    for app in sizes():
        assert name_of(app) in shown
    assert shown.index("app3") < shown.index("app1") < shown.index("app0") < shown.index("app2")
    assert "cortex-m4" in tockloader(board, "list-attributes")
    assert "Adder" in tockloader(board, "info") or True
    assert data == before


def test_installing_writes_the_new_app_and_leaves_all_others_alone(tockloader, tmp_path) -> None:
    data = with_apps()
    board = Deployed(data).booted()
    old = {name: (bytes_, running) for name, (bytes_, _, running) in board.state().items()}
    slots = {name: board.store.slot_of(board.number(name)) for name in old}
    new = program("new", 2000, fill=77)
    said = tockloader(board, "install", tab(tmp_path, new))
    assert "exit" not in said, said
    found = board.state()
    assert {name: (found[name][0], found[name][2]) for name in old} == old
    assert {name: board.store.slot_of(board.number(name)) for name in old} == slots, "nobody was begun again"
    assert found["new"][0][64:2000] == new[64:]
    assert found["new"][2]
    again = Deployed(data).booted()
    assert again.state() == found
    assert "new" in tockloader(again, "list")


@pytest.mark.parametrize("name", ["app0", "app1", "app2", "app3", "app4"])
def test_uninstalling_enabling_and_disabling_change_one_app(tockloader, name) -> None:
    data = with_apps()
    board = Deployed(data).booted()
    old = board.state()
    others = {other: old[other] for other in old if other != name}
    assert "exit" not in tockloader(board, "disable-app", name)
    assert board.state() == {**others, name: (old[name][0], 0, False)}
    assert "exit" not in tockloader(board, "sticky-app", name)
    assert board.state() == {**others, name: (old[name][0], 2, False)}
    assert "exit" not in tockloader(board, "enable-app", name)
    assert board.state() == {**others, name: (old[name][0], 3, True)}
    assert "exit" not in tockloader(board, "unsticky-app", name)
    assert board.state() == old
    assert "exit" not in tockloader(board, "uninstall", name)
    assert board.state() == others
    assert Deployed(data).booted().state() == others


def test_several_are_uninstalled_at_once(tockloader) -> None:
    board = Deployed(with_apps()).booted()
    assert "exit" not in tockloader(board, "uninstall", "app3", "app0", "app2")
    assert sorted(board.state()) == ["app1", "app4"]


def test_erasing_all_apps_leaves_sticky_ones(tockloader) -> None:
    board = Deployed(with_apps()).booted()
    tockloader(board, "sticky-app", "app4")
    assert "exit" not in tockloader(board, "erase-apps")
    assert sorted(board.state()) == ["app4"]
    assert "exit" not in tockloader(board, "erase-apps", "--force")
    assert sorted(board.state()) == []


def test_an_app_is_replaced_by_a_newer_one_of_its_name(tockloader, tmp_path) -> None:
    """Of the same size and with the same header, too: only its code differs, early or late."""
    for at in (60, 1500):
        data = with_apps()
        board = Deployed(data).booted()
        old = board.state()
        newer = bytearray(old["app1"][0])
        newer[at] ^= 0x55
        assert "exit" not in tockloader(board, "install", tab(tmp_path, bytes(newer)))
        found = board.state()
        assert found["app1"] == (bytes(newer), 1, True)
        assert {name: value for name, value in found.items() if name != "app1"} == {
            name: value for name, value in old.items() if name != "app1"
        }
        assert len(walk(data, PAGE) or {}) == 5


def test_installing_what_is_there_writes_no_app(tockloader, tmp_path) -> None:
    data = with_apps()
    board = Deployed(data).booted()
    starts = [board.store.start_of(app) for app in range(5)]
    assert "exit" not in tockloader(board, "install", tab(tmp_path, sizes()[1]))
    assert [board.store.start_of(app) for app in range(5)] == starts


def test_large_apps_with_zeros_in_them_arrive_whole(tockloader, tmp_path) -> None:
    """Tockloader leaves out pages of zeros."""
    for seed in range(3):
        dice = random.Random(seed)
        data = with_apps()
        board = Deployed(data).booted()
        new = bytearray(program(f"big{seed}", dice.choice((8192, 16384, 12000))))
        for page in range(1, len(new) // 512):
            if dice.random() < 0.6:
                new[page * 512 : page * 512 + 512] = bytes(512)
        said = tockloader(board, "install", tab(tmp_path, bytes(new)))
        assert "exit" not in said
        assert board.state()[f"big{seed}"][0][64 : len(new)] == new[64:]
        newer = bytearray(new)
        newer[512:1024] = bytes(512)
        newer[-512:] = bytes(512)
        assert "exit" not in tockloader(board, "install", tab(tmp_path, bytes(newer)))
        assert board.state()[f"big{seed}"][0][64 : len(new)] == newer[64:]


def test_what_does_not_fit_and_what_is_for_another_processor_is_said_and_changes_nothing(tockloader, tmp_path) -> None:
    data = with_apps()
    board = Deployed(data).booted()
    old = board.state()
    said = tockloader(board, "install", tab(tmp_path, program("huge", PAGE * PAGES)))
    assert "exit 1" in said
    assert "Internal error" in said
    assert board.state() == old
    said = tockloader(board, "install", tab(tmp_path, program("other", 512), arch="rv32imac"))
    assert "exit 1" in said
    assert "architecture" in said
    assert board.state() == old
    assert "exit" not in tockloader(board, "install", tab(tmp_path, program("fits", 512)))


@pytest.fixture
def long(request) -> bool:
    """As in tests/conftest.py, without which this folder's tests are run as well."""
    return bool(request.config.getoption("--long", default=False))


def test_a_session_that_dies_at_any_byte_changes_nothing_or_all(tockloader, tmp_path, long) -> None:
    data = with_apps()
    old = Deployed(bytearray(data)).booted().state()
    arguments = ["install", tab(tmp_path, program("new", 1000, fill=9))]
    whole = Deployed(bytearray(data)).booted()
    tockloader(whole, *arguments)
    new = whole.state()
    total = sum(len(piece) for piece in whole.log)
    for lost in [*range(0, total, 7 if long else 211), total - 3, total - 2, total - 1]:
        board = Deployed(bytearray(data)).booted()
        board.lost_after = lost
        tockloader(board, *arguments)
        board.line.close()
        board.run()
        assert board.state() in (old, new), lost
        board.lost_after = None
        assert "exit" not in tockloader(board, *arguments), lost
        assert board.state() == new


def test_wherever_the_power_is_cut_the_apps_are_the_old_ones_or_the_new_ones(tockloader, tmp_path, long) -> None:
    data = with_apps()
    old = Deployed(bytearray(data)).booted().state()
    arguments = ["install", tab(tmp_path, program("app1", 1000, fill=9))]
    whole = Deployed(bytearray(data), 1 << 30).booted()
    tockloader(whole, *arguments)
    new = whole.state()
    total = (1 << 30) - whole.flash.cut
    for cut in range(0, total, 3 if long else total // 9):
        left = bytearray(data)
        with pytest.raises(PowerCut):
            tockloader(Deployed(left, cut).booted(), *arguments)
        found = Deployed(left).booted().state()
        assert found in (old, new), cut
        assert walk(left, PAGE) is not None, cut


def test_random_bytes_do_nothing(long) -> None:
    """Between sessions and in them; half of them look like frames."""
    data = with_apps()
    board = Deployed(data).booted()
    old = board.state()
    before = bytes(data)
    dice = random.Random(5)
    count = 0
    while count < (1_000_000 if long else 20_000):
        junk = dice.randbytes(dice.choice((3, 40, 700)))
        if dice.random() < 0.5:
            command = dice.choice(
                (1, 3, 5, 6, 7, 0x11, 0x13, 0x14, 0x15, *range(0x40, 0x49), 0x4A, 0x4B, 0x4D, 0x4E, 0x4F, 0x50, 0x51)
            )
            junk = junk[: dice.choice((0, 1, 4, 6, 8, 12, 516))] + bytes((0xFC, command))
        if not board.is_open:
            board.write(b"\xfc\x01")
        board.write(junk)
        count += len(junk)
        if dice.random() < 0.1:
            board.line.close()
            board.run()
            board.is_open = False
            assert board.state() == old
    board.line.close()
    board.run()
    assert board.state() == old
    assert Deployed(bytearray(data)).booted().state() == old
    if long:
        from fuzzing import record

        record("tockloader's protocol", bytes=count)
    assert data[: 5 * PAGE] == before[: 5 * PAGE]


def some_request(dice: random.Random, staged: list[int]) -> bytes:
    """A request that is right, or nearly; of an app that is staged, the next piece as often as not."""
    number = dice.choice((0, 1, 2, 5, 6, 7, 13, 0xFFFFFF, 0xFFFFFFFF))
    if dice.random() < 0.6 and staged:
        number, size = 5, staged[-1]
        data = program("fuzz", size, fill=size & 0xFF)
        at = dice.choice((0, 512, size - size % 512, dice.randrange(0, size, 4)))
        if dice.random() < 0.5:
            at, data = 0, data[:512] if size <= 512 else data[: dice.choice((512, 64, 500))]
        else:
            data = data[at : at + dice.choice((4, 64, 512, 516, 3))]
        return struct.pack("<II", number, at) + data + b"\x45"
    command = dice.randrange(0x40, 0x51)
    if command == 0x44:
        staged.append(dice.choice((256, 512, 768, 1024, 4096, 8192)))
        return struct.pack("<I", dice.choice((staged[-1], staged[-1], 0, 13, 1 << 20))) + b"\x44"
    if command == 0x46 and staged:
        crc = zlib.crc32(program("fuzz", staged[-1], fill=staged[-1] & 0xFF))
        return struct.pack("<II", 5, crc) + b"\x46"
    words = [number, *(dice.choice((0, 1, 2, 4, 7, 64, 255, 0xFFFFFFFF)) for _ in range(dice.choice((0, 0, 1, 1, 2))))]
    cut = dice.choice((None, None, None, 3, 1))
    return struct.pack(f"<{len(words)}I", *words)[:cut] + bytes((command,))


def test_random_requests_leave_the_board_whole(long) -> None:
    """Sessions of `adder`'s requests in any order, commits among them, of which some end anywhere: after each, the apps
    are those that the next boot finds, and the list is as the store has it."""
    data = with_apps()
    count = sessions = commits = 0
    seed = 0
    while count < (1_000_000 if long else 12_000):
        dice = random.Random(seed)
        seed += 1
        board = Deployed(data).booted()
        board.write(b"\xfc\x01")
        staged: list[int] = []
        for _ in range(dice.randrange(60)):
            request = some_request(dice, staged)
            frame = request[:-1].replace(b"\xfc", b"\xfc\xfc") + b"\xfc" + request[-1:]
            if dice.random() < 0.02:
                frame = frame[: dice.randrange(len(frame))]
            board.write(frame)
            count += len(frame)
            commits += b"\xfc\x40\x49\x00\x00\x00\x00\x00" in board.line.sent
            board.line.sent = b""
        board.line.close()
        board.run()
        sessions += 1
        again = Deployed(bytearray(data)).booted()
        found = {name: value[:2] for name, value in board.state().items()}
        trial = any(flags & 64 for _, flags in found.values())
        assert trial or {name: value[:2] for name, value in again.state().items()} == found, seed
        assert walk(data, PAGE) is not None, seed
        if dice.random() < 0.2:
            data = with_apps()
    assert commits > sessions // 10
    if long:
        from fuzzing import record

        record("adder's requests", bytes=count, sessions=sessions, commits=commits)


# -- What adder asks for --------------------------------------------------------------------------


class Adder:
    """The host's side of requests.py."""

    def __init__(self, board: Deployed) -> None:
        self.board = board
        board.write(b"\xfc\x01")
        assert board.read(2) == b"\xfc\x11"
        self.session = bytes(3)

    def ask(self, command: int, *words: int, data: bytes = b"") -> tuple[int, bytes]:
        payload = b"".join(struct.pack("<I", word) for word in words) + data
        self.board.write(payload.replace(b"\xfc", b"\xfc\xfc") + bytes((0xFC, command)))
        answer, self.board.line.sent = self.board.line.sent, b""
        assert answer[:3] == bytes((0xFC, 0x40, command)), answer
        answer = answer[3:].replace(b"\xfc\xfc", b"\xfc")
        assert answer[:3] == self.session, answer
        answer = answer[3:]
        assert len(answer) == 2 + answer[1]
        return answer[0], answer[2:]


def test_adder_installs_removes_stops_and_starts() -> None:
    data = with_apps()
    board = Deployed(data).booted()
    adder = Adder(board)
    adder.session = b"\xfc\x02\x03"
    assert adder.ask(0x51, 0x0302FC) == (0, b"")
    status, about = adder.ask(0x40)
    assert struct.unpack("<7I", about)[:2] == (4, 5)
    first = struct.unpack("<10I", adder.ask(0x41, 0)[1])
    assert first[:3] == (0, 768, 1)
    assert adder.ask(0x42, 0, 0, 64)[1] == sizes()[0][:64]
    assert adder.ask(0x4B, 0)[0] == 0
    assert not board.state()["app0"][2]
    assert adder.ask(0x4B, 0)[0] == 3
    assert adder.ask(0x4C, 0)[0] == 0
    assert board.state()["app0"][2]
    new = program("new", 3072, fill=0xFC)
    assert adder.ask(0x44, len(new))[0] == 5
    assert adder.ask(0x43)[0] == 0
    status, number = adder.ask(0x44, len(new))
    assert (status, number) == (0, struct.pack("<I", 5))
    for at in range(0, len(new), 512):
        assert adder.ask(0x45, 5, at, data=new[at : at + 512])[0] == 0
    assert adder.ask(0x46, 5, 1)[0] == 13
    assert adder.ask(0x46, 5, zlib.crc32(new))[0] == 0
    assert adder.ask(0x47, 1)[0] == 0
    assert adder.ask(0x48, 2, 0)[0] == 0
    assert adder.ask(0x49)[0] == 0
    found = board.state()
    assert found["new"] == (new, 1, True)
    assert "app1" not in found
    assert found["app2"][1:] == (0, False)
    for command in range(0x40, 0x51):
        assert adder.ask(command, 77, 77)[0] in (0, 3, 5, 6, 7)


# -- Its own time is over -----------------------------------------------------------------------


def session(board: Deployed, new: bytes) -> None:
    """Adder replaces an app, as far as it is answered."""
    adder = Adder(board)
    adder.ask(0x4A)
    adder.ask(0x40)
    adder.ask(0x43)
    _, number = adder.ask(0x44, len(new))
    number = struct.unpack("<I", number)[0]
    adder.ask(0x45, number, 0, data=new)
    adder.ask(0x46, number, zlib.crc32(new))
    adder.ask(0x47, 0)
    adder.ask(0x49)
    adder.ask(0x4D, 0)
    adder.ask(0x50, 0, 0)


def test_whatever_is_cut_short_in_it_the_next_session_is_as_ever_and_others_have_the_store(monkeypatch, long) -> None:
    data = bytearray(b"\xff" * (PAGE * 8))
    first = Board(data, FakeFlash(data, PAGE)).booted()
    assert first.change(("install", program("a", 256))) == 0
    new = program("a", 512, fill=7)

    def play(place: Place | None) -> Cutter:
        cutter = Cutter("capsules/deploy/", place)
        monkeypatch.setattr(deployed, "run_deferred", lambda: cutter.run(_deferred))
        board = Deployed(bytearray(data)).booted()
        with contextlib.suppress(AssertionError, struct.error):
            session(board, new)
        if place is None:
            assert board.state()["a"][0][:512] == new
            return cutter
        for _ in range(2):
            board.line.incoming = board.line.sent = b""
            board.line.close()  # nothing has come for a while
            board.run()
            board.is_open = False
            assert board.state()["a"][0][:512] in (program("a", 256), new), cutter.where
            assert board.store.begin(board.client) == 0, cutter.where  # another client
            assert board.ask(board.store.abort(board.client)) == 8, cutter.where
            board.told.clear()
            try:
                session(board, new)
            except (AssertionError, struct.error) as problem:
                raise AssertionError(f"cut short in {cutter.where}") from problem
            assert board.state()["a"][0][:512] == new, cutter.where
        return cutter

    places = list(play(None).places)
    assert len(places) > 500
    for place in places[:: 1 if long else 43]:
        play(place)
