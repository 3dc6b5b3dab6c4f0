"""QEMU's mps2-an386: which power goes to which capsule."""

import mint
from cells import Buffer
from micropython import const

import config
from capsules.core import alarm, console
from capsules.drivers.cmsdk.dualtimer import DualTimerAlarm
from capsules.drivers.cmsdk.fpgaio import FpgaLed
from capsules.drivers.cmsdk.uart import CmsdkUart
from capsules.drivers.flash import OnChipFlash
from capsules.drivers.simulated.pins import simulated_pins
from capsules.hil.sensors import TemperatureSensor
from capsules.virtual.virtual_alarm import AlarmMux
from components.alarm import alarm_stack
from components.console import console_line, console_stack
from components import simulated

if config.CAPSULE_LED:
    from capsules.core import led
if config.CAPSULE_BUTTON:
    from capsules.core import button
if config.CAPSULE_GPIO:
    from capsules.core import gpio
if config.CAPSULE_RNG:
    from capsules.core import rng
    from capsules.drivers.simulated.rng import SimulatedRng
if config.CAPSULE_NONVOLATILE_STORAGE:
    from capsules.core import nonvolatile_storage
    from components.storage import storage_stack
if config.CAPSULE_APP_STORE:
    from components.app_store import app_store
if config.CAPSULE_APP_LOADER:
    from capsules.core import app_loader
if config.CAPSULE_APPS:
    from capsules.core import apps as installed
if config.CAPSULE_DEPLOY:
    from components.deploy import deploy
if config.CAPSULE_LOW_LEVEL_DEBUG:
    from capsules.core import low_level_debug
if config.CAPSULE_IPC:
    from capsules.core import ipc
if config.CAPSULE_PROCESS_INFO:
    from capsules.core import process_info
if config.I2C_BUS:
    from capsules.drivers.cmsdk.sbcon import SbconI2c
    from capsules.virtual.virtual_i2c import I2cMux
    from components import i2c as on_i2c
if config.CAPSULE_I2C:
    from capsules.core import i2c
if config.CAPSULE_DATE_TIME:
    from capsules.core import date_time
if config.SPI_BUS:
    from capsules.drivers.cmsdk.fpgaio import SHIELD_1_CHIP_SELECT, FpgaLine
    from capsules.drivers.cmsdk.pl022 import Pl022
    from capsules.virtual.virtual_spi import SpiMux
if config.CAPSULE_SPI:
    from capsules.core import spi
    from components.spi import spi_for_programs
if config.DIGESTS:
    from components import digests
if config.CAPSULE_TEMPERATURE:
    from capsules.sensors import temperature
if config.QUANTITIES:
    from capsules.sensors import quantity
if config.CAPSULE_DISTANCE:
    from capsules.sensors import distance
if config.CAPSULE_PROXIMITY:
    from capsules.sensors import proximity
if config.CAPSULE_RAINFALL:
    from capsules.sensors import rainfall
if config.CAPSULE_AIR_QUALITY:
    from capsules.sensors import air_quality
if config.CAPSULE_NINEDOF:
    from capsules.sensors import ninedof
if config.CAPSULE_CRC:
    from capsules.core import crc
if config.CAPSULE_SHA:
    from capsules.core import sha
if config.CAPSULE_HMAC:
    from capsules.core import hmac
if config.CAPSULE_ADC:
    from capsules.core import adc
if config.PWM:
    from capsules.drivers.simulated.pwm import SimulatedPwm
    from capsules.virtual.virtual_pwm import PwmMux
if config.CAPSULE_PWM:
    from capsules.core import pwm
if config.CAPSULE_BUZZER:
    from capsules.core import buzzer
if config.CAPSULE_SERVO:
    from capsules.core import servo
if config.CAPSULE_EUI64:
    from capsules.core import eui64
    from capsules.drivers.simulated.identity import SimulatedIdentity

_CLOCK_HZ = const(25_000_000)  # AN386, 3.1
_BAUD = const(115200)
_RANDOM_BYTES = const(32)  # asked for at once
_LOADED_AT_ONCE = const(512)  # bytes of an app
_READ_AT_ONCE = const(64)

processes = mint.process_control()

uart_registers = mint.registers("uart0")
uart_receive = mint.interrupt("uart0", "rx")
uart_transmit = mint.interrupt("uart0", "tx")
uart = mint.build("uart", lambda: CmsdkUart(uart_registers, uart_receive, uart_transmit, _CLOCK_HZ, _BAUD))

timer_registers = mint.registers("dualtimer")
timer_line = mint.interrupt("dualtimer", "both")
timer = mint.build("timer", lambda: DualTimerAlarm(timer_registers, timer_line, _CLOCK_HZ))
alarms = mint.build("alarms", lambda: AlarmMux(timer))

kernel_log = mint.kernel_log()
log_line = mint.software_interrupt()
line = mint.build(
    "line", lambda: console_line(uart, alarms.new_alarm(), kernel_log, log_line, alarms.new_alarm(), processes.SLOTS)
)
mint.serve("console", console, lambda grant: console_stack(line, grant).command)

fault_line = mint.software_interrupt()
mint.serve("alarm", alarm, lambda grant: alarm_stack(alarms, grant, processes, fault_line, line.words).command)

if config.CAPSULE_LED:
    fpgaio = mint.registers("fpgaio")
    leds = mint.build("fpgaio", lambda: (FpgaLed(fpgaio, 0), FpgaLed(fpgaio, 1)))  # AN386, table 3-7: LED0 bits 0, 1
    mint.serve("led", led, lambda grant: led.LedDriver(leds).command)

if config.CAPSULE_BUTTON:
    button_registers = mint.registers("buttons")
    buttons = mint.build("buttons", lambda: simulated_pins(button_registers, alarms.new_alarm(), 4))
    mint.serve("button", button, lambda grant: button.ButtonDriver(buttons, 0, grant).command)

if config.CAPSULE_GPIO:
    pin_registers = mint.registers("pins")
    pins = mint.build("pins", lambda: simulated_pins(pin_registers, alarms.new_alarm(), 8))
    mint.serve("gpio", gpio, lambda grant: gpio.GpioDriver(pins, grant).command)

if config.CAPSULE_RNG:
    seed = mint.registers("seed")
    source = mint.build("rng", lambda: SimulatedRng(seed, alarms.new_alarm()))
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
    apps = mint.build("app_flash", lambda: OnChipFlash(app_flash, app_flash_line))
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
    mint.build("deploy", lambda: deploy(line, store, processes, (alarms.new_alarm(), alarms.new_alarm()), b"adder-qemu"))

if config.I2C_BUS:
    i2c_registers = mint.registers("i2c")
    i2c_line = mint.software_interrupt()
    i2c_bus = mint.build("i2c_bus", lambda: I2cMux(SbconI2c(i2c_registers, i2c_line)))

if config.CAPSULE_I2C:
    mint.serve("i2c", i2c, lambda grant: on_i2c.i2c_for_programs(i2c_bus, grant).command)

if config.CAPSULE_DATE_TIME:
    mint.serve("date_time", date_time, lambda grant: on_i2c.date_time(i2c_bus, grant).command)

if config.SPI_BUS:
    spi_registers = mint.registers("spi")
    spi_line = mint.software_interrupt()
    spi_lines = mint.registers("fpgaio")
    spi_bus = mint.build("spi_bus", lambda: SpiMux(Pl022(spi_registers, spi_line, _CLOCK_HZ)))

if config.CAPSULE_SPI:
    mint.serve("spi", spi, lambda grant: spi_for_programs(spi_bus, FpgaLine(spi_lines, SHIELD_1_CHIP_SELECT), grant).command)

measures = mint.registers("sensors")
if config.CAPSULE_HUMIDITY:
    mint.serve("humidity", quantity, lambda grant: simulated.humidity(measures, timer, grant).command)
if config.CAPSULE_AMBIENT_LIGHT:
    light = mint.grant(0x60002, quantity.LAYOUT)
    mint.serve("ambient_light", light, lambda grant: simulated.ambient_light(measures, timer, grant).command)
if config.CAPSULE_PRESSURE:
    air = mint.grant(0x60008, quantity.LAYOUT)
    mint.serve("pressure", air, lambda grant: simulated.pressure(measures, timer, grant).command)
if config.CAPSULE_SOUND_PRESSURE:
    sound = mint.grant(0x60006, quantity.LAYOUT)
    mint.serve("sound_pressure", sound, lambda grant: simulated.sound_pressure(measures, timer, grant).command)
if config.CAPSULE_MOISTURE:
    soil = mint.grant(0x6000A, quantity.LAYOUT)
    mint.serve("moisture", soil, lambda grant: simulated.moisture(measures, timer, grant).command)
if config.CAPSULE_DISTANCE:
    mint.serve("distance", distance, lambda grant: simulated.distance(measures, timer, grant).command)
if config.CAPSULE_PROXIMITY:
    mint.serve("proximity", proximity, lambda grant: simulated.proximity(measures, timer, alarms.new_alarm(), grant).command)
if config.CAPSULE_RAINFALL:
    mint.serve("rainfall", rainfall, lambda grant: simulated.rainfall(measures, timer, grant).command)
if config.CAPSULE_AIR_QUALITY:
    mint.serve("air_quality", air_quality, lambda grant: simulated.air_quality(measures, timer, grant).command)
if config.CAPSULE_NINEDOF:
    mint.serve("ninedof", ninedof, lambda grant: simulated.ninedof(measures, grant).command)

if config.CAPSULE_ADC:
    mint.serve("adc", adc, lambda grant: simulated.converter(measures, alarms.new_alarm(), grant).command)

if config.PWM:
    pulses = mint.registers("pulses")
    pulsing = mint.build("pulses", lambda: PwmMux(SimulatedPwm(pulses, 6)))
if config.CAPSULE_PWM:
    mint.serve("pwm", pwm, lambda grant: pwm.PwmDriver(pulsing.new_share(4), grant).command)
if config.CAPSULE_BUZZER:
    mint.serve("buzzer", buzzer, lambda grant: buzzer.BuzzerDriver(pulsing.new_share(1), alarms.new_alarm(), grant).command)
if config.CAPSULE_SERVO:
    mint.serve("servo", servo, lambda grant: servo.ServoDriver(pulsing.new_share(1)).command)

if config.CAPSULE_CRC:
    mint.serve("crc", crc, lambda grant: digests.sums(grant).command)
if config.CAPSULE_SHA:
    mint.serve("sha", sha, lambda grant: digests.hashes(grant).command)
if config.CAPSULE_HMAC:
    mint.serve("hmac", hmac, lambda grant: digests.codes(grant).command)
if config.CAPSULE_EUI64:
    mint.serve("eui64", eui64, lambda grant: eui64.Eui64Driver(SimulatedIdentity()).command)

if config.CAPSULE_TEMPERATURE:
    if config.TMP105:
        sensor: TemperatureSensor = mint.build("thermometer", lambda: on_i2c.thermometer(i2c_bus))
    else:
        sensor_line = mint.software_interrupt()
        sensor = mint.build("thermometer", lambda: simulated.thermometer(measures, timer, sensor_line))
    mint.serve("temperature", temperature, lambda grant: temperature.TemperatureDriver(sensor, grant).command)
