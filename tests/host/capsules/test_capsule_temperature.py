"""capsules/sensors/temperature.py and the sensor that is none."""

import pytest
from hardware import FakeAlarm, FakeSensor
from kernel import ErrorCode, Registers, run_deferred

from capsules.drivers.simulated.sensor import TEMPERATURE, SimulatedSensor
from capsules.sensors.temperature import DRIVER_NUM, LAYOUT, TemperatureDriver

EXISTS, MEASURE = 0, 1


@pytest.fixture
def sensor() -> FakeSensor:
    return FakeSensor()


@pytest.fixture
def apps(machine, sensor):
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, TemperatureDriver(sensor, grant).command, words=False)
    return [machine.process() for _ in range(3)]


def test_who_asks_is_told_and_nobody_else(apps, sensor) -> None:
    assert apps[0].command(DRIVER_NUM, EXISTS) == ()
    assert apps[0].command(DRIVER_NUM, MEASURE) == ()
    sensor.done(-512)
    ((driver, number, value, *rest),) = apps[0].take_upcalls()
    assert (driver, number, value & 0xFFFFFFFF, *rest) == (DRIVER_NUM, 0, -512 & 0xFFFFFFFF, 0, 0)
    assert [app.take_upcalls() for app in apps] == [[], [], []]


def test_all_that_ask_meanwhile_share_one_measurement(apps, sensor) -> None:
    for app in apps:
        assert app.command(DRIVER_NUM, MEASURE) == ()
    assert sensor.asked == 1
    assert apps[1].command(DRIVER_NUM, MEASURE) == ErrorCode.BUSY
    sensor.done(2150)
    assert all(len(app.take_upcalls()) == 1 for app in apps)
    assert apps[1].command(DRIVER_NUM, MEASURE) == ()
    assert sensor.asked == 2


def test_a_sensor_that_fails_is_no_temperature_and_says_why(apps, sensor) -> None:
    for app in apps[:2]:
        app.command(DRIVER_NUM, MEASURE)
    sensor.done(0, ErrorCode.NOACK)
    for app in apps[:2]:
        assert app.take_upcalls() == [(DRIVER_NUM, 0, 0x80000000, ErrorCode.NOACK, 0)]
    sensor.refuses = ErrorCode.FAIL
    assert apps[0].command(DRIVER_NUM, MEASURE) == ErrorCode.FAIL
    sensor.refuses = 0
    assert apps[0].command(DRIVER_NUM, MEASURE) == ()
    sensor.done(1)
    assert len(apps[0].take_upcalls()) == 1


def test_a_process_that_dies_while_it_waits_is_not_told_nor_its_successor(apps, sensor) -> None:
    for app in apps:
        app.command(DRIVER_NUM, MEASURE)
    apps[0].restart()
    apps[1].fault()
    sensor.done(2150)
    assert [len(app.take_upcalls()) for app in apps] == [0, 0, 1]
    assert apps[0].command(DRIVER_NUM, MEASURE) == ()


def test_unknown_commands_are_not_supported(apps) -> None:
    assert apps[0].command(DRIVER_NUM, 2) == ErrorCode.NOSUPPORT


def test_the_simulated_sensor_answers_later_and_stays_in_its_range(machine) -> None:
    clock = FakeAlarm(0)
    registers = Registers(0x100)
    sensor = SimulatedSensor(registers, TEMPERATURE, clock, 1800, 800)
    seen = []
    sensor.set_client(lambda value, status: seen.append(value + status))
    for time in range(0, 1 << 24, 99_991):
        clock.time = time
        before = len(seen)
        sensor.measure()
        assert len(seen) == before
        run_deferred()
    assert all(1800 <= value <= 2600 for value in seen)
    assert len(set(seen)) > 50
    seen.clear()
    registers.write(0, 50000 + 3150)  # what the host has set
    sensor.measure()
    run_deferred()
    registers.write(0, 50000 - 1225)
    sensor.measure()
    run_deferred()
    assert seen == [3150, -1225]
