"""core/date_time.py and drivers/chips/ds1338.py."""

from datetime import datetime, timedelta

import pytest
from cells import Buffer
from hardware import FakeClock, FakeI2c
from kernel import ErrorCode

from capsules.core.date_time import DRIVER_NUM, LAYOUT, DateTimeDriver
from capsules.drivers.chips.ds1338 import Ds1338

EXISTS, GET, SET = range(3)


def packed(moment: datetime) -> tuple[int, int]:
    return (
        moment.year << 9 | moment.month << 5 | moment.day,
        moment.isoweekday() % 7 << 17 | moment.hour << 12 | moment.minute << 6 | moment.second,
    )


NOW = packed(datetime(2026, 11, 28, 6, 40, 59))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def apps(machine, clock):
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, DateTimeDriver(clock, grant).command)
    return [machine.process() for _ in range(4)]


def told(app) -> list[tuple[int, ...]]:
    upcalls = app.take_upcalls()
    assert all(upcall[:2] == (DRIVER_NUM, 0) for upcall in upcalls)
    return [upcall[2:] for upcall in upcalls]


def test_who_asks_is_told_the_time_and_all_that_ask_share_it(apps, clock) -> None:
    assert apps[0].command(DRIVER_NUM, EXISTS) == ()
    for app in apps[:3]:
        assert app.command(DRIVER_NUM, GET) == ()
    assert apps[0].command(DRIVER_NUM, GET) == apps[0].command(DRIVER_NUM, SET, *NOW) == ErrorCode.BUSY
    clock.finish()
    assert [told(app) for app in apps] == [[(0, *clock.moment)]] * 3 + [[]]
    assert clock.asked == []


def test_the_clock_is_set_by_one_after_the_other_and_reading_has_its_turn(apps, clock) -> None:
    for n, app in enumerate(apps[:2]):
        assert app.command(DRIVER_NUM, SET, NOW[0], NOW[1] + n - 1) == ()
    assert apps[2].command(DRIVER_NUM, GET) == ()
    clock.finish()
    assert told(apps[0]) == [(0, 0, 0)]
    clock.finish()
    assert told(apps[1]) == [(0, 0, 0)]
    clock.finish()  # what is read
    assert told(apps[2]) == [(0, *NOW)]
    assert clock.moment == NOW


def test_nobody_who_sets_the_clock_again_and_again_keeps_others_from_it(apps, clock) -> None:
    for app in apps:
        app.command(DRIVER_NUM, *((SET, *NOW) if app is not apps[3] else (GET,)))
    counts = [0] * 4
    for _ in range(40):
        clock.finish()
        for n, app in enumerate(apps):
            if told(app):
                counts[n] += 1
                app.command(DRIVER_NUM, *((SET, *NOW) if n < 3 else (GET,)))
    assert max(counts[:3]) - min(counts[:3]) <= 1
    assert counts[3] >= 10


@pytest.mark.parametrize(
    "moment",
    [
        (2026 << 9 | 0 << 5 | 1, 0), (2026 << 9 | 13 << 5 | 1, 0), (2026 << 9 | 1 << 5 | 0, 0),
        (2026 << 9 | 4 << 5 | 31, 0),
        (2026 << 9 | 2 << 5 | 29, 0), (2100 << 9 | 2 << 5 | 29, 0), (1 << 21, 0), (0xFFFFFFFF, 0), (0x7FFFFFFF, 0),
        (NOW[0], 7 << 17), (NOW[0], 24 << 12), (NOW[0], 60 << 6), (NOW[0], 60), (NOW[0], 1 << 20), (NOW[0], 0xFFFFFFFF),
    ],
)  # fmt: skip
def test_a_date_or_time_that_there_is_not_is_invalid(apps, clock, moment) -> None:
    assert apps[0].command(DRIVER_NUM, SET, *moment) == ErrorCode.INVAL
    assert clock.asked == []


@pytest.mark.parametrize("year", [2000, 2024, 2028])
def test_the_29th_of_february_is_a_date_in_a_leap_year(apps, clock, year) -> None:
    assert apps[0].command(DRIVER_NUM, SET, year << 9 | 2 << 5 | 29, 0) == ()


def test_what_the_clock_refuses_or_fails_at_is_told(apps, clock) -> None:
    clock.refuses = ErrorCode.FAIL
    assert apps[0].command(DRIVER_NUM, GET) == apps[0].command(DRIVER_NUM, SET, *NOW) == ErrorCode.FAIL
    clock.refuses = 0
    assert apps[0].command(DRIVER_NUM, GET) == ()
    assert apps[1].command(DRIVER_NUM, SET, *NOW) == ()
    assert apps[2].command(DRIVER_NUM, SET, *NOW) == ()
    clock.finish(ErrorCode.NOACK)
    assert told(apps[0]) == [(ErrorCode.NOACK, 0, 0)]
    clock.refuses = ErrorCode.INVAL
    clock.finish(ErrorCode.NOACK)
    assert told(apps[1]) == [(ErrorCode.NOACK, 0, 0)]
    assert told(apps[2]) == [(ErrorCode.INVAL, 0, 0)]


def test_a_process_that_dies_in_the_middle_or_while_it_waits_holds_nobody_up(apps, clock) -> None:
    for app in apps:
        assert app.command(DRIVER_NUM, SET, *NOW) == ()
    apps[0].restart()
    apps[1].fault()
    assert apps[0].command(DRIVER_NUM, GET) == ()
    for _ in range(4):
        clock.finish()
    assert [told(app) for app in apps] == [[(0, *NOW)], [], [(0, 0, 0)], [(0, 0, 0)]]


def test_unknown_commands_are_not_supported_and_no_memory_is_told(apps) -> None:
    assert apps[0].command(DRIVER_NUM, 3) == apps[0].command(DRIVER_NUM, 0xFFFFFFFF) == ErrorCode.NOSUPPORT
    apps[0].grants_left = 0
    assert apps[0].command(DRIVER_NUM, GET) == apps[0].command(DRIVER_NUM, SET, *NOW) == ErrorCode.NOMEM


# -- The chip ---------------------------------------------------------------------------------------


class Chip:
    """Its registers; a client that notes what it is told."""

    def __init__(self) -> None:
        self.bus = FakeI2c()
        self.registers = bytearray(8)
        self.bus.devices[0x68] = self.answer
        self.clock = Ds1338(self.bus, Buffer(8))
        self.clock.set_client(self)
        self.told: list[tuple[int, ...]] = []

    def answer(self, sent: bytes, count: int) -> bytes:
        at = sent[0]
        self.registers[at : at + len(sent) - 1] = sent[1:]
        return bytes(self.registers[at : at + count])

    def got(self, *what: int) -> None:
        self.told.append(what)

    was_set = got


@pytest.fixture
def chip() -> Chip:
    return Chip()


def test_what_was_set_is_read(chip) -> None:
    moment = datetime(2000, 1, 1)
    while moment.year < 2100:
        assert chip.clock.set(*packed(moment)) == 0
        chip.bus.finish_all()
        assert chip.registers[6] == int(f"{moment.year % 100}", 16)
        assert chip.registers[3] in range(1, 8)
        assert chip.clock.read() == 0
        chip.bus.finish_all()
        assert chip.told == [(0,), (*packed(moment), 0)]
        chip.told.clear()
        moment += timedelta(days=93, hours=13, minutes=7, seconds=11)


def test_the_registers_are_those_of_the_data_sheet(chip) -> None:
    chip.registers[:7] = bytes.fromhex("56 34 12 07 28 11 26")
    chip.clock.read()
    chip.bus.finish_all()
    assert chip.told == [(*packed(datetime(2026, 11, 28, 12, 34, 56)), 0)]


@pytest.mark.parametrize(("register", "hour"), [(0x52, 0), (0x41, 1), (0x72, 12), (0x71, 23), (0x51, 11), (0x61, 13)])
def test_a_clock_of_twelve_hours_is_understood(chip, register, hour) -> None:
    chip.registers[:7] = bytes([0, 0, register, 1, 1, 1, 0])
    chip.clock.read()
    chip.bus.finish_all()
    assert chip.told[0][1] >> 12 & 0x1F == hour


def test_a_clock_that_stood_still_does_not_know_the_time(chip) -> None:
    chip.registers[0] = 0x80
    chip.clock.read()
    chip.bus.finish_all()
    assert chip.told == [(0, 0, ErrorCode.FAIL)]


@pytest.mark.parametrize("year", [1999, 2100, 0, 4095])
def test_a_year_that_the_clock_does_not_have_is_invalid(chip, year) -> None:
    assert chip.clock.set(year << 9 | 1 << 5 | 1, 0) == ErrorCode.INVAL
    assert not chip.bus.is_busy


def test_errors_of_the_bus_are_told(chip) -> None:
    del chip.bus.devices[0x68]
    chip.clock.read()
    chip.bus.finish_all()
    chip.clock.set(*NOW)
    chip.bus.finish_all()
    assert chip.told == [(0, 0, ErrorCode.NOACK), (ErrorCode.NOACK,)]
    chip.bus.refuses = ErrorCode.FAIL
    assert chip.clock.read() == chip.clock.set(*NOW) == ErrorCode.FAIL
    chip.bus.refuses = 0
    assert chip.clock.read() == 0  # its buffer is its own again
