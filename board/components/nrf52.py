"""What boards with an nRF52840 have in common: their pins, by the numbers that Kconfig has for the board."""

from cells import Buffer
from kernel import Grant, InterruptLine, Registers
from micropython import const

import config
from capsules.drivers.nrf52.clock import SOURCE_CRYSTAL, SOURCE_RC, SOURCE_SYNTHESIZED, Clock
from capsules.drivers.nrf52.gpio import GpioPin, PinLed, Pins
from capsules.drivers.nrf52.uarte import Uarte
from capsules.hil.counter import EventCounter
from capsules.hil.system import ExactClock
from capsules.hil.time import Alarm

if config.CAPSULE_ADC:
    from capsules.core.adc import AdcDriver
    from capsules.drivers.nrf52.saadc import Saadc
if config.PWM:
    from capsules.drivers.nrf52.pwm import PwmPins
if config.I2C_BUS:
    from capsules.drivers.nrf52.twim import Twim
if config.SPI_BUS:
    from capsules.drivers.nrf52.spim import Spim

# capsules/hil/gpio.py
_PULL_UP = const(1)
_PULL_DOWN = const(2)

_I2C_HZ = const(100_000)
_SAMPLED_AT_ONCE = const(64)  # bytes


def low_source() -> int:
    """Where the board's clock of low frequency comes from."""
    return SOURCE_RC if config.NRF52_LFCLK_RC else SOURCE_SYNTHESIZED if config.NRF52_LFCLK_SYNTHESIZED else SOURCE_CRYSTAL


def clocks(registers: Registers, line: InterruptLine) -> Clock:
    """The clocks."""
    return Clock(registers, line, low_source())


def uart(
    registers: Registers, line: InterruptLine, pins: Pins, counter: EventCounter, clock: ExactClock, alarm: Alarm
) -> Uarte:
    """The board's UART, whose bytes `counter` counts. Its pins first: nRF52840 Product Specification v1.7, 6.34 "UARTE"."""
    rts, cts = -1, -1
    _output(pins, config.NRF52_UART_TX)
    # Where nothing is connected, the line is idle, and the other side is ready.
    rx = pins.pin(config.NRF52_UART_RX)
    rx.make_input(_PULL_UP)
    if config.NRF52_UART_FLOW_CONTROL and config.NRF52_UART_RTS >= 0 and config.NRF52_UART_CTS >= 0:
        rts, cts = config.NRF52_UART_RTS, config.NRF52_UART_CTS
        _output(pins, config.NRF52_UART_RTS)
        pins.pin(config.NRF52_UART_CTS).make_input(_PULL_DOWN)
    return Uarte(registers, line, counter, clock, alarm, rx, (config.NRF52_UART_TX, config.NRF52_UART_RX, rts, cts))


def i2c(registers: Registers, line: InterruptLine, alarm: Alarm, pins: Pins) -> "Twim":
    """The board's I2C bus: 100 kHz, which each device and each pull-up can do."""
    return Twim(registers, line, alarm, pins, config.NRF52_I2C_SCL, config.NRF52_I2C_SDA, _I2C_HZ)


def spi(registers: Registers, line: InterruptLine, pins: Pins) -> "Spim":
    """The board's SPI bus."""
    chip = pins.pin(config.NRF52_SPI_CS)
    return Spim(registers, line, pins, config.NRF52_SPI_SCK, config.NRF52_SPI_MOSI, config.NRF52_SPI_MISO, chip)


def converter(registers: Registers, line: InterruptLine, alarm: Alarm) -> "Saadc":
    """The converter, with the inputs that the board lists."""
    inputs: "tuple[int, ...]" = ()
    for pin in range(8):
        if config.NRF52_ADC_INPUTS >> pin & 1:
            inputs += (pin + 1,)
    return Saadc(registers, line, alarm, inputs)


def samples(adc: "Saadc", grant: Grant) -> "AdcDriver":
    """The capsule that serves the converter."""
    return AdcDriver(adc, grant, Buffer(_SAMPLED_AT_ONCE), Buffer(_SAMPLED_AT_ONCE))


def _pwm_numbers() -> "tuple[int, ...]":
    numbers: "tuple[int, ...]" = ()
    for number in (config.NRF52_PWM0, config.NRF52_PWM1, config.NRF52_PWM2):
        if config.CAPSULE_PWM and number >= 0:
            numbers += (number,)
    return numbers


def pwm_pins() -> int:
    """How many pins make pulses for user programs."""
    return len(_pwm_numbers())


def pulses(registers: Registers, line: InterruptLine, pins: Pins) -> "PwmPins":
    """The pins that make pulses: user programs', the buzzer's, the servo's. All that do at once have one frequency."""
    numbers = _pwm_numbers()
    if config.CAPSULE_BUZZER:
        numbers += (config.NRF52_BUZZER,)
    if config.CAPSULE_SERVO:
        numbers += (config.NRF52_SERVO,)
    return PwmPins(registers, line, pins, numbers)


def _output(pins: Pins, number: int) -> None:
    pin = pins.pin(number)
    pin.set()
    pin.make_output()


def leds(pins: Pins) -> "tuple[PinLed, ...]":
    """The board's LEDs, off."""
    found: "tuple[PinLed, ...]" = ()
    for number, active_low in (
        (config.NRF52_LED0, config.NRF52_LED0_ACTIVE_LOW),
        (config.NRF52_LED1, config.NRF52_LED1_ACTIVE_LOW),
        (config.NRF52_LED2, config.NRF52_LED2_ACTIVE_LOW),
        (config.NRF52_LED3, config.NRF52_LED3_ACTIVE_LOW),
    ):
        if number >= 0:
            found += (PinLed(pins.pin(number), active_low != 0),)
    return found


def buttons(pins: Pins) -> "tuple[GpioPin, ...]":
    """The board's buttons, pulled up: pressed is 0. Their capsule makes them inputs with the pull it is told."""
    found: "tuple[GpioPin, ...]" = ()
    for number in (config.NRF52_BUTTON0, config.NRF52_BUTTON1, config.NRF52_BUTTON2, config.NRF52_BUTTON3):
        if number >= 0:
            found += (pins.pin(number),)
    return found


def header(pins: Pins) -> "tuple[GpioPin | None, ...]":
    """The pins that are user programs', by their numbers."""
    found: "tuple[GpioPin | None, ...]" = ()
    for number in (
        config.NRF52_GPIO0,
        config.NRF52_GPIO1,
        config.NRF52_GPIO2,
        config.NRF52_GPIO3,
        config.NRF52_GPIO4,
        config.NRF52_GPIO5,
    ):
        found += (pins.pin(number) if number >= 0 else None,)
    return found
