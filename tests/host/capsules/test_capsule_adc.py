"""capsules/core/adc.py, and the converter that is none."""

import struct
from itertools import pairwise

import pytest
from cells import Buffer
from hardware import FakeAlarm
from kernel import ErrorCode, Registers, run_deferred

from capsules.core.adc import DRIVER_NUM, LAYOUT, AdcDriver
from capsules.drivers.simulated.adc import FIRST, SimulatedAdc

COUNT, SAMPLE, REPEAT, FILL, REFILL, STOP, BITS, VOLTAGE = 0, 1, 2, 3, 4, 5, 101, 102
SECOND = 25_000_000 >> 8


def level(channel: int) -> int:
    """What it measures there: the number of millivolts is rounded up."""
    return -(-3300 * (channel + 1) // 16) * 65536 // 3300 & 0xFFF0


class Board:
    """The capsule on the simulated converter, whose six channels measure 0x1000, 0x2000, …; three processes."""

    def __init__(self, machine) -> None:
        self.machine, self.alarm = machine, FakeAlarm()
        self.registers = Registers(0x100)
        self.registers.words = {FIRST + 4 * channel: 50_000 + -(-3300 * (channel + 1) // 16) for channel in range(6)}
        self.adc = SimulatedAdc(self.registers, self.alarm, 6)
        grant = machine.grant(DRIVER_NUM, LAYOUT)
        machine.serve(grant, AdcDriver(self.adc, grant, Buffer(16), Buffer(16)).command)
        self.apps = [machine.process() for _ in range(3)]

    def ask(self, app: int, *what: int):
        return self.apps[app].command(DRIVER_NUM, *what)

    def told(self, app: int) -> list[tuple[int, ...]]:
        """Both upcalls say the same."""
        upcalls = self.apps[app].take_upcalls()
        assert [one[2:] for one in upcalls if one[1] == 0] == [one[2:] for one in upcalls if one[1] == 1]
        return [one[2:] for one in upcalls if one[1] == 1]


@pytest.fixture
def board(machine) -> Board:
    return Board(machine)


def test_the_converter_says_what_it_is(board) -> None:
    assert board.ask(0, COUNT) == (6,)
    assert board.ask(0, BITS, 5) == (12,)
    assert board.ask(0, VOLTAGE, 5) == (3300,)
    assert board.ask(0, BITS, 6) == board.ask(0, VOLTAGE, 0xFFFFFFFF) == ErrorCode.NODEVICE
    board.adc.reference_millivolts = lambda: 0
    assert board.ask(0, VOLTAGE, 0) == ErrorCode.NOSUPPORT
    assert [board.ask(0, number) for number in (6, 100, 103, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 4


def test_single_samples_are_taken_for_one_process_after_the_other(board) -> None:
    board.machine.holds = True
    assert [board.ask(app, SAMPLE, app) for app in range(3)] == [()] * 3
    assert board.ask(1, SAMPLE, 0) == ErrorCode.BUSY
    assert board.ask(0, FILL, 0, 100) == ErrorCode.BUSY
    board.machine.holds = False
    run_deferred()
    assert [board.told(app) for app in range(3)] == [[(0, app, level(app))] for app in range(3)]
    assert [board.ask(0, SAMPLE, channel) for channel in (6, 0xFFFFFFFF)] == [ErrorCode.INVAL] * 2
    board.apps[0].restart()
    board.apps[0].grants_left = 0
    assert board.ask(0, SAMPLE, 0) == board.ask(0, REPEAT, 0, 1) == ErrorCode.NOMEM


@pytest.mark.parametrize("dies", range(3))
def test_a_process_that_dies_with_its_sample_holds_nobody_up(board, dies) -> None:
    board.machine.holds = True
    for app in range(3):
        board.ask(app, SAMPLE, app)
    board.apps[dies].restart()
    run_deferred()
    assert [len(board.told(app)) for app in range(3)] == [int(app != dies) for app in range(3)]
    board.machine.holds = False
    assert board.ask(dies, SAMPLE, 3) == ()
    assert board.told(dies) == [(0, 3, level(3))]


def test_a_process_samples_again_and_again_until_it_stops(board) -> None:
    assert board.ask(0, REPEAT, 2, 50) == ()
    board.alarm.pass_time(SECOND // 10 + 5)
    assert board.told(0) == [(1, 2, level(2))] * 5
    assert [board.ask(0, n, 2, 50) for n in (SAMPLE, REPEAT, FILL, REFILL)] == [ErrorCode.BUSY] * 4
    assert [board.ask(1, n, 2, 50) for n in (SAMPLE, REPEAT, FILL, REFILL, STOP)] == [ErrorCode.NOMEM] * 5
    assert board.ask(0, STOP) == board.ask(0, STOP) == ()
    board.alarm.pass_time(SECOND)
    assert board.told(0) == []
    assert board.ask(1, SAMPLE, 1) == ()
    for channel, frequency in ((6, 50), (0xFFFFFFFF, 50), (0, 0), (0, 10_001), (0, 0xFFFFFFFF)):
        assert board.ask(1, REPEAT, channel, frequency) == ErrorCode.INVAL


def test_one_buffer_is_filled_and_the_converter_is_everybodys_again(board) -> None:
    memory = board.apps[0].allow_read_write(DRIVER_NUM, 0, 2 * 21 + 1)
    assert board.ask(0, FILL, 5, 1000) == ()
    board.alarm.pass_time(SECOND // 40)
    assert board.told(0) == []
    board.alarm.pass_time(SECOND // 40)
    assert board.told(0) == [(2, 5 | 21 << 8, 0)]
    assert struct.unpack("<21H", memory[:42]) == (level(5),) * 21
    assert memory[42] == 0
    assert board.alarm.due is None
    assert board.ask(1, SAMPLE, 1) == ()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 15, 16, 17, 40])
def test_to_fill_a_buffer_takes_as_long_as_its_samples_and_no_longer(board, count) -> None:
    app = board.apps[0]
    app.allow_read_write(DRIVER_NUM, 0, bytearray(2 * count + 1))
    assert board.ask(0, FILL, 2, 100) == ()
    board.alarm.pass_time((2 * count - 1) * SECOND // 200)
    assert board.told(0) == []
    board.alarm.pass_time(SECOND // 100)
    assert board.told(0) == [(2, 2 | count << 8, 0)]
    assert board.alarm.due is None
    assert board.ask(1, SAMPLE, 3) == ()


def test_two_buffers_are_filled_in_turn_without_a_gap_until_stop(board) -> None:
    memories = [board.apps[0].allow_read_write(DRIVER_NUM, n, size) for n, size in enumerate((20, 12))]
    del board.registers.words[FIRST]  # it rises
    assert board.ask(0, REFILL, 0, 100) == ()
    seen: list[int] = []
    for _ in range(200):
        board.alarm.pass_time(SECOND // 100)
        for mode, what, index in board.told(0):
            assert (mode, what) == (3, (10, 6)[index] << 8)
            seen += struct.unpack(f"<{(10, 6)[index]}H", memories[index])
    assert len(seen) >= 160
    steps = {(after - before) & 0xFFFF for before, after in pairwise(seen)}
    assert steps <= {97 << 4, -97 << 4 & 0xFFFF, *((one << 4) & 0xFFFF for one in range(-96, 97))}
    assert len(set(seen)) > 80
    assert board.ask(0, STOP) == ()
    board.alarm.pass_time(SECOND)
    assert board.told(0) == []


def test_buffers_that_are_not_there_are_asked_for_and_ones_that_vanish_end_it(board) -> None:
    assert board.ask(0, FILL, 0, 100) == ErrorCode.NOMEM
    board.apps[0].allow_read_write(DRIVER_NUM, 0, 64)
    assert board.ask(0, REFILL, 0, 100) == ErrorCode.NOMEM
    board.apps[0].allow_read_write(DRIVER_NUM, 1, 64)
    assert board.ask(0, REFILL, 0, 100) == ()
    for n in (0, 1):
        board.apps[0].allow_read_write(DRIVER_NUM, n, 0)
    board.alarm.pass_time(SECOND)
    assert board.told(0) == [(3, 0, 0)]
    assert board.ask(1, SAMPLE, 1) == ()


@pytest.mark.parametrize("what", [SAMPLE, REPEAT, FILL, REFILL])
def test_a_converter_that_fails_makes_no_samples_up_and_is_everybodys_again(board, what) -> None:
    memory = board.apps[0].allow_read_write(DRIVER_NUM, 0, 80)
    board.apps[0].allow_read_write(DRIVER_NUM, 1, 80)
    board.machine.holds = True
    assert board.ask(0, what, 2, 100) == ()
    if what in (FILL, REFILL):
        for _ in range(10):
            board.alarm.pass_time(SECOND // 100 + 1)
        buffer = board.adc._buffer.take()
        assert buffer is not None
        board.adc._filled(buffer.give_back(), 0, ErrorCode.FAIL)
        assert board.told(0) == [(what - 1, 2 | 8 << 8, 0)]  # the first of the capsule's buffers had come
        assert struct.unpack("<8H", memory[:16]) == (level(2),) * 8
        assert not any(memory[16:])
    else:
        board.adc._sampled(0, ErrorCode.FAIL)
        assert board.told(0) == [(what - 1, 2, 0x80000000)]
        board.ask(0, STOP)
    board.adc.stop()
    board.machine.holds = False
    assert board.ask(1, SAMPLE, 1) == ()
    assert board.told(1) == [(0, 1, level(1))]


def test_a_converter_that_has_stopped_for_want_of_a_buffer_keeps_nobody_waiting(board) -> None:
    board.apps[0].allow_read_write(DRIVER_NUM, 0, 80)
    assert board.ask(0, FILL, 2, 100) == ()
    board.adc.provide_buffer = lambda buffer, count: ErrorCode.OFF
    board.alarm.pass_time(SECOND // 2)
    assert board.told(0) == [(2, 2 | 8 << 8, 0)]
    assert board.ask(1, SAMPLE, 1) == ()


@pytest.mark.parametrize("what", [REPEAT, FILL, REFILL])
@pytest.mark.parametrize("asked", [True, False])
def test_a_process_that_dies_while_it_samples_holds_nobody_up(board, what, asked) -> None:
    for n in (0, 1):
        board.apps[0].allow_read_write(DRIVER_NUM, n, 400)
    assert board.ask(0, what, 0, 100) == ()
    board.alarm.pass_time(SECOND // 20)
    board.told(0)
    board.apps[0].restart()
    if not asked:  # the next sample, or buffer, finds that it is gone
        board.alarm.pass_time(SECOND // 5)
        assert board.alarm.due is None
    assert board.ask(1, SAMPLE, 1) == ()
    assert board.told(1) == [(0, 1, level(1))]
    assert board.told(0) == []
