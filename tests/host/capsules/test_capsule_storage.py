"""capsules/core/nonvolatile_storage.py, capsules/virtual/flash_regions.py and capsules/drivers/flash.py."""

import contextlib
import random

import pytest
from cells import Buffer
from hardware import FakeFlash, PowerCut
from kernel import ErrorCode, FlashRange, Machine

from capsules.core.nonvolatile_storage import DRIVER_NUM, LAYOUT, NonvolatileStorage
from capsules.drivers.flash import OnChipFlash
from capsules.virtual.flash_regions import AROUND, BEFORE, FlashRegions

EXISTS, SIZE, READ, WRITE = range(4)
GROW = 64
PIECES = 2
READ_DONE, WRITE_DONE = 0, 1
PAGE, PAGES = 256, 4
REGION = PAGE // 2
LONGEST = 40


def blank() -> bytearray:
    return bytearray(b"\xff" * (PAGE * PAGES))


def storage_of(machine, flash, grant):
    regions = FlashRegions(flash, machine.line(), Buffer(32), Buffer(16))
    capsule = NonvolatileStorage(regions, grant, Buffer(LONGEST + AROUND), PIECES)
    return capsule.command


class Board:
    """A machine with storage; `data` is what is in the flash."""

    def __init__(self, machine, data: bytearray) -> None:
        self.machine = machine
        self.flash = FakeFlash(data, PAGE)
        grant = machine.grant(DRIVER_NUM, LAYOUT)
        machine.serve(grant, storage_of(machine, self.flash, grant))

    def run(self) -> None:
        """Until nothing is under way any more."""
        self.machine.run()
        while self.flash.step():
            self.machine.run()

    def app(self, write_id: int):
        app = self.machine.process()
        app.write_id = write_id
        return app

    def write(self, app, offset: int, data: bytes) -> list[tuple[int, ...]]:
        app.allow_read_only(DRIVER_NUM, 0, data)
        assert app.command(DRIVER_NUM, WRITE, offset, len(data)) == ()
        self.run()
        return told(app)

    def read(self, app, offset: int, length: int) -> bytes:
        memory = app.allow_read_write(DRIVER_NUM, 0, length)
        assert app.command(DRIVER_NUM, READ, offset, length) == ()
        self.run()
        assert told(app) == [(READ_DONE, length, 0, 0)]
        return bytes(memory)


def told(app) -> list[tuple[int, ...]]:
    return [upcall[1:] for upcall in app.take_upcalls()]


@pytest.fixture
def board(machine) -> Board:
    return Board(machine, blank())


def test_size_and_what_is_there_at_first(board) -> None:
    app = board.app(5)
    assert app.command(DRIVER_NUM, EXISTS) == ()
    assert app.command(DRIVER_NUM, SIZE) == (REGION,)
    assert board.read(app, 3, 30) == b"\xff" * 30
    assert board.flash.data == blank()


def test_what_is_written_is_read_after_a_reset(board) -> None:
    app = board.app(5)
    assert board.write(app, 7, b"hello") == [(WRITE_DONE, 5, 0, 0)]
    assert board.write(app, 10, b"p!") == [(WRITE_DONE, 2, 0, 0)]
    for one in (board, Board(Machine(), board.flash.data)):
        assert one.read(one.app(5), 5, 9) == b"\xff\xffhelp!\xff\xff"


def test_programs_have_regions_of_their_own_by_write_id(board) -> None:
    apps = [board.app(write_id) for write_id in (1, 2, 0xFFFFFFFE)]
    for number, app in enumerate(apps):
        board.write(app, 0, b"app%d" % number)
    assert [board.read(app, 0, 4) for app in apps] == [b"app0", b"app1", b"app2"]
    assert board.read(board.app(2), 0, 4) == b"app1"  # its successor


def test_programs_without_a_write_id_share_a_region_as_on_tock(board) -> None:
    first, second, other = board.app(0), board.app(0), board.app(7)
    assert first.command(DRIVER_NUM, SIZE) == (REGION,)
    assert board.write(first, 0, b"ours") == [(WRITE_DONE, 4, 0, 0)]
    assert board.write(other, 0, b"mine") == [(WRITE_DONE, 4, 0, 0)]
    assert board.read(second, 0, 4) == b"ours"
    after = Board(Machine(), board.flash.data)
    assert [after.read(after.app(write_id), 0, 4) for write_id in (0, 7)] == [b"ours", b"mine"]


def test_when_all_pages_but_one_are_taken_there_is_no_room(board) -> None:
    for write_id in range(1, PAGES):
        assert board.app(write_id).command(DRIVER_NUM, SIZE) == (REGION,)
    assert board.app(99).command(DRIVER_NUM, SIZE) == ErrorCode.NOMEM
    assert board.app(1).command(DRIVER_NUM, SIZE) == (REGION,)


def test_a_program_that_grows_has_pieces_that_are_its_own_and_outlive_a_reset_once_written(board) -> None:
    app, other = board.app(5), board.app(6)
    assert other.command(DRIVER_NUM, SIZE) == (REGION,)
    assert app.command(DRIVER_NUM, GROW, REGION + 1) == (2 * REGION,)
    assert app.command(DRIVER_NUM, SIZE) == (2 * REGION,)
    assert board.write(app, 0, b"first") == [(WRITE_DONE, 5, 0, 0)]
    assert board.write(app, REGION + 3, b"second") == [(WRITE_DONE, 6, 0, 0)]
    assert board.write(other, 3, b"third") == [(WRITE_DONE, 5, 0, 0)]
    for one in (board, Board(Machine(), board.flash.data)):
        app, other = one.app(5), one.app(6)
        assert app.command(DRIVER_NUM, SIZE) == (2 * REGION,)
        assert app.command(DRIVER_NUM, GROW, 1) == (2 * REGION,)
        assert one.read(app, 0, 5) == b"first"
        assert one.read(app, REGION + 2, 8) == b"\xffsecond\xff"
        assert one.read(other, 3, 5) == b"third"
        assert other.command(DRIVER_NUM, READ, REGION, 1) == ErrorCode.INVAL
    again = Board(Machine(), blank())
    again.app(5).command(DRIVER_NUM, GROW, 2 * REGION)
    assert Board(Machine(), again.flash.data).app(5).command(DRIVER_NUM, SIZE) == (REGION,)  # nothing was written


def test_a_request_ends_where_a_piece_does(board) -> None:
    app = board.app(5)
    app.command(DRIVER_NUM, GROW, 2 * REGION)
    assert board.write(app, REGION - 4, b"12345678") == [(WRITE_DONE, 4, 0, 0)]
    assert board.write(app, REGION, b"5678") == [(WRITE_DONE, 4, 0, 0)]
    app.allow_read_write(DRIVER_NUM, 0, 8)
    assert app.command(DRIVER_NUM, READ, REGION - 4, 8) == ()
    board.run()
    assert told(app) == [(READ_DONE, 4, 0, 0)]
    assert board.read(app, REGION, 4) == b"5678"
    for offset, length in ((2 * REGION, 0), (2 * REGION - 1, 2)):
        assert app.command(DRIVER_NUM, READ, offset, length) == ErrorCode.INVAL


def test_nobody_grows_beyond_the_most_or_into_what_others_have(board) -> None:
    app = board.app(5)
    assert app.command(DRIVER_NUM, GROW, PIECES * REGION + 1) == ErrorCode.NOMEM
    assert app.command(DRIVER_NUM, GROW, 0x7FFFFFFF) == ErrorCode.NOMEM
    assert app.command(DRIVER_NUM, GROW, 0xFFFFFFFF) == ErrorCode.INVAL
    for write_id in range(1, PAGES - 1):
        assert board.app(write_id).command(DRIVER_NUM, SIZE) == (REGION,)
    assert app.command(DRIVER_NUM, GROW, 2 * REGION) == ErrorCode.NOMEM
    assert app.command(DRIVER_NUM, SIZE) == (REGION,)


def test_programs_of_one_write_id_have_the_same_pieces(board) -> None:
    first, second = board.app(5), board.app(5)
    assert second.command(DRIVER_NUM, SIZE) == (REGION,)
    first.command(DRIVER_NUM, GROW, 2 * REGION)
    board.write(first, REGION, b"both")
    assert second.command(DRIVER_NUM, GROW, 2 * REGION) == (2 * REGION,)
    assert board.read(second, REGION, 4) == b"both"


OUTSIDE = [
    (REGION, 0), (REGION, 1), (0, REGION + 1), (REGION - 1, 2), (0x7FFFFFFF, 1), (0x80000000, 1), (0xFFFFFFFF, 1),
    (0, 0x7FFFFFFF), (0, 0x80000000), (0, 0xFFFFFFFF), (1, 0xFFFFFFFF),
]  # fmt: skip


@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize(("offset", "length"), OUTSIDE)
def test_what_is_not_in_the_region_is_invalid(board, command, offset, length) -> None:
    app = board.app(5)
    app.allow_read_write(DRIVER_NUM, 0, 4)
    app.allow_read_only(DRIVER_NUM, 0, b"1234")
    assert app.command(DRIVER_NUM, command, offset, length) == ErrorCode.INVAL


def test_without_a_buffer_there_is_nothing_to_do(board) -> None:
    app = board.app(5)
    assert app.command(DRIVER_NUM, READ, 0, 4) == ErrorCode.RESERVE
    assert app.command(DRIVER_NUM, WRITE, 0, 4) == ErrorCode.RESERVE


@pytest.mark.parametrize("command", [4, 0x80000000, 0xFFFFFFFF])
def test_unknown_commands_are_not_supported(board, command) -> None:
    assert board.app(5).command(DRIVER_NUM, command) == ErrorCode.NOSUPPORT


@pytest.mark.parametrize("command", [SIZE, READ, WRITE])
def test_a_process_without_memory_is_told_so(board, command) -> None:
    app = board.app(5)
    app.grants_left = 0
    assert app.command(DRIVER_NUM, command, 0, 1) == ErrorCode.NOMEM


def test_no_more_than_the_buffers_hold_is_moved(board) -> None:
    app = board.app(5)
    data = bytes(range(100))
    app.allow_read_only(DRIVER_NUM, 0, data)
    assert app.command(DRIVER_NUM, WRITE, 0, 100) == ()
    board.run()
    memory = app.allow_read_write(DRIVER_NUM, 0, 100)
    assert app.command(DRIVER_NUM, READ, 0, 100) == ()
    board.run()
    assert told(app) == [(WRITE_DONE, LONGEST, 0, 0), (READ_DONE, LONGEST, 0, 0)]
    assert bytes(memory) == data[:LONGEST] + bytes(60)
    memory = app.allow_read_write(DRIVER_NUM, 0, 3)
    app.command(DRIVER_NUM, READ, 1, 9)
    board.run()
    assert told(app) == [(READ_DONE, 3, 0, 0)]
    assert bytes(memory) == data[1:4]


@pytest.mark.parametrize("command", [READ, WRITE])
def test_nothing_is_moved_at_once(board, command) -> None:
    app = board.app(5)
    app.allow_read_write(DRIVER_NUM, 0, 4)
    app.allow_read_only(DRIVER_NUM, 0, b"1234")
    assert app.command(DRIVER_NUM, command, 0, 0) == ()
    assert told(app) == [(command - READ, 0, 0, 0)]


def test_requests_wait_for_their_turn_one_of_each_process(board) -> None:
    apps = [board.app(write_id) for write_id in (1, 2, 3)]
    for app in apps:
        app.allow_read_only(DRIVER_NUM, 0, b"mine")
        app.allow_read_write(DRIVER_NUM, 0, 4)
        assert app.command(DRIVER_NUM, WRITE, 0, 4) == ()
    assert apps[0].command(DRIVER_NUM, READ, 0, 4) == ()  # behind its own write
    for app in apps:
        assert app.command(DRIVER_NUM, READ, 0, 4) == ErrorCode.NOMEM
        assert told(app) == []
    board.run()
    assert told(apps[0]) == [(WRITE_DONE, 4, 0, 0), (READ_DONE, 4, 0, 0)]
    assert told(apps[1]) == told(apps[2]) == [(WRITE_DONE, 4, 0, 0)]
    assert all(board.read(app, 0, 4) == b"mine" for app in apps)


def test_a_process_that_dies_while_its_write_is_under_way_or_waits(board) -> None:
    apps = [board.app(write_id) for write_id in (1, 2, 3)]
    for app in apps:
        app.allow_read_only(DRIVER_NUM, 0, b"data")
        app.command(DRIVER_NUM, WRITE, 0, 4)
    apps[0].restart()
    apps[1].fault()
    board.run()
    assert [told(app) for app in apps] == [[], [], [(WRITE_DONE, 4, 0, 0)]]
    assert board.read(apps[0], 0, 4) == b"data"
    assert board.read(board.app(2), 0, 4) == b"\xff" * 4


def test_a_buffer_that_is_gone_when_its_turn_comes_writes_nothing(board) -> None:
    first, second = board.app(1), board.app(2)
    for app in (first, second):
        app.allow_read_only(DRIVER_NUM, 0, b"data")
        app.command(DRIVER_NUM, WRITE, 0, 4)
    second.allow_read_only(DRIVER_NUM, 0, b"")
    board.run()
    assert told(second) == [(WRITE_DONE, 0, 0, 0)]
    assert board.read(second, 0, 4) == b"\xff" * 4


def test_a_flash_that_fails_is_told_and_does_not_block(board) -> None:
    app = board.app(5)
    board.write(app, 0, b"good")
    board.flash.status = ErrorCode.FAIL
    for _ in range(20):
        assert board.write(app, 0, b"evil") == [(WRITE_DONE, 0, 0, 0)]
    board.flash.status = 0
    assert board.read(app, 0, 4) == b"good"
    assert board.write(app, 0, b"fine") == [(WRITE_DONE, 4, 0, 0)]
    assert board.read(app, 0, 4) == b"fine"


def test_many_writes_by_many_programs_and_all_pages_wear_alike(machine) -> None:
    dice = random.Random(1)
    data = blank()
    expected = {write_id: bytearray(b"\xff" * REGION) for write_id in (3, 4)}
    worn = [0] * PAGES
    for _ in range(10):
        board = Board(Machine(), data)
        apps = {write_id: board.app(write_id) for write_id in expected}
        for _ in range(80):
            write_id = dice.choice([3, 3, 3, 4])
            offset = dice.randrange(REGION)
            piece = dice.randbytes(dice.randint(1, min(LONGEST, REGION - offset)))
            assert board.write(apps[write_id], offset, piece) == [(WRITE_DONE, len(piece), 0, 0)]
            expected[write_id][offset : offset + len(piece)] = piece
            start = dice.randrange(REGION)
            length = dice.randint(1, min(LONGEST, REGION - start))
            assert board.read(apps[write_id], start, length) == expected[write_id][start : start + length]
        worn = [a + b for a, b in zip(worn, board.flash.erased, strict=True)]
    assert min(worn) * 3 > max(worn)


def whole(machine, data: bytearray, write_id: int) -> bytes:
    """The region after a boot."""
    board = Board(machine, bytearray(data))
    app = board.app(write_id)
    pieces = [board.read(app, at, min(LONGEST, REGION - at)) for at in range(0, REGION, LONGEST)]
    return b"".join(pieces)


def test_whenever_the_power_is_cut_each_write_is_there_whole_or_not_at_all() -> None:
    """Also when it is cut again while the next boot writes."""
    dice = random.Random(2)
    pieces = [(dice.randrange(REGION - LONGEST), dice.randbytes(dice.randint(1, LONGEST))) for _ in range(14)]
    cut = 0
    while True:
        data = blank()
        done = bytearray(b"\xff" * REGION)
        other = bytearray(b"\xff" * REGION)
        board = Board(Machine(), data)
        board.write(board.app(8), 0, b"untouched")
        other[:9] = b"untouched"
        board.flash.cut = cut
        app = board.app(9)
        ended = True
        for offset, piece in pieces:
            after = bytearray(done)
            after[offset : offset + len(piece)] = piece
            try:
                board.write(app, offset, piece)
            except PowerCut:
                ended = False
                found = whole(Machine(), data, 9)
                assert found in (done, after), f"cut after {cut} words"
                assert whole(Machine(), data, 8) == other
                # Booted again, it is cut again, and then it is written to.
                again = bytearray(data)
                board = Board(Machine(), again)
                board.flash.cut = cut % 90
                with contextlib.suppress(PowerCut):
                    board.write(board.app(9), 1, b"second")
                second = bytearray(found)
                second[1:7] = b"second"
                assert whole(Machine(), again, 9) in (found, second)
                board = Board(Machine(), again)
                assert board.write(board.app(9), 1, b"third ") == [(WRITE_DONE, 6, 0, 0)]
                second[1:7] = b"third "
                assert whole(Machine(), again, 9) == second
                assert whole(Machine(), again, 8) == other
                break
            done = after
        if ended:
            break
        cut += 1
    assert cut > 300


def test_garbage_in_the_flash_is_no_region() -> None:
    dice = random.Random(3)
    for _ in range(200):
        data = bytearray(dice.randbytes(PAGE * PAGES))
        for page in range(PAGES):
            if dice.random() < 0.5:  # a good head and a bad rest
                data[page * PAGE : page * PAGE + 16] = b"Adr1\x09\0\0\0" + dice.randbytes(3) + b"\0good"
        board = Board(Machine(), data)
        app = board.app(9)
        assert board.write(app, 0, b"works") == [(WRITE_DONE, 5, 0, 0)]
        assert board.read(app, 0, 5) == b"works"


def test_no_step_looks_at_more_than_a_few_records_however_many_there_are(machine) -> None:
    """Neither a boot, nor a command but for the first, which reads all pages' heads, nor a handler of an interrupt."""
    data = bytearray(b"\xff" * (4096 * PAGES))
    for page in range(PAGES - 1):  # a page full of the smallest records, and one that a cut has left half done
        head = b"Adr1" + bytes([9 + page, 0, 0, 0, page + 1, 0, 0, 0]) + b"good"
        records = b"".join(bytes([at, 0, 1, 0, at, 0xFF, 0xFF, 0xFF]) + b"done" for at in range(168))
        data[page * 4096 : page * 4096 + 16] = head
        data[page * 4096 + 2064 : page * 4096 + 2064 + len(records)] = records
    looks = 0
    read = FakeFlash.read

    def counted(*arguments) -> None:
        nonlocal looks
        looks += 1
        read(*arguments)

    def most(step) -> int:
        nonlocal looks
        looks = 0
        step()
        return looks

    flash = FakeFlash(data, 4096)
    flash.read = counted.__get__(flash)
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    assert most(lambda: machine.serve(grant, storage_of(machine, flash, grant))) == 0
    steps = 0
    first = PAGES
    for write_id in (9, 10, 9):
        app = machine.process()
        app.write_id = write_id
        memory = app.allow_read_write(DRIVER_NUM, 0, LONGEST)
        app.allow_read_only(DRIVER_NUM, 0, b"new")
        for command in (READ, WRITE, READ):
            assert most(lambda app=app, command=command: app.command(DRIVER_NUM, command, 0, 3)) == first
            first = 0
            while app.upcalls == []:
                line = next((line for line in machine.lines if line.pending), None)
                steps += 1
                if line is None:
                    assert most(flash.step) <= 12
                else:
                    line.pending = False
                    assert most(line.handler) <= 12
            assert told(app) == [(command - READ, 3, 0, 0)]
        assert bytes(memory[:3]) == b"new"
    assert steps > 100


@pytest.mark.parametrize("pieces", [1, 17])
def test_the_driver_moves_bytes_and_answers_later(machine, pieces) -> None:
    there = FlashRange(32, 16, pieces)
    said = []

    class Client:
        def written(self, buffer: Buffer, status: int) -> None:
            said.append(("written", status))
            buffer.give_back()

        def erased(self, status: int) -> None:
            said.append(("erased", status))

    flash = OnChipFlash(there, machine.line())
    flash.set_client(Client())
    buffer = Buffer(8)
    buffer.set(0, b"12345678")
    flash.write(4, buffer.move(flash), 8)
    assert said == []
    assert not buffer.is_good()
    machine.run()
    assert said == [("written", 0)]
    assert (flash.length(), flash.page_size()) == (32, 16)
    assert bytes(there.data[:16]) == b"\xff\xff\xff\xff12345678\xff\xff\xff\xff"
    flash.read(5, buffer, 1, 3)
    assert buffer.get(0, 4) == b"1234"
    flash.erase(0)
    (line,) = machine.lines
    for _ in range(pieces):  # each from the kernel's loop, where others have their turn
        assert said == [("written", 0)]
        assert line.pending
        line.pending = False
        line.handler()
    assert said == [("written", 0), ("erased", 0)]
    assert not line.pending
    assert bytes(there.data) == b"\xff" * 32


def handle(*lines) -> None:
    """What the core does with interrupts: a handler that fails is called once more."""
    while any(line.pending for line in lines):
        for line in lines:
            pending, line.pending = line.pending, False
            try:
                if pending:
                    line.handler()
            except RuntimeError:
                line.pending = True


def test_a_client_that_fails_when_its_write_is_over_loses_nothing(machine) -> None:
    """It is called in the handler of an interrupt, which then comes again: that is not an erased page."""
    there = FlashRange(PAGE * PAGES, PAGE, 17)
    flash = OnChipFlash(there, machine.line())
    fails = [False, True, False]

    def stored(buffer: Buffer, status: int) -> None:
        buffer.give_back()
        if fails.pop(0):
            raise RuntimeError

    regions = FlashRegions(flash, machine.line(), Buffer(32), Buffer(16))
    assert regions.find(9) < 0
    regions.set_client(stored)
    region = regions.new(9)
    buffer = Buffer(LONGEST + AROUND)
    expected = bytearray(b"\xff" * 12)
    for text in (b"first", b"second", b"third"):
        assert buffer.set(BEFORE, text) == len(text)
        regions.write(region, len(text), buffer.move(regions), len(text))
        handle(*machine.lines)
        expected[len(text) : 2 * len(text)] = text
        board = Board(Machine(), there.data)  # after a reset
        assert board.read(board.app(9), 0, 12) == expected
    assert not fails


def test_a_client_that_fails_when_its_page_is_erased_hears_it_again(machine) -> None:
    there = FlashRange(32, 16, 3)
    said = []

    class Client:
        def erased(self, status: int) -> None:
            said.append(status)
            if len(said) == 1:
                raise RuntimeError

    flash = OnChipFlash(there, machine.line())
    flash.set_client(Client())
    (line,) = machine.lines
    flash.erase(1)
    handle(line)
    assert said == [0, 0]
    flash.erase(1)
    handle(line)
    assert said == [0, 0, 0]


def test_a_request_leaves_room_for_what_goes_around_it() -> None:
    assert AROUND >= BEFORE + 3 + 4


def test_a_page_is_made_invalid_before_it_is_erased() -> None:
    """Half erased it could look newer than it is. There are two valid ones after some power cuts."""
    twice = 0
    for cut in range(100, 220):
        data = blank()
        board = Board(Machine(), data)
        board.flash.cut = cut
        with contextlib.suppress(PowerCut):
            for at in range(40):
                board.write(board.app(9), at, b"piece")
        good = [page for page in range(PAGES) if data[page * PAGE + 12 : page * PAGE + 16] == b"good"]
        twice += len(good) > 1
        board = Board(Machine(), data)
        erase = board.flash.erase

        def checked(page: int, data=data, erase=erase) -> None:
            assert data[page * PAGE + 12 : page * PAGE + 16] != b"good"
            erase(page)

        board.flash.erase = checked
        for at in range(60):
            assert board.write(board.app(9), at, b"fresh") == [(WRITE_DONE, 5, 0, 0)]
    assert twice
