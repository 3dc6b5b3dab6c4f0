"""capsules/sensors/temperature.py and the sensor that is none."""

import pytest
from hardware import FakeAlarm
from kernel import ErrorCode, Registers

from capsules.drivers.simulated.temperature import SimulatedTemperature
from capsules.sensors.temperature import DRIVER_NUM, LAYOUT, TemperatureDriver

EXISTS, MEASURE = 0, 1


class FakeSensor:
    def __init__(self) -> None:
        self.asked = 0

    def set_client(self, measured) -> None:
        self.done = measured

    def measure(self) -> None:
        self.asked += 1


@pytest.fixture
def sensor() -> FakeSensor:
    return FakeSensor()


@pytest.fixture
def apps(machine, sensor):
    grant = machine.grant(DRIVER_NUM, LAYOUT)
    machine.serve(grant, TemperatureDriver(sensor, grant).command)
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


def test_unknown_commands_are_not_supported(apps) -> None:
    assert apps[0].command(DRIVER_NUM, 2) == ErrorCode.NOSUPPORT


def test_the_simulated_sensor_answers_later_and_stays_in_its_range(machine) -> None:
    clock = FakeAlarm(0)
    line = machine.line()
    registers = Registers(0x10)
    sensor = SimulatedTemperature(clock, line, registers)
    seen = []
    sensor.set_client(seen.append)
    for time in range(0, 1 << 24, 99_991):
        clock.time = time
        before = len(seen)
        sensor.measure()
        assert len(seen) == before
        machine.run()
    assert all(1800 <= value <= 2600 for value in seen)
    assert len(set(seen)) > 50
    seen.clear()
    registers.write(0, 50000 + 3150)  # what the host has set
    sensor.measure()
    machine.run()
    registers.write(0, 50000 - 1225)
    sensor.measure()
    machine.run()
    assert seen == [3150, -1225]
