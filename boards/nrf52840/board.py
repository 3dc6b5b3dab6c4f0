"""Boards with a Nordic nRF52840: which power goes to which capsule. Kconfig says which board, and so which pins."""

import mint
from cells import Buffer
from micropython import const

import config
from capsules.core import alarm, console
from capsules.drivers.flash import OnChipFlash
from capsules.drivers.nrf52.gpio import Pins
from capsules.drivers.nrf52.rtc import RtcAlarm
from capsules.hil.sensors import TemperatureSensor
from capsules.hil.uart import Uart
from capsules.virtual.virtual_alarm import AlarmMux
from components import nrf52
from components.alarm import alarm_stack
from components.console import console_line, console_stack

if config.NRF52_CONSOLE_RTT:
    from capsules.drivers.rtt import RttUart
else:
    from capsules.drivers.nrf52.event_counter import TimerCounter
if config.CAPSULE_APP_STORE:
    from components.app_store import app_store
if config.CAPSULE_APP_LOADER:
    from capsules.core import app_loader
if config.CAPSULE_APPS:
    from capsules.core import apps as installed
if config.CAPSULE_DEPLOY:
    from components.deploy import deploy
if config.CAPSULE_LED:
    from capsules.core import led
if config.CAPSULE_BUTTON:
    from capsules.core import button
if config.CAPSULE_GPIO:
    from capsules.core import gpio
if config.CAPSULE_RNG:
    from capsules.core import rng
    from capsules.drivers.nrf52.rng import TrueRng
if config.CAPSULE_NONVOLATILE_STORAGE:
    from capsules.core import nonvolatile_storage
    from components.storage import storage_stack
if config.CAPSULE_LOW_LEVEL_DEBUG:
    from capsules.core import low_level_debug
if config.CAPSULE_IPC:
    from capsules.core import ipc
if config.CAPSULE_PROCESS_INFO:
    from capsules.core import process_info
if config.I2C_BUS:
    from capsules.virtual.virtual_i2c import I2cMux
    from components import i2c as on_i2c
if config.CAPSULE_I2C:
    from capsules.core import i2c
if config.CAPSULE_DATE_TIME:
    from capsules.core import date_time
if config.SPI_BUS:
    from capsules.virtual.virtual_spi import SpiMux
if config.CAPSULE_SPI:
    from capsules.core import spi
    from components.spi import spi_for_programs
if config.DIGESTS:
    from components import digests
if config.CAPSULE_TEMPERATURE:
    from capsules.drivers.nrf52.temperature import Temperature
    from capsules.sensors import temperature
if config.SHT4X:
    from capsules.sensors import quantity
if config.CAPSULE_CRC:
    from capsules.core import crc
if config.CAPSULE_SHA:
    from capsules.core import sha
if config.CAPSULE_HMAC:
    from capsules.core import hmac
if config.CAPSULE_ADC:
    from capsules.core import adc
if config.PWM:
    from capsules.virtual.virtual_pwm import PwmMux
if config.CAPSULE_PWM:
    from capsules.core import pwm
if config.CAPSULE_BUZZER:
    from capsules.core import buzzer
if config.CAPSULE_SERVO:
    from capsules.core import servo
if config.CAPSULE_EUI64:
    from capsules.core import eui64
    from capsules.drivers.nrf52.ficr import Ficr
if config.NRF52_WATCHDOG:
    from capsules.drivers.nrf52.watchdog import Watchdog

_LOADED_AT_ONCE = const(512)  # bytes of an app
_READ_AT_ONCE = const(64)
_RANDOM_BYTES = const(32)  # asked for at once

# Product Specification v1.7, 6.16 "PPI": a channel triggers a task of one peripheral whenever there is an event of another.
_PPI_CHENSET = const(0x504)
_PPI_CH0_EEP = const(0x510)
_PPI_CH0_TEP = const(0x514)
_UARTE0_EVENTS_RXDRDY = const(0x40002108)
_TIMER1_TASKS_COUNT = const(0x40009008)

processes = mint.process_control()

clock_registers = mint.registers("clock")
clock_line = mint.interrupt("clock", "all")
clock = mint.build("clock", lambda: nrf52.clocks(clock_registers, clock_line))

# RTC0 is the drivers' own, RTC1 the time of programs.
rtc0_registers = mint.registers("rtc0")
rtc0_line = mint.interrupt("rtc0", "all")
rtc0 = mint.build("rtc0", lambda: RtcAlarm(rtc0_registers, rtc0_line))
drivers_time = mint.build("drivers_time", lambda: AlarmMux(rtc0))

if config.NRF52_WATCHDOG:
    wdt_registers = mint.registers("wdt")
    loop_line = mint.loop_interrupt()
    mint.build(
        "watchdog", lambda: Watchdog(wdt_registers, loop_line, drivers_time.new_alarm(), config.NRF52_WATCHDOG_SECONDS)
    )

gpio0 = mint.registers("gpio0")
gpio1 = mint.registers("gpio1")
gpiote_registers = mint.registers("gpiote")
gpiote_line = mint.interrupt("gpiote", "all")
pins = mint.build("gpio", lambda: Pins(gpio0, gpio1, gpiote_registers, gpiote_line))

if config.NRF52_CONSOLE_RTT:
    rtt_registers = mint.registers("rtt")
    rtt_line = mint.software_interrupt()
    uart: Uart = mint.build("uart", lambda: RttUart(rtt_registers, drivers_time.new_alarm(), rtt_line))
else:
    # TIMER1 counts the bytes that UARTE0 receives.
    counter_registers = mint.registers("timer1")
    counter_line = mint.interrupt("timer1", "all")
    counter = mint.build("uart_counter", lambda: TimerCounter(counter_registers, counter_line))
    ppi = mint.registers("ppi")
    ppi.write(_PPI_CH0_EEP, _UARTE0_EVENTS_RXDRDY)
    ppi.write(_PPI_CH0_TEP, _TIMER1_TASKS_COUNT)
    ppi.write(_PPI_CHENSET, 1)
    uart_registers = mint.registers("uarte0")
    uart_line = mint.interrupt("uarte0", "all")
    uart = mint.build(
        "uart", lambda: nrf52.uart(uart_registers, uart_line, pins, counter, clock.new_high(), drivers_time.new_alarm())
    )

kernel_log = mint.kernel_log()
log_line = mint.software_interrupt()
line = mint.build(
    "line", lambda: console_line(uart, drivers_time.new_alarm(), kernel_log, log_line, drivers_time.new_alarm(), processes.SLOTS)
)
mint.serve("console", console, lambda grant: console_stack(line, grant).command)

timer_registers = mint.registers("rtc1")
timer_line = mint.interrupt("rtc1", "all")
timer = mint.build("timer", lambda: RtcAlarm(timer_registers, timer_line))
alarms = mint.build("alarms", lambda: AlarmMux(timer))

fault_line = mint.software_interrupt()
mint.serve("alarm", alarm, lambda grant: alarm_stack(alarms, grant, processes, fault_line, line.words).command)

if config.CAPSULE_LED:
    leds = mint.build("leds", lambda: nrf52.leds(pins))
    mint.serve("led", led, lambda grant: led.LedDriver(leds).command)

if config.CAPSULE_BUTTON:
    buttons = mint.build("buttons", lambda: nrf52.buttons(pins))
    mint.serve("button", button, lambda grant: button.ButtonDriver(buttons, 0, grant).command)

if config.CAPSULE_GPIO:
    header = mint.build("header", lambda: nrf52.header(pins))
    mint.serve("gpio", gpio, lambda grant: gpio.GpioDriver(header, grant).command)

if config.CAPSULE_RNG:
    rng_registers = mint.registers("rng")
    rng_line = mint.interrupt("rng", "all")
    source = mint.build("random", lambda: TrueRng(rng_registers, rng_line))
    rng_buffer = Buffer(_RANDOM_BYTES)
    mint.serve("rng", rng, lambda grant: rng.RngDriver(source, grant, rng_buffer).command)

if config.CAPSULE_NONVOLATILE_STORAGE:
    flash = mint.flash("storage")
    flash_line = mint.software_interrupt()
    storage_flash = mint.build("flash", lambda: OnChipFlash(flash, flash_line))
    storage_line = mint.software_interrupt()
    mint.serve(
        "nonvolatile_storage",
        nonvolatile_storage,
        lambda grant: storage_stack(storage_flash, grant, storage_line).command,
    )

if config.CAPSULE_LOW_LEVEL_DEBUG:
    mint.serve("LowLevelDebug", low_level_debug, lambda grant: low_level_debug.LowLevelDebug().command)

if config.CAPSULE_IPC:
    shared = mint.serve("ipc", ipc, lambda grant: ipc.IpcDriver(grant, processes).command)
    mint.share_memory(shared)

if config.CAPSULE_PROCESS_INFO:
    mint.serve("process_info", process_info, lambda grant: process_info.ProcessInfo(grant, processes).command)

if config.CAPSULE_APP_STORE:
    app_flash = mint.flash("apps")
    app_flash_line = mint.software_interrupt()
    apps = mint.build("app_flash", lambda: OnChipFlash(app_flash, app_flash_line, drivers_time.new_alarm()))
    loader = mint.process_loader()
    store_line = mint.software_interrupt()
    store = mint.build("app_store", lambda: app_store(apps, store_line, loader))

if config.CAPSULE_APP_LOADER:
    loader_buffer = Buffer(_LOADED_AT_ONCE)
    mint.serve(
        "app_loader",
        app_loader,
        lambda grant: app_loader.AppLoader(store, grant, processes, loader_buffer, alarms.new_alarm()).command,
    )

if config.CAPSULE_APPS:
    piece = Buffer(_READ_AT_ONCE)
    mint.serve("apps", installed, lambda grant: installed.Apps(store, grant, processes, piece).command)

if config.CAPSULE_DEPLOY:
    mint.build("deploy", lambda: deploy(line, store, processes, (drivers_time.new_alarm(), drivers_time.new_alarm()), b"adder-nrf52840"))

if config.I2C_BUS:
    twim_registers = mint.registers("twim0")
    twim_line = mint.interrupt("twim0", "all")
    i2c_bus = mint.build("i2c_bus", lambda: I2cMux(nrf52.i2c(twim_registers, twim_line, drivers_time.new_alarm(), pins)))

if config.CAPSULE_I2C:
    mint.serve("i2c", i2c, lambda grant: on_i2c.i2c_for_programs(i2c_bus, grant).command)

if config.CAPSULE_DATE_TIME:
    mint.serve("date_time", date_time, lambda grant: on_i2c.date_time(i2c_bus, grant).command)

if config.SHT4X:
    hygrometer = mint.build("sht4x", lambda: on_i2c.sht4x(i2c_bus, drivers_time.new_alarm()))
    mint.serve("humidity", quantity, lambda grant: on_i2c.humidity(hygrometer, grant).command)

if config.SPI_BUS:
    spim_registers = mint.registers("spim2")
    spim_line = mint.interrupt("spim2", "all")
    spi_bus = mint.build("spi_bus", lambda: SpiMux(nrf52.spi(spim_registers, spim_line, pins)))

if config.CAPSULE_SPI:
    mint.serve("spi", spi, lambda grant: spi_for_programs(spi_bus, pins.pin(config.NRF52_SPI_CS), grant).command)

if config.CAPSULE_TEMPERATURE:
    if config.TMP105:
        sensor: TemperatureSensor = mint.build("thermometer", lambda: on_i2c.thermometer(i2c_bus))
    else:
        temp_registers = mint.registers("temp")
        temp_line = mint.interrupt("temp", "all")
        sensor = mint.build("thermometer", lambda: Temperature(temp_registers, temp_line, clock.new_high()))
    mint.serve("temperature", temperature, lambda grant: temperature.TemperatureDriver(sensor, grant).command)

if config.CAPSULE_CRC:
    mint.serve("crc", crc, lambda grant: digests.sums(grant).command)
if config.CAPSULE_SHA:
    mint.serve("sha", sha, lambda grant: digests.hashes(grant).command)
if config.CAPSULE_HMAC:
    mint.serve("hmac", hmac, lambda grant: digests.codes(grant).command)
if config.CAPSULE_EUI64:
    ficr = mint.registers("ficr")
    identity = mint.build("identity", lambda: Ficr(ficr))
    mint.serve("eui64", eui64, lambda grant: eui64.Eui64Driver(identity).command)

if config.CAPSULE_ADC:
    saadc_registers = mint.registers("saadc")
    saadc_line = mint.interrupt("saadc", "all")
    converter = mint.build("converter", lambda: nrf52.converter(saadc_registers, saadc_line, drivers_time.new_alarm()))
    mint.serve("adc", adc, lambda grant: nrf52.samples(converter, grant).command)

if config.PWM:
    pwm_registers = mint.registers("pwm0")
    pwm_line = mint.interrupt("pwm0", "all")
    pulsing = mint.build("pulses", lambda: PwmMux(nrf52.pulses(pwm_registers, pwm_line, pins)))
if config.CAPSULE_PWM:
    mint.serve("pwm", pwm, lambda grant: pwm.PwmDriver(pulsing.new_share(nrf52.pwm_pins()), grant).command)
if config.CAPSULE_BUZZER:
    mint.serve("buzzer", buzzer, lambda grant: buzzer.BuzzerDriver(pulsing.new_share(1), drivers_time.new_alarm(), grant).command)
if config.CAPSULE_SERVO:
    mint.serve("servo", servo, lambda grant: servo.ServoDriver(pulsing.new_share(1)).command)
