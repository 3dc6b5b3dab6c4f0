"""capsules/core/led.py."""

import pytest
from hardware import FakeLed
from kernel import ErrorCode, Registers

from capsules.core.led import DRIVER_NUM, LAYOUT, LedDriver
from capsules.drivers.cmsdk.fpgaio import FpgaLed

COUNT, ON, OFF, TOGGLE, READ = range(5)


@pytest.fixture
def leds() -> list[FakeLed]:
    return [FakeLed(), FakeLed()]


@pytest.fixture
def app(machine, leds):
    machine.serve(machine.grant(DRIVER_NUM, LAYOUT), LedDriver(tuple(leds)).command)
    return machine.process()


def test_the_count_is_that_of_the_boards_leds(app) -> None:
    assert app.command(DRIVER_NUM, COUNT) == (2,)


def test_each_command_changes_its_led_and_no_other(app, leds) -> None:
    assert app.command(DRIVER_NUM, ON, 1) == ()
    assert [led.lit for led in leds] == [False, True]
    assert app.command(DRIVER_NUM, TOGGLE, 0) == ()
    assert [led.lit for led in leds] == [True, True]
    assert app.command(DRIVER_NUM, OFF, 1) == ()
    assert [led.lit for led in leds] == [True, False]
    assert [app.command(DRIVER_NUM, READ, led) for led in (0, 1)] == [(1,), (0,)]


@pytest.mark.parametrize("command", [ON, OFF, TOGGLE, READ])
@pytest.mark.parametrize("led", [2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_an_led_that_is_not_there_is_invalid(app, leds, command, led) -> None:
    assert app.command(DRIVER_NUM, command, led) == ErrorCode.INVAL
    assert not any(led.lit for led in leds)


@pytest.mark.parametrize("command", [5, 255, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("led", [0, 2, 0xFFFFFFFF])
def test_an_unknown_command_is_not_supported_whatever_its_argument(app, command, led) -> None:
    assert app.command(DRIVER_NUM, command, led) == ErrorCode.NOSUPPORT


def test_a_board_without_leds_has_none(machine) -> None:
    machine.serve(machine.grant(DRIVER_NUM, LAYOUT), LedDriver(()).command)
    app = machine.process()
    assert app.command(DRIVER_NUM, COUNT) == (0,)
    assert app.command(DRIVER_NUM, ON, 0) == ErrorCode.INVAL


def test_an_led_of_the_fpga_is_one_bit_of_its_register() -> None:
    registers = Registers()
    registers.words[0] = 0x80000001
    led = FpgaLed(registers, 1)
    led.on()
    assert (registers.words[0], led.is_on()) == (0x80000003, 1)
    led.toggle()
    assert (registers.words[0], led.is_on()) == (0x80000001, 0)
    led.toggle()
    led.off()
    assert registers.words[0] == 0x80000001
