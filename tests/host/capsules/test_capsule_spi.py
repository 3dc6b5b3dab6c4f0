"""SPI from the controller to user programs: drivers/cmsdk/pl022.py, virtual/virtual_spi.py, core/spi.py."""

from collections.abc import Callable

import pytest
from cells import Buffer
from cut_short import every_cut
from hardware import FakePin, FakeSpi
from kernel import ErrorCode, Machine, Registers, run_deferred

from capsules.core.spi import DRIVER_NUM, LAYOUT, SpiDriver
from capsules.drivers.cmsdk.pl022 import Pl022
from capsules.virtual.virtual_spi import SpiMux

CLOCK = 25_000_000


class Client:
    """One user of a bus, with a buffer each way."""

    def __init__(self, spi, size: int = 32) -> None:
        self.spi = spi
        self.out, self.input = Buffer(size), Buffer(size)
        self.got: list[tuple[bytes | None, int]] = []
        self.again: Callable[[], object] = lambda: None
        self._length = 0
        spi.set_client(self)

    def transfer(self, data: bytes | None, read: bool = True, length: int | None = None) -> int:
        self._length = (len(data) if data is not None else 4) if length is None else length
        if data is not None:
            self.out.set(0, data)
        lent = [self.out.move(self.spi) if data is not None else None, self.input.move(self.spi) if read else None]
        status = self.spi.transfer(*lent, self._length)
        if status:
            for one in lent:
                if one is not None:
                    one.give_back()
        return status

    def transferred(self, write, read, status: int) -> None:
        assert write is None or write.give_back() is self.out
        assert read is None or read.give_back() is self.input
        self.got.append((self.input.get(0, self._length) if read is not None and not status else None, status))
        self.again()


# -- PL022 ------------------------------------------------------------------------------------------


class Chip:
    """The controller: FIFOs of eight, and what it has sent. A byte needs `slow` looks until it has gone."""

    def __init__(self, slow: int = 0) -> None:
        self.registers = Registers(0x1000)
        self.slow, self._waits = slow, 0
        self.sent, self.sending, self.received = b"", [], []
        self.registers.on_write[0x08] = self._send
        self.registers.on_read[0x08] = lambda: self.received.pop(0) if self.received else 0
        self.registers.on_read[0x0C] = self._status

    def _send(self, value: int) -> None:
        assert self.registers.words[0x04] == 2, "it is off"
        assert self.registers.words[0x00] & 0xF == 7, "eight bits"
        assert len(self.sending) + len(self.received) < 8, "what comes in has no place"
        self.sending.append(value & 0xFF)

    def _status(self) -> int:
        self._waits += 1
        if self.sending and self._waits > self.slow:
            self._waits = 0
            byte = self.sending.pop(0)
            self.sent += bytes([byte])
            self.received.append(byte ^ 0xFF)
        return (4 if self.received else 0) | (16 if self.sending else 0)


class Hardware:
    def __init__(self, machine, slow: int = 0) -> None:
        self.machine, self.chip, self.select, self.line = machine, Chip(slow), FakePin(), machine.line()
        self.spi = Pl022(self.chip.registers, self.line, CLOCK)
        self.spi.select(self.select)
        self.client = Client(self.spi)


@pytest.mark.parametrize("slow", [0, 3])
@pytest.mark.parametrize("length", [1, 7, 8, 9, 31])
def test_pl022_sends_and_receives_at_once_while_its_chip_is_selected(machine, slow, length) -> None:
    it = Hardware(machine, slow)
    data = bytes(range(length))
    assert it.select.read() == 1
    assert it.client.transfer(data) == 0
    assert it.client.got == []
    assert it.select.read() == 0
    assert it.client.transfer(data) == ErrorCode.BUSY if it.client.out.is_good() else True
    machine.run()
    assert it.chip.sent == data
    assert it.client.got == [(bytes(byte ^ 0xFF for byte in data), 0)]
    assert it.select.read() == 1


def test_pl022_moves_a_fifo_at_a_time_and_others_have_their_turn(machine) -> None:
    it = Hardware(machine)
    it.client.transfer(bytes(32))
    steps = 0
    while it.line.pending:
        before = len(it.chip.sent) + len(it.chip.sending)
        it.line.pending = False
        it.line.handler()
        assert len(it.chip.sent) + len(it.chip.sending) <= before + 8
        steps += 1
    assert steps >= 4


def test_pl022_without_one_of_its_buffers_sends_ones_or_drops_what_comes_in(machine) -> None:
    it = Hardware(machine)
    assert it.client.transfer(None) == 0
    machine.run()
    assert it.chip.sent == b"\xff" * 4
    assert it.client.transfer(b"only out", read=False) == 0
    machine.run()
    assert it.chip.sent[4:] == b"only out"
    assert it.client.got == [(bytes(4), 0), (None, 0)]


def test_pl022_refuses_what_it_cannot(machine) -> None:
    it = Hardware(machine)
    assert it.client.transfer(None, read=False) == ErrorCode.INVAL
    both = Buffer(4)
    assert it.spi.transfer(both, both, 4) == ErrorCode.INVAL
    for length in (0, -1, 33, 1 << 29):
        assert it.client.transfer(b"abcd", length=length) == ErrorCode.SIZE
        assert it.client.transfer(b"abcd", read=False, length=length) == ErrorCode.SIZE
    it.client.transfer(b"a")
    refused = [
        it.spi.select(FakePin()), it.spi.hold(True), it.spi.set_rate(1000), it.spi.set_polarity(True),
        it.spi.set_phase(True),
    ]  # fmt: skip
    assert refused == [ErrorCode.BUSY] * 5


@pytest.mark.parametrize(
    ("asked", "rate"),
    [(1_000_000, 961_538), (12_500_000, 12_500_000), (1 << 29, 12_500_000), (6_250_000, 6_250_000), (48_829, 48_828)],
)
def test_pl022_has_the_highest_rate_that_is_not_above(machine, asked, rate) -> None:
    it = Hardware(machine)
    assert it.spi.rate_for(asked) == rate
    assert it.spi.set_rate(asked) == 0
    assert it.spi.rate() == rate
    divided = it.chip.registers.words[0x10] * ((it.chip.registers.words[0] >> 8) + 1)
    assert CLOCK // divided == rate
    for slow in (48_827, 0, -1):
        assert it.spi.set_rate(slow) == ErrorCode.INVAL
        assert it.spi.rate_for(slow) == 0


def test_pl022_has_clocks_of_each_kind_and_can_hold_a_chip(machine) -> None:
    it = Hardware(machine)
    it.spi.set_polarity(True)
    it.spi.set_phase(True)
    assert it.chip.registers.words[0] & 0xC0 == 0xC0
    assert (it.spi.polarity(), it.spi.phase()) == (1, 1)
    it.spi.set_polarity(False)
    assert it.chip.registers.words[0] & 0xC0 == 0x80
    it.spi.hold(True)
    for _ in range(2):
        it.client.transfer(b"a")
        machine.run()
        assert it.select.read() == 0
    other = FakePin()
    assert it.spi.select(other) == it.spi.set_polarity(True) == it.spi.set_phase(False) == ErrorCode.BUSY
    assert it.spi.hold(False) == 0
    assert it.select.read() == 1
    assert it.spi.select(other) == 0
    it.client.transfer(b"a")
    assert (it.select.read(), other.read()) == (1, 0)


def test_pl022_cut_short_anywhere_ends_the_transfer_and_the_next_one_works() -> None:
    def scene():
        it = Hardware(Machine())
        it.client.transfer(b"ab")

        def handler() -> None:
            it.line.pending = False
            it.line.handler()

        def check() -> None:
            it.machine.run()
            it.line.handler()
            assert [status for _, status in it.client.got] in ([0], [ErrorCode.FAIL])
            assert it.select.read() == 1
            assert it.client.transfer(b"next") == 0
            it.machine.run()
            assert it.client.got[1:] == [(bytes(byte ^ 0xFF for byte in b"next"), 0)]

        return handler, check

    every_cut(scene)


# -- Sharing ----------------------------------------------------------------------------------------


class Shared:
    """Three users, each with a chip of its own."""

    def __init__(self) -> None:
        self.hardware = FakeSpi()
        self.mux = SpiMux(self.hardware)
        self.chips = [FakePin() for _ in range(3)]
        self.users = [Client(self.mux.new_device(chip, may_hold=True)) for chip in self.chips]


@pytest.fixture
def bus() -> Shared:
    return Shared()


def test_each_client_has_its_chip_its_settings_and_its_bytes(bus) -> None:
    first, second, third = bus.users
    assert first.spi.set_rate(4_000_500) == 0
    assert (first.spi.rate(), second.spi.rate()) == (4_000_000, 1_000_000)
    second.spi.set_polarity(True)
    third.spi.set_phase(True)
    for user, text in zip(bus.users, (b"one", b"two", b"three"), strict=True):
        assert user.transfer(text) == 0
    bus.hardware.finish_all()
    one, two, three = bus.chips
    assert bus.hardware.frames == [
        (two, b"two", (1_000_000, 1, 0)), (three, b"three", (1_000_000, 0, 1)), (one, b"one", (4_000_000, 0, 0)),
    ]  # fmt: skip
    assert [user.got for user in bus.users] == [
        [(bytes(255 - byte for byte in text), 0)] for text in (b"one", b"two", b"three")
    ]
    assert (second.spi.polarity(), second.spi.phase(), third.spi.phase()) == (1, 0, 1)
    second.spi.set_polarity(False)
    second.transfer(b"x")
    bus.hardware.finish_all()
    assert bus.hardware.frames[-1] == (two, b"x", (1_000_000, 0, 0))


def test_a_client_that_always_has_something_waits_for_the_others(bus) -> None:
    order: list[int] = []
    for n, user in enumerate(bus.users):

        def again(n=n, user=user) -> None:
            order.append(n)
            if len(order) < 30:
                assert user.transfer(b"more") == 0

        user.again = again
        user.transfer(b"first")
    bus.hardware.finish_all()
    assert order[:30] == [1, 2, 0] * 10


def test_who_holds_its_chip_has_the_bus_until_it_lets_go(bus) -> None:
    first, second, _ = bus.users
    assert first.spi.hold(True) == 0
    first.transfer(b"a")
    second.transfer(b"x")
    bus.hardware.finish_all()  # the second's first, whose turn it is
    assert [len(user.got) for user in (first, second)] == [1, 1]
    second.transfer(b"y")
    bus.hardware.finish_all()
    assert len(second.got) == 1
    assert first.spi.set_phase(True) == ErrorCode.BUSY
    first.transfer(b"b")
    bus.hardware.finish_all()
    assert first.spi.hold(False) == 0
    bus.hardware.finish_all()
    assert [data for _, data, _ in bus.hardware.frames] == [b"x", b"ab", b"y"]
    assert first.spi.set_phase(True) == 0


def test_only_whom_the_board_lets_may_keep_the_bus(bus) -> None:
    first = bus.users[0]
    plain = Client(bus.mux.new_device(FakePin()))
    assert plain.spi.hold(True) == ErrorCode.NOSUPPORT
    assert plain.spi.hold(False) == 0
    plain.transfer(b"a")
    first.transfer(b"b")
    bus.hardware.finish_all()
    assert [len(user.got) for user in (plain, first)] == [1, 1]


def test_who_fails_while_it_holds_its_chip_keeps_the_bus_from_nobody(bus, log) -> None:
    first, second, _ = bus.users

    def fails() -> None:
        raise ValueError

    first.again = fails
    first.spi.hold(True)
    first.transfer(b"a")
    bus.hardware.finish_all()
    second.transfer(b"x")
    bus.hardware.finish_all()
    assert len(second.got) == 1
    assert [data for _, data, _ in bus.hardware.frames] == [b"a", b"x"]
    assert "failed" in log.text


def test_the_mux_refuses_what_could_never_be_right_and_tells_what_the_hardware_refuses(bus) -> None:
    user = bus.users[0]
    assert user.transfer(None, read=False) == ErrorCode.INVAL
    assert [user.transfer(b"x", length=length) for length in (0, 33, 1 << 29)] == [ErrorCode.SIZE] * 3
    assert user.spi.set_rate(999) == ErrorCode.INVAL
    assert user.spi.select(FakePin()) == ErrorCode.NOSUPPORT
    assert user.out.is_good()
    user.transfer(b"x")
    assert user.spi.set_rate(1_000_000) == user.spi.hold(True) == ErrorCode.BUSY
    bus.hardware.refuses = ErrorCode.FAIL
    bus.hardware.finish_all()
    assert user.got == [(None, ErrorCode.FAIL)]
    bus.hardware.refuses = 0
    user.transfer(b"x")
    bus.hardware.finish_all()
    assert len(user.got) == 2


@pytest.mark.parametrize("what", ["over", "begin", "holds"])
def test_a_look_that_is_cut_short_anywhere_tells_each_client_once(what) -> None:
    def scene():
        bus = Shared()
        first, second, third = bus.users
        if what == "holds":
            first.spi.hold(True)
            first.transfer(b"A")
            bus.hardware.finish_all()
            first.got.clear()
            first.spi.hold(False)
        first.transfer(b"B")
        second.transfer(b"C", read=False)
        if what == "over":
            run_deferred()
            bus.hardware.finish()
        more = [b"D"]
        first.again = lambda: more and third.transfer(more.pop())

        def check() -> None:
            bus.hardware.finish_all()
            assert [user.got for user in bus.users] == [[(b"\xbd", 0)], [(None, 0)], [(b"\xbb", 0)]]
            sent = sorted((data, bus.chips.index(chip)) for chip, data, _ in bus.hardware.frames if data != b"A")
            assert sent == [(b"B", 0), (b"C", 1), (b"D", 2)]

        return bus.mux._transfers.turns._look, check

    every_cut(scene)


# -- For user programs ------------------------------------------------------------------------------

EXISTS, TRANSFER, SET_RATE, RATE, SET_PHASE, PHASE, SET_POLARITY, POLARITY, READ, IN_PLACE = 0, 2, *range(5, 13)


class Board:
    def __init__(self, machine) -> None:
        self.machine, self.bus = machine, FakeSpi()
        self.mux = SpiMux(self.bus)
        grant = machine.grant(DRIVER_NUM, LAYOUT)
        machine.serve(
            grant, SpiDriver(self.mux.new_device(FakePin(), may_hold=True), grant, Buffer(4), Buffer(4)).command
        )
        self.other = Client(self.mux.new_device(FakePin()))
        self.app, self.second = machine.process(), machine.process()

    @property
    def sent(self) -> list[bytes]:
        return [data for _, data, _ in self.bus.frames]


@pytest.fixture
def board(machine) -> Board:
    return Board(machine)


def told(app) -> list[int]:
    upcalls = app.take_upcalls()
    assert all(upcall[:2] == (DRIVER_NUM, 0) and upcall[3:] == (0, 0) for upcall in upcalls)
    return [upcall[2] for upcall in upcalls]


def inverted(data: bytes) -> bytes:
    return bytes(255 - byte for byte in data)


def test_a_program_transfers_more_than_the_kernels_buffers_hold_in_one_frame(board) -> None:
    app = board.app
    app.allow_read_only(DRIVER_NUM, 0, b"0123456789")
    memory = app.allow_read_write(DRIVER_NUM, 0, 12)
    assert app.command(DRIVER_NUM, EXISTS) == ()
    assert app.command(DRIVER_NUM, TRANSFER, 10) == ()
    board.other.transfer(b"x")
    board.bus.finish_all()
    assert told(app) == [10]
    assert bytes(memory) == inverted(b"0123456789") + bytes(2)
    assert sorted(board.sent) == [b"0123456789", b"x"]
    app.allow_read_write(DRIVER_NUM, 0, 0)
    assert app.command(DRIVER_NUM, TRANSFER, 3) == ()  # sends only
    board.bus.finish_all()
    assert (told(app), board.sent[-1]) == ([3], b"012")


def test_a_program_reads_only_or_in_place(board) -> None:
    app = board.app
    memory = app.allow_read_write(DRIVER_NUM, 0, 6)
    assert app.command(DRIVER_NUM, READ, 5) == ()
    board.bus.finish_all()
    assert (told(app), board.sent[-1], bytes(memory)) == ([5], b"\xff" * 5, bytes(6))
    memory[:] = b"abcdef"
    assert app.command(DRIVER_NUM, IN_PLACE, 6) == ()
    board.bus.finish_all()
    assert (told(app), board.sent[-1], bytes(memory)) == ([6], b"abcdef", inverted(b"abcdef"))


def test_settings_are_changed_and_told(board) -> None:
    app = board.app
    assert app.command(DRIVER_NUM, RATE) == (1_000_000,)
    assert app.command(DRIVER_NUM, SET_RATE, 2_000_999) == ()
    for rate in (0, 999, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        assert app.command(DRIVER_NUM, SET_RATE, rate) == ErrorCode.INVAL
    assert app.command(DRIVER_NUM, RATE) == (2_000_000,)
    for change, ask in ((SET_PHASE, PHASE), (SET_POLARITY, POLARITY)):
        assert app.command(DRIVER_NUM, ask) == (0,)
        assert app.command(DRIVER_NUM, change, 0x80000000) == ()
        assert app.command(DRIVER_NUM, ask) == (1,)
    app.allow_read_only(DRIVER_NUM, 0, b"x")
    app.command(DRIVER_NUM, TRANSFER, 1)
    for change in (SET_RATE, SET_PHASE, SET_POLARITY, TRANSFER, READ, IN_PLACE):
        assert app.command(DRIVER_NUM, change, 1_000_000) == ErrorCode.BUSY
    board.bus.finish_all()
    assert board.bus.frames[-1][2] == (2_000_000, 1, 1)


def test_errors_of_a_transfer(board) -> None:
    app = board.app
    for number in (TRANSFER, READ, IN_PLACE):
        for length in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            assert app.command(DRIVER_NUM, number, length) == ErrorCode.INVAL
    app.allow_read_only(DRIVER_NUM, 0, b"1234")
    assert app.command(DRIVER_NUM, TRANSFER, 5) == ErrorCode.INVAL
    app.allow_read_write(DRIVER_NUM, 0, 3)
    for number in (TRANSFER, READ, IN_PLACE):
        assert app.command(DRIVER_NUM, number, 4) == ErrorCode.INVAL
    for number in (1, 3, 4, 13, 0x80000000, 0xFFFFFFFF):
        assert app.command(DRIVER_NUM, number, 1) == ErrorCode.NOSUPPORT
    assert board.second.command(DRIVER_NUM, RATE) == board.second.command(DRIVER_NUM, TRANSFER, 1) == ErrorCode.NOMEM
    poor = board.machine.process()
    poor.grants_left = 0
    app.fault()
    assert poor.command(DRIVER_NUM, RATE) == ErrorCode.NOMEM
    assert board.second.command(DRIVER_NUM, RATE) == (1_000_000,)


def test_a_process_that_dies_in_the_middle_leaves_the_bus_to_the_next(board) -> None:
    app, second = board.app, board.second
    app.allow_read_only(DRIVER_NUM, 0, b"0123456789")
    app.allow_read_write(DRIVER_NUM, 0, 10)
    app.command(DRIVER_NUM, TRANSFER, 10)
    run_deferred()
    app.restart()
    second.allow_read_only(DRIVER_NUM, 0, b"second")
    memory = second.allow_read_write(DRIVER_NUM, 0, 6)
    assert second.command(DRIVER_NUM, TRANSFER, 6) == ErrorCode.BUSY  # its bytes are still on their way
    assert app.command(DRIVER_NUM, RATE) == ErrorCode.NOMEM  # its next life comes too late
    board.other.transfer(b"x")
    board.bus.finish_all()
    assert (told(app), told(second), bytes(memory)) == ([], [], bytes(6))
    assert board.sent == [b"0123", b"x"]
    assert not board.bus.held
    assert second.command(DRIVER_NUM, TRANSFER, 6) == ()
    board.bus.finish_all()
    assert (told(second), bytes(memory)) == ([6], inverted(b"second"))


def test_a_buffer_that_becomes_shorter_or_a_bus_that_fails_ends_the_transfer(board) -> None:
    app = board.app
    app.allow_read_only(DRIVER_NUM, 0, b"0123456789")
    app.command(DRIVER_NUM, TRANSFER, 10)
    run_deferred()
    app.allow_read_only(DRIVER_NUM, 0, b"01")
    board.bus.finish_all()
    assert told(app) == [4]
    app.allow_read_only(DRIVER_NUM, 0, b"0123456789")
    app.command(DRIVER_NUM, TRANSFER, 10)
    run_deferred()
    board.bus.finish(ErrorCode.FAIL)
    board.bus.finish_all()
    assert told(app) == [0]
    assert not board.bus.held
    assert app.command(DRIVER_NUM, TRANSFER, 1) == ()
