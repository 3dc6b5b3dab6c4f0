"""QEMU's mps2-an386: which power goes to which capsule."""

import mint
from micropython import const

import config
from capsules.core import alarm as alarm_driver
from capsules.core import console as console_driver
from capsules.drivers.cmsdk.dualtimer import DualTimerAlarm
from capsules.drivers.cmsdk.fpgaio import FpgaLed
from capsules.drivers.cmsdk.uart import CmsdkUart
from components.alarm import alarm
from components.console import console

if config.CAPSULE_LED:
    from capsules.core import led as led_driver
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
_LEDS = const(2)  # AN386, table 3-7: FPGAIO LED0 bits 0 and 1

processes = mint.process_control()

uart = CmsdkUart(mint.registers("uart0"), mint.interrupt("uart0", "rx"), mint.interrupt("uart0", "tx"), _CLOCK_HZ, _BAUD)
grant = mint.grant(console_driver.DRIVER_NUM, console_driver.LAYOUT)
mint.serve(grant, console(uart, grant, mint.kernel_log(), mint.software_interrupt()).command)

timer = DualTimerAlarm(mint.registers("dualtimer"), mint.interrupt("dualtimer", "both"), _CLOCK_HZ)
grant = mint.grant(alarm_driver.DRIVER_NUM, alarm_driver.LAYOUT)
mint.serve(grant, alarm(timer, grant, processes, mint.software_interrupt()).command)

if config.CAPSULE_LED:
    fpgaio = mint.registers("fpgaio")
    leds = tuple([FpgaLed(fpgaio, i) for i in range(_LEDS)])
    mint.serve(mint.grant(led_driver.DRIVER_NUM, led_driver.LAYOUT), led_driver.LedDriver(leds).command)

if config.CAPSULE_LOW_LEVEL_DEBUG:
    mint.serve(mint.grant(debug_driver.DRIVER_NUM, debug_driver.LAYOUT), debug_driver.LowLevelDebug().command)

if config.CAPSULE_IPC:
    grant = mint.grant(ipc_driver.DRIVER_NUM, ipc_driver.LAYOUT)
    mint.share_memory(grant)
    mint.serve(grant, ipc_driver.IpcDriver(grant, processes).command)

if config.CAPSULE_PROCESS_INFO:
    grant = mint.grant(info_driver.DRIVER_NUM, info_driver.LAYOUT)
    mint.serve(grant, info_driver.ProcessInfo(grant, processes).command)

if config.CAPSULE_TEMPERATURE:
    grant = mint.grant(temperature_driver.DRIVER_NUM, temperature_driver.LAYOUT)
    sensor = SimulatedTemperature(timer, mint.software_interrupt())
    mint.serve(grant, temperature_driver.TemperatureDriver(sensor, grant).command)

mint.load_processes()
