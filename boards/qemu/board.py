"""QEMU's mps2-an386: which power goes to which capsule."""

import mint
from cells import Buffer
from micropython import const

import config
from capsules.core import alarm as alarm_driver
from capsules.core import console as console_driver
from capsules.drivers.cmsdk.dualtimer import DualTimerAlarm
from capsules.drivers.cmsdk.fpgaio import FpgaLed
from capsules.drivers.cmsdk.uart import CmsdkUart
from capsules.drivers.simulated.pins import simulated_pins
from capsules.virtual.virtual_alarm import AlarmMux
from components.alarm import alarm
from components.console import console

if config.CAPSULE_LED:
    from capsules.core import led as led_driver
if config.CAPSULE_BUTTON:
    from capsules.core import button as button_driver
if config.CAPSULE_GPIO:
    from capsules.core import gpio as gpio_driver
if config.CAPSULE_RNG:
    from capsules.core import rng as rng_driver
    from capsules.drivers.simulated.rng import SimulatedRng
if config.CAPSULE_NONVOLATILE_STORAGE:
    from capsules.core import nonvolatile_storage as storage_driver
    from capsules.drivers.flash import RangeFlash
    from components.storage import storage
if config.CAPSULE_LOW_LEVEL_DEBUG:
    from capsules.core import low_level_debug as debug_driver
if config.CAPSULE_IPC:
    from capsules.core import ipc as ipc_driver
if config.CAPSULE_PROCESS_INFO:
    from capsules.core import process_info as info_driver
if config.CAPSULE_TEMPERATURE:
    from capsules.drivers.simulated.temperature import SimulatedTemperature
    from capsules.sensors import temperature as temperature_driver

_CLOCK_HZ = const(25_000_000)  # AN386, 3.1
_BAUD = const(115200)
_RANDOM_BYTES = const(32)  # asked for at once

processes = mint.process_control()

uart_registers = mint.registers("uart0")
uart_receive = mint.interrupt("uart0", "rx")
uart_transmit = mint.interrupt("uart0", "tx")
uart = mint.build("uart", lambda: CmsdkUart(uart_registers, uart_receive, uart_transmit, _CLOCK_HZ, _BAUD))

console_grant = mint.grant(console_driver.DRIVER_NUM, console_driver.LAYOUT)
kernel_log = mint.kernel_log()
log_line = mint.software_interrupt()
mint.serve("console", console_grant, lambda: console(uart, console_grant, kernel_log, log_line).command)

timer_registers = mint.registers("dualtimer")
timer_line = mint.interrupt("dualtimer", "both")
timer = mint.build("timer", lambda: DualTimerAlarm(timer_registers, timer_line, _CLOCK_HZ))
alarms = mint.build("alarms", lambda: AlarmMux(timer))

alarm_grant = mint.grant(alarm_driver.DRIVER_NUM, alarm_driver.LAYOUT)
fault_line = mint.software_interrupt()
mint.serve("alarm", alarm_grant, lambda: alarm(alarms, alarm_grant, processes, fault_line).command)

if config.CAPSULE_LED:
    fpgaio = mint.registers("fpgaio")
    leds = mint.build("fpgaio", lambda: (FpgaLed(fpgaio, 0), FpgaLed(fpgaio, 1)))  # AN386, table 3-7: LED0 bits 0, 1
    led_grant = mint.grant(led_driver.DRIVER_NUM, led_driver.LAYOUT)
    mint.serve("led", led_grant, lambda: led_driver.LedDriver(leds).command)

if config.CAPSULE_BUTTON:
    button_registers = mint.registers("buttons")
    buttons = mint.build("buttons", lambda: simulated_pins(button_registers, alarms.new_alarm(), 4))
    button_grant = mint.grant(button_driver.DRIVER_NUM, button_driver.LAYOUT)
    mint.serve("button", button_grant, lambda: button_driver.ButtonDriver(buttons, 0, button_grant).command)

if config.CAPSULE_GPIO:
    pin_registers = mint.registers("pins")
    pins = mint.build("pins", lambda: simulated_pins(pin_registers, alarms.new_alarm(), 8))
    gpio_grant = mint.grant(gpio_driver.DRIVER_NUM, gpio_driver.LAYOUT)
    mint.serve("gpio", gpio_grant, lambda: gpio_driver.GpioDriver(pins, gpio_grant).command)

if config.CAPSULE_RNG:
    seed = mint.registers("seed")
    rng = mint.build("rng", lambda: SimulatedRng(seed, alarms.new_alarm()))
    rng_grant = mint.grant(rng_driver.DRIVER_NUM, rng_driver.LAYOUT)
    rng_buffer = Buffer(_RANDOM_BYTES)
    mint.serve("rng", rng_grant, lambda: rng_driver.RngDriver(rng, rng_grant, rng_buffer).command)

if config.CAPSULE_NONVOLATILE_STORAGE:
    flash = mint.flash("storage")
    flash_line = mint.software_interrupt()
    storage_flash = mint.build("flash", lambda: RangeFlash(flash, flash_line))
    storage_grant = mint.grant(storage_driver.DRIVER_NUM, storage_driver.LAYOUT)
    storage_line = mint.software_interrupt()
    mint.serve("nonvolatile_storage", storage_grant, lambda: storage(storage_flash, storage_grant, storage_line).command)

if config.CAPSULE_LOW_LEVEL_DEBUG:
    debug_grant = mint.grant(debug_driver.DRIVER_NUM, debug_driver.LAYOUT)
    mint.serve("low_level_debug", debug_grant, lambda: debug_driver.LowLevelDebug().command)

if config.CAPSULE_IPC:
    ipc_grant = mint.grant(ipc_driver.DRIVER_NUM, ipc_driver.LAYOUT)
    mint.share_memory(ipc_grant)
    mint.serve("ipc", ipc_grant, lambda: ipc_driver.IpcDriver(ipc_grant, processes).command)

if config.CAPSULE_PROCESS_INFO:
    info_grant = mint.grant(info_driver.DRIVER_NUM, info_driver.LAYOUT)
    mint.serve("process_info", info_grant, lambda: info_driver.ProcessInfo(info_grant, processes).command)

if config.CAPSULE_TEMPERATURE:
    sensor_line = mint.software_interrupt()
    sensor_registers = mint.registers("sensors")
    sensor = mint.build("thermometer", lambda: SimulatedTemperature(timer, sensor_line, sensor_registers))
    temperature_grant = mint.grant(temperature_driver.DRIVER_NUM, temperature_driver.LAYOUT)
    mint.serve(
        "temperature", temperature_grant, lambda: temperature_driver.TemperatureDriver(sensor, temperature_grant).command
    )
