"""capsules/core/gpio.py, and the simulated pins."""

import pytest
from hardware import FakeAlarm, FakePin
from kernel import ErrorCode, Registers

from capsules.core.gpio import DRIVER_NUM, LAYOUT, GpioDriver
from capsules.drivers.simulated.pins import simulated_pins
from capsules.hil.gpio import EDGE_EITHER, EDGE_FALLING, EDGE_RISING, PULL_DOWN, PULL_NONE, PULL_UP

EXISTS, OUTPUT, SET, CLEAR, TOGGLE, INPUT, READ, ENABLE, DISABLE, RELEASE, COUNT = range(11)
NO_PIN = 1


@pytest.fixture
def pins() -> list[FakePin]:
    return [FakePin(), FakePin(), FakePin()]


@pytest.fixture
def apps(machine, pins):
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, GpioDriver((pins[0], None, pins[2]), grant).command)
    return [machine.process() for _ in range(3)]


def told(app) -> list[tuple[int, ...]]:
    return [upcall[2:] for upcall in app.take_upcalls()]


def test_the_count_includes_the_holes(apps) -> None:
    assert apps[0].command(DRIVER_NUM, EXISTS) == ()
    assert apps[0].command(DRIVER_NUM, COUNT) == (3,)


def test_an_output(apps, pins) -> None:
    assert apps[0].command(DRIVER_NUM, OUTPUT, 2) == ()
    for command, level in ((SET, 1), (CLEAR, 0), (TOGGLE, 1), (TOGGLE, 0), (SET, 1)):
        assert apps[0].command(DRIVER_NUM, command, 2) == ()
        assert (pins[2].output, pins[0].output) == (level, 0)
        assert apps[1].command(DRIVER_NUM, READ, 2) == (level,)
    assert (pins[2].mode, pins[0].mode) == ("output", "disabled")
    assert apps[0].command(DRIVER_NUM, RELEASE, 2) == ()
    assert pins[2].mode == "disabled"


@pytest.mark.parametrize(("pull", "level"), [(PULL_NONE, 0), (PULL_UP, 1), (PULL_DOWN, 0)])
def test_an_input_has_its_pull_until_it_is_driven(apps, pins, pull, level) -> None:
    assert apps[0].command(DRIVER_NUM, INPUT, 0, pull) == ()
    assert (pins[0].mode, pins[0].pull) == ("input", pull)
    assert apps[0].command(DRIVER_NUM, READ, 0) == (level,)
    pins[0].drive(1 - level)
    assert apps[0].command(DRIVER_NUM, READ, 0) == (1 - level,)


@pytest.mark.parametrize("command", [INPUT, ENABLE])
@pytest.mark.parametrize("option", [3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_an_unknown_pull_or_edge_is_not_supported_and_changes_nothing(apps, pins, command, option) -> None:
    assert apps[0].command(DRIVER_NUM, command, 0, option) == ErrorCode.NOSUPPORT
    assert (pins[0].mode, pins[0].edge) == ("disabled", None)


@pytest.mark.parametrize(
    ("edge", "seen"),
    [(EDGE_EITHER, [(0, 1, 0), (0, 0, 0)]), (EDGE_RISING, [(0, 1, 0)]), (EDGE_FALLING, [(0, 0, 0)])],
)
def test_an_edge_is_told_to_all_who_use_the_driver(apps, pins, edge, seen) -> None:
    apps[0].command(DRIVER_NUM, INPUT, 0, PULL_DOWN)
    assert apps[0].command(DRIVER_NUM, ENABLE, 0, edge) == ()
    assert apps[1].command(DRIVER_NUM, ENABLE, 2, edge) == ()
    pins[0].drive(1)
    pins[0].drive(0)
    assert told(apps[0]) == told(apps[1]) == seen
    assert told(apps[2]) == []  # it has no record here


def test_who_has_ended_is_told_nothing(apps, pins) -> None:
    apps[0].command(DRIVER_NUM, ENABLE, 0, EDGE_EITHER)
    apps[1].command(DRIVER_NUM, ENABLE, 0, EDGE_EITHER)
    apps[0].fault()
    pins[0].drive(1)
    assert told(apps[1]) == [(0, 1, 0)]
    apps[0].restart()
    pins[0].drive(0)
    assert told(apps[0]) == []


def test_disabling_interrupts_releases_the_pin(apps, pins) -> None:
    apps[0].command(DRIVER_NUM, INPUT, 0, PULL_UP)
    apps[0].command(DRIVER_NUM, ENABLE, 0, EDGE_EITHER)
    assert apps[0].command(DRIVER_NUM, DISABLE, 0) == ()
    assert (pins[0].edge, pins[0].mode) == (None, "disabled")


@pytest.mark.parametrize("command", range(1, 10))
def test_pins_that_are_not_there(apps, pins, command) -> None:
    for pin in (3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        assert apps[0].command(DRIVER_NUM, command, pin) == ErrorCode.INVAL
    assert apps[0].command(DRIVER_NUM, command, NO_PIN) == ErrorCode.NODEVICE


@pytest.mark.parametrize("command", [11, 0x80000000, 0xFFFFFFFF])
def test_unknown_commands_are_not_supported(apps, command) -> None:
    assert apps[0].command(DRIVER_NUM, command, 0) == ErrorCode.NOSUPPORT


def test_a_process_without_memory_gets_no_interrupts(apps, pins) -> None:
    apps[0].grants_left = 0
    assert apps[0].command(DRIVER_NUM, ENABLE, 0) == ErrorCode.NOMEM
    assert pins[0].edge is None
    assert apps[0].command(DRIVER_NUM, OUTPUT, 0) == ()


# -- The simulated pins

LEVEL, DRIVEN, OUT, DIRECTION, LISTENING, UP, DOWN = range(0, 0x1C, 4)


class Bank:
    def __init__(self) -> None:
        self.registers = Registers(0x20)
        self.alarm = FakeAlarm()
        self.pins = simulated_pins(self.registers, self.alarm, 30)
        self.edges: list[int] = []
        for number, pin in enumerate(self.pins):
            pin.set_client(lambda number=number: self.edges.append(number))

    def drive(self, number: int, level: int | None) -> None:
        words = self.registers.words
        words[LEVEL] = words.get(LEVEL, 0) & ~(1 << number) | (level or 0) << number
        words[DRIVEN] = words.get(DRIVEN, 0) & ~(1 << number) | (level is not None) << number

    def wait(self) -> list[int]:
        """25 ms later: which pins have called."""
        self.alarm.pass_time(97656 // 40)
        seen, self.edges = self.edges, []
        return seen


@pytest.fixture
def bank(machine) -> Bank:
    return Bank()


@pytest.mark.parametrize("number", [0, 17, 29])
def test_simulated_levels(bank, number) -> None:
    pin = bank.pins[number]
    assert pin.read() == 0
    pin.set()
    assert (pin.read(), bank.registers.words[OUT]) == (0, 1 << number)
    pin.make_output()
    assert (pin.read(), bank.registers.words[DIRECTION]) == (1, 1 << number)
    pin.toggle()
    assert (pin.read(), bank.registers.words[OUT]) == (0, 0)
    pin.toggle()
    pin.make_input(PULL_NONE)
    assert (pin.read(), bank.registers.words[DIRECTION], bank.registers.words[LISTENING]) == (0, 0, 1 << number)
    bank.drive(number, 1)
    assert pin.read() == 1
    pin.disable()
    assert (pin.read(), bank.registers.words[LISTENING]) == (0, 0)
    pin.make_input(PULL_UP)
    assert pin.read() == 1
    bank.drive(number, 0)
    assert pin.read() == 0
    bank.drive(number, None)
    assert (pin.read(), bank.registers.words[UP], bank.registers.words[DOWN]) == (1, 1 << number, 0)
    pin.make_input(PULL_DOWN)
    assert (pin.read(), bank.registers.words[UP], bank.registers.words[DOWN]) == (0, 0, 1 << number)


def test_simulated_edges(bank) -> None:
    for number, edge in ((0, EDGE_EITHER), (5, EDGE_RISING), (29, EDGE_FALLING)):
        bank.pins[number].make_input(PULL_NONE)
        bank.pins[number].enable_interrupts(edge)
    bank.pins[7].make_input(PULL_NONE)
    for level, seen in ((1, [0, 5]), (0, [0, 29]), (1, [0, 5])):
        for number in (0, 5, 7, 29):
            bank.drive(number, level)
        assert bank.wait() == seen
        assert bank.wait() == []
    bank.pins[0].enable_interrupts(EDGE_FALLING)
    bank.drive(0, 0)
    assert bank.wait() == [0]


def test_an_edge_is_not_lost_when_interrupts_are_enabled_again(bank) -> None:
    pin = bank.pins[0]
    pin.make_input(PULL_NONE)
    pin.enable_interrupts(EDGE_EITHER)
    bank.drive(0, 1)
    pin.enable_interrupts(EDGE_EITHER)
    bank.pins[1].enable_interrupts(EDGE_EITHER)
    assert bank.wait() == [0]


def test_nothing_ticks_while_nobody_waits_for_an_edge(bank) -> None:
    assert bank.alarm.due is None
    bank.pins[0].make_input(PULL_NONE)
    bank.pins[0].enable_interrupts(EDGE_EITHER)
    bank.pins[1].enable_interrupts(EDGE_RISING)
    bank.pins[0].disable_interrupts()
    assert bank.alarm.due is not None
    bank.pins[1].disable_interrupts()
    assert bank.alarm.due is None


def test_a_client_may_end_its_interrupts_and_one_that_fails_stops_nobody(bank, log) -> None:
    def fail() -> None:
        raise ValueError

    for number in (0, 1):
        bank.pins[number].make_input(PULL_NONE)
        bank.pins[number].enable_interrupts(EDGE_EITHER)
        bank.drive(number, 1)
    bank.pins[0].set_client(fail)
    assert bank.wait() == [1]
    bank.pins[0].disable_interrupts()
    bank.pins[1].set_client(bank.pins[1].disable_interrupts)
    bank.drive(1, 0)
    bank.wait()
    assert bank.alarm.due is None
