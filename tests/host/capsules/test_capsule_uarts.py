"""capsules/virtual/virtual_uart.py, capsules/core/kernel_log.py, capsules/drivers/cmsdk/uart.py."""

from collections.abc import Callable

import pytest
from cells import Buffer
from cut_short import every_cut
from hardware import CmsdkBlock, FakeAlarm, FakeUart
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel import ErrorCode, Machine, log, run_deferred, the_log

from capsules.core.kernel_log import KernelLogWriter
from capsules.drivers.cmsdk.uart import CmsdkUart
from capsules.parts import receptions
from capsules.parts.lent import take_back
from capsules.virtual import virtual_uart
from capsules.virtual.virtual_uart import UartMux


class Client:
    """One user of a UART, who owns a buffer each way."""

    def __init__(self, uart, size: int = 64) -> None:
        self.uart = uart
        self.out, self.input = Buffer(size), Buffer(size)
        self.sent: list[tuple[int, int]] = []
        self.got: list[tuple[bytes, int]] = []
        self.again: list[bytes] = []
        uart.set_client(self)

    def send(self, text: bytes) -> None:
        self.out.set(0, text)
        self.uart.transmit(self.out.move(self.uart), len(text))

    @property
    def is_receiving(self) -> bool:
        return not self.input.is_good()

    def receive(self, length: int, least: int = 0) -> None:
        self.uart.receive(self.input.move(self.uart), length, least)

    def transmitted(self, buffer, length: int, status: int) -> None:
        assert buffer.give_back() is self.out
        self.sent.append((length, status))
        if self.again:
            self.send(self.again.pop(0))

    def received(self, buffer, length: int, status: int) -> None:
        assert buffer.give_back() is self.input
        self.got.append((self.input.get(0, length), status))


# -- Sharing ------------------------------------------------------------------------------------


@pytest.fixture
def hardware() -> FakeUart:
    return FakeUart()


@pytest.fixture
def users(hardware) -> list[Client]:
    mux = UartMux(hardware, Buffer(16))
    return [Client(mux.new_device()) for _ in range(3)]


def test_transmissions_go_out_one_at_a_time_and_each_sender_is_told(hardware, users) -> None:
    for user, text in zip(users, (b"one", b"two", b"three"), strict=True):
        user.send(text)
    hardware.finish_all()
    assert hardware.chunks == [b"one", b"two", b"three"]
    assert [user.sent for user in users] == [[(3, 0)], [(3, 0)], [(5, 0)]]


def test_one_who_always_sends_lets_the_others_have_their_turn(hardware, users) -> None:
    users[0].again = [b"again"] * 5
    users[1].again = [b"me too"] * 2
    users[0].send(b"first")
    users[1].send(b"second")
    users[2].send(b"third")
    hardware.finish_all()
    assert hardware.chunks == [
        b"first", b"second", b"third", b"again", b"me too", b"again", b"me too", b"again", b"again", b"again",
    ]  # fmt: skip


def test_a_line_is_not_broken_by_others_if_its_sender_asked_for_that(hardware) -> None:
    mux = UartMux(hardware, Buffer(16))
    chatty, whole, other = Client(mux.new_device()), Client(mux.new_device(True)), Client(mux.new_device())
    chatty.again = [b"c"] * 9
    other.again = [b"o"] * 9
    whole.again = [b"is ", b"one\n", b"next ", b"line\n"]
    chatty.send(b"c")
    whole.send(b"this ")
    other.send(b"o")
    hardware.finish_all()
    assert b"this is one\n" in hardware.sent
    assert b"next line\n" in hardware.sent
    assert b"one\nnext" not in hardware.sent  # between two lines it is the others' turn
    assert hardware.chunks.count(b"c") == hardware.chunks.count(b"o") == 10


class Console:
    """A multiplexer whose second device sends whole lines, and has an alarm to wait for the ends of others' lines."""

    def __init__(self) -> None:
        self.hardware, self.alarm = FakeUart(), FakeAlarm(frequency=256_000)
        mux = UartMux(self.hardware, Buffer(16), self.alarm)
        self.app, self.kernel = Client(mux.new_device()), Client(mux.new_device(True))

    def said(self) -> bytes:
        self.hardware.finish_all()
        return self.hardware.sent


@pytest.fixture
def line() -> Console:
    """One that has been greeted; nothing of that is kept."""
    line = Console()
    line.kernel.send(b"\n")
    line.said()
    line.hardware.chunks.clear()
    return line


def test_who_sends_whole_lines_speaks_first() -> None:
    line = Console()
    line.app.send(b"hello\n")
    assert line.said() == b""
    line.kernel.again = [b"0.1.0\n", b"app hello: slot 0\n"]
    line.kernel.send(b"Adder ")
    assert line.said() == b"Adder 0.1.0\napp hello: slot 0\nhello\n"
    line.app.send(b"again\n")
    assert line.said().endswith(b"hello\nagain\n")
    assert line.alarm.due is None


def test_who_speaks_first_and_never_ends_does_not_keep_the_others_waiting_for_ever() -> None:
    """A program may have the kernel print for it, over and over, from its first instruction on."""
    line = Console()
    line.app.send(b"hello\n")
    line.kernel.again = [b"app 1 prints 0x1\n"] * 1000
    line.kernel.send(b"Adder\n")
    for _ in range(100):
        line.hardware.finish()
    assert b"hello\n" in line.hardware.sent
    for n in range(5):
        before = len(line.hardware.chunks)
        line.app.send(b"again %d\n" % n)
        while b"again %d\n" % n not in line.hardware.sent:
            line.hardware.finish()
        assert len(line.hardware.chunks) - before <= 3


def test_if_it_says_nothing_the_others_wait_a_little_while_only() -> None:
    line = Console()
    line.app.send(b"hello ")
    line.alarm.pass_time(19)
    assert line.said() == b""
    line.alarm.pass_time(1)
    assert line.said() == b"hello "
    line.kernel.send(b"Adder\n")
    assert line.said() == b"hello "
    line.app.send(b"world\n")
    assert line.said() == b"hello world\nAdder\n"


def test_a_whole_line_waits_until_others_have_ended_theirs(line) -> None:
    line.app.again = [b"of a long ", b"line\n", b"next"]
    line.app.send(b"piece ")
    line.kernel.send(b"whole\n")
    assert line.said() == b"piece of a long line\nwhole\nnext"


def test_a_line_that_does_not_go_on_is_waited_for_a_little_while(line) -> None:
    line.app.send(b"> ")
    line.kernel.again = [b"goes on, ", b"and ends\n"]
    line.kernel.send(b"a message ")
    assert line.said() == b"> "
    line.alarm.pass_time(19)
    assert line.said() == b"> "
    line.alarm.pass_time(1)
    assert line.said() == b"> a message goes on, and ends\n"
    line.app.send(b">> ")
    line.said()
    line.kernel.send(b"once more\n")  # it waits again, and as long
    line.alarm.pass_time(19)
    assert line.said().endswith(b">> ")
    line.alarm.pass_time(1)
    assert line.said().endswith(b">> once more\n")


def test_one_who_never_ends_a_line_does_not_keep_whole_lines_waiting(line) -> None:
    line.app.again = [b"."] * 99
    line.app.send(b".")
    line.kernel.send(b"whole\n")
    while line.app.again:
        line.hardware.finish()
        line.alarm.pass_time(1)
    before, found, _ = line.said().partition(b"whole\n")
    assert found
    assert len(before) == 21


def test_received_bytes_go_to_everybody_who_is_receiving(hardware, users) -> None:
    users[0].receive(3)
    users[2].receive(3)
    hardware.feed(b"abc")
    assert [user.got for user in users] == [[(b"abc", 0)], [], [(b"abc", 0)]]


def test_one_who_wants_more_than_another_gets_the_rest_too(hardware, users) -> None:
    users[0].receive(2)
    users[1].receive(40)  # longer than the mux's own buffer
    hardware.feed(b"ab")
    # The first reception of the hardware was asked for by users[0] alone.
    assert users[0].got == [(b"ab", 0)]
    hardware.feed(bytes(range(38)))
    assert users[1].got == [(b"ab" + bytes(range(38)), 0)]
    assert not hardware.is_receiving


def test_one_who_wants_fewer_bytes_than_one_before_does_not_wait_for_that_one(hardware, users) -> None:
    users[0].receive(10)
    users[1].receive(3)
    hardware.feed(b"abc")
    assert users[1].got == [(b"abc", 0)]


def test_an_abort_ends_one_reception_and_the_others_go_on(hardware, users) -> None:
    users[0].receive(5)
    users[1].receive(5)
    hardware.feed(b"ab")
    users[0].uart.receive_abort()
    run_deferred()
    assert (users[0].got, users[1].got) == ([(b"ab", ErrorCode.CANCEL)], [])
    hardware.feed(b"cde")
    assert users[1].got == [(b"abcde", 0)]
    assert len(users[0].got) == 1


def test_nobody_tries_a_buffer_that_was_passed_on_unless_a_call_was_cut_short(hardware, users, monkeypatch) -> None:
    """It raises, which costs the kernel thousands of instructions, and a byte comes each 87 microseconds."""
    tried = []
    for module in (virtual_uart, receptions):
        monkeypatch.setattr(module, "take_back", lambda ours, lent: tried.append(ours) or take_back(ours, lent))
    for text in (b"once", b"more"):
        users[0].receive(4)
        users[1].receive(2)
        users[2].send(text)
        hardware.feed(text)
        hardware.finish_all()
    assert users[0].got == [(b"once", 0), (b"more", 0)]
    assert users[1].got == [(b"on", 0), (b"mo", 0)]
    assert not tried


def test_an_abort_without_a_reception_does_nothing(hardware, users) -> None:
    users[1].receive(1)
    users[0].uart.receive_abort()
    assert users[0].got == []
    hardware.feed(b"x")
    assert users[1].got == [(b"x", 0)]


def test_one_can_receive_again_after_an_abort(hardware, users) -> None:
    users[0].receive(5)
    users[0].uart.receive_abort()
    run_deferred()
    users[0].receive(1)
    hardware.feed(b"x")
    assert users[0].got == [(b"", ErrorCode.CANCEL), (b"x", 0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), min_size=1, max_size=20))
def test_every_transmission_is_made_once(orders) -> None:
    hardware = FakeUart()
    mux = UartMux(hardware, Buffer(16))
    users = [Client(mux.new_device()) for _ in range(3)]
    queues: list[list[bytes]] = [[], [], []]
    for n, (user, size) in enumerate(orders):
        queues[user].append(bytes([n]) * size)
    for user, queue in zip(users, queues, strict=True):
        if queue:
            user.again = queue[1:]
            user.send(queue[0])
    hardware.finish_all()
    assert sorted(hardware.chunks) == sorted(text for queue in queues for text in queue)
    for queue in queues:
        assert [text for text in hardware.chunks if text in queue] == queue


# -- The kernel's log ---------------------------------------------------------------------------


def test_kernel_messages_go_out_in_order_and_whole(hardware, machine) -> None:
    log("before the board was wired")
    KernelLogWriter(the_log, hardware, machine.line(), Buffer(8))
    machine.run()
    log("while sending")
    machine.run()
    hardware.finish_all()
    assert hardware.sent == b"before the board was wired\r\nwhile sending\r\n"
    log("and later")
    machine.run()
    hardware.finish_all()
    assert hardware.sent.endswith(b"sending\r\nand later\r\n")


def test_an_empty_log_sends_nothing(hardware, machine) -> None:
    line = machine.line()
    KernelLogWriter(the_log, hardware, line, Buffer(8))
    line.trigger()
    machine.run()
    assert hardware.chunks == []
    log("x")
    machine.run()
    assert hardware.is_sending


# -- The CMSDK UART -----------------------------------------------------------------------------

BAUDDIV = 0x10


class Cmsdk:
    """The driver on its block."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.block = CmsdkBlock()
        receive = self.machine.line(lambda: bool(self.block.pending & 2))
        transmit = self.machine.line(lambda: bool(self.block.pending & 1))
        self.uart = CmsdkUart(self.block.registers, receive, transmit, 25_000_000, 115200)
        self.user = Client(self.uart)

    def byte_goes(self) -> None:
        self.block.byte_goes()
        self.machine.run()

    def bytes_come(self, data: bytes) -> None:
        for byte in data:
            self.block.byte_comes(byte)
            self.machine.run()


@pytest.fixture
def cmsdk() -> Cmsdk:
    return Cmsdk()


def test_the_driver_sets_the_baud_rate(cmsdk) -> None:
    assert cmsdk.block.registers.words[BAUDDIV] == 25_000_000 // 115200


@pytest.mark.parametrize("length", [1, 2, 64])
def test_every_byte_goes_out_once_and_the_client_is_told_at_the_end(cmsdk, length) -> None:
    text = bytes(range(length))
    cmsdk.user.send(text)
    for _ in range(length):
        assert cmsdk.user.sent == []
        cmsdk.byte_goes()
    assert (bytes(cmsdk.block.sent), cmsdk.user.sent) == (text, [(length, 0)])


def test_the_next_transmission_may_start_in_the_callback(cmsdk) -> None:
    cmsdk.user.again = [b"b", b"cd"]
    cmsdk.user.send(b"a")
    for _ in range(4):
        cmsdk.byte_goes()
    assert (bytes(cmsdk.block.sent), len(cmsdk.user.sent)) == (b"abcd", 3)


def test_a_spurious_transmit_interrupt_does_nothing(cmsdk) -> None:
    cmsdk.block.pending = 1
    cmsdk.machine.run()
    assert (cmsdk.user.sent, cmsdk.block.pending) == ([], 0)


def test_bytes_that_come_one_by_one_fill_the_buffer(cmsdk) -> None:
    cmsdk.user.receive(3)
    cmsdk.bytes_come(b"abc")
    assert cmsdk.user.got == [(b"abc", 0)]
    assert (cmsdk.block.overruns, cmsdk.block.reads_of_nothing) == (0, 0)


def test_bytes_that_came_while_nobody_received_wait_and_come_as_a_block(cmsdk) -> None:
    cmsdk.bytes_come(b"xyz")
    cmsdk.user.receive(64, 1)
    assert cmsdk.user.got == []  # not within the client's own call
    cmsdk.machine.run()
    assert cmsdk.user.got == [(b"xyz", 0)]


def test_the_rest_of_a_block_waits_for_the_next_reception(cmsdk) -> None:
    cmsdk.user.receive(1)
    cmsdk.bytes_come(b"ab")
    assert cmsdk.user.got == [(b"a", 0)]
    cmsdk.user.receive(1)
    cmsdk.machine.run()
    assert cmsdk.user.got[1] == (b"b", 0)


def test_a_reception_is_over_with_the_least_that_was_asked_for(cmsdk) -> None:
    cmsdk.user.receive(10, 3)
    cmsdk.bytes_come(b"ab")
    assert cmsdk.user.got == []
    cmsdk.bytes_come(b"cd")
    assert cmsdk.user.got == [(b"abc", 0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 600), st.integers(0, 300)), min_size=1, max_size=12))
def test_no_byte_is_lost_or_moved_by_a_ring_that_turns_and_fills(steps) -> None:
    cmsdk = Cmsdk()
    user = Client(cmsdk.uart, 600)
    sent = bytearray()
    outside: list[int] = []  # what the hardware has no room for, since it is held off

    def come(count: int) -> None:
        for _ in range(count):
            outside.append(len(sent) % 251)
            sent.append(outside[-1])
        settle()

    def settle() -> None:
        cmsdk.machine.run()
        while outside and cmsdk.block.rx is None:
            cmsdk.bytes_come(bytes([outside.pop(0)]))

    for count, length, least in steps:
        come(count)
        if not user.is_receiving:
            user.receive(length, min(least, length))
        settle()
    while sum(len(text) for text, _ in user.got) < len(sent):
        if user.is_receiving:
            cmsdk.uart.receive_abort()
        else:
            user.receive(600, 1)
        settle()
    got = b"".join(text for text, _ in user.got)
    assert got == bytes(sent)
    assert (cmsdk.block.overruns, cmsdk.block.reads_of_nothing) == (0, 0)


def test_an_aborted_reception_gives_what_has_come(cmsdk) -> None:
    cmsdk.user.receive(5)
    cmsdk.bytes_come(b"ab")
    cmsdk.uart.receive_abort()
    cmsdk.uart.receive_abort()
    assert cmsdk.user.got == [(b"ab", ErrorCode.CANCEL)]


def test_sending_does_not_take_a_received_byte(cmsdk) -> None:
    cmsdk.bytes_come(b"x")
    cmsdk.user.send(b"hello")
    for _ in range(5):
        cmsdk.byte_goes()
    cmsdk.user.receive(1)
    cmsdk.machine.run()
    assert cmsdk.user.got == [(b"x", 0)]
    assert bytes(cmsdk.block.sent) == b"hello"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_ways_at_once_in_any_order_lose_nothing(data) -> None:
    cmsdk = Cmsdk()
    text, incoming = bytes(range(1, 31)), bytes(range(101, 131))
    cmsdk.user.send(text)
    cmsdk.user.receive(len(incoming))
    left = list(incoming)
    while left or cmsdk.block.tx is not None:
        if left and (cmsdk.block.tx is None or data.draw(st.booleans())):
            cmsdk.bytes_come(bytes([left.pop(0)]))
        else:
            cmsdk.byte_goes()
    assert (bytes(cmsdk.block.sent), cmsdk.user.sent) == (text, [(30, 0)])
    assert cmsdk.user.got == [(incoming, 0)]


# -- Cut short ----------------------------------------------------------------------------------


class Shared(Cmsdk):
    """The UART's driver, a multiplexer, and two who use it."""

    def __init__(self) -> None:
        super().__init__()
        self.mux = UartMux(self.uart, Buffer(16))
        self.first, self.second = Client(self.mux.new_device()), Client(self.mux.new_device())

    def all_goes_out(self) -> None:
        """Nobody is told twice, nobody waits for ever, and it goes on like that."""
        while self.block.tx is not None or self.block.pending:
            self.byte_goes()
        assert self.first.sent == [(1, 0)]
        assert len(self.second.sent) == 1
        assert "failed" not in the_log.text
        self.first.send(b"again")
        while self.block.tx is not None or self.block.pending:
            self.byte_goes()
        assert self.first.sent == [(1, 0), (5, 0)]

    def all_comes_in(self) -> None:
        """The one has had its byte, the other gets its second one."""
        run_deferred()
        self.bytes_come(b"bcd")
        run_deferred()
        assert [status for _, status in self.first.got] == [0]
        assert [status for _, status in self.second.got] == [0]
        assert "failed" not in the_log.text
        self.first.receive(1)
        self.bytes_come(b"ef")
        assert len(self.first.got) == 2


def test_who_has_sent_is_told_and_the_next_one_sends() -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        it = Shared()
        it.first.send(b"a")
        it.second.send(b"bc")
        it.block.byte_goes()
        return it.uart._transmit_interrupt, it.all_goes_out

    every_cut(scene)


class WholeLines(Cmsdk):
    """The UART's driver, a multiplexer with an alarm, one who has sent half a line, and one whose line waits."""

    def __init__(self) -> None:
        super().__init__()
        self.alarm = FakeAlarm(frequency=256_000)
        mux = UartMux(self.uart, Buffer(16), self.alarm)
        self.app, self.kernel = Client(mux.new_device()), Client(mux.new_device(True))
        self.app.send(b"_")
        self.alarm.pass_time(20)  # for first words of the other, which has none
        self.kernel.send(b"w\n")

    def all_goes_out(self) -> None:
        for told in (1, 2):
            for _ in range(2):
                while self.block.tx is not None or self.block.pending:
                    self.byte_goes()
                self.alarm.pass_time(20)
            assert len(self.kernel.sent) == told
            if told == 1:
                self.kernel.send(b"x\n")
        assert self.block.sent.endswith(b"x\n")
        assert "failed" not in the_log.text


@pytest.mark.parametrize("what", ["the half", "the alarm", "the end"])
def test_a_line_that_waits_is_never_forgotten(what) -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        it = WholeLines()
        if what != "the half":
            it.byte_goes()
        if what == "the alarm":
            return it.alarm.fire, it.all_goes_out
        if what == "the end":
            it.app.send(b"\n")
        it.block.byte_goes()
        return it.uart._transmit_interrupt, it.all_goes_out

    every_cut(scene)


def test_who_has_received_is_told_and_the_others_go_on() -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        it = Shared()
        it.first.receive(1)
        it.second.receive(2)
        it.block.byte_comes(97)
        return it.uart._receiver._interrupt, it.all_comes_in

    every_cut(scene)


def test_who_has_ended_its_reception_is_told() -> None:
    def scene() -> tuple[Callable[[], None], Callable[[], None]]:
        it = Shared()
        it.first.receive(5)
        it.first.uart.receive_abort()

        def told() -> None:
            run_deferred()
            assert len(it.first.got) == 1
            assert "failed" not in the_log.text

        return it.mux._hand_out, told

    every_cut(scene)
