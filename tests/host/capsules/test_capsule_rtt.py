"""capsules/drivers/rtt.py: the rings that a debug probe reads and writes."""

import tomllib

import pytest
from cells import Buffer, memory
from hardware import FakeAlarm
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel import ErrorCode, Machine, Registers

from adder.board import ROOT
from capsules.drivers.rtt import RttUart

UP_WRITTEN, UP_READ, DOWN_WRITTEN, DOWN_READ = 0x24, 0x28, 0x3C, 0x40
UP_SIZE, DOWN_SIZE = 512, 64
MANIFEST = tomllib.loads((ROOT / "boards" / "nrf52840" / "memory.toml").read_text())


class Board:
    """A board whose console is RTT, its client, and a probe that may look."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.registers = Registers(0x100, dma=MANIFEST["peripherals"]["rtt"]["dma"])
        self.registers.words = dict.fromkeys(range(0, 0x100, 4), 0xA5A5A5A5)  # RAM as it is at reset
        self.alarm = FakeAlarm(frequency=32768 << 8)
        self.uart = RttUart(self.registers, self.alarm, self.machine.line())
        self.uart.set_client(self)
        self.uart.start()
        self.out, self.input = Buffer(64), Buffer(64)
        self.sent: list[int] = []
        self.got: list[tuple[bytes, int]] = []

    # The client

    def send(self, text: bytes) -> None:
        self.out.set(0, text)
        self.uart.transmit(self.out.move(self.uart), len(text))
        self.machine.run()

    def receive(self, length: int) -> None:
        self.uart.receive(self.input.move(self.uart), length)
        self.machine.run()

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        assert buffer.give_back() is self.out
        assert status == 0
        self.sent.append(length)

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        assert buffer.give_back() is self.input
        self.got.append((self.input.get(0, length), status))

    # The probe

    def fetch(self, most: int = UP_SIZE) -> bytes:
        """What a probe reads, of what is there."""
        words = self.registers.words
        ring = bytes(memory(words[0x1C], UP_SIZE))
        written, read = words[UP_WRITTEN], words[UP_READ]
        count = min((written - read) % UP_SIZE, most)
        words[UP_READ] = (read + count) % UP_SIZE
        return (ring + ring)[read : read + count]

    def put(self, data: bytes) -> bytes:
        """What a probe writes, as far as there is room; returns the rest."""
        words = self.registers.words
        while data and (words[DOWN_WRITTEN] + 1) % DOWN_SIZE != words[DOWN_READ]:
            memory(words[0x34], DOWN_SIZE)[words[DOWN_WRITTEN]] = data[0]
            words[DOWN_WRITTEN] = (words[DOWN_WRITTEN] + 1) % DOWN_SIZE
            data = data[1:]
        return data

    def wait(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            self.alarm.pass_time(33)
            self.machine.run()


@pytest.fixture
def board() -> Board:
    return Board()


def test_the_block_is_what_probes_look_for(board) -> None:
    words = board.registers.words
    block = b"".join(words[offset].to_bytes(4, "little") for offset in range(0, 0x48, 4))
    assert block[:16] == b"SEGGER RTT".ljust(16, b"\0")
    assert [words[offset] for offset in (0x10, 0x14)] == [1, 1]
    assert [words[offset] for offset in (0x20, 0x38)] == [UP_SIZE, DOWN_SIZE]
    assert not any(words[offset] for offset in (0x18, UP_WRITTEN, UP_READ, 0x2C, 0x30, DOWN_WRITTEN, DOWN_READ, 0x44))


def test_the_name_is_written_last_so_no_probe_sees_half_a_block() -> None:
    order = []
    registers = Registers(0x100, dma=MANIFEST["peripherals"]["rtt"]["dma"])
    for offset in range(0, 0x48, 4):
        registers.on_write[offset] = lambda value, offset=offset: order.append((offset, value))
    RttUart(registers, FakeAlarm(), Machine().line()).start()
    assert order[0] == (0, 0)
    assert order[-1] == (0, int.from_bytes(b"SEGG", "little"))


def test_what_is_sent_can_be_fetched_and_the_sender_is_told_not_from_within_its_call(board) -> None:
    board.out.set(0, b"hello\n")
    board.uart.transmit(board.out.move(board.uart), 6)
    assert board.sent == []
    board.machine.run()
    assert board.sent == [6]
    assert board.fetch() == b"hello\n"


def test_without_a_probe_nobody_waits_for_long_and_the_oldest_bytes_are_kept(board) -> None:
    for number in range(30):
        board.send(b"line %02d of 30 that nobody reads.\n" % number)
        board.wait(110 if number == 15 else 0)  # 15 lines of 34 bytes fit
    assert len(board.sent) == 30
    assert board.fetch().startswith(b"line 00")
    board.send(b"and now somebody does\n")
    assert board.fetch() == b"and now somebody does\n"


def test_a_slow_probe_gets_every_byte(board) -> None:
    wanted, got = b"", b""
    for number in range(40):
        line = b"line %02d of many that are read slowly\n" % number
        wanted += line
        board.send(line)
        while len(board.sent) <= number:
            got += board.fetch(40)
            board.wait(10)
    while len(got) < len(wanted):
        got += board.fetch(40)
    assert got == wanted


def test_what_a_probe_writes_is_received_and_an_abort_tells_how_much(board) -> None:
    board.receive(5)
    assert board.put(b"hi") == b""
    board.wait(20)
    board.uart.receive_abort()
    assert board.got == [(b"hi", ErrorCode.CANCEL)]
    board.receive(3)
    board.put(b"abcdef")
    board.wait(20)
    board.receive(3)
    assert board.got[1:] == [(b"abc", 0), (b"def", 0)]


def test_it_looks_only_while_there_is_something_to_look_for(board) -> None:
    board.send(b"short\n")
    assert board.alarm.due is None
    board.receive(1)
    assert board.alarm.due is not None
    board.put(b"x")
    board.wait(20)
    assert board.alarm.due is None


@pytest.mark.parametrize("offset", [UP_READ, UP_WRITTEN, DOWN_WRITTEN, DOWN_READ])
@pytest.mark.parametrize("nonsense", [UP_SIZE, 0xFFFF, 0xFFFFFFFF, 0x80000000])
def test_a_probe_that_writes_nonsense_harms_nobody(board, offset, nonsense) -> None:
    board.receive(8)
    board.registers.words[offset] = nonsense
    for _ in range(20):
        board.send(b"a line of the board's console\n")
        board.wait(120)
    assert len(board.sent) == 20


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(
    st.tuples(st.just("send"), st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("put"), st.binary(min_size=1, max_size=100)),
    st.tuples(st.just("fetch"), st.integers(1, 600)),
    st.tuples(st.just("receive"), st.integers(1, 64)),
), max_size=80))  # fmt: skip
def test_no_byte_is_lost_or_doubled_while_a_probe_reads(steps) -> None:
    board = Board()
    sent, fetched, put, awaited = b"", b"", b"", 0
    for what, it in steps:
        if what == "send":
            sent += it
            before = len(board.sent)
            board.send(it)
            while len(board.sent) == before:
                fetched += board.fetch(7)
                board.wait(10)
        elif what == "put":
            put += it[: len(it) - len(board.put(it))]
        elif what == "fetch":
            fetched += board.fetch(it)
        elif len(board.got) == awaited:
            awaited += 1
            board.receive(it)
        board.wait(10)
    fetched += board.fetch()
    assert fetched == sent
    assert put.startswith(b"".join(data for data, _ in board.got))
