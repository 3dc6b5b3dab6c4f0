"""capsules/core/console.py, alone and in the stack that boards wire."""

import pytest
from components.console import console_line, console_stack
from hardware import FakeAlarm, FakeUart
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel import ErrorCode, Machine, log, run_deferred, the_log

from capsules.core.console import DRIVER_NUM, LAYOUT

EXISTS, WRITE, READ, ABORT = range(4)
READ_SOME, CLAIM = 62, 64
CONSOLE = DRIVER_NUM


class World:
    """Processes on a console."""

    def __init__(self, processes: int = 2) -> None:
        self.machine = Machine()
        self.uart = FakeUart()
        self.waiting = b""
        self.alarm = FakeAlarm()
        grant = self.machine.grant(CONSOLE, LAYOUT)
        self.line = console_line(self.uart, self.alarm, the_log, self.machine.line())
        self.machine.serve(grant, console_stack(self.line, grant).command)
        self.apps = [self.machine.process() for _ in range(processes)]

    def feed(self, text: bytes) -> None:
        """What comes in, in as many blocks as it takes; what nobody receives yet waits at the sender."""
        self.waiting += text
        before = b""
        while self.waiting != before:
            before = self.waiting
            self.waiting = self.uart.feed(before)
            run_deferred()

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.alarm.pass_time(self.alarm.frequency >> 8)
            run_deferred()
            self.feed(b"")

    def write(self, slot: int, text: bytes, length: "int | None" = None) -> "tuple[int, ...] | int":
        self.apps[slot].allow_read_only(CONSOLE, 1, text)
        return self.apps[slot].command(CONSOLE, WRITE, len(text) if length is None else length)

    def read(self, slot: int, size: int, length: "int | None" = None) -> "tuple[tuple[int, ...] | int, bytearray]":
        memory = self.apps[slot].allow_read_write(CONSOLE, 1, size)
        answer = self.apps[slot].command(CONSOLE, READ, size if length is None else length)
        self.feed(b"")
        return answer, memory


def written(count: int) -> "tuple[int, ...]":
    return (CONSOLE, 1, count, count, 0)


def was_read(status: int, count: int) -> "tuple[int, ...]":
    return (CONSOLE, 2, status, count, 0)


@pytest.fixture
def world() -> World:
    return World()


def test_the_console_exists_and_refuses_what_it_does_not_know(world) -> None:
    assert world.apps[0].command(CONSOLE, EXISTS) == ()
    for unknown in (4, 0x80000000, 0xFFFFFFFF):
        assert world.apps[0].command(CONSOLE, unknown) == ErrorCode.NOSUPPORT


def test_a_short_write_completes_with_the_count_twice(world) -> None:
    assert world.write(0, b"hello") == ()
    assert world.apps[0].upcalls == []
    world.uart.finish_all()
    assert world.uart.sent == b"hello"
    assert world.apps[0].upcalls == [written(5)]


def test_a_write_of_nothing_completes_at_once(world) -> None:
    assert world.apps[0].command(CONSOLE, WRITE, 0) == ()
    assert world.apps[0].upcalls == [written(0)]


def test_a_write_without_a_buffer_completes_with_nothing(world) -> None:
    assert world.apps[0].command(CONSOLE, WRITE, 10) == ()
    assert world.apps[0].upcalls == [written(0)]
    assert not world.uart.is_sending


@pytest.mark.parametrize("length", [6, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_write_longer_than_its_buffer_writes_the_buffer(world, length) -> None:
    assert world.write(0, b"hello", length) == ()
    world.uart.finish_all()
    assert (world.uart.sent, world.apps[0].upcalls) == (b"hello", [written(5)])


def test_a_second_write_of_the_same_process_is_busy_until_the_upcall(world) -> None:
    world.write(0, b"x" * 100)
    assert world.write(0, b"y") == ErrorCode.BUSY
    world.apps[0].allow_read_only(CONSOLE, 1, b"x" * 100)
    world.uart.finish_all()
    assert world.write(0, b"z") == ()
    world.uart.finish_all()
    assert world.uart.sent == b"x" * 100 + b"z"


def test_a_process_without_memory_gets_nomem(world) -> None:
    world.apps[0].grants_left = 0
    assert world.write(0, b"x") == ErrorCode.NOMEM
    assert world.read(0, 1)[0] == ErrorCode.NOMEM


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=16))
def test_each_of_many_writes_comes_out_whole(sizes) -> None:
    world = World(len(sizes))
    texts = [bytes([65 + slot]) * size for slot, size in enumerate(sizes)]
    for slot, text in enumerate(texts):
        assert world.write(slot, text) == ()
    world.uart.finish_all()
    assert world.uart.sent == b"".join(texts)
    assert [app.upcalls for app in world.apps] == [[written(size)] for size in sizes]


def test_writers_take_turns(world) -> None:
    rounds = 4
    for slot in (0, 1):
        world.write(slot, bytes([65 + slot]) * 100)
    for _ in range(50):
        if not world.uart.is_sending:
            break
        world.uart.finish()
        for slot in (0, 1):
            if world.apps[slot].take_upcalls() and rounds:
                rounds -= 1
                world.write(slot, bytes([65 + slot]) * 100)
    assert world.uart.sent == (b"A" * 100 + b"B" * 100) * 3


def test_a_long_write_leaves_others_a_turn_after_each_kilobyte(world) -> None:
    world.write(0, b"q" * 5000)
    for n in range(4):
        world.write(1, b"line %d\r\n" % n)
        before = len(world.uart.sent)
        while b"line %d" % n not in world.uart.sent:
            world.uart.finish()
        assert len(world.uart.sent) - before <= 1024 + 64
        world.apps[1].take_upcalls()
    world.uart.finish_all()
    assert world.uart.sent.count(b"q") == 5000
    assert world.apps[0].upcalls == [written(5000)]


def test_a_buffer_that_shrinks_during_the_write_ends_it_where_the_buffer_ends(world) -> None:
    world.write(0, b"a" * 200)
    world.uart.finish()
    world.apps[0].allow_read_only(CONSOLE, 1, b"b" * 80)
    world.uart.finish_all()
    # The second chunk was read from the first buffer already.
    assert (len(world.uart.sent), world.apps[0].upcalls) == (128, [written(128)])


def test_a_buffer_that_is_taken_away_during_the_write_ends_it(world) -> None:
    world.write(0, b"a" * 200)
    world.write(1, b"next")
    world.apps[0].allow_read_only(CONSOLE, 1, b"")
    world.uart.finish_all()
    assert world.uart.sent == b"a" * 64 + b"next"
    assert (world.apps[0].upcalls, world.apps[1].upcalls) == ([written(64)], [written(4)])


@pytest.mark.parametrize("ending", ["end", "restart"])
def test_a_process_that_dies_during_its_write_lets_the_next_one_go_on(world, ending) -> None:
    world.write(0, b"a" * 200)
    world.write(1, b"next")
    getattr(world.apps[0], ending)()
    world.uart.finish_all()
    assert world.uart.sent == b"a" * 64 + b"next"
    assert (world.apps[0].upcalls, world.apps[1].upcalls) == ([], [written(4)])


def test_the_next_life_of_a_process_that_died_writing_can_write_at_once(world) -> None:
    world.write(0, b"a" * 200)
    world.apps[0].restart()
    assert world.write(0, b"again") == ()
    world.uart.finish_all()
    assert world.uart.sent == b"a" * 64 + b"again"
    assert world.apps[0].upcalls == [written(5)]


def test_a_process_that_dies_while_it_waits_is_passed_over() -> None:
    world = World(3)
    for slot in range(3):
        world.write(slot, bytes([65 + slot]))
    world.apps[1].end()
    world.uart.finish_all()
    assert world.uart.sent == b"AC"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_write_is_lost_or_stuck_whoever_dies_or_revokes(data) -> None:
    world = World(4)
    open_writes = dict.fromkeys(range(4), False)
    for _ in range(data.draw(st.integers(1, 40))):
        slot = data.draw(st.integers(0, 3))
        match data.draw(st.sampled_from(["write", "write", "finish", "finish", "restart", "revoke"])):
            case "write":
                size = data.draw(st.integers(0, 150))
                answer = world.write(slot, bytes([65 + slot]) * size)
                assert answer == (ErrorCode.BUSY if open_writes[slot] else ())
                open_writes[slot] = True
            case "finish" if world.uart.is_sending:
                world.uart.finish()
            case "restart":
                world.apps[slot].restart()
                open_writes[slot] = False
            case "revoke":
                world.apps[slot].allow_read_only(CONSOLE, 1, b"")
        for n, app in enumerate(world.apps):
            if upcalls := app.take_upcalls():
                assert open_writes[n]
                assert len(upcalls) == 1
                open_writes[n] = False
    world.uart.finish_all()
    for n, app in enumerate(world.apps):
        assert len(app.upcalls) == open_writes[n]
        app.take_upcalls()
    assert world.write(0, b"end") == ()
    world.uart.finish_all()
    assert world.uart.sent.endswith(b"end")


# -- Reading ------------------------------------------------------------------------------------


def test_a_read_completes_when_all_its_bytes_are_there(world) -> None:
    answer, memory = world.read(0, 5)
    assert answer == ()
    world.feed(b"hell")
    assert world.apps[0].upcalls == []
    world.feed(b"o")
    assert (bytes(memory), world.apps[0].upcalls) == (b"hello", [was_read(0, 5)])


def test_a_read_is_no_longer_than_its_buffer(world) -> None:
    _, memory = world.read(0, 2, 5)
    world.feed(b"abc")
    assert (bytes(memory), world.apps[0].take_upcalls()) == (b"ab", [was_read(0, 2)])
    _, memory = world.read(0, 1)
    assert (bytes(memory), world.apps[0].upcalls) == (b"c", [was_read(0, 1)])


@pytest.mark.parametrize("length", [65, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_read_longer_than_the_kernels_buffer_is_invalid(world, length) -> None:
    assert world.read(0, 100, length)[0] == ErrorCode.INVAL
    assert world.read(0, 64)[0] == ()


@pytest.mark.parametrize(("size", "length"), [(0, 5), (5, 0)])
def test_a_read_of_nothing_is_invalid_and_leaves_the_console_free(world, size, length) -> None:
    assert world.read(0, size, length)[0] == ErrorCode.INVAL
    assert world.read(1, 3)[0] == ()


def test_a_second_reader_waits_until_the_first_is_done(world) -> None:
    _, first = world.read(0, 2)
    answer, second = world.read(1, 2)
    assert answer == ()
    assert world.read(0, 1)[0] == ErrorCode.BUSY
    world.apps[0].allowed[CONSOLE, "read_write", 1] = memoryview(first)
    world.feed(b"a\rcd\n")
    assert (bytes(first), bytes(second)) == (b"a\r", b"cd")
    assert [app.take_upcalls() for app in world.apps] == [[was_read(0, 2)]] * 2
    _, memory = world.read(0, 1)
    assert bytes(memory) == b"\0"  # the rest of a line is the second's, for a while
    world.pass_seconds(6)
    world.feed(b"e")
    assert bytes(memory) == b"e"  # and then nobody's


def test_who_comes_back_for_the_rest_of_a_line_has_it_whoever_begins_to_read_in_between(world) -> None:
    """A process that reads a block gets it in pieces, as the bytes come; each time it must run to read on."""
    _, memory = world.read(0, 1)
    world.feed(b"1")
    answer, others = world.read(1, 1)
    assert answer == ()
    for byte in b"234":
        world.feed(bytes((byte,)))
        world.pass_seconds(4)
        _, memory = world.read(0, 1)
        assert memory[0] == byte
    world.feed(b"5")
    world.pass_seconds(6)
    _, mine = world.read(0, 1)
    world.feed(b"6\r7")
    assert (bytes(mine), bytes(others)) == (b"\0", b"7")  # it has waited long enough
    assert [len(app.take_upcalls()) for app in world.apps[:2]] == [4, 1]


def test_the_rest_of_a_line_is_whose_its_beginning_was(world) -> None:
    _, first = world.read(0, 2)
    _, second = world.read(1, 4)
    world.feed(b"abc")
    assert (bytes(first), bytes(second)) == (b"ab", bytes(4))
    _, rest = world.read(0, 2)
    world.feed(b"\rdef\n")
    assert (bytes(rest), bytes(second)) == (b"c\r", b"def\n")


def for_a_moment(app) -> None:
    assert app.command(CONSOLE, CLAIM, 1, 9) == ()
    assert app.command(CONSOLE, CLAIM, 0, 0) == ()


WAYS_TO_LEAVE = {
    "ends": lambda app: app.end(),
    "ends and begins anew": lambda app: app.restart(),
    "is stopped and another has its slot": lambda app: app.restart(),
    "aborts its next read": lambda app: (app.command(CONSOLE, READ, 2), app.command(CONSOLE, ABORT)),
    "does not come back": lambda app: None,
    "gives up a foreground that it never had": lambda app: app.command(CONSOLE, CLAIM, 0, 0),
    "has the foreground for a moment": lambda app: for_a_moment(app),
    "is asked again to have it, and leaves": lambda app: (app.command(CONSOLE, CLAIM, 1, 9), for_a_moment(app)),
    "and another has the foreground for a moment": lambda app: for_a_moment(app.machine.processes[2]),
    "and another has the foreground and ends": lambda app: (
        app.machine.processes[2].command(CONSOLE, CLAIM, 1, 9),
        app.machine.processes[2].end(),
    ),
    "ends, and another has the foreground for a moment": lambda app: (
        app.end(),
        for_a_moment(app.machine.processes[2]),
    ),
}
"""From the middle of a line that a process reads."""


@pytest.mark.parametrize("typed", ["at once", "byte by byte", "before and after"])
@pytest.mark.parametrize("waits", [False, True], ids=["begins to read then", "waits"])
@pytest.mark.parametrize("way", WAYS_TO_LEAVE)
def test_the_rest_of_a_line_is_no_line_of_anothers(way, waits, typed) -> None:
    """`ab` is a part of `abpanic`; whatever becomes of who has got it, nobody else is told to `panic`."""
    world = World(3)
    world.read(0, 2)
    rest, line = b"panic\r", b"list\r"
    memory = world.read(1, 5)[1] if waits else None
    if typed == "before and after":
        world.feed(b"ab" + rest[:2])
        rest = rest[2:]
    elif typed == "at once":
        world.feed(b"ab" + rest)
        rest = b""
    else:
        world.feed(b"ab")
    WAYS_TO_LEAVE[way](world.apps[0])
    if memory is None:
        answer, memory = world.read(1, 5)
        assert answer == ()
    for byte in rest + line:
        world.feed(bytes((byte,)))
    world.pass_seconds(6)
    world.feed(b"")
    assert bytes(memory) == line


def test_a_rest_that_never_ends_is_dropped_for_a_while_only(world) -> None:
    world.read(0, 2)
    _, memory = world.read(1, 4)
    world.feed(b"ab")
    world.apps[0].end()
    for n in range(300):
        world.feed(b"%c" % (33 + n % 90))
    assert memory == bytes(33 + n % 90 for n in range(255, 259))


def test_who_reads_and_aborts_for_ever_gets_nothing_of_anothers_line_nor_keeps_it_from_it(world) -> None:
    got = b""

    def ask(again: int) -> None:
        for _ in range(again):
            others = world.read(1, 1)[1]
            world.apps[1].command(CONSOLE, ABORT)
            world.apps[1].take_upcalls()
            assert bytes(others) == b"\0"

    for byte in b"secret\r":
        _, memory = world.read(0, 1)
        ask(3 if got else 0)
        world.feed(bytes((byte,)))
        got += bytes(memory)
        ask(3)
    assert got == b"secret\r"


def test_of_processes_that_read_each_has_a_line_in_turn_however_much_the_others_ask_for(world) -> None:
    _, greedy = world.read(0, 64)
    got = b""
    for n in range(8):
        memory = world.apps[1].allow_read_write(CONSOLE, 1, 16)
        world.apps[1].command(CONSOLE, READ_SOME, 16)
        world.feed(b"line %d\r" % n)
        got += bytes(memory).strip(b"\0")
    assert (got.count(b"\r"), greedy.count(b"\r")) == (4, 4)


@pytest.mark.parametrize("how", [1, 2, 3])
def test_what_is_typed_to_a_new_foreground_is_no_rest_of_what_was_typed_before(world, how) -> None:
    world.read(0, 1)
    world.feed(b"yes\r")
    assert world.apps[1].command(CONSOLE, CLAIM, how, 10) == ()
    _, memory = world.read(1, 6)
    world.feed(b"print\r")
    assert bytes(memory) == b"print\r"


@pytest.mark.parametrize("ends", [False, True], ids=["leaves", "dies"])
def test_the_rest_of_a_line_of_a_foreground_that_dies_is_nobodys(world, ends) -> None:
    world.apps[0].command(CONSOLE, CLAIM, 1, 10)
    world.read(0, 1)
    world.feed(b"q")
    if ends:
        world.apps[0].end()
    else:
        world.apps[0].command(CONSOLE, CLAIM, 0, 0)  # a single key may be all that it wanted
    _, memory = world.read(1, 5)
    world.feed(b"uit\rlist\r")
    assert bytes(memory) == (b"list\r" if ends else b"uit\rl")[:5]


def test_an_aborted_read_gives_what_has_come_in(world) -> None:
    _, memory = world.read(0, 5)
    world.feed(b"ab")
    assert world.apps[0].command(CONSOLE, ABORT) == ()
    assert world.apps[0].upcalls == [was_read(ErrorCode.CANCEL, 2)]
    assert bytes(memory) == b"ab\0\0\0"
    assert world.read(1, 1)[0] == ()


def test_an_abort_without_a_read_does_nothing(world) -> None:
    assert world.apps[0].command(CONSOLE, ABORT) == ()
    assert world.apps[0].upcalls == []


def test_a_process_cannot_abort_another_ones_read(world) -> None:
    world.read(0, 1)
    world.apps[1].command(CONSOLE, WRITE, 0)
    assert world.apps[1].command(CONSOLE, ABORT) == ()
    world.feed(b"x")
    assert world.apps[0].upcalls == [was_read(0, 1)]


def test_a_read_buffer_that_shrinks_says_size_and_one_that_is_gone_says_nomem(world) -> None:
    world.read(0, 4)
    memory = world.apps[0].allow_read_write(CONSOLE, 1, 3)
    world.feed(b"abcd")
    assert (bytes(memory), world.apps[0].take_upcalls()) == (b"abc", [was_read(ErrorCode.SIZE, 3)])
    assert bytes(world.read(0, 1)[1]) == b"d"
    world.apps[0].take_upcalls()
    world.read(0, 4)
    world.apps[0].allow_read_write(CONSOLE, 1, 0)
    world.feed(b"abcd")
    assert world.apps[0].upcalls == [was_read(ErrorCode.NOMEM, 0)]


@pytest.mark.parametrize("ending", ["end", "restart"])
def test_a_reader_that_died_keeps_nobody_from_reading_and_its_memory_is_not_written(world, ending) -> None:
    _, dead = world.read(0, 5)
    world.feed(b"ab")
    getattr(world.apps[0], ending)()
    answer, memory = world.read(1, 1)
    assert answer == ()
    world.feed(b"\rx")
    assert (bytes(memory), bytes(dead)) == (b"x", b"ab\0\0\0")
    assert (world.apps[0].upcalls, world.apps[1].upcalls) == ([], [was_read(0, 1)])


def test_bytes_for_a_reader_that_died_go_to_the_next_one(world) -> None:
    _, dead = world.read(0, 2)
    world.apps[0].restart()
    world.feed(b"ab")
    assert (bytes(dead), world.apps[0].upcalls) == (bytes(2), [])
    answer, memory = world.read(1, 2)
    assert (answer, bytes(memory), bytes(dead)) == ((), b"ab", bytes(2))


def test_reading_and_writing_do_not_disturb_each_other(world) -> None:
    _, memory = world.read(0, 3)
    world.write(0, b"q" * 100)
    world.feed(b"abc")
    world.uart.finish_all()
    assert (bytes(memory), world.uart.sent) == (b"abc", b"q" * 100)
    assert world.apps[0].upcalls == [was_read(0, 3), written(100)]


def test_a_kernel_message_comes_between_two_pieces_of_a_write(world) -> None:
    world.write(0, b"a" * 100)
    log("kernel speaks")
    world.machine.run()
    world.uart.finish_all()
    assert world.uart.sent == b"a" * 64 + b"kernel speaks\r\n" + b"a" * 36
