"""capsules/core/app_loader.py: an app that loads another one gives it nothing that it has not itself."""

import struct
from collections.abc import Callable, Sequence

import pytest
from app_flash import Board, checked
from cells import Buffer
from cut_short import every_cut
from hardware import FakeAlarm, FakeFlash
from kernel import ErrorCode, ProcessId

from adder.apps.drivers import parse_permissions
from capsules.core.app_loader import _REPLACE, DRIVER_NUM, LAYOUT, AppLoader
from capsules.virtual.app_rights import NOT_YET, TAKEN, AppRights
from capsules.virtual.app_store import ENABLED, GONE, KEPT, LOADED

PAGE = 4096
SETUP, WRITE, FINALIZE, LOAD, ABORT, UNLOAD = range(1, 7)
LED, ALARM, STORAGE = 2, 0, 0x50001
LOADER = (DRIVER_NUM, 0, 0x7F)

Permission = tuple[int, int, int]


def tlv(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data + bytes(-len(data) % 4)


def listed(permissions: Sequence[Permission]) -> bytes:
    return tlv(6, struct.pack("<H", len(permissions)) + b"".join(struct.pack("<IIQ", *one) for one in permissions))


def stored(number: int, reads: Sequence[int] = (), modifies: Sequence[int] = ()) -> bytes:
    lists = [struct.pack(f"<H{len(ids)}I", len(ids), *ids) for ids in (reads, modifies)]
    return tlv(7, struct.pack("<I", number) + b"".join(lists))


def short_id(number: int) -> bytes:
    return tlv(10, struct.pack("<I", number))


def fixed(ram: int) -> bytes:
    return tlv(5, struct.pack("<II", ram, 0xFFFFFFFF))


def app(name: str, *tlvs: bytes, size: int = PAGE) -> bytes:
    """A TBF file with these entries in its header."""
    entries = tlv(1, struct.pack("<III", 0, 0, 4096)) + tlv(3, name.encode()) + b"".join(tlvs)
    header = bytearray(struct.pack("<HHIII", 2, 16 + len(entries), size, 1, 0) + entries)
    return checked(header).ljust(size, b"\xaa")


class Loaders:
    """A board whose first app loads others."""

    def __init__(self, *apps: bytes) -> None:
        data = bytearray(b"".join(apps).ljust(16 * PAGE, b"\xff"))
        self.alarm = FakeAlarm()
        self.board = board = Board(data, FakeFlash(data, PAGE))
        machine = board.machine
        grant = machine.grant(DRIVER_NUM, LAYOUT)
        self.capsule = AppLoader(board.store, grant, machine.control, Buffer(512), self.alarm)
        machine.serve(grant, self.capsule.command)
        board.booted()
        self.process = machine.processes[machine.loader.find(0)]

    def identity(self) -> ProcessId:
        return ProcessId(self.process)

    def ask(self, number: int, first: int = 0, second: int = 0) -> int:
        """A command's answer; or what the upcall says."""
        answer = self.process.command(DRIVER_NUM, number, first, second)
        if isinstance(answer, int):
            return -answer
        self.board.run()
        told = [self.process.upcalls.pop(0) for _ in self.process.upcalls[:1]]
        return told[0][2] if told else -99

    def write(self, offset: int, data: bytes) -> None:
        self.process.allow_read_only(DRIVER_NUM, 0, data)
        assert self.ask(WRITE, offset, len(data)) == 0

    def finalize(self, program: bytes) -> int:
        assert self.ask(SETUP, len(program)) == 0
        self.write(0, program)
        return self.ask(FINALIZE)

    def load(self, program: bytes) -> int:
        return self.finalize(program) or self.ask(LOAD)


BOTH = [LOADER, (LED, 0, 0xF), (LED, 1, 0x1), (ALARM, 0, 0x7F)]


@pytest.mark.parametrize(
    ("own", "new", "status"),
    [
        ([], [], 0),  # who has no list may use every driver, and so may what it loads
        ([], [listed(BOTH)], 0),
        ([listed(BOTH)], [], ErrorCode.NOSUPPORT),
        ([listed(BOTH)], [listed([])], 0),
        ([listed(BOTH)], [listed(BOTH[::-1])], 0),
        ([listed(BOTH)], [listed([(LED, 0, 0x3)])], 0),
        ([listed(BOTH)], [listed([(LED, 0, 0)])], 0),
        ([listed(BOTH)], [listed([(LED, 0, 0x1F)])], ErrorCode.NOSUPPORT),
        ([listed(BOTH)], [listed([(LED, 0, 1 << 63)])], ErrorCode.NOSUPPORT),
        ([listed(BOTH)], [listed([(LED, 1, 0x3)])], ErrorCode.NOSUPPORT),
        ([listed(BOTH)], [listed([(LED, 2, 0)])], ErrorCode.NOSUPPORT),
        ([listed(BOTH)], [listed([(LED | 1 << 31, 0, 1)])], ErrorCode.NOSUPPORT),
        ([listed(BOTH)], [listed([LOADER, (3, 0, 0)])], ErrorCode.NOSUPPORT),
        ([listed([*BOTH, *[(n, 0, 1) for n in range(100, 160)]])], [listed([(159, 0, 1), (100, 0, 1)])], 0),
        ([listed(BOTH)], [listed([(LED, 0, 1)]), listed([(3, 0, 1)])], ErrorCode.NOSUPPORT),  # the last one counts
        ([listed(BOTH)], [listed([(3, 0, 1)]), listed([(LED, 0, 1)])], 0),
        ([listed([(3, 0, 1)]), listed(BOTH)], [listed([(3, 0, 1)])], ErrorCode.NOSUPPORT),
        ([], [stored(7)], ErrorCode.NOSUPPORT),
        ([stored(7)], [stored(7)], 0),
        ([stored(7)], [], ErrorCode.NOSUPPORT),  # what programs without a number store is not its own
        ([stored(7)], [stored(0)], ErrorCode.NOSUPPORT),
        ([stored(7)], [listed([(LED, 0, 1)])], 0),  # one that stores nothing has none of it
        ([stored(7)], [listed([(LED, 0, 1), (STORAGE, 0, 1)])], ErrorCode.NOSUPPORT),
        ([stored(7)], [listed([(LED, 0, 1), (STORAGE, 1, 1)])], ErrorCode.NOSUPPORT),
        ([stored(7), listed([(STORAGE, 0, 7)])], [listed([(STORAGE, 0, 7)])], ErrorCode.NOSUPPORT),
        ([stored(7), listed([(STORAGE, 0, 7)])], [stored(7), listed([(STORAGE, 0, 7)])], 0),
        ([stored(7, [], [0])], [], 0),  # it says itself that it changes that
        ([stored(7, [1, 2, 3], [9, 0])], [], 0),
        ([stored(7, [0], [9])], [], ErrorCode.NOSUPPORT),
        ([stored(7, [], [0])], [stored(9)], ErrorCode.NOSUPPORT),
        ([stored(7, [], [9])], [stored(9)], ErrorCode.NOSUPPORT),
        ([stored(7, [], [0]), stored(7)], [], ErrorCode.NOSUPPORT),  # the last one counts
        ([stored(0)], [], 0),
        ([], [stored(0)], 0),
        ([listed([(STORAGE, 0, 7)])], [listed([(STORAGE, 0, 7)])], 0),
        ([stored(7)], [stored(7 << 16)], ErrorCode.NOSUPPORT),
        ([stored(7)], [stored(7 | 1 << 31)], ErrorCode.NOSUPPORT),
        ([stored(7)], [stored(7), stored(8)], ErrorCode.NOSUPPORT),
        ([stored(7)], [stored(8), stored(7)], 0),
        ([stored(7), listed(BOTH)], [stored(7), listed(BOTH[:2])], 0),
        ([stored(7), listed(BOTH)], [stored(7)], ErrorCode.NOSUPPORT),
    ],
)
def test_an_app_gives_what_it_loads_no_permission_and_no_storage_that_it_has_not(
    own: list[bytes], new: list[bytes], status: int
) -> None:
    loaders = Loaders(app("loader", *own))
    assert loaders.finalize(app("new", *new)) == status
    if status:
        assert loaders.ask(LOAD) == -ErrorCode.FAIL
        assert loaders.ask(ABORT) == 0
        assert len(loaders.board.machine.processes) == 1
    else:
        assert loaders.ask(LOAD) == 0
        assert len(loaders.board.machine.processes) == 2


def test_entries_of_the_header_that_are_written_behind_finalize_are_compared_as_well() -> None:
    """What was left blank, as flash is: erased bytes are no entry that anybody knows, and become one."""
    loaders = Loaders(app("loader", listed(BOTH)))
    good, evil = listed([(LED, 0, 1)]), stored(7)
    program = app("new", good, bytes(len(evil)))
    at = program.index(good) + len(good)
    whole = bytearray(program[: at + len(evil)])
    whole[12:16] = bytes(4)
    blank = whole.copy()
    blank[at:] = b"\xff" * len(evil)
    whole[at:] = evil
    assert loaders.ask(SETUP, len(program)) == 0
    loaders.write(0, checked(blank))
    assert loaders.ask(FINALIZE) == 0
    loaders.write(at, evil)
    assert loaders.ask(LOAD) == -ErrorCode.FAIL
    assert loaders.ask(FINALIZE) == ErrorCode.INVAL  # the checksum is another
    loaders.write(0, checked(whole)[:16])
    assert loaders.ask(FINALIZE) == ErrorCode.NOSUPPORT
    assert loaders.ask(LOAD) == -ErrorCode.FAIL


def test_no_call_looks_at_more_than_a_piece_of_headers_that_are_long_on_purpose() -> None:
    """4 KB of empty entries; and as many permissions as there can be, all for one driver: the last one fits."""
    reads = 0
    flash = {
        3: app("new", listed([(LED, 0, 1)] * 128), b"\x63\0\0\0" * 400, size=8192),
        1: app("own", listed([(LED, 1, 1)] * 127 + [(LED, 0, 1)]), b"\x63\0\0\0" * 400, size=8192),
        2: app("new", b"\x63\0\0\0" * 900, tlv(3, b"old"), size=8192),
    }

    def read(number: int, offset: int, buffer: Buffer, at: int, count: int) -> int:
        nonlocal reads
        reads += 1
        buffer.set(at, flash[number][offset : offset + count])
        return count

    rights = AppRights(read, lambda number: ENABLED if number else GONE, Buffer(512))
    rights.begin(3, 1)
    calls, most, answer = 0, 0, NOT_YET
    while answer == NOT_YET:
        reads, calls = 0, calls + 1
        answer = rights.next()
        most = max(most, reads)
    assert answer == 1
    assert calls > 1800
    assert most <= 17


@pytest.mark.parametrize(
    ("new", "other", "answer"),
    [
        (listed([(ALARM, 0, 1), (LED, 0, 0x10)]), b"", 0),
        (short_id(0x10007), short_id(0x10007), TAKEN),
        (tlv(3, b"xyz"), tlv(3, b"xyz"), TAKEN),
    ],
)
def test_nothing_is_taken_for_compared_though_comparing_is_cut_short_anywhere(
    new: bytes, other: bytes, answer: int
) -> None:
    """Of many calls, every second one, before each of its opcodes."""
    flash = {
        3: app("new", listed([(ALARM, 0, 1), (LED, 0, 1)]), new),
        1: app("own", listed([(ALARM, 0, 1), (LED, 0, 15)])),
        2: app("other", other),
    }

    def read(number: int, offset: int, buffer: Buffer, at: int, count: int) -> int:
        buffer.set(at, flash[number][offset : offset + count])
        return count

    def scene(calls: int) -> tuple[Callable[[], None], Callable[[], None]]:
        rights = AppRights(read, lambda number: ENABLED if number else GONE, Buffer(512))
        rights.begin(3, 1)
        answers = [rights.next() for _ in range(calls)]
        assert answers == [NOT_YET] * calls

        def check() -> None:
            while (found := rights.next()) == NOT_YET:
                pass
            assert found == answer

        def handler() -> None:
            rights.next()

        return handler, check

    calls = 0
    rights = AppRights(read, lambda number: ENABLED if number else GONE, Buffer(512))
    rights.begin(3, 1)
    while rights.next() == NOT_YET:
        calls += 1
    for done in range(0, calls + 1, 2):
        every_cut(lambda done=done: scene(done))


# -- Whose transaction it is --------------------------------------------------------------


def begins(loaders: Loaders) -> bool:
    """Whether the host can begin a transaction within two tries."""
    loaders.board.look()
    for _ in range(2):
        if loaders.board.store.begin(loaders.board.client) == 0:
            return True
        loaders.board.run()
    return False


def test_after_a_write_that_failed_nothing_of_another_ones_transaction_can_be_reached() -> None:
    loaders = Loaders(app("loader"))
    board = loaders.board
    assert loaders.ask(SETUP, PAGE) == 0
    loaders.write(64, bytes(64))
    loaders.process.allow_read_only(DRIVER_NUM, 0, b"\xff" * 64)
    assert loaders.ask(WRITE, 64, 64) == ErrorCode.FAIL  # it is not what is there now
    board.begin()
    number = board.stage(app("victim"))
    for command in (WRITE, FINALIZE, LOAD, ABORT):
        assert loaders.ask(command, 0, 64) == -ErrorCode.FAIL
    assert board.ask(board.store.commit(board.client)) == 0
    assert board.bytes_of(number) == app("victim")


@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize("ends", [False, True])
def test_a_program_that_has_begun_to_load_keeps_no_host_from_the_apps_wherever_it_stops(step: int, ends: bool) -> None:
    loaders = Loaders(app("loader"))
    machine, new = loaders.board.machine, app("new")
    for number in range(step):
        [
            lambda: loaders.ask(SETUP, PAGE),
            lambda: loaders.write(0, new[:512]),
            lambda: [loaders.write(at, new[at : at + 512]) for at in range(512, PAGE, 512)],
            lambda: loaders.ask(FINALIZE),
        ][number]()
    if ends:
        machine.loader.unload(loaders.process.slot)
    assert begins(loaders)
    if not ends and step:
        assert loaders.ask(WRITE, 0, 64) == -ErrorCode.FAIL
    assert loaders.board.store.commit(loaders.board.client) == 0
    loaders.board.run()
    assert loaders.board.store.staged() == 1


def test_a_program_that_ends_while_room_is_looked_for_locks_nobody_out() -> None:
    loaders = Loaders(app("loader"))
    machine = loaders.board.machine
    loaders.board.look()
    assert not isinstance(loaders.process.command(DRIVER_NUM, SETUP, 13 * PAGE), int)  # there is no room for it
    machine.loader.unload(loaders.process.slot)
    loaders.board.run()
    assert loaders.capsule._doing == 0
    assert loaders.capsule._entry is None
    assert begins(loaders)


# -- What it takes from others -----------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "other", "status"),
    [
        ([], [], 0),
        ([tlv(3, b"bank")], [], ErrorCode.ALREADY),
        ([tlv(3, b"")], [], 0),
        ([tlv(3, b"bank2")], [], 0),
        ([tlv(3, b"ban")], [], 0),
        ([tlv(3, b"bank"), tlv(3, b"none")], [], 0),  # the last one counts
        ([tlv(3, b"none"), tlv(3, b"bank")], [], ErrorCode.ALREADY),
        ([tlv(3, b"old")], [tlv(3, b"old")], ErrorCode.ALREADY),
        ([tlv(3, b"bank")], [tlv(3, b"old")], 0),
        ([tlv(3, b"x" * 100)], [tlv(3, b"x" * 99 + b"y")], 0),
        ([tlv(3, b"x" * 99 + b"y")], [tlv(3, b"x" * 99 + b"y")], ErrorCode.ALREADY),
        ([short_id(77)], [short_id(77)], ErrorCode.ALREADY),
        ([short_id(77)], [short_id(78)], 0),
        ([short_id(77)], [short_id(77 | 1 << 16)], 0),
        ([short_id(77)], [short_id(77), short_id(78)], 0),
        ([short_id(77)], [], 0),
        ([tlv(3, b"loader")], [], ErrorCode.ALREADY),
    ],
)
def test_what_an_app_loads_has_no_other_ones_name_and_no_other_ones_short_id(
    new: list[bytes], other: list[bytes], status: int
) -> None:
    """Which may be disabled. So nobody who looks for the one finds the other."""
    bank = bytearray(app("bank", *other))
    bank[8] = 0
    bank[12] ^= 1
    loaders = Loaders(app("loader"), app("third"), bytes(bank))
    assert loaders.finalize(app("new", *new)) == status
    if status:
        assert loaders.ask(LOAD) == -ErrorCode.FAIL


def test_the_name_of_an_older_version_that_is_kept_is_free_and_one_that_is_removed_too() -> None:
    loaders = Loaders(app("loader"), app("bank"), app("shop"))
    board = loaders.board
    board.begin()
    assert board.store.set_flags(board.client, 1, KEPT) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert loaders.load(app("bank")) == 0
    board.begin()
    assert board.store.drop(board.client, 2) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert loaders.load(app("shop")) == 0
    assert loaders.load(app("shop")) == ErrorCode.ALREADY


def test_a_permission_for_the_app_loader_includes_no_replacing_unless_it_says_so() -> None:
    for text, allowed in (("app_loader", False), ("app_loader:0-6,64", True)):
        permissions = parse_permissions([text])
        assert permissions is not None
        bits = {64 * one.offset + bit for one in permissions.permissions for bit in range(64) if one.mask >> bit & 1}
        assert (_REPLACE in bits) == allowed
        assert set(range(7)) <= bits


def starts(loaders: Loaders) -> list[int]:
    """Where the apps lie that the next boot starts, in this order."""
    return list(
        Board(loaders.board.flash.data, FakeFlash(loaders.board.flash.data, PAGE))
        .booted()
        .machine.loader.offsets.values()
    )


@pytest.mark.parametrize("at", [0x20020000, 0xFFFFFFFF])
def test_what_can_live_at_one_place_only_is_loaded_by_no_app_but_installed_by_a_host(at: int) -> None:
    loaders = Loaders(app("loader"))
    assert loaders.finalize(app("new", fixed(at))) == ErrorCode.NOSUPPORT
    assert loaders.ask(LOAD) == -ErrorCode.FAIL
    assert loaders.ask(ABORT) == 0
    board = loaders.board
    board.begin()
    board.stage(app("new", fixed(at)))
    assert board.ask(board.store.commit(board.client)) == 0
    assert starts(loaders) == [PAGE, 0]


def test_what_an_app_has_loaded_begins_last_at_each_boot_wherever_it_lies() -> None:
    """The flash is full behind the hole."""
    loaders = Loaders(app("loader"), app("gone"), app("last"), app("large", size=11 * PAGE))
    board = loaders.board
    board.begin()
    assert board.store.drop(board.client, 1) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    assert loaders.load(app("new")) == 0
    assert board.store.start_of(1) == PAGE
    assert board.store.flags_of(1) == ENABLED | LOADED
    assert starts(loaders) == [0, 2 * PAGE, 3 * PAGE, PAGE]


@pytest.mark.parametrize("step", ["disable and enable", "keep", "copy"])
def test_whatever_a_host_does_with_what_an_app_has_loaded_it_still_begins_last(step: str) -> None:
    loaders = Loaders(app("loader"), app("gone"))
    board = loaders.board
    assert loaders.load(app("new")) == 0
    board.begin()
    if step == "copy":
        assert board.store.drop(board.client, 1) == 0
    for flags in {"disable and enable": (0, ENABLED), "keep": (KEPT, ENABLED), "copy": (0,)}[step]:
        assert board.store.set_flags(board.client, 2, flags) == 0
        assert board.ask(board.store.commit(board.client)) == 0
        board.begin()
    number = 2
    if step == "copy":
        assert board.copy(1, low=True) == 0
        assert board.ask(board.store.commit(board.client)) == 0
        assert board.store.start_of(1) == PAGE
        number = 1
    assert board.store.flags_of(number) & LOADED


def test_an_app_ends_no_process_but_of_what_apps_have_loaded() -> None:
    loaders = Loaders(app("loader"), app("bank", short_id(77)))
    machine = loaders.board.machine
    machine.processes[machine.loader.find(PAGE)].facts["short_id"] = 77
    assert loaders.load(app("new", short_id(78))) == 0
    machine.processes[machine.loader.find(2 * PAGE)].facts["short_id"] = 78
    assert loaders.ask(UNLOAD, 77) == -ErrorCode.INVAL
    assert machine.loader.find(PAGE) >= 0
    assert loaders.ask(UNLOAD, 78) == 0
    assert machine.loader.find(2 * PAGE) < 0


# -- What it wears out -------------------------------------------------------------------


def second(alarm: FakeAlarm) -> int:
    return alarm.frequency >> 8


def test_no_page_is_erased_for_an_app_of_which_nothing_is_written() -> None:
    loaders = Loaders(app("loader"))
    loaders.board.look()
    for _ in range(30):
        assert loaders.ask(SETUP, 2 * PAGE) == 0
        assert loaders.ask(ABORT) == 0
    assert sum(loaders.board.flash.erased) == 0
    assert loaders.finalize(app("new", size=2 * PAGE)) == 0
    assert loaders.board.flash.erased[1:3] == [1, 1]


@pytest.mark.parametrize("hole", [False, True])
def test_whatever_an_app_does_for_an_hour_it_begins_no_more_often_than_once_a_minute(hole: bool) -> None:
    """But for the first 32 times. It writes and aborts, as fast as it can, at the end of the list or in a hole."""
    loaders = Loaders(app("loader"), app("gone"), app("large", size=12 * PAGE) if hole else app("other"))
    board, alarm = loaders.board, loaders.alarm
    board.begin()
    assert board.store.drop(board.client, 1) == 0
    assert board.ask(board.store.commit(board.client)) == 0
    before = list(board.flash.erased)
    begun = 0
    for _ in range(60):
        while True:
            answer = loaders.process.command(DRIVER_NUM, SETUP, PAGE)
            if answer == ErrorCode.BUSY:
                break
            board.run()
            loaders.process.take_upcalls()
            begun += 1
            loaders.write(0, bytes(64))
            assert loaders.ask(ABORT) == 0
        alarm.pass_time(60 * second(alarm))
        board.run()
    assert 32 + 58 <= begun <= 32 + 60
    erased = [now - then for now, then in zip(board.flash.erased, before, strict=True)]
    assert max(erased) <= 2 * begun
    alarm.pass_time(40 * 60 * second(alarm))
    for _ in range(32):
        assert loaders.ask(SETUP, PAGE) == 0
        assert loaders.ask(ABORT) == 0
    assert loaders.ask(SETUP, PAGE) == -ErrorCode.BUSY


def test_an_app_may_begin_again_though_counting_is_cut_short_anywhere() -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        loaders = Loaders(app("loader"))
        loaders.board.look()
        for _ in range(32):
            assert loaders.ask(SETUP, PAGE) == 0
            assert loaders.ask(ABORT) == 0
        assert loaders.alarm.due is not None

        def check() -> None:
            loaders.alarm.pass_time(120 * second(loaders.alarm))
            assert loaders.ask(SETUP, PAGE) == 0

        return loaders.alarm.fire, check

    every_cut(scene)
