"""The capsules of capsules/sensors/ that serve Tock's other sensors, and the sensors that are none."""

import pytest
from hardware import FakeAlarm, FakeNineAxis, FakeSensor
from kernel import ErrorCode, Registers, run_deferred

from capsules.drivers.simulated import sensor as simulated
from capsules.drivers.simulated.sensor import SimulatedDistance, SimulatedNineAxis, SimulatedRainfall, SimulatedSensor
from capsules.sensors import air_quality, distance, ninedof, proximity, quantity, rainfall
from capsules.sensors.quantity import PLAIN, STATUS_FIRST, SWITCHED, QuantityDriver

EXISTS, MEASURE = 0, 1
NONE = 0x80000000


class Served:
    """A capsule with its sensor, and three processes."""

    def __init__(self, machine, module, make) -> None:
        self.number, self.sensor = module.DRIVER_NUM, FakeSensor()
        grant = machine.grant(self.number, module.LAYOUT)
        machine.serve(grant, make(self.sensor, grant).command, words=False)
        self.apps = [machine.process() for _ in range(3)]

    def ask(self, app: int, *what: int):
        return self.apps[app].command(self.number, *(what or (MEASURE,)))

    def told(self, app: int) -> list[tuple[int, ...]]:
        return [upcall[2:] for upcall in self.apps[app].take_upcalls()]


FORMS = {
    "plain": (quantity, lambda sensor, grant: QuantityDriver(sensor, grant, PLAIN)),
    "switched": (quantity, lambda sensor, grant: QuantityDriver(sensor, grant, SWITCHED)),
    "status first": (quantity, lambda sensor, grant: QuantityDriver(sensor, grant, STATUS_FIRST)),
    "distance": (distance, distance.DistanceDriver),
    "proximity": (proximity, lambda sensor, grant: proximity.ProximityDriver(sensor, FakeAlarm(), grant)),
    "rainfall": (rainfall, rainfall.RainfallDriver),
}


@pytest.fixture(params=FORMS)
def form(request) -> str:
    return request.param


@pytest.fixture
def served(machine, form) -> Served:
    return Served(machine, *FORMS[form])


def upcall(form: str, value: int, status: int = 0) -> tuple[int, ...]:
    if form in ("status first", "distance", "rainfall"):
        return status, value & 0xFFFFFFFF, 0
    return NONE if status else value & 0xFFFFFFFF, status, 0


def test_who_asks_is_told_and_nobody_else(served, form) -> None:
    assert served.ask(0, EXISTS) == ()
    assert served.ask(0, MEASURE, 1) == ()
    served.sensor.done(-512 if form != "proximity" else 9)
    assert served.told(0) == [upcall(form, -512 if form != "proximity" else 9)]
    assert [served.told(app) for app in range(3)] == [[], [], []]


def test_all_that_ask_meanwhile_share_one_measurement(served, form) -> None:
    assert [served.ask(app, MEASURE, 1) for app in range(3)] == [(), (), ()]
    assert served.sensor.asked == 1
    assert served.ask(1, MEASURE, 1) == ErrorCode.BUSY
    served.sensor.done(21)
    assert [served.told(app) for app in range(3)] == [[upcall(form, 21)]] * 3
    assert served.ask(1, MEASURE, 1) == ()
    assert served.sensor.asked == 2


def test_a_sensor_that_fails_or_refuses_says_why(served, form) -> None:
    served.ask(0, MEASURE, 1)
    served.sensor.done(0, ErrorCode.NOACK)
    assert served.told(0) == [upcall(form, 0, ErrorCode.NOACK)]
    served.sensor.refuses = ErrorCode.FAIL
    assert served.ask(0, MEASURE, 1) == ErrorCode.FAIL
    served.sensor.refuses = 0
    assert served.ask(0, MEASURE, 1) == ()


def test_a_process_that_dies_while_it_waits_is_not_told_nor_its_successor(served, form) -> None:
    for app in range(3):
        served.ask(app, MEASURE, 1)
    served.apps[0].restart()
    served.apps[1].fault()
    served.sensor.done(2)
    assert [len(served.told(app)) for app in range(3)] == [0, 0, 1]
    assert served.ask(0, MEASURE, 1) == ()


def test_a_process_without_memory_is_told_so(served) -> None:
    served.apps[0].grants_left = 0
    assert served.ask(0, MEASURE, 1) == ErrorCode.NOMEM
    assert served.sensor.asked == 0


def test_only_the_sensor_of_sound_is_switched(served, form) -> None:
    answer = {"switched": (), "distance": ((20,), (4000,))}.get(form, ErrorCode.NOSUPPORT)
    if form == "proximity":
        answer = [(), ErrorCode.NOSUPPORT]
    answers = list(answer) if isinstance(answer, tuple | list) and answer else [answer] * 2
    assert [served.ask(0, 2, 0, 255), served.ask(0, 3)] == answers
    assert [served.ask(0, number) for number in (4, 0xFFFFFFFF)] == [ErrorCode.NOSUPPORT] * 2


# -- Proximity, rainfall, air quality --


def test_a_process_waits_until_something_is_nearer_or_farther(machine) -> None:
    alarm = FakeAlarm()
    served = Served(machine, proximity, lambda sensor, grant: proximity.ProximityDriver(sensor, alarm, grant))
    assert served.ask(0, 2, 10, 100) == ()
    assert served.ask(0, 1) == served.ask(0, 2) == ErrorCode.BUSY
    assert served.ask(1, 2, 30, 255 + 256) == ()
    assert served.ask(2, 1) == ()
    served.sensor.done(50)
    assert [served.told(app) for app in range(3)] == [[], [], [(50, 0, 0)]]
    for value, told in ((100, [0, 0]), (29, [0, 1]), (10, [0, 0]), (101, [1, 0])):
        asked = served.sensor.asked
        alarm.fire()
        assert served.sensor.asked == asked + 1
        alarm.fire()  # while it measures
        assert served.sensor.asked == asked + 1
        served.sensor.done(value)
        assert [len(served.told(app)) for app in range(2)] == told
    # A sensor that begins to refuse ends the waiting.
    served.ask(0, 2, 10, 100)
    served.sensor.done(50)
    served.sensor.refuses = ErrorCode.FAIL
    alarm.fire()
    assert served.told(0) == [(NONE, ErrorCode.FAIL, 0)]


def test_nobody_measures_for_a_process_that_has_died(machine) -> None:
    alarm = FakeAlarm()
    served = Served(machine, proximity, lambda sensor, grant: proximity.ProximityDriver(sensor, alarm, grant))
    served.ask(0, 2, 10, 100)
    served.sensor.done(50)
    served.apps[0].fault()
    alarm.fire()
    served.sensor.done(50)
    assert alarm.due is None


def test_rain_is_looked_up_for_one_number_of_hours_at_a_time(machine) -> None:
    served = Served(machine, rainfall, rainfall.RainfallDriver)
    assert [served.ask(0, MEASURE, hours) for hours in (0, 25, 0xFFFFFFFF)] == [ErrorCode.INVAL] * 3
    assert served.ask(0, MEASURE, 24) == ()
    assert served.ask(1, MEASURE, 1) == ErrorCode.BUSY
    assert served.ask(2, MEASURE, 24) == ()
    served.sensor.done(300)
    assert served.told(0) == served.told(2) == [(0, 300, 0)]
    assert served.ask(1, MEASURE, 1) == ()
    assert served.sensor.hours == [24, 1]


def test_both_qualities_of_the_air_are_asked_for_at_once(machine) -> None:
    tvoc = FakeSensor()
    served = Served(machine, air_quality, lambda sensor, grant: air_quality.AirQualityDriver(sensor, tvoc, grant))
    assert served.ask(0, EXISTS) == ()
    assert served.ask(0, 2) == served.ask(0, 3) == ()
    assert served.ask(0, 2) == served.ask(0, 3) == ErrorCode.BUSY
    assert served.ask(0, 1) == served.ask(0, 4) == ErrorCode.NOSUPPORT
    tvoc.done(20)
    served.sensor.done(0, ErrorCode.NOACK)
    assert served.told(0) == [(20, 0, 0), (NONE, ErrorCode.NOACK, 0)]
    served.ask(1, 2)
    served.apps[1].restart()
    served.sensor.done(600)
    assert served.told(1) == []
    served.apps[2].grants_left = 0
    assert served.ask(2, 2) == ErrorCode.NOMEM


# -- Nine axes --

ACCELERATION, FIELD, ROTATION = 1, 100, 200


@pytest.fixture
def axes() -> FakeNineAxis:
    return FakeNineAxis()


@pytest.fixture
def moved(machine, axes):
    grant = machine.grant(ninedof.DRIVER_NUM, ninedof.LAYOUT)
    machine.serve(grant, ninedof.NinedofDriver(axes, grant).command, words=False)
    return [machine.process() for _ in range(3)]


def test_axes_are_measured_one_kind_after_the_other_and_shared(moved, axes) -> None:
    asked = [app.command(ninedof.DRIVER_NUM, kind) for app, kind in zip(moved, (FIELD, ROTATION, FIELD), strict=True)]
    assert asked == [(), (), ()]
    assert moved[0].command(ninedof.DRIVER_NUM, EXISTS) == ()
    assert moved[0].command(ninedof.DRIVER_NUM, ACCELERATION) == ErrorCode.BUSY
    axes.done(48, -3, 0)
    assert [app.take_upcalls() for app in (moved[0], moved[2])] == [[(0x60004, 0, 48, -3 & 0xFFFFFFFF, 0)]] * 2
    axes.done(1, 2, 3)
    assert moved[1].take_upcalls() == [(0x60004, 0, 1, 2, 3)]
    assert axes.asked == []


def test_an_axis_that_fails_or_is_not_there_is_told(moved, axes) -> None:
    axes.refuses = {3: ErrorCode.NODEVICE}
    assert moved[0].command(ninedof.DRIVER_NUM, ROTATION) == ErrorCode.NODEVICE
    assert moved[0].command(ninedof.DRIVER_NUM, ACCELERATION) == ()
    assert moved[1].command(ninedof.DRIVER_NUM, ROTATION) == ()  # it waits, and is refused when its turn comes
    axes.done(status=ErrorCode.NOACK)
    assert [app.take_upcalls() for app in moved[:2]] == [[(0x60004, 0, NONE, NONE, NONE)]] * 2
    assert [moved[2].command(ninedof.DRIVER_NUM, n) for n in (2, 99, 201)] == [ErrorCode.NOSUPPORT] * 3
    moved[2].grants_left = 0
    assert moved[2].command(ninedof.DRIVER_NUM, FIELD) == ErrorCode.NOMEM


def test_a_process_that_dies_while_its_axes_are_measured_holds_nobody_up(moved, axes) -> None:
    for app, kind in zip(moved, (FIELD, ROTATION, ACCELERATION), strict=True):
        app.command(ninedof.DRIVER_NUM, kind)
    moved[0].restart()
    moved[1].fault()
    axes.done(1, 1, 1)
    axes.done(0, 0, 1000)
    assert [len(app.take_upcalls()) for app in moved] == [0, 0, 1]


# -- Sensors that are none --


def test_simulated_sensors_measure_what_the_host_has_set(machine) -> None:
    registers = Registers(0x100)
    seen: list[tuple[int, ...]] = []
    clock = FakeAlarm(0)
    near = SimulatedDistance(SimulatedSensor(registers, simulated.DISTANCE, clock, 300, 1000))
    rain = SimulatedRainfall(SimulatedSensor(registers, simulated.RAINFALL, clock, 0, 500))
    turned = SimulatedNineAxis(registers)
    for one in (near, rain):
        one.set_client(lambda value, status: seen.append((value, status)))
    turned.set_client(lambda *values: seen.append(values), None)
    registers.words |= {simulated.DISTANCE: 50_777, simulated.RAINFALL: 50_010, simulated.ROTATION + 4: 49_000}
    assert near.measure() == rain.measure(24) == turned.measure(3) == 0
    assert seen == []
    run_deferred()
    assert seen == [(777, 0), (240, 0), (0, -1000, 0)]
    assert (near.nearest(), near.farthest()) == (20, 4000)
    for which, values in ((1, (0, 0, 1000)), (2, (48, 0, 0))):
        seen.clear()
        turned.measure(which)
        run_deferred()
        assert seen == [values]
