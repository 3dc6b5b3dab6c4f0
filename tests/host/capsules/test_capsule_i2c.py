"""I2C from the lines to user programs: drivers/cmsdk/sbcon.py, virtual/virtual_i2c.py, core/i2c.py."""

import random
from collections.abc import Callable

import pytest
from cells import Buffer
from cut_short import every_cut
from hardware import FakeI2c
from kernel import ErrorCode, Machine, run_deferred
from sbcon import Bus, Device

from capsules.core.i2c import DRIVER_NUM, LAYOUT, I2cDriver
from capsules.drivers.cmsdk.sbcon import SbconI2c
from capsules.virtual.virtual_i2c import I2cMux


def filled(data: bytes) -> Buffer:
    buffer = Buffer(len(data))
    buffer.set(0, data)
    return buffer


class Client:
    """One user of a bus, with a buffer each way."""

    def __init__(self, i2c, size: int = 16) -> None:
        self.i2c = i2c
        self.out, self.input = Buffer(size), Buffer(size)
        self.got: list[tuple[bytes | None, int]] = []
        self.again: Callable[[], object] = lambda: None
        self._count = 0
        i2c.set_client(self)

    def _told(self, status: int, *lent: Buffer) -> int:
        if status:
            for one in lent:
                one.give_back()
        return status

    def write(self, address: int, data: bytes, length: int | None = None) -> int:
        self.out.set(0, data)
        lent, self._count = self.out.move(self.i2c), 0
        return self._told(self.i2c.write(address, lent, len(data) if length is None else length), lent)

    def read(self, address: int, count: int) -> int:
        lent, self._count = self.input.move(self.i2c), count
        return self._told(self.i2c.read(address, lent, count), lent)

    def write_read(self, address: int, data: bytes, count: int) -> int:
        self.out.set(0, data)
        out, lent, self._count = self.out.move(self.i2c), self.input.move(self.i2c), count
        return self._told(self.i2c.write_read(address, out, len(data), lent, count), out, lent)

    def read_register(self, address: int, register: int, count: int) -> int:
        lent, self._count = self.input.move(self.i2c), count
        return self._told(self.i2c.read_register(address, register, lent, count), lent)

    def transferred(self, write, read, status: int) -> None:
        if write is not None:
            assert write.give_back() is self.out
        if read is not None:
            assert read.give_back() is self.input
        self.got.append((self.input.get(0, self._count) if read is not None and not status else None, status))
        self.again()


# -- The lines ------------------------------------------------------------------------------------


class Lines:
    """The driver on a bus with two devices."""

    def __init__(self, machine) -> None:
        self.machine = machine
        self.sensor, self.memory = Device(0x48, b"\x12\xa5\x00"), Device(0x50, b"hello", takes=3)
        self.bus = Bus(self.sensor, self.memory)
        self.line = machine.line()
        self.i2c = SbconI2c(self.bus.registers, self.line)
        self.client = Client(self.i2c)


@pytest.fixture
def lines(machine) -> Lines:
    return Lines(machine)


def test_bytes_go_over_the_lines_both_ways(lines) -> None:
    assert lines.client.write(0x48, b"\x01\x80\xff") == 0
    assert lines.client.got == []
    lines.machine.run()
    assert lines.sensor.written == [b"\x01\x80\xff"]
    assert lines.client.got == [(None, 0)]
    assert lines.bus.events == ["start", "stop"]
    assert lines.client.read(0x50, 7) == 0
    lines.machine.run()
    assert lines.client.got[1:] == [(b"hellohe", 0)]
    assert lines.memory.acknowledged == 6
    assert lines.bus.is_at_rest


@pytest.mark.parametrize("ask", ["write_read", "read_register"])
def test_a_register_is_named_and_read_without_leaving_the_bus(lines, ask) -> None:
    lines.bus.events.clear()
    if ask == "write_read":
        assert lines.client.write_read(0x48, b"\x05\x06", 3) == 0
    else:
        assert lines.client.read_register(0x48, 0x05, 3) == 0
    lines.machine.run()
    assert lines.sensor.written == [b"\x05\x06" if ask == "write_read" else b"\x05"]
    assert lines.client.got == [(b"\x12\xa5\x00", 0)]
    assert lines.bus.events == ["start", "start", "stop"]


def test_a_byte_is_moved_at_a_time_and_others_have_their_turn(lines) -> None:
    lines.client.write(0x48, bytes(10))
    steps = 0
    while lines.line.pending:
        clocks = lines.bus.clocks
        lines.line.pending = False
        lines.line.handler()
        assert lines.bus.clocks <= clocks + 11
        steps += 1
    assert steps == 11
    assert lines.client.got == [(None, 0)]


def test_nobody_answers_to_an_address_and_a_device_refuses_a_byte(lines) -> None:
    for ask in (
        lambda: lines.client.write(0x31, b"x"),
        lambda: lines.client.read(0x31, 2),
        lambda: lines.client.write_read(0x31, b"x", 2),
        lambda: lines.client.write(0x50, b"four"),
    ):
        assert ask() == 0
        lines.machine.run()
        assert lines.client.got.pop() == (None, ErrorCode.NOACK)
        assert lines.bus.is_at_rest
    assert lines.memory.written == [b"fou"]


def test_what_could_never_be_right_is_refused_and_nothing_is_moved(lines) -> None:
    client = lines.client
    assert [client.write(address, b"x") for address in (-1, 0x80, 1 << 29)] == [ErrorCode.INVAL] * 3
    assert [client.write(0x48, b"x", length) for length in (0, -1, 17)] == [ErrorCode.SIZE] * 3
    assert [client.read(0x48, count) for count in (0, -1, 17)] == [ErrorCode.SIZE] * 3
    assert client.write_read(0x48, b"x", 17) == client.write_read(0x48, b"x", 0) == ErrorCode.SIZE
    assert [client.read_register(0x48, register, 1) for register in (-1, 256)] == [ErrorCode.INVAL] * 2
    both = Buffer(2)
    assert lines.i2c.write_read(0x48, both, 1, both, 1) == ErrorCode.INVAL
    assert client.out.is_good()
    assert client.input.is_good()
    assert lines.bus.events == []
    client.write(0x48, b"x")
    assert client.read(0x48, 1) == ErrorCode.BUSY


def test_a_stretched_clock_is_waited_for_and_one_that_never_rises_ends_the_transfer(lines) -> None:
    looks = iter([True] * 50)
    lines.bus.stretched = lambda: next(looks, False)
    lines.client.write(0x48, b"slow")
    lines.machine.run()
    assert lines.client.got == [(None, 0)]
    lines.bus.stretched = lambda: lines.bus.clocks % 5 == 0
    lines.client.write(0x48, b"dead")
    lines.machine.run()
    assert lines.client.got[1:] == [(None, ErrorCode.FAIL)]
    lines.bus.stretched = lambda: False
    lines.client.write(0x48, b"back")
    lines.machine.run()
    assert lines.client.got[2:] == [(None, 0)]
    assert lines.sensor.written[-1] == b"back"


@pytest.mark.parametrize("clocks", [1, 5, 10, 11])
def test_a_device_that_holds_the_data_is_clocked_until_it_lets_go(lines, clocks) -> None:
    first = lines.bus.clocks
    lines.bus.held = lambda: lines.bus.clocks < first + clocks
    lines.client.write(0x48, b"x")
    lines.machine.run()
    assert lines.client.got == [(None, 0 if clocks <= 10 else ErrorCode.FAIL)]


@pytest.mark.parametrize("ask", ["write", "read", "write_read"])
def test_a_step_that_is_cut_short_anywhere_ends_the_transfer_and_the_next_one_works(ask) -> None:
    def scene():
        lines = Lines(Machine())
        client = lines.client
        {
            "write": lambda: client.write(0x48, b"x"),
            "read": lambda: client.read(0x48, 1),
            "write_read": lambda: client.write_read(0x48, b"x", 1),
        }[ask]()

        def check() -> None:
            lines.machine.run()
            lines.line.handler()
            statuses = [status for _, status in client.got]
            assert statuses in ([0], [ErrorCode.FAIL]), statuses
            assert client.read(0x50, 5) == 0
            lines.machine.run()
            assert client.got[1:] == [(b"hello", 0)]

        def handler() -> None:
            lines.line.pending = False
            lines.line.handler()

        return handler, check

    every_cut(scene)


# -- Sharing --------------------------------------------------------------------------------------


class Shared:
    """Three users of a bus on which everybody answers with what was sent."""

    def __init__(self) -> None:
        self.hardware = FakeI2c()
        self.hardware.devices = {address: lambda sent, count: (sent or b"?") * count for address in range(8, 0x70)}
        self.mux = I2cMux(self.hardware)
        self.users = [Client(self.mux.new_device()) for _ in range(3)]


@pytest.fixture
def bus() -> Shared:
    return Shared()


def test_transfers_are_made_one_at_a_time_and_each_client_gets_its_own(bus) -> None:
    for n, user in enumerate(bus.users):
        assert user.write_read(0x10 + n, bytes([65 + n]), 4) == 0
        assert user.write(0x10, b"x") == ErrorCode.BUSY if user.out.is_good() else True
    bus.hardware.finish_all()
    assert [user.got for user in bus.users] == [[(b"AAAA", 0)], [(b"BBBB", 0)], [(b"CCCC", 0)]]
    assert len(bus.hardware.transfers) == 3


def test_every_kind_of_transfer_goes_through(bus) -> None:
    user = bus.users[0]
    for ask, seen, got in (
        (lambda: user.write(0x11, b"ab"), (0x11, b"ab", 0), (None, 0)),
        (lambda: user.read(0x12, 3), (0x12, b"", 3), (b"???", 0)),
        (lambda: user.write_read(0x13, b"z", 2), (0x13, b"z", 2), (b"zz", 0)),
        (lambda: user.read_register(0x14, 0, 2), (0x14, b"\0", 2), (b"\0\0", 0)),
    ):
        assert ask() == 0
        bus.hardware.finish_all()
        assert (bus.hardware.transfers.pop(), user.got.pop()) == (seen, got)


def test_a_client_that_always_has_something_waits_for_the_others(bus) -> None:
    order: list[int] = []
    for n, user in enumerate(bus.users):

        def again(n=n, user=user) -> None:
            order.append(n)
            if len(order) < 30:
                assert user.write(0x20 + n, b"more") == 0

        user.again = again
        user.write(0x20 + n, b"first")
    bus.hardware.finish_all()
    assert order[:30] == [0, 1, 2] * 10 or order[:30] == [1, 2, 0] * 10


def test_an_address_that_one_client_has_for_itself_is_refused_to_the_others(bus) -> None:
    assert bus.users[0].write(0, b"x") == 0  # the general call
    bus.hardware.finish_all()
    own = Client(bus.mux.new_device(0x48))
    for user in bus.users:
        assert user.read(0x48, 1) == user.write(0x48, b"x") == user.write(0, b"x") == ErrorCode.RESERVE
    assert own.read(0x48, 1) == 0
    bus.hardware.finish_all()
    assert own.got == [(b"?", 0)]


def test_what_the_hardware_refuses_is_told_and_the_next_one_has_its_turn(bus) -> None:
    bus.hardware.refuses = ErrorCode.FAIL
    for user in bus.users:
        assert user.write(0x10, b"x") == 0
    bus.hardware.finish_all()
    assert [user.got for user in bus.users] == [[(None, ErrorCode.FAIL)]] * 3
    bus.hardware.refuses = 0
    assert bus.users[1].write(0x10, b"x") == 0
    bus.hardware.finish_all()
    assert bus.users[1].got[1:] == [(None, 0)]


def test_an_error_of_the_bus_is_told(bus) -> None:
    assert bus.users[0].read(0x7F, 1) == 0
    bus.hardware.finish_all()
    assert bus.users[0].got == [(None, ErrorCode.NOACK)]


def test_the_mux_refuses_what_could_never_be_right(bus) -> None:
    user = bus.users[0]
    assert [user.write(address, b"x") for address in (-1, 0x80)] == [ErrorCode.INVAL] * 2
    assert [user.write(0x10, b"x", length) for length in (0, 17)] == [ErrorCode.SIZE] * 2
    assert [user.read(0x10, count) for count in (0, 17)] == [ErrorCode.SIZE] * 2
    assert user.read_register(0x10, 256, 1) == ErrorCode.INVAL
    both = Buffer(2)
    assert user.i2c.write_read(0x10, both, 1, both, 1) == ErrorCode.INVAL
    assert user.out.is_good()
    assert user.input.is_good()


def test_a_client_that_fails_holds_nobody_up(bus) -> None:
    bad, good, _ = bus.users

    def fails() -> None:
        raise ValueError

    bad.again = fails
    bad.write(0x10, b"x")
    good.write(0x11, b"y")
    bus.hardware.finish_all()
    assert good.got == [(None, 0)]
    bad.again = lambda: None
    assert bad.write(0x10, b"x") == 0
    bus.hardware.finish_all()
    assert len(bad.got) == 2


def test_a_client_whose_handle_is_not_good_keeps_no_transfer(bus) -> None:
    user = bus.users[0]
    out, read = user.out.move(user.i2c), user.input.move(user.i2c)
    read.give_back()  # it is not the device's any more
    with pytest.raises(RuntimeError):
        user.i2c.write_read(0x10, out, 1, read, 1)
    out.give_back()
    assert user.write(0x10, b"x") == 0
    bus.hardware.finish_all()
    assert user.got == [(None, 0)]


@pytest.mark.parametrize("what", ["over", "begin", "refused"])
def test_a_look_that_is_cut_short_anywhere_tells_each_client_once(what) -> None:
    def scene():
        bus = Shared()
        first, second, third = bus.users
        first.write_read(0x10, b"A", 2)
        second.write(0x11, b"B")
        if what == "refused":
            bus.hardware.refuses = ErrorCode.FAIL
        elif what == "over":
            run_deferred()
            bus.hardware.finish()
        more = [b"C"]
        first.again = lambda: more and third.write(0x12, more.pop())

        def handler() -> None:
            bus.mux._transfers.turns._look()

        def check() -> None:
            bus.hardware.refuses = 0 if what != "refused" else bus.hardware.refuses
            bus.hardware.finish_all()
            bad = ErrorCode.FAIL if what == "refused" else 0
            assert [status for _, status in first.got] == [bad]
            assert [status for _, status in second.got] == [bad]
            assert [status for _, status in third.got] == [bad]
            if not bad:
                assert first.got == [(b"AA", 0)]
                assert sorted(bus.hardware.transfers) == [(0x10, b"A", 2), (0x11, b"B", 0), (0x12, b"C", 0)]
            assert all(user.out.is_good() and user.input.is_good() for user in bus.users)

        return handler, check

    every_cut(scene)


def test_what_the_driver_tells_twice_is_heard_once(machine) -> None:
    """As when its handler was cut short after it had told the mux."""
    sensor = Device(0x48, b"\x12")
    wires = Bus(sensor)
    line = machine.line()
    driver = SbconI2c(wires.registers, line)
    mux = I2cMux(driver)
    users = [Client(mux.new_device()) for _ in range(2)]

    def scene():
        for user in users:
            user.got.clear()
        users[0].read(0x48, 1)
        run_deferred()
        while driver._doing != 4:  # until its last byte is next
            line.pending = False
            line.handler()
        users[1].read(0x48, 1)

        def check() -> None:
            for _ in range(20):
                run_deferred()
                line.pending, pending = False, line.pending
                if pending:
                    line.handler()
            assert [len(user.got) for user in users] == [1, 1]
            assert users[1].got == [(b"\x12", 0)]

        return line.handler, check

    every_cut(scene)


# -- For user programs ----------------------------------------------------------------------------

EXISTS, WRITE, READ, WRITE_READ = range(4)


class Board:
    """User programs on a bus of their own."""

    def __init__(self, machine) -> None:
        self.machine = machine
        self.bus = FakeI2c()
        self.bus.devices = {
            0x50: lambda sent, count: bytes(range(100, 100 + count)),
            0x51: lambda sent, count: sent * count,
        }
        self.mux = I2cMux(self.bus)
        grant = machine.grant(DRIVER_NUM, LAYOUT)
        machine.serve(grant, I2cDriver(self.mux.new_device(), grant, Buffer(8), Buffer(8)).command)
        self.apps = [machine.process() for _ in range(3)]


@pytest.fixture
def board(machine) -> Board:
    return Board(machine)


def told(app) -> list[int]:
    upcalls = app.take_upcalls()
    assert all(upcall[:2] == (DRIVER_NUM, 0) and upcall[3:] == (0, 0) for upcall in upcalls)
    return [upcall[2] for upcall in upcalls]


def test_a_program_writes_reads_and_does_both(board) -> None:
    app = board.apps[0]
    memory = app.allow_read_write(DRIVER_NUM, 1, 8)
    memory[:] = b"abcdefgh"
    assert app.command(DRIVER_NUM, EXISTS) == ()
    assert app.command(DRIVER_NUM, WRITE, 0x50, 3) == ()
    board.bus.finish_all()
    assert (board.bus.transfers.pop(), told(app), bytes(memory)) == ((0x50, b"abc", 0), [0], b"abcdefgh")
    assert app.command(DRIVER_NUM, READ, 0x50, 2) == ()
    board.bus.finish_all()
    assert (board.bus.transfers.pop(), told(app), bytes(memory)) == ((0x50, b"", 2), [0], b"decdefgh")
    assert app.command(DRIVER_NUM, WRITE_READ, 0x51 | 1 << 8, 8) == ()
    board.bus.finish_all()
    assert (board.bus.transfers.pop(), told(app), bytes(memory)) == ((0x51, b"d", 8), [0], b"dddddddd")


def test_errors_of_a_command(board) -> None:
    app, other, _ = board.apps
    assert app.command(DRIVER_NUM, WRITE, 0x50, 1) == ErrorCode.INVAL  # no buffer
    app.allow_read_write(DRIVER_NUM, 1, 4)
    for address in (0x80, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000):
        assert app.command(DRIVER_NUM, WRITE, address, 1) == ErrorCode.INVAL
        assert app.command(DRIVER_NUM, READ, address, 1) == ErrorCode.INVAL
    assert app.command(DRIVER_NUM, WRITE_READ, 0x80 | 1 << 8, 1) == ErrorCode.INVAL
    for length in (0, 5, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        assert app.command(DRIVER_NUM, WRITE, 0x50, length) == ErrorCode.SIZE
        assert app.command(DRIVER_NUM, READ, 0x50, length) == ErrorCode.SIZE
    for first in (0x50 | 5 << 8, 0xFFFFFF50):
        assert app.command(DRIVER_NUM, WRITE_READ, first, 1) == ErrorCode.SIZE
    other.allow_read_write(DRIVER_NUM, 1, 100)
    assert other.command(DRIVER_NUM, READ, 0x50, 9) == ErrorCode.SIZE  # more than the kernel's buffer
    assert app.command(DRIVER_NUM, 4) == app.command(DRIVER_NUM, 0xFFFFFFFF) == ErrorCode.NOSUPPORT
    assert app.command(DRIVER_NUM, READ, 0x50, 1) == ()
    assert app.command(DRIVER_NUM, READ, 0x50, 1) == ErrorCode.NOMEM
    assert other.command(DRIVER_NUM, READ, 0x50, 1) == ()
    assert other.command(DRIVER_NUM, READ, 0x50, 1) == ErrorCode.NOMEM
    board.bus.finish_all()
    assert told(app) == told(other) == [0]
    board.mux.new_device(0x50)
    assert app.command(DRIVER_NUM, READ, 0x50, 1) == ErrorCode.RESERVE
    app.grants_left = 0
    app.restart()
    assert app.command(DRIVER_NUM, READ, 0x50, 1) == ErrorCode.NOMEM


def test_errors_of_the_bus_are_told_and_change_nothing_in_the_buffer(board) -> None:
    app = board.apps[0]
    memory = app.allow_read_write(DRIVER_NUM, 1, 4)
    for status in (ErrorCode.NOACK, ErrorCode.FAIL):
        assert app.command(DRIVER_NUM, READ, 0x50, 4) == ()
        run_deferred()
        board.bus.finish(status)
        board.bus.finish_all()
        assert told(app) == [status]
        assert bytes(memory) == bytes(4)


def test_programs_have_their_turns_and_their_own_bytes(board) -> None:
    memories = [app.allow_read_write(DRIVER_NUM, 1, 8) for app in board.apps]
    order: list[int] = []
    for n, (app, memory) in enumerate(zip(board.apps, memories, strict=True)):
        memory[0] = n
        assert app.command(DRIVER_NUM, WRITE_READ, 0x51 | 1 << 8, 4) == ()
    for _ in range(12):
        run_deferred()
        board.bus.finish()
        run_deferred()
        for n, (app, memory) in enumerate(zip(board.apps, memories, strict=True)):
            if told(app):
                order.append(n)
                assert bytes(memory) == bytes([n] * 4 + [0] * 4)
                assert app.command(DRIVER_NUM, WRITE_READ, 0x51 | 1 << 8, 4) == ()
    assert order == [0, 1, 2] * 4


def test_a_process_that_dies_in_the_middle_or_while_it_waits_holds_nobody_up(board) -> None:
    for app in board.apps:
        app.allow_read_write(DRIVER_NUM, 1, 4)
        assert app.command(DRIVER_NUM, READ, 0x50, 4) == ()
    board.apps[0].restart()
    board.apps[1].fault()
    memory = board.apps[0].allow_read_write(DRIVER_NUM, 1, 4)
    assert board.apps[0].command(DRIVER_NUM, WRITE, 0x51, 1) == ()  # of its next life, behind the others
    board.bus.finish_all()
    assert [told(app) for app in board.apps] == [[0], [], [0]]
    assert bytes(memory) == bytes(4)


def test_a_buffer_that_is_gone_when_its_turn_comes_or_when_it_is_over_is_told(board) -> None:
    first, second, third = board.apps
    for app in board.apps:
        app.allow_read_write(DRIVER_NUM, 1, 4)
    assert first.command(DRIVER_NUM, READ, 0x50, 4) == ()
    assert second.command(DRIVER_NUM, WRITE, 0x50, 4) == ()
    assert third.command(DRIVER_NUM, READ, 0x50, 1) == ()
    first.allow_read_write(DRIVER_NUM, 1, 3)
    second.allow_read_write(DRIVER_NUM, 1, 3)
    board.bus.finish_all()
    assert [told(app) for app in board.apps] == [[ErrorCode.SIZE], [ErrorCode.SIZE], [0]]
    assert [data for _, data, _ in board.bus.transfers] == [b"", b""]


def test_eight_programs_for_an_hour_with_deaths_at_any_moment(machine) -> None:
    """Nothing is lost, nobody sees another's bytes, and all have the bus equally often."""
    dice = random.Random(1)
    bus = FakeI2c()
    bus.devices = {address: lambda sent, count, address=address: bytes([address]) * count for address in range(8)}
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, I2cDriver(I2cMux(bus).new_device(), grant, Buffer(8), Buffer(8)).command)
    apps = [machine.process() for _ in range(8)]
    memories: dict[int, bytearray] = {}
    waiting: set[int] = set()
    served, alive = [0] * 8, [0] * 8
    for _ in range(36_000):  # ten transfers a second
        for n, app in enumerate(apps):
            if dice.random() < 0.002:
                app.restart()
                memories.pop(n, None)
                waiting.discard(n)
            if n not in waiting:
                memory = memories[n] = memories.get(n) or app.allow_read_write(DRIVER_NUM, 1, 8)
                memory[:] = bytes(8)
                assert app.command(DRIVER_NUM, READ, n, 4) == ()
                waiting.add(n)
            alive[n] += 1
        run_deferred()
        if bus.is_busy:
            bus.finish(ErrorCode.NOACK if dice.random() < 0.01 else 0)
        run_deferred()
        for n, app in enumerate(apps):
            for status in told(app):
                assert n in waiting
                waiting.discard(n)
                served[n] += 1
                assert bytes(memories[n][:4]) == (bytes([n] * 4) if not status else bytes(4))
    bus.finish_all()
    assert all(len(told(apps[n])) == 1 for n in waiting)
    assert min(served) > 0.8 * max(served)
    assert sum(served) > 0.9 * 36_000
