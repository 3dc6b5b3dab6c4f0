"""capsules/virtual/app_store.py and app_directory.py: wherever power is cut, apps are the old or the new ones."""

import contextlib
import random
import struct

import config
import pytest
from app_flash import PAGE, Board, checked, cut_board, padding, program, walk
from cells import Buffer
from cut_short import cut_short
from hardware import FakeFlash, PowerCut
from kernel import ErrorCode

from capsules.virtual.app_directory import RECORD, AppDirectory
from capsules.virtual.app_list import HEAD, MARKED, PIECE, AppList
from capsules.virtual.app_places import NOT_YET, NOWHERE, AppPlaces, first_covered
from capsules.virtual.app_store import BAD, ENABLED, KEPT

PAGES = 16
SIZE = PAGE * PAGES


def blank() -> bytearray:
    return bytearray(b"\xff" * SIZE)


def flash_of(*parts: bytes) -> bytearray:
    data = b"".join(parts)
    return bytearray(data.ljust(SIZE, b"\xff"))


A, B, C, D = program("a", 512), program("b", 1024, fill=3), program("c", 256, fill=5), program("d", 2048, fill=9)


def names(board: Board) -> list[str]:
    return sorted(board.state())


def test_without_a_directory_the_list_says_which_apps_there_are_and_nothing_is_written() -> None:
    data = flash_of(A, padding(512), B)
    before = bytes(data)
    board = Board(data).booted()
    assert not board.machine.loader.taken
    assert {name: flags for name, (_, flags, _) in board.state().items()} == {"a": ENABLED, "b": ENABLED}
    assert data == before


def test_an_app_is_installed_starts_and_is_there_after_a_reset() -> None:
    data = blank()
    board = Board(data).booted()
    assert board.change(("install", A)) == 0
    assert board.state() == {"a": (A, ENABLED, True)}
    again = Board(data).booted()
    assert again.machine.loader.taken
    assert again.state() == board.state()
    assert walk(data) == {0: A}


def test_a_disabled_app_is_installed_and_does_not_start() -> None:
    data = blank()
    board = Board(data).booted()
    assert board.change(("install", program("off", 512, enabled=False))) == 0
    assert [(flags, runs) for _, flags, runs in board.state().values()] == [(0, False)]


def test_several_changes_at_once_and_each_alone() -> None:
    data = flash_of(A, B)
    board = Board(data).booted()
    assert board.change(("install", C), ("disable", "a"), ("drop", "b"), ("install", D)) == 0
    expected = {"a": (A, 0, False), "c": (C, ENABLED, True), "d": (D, ENABLED, True)}
    assert board.state() == expected
    assert Board(data).booted().state() == expected
    assert list((walk(data) or {}).values()) == [A, C, D]
    assert board.change(("enable", "a")) == 0
    assert board.change(("disable", "c")) == 0
    assert board.change(("drop", "d")) == 0
    assert board.state() == {"a": (A, ENABLED, True), "c": (C, 0, False)}
    assert Board(data).booted().state() == board.state()
    assert list((walk(data) or {}).values()) == [A, C]


def test_an_update_is_one_change_and_can_be_rolled_back_if_the_old_one_is_kept() -> None:
    data = flash_of(A, B)
    newer = program("a", 1024, fill=77)
    board = Board(data).booted()
    assert board.change(("keep", "a"), ("install", newer)) == 0
    assert board.state()["a"] == (newer, ENABLED, True)
    assert board.state()["kept a"] == (A, KEPT, False)
    board = Board(data).booted()
    assert board.state()["a"] == (newer, ENABLED, True)
    slot = board.store.slot_of(board.number("b"))
    board.begin()
    old = next(app for app in range(board.store.apps()) if board.store.flags_of(app) == KEPT)
    assert board.store.set_flags(board.client, old, ENABLED) == 0
    assert board.store.drop(board.client, board.number("a")) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert board.state() == {"a": (A, ENABLED, True), "b": (B, ENABLED, True)}
    assert board.store.slot_of(board.number("b")) == slot
    assert Board(data).booted().state() == board.state()


def test_a_hole_is_used_when_the_end_is_full_and_padded_when_it_is_free() -> None:
    data = blank()
    board = Board(data).booted()
    for number in range(7):
        assert board.change(("install", program(f"app{number}", 1024, fill=number))) == 0
    assert board.change(("install", program("more", 512))) == ErrorCode.NOMEM
    assert board.change(("drop", "app2")) == 0
    assert board.change(("drop", "app3")) == 0
    assert names(board) == ["app0", "app1", "app4", "app5", "app6"]
    assert len(walk(data) or {}) == 5
    small = program("small", 512, fill=99)
    assert board.change(("install", small)) == 0
    assert (walk(data) or {})[2048] == small
    assert len(walk(data) or {}) == 6
    assert Board(data).booted().state() == board.state()


def test_a_set_of_more_apps_than_the_one_before_does_not_leave_its_page() -> None:
    """The records fill the directory's pages to different heights; this flash refuses what goes over a page's end."""
    data = bytearray(b"\xff" * (PAGE * 40))
    board = Board(data).booted()
    for number in range(17):
        assert board.change(("install", program(f"app{number}", 512, enabled=False))) == 0
        for turn in range(number % 5):
            assert board.change(("enable" if turn % 2 else "disable", f"app{number}")) == 0
        assert len(Board(bytearray(data)).booted().state()) == number + 1


def test_an_app_that_shares_a_page_stays_in_the_flash_until_the_others_have_gone() -> None:
    """Apps that another tool has packed: an erasure would take the neighbours along."""
    data = flash_of(C, program("e", 256), A)
    board = Board(data).booted()
    assert board.change(("drop", "c")) == 0
    assert names(board) == ["a", "e"]
    assert names(Board(data).booted()) == ["a", "e"]
    assert (walk(data) or {})[0] == C
    assert Board(data).booted().change(("drop", "e")) == 0
    assert list((walk(data) or {}).values()) == [A]
    assert names(Board(data).booted()) == ["a"]


def test_what_was_written_from_outside_counts(log) -> None:
    data = flash_of(A, B)
    board = Board(data).booted()
    assert board.change(("disable", "a")) == 0
    data[: len(D)] = D  # over both
    board = Board(data).booted()
    assert board.state() == {"d": (D, ENABLED, True)}
    assert "written from outside" in log.text
    assert board.change(("install", C)) == 0
    assert Board(data).booted().state() == {"c": (C, ENABLED, True), "d": (D, ENABLED, True)}


def test_one_transaction_at_a_time_and_an_aborted_one_leaves_nothing() -> None:
    data = flash_of(A, B)
    board = Board(data).booted()
    board.begin()
    assert board.store.begin(board.client) == ErrorCode.BUSY
    board.stage(D)
    assert board.ask(board.store.abort(board.client)) == ErrorCode.CANCEL
    assert names(board) == ["a", "b"]
    assert board.change(("install", C)) == 0
    assert names(Board(data).booted()) == ["a", "b", "c"]


def test_nobody_can_abort_anothers_transaction_and_no_client_can_make_ever_more_clients() -> None:
    board = Board(flash_of(A, B)).booted()
    other = board.store.new_client(lambda status: None)
    board.begin()
    assert board.store.abort(other) == ErrorCode.INVAL
    assert board.store.abort(-1) == ErrorCode.INVAL
    board.stage(D)
    assert board.store.commit(board.client) == 0
    board.run()
    assert names(board) == ["a", "b", "d"]
    assert board.store.abort(board.client) == ErrorCode.INVAL
    for _ in range(6):
        board.store.new_client(lambda status: None)
    with pytest.raises(ValueError, match="too many clients"):
        board.store.new_client(lambda status: None)


@pytest.mark.parametrize("turns", range(0, 40, 3))
def test_a_transaction_may_be_aborted_at_any_time(turns) -> None:
    """Whatever the flash is at just then; a buffer that was lent comes back."""
    data = flash_of(A, padding(512), B, D, D[:0])
    board = Board(data).booted()
    board.begin()
    buffer = Buffer(PAGE)
    buffer.set(0, C)
    app = board.store.stage(board.client, 256)
    wrote = False
    for turn in range(turns):
        board.machine.run()
        if turn % 2:
            board.flash.step()
        if board.told and not wrote:
            wrote = board.store.write(board.client, app, 0, buffer, 256) == 0
    board.told.clear()
    assert board.store.abort(board.client) == 0
    board.run()
    assert board.told[-1] == ErrorCode.CANCEL
    assert buffer.is_good()
    assert names(board) == ["a", "b", "d"]
    assert board.change(("install", C)) == 0
    assert names(Board(data).booted()) == ["a", "b", "c", "d"]


def test_what_is_no_program_is_refused() -> None:
    board = Board(blank()).booted()
    for data in (padding(64), A[:4] + b"\0\4" + A[6:], bytes(64), b"\2\0\xfc\xff" + A[4:]):
        board.begin()
        app = board.store.stage(board.client, len(data))
        assert board.ask(0) == 0
        buffer = Buffer(PAGE)
        buffer.set(0, data)
        assert board.ask(board.store.write(board.client, app, 0, buffer, len(data))) == 0
        assert board.store.finish(board.client, app) == ErrorCode.INVAL
        assert board.store.commit(board.client) == ErrorCode.INVAL
        board.store.abort(board.client)
        board.run()
    board.begin()
    for size in (0, 15, 18, SIZE, 1 << 30, 1000 * 4 + 4):
        assert board.store.stage(board.client, size) < 0


@pytest.mark.parametrize("size", [1024, SIZE // 2])
def test_what_is_written_behind_the_finish_is_looked_at_again(size) -> None:
    """Else a header of another size would be in the list, and nothing behind it would be found."""
    data = blank()
    board = Board(data).booted()
    board.begin()
    app = board.stage(A)
    buffer = Buffer(HEAD)
    buffer.set(0, program("evil", size)[:HEAD])
    assert board.ask(board.store.write(board.client, app, 0, buffer, HEAD)) == 0
    assert board.store.commit(board.client) == ErrorCode.INVAL
    assert board.store.finish(board.client, app) == ErrorCode.INVAL
    buffer.set(0, A[:HEAD])
    assert board.ask(board.store.write(board.client, app, 0, buffer, HEAD)) == 0
    assert board.store.finish(board.client, app) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert walk(data) == {0: A}


def test_a_flash_that_fails_is_told_and_nothing_is_lost() -> None:
    data = flash_of(A, B)
    board = Board(data).booted()
    board.begin()
    board.stage(C)
    board.flash.status = ErrorCode.FAIL
    assert board.ask(board.store.commit(board.client)) == ErrorCode.FAIL
    board.flash.status = 0
    assert names(board) == ["a", "b"]
    assert board.change(("install", C)) == 0
    assert names(Board(data).booted()) == ["a", "b", "c"]


@pytest.fixture
def long(request) -> bool:
    """As in tests/conftest.py, without which this folder's tests are run as well."""
    return bool(request.config.getoption("--long", default=False))


# -- What nobody expects in the flash ----------------------------------------------------------


def with_entries(name: str, entries: int, footers: bytes = b"", end: int = 0) -> bytes:
    """A program of one page whose header has so many entries that say nothing, and footers behind its end."""
    tlvs = struct.pack("<HHIII", 1, 12, 0, 0, 4096) + struct.pack("<HH8s", 3, 8, name.encode().ljust(8, b"_"))
    if end:
        tlvs += struct.pack("<HHIIIII", 9, 20, 0, 0, 4096, end, 0)
    header = bytearray(struct.pack("<HHIII", 2, 0, LONG, 1, 0) + tlvs + struct.pack("<HH", 0x7000, 0) * entries)
    struct.pack_into("<H", header, 2, len(header))
    return (checked(header).ljust(end, b"\xaa") + footers).ljust(LONG, b"\0")


LONG = 4096


class CountedFlash(FakeFlash):
    """Counts how often it is read."""

    reads = 0

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> None:
        super().read(offset, buffer, start, length)
        self.reads += 1


def test_of_more_apps_than_a_directory_holds_none_is_touched() -> None:
    data = bytearray(b"".join(program(f"a{n}", PAGE, fill=n) for n in range(40)).ljust(PAGE * 60, b"\xff"))
    before = bytes(data)
    board = Board(data).booted()
    board.look()
    assert board.store.begin(board.client) == ErrorCode.NODEVICE
    assert bytes(data) == before
    assert len(walk(data) or {}) == 40


@pytest.mark.parametrize("damage", [(5, 0x80), (0, 0x01), (3, 0xFF)])
def test_what_cannot_be_read_and_what_lies_behind_is_not_written_over_until_somebody_drops_it(damage) -> None:
    data = flash_of(A, B, D)
    data[len(A) + damage[0]] ^= damage[1]
    before = bytes(data[len(A) :])
    board = Board(data).booted()
    board.look()
    if board.store.apps() == 3:  # its size can still be read
        assert damage[0] not in (5, 0)
        return
    assert [board.store.flags_of(app) for app in range(board.store.apps())] == [ENABLED, BAD]
    assert board.change(("install", C)) == ErrorCode.NOMEM
    assert board.change(("disable", "a")) == 0
    assert bytes(data[len(A) : SIZE - 2 * PAGE]) == before[: SIZE - 2 * PAGE - len(A)]
    board = Board(data).booted()
    assert board.store.apps() == 2
    board.begin()
    assert board.store.drop(board.client, 1) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert board.change(("install", C)) == 0
    assert Board(data).booted().state() == board.state()


@pytest.mark.parametrize(("outside", "paddings"), [(False, 0), (False, 1000), (True, 0), (True, 1000)])
def test_a_boot_goes_an_app_at_a_time_and_until_it_is_over_nothing_disabled_starts_and_others_get_busy(
    outside, paddings
) -> None:
    """As many apps as there can be, with the longest headers; perhaps one from outside, or padding without end."""
    apps = [with_entries(f"j{n}", 950) for n in range(32)]
    data = bytearray(b"".join(apps).ljust(LONG * 40, b"\xff"))
    board = Board(data, FakeFlash(data, LONG)).booted()
    assert board.change(("disable", "j7")) == 0
    if outside:
        data[LONG * 30 : LONG * 31] = with_entries("other", 950)
    data[LONG * 32 : LONG * 32 + 16 * paddings] = padding(16) * paddings
    flash = CountedFlash(data, LONG)
    again = Board(data, flash)
    steps = [flash.reads]
    machine, line = again.machine, again.machine.lines[0]
    assert machine.loader.taken
    handler = line.handler
    while line.pending and again.store.look(again.client) != 0:
        running = set(machine.processes)
        assert again.store.look(again.client) == again.store.begin(again.client) == ErrorCode.BUSY
        assert again.store.settle_trial(again.client, 1) != 0
        line.pending = False
        before = flash.reads
        handler()
        steps.append(flash.reads - before)
        assert len(set(machine.processes) - running) <= 1
        assert outside or "j7" not in {process.name.decode().rstrip("_") for process in machine.processes.values()}
    assert max(steps) <= 2 * (4096 // PIECE) + 16, steps
    assert len(steps) > 2 * 32
    again.run()
    assert again.store.apps() == 32
    assert len(machine.processes) == min(config.MAX_PROCESSES, 32 if outside else 31)

    def counted() -> None:
        before = flash.reads
        handler()
        steps.append(flash.reads - before)

    steps.clear()
    line.handler = counted
    assert again.change(("drop", "j3" if outside else "j7")) == 0
    assert again.change(("install", with_entries("new", 50))) == 0
    assert max(steps) <= 2 * (4096 // PIECE) + 16, steps


def test_headers_that_are_long_on_purpose_take_no_more_of_a_boot_than_others() -> None:
    reads = []
    for entries in (0, 950):
        data = bytearray(b"".join(with_entries(f"j{n}", entries) for n in range(8)).ljust(LONG * 12, b"\xff"))
        board = Board(data, FakeFlash(data, LONG)).booted()
        assert board.change(("disable", "j0")) == 0
        flash = CountedFlash(data, LONG)
        again = Board(data, flash).booted()
        reads.append(flash.reads)
        assert len(again.machine.processes) == 7
    assert reads[1] < reads[0] + 8 * 2 * (MARKED // PIECE)


def test_a_header_with_more_entries_than_anybody_needs_is_refused() -> None:
    data = bytearray(b"\xff" * LONG * 8)
    for entries, status in ((60, 0), (64, ErrorCode.INVAL), (950, ErrorCode.INVAL)):
        board = Board(data, FakeFlash(data, LONG)).booted()
        board.look()
        assert board.store.begin(board.client) == 0
        number = board.store.stage(board.client, LONG)
        assert board.ask(0) == 0
        buffer = Buffer(LONG)
        buffer.set(0, with_entries("e", entries))
        assert board.ask(board.store.write(board.client, number, 0, buffer, LONG)) == 0
        assert board.store.finish(board.client, number) == status


@pytest.mark.parametrize(
    ("footers", "status"),
    [(b"\0" * 3000, 0), (struct.pack("<HH", 77, 0) * 700, ErrorCode.NOACK), (struct.pack("<HH", 77, 0) * 20, 0)],
)
def test_footers_are_looked_at_one_after_the_other_and_not_without_end(footers: bytes, status: int) -> None:
    data = bytearray(b"\xff" * LONG * 8)
    flash = CountedFlash(data, LONG)
    board = Board(data, flash).booted()
    board.begin()
    board.stage(with_entries("f", 0, footers, end=512))
    credentials = board.store._credentials
    whole, reads = credentials.next, []

    def counted() -> int:
        before = flash.reads
        found = whole()
        reads.append(flash.reads - before)
        return found

    credentials.next = counted
    assert board.ask(board.store.commit(board.client)) == status
    assert 0 < max(reads) <= 3


# -- The power is cut ------------------------------------------------------------------------------


def full() -> bytearray:
    """A flash with a directory, six apps, and a hole of 2 KB among them: new ones go there."""
    data = blank()
    board = Board(data).booted()
    for number in range(6):
        assert board.change(("install", program(f"app{number}", 512, fill=number))) == 0
    assert board.change(("install", D)) == 0
    assert board.change(("install", program("last", 1024))) == 0
    assert board.change(("drop", "d")) == 0
    return data


def packed() -> bytearray:
    """A list that another tool has made."""
    return flash_of(*(program(f"app{n}", 512, fill=n) for n in range(5)), program("last", 1024))


def kept() -> bytearray:
    """One with an older version that is kept."""
    data = full()
    assert Board(data).booted().change(("keep", "app2"), ("install", program("app2", 512, fill=200))) == 0
    return data


CHANGES = {
    "install": [("install", C)],
    "install two": [("install", C), ("install", A)],
    "update": [("install", program("app2", 512, fill=200)), ("drop", "app2")],
    "update and keep": [("keep", "app2"), ("install", program("app2", 512, fill=200))],
    "remove": [("drop", "app3")],
    "remove the last": [("drop", "last")],
    "remove at the beginning": [("drop", "app0")],
    "disable": [("disable", "app1")],
    "several": [("drop", "app0"), ("disable", "app4"), ("install", C), ("drop", "last"), ("install", A)],
}


def steps_of(flash: bytearray, steps) -> int:
    """How many words a change writes, and pages it erases, from the boot on."""
    board = cut_board(bytearray(flash), 1 << 30, None)
    board.run()
    assert board.change(*steps) == 0
    return (1 << 30) - board.flash.cut


CHANGEABLE = [(what, "blank") for what in ("install", "install two")]  # nothing else is there to be changed
CHANGEABLE += [("roll back", "kept")]
CHANGEABLE += [(what, beginning) for what in CHANGES for beginning in ("list", "full")]


@pytest.mark.parametrize(("what", "beginning"), CHANGEABLE)
def test_wherever_the_power_is_cut_the_apps_are_the_old_ones_or_the_new_ones(what, beginning, long) -> None:
    """Each word that a change erases or writes is the last in turn: done, not done, or half done. The next boot finds
    the old set or the new one, has a whole directory and a list that any walker can walk; cut again, it is the same.
    `make fuzz` does them all, `make test` each 24th, and the last ones."""
    flash = {"blank": blank, "full": full, "list": packed, "kept": kept}[beginning]()
    steps = CHANGES.get(what, [("back", "app2")])
    old = Board(bytearray(flash)).booted().state()
    after = Board(bytearray(flash)).booted()
    assert after.change(*steps) == 0
    new = after.state()
    total = steps_of(flash, steps)
    assert total > 10
    seen = set()
    for half in (None, random.Random(total)):
        for cut in range(total):
            if not long and cut % 24 != total % 24 and not total - 12 < cut:
                continue
            data = bytearray(flash)
            board = cut_board(data, cut, half)
            with pytest.raises(PowerCut):
                board.booted().change(*steps)
            again = bytearray(data)
            found = Board(data).booted().state()
            assert found in (old, new), f"cut after {cut} of {total} words"
            seen.add(found == new)
            assert walk(data) == listed(data), f"the list, cut after {cut} words"
            second = cut_board(again, cut % 50, half)  # the boot that puts it right is cut, too
            with contextlib.suppress(PowerCut):
                second.run()
            assert Board(again).booted().state() == found
            if cut % 16 == 0:
                assert Board(again).booted().change(("install", program("then", 256))) == 0
                assert names(Board(again).booted()) == sorted([*found, "then"])
    assert seen == {False, True}


def listed(data: bytearray) -> dict[int, bytes]:
    """What the store says that the list at rest has."""
    board = Board(bytearray(data)).booted()
    board.look()
    return {board.store.start_of(app): board.bytes_of(app) for app in range(board.store.apps())}


def some_steps(dice: random.Random, state, serial: int):
    """A change at random."""
    names = [name for name in state if not name.startswith("kept")]
    still = [name for name in names if not state[name][1] & ENABLED]
    kept = [name for name in names if f"kept {name}" in state]
    single = dice.randrange(8)
    if still and single == 0:
        return [(dice.choice(("down", "down", "up")), dice.choice(still))], serial
    if kept and single == 1:
        return [("back", dice.choice(kept))], serial
    fresh = [name for name in names if name not in kept]
    if fresh and single == 2:
        name = dice.choice(fresh)
        return [("keep", name), ("install", program(name, dice.choice((256, 1024)), fill=serial))], serial + 1
    steps = []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        verb = dice.choice(("install", "install", "drop", "enable", "disable"))
        if verb == "install":
            steps.append(("install", program(f"n{serial}", dice.choice((256, 512, 512, 1024, 2048)), fill=serial)))
            serial += 1
        elif names:
            name = names.pop(dice.randrange(len(names)))
            steps.append((verb, name))
    return steps, serial


def test_random_changes_and_cuts_one_after_the_other(long) -> None:
    """Each sequence goes on with the flash that the last cut has left."""
    sequences = 500 if long else 8
    cuts = changes = 0
    for seed in range(sequences):
        dice = random.Random(seed)
        data = blank() if seed % 2 else flash_of(program("x", 256), program("y", 256), A, padding(512), B)
        serial = 0
        state = Board(data).booted().state()
        for _ in range(12):
            steps, serial = some_steps(dice, state, serial)
            trial = Board(bytearray(data)).booted()
            if trial.change(*steps) != 0:
                continue
            new = trial.state()
            board = cut_board(data, dice.randrange(700), dice.choice((None, dice)))
            try:
                board.run()
                assert board.change(*steps) == 0
                changes += 1
            except PowerCut:
                cuts += 1
            found = Board(data).booted().state()
            assert found in (state, new), seed
            assert walk(data) == listed(data), seed
            state = found
    assert cuts > sequences
    if long:
        from fuzzing import record

        record("the app store's flash", sequences=sequences, changes=changes, cuts=cuts)


def test_where_an_app_can_begin_is_found_without_trying_each_page() -> None:
    """The same as the first page that can be covered, of all."""

    def is_covered(at: int, size: int) -> bool:
        pieces = [1 << bit for bit in range(5, 19) if size % (1 << bit) == 0 and at % (1 << bit) == 0]
        return any(at % (8 * piece) // piece + size // piece <= 16 for piece in pieces)

    dice = random.Random(7)
    for _ in range(500):
        page = dice.choice((512, 4096))
        bit = dice.randrange(5, 15)
        size = dice.choice((dice.randrange(1, 33) << bit, dice.randrange(16, 20000) * 4))
        at = dice.randrange(256) * page
        tried = (start for start in range(at, at + (1 << 19), page) if is_covered(start, size))
        assert first_covered(at, size, page) == next(tried, -1), (at, size, page)


def test_room_is_looked_for_one_hole_at_a_time_however_many_apps_there_are() -> None:
    """Thirty apps with holes between them that are too small for the new one, and an end that is full."""
    apps = [program(f"app{number}", 512, fill=number) + padding(512) for number in range(13)]
    data = bytearray(b"".join(apps).ljust(28 * PAGE, b"\xff"))
    flash = FakeFlash(data, PAGE, None)
    directory = AppDirectory(flash, Buffer(RECORD))
    for number in range(13):
        directory.apps.take(number * 2 * PAGE, PAGE, 0, 0)
    apps_list = AppList(flash, directory.crc, Buffer(PIECE), 26 * PAGE)
    places = AppPlaces(apps_list, directory, PAGE)
    reads = 0
    read = flash.read

    def counted(*arguments) -> None:
        nonlocal reads
        reads += 1
        read(*arguments)

    flash.read = counted
    for size, found in ((512, PAGE), (513 + 3, NOWHERE)):
        places.begin(size, flash.length(), directory.apps)
        turns = []
        place = NOT_YET
        while place == NOT_YET:
            before = reads
            place = places.next()
            turns.append(reads - before)
        assert place == found
        assert max(turns) <= 4


def test_a_step_that_is_cut_short_anywhere_is_done_again_or_can_be_given_up(long) -> None:
    """Of many steps of a change, one, before one of its opcodes. The apps at boot are the old ones or the new ones."""
    dice = random.Random(5)
    cuts = lost = 0
    for _ in range(2000 if long else 25):
        data = flash_of(A, B)
        board = Board(data).booted()
        old = board.state()
        turn, after, handler = dice.randrange(40), dice.randrange(400), board.machine.lines[0].handler
        calls = 0

        def step(turn=turn, after=after, handler=handler, line=board.machine.lines[0]) -> None:
            nonlocal calls, cuts
            calls += 1
            if calls == turn:
                cuts += cut_short(handler, after) != ""
                line.trigger()  # the kernel calls it once more
            else:
                handler()

        board.machine.lines[0].handler = step
        new = old | {"c": (C, ENABLED, True)}
        try:
            done = board.change(("install", C)) == 0
        except (AssertionError, RuntimeError, TypeError):
            done = False
            lost += 1
        assert Board(data).booted().state() in (old, new)
        if done:
            assert Board(data).booted().state() == new
        board = Board(data).booted()
        assert board.change(("install", D)) == 0
        assert "d" in Board(data).booted().state()
    assert cuts > 3
    assert lost < cuts
