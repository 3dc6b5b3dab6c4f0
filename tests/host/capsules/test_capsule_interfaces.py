"""Every capsule that serves a driver number: it answers the commands of its docstring and no others."""

import importlib
import inspect
import re
from types import ModuleType
from unittest.mock import Mock

import pytest
from cells import Buffer
from hardware import (
    FakeAlarm,
    FakeClock,
    FakeFlash,
    FakeI2c,
    FakeLed,
    FakeNineAxis,
    FakePin,
    FakeSensor,
    FakeSpi,
    FakeUart,
)
from kernel import ErrorCode, Grant, Machine, Registers

from adder.board import ROOT
from capsules.drivers.simulated.adc import SimulatedAdc
from capsules.drivers.simulated.identity import SimulatedIdentity
from capsules.drivers.simulated.pwm import SimulatedPwm
from capsules.virtual.app_credentials import AppCredentials
from capsules.virtual.app_directory import RECORD, AppDirectory
from capsules.virtual.app_list import AppList
from capsules.virtual.app_store import AppStore
from capsules.virtual.flash_regions import FlashRegions
from capsules.virtual.sha256 import DIGEST, SIZE, Sha256
from capsules.virtual.virtual_alarm import AlarmMux
from capsules.virtual.virtual_pwm import PwmMux

NUMBERS = (*range(41), 62, 63, 64, 100, 101, 102, 200)

ANSWERED_BY_THE_CORE = {"capsules.core.ipc": {2, 3, 4, 5, 6, 7, 8}, "capsules.core.process_info": {102}}
"""Commands that firmware/kernel/ipc.c answers before the capsule is asked; and the one that ends in a panic."""

# Imported here, since the fakes are there only while this file is being imported.
CAPSULES = [
    importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted((ROOT / "capsules").rglob("*.py"))
    if re.search(r"^DRIVER_NUM\b", path.read_text(), re.MULTILINE)
]


def app_store(machine: Machine) -> AppStore:
    flash = FakeFlash(bytearray(b"\xff" * 4096))
    directory = AppDirectory(flash, Buffer(RECORD))
    credentials = AppCredentials(flash, AppList(flash, directory.crc, Buffer(64), 0), Buffer(64))
    return AppStore(flash, machine.line(), machine.loader, directory, credentials)


MAKERS = {
    "AppStore": app_store,
    "Alarm": lambda machine: FakeAlarm(),
    "Alarms": lambda machine: AlarmMux(FakeAlarm()).for_processes,
    "Buffer": lambda machine: Buffer(64),
    "LastWords | None": lambda machine: None,
    "DateTime": lambda machine: FakeClock(),
    "I2c": lambda machine: FakeI2c(),
    "Identity": lambda machine: SimulatedIdentity(),
    "InterruptLine": lambda machine: machine.line(),
    "Adc": lambda machine: SimulatedAdc(Registers(0x100), FakeAlarm(), 6),
    "Pwm": lambda machine: SimulatedPwm(Registers(0x40), 4),
    "PwmShare": lambda machine: PwmMux(SimulatedPwm(Registers(0x40), 4)).new_share(4),
    "ProcessControl": lambda machine: machine.control,
    "ProcessLoader": lambda machine: machine.loader,
    "FlashRegions": lambda machine: FlashRegions(
        FakeFlash(bytearray(b"\xff" * 1024)), machine.line(), Buffer(32), Buffer(16)
    ),
    "int": lambda machine: 0,
    "Sha256": lambda machine: Sha256(Buffer(SIZE + DIGEST)),
    "Spi": lambda machine: FakeSpi(),
    "Sensor": lambda machine: FakeSensor(),
    "DistanceSensor": lambda machine: FakeSensor(),
    "RainfallSensor": lambda machine: FakeSensor(),
    "NineAxis": lambda machine: FakeNineAxis(),
    "TemperatureSensor": lambda machine: FakeSensor(),
    "Uart": lambda machine: FakeUart(),
    "tuple[Pin | None, ...]": lambda machine: (FakePin(), None),
    "tuple[Pin, ...]": lambda machine: (FakePin(), FakePin()),
    "tuple[Led, ...]": lambda machine: (FakeLed(), FakeLed()),
}
"""What a board would hand to a capsule, by the type of the parameter. For another HIL, anything with its methods."""


def given_for(parameter: inspect.Parameter, machine: Machine) -> object:
    """What to hand to a capsule for this parameter."""
    kind = parameter.annotation
    name = kind if isinstance(kind, str) else kind.__name__
    if name in MAKERS:
        return MAKERS[name](machine)
    module = "" if isinstance(kind, str) else kind.__module__
    assert module.startswith("capsules.hil."), f"MAKERS has nothing for '{parameter.name}: {name}'"
    return mock_of(kind)


def mock_of(kind: type) -> Mock:
    """Anything with the methods of an interface, all of which succeed."""
    mock = Mock(spec_set=kind)
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        returned = inspect.signature(method).return_annotation
        if returned in (int, bool, None):
            getattr(mock, name).return_value = returned() if returned else None
    return mock


def serving(module: ModuleType) -> Machine:
    """A machine that serves this capsule alone."""
    machine = Machine()
    grant = machine.grant(module.DRIVER_NUM, module.LAYOUT)
    classes = [
        one
        for one in vars(module).values()
        if getattr(one, "__module__", "") == module.__name__ and hasattr(one, "command")
    ]
    assert len(classes) == 1, "a capsule has one class with a `command`"
    needs = (
        list(inspect.signature(classes[0]).parameters.values()) if classes[0].__init__ is not object.__init__ else []
    )
    given = []
    for parameter in needs:
        given.append(grant if parameter.annotation is Grant else given_for(parameter, machine))
    machine.serve(grant, classes[0](*given).command)
    return machine


def commands_of(docstring: str) -> set[int]:
    """The numbers in the docstring's table of commands."""
    table = re.search(r"^Command\n((?:    .*\n|\n(?=    ))+)", docstring + "\n", re.MULTILINE)
    assert table is not None, "the docstring has no table 'Command'"
    return {int(number) for number in re.findall(r"^    (\d+)\b", table[1], re.MULTILINE)}


@pytest.fixture(params=CAPSULES, ids=lambda module: module.__name__)
def capsule(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def test_a_command_is_unsupported_exactly_if_the_docstring_leaves_it_out(capsule) -> None:
    answered = set()
    for number in NUMBERS:
        machine = serving(capsule)
        if machine.process().command(capsule.DRIVER_NUM, number) != ErrorCode.NOSUPPORT:
            answered.add(number)
    documented = commands_of(capsule.__doc__)
    core = ANSWERED_BY_THE_CORE.get(capsule.__name__, set())
    assert core <= documented
    assert answered == documented - core
    assert max(documented) in NUMBERS


def test_every_capsule_has_command_0(capsule) -> None:
    assert isinstance(serving(capsule).process().command(capsule.DRIVER_NUM, 0), tuple)


def test_the_docstring_names_the_driver_number(capsule) -> None:
    named = re.search(r"^Driver number (0x[0-9A-Fa-f]+)\b", capsule.__doc__, re.MULTILINE)
    assert named is not None
    assert int(named[1], 16) == capsule.DRIVER_NUM


EVENTS = {
    "capsules.bringup.jobs": {0},
    "capsules.core.adc": {0},
    "capsules.core.button": {0},
    "capsules.core.gpio": {0},
}
"""Upcalls that come by themselves, as often as they like: the only ones that may be lost (docs/abi.md)."""


def test_every_upcall_that_answers_a_command_has_a_place_however_full_the_queue_is(capsule) -> None:
    table = re.search(r"^Subscribe\n((?:    .*\n|\n(?=    ))+)", capsule.__doc__ + "\n", re.MULTILINE)
    told = {int(number) for number in re.findall(r"^    (\d+)\b", table[1], re.MULTILINE)} if table else set()
    answers = told - EVENTS.get(capsule.__name__, set())
    layout = capsule.LAYOUT
    assert layout.answers >= len(answers), "Layout(answers=...): so many wait at once"
    if layout.asks:  # without, the last one has the place, as an alarm has
        assert set(layout.asks.values()) == answers
        assert set(layout.asks) <= commands_of(capsule.__doc__)
    else:
        assert len(answers) == min(layout.answers, 1)


def test_there_are_capsules_and_no_two_share_a_number() -> None:
    numbers = [module.DRIVER_NUM for module in CAPSULES]
    assert numbers
    assert len(set(numbers)) == len(numbers)


def test_a_table_ends_where_the_next_one_begins() -> None:
    docstring = (
        "X.\n\nCommand\n    0 exists -> success\n    12 go n -> success\n       7 on\n\nSubscribe\n    3 gone: (0)\n"
    )
    assert commands_of(docstring) == {0, 12}
    assert commands_of("X.\n\nCommand\n    0 exists -> success") == {0}
