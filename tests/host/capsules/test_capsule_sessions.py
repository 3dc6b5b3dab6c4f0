"""capsules/virtual/console_sessions.py, with capsules/core/console.py: the line is one user's at a time."""

from collections.abc import Callable
from itertools import pairwise

import config
import pytest
from cells import Buffer
from components.console import console_line, console_stack
from cut_short import every_cut
from hardware import CmsdkBlock, FakeAlarm, FakeUart
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel import ErrorCode, Machine, log, run_deferred, the_log

from capsules.core.console import DRIVER_NUM as CONSOLE
from capsules.core.console import LAYOUT
from capsules.drivers.cmsdk.uart import CmsdkUart

WRITE, READ, ABORT, READ_SOME, CLAIM = 1, 2, 3, 62, 64
NO_MORE, FOREGROUND, ALONE, BINARY = range(4)
SECOND = 25_000_000 >> 8


class Echo:
    """The smallest protocol: the pattern opens it, each block is sent back in capitals, a full stop ends it."""

    def __init__(self, line) -> None:
        self.line = line
        self.out, self.input = Buffer(32), Buffer(32)
        self.turns: list[int] = []
        self.ends: list[int] = []
        line.set_client(self)

    def turn(self, mine: int) -> None:
        self.turns.append(mine)
        if mine and self.input.is_good():
            self.line.receive(self.input, 32, 1)

    def received(self, buffer, length: int, status: int) -> None:
        assert buffer is self.input
        if status:
            self.ends.append(status)
            return
        self.got = length
        text = buffer.get(0, length)
        if b"." in text:
            self.line.end()
        elif self.out.is_good():
            self.line.transmit(self.out, self.out.set(0, text.upper()))
        if b"." not in text:
            self.line.receive(self.input, 32, 1)

    def transmitted(self, buffer, length: int, status: int) -> None:
        assert buffer is self.out


class World:
    """Processes on a console, and a protocol."""

    def __init__(self, processes: int = 3, protocol: bool = True) -> None:
        self.machine = Machine()
        self.uart, self.alarm = self.make_uart(), FakeAlarm()
        grant = self.machine.grant(CONSOLE, LAYOUT)
        self.sessions = console_line(self.uart, self.alarm, the_log, self.machine.line())
        self.machine.serve(grant, console_stack(self.sessions, grant).command)
        self.echo = Echo(self.sessions.new_line(b"\xfc\x01", 3)) if protocol else None
        self.apps = [self.machine.process() for _ in range(processes)]
        self.tricks = 0
        run_deferred()

    def make_uart(self):
        return FakeUart()

    def feed(self, text: bytes, one_by_one: bool = False) -> None:
        while text:
            self.settle()
            left = self.uart.feed(text[:1] if one_by_one else text)
            assert len(left) < (1 if one_by_one else len(text)), "nobody receives"
            text = left + text[1:] if one_by_one else left
        self.settle()

    def settle(self) -> None:
        run_deferred()
        self.machine.run()

    def out(self) -> bytes:
        """What goes out."""
        self.settle()
        before = len(self.uart.sent)
        while self.uart.is_sending:
            self.uart.finish()
            self.settle()
        return self.uart.sent[before:]

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.alarm.pass_time(SECOND)
            self.settle()

    def write(self, slot: int, text: bytes) -> None:
        self.apps[slot].allow_read_only(CONSOLE, 1, text)
        assert self.apps[slot].command(CONSOLE, WRITE, len(text)) == ()

    def read(self, slot: int, size: int, command: int = READ_SOME) -> bytearray:
        memory = self.apps[slot].allow_read_write(CONSOLE, 1, size)
        assert self.apps[slot].command(CONSOLE, command, size) == ()
        return memory

    def claim(self, slot: int, how: int, seconds: int = 10) -> "tuple[int, ...] | int":
        return self.apps[slot].command(CONSOLE, CLAIM, how, seconds)

    def got(self, slot: int, memory: bytearray) -> bytes:
        """What that read has brought; nothing if it is not over."""
        upcalls = [upcall for upcall in self.apps[slot].take_upcalls() if upcall[1] == 2]
        return bytes(memory[: upcalls[0][3]]) if upcalls else b""


@pytest.fixture
def world() -> World:
    return World()


# -- Reading what has come ------------------------------------------------------------------------


def test_who_reads_some_gets_what_has_come_at_once(world) -> None:
    memory = world.read(0, 64)
    world.feed(b"hello")
    assert world.got(0, memory) == b"hello"


def test_what_came_before_the_read_comes_as_one_block(world) -> None:
    world.feed(b"typed ahead")
    world.apps[0].allow_read_write(CONSOLE, 1, 64)
    assert world.apps[0].command(CONSOLE, READ_SOME, 64) == ()
    world.settle()
    assert world.apps[0].take_upcalls() == [(CONSOLE, 2, 0, 11, 0)]


# -- The foreground -------------------------------------------------------------------------------


def test_input_is_the_foregrounds_and_others_reads_wait(world) -> None:
    other = world.read(1, 3)
    assert world.claim(0, FOREGROUND) == ()
    world.feed(b"abc")
    assert world.got(1, other) == b""
    memory = world.read(0, 64)
    world.settle()
    assert world.got(0, memory) == b"abc"
    assert world.claim(0, NO_MORE) == ()
    world.feed(b"xyz")
    assert world.got(1, other) == b"xyz"


def test_there_is_one_foreground_and_the_next_when_that_has_ended(world) -> None:
    assert world.claim(0, FOREGROUND) == ()
    assert world.claim(1, ALONE) == ErrorCode.BUSY
    assert world.claim(1, NO_MORE) == ()
    world.apps[0].end()
    assert world.claim(1, ALONE) == ()
    assert world.claim(1, 4) == world.claim(1, 0xFFFFFFFF) == ErrorCode.INVAL
    assert world.apps[1].command(CONSOLE, 63, ALONE, 10) == ErrorCode.NOSUPPORT  # what a permission for all of it names


def test_in_the_foreground_others_output_goes_out(world) -> None:
    world.claim(0, FOREGROUND)
    world.write(1, b"other\r\n")
    assert world.out() == b"other\r\n"


# -- Alone ----------------------------------------------------------------------------------------


def test_what_others_write_while_one_is_alone_is_kept_and_goes_out_afterwards_in_order(world) -> None:
    world.claim(0, ALONE)
    for slot in (1, 2):
        world.write(slot, b"first of %d\r\n" % slot)
        world.write(slot, b"second of %d\r\n" % slot)
        assert world.apps[slot].take_upcalls() == [(CONSOLE, 1, n, n, 0) for n in (12, 13)]
    log("kernel speaks")
    world.write(0, b"mine\r\n")
    assert world.out() == b"mine\r\n"
    world.claim(0, NO_MORE)
    world.write(1, b"third of 1\r\n")
    text = world.out()
    for line in (b"first of 1\r\nsecond of 1\r\n", b"first of 2\r\nsecond of 2\r\n", b"kernel speaks\r\n"):
        assert line in text
    assert text.index(b"second of 1") < text.index(b"third of 1")


def test_what_does_not_fit_is_counted_and_said(world) -> None:
    world.claim(0, ALONE)
    for n in range(100):
        world.write(1, b"line %02d\r\n" % n)
        world.apps[1].take_upcalls()
    world.write(1, b"x" * 1000)
    world.claim(0, NO_MORE)
    kept = config.CONSOLE_KEPT_BYTES
    assert world.out() == b"[%d bytes before this were not kept]\r\n" % (1900 - kept) + b"x" * kept


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=12))
def test_what_is_kept_is_the_last_of_what_was_written(sizes) -> None:
    world = World(2)
    world.claim(0, ALONE)
    written = b""
    for size in sizes:
        text = bytes(33 + (len(written) + n) % 90 for n in range(size))
        world.write(1, text)
        world.apps[1].take_upcalls()
        written += text
    world.claim(0, NO_MORE)
    kept = written[-config.CONSOLE_KEPT_BYTES :]
    lost = len(written) - len(kept)
    assert world.out() == (b"[%d bytes before this were not kept]\r\n" % lost if lost else b"") + kept


def test_a_write_that_is_under_way_when_another_claims_is_kept_from_there(world) -> None:
    text = bytes(range(33, 33 + 90))
    world.write(1, text)
    world.claim(0, ALONE)
    assert world.apps[1].take_upcalls() == [(CONSOLE, 1, 90, 90, 0)]
    world.write(0, b"mine")
    assert world.out() == text[:64] + b"mine"
    world.claim(0, NO_MORE)
    assert world.out() == text[64:]


@pytest.mark.parametrize("how", ["end", "restart"])
def test_a_process_that_was_alone_and_died_stands_in_nobodys_way(world, how) -> None:
    world.claim(0, ALONE)
    world.write(1, b"kept\r\n")
    getattr(world.apps[0], how)()
    world.write(2, b"next\r\n")
    assert world.out() == b"kept\r\nnext\r\n"
    memory = world.read(2, 10)
    world.feed(b"in")
    assert world.got(2, memory) == b"in"


def test_a_process_that_was_alone_and_died_is_noticed_though_nobody_does_anything(world) -> None:
    world.claim(0, ALONE, 5)
    world.write(1, b"kept\r\n")
    world.apps[0].end()
    world.pass_seconds(4)
    assert world.out() == b""
    world.pass_seconds(2)
    assert world.out() == b"kept\r\n"


def test_who_is_alone_and_silent_is_alone_again_when_it_writes_or_is_written_to(world) -> None:
    world.claim(0, ALONE, 5)
    world.pass_seconds(3)
    world.write(0, b".")
    assert world.out() == b"."
    world.pass_seconds(4)
    world.write(1, b"kept\r\n")
    assert world.out() == b""
    world.pass_seconds(2)
    assert world.out() == b"kept\r\n"
    world.write(1, b"free\r\n")
    assert world.out() == b"free\r\n"
    world.read(0, 10)
    world.feed(b"x")
    world.write(1, b"kept again\r\n")
    assert world.out() == b""
    world.pass_seconds(6)
    assert world.out() == b"kept again\r\n"
    world.write(0, b"back")
    world.write(1, b"kept\r\n")
    assert world.out() == b"back"


# -- Protocols ------------------------------------------------------------------------------------


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_pattern_opens_a_session_and_its_end_gives_the_line_back(world, one_by_one) -> None:
    memory = world.read(0, 7, READ)
    world.feed(b"before\r\xfc\x01hello", one_by_one)
    assert world.echo.turns == [1]
    world.write(0, b"kept\r\n")
    log("kernel speaks")
    assert world.out().replace(b"HELLO", b"") in (b"", b"H")
    assert world.got(0, memory) == b"before\r"
    world.feed(b".")
    assert world.echo.turns == [1, 0]
    assert sorted(world.out().splitlines()) == [b"kept", b"kernel speaks"]
    world.read(1, 64)
    world.feed(b"after")
    assert world.apps[1].take_upcalls()[0][3] == 5


def test_a_session_that_falls_silent_is_ended(world) -> None:
    world.feed(b"\xfc\x01")
    world.write(0, b"kept\r\n")
    world.pass_seconds(2)
    world.feed(b"a")
    world.out()
    world.pass_seconds(2)
    assert world.echo.turns == [1]
    world.pass_seconds(1)
    assert (world.echo.turns, world.echo.ends) == ([1, 0], [ErrorCode.CANCEL])
    assert world.out() == b"kept\r\n"
    world.feed(b"\xfc\x01again.")
    assert world.echo.turns == [1, 0, 1, 0]


def test_a_protocol_takes_the_line_from_who_is_alone_but_not_in_the_middle_of_any_bytes(world) -> None:
    world.claim(0, BINARY, 5)
    memory = world.read(0, 64)
    world.feed(b"\xfc\x01")
    assert (world.echo.turns, world.got(0, memory)) == ([], b"\xfc\x01")
    world.claim(0, ALONE, 5)
    world.write(1, b"kept\r\n")
    world.feed(b"\xfc\x01")
    assert world.echo.turns == [1]
    world.write(0, b"mine\r\n")
    world.feed(b".")
    assert world.out() == b""
    world.claim(0, NO_MORE)
    assert sorted(world.out().splitlines()) == [b"kept", b"mine"]


def test_a_silent_one_that_wants_any_bytes_cannot_keep_a_protocol_out(world) -> None:
    world.claim(0, BINARY, 5)
    world.pass_seconds(6)
    world.feed(b"\xfc\x01")
    assert world.echo.turns == [1]


TRICKS = {
    "claims once": lambda world, n: None,
    "claims for ever": lambda world, n: world.claim(0, BINARY, 0xFFFF),
    "claims and lets go for ever": lambda world, n: world.claim(0, n % 4, 0xFFFF),
    "reads for ever": lambda world, n: world.apps[0].command(CONSOLE, READ_SOME, 1),
    "reads a little now and then": lambda world, n: n % 20 == 0 and world.apps[0].command(CONSOLE, READ_SOME, 1),
    "aborts for ever": lambda world, n: (
        world.apps[0].command(CONSOLE, READ_SOME, 64),
        world.apps[0].command(CONSOLE, ABORT),
    ),
    "writes for ever": lambda world, n: world.apps[0].command(CONSOLE, WRITE, 64),
    "all of it": lambda world, n: [
        world.claim(0, BINARY if n % 2 else n % 3, 0xFFFF),
        world.apps[0].command(CONSOLE, READ_SOME, 1 + n % 64),
        world.apps[0].command(CONSOLE, WRITE, 64),
        n % 3 or world.apps[0].command(CONSOLE, ABORT),
    ],
    "is restarted and does it again": lambda world, n: (n % 5 or world.apps[0].restart(), world.claim(0, BINARY, 9999)),
}
"""What a process does that wants to keep the line for itself, each sixteenth of a second."""


def sixteenths(world: World, count: int, trick: Callable[[World, int], object]) -> None:
    """So much time passes."""
    for _ in range(count):
        world.tricks += 1
        trick(world, world.tricks)
        for _ in range(4):
            world.alarm.pass_time(SECOND // 64)
            world.settle()
        if world.uart.is_sending:
            world.uart.finish()
        world.apps[0].take_upcalls()


@pytest.mark.parametrize("before", [b"", b"ls\r\n", b"x" * 700], ids=["nothing", "a line", "more than fits"])
@pytest.mark.parametrize("tool", [(26, 5), (2, 30)], ids=["adder", "tockloader"])
@pytest.mark.parametrize("trick", TRICKS)
def test_a_tool_gets_in_whatever_a_process_does_with_the_line(trick, tool, before) -> None:
    """Adder greets five times in eight seconds, tockloader thirty times in three or more."""
    world = World()
    pause, times = tool
    world.apps[0].allow_read_write(CONSOLE, 1, 64)
    world.apps[0].allow_read_only(CONSOLE, 1, b"\xfc\x11" * 32)
    assert world.claim(0, BINARY, 0xFFFF) == ()
    queue = before
    for _ in range(8 * 16):  # for five seconds it waits for who reads it
        queue = world.uart.feed(queue)
        sixteenths(world, 1, TRICKS[trick])
    for _ in range(times):
        queue += b"\xfc\x01"
        for _ in range(pause):
            queue = world.uart.feed(queue)  # as a driver does that has room for what comes
            sixteenths(world, 1, TRICKS[trick])
        if world.echo.turns:
            break
    assert world.echo.turns[:1] == [1]
    before = len(world.uart.sent)
    sixteenths(world, 16, TRICKS[trick])
    assert len(world.uart.sent) - before <= 64, "a session is open, and others' output goes out"


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_transfer_of_any_bytes_may_have_greetings_in_it(data) -> None:
    """It breaks on no data whose pieces, between two silences, are more than one greeting."""
    world = World()
    world.claim(0, BINARY, 20)
    bytes_of = st.lists(st.sampled_from([b"\xfc\x01", b"\xfc", b"\x01", b"a"]), min_size=3, max_size=20).map(b"".join)
    for _ in range(data.draw(st.integers(1, 6))):
        text = data.draw(bytes_of)
        world.pass_seconds(data.draw(st.integers(0, 2)))
        at_once = data.draw(st.sampled_from([1, 2, 64])) if text != b"\xfc\x01" else 1
        left, taken, tries = text, b"", 0
        while taken != text and tries < 100:
            memory = world.read(0, data.draw(st.integers(1, 64)))
            left = world.uart.feed(left[:at_once]) + left[at_once:]
            if not left or data.draw(st.booleans()):
                world.settle()
            if not left:
                world.alarm.pass_time(SECOND // 8)
            world.settle()
            taken += world.got(0, memory)
            world.apps[0].command(CONSOLE, ABORT)
            world.apps[0].take_upcalls()
            tries += 1
        assert (taken, world.echo.turns) == (text, [])


@pytest.mark.parametrize("end", ["silence", "abort"])
def test_a_protocol_that_waits_for_many_bytes_gets_them_at_once_and_its_end_leaves_nothing_waiting(world, end) -> None:
    world.echo.input = Buffer(200)
    world.feed(b"\xfc\x01")
    world.feed(b"x")
    assert world.out() == b"X"
    world.echo.line.receive_abort()
    world.settle()
    assert world.echo.ends == [ErrorCode.CANCEL]
    world.echo.line.receive(world.echo.input, 150)
    for _ in range(149):
        world.feed(b"y")
    assert world.out() == b""
    world.feed(b"y")
    assert world.echo.got == 150
    world.echo.line.receive_abort()
    world.settle()
    world.echo.line.receive(world.echo.input, 150)
    world.feed(b"zz")
    if end == "abort":
        world.echo.line.receive_abort()
        world.settle()
        world.echo.line.end()
    else:
        world.pass_seconds(4)
    world.settle()
    memory = world.read(0, 1)
    world.feed(b"a")
    assert world.got(0, memory) == b"a"


def test_what_only_begins_like_a_pattern_is_passed_on(world) -> None:
    for text in (b"a\xfcb", b"\xfc\xfc\x02", b"\xfc" * 5 + b"!"):
        for one_by_one in (False, True):
            memory = world.read(0, len(text), READ)
            world.feed(text, one_by_one)
            assert world.got(0, memory) == text
    memory = world.read(0, 1)
    world.feed(b"\xfc")
    assert world.got(0, memory) == b""
    world.pass_seconds(1)
    assert world.got(0, memory) == b"\xfc"
    assert world.echo.turns == []


def test_a_pattern_is_found_though_nobody_reads_what_came_before_it(world) -> None:
    world.feed(b"x" * 64)
    assert world.uart.feed(b"y" * 30) == b"y" * 30  # the sender is held off
    world.pass_seconds(6)
    world.feed(b"y" * 200 + b"\xfc\x01")
    assert world.echo.turns == [1]


def test_without_a_protocol_what_nobody_reads_waits_for_ever() -> None:
    world = World(protocol=False)
    world.read(0, 1)
    world.feed(b"x" * 64)
    world.pass_seconds(20)
    assert world.alarm.due is None
    memory = world.read(0, 63, READ)
    world.settle()
    assert bytes(memory) == b"x" * 63


def test_a_line_is_refused_that_could_not_be_told_from_another(world) -> None:
    for pattern, seconds in ((b"", 1), (b"12345", 1), (b"\xfc\x02", 1), (b"a", 0)):
        with pytest.raises(ValueError, match="pattern"):
            world.sessions.new_line(pattern, seconds)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_random_bytes_and_silence_leave_a_console_that_works(data) -> None:
    world = World()
    bytes_of = st.lists(st.sampled_from([b"\xfc", b"\x01", b".", b"a", b"\x00"]), max_size=90).map(b"".join)
    for _ in range(data.draw(st.integers(1, 12))):
        match data.draw(st.sampled_from(["feed", "feed", "silence", "claim", "write", "restart"])):
            case "feed":
                world.uart.feed(data.draw(bytes_of))
            case "silence":
                world.pass_seconds(data.draw(st.integers(1, 7)))
            case "claim":
                world.claim(data.draw(st.integers(0, 1)), data.draw(st.integers(0, 3)), 5)
            case "write":
                app = world.apps[data.draw(st.integers(0, 1))]
                app.allow_read_only(CONSOLE, 1, b"q" * 70)
                app.command(CONSOLE, WRITE, 70)
            case "restart":
                world.apps[data.draw(st.integers(0, 1))].restart()
        world.settle()
    for app in world.apps:
        app.restart()
    world.pass_seconds(12)
    world.out()
    assert "failed" not in the_log.text
    turns = world.echo.turns
    assert all(one != other for one, other in pairwise(turns))
    assert not turns or turns[-1] == 0
    memory = world.read(2, 64)
    world.settle()
    while world.got(2, memory):
        memory = world.read(2, 64)
        world.settle()
    world.feed(b"hello")
    assert world.got(2, memory) == b"hello"
    world.write(2, b"there")
    assert world.out() == b"there"


# -- Cut short ------------------------------------------------------------------------------------


class Cmsdk(World):
    """The same on the driver of QEMU's UART, which calls its client again when that was cut short."""

    def __init__(self) -> None:
        self.block = CmsdkBlock()
        super().__init__()

    def make_uart(self) -> CmsdkUart:
        receive = self.machine.line(lambda: bool(self.block.pending & 2))
        transmit = self.machine.line(lambda: bool(self.block.pending & 1))
        return CmsdkUart(self.block.registers, receive, transmit, 25_000_000, 115200)

    def feed(self, text: bytes, one_by_one: bool = True) -> None:
        for byte in text:
            self.block.byte_comes(byte)
            self.settle()

    def out(self) -> bytes:
        self.settle()
        before = len(self.block.sent)
        while self.block.tx is not None:
            self.block.byte_goes()
            self.settle()
        return bytes(self.block.sent[before:])


def works(world: Cmsdk) -> None:
    """A session, and then the console."""
    world.out()
    world.feed(b"a")
    assert world.out().endswith(b"A")
    assert world.echo.turns[-1] == 1
    world.pass_seconds(4)
    assert world.echo.turns[-1] == 0
    memory = world.read(0, 5, READ)
    world.feed(b"hello")
    assert world.got(0, memory) == b"hello"
    world.write(1, b"there")
    assert b"there" in world.out()
    assert "failed" not in the_log.text


SESSIONS, DRIVER = "console_sessions.py", "core/console.py"


@pytest.mark.parametrize("within", [SESSIONS, DRIVER])
def test_a_reception_that_is_cut_short_opens_its_session_once_more(within) -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        world = Cmsdk()
        world.write(1, b"q" * 70)
        world.feed(b"\xfc")
        world.block.byte_comes(1)

        def check() -> None:
            world.settle()
            world.pass_seconds(1)  # who was cut short is told again
            works(world)

        def handler() -> None:
            world.uart._receiver._interrupt()
            world.sessions._serve()  # which is called soon, and again if it is cut short
            run_deferred()

        return handler, check

    every_cut(scene, within, within == DRIVER)


@pytest.mark.parametrize("within", [SESSIONS, DRIVER])
def test_a_second_that_is_cut_short_ends_its_session_once_more(within) -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        world = Cmsdk()
        world.feed(b"\xfc\x01")
        world.write(1, b"kept")
        world.pass_seconds(2)

        def check() -> None:
            world.settle()
            world.pass_seconds(3)
            assert world.out() == b"kept"
            world.feed(b"\xfc\x01")
            works(world)

        def handler() -> None:
            world.sessions._tick()
            world.sessions._serve()

        return handler, check

    every_cut(scene, within, within == DRIVER)
