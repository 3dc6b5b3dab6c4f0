"""The console on its shared UART: every write whole, every read one app's."""

from fakes import SUCCESS, Buffer, ErrorCode, FakeUart, Grant, Process

from capsules.core.console import LAYOUT, ConsoleDriver
from capsules.virtual.virtual_uart import UartMux


class Reader:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        self.got.append(bytes(buffer[i] for i in range(length)))


WRITE, READ, ABORT = 1, 2, 3


def make() -> tuple[FakeUart, ConsoleDriver, Grant]:
    uart, grant = FakeUart(), Grant(LAYOUT)
    mux = UartMux(uart, Buffer(64))
    mux.new_device()
    return uart, ConsoleDriver(mux.new_device(), grant, Buffer(64), Buffer(64)), grant


def allow(grant: Grant, app: Process, text: bytes) -> None:
    grant.enter(app).read_only(1).data = bytearray(text)


def test_writes_of_several_apps_come_out_whole_and_in_turn() -> None:
    uart, driver, grant = make()
    texts = {slot: bytes([65 + slot]) * (150 + slot) for slot in range(5)}
    for slot, text in texts.items():
        allow(grant, Process(slot), text)
        assert driver.command(WRITE, len(text), 0, Process(slot)) == SUCCESS
        assert driver.command(WRITE, len(text), 0, Process(slot)) == ErrorCode.BUSY
    uart.drain()
    assert uart.sent == b"".join(texts.values())
    for slot, text in texts.items():
        assert grant.entries[slot].upcalls == [(1, len(text), len(text), 0)]


def test_a_write_of_nothing_still_completes() -> None:
    _uart, driver, grant = make()
    assert driver.command(WRITE, 0, 0, Process(0)) == SUCCESS
    assert driver.command(WRITE, 10, 0, Process(1)) == SUCCESS  # nothing allowed
    assert grant.entries[0].upcalls == [(1, 0, 0, 0)]
    assert grant.entries[1].upcalls == [(1, 0, 0, 0)]


def test_a_buffer_that_shrinks_under_way_ends_the_write_with_what_was_written() -> None:
    uart, driver, grant = make()
    allow(grant, Process(0), b"x" * 200)
    driver.command(WRITE, 200, 0, Process(0))
    uart.finish()
    allow(grant, Process(0), b"y" * 70)
    uart.drain()
    assert grant.entries[0].upcalls == [(1, 128, 128, 0)] or grant.entries[0].upcalls[0][1] <= 128


def test_an_app_that_dies_while_writing_does_not_stop_the_next() -> None:
    uart, driver, grant = make()
    allow(grant, Process(0), b"x" * 200)
    allow(grant, Process(1), b"hello")
    driver.command(WRITE, 200, 0, Process(0))
    driver.command(WRITE, 5, 0, Process(1))
    grant.kill(Process(0))
    uart.drain()
    assert uart.sent.endswith(b"hello")
    assert grant.entries[1].upcalls == [(1, 5, 5, 0)]


def test_a_read_fills_the_apps_buffer() -> None:
    uart, driver, grant = make()
    grant.enter(Process(0)).read_write(1).data = bytearray(8)
    assert driver.command(READ, 4, 0, Process(0)) == SUCCESS
    assert driver.command(READ, 4, 0, Process(1)) == ErrorCode.BUSY
    uart.type(b"abcd")
    assert grant.entries[0].read_write(1).data == b"abcd\0\0\0\0"
    assert grant.entries[0].upcalls == [(2, 0, 4, 0)]


def test_a_read_that_is_too_long_is_refused() -> None:
    _, driver, grant = make()
    grant.enter(Process(0)).read_write(1).data = bytearray(100)
    assert driver.command(READ, 65, 0, Process(0)) == ErrorCode.INVAL


def test_an_aborted_read_delivers_what_came() -> None:
    _uart, driver, grant = make()
    grant.enter(Process(0)).read_write(1).data = bytearray(8)
    driver.command(READ, 8, 0, Process(0))
    assert driver.command(ABORT, 0, 0, Process(0)) == SUCCESS
    assert grant.entries[0].upcalls == [(2, ErrorCode.CANCEL, 0, 0)]
    assert driver.command(ABORT, 0, 0, Process(0)) == SUCCESS


def test_a_reader_that_has_ended_does_not_keep_the_console() -> None:
    uart, driver, grant = make()
    grant.enter(Process(0)).read_write(1).data = bytearray(8)
    driver.command(READ, 8, 0, Process(0))
    grant.kill(Process(0))
    grant.enter(Process(1)).read_write(1).data = bytearray(2)
    assert driver.command(READ, 2, 0, Process(1)) == SUCCESS
    uart.type(b"ok")
    assert grant.entries[1].upcalls == [(2, 0, 2, 0)]


def test_an_unknown_command_is_not_supported() -> None:
    _, driver, _ = make()
    assert driver.command(0, 0, 0, Process(0)) == SUCCESS
    assert driver.command(4, 0, 0, Process(0)) == ErrorCode.NOSUPPORT
    assert driver.command(-1, 0, 0, Process(0)) == ErrorCode.NOSUPPORT


def test_a_short_read_does_not_wait_for_a_longer_one_of_another_device() -> None:
    uart = FakeUart()
    mux = UartMux(uart, Buffer(64))
    long, short = mux.new_device(), mux.new_device()
    long_reader, short_reader = Reader(), Reader()
    long.set_client(long_reader)
    short.set_client(short_reader)
    long.receive(Buffer(10), 10)
    uart.type(b"01")
    short.receive(Buffer(3), 3)
    uart.type(b"234")
    assert short_reader.got == [b"234"]
    uart.type(b"56789")
    assert long_reader.got == [b"0123456789"]
