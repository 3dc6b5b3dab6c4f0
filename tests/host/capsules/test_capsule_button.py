"""capsules/core/button.py."""

import pytest
from hardware import FakePin
from kernel import ErrorCode

from capsules.core.button import DRIVER_NUM, LAYOUT, ButtonDriver
from capsules.hil.gpio import PULL_DOWN, PULL_UP

COUNT, ENABLE, DISABLE, READ = range(4)


@pytest.fixture
def pins() -> list[FakePin]:
    return [FakePin(), FakePin(), FakePin()]


@pytest.fixture
def apps(machine, pins):
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, ButtonDriver(tuple(pins), 0, grant).command)
    return [machine.process() for _ in range(3)]


def told(app) -> list[tuple[int, ...]]:
    return [upcall[2:] for upcall in app.take_upcalls()]


def test_the_pull_is_away_from_pressed(machine, apps, pins) -> None:
    assert all(pin.mode == "input" and pin.pull == PULL_UP for pin in pins)
    high = FakePin()
    ButtonDriver((high,), 1, machine.grant(99, LAYOUT))
    assert high.pull == PULL_DOWN


def test_count_and_state(apps, pins) -> None:
    assert apps[0].command(DRIVER_NUM, COUNT) == (3,)
    pins[1].drive(0)
    assert [apps[0].command(DRIVER_NUM, READ, button) for button in range(3)] == [(0,), (1,), (0,)]


def test_both_edges_are_told_to_who_enabled_that_button(apps, pins) -> None:
    assert apps[0].command(DRIVER_NUM, ENABLE, 1) == ()
    assert apps[1].command(DRIVER_NUM, ENABLE, 1) == ()
    assert apps[1].command(DRIVER_NUM, ENABLE, 2) == ()
    for level in (0, 1):
        pins[1].drive(level)
    pins[2].drive(0)
    pins[0].drive(0)
    assert told(apps[0]) == [(1, 1, 0), (1, 0, 0)]
    assert told(apps[1]) == [(1, 1, 0), (1, 0, 0), (2, 1, 0)]
    assert told(apps[2]) == []


@pytest.mark.parametrize("again", range(3))
@pytest.mark.parametrize("command", [ENABLE, DISABLE, READ])
def test_an_edge_that_nobody_has_been_told_of_yet_is_not_lost_with_anyones_command(apps, pins, command, again) -> None:
    """Between the edge and the handler of its interrupt, or its next look."""
    for app in apps[:2]:
        app.command(DRIVER_NUM, ENABLE, 1)
    for level in (0, 1):
        pins[1].outside = level
        apps[again].command(DRIVER_NUM, command, 1)
        pins[1]._changed()  # the interrupt comes now
    both = [(1, 1, 0), (1, 0, 0)]
    silent = again if command == DISABLE else None
    assert [told(app) for app in apps[:2]] == [[] if n == silent else both for n in range(2)]
    assert told(apps[2]) in ([], both[1:])  # only what came after its own command


def test_a_button_interrupts_while_somebody_has_it_enabled(apps, pins) -> None:
    assert pins[0].edge is None
    for app in apps[:2]:
        app.command(DRIVER_NUM, ENABLE, 0)
    assert apps[0].command(DRIVER_NUM, DISABLE, 0) == ()
    pins[0].drive(0)
    assert (told(apps[0]), told(apps[1])) == ([], [(0, 1, 0)])
    assert apps[1].command(DRIVER_NUM, DISABLE, 0) == ()
    assert pins[0].edge is None


def test_to_disable_what_one_has_not_enabled_changes_nothing(apps, pins) -> None:
    apps[0].command(DRIVER_NUM, ENABLE, 0)
    assert apps[1].command(DRIVER_NUM, DISABLE, 0) == ()
    assert pins[0].edge is not None


def test_the_first_edge_after_the_last_listeners_death_ends_the_interrupts(apps, pins) -> None:
    apps[0].command(DRIVER_NUM, ENABLE, 0)
    apps[0].fault()
    pins[0].drive(0)
    assert pins[0].edge is None
    apps[0].restart()
    pins[0].drive(1)
    assert told(apps[0]) == []


@pytest.mark.parametrize("command", [ENABLE, DISABLE, READ])
@pytest.mark.parametrize("button", [3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_button_that_is_not_there_is_invalid(apps, command, button) -> None:
    assert apps[0].command(DRIVER_NUM, command, button) == ErrorCode.INVAL


@pytest.mark.parametrize("command", [4, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("button", [0, 3])
def test_unknown_commands_are_not_supported(apps, command, button) -> None:
    assert apps[0].command(DRIVER_NUM, command, button) == ErrorCode.NOSUPPORT


def test_a_process_without_memory_is_told_so_and_nothing_interrupts(apps, pins) -> None:
    apps[0].grants_left = 0
    assert apps[0].command(DRIVER_NUM, ENABLE, 0) == ErrorCode.NOMEM
    assert apps[0].command(DRIVER_NUM, DISABLE, 0) == ErrorCode.NOMEM
    assert pins[0].edge is None
    assert apps[0].command(DRIVER_NUM, READ, 0) == (0,)
