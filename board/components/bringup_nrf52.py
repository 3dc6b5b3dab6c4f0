"""The bench of a bring-up for boards with an nRF52840: docs/bring-up.md."""

from typing import Any

from kernel import ProcessControl, Registers

import config
from capsules.bringup.chip_nrf52 import (
    Counters,
    HighCrystal,
    Latency,
    Loop,
    LowCrystal,
    Meters,
    ResetReasons,
    Sleep,
    Speed,
    Bite,
)
from capsules.bringup.devices import PinEdges, PinLevels
from capsules.bringup.jobs import Jobs
from capsules.bringup.report import Report
from capsules.bringup.storage import FlashBits, Restarted, SparePage
from capsules.drivers.nrf52.gpio import Pins
from capsules.hil.flash import Flash
from capsules.hil.gpio import Pin
from capsules.hil.system import ExactClock
from capsules.virtual.virtual_alarm import AlarmMux
from components.nrf52 import low_source

PLACES = (
    ("kernel-flash", config.NRF52_KERNEL_START, 0x100),
    ("kernel-code", config.NRF52_KERNEL_START, 0x8000),
    ("kernel-flash-end", config.NRF52_APPS_START, -4),
    ("storage", config.NRF52_STORAGE_START, 0),
    ("uart", 0x40002000, 0x500),
    ("timer", 0x40008000, 0x504),
    ("flash-control", 0x4001E000, 0x504),
    ("pins", 0x50000000, 0x504),
)


def of_clocks(
    report: Report, clock: Registers, rtc0: Registers, rtc1: Registers, alarms: AlarmMux, high: ExactClock
) -> "tuple[Any, ...]":
    """What comes before all else: without clocks there is nothing to measure by."""
    return (
        Counters(report, rtc0, rtc1),
        LowCrystal(report, clock, alarms.new_alarm(), low_source()),
        HighCrystal(report, high, alarms.new_alarm()),
    )


def of_flash(
    report: Report, flash: Flash, reasons: ResetReasons, wdt: Registers, alarms: AlarmMux
) -> "tuple[Any, ...]":
    """The spare page, and the watchdog, which resets the board once."""
    pattern = FlashBits(report, SparePage(flash), flash)
    restarted = Restarted(report, pattern, reasons.read)
    return restarted, pattern, Bite(report, wdt, alarms.new_alarm(), restarted, pattern)


def of_speed(
    report: Report,
    jobs: Jobs,
    processes: ProcessControl,
    alarms: AlarmMux,
    meters: Meters,
    cache: Registers,
    latency: Latency,
) -> "tuple[Any, ...]":
    """Clocks against each other, with and without the cache; interrupts, sleep."""
    return (
        Speed(report, jobs, processes, alarms.new_alarm(), meters, cache),
        latency,
        Sleep(report, alarms.new_alarm(), meters),
    )


def of_pins(report: Report, pins: Pins, alarms: AlarmMux, uart: Registers) -> "tuple[Any, ...]":
    """The pins for programs; a second UART at the first two of them."""
    numbers = (
        config.NRF52_GPIO0,
        config.NRF52_GPIO1,
        config.NRF52_GPIO2,
        config.NRF52_GPIO3,
        config.NRF52_GPIO4,
        config.NRF52_GPIO5,
    )
    found = named(numbers, pins)
    both = (found[0][1], found[1][1]) if len(found) > 1 else None
    names = (found[0][0], found[1][0]) if len(found) > 1 else ("", "")
    return (
        PinLevels(report, alarms.new_alarm(), found),
        PinEdges(report, alarms.new_alarm(), found),
        Loop(report, uart, alarms.new_alarm(), names, (config.NRF52_GPIO0, config.NRF52_GPIO1), both),
    )


def named(numbers: "tuple[int, ...]", pins: Pins) -> "tuple[tuple[str, Pin], ...]":
    """The pins that the board has, with their names."""
    found: "tuple[tuple[str, Pin], ...]" = ()
    for number in numbers:
        if number >= 0:
            found += ((name(number), pins.pin(number)),)
    return found


def name(number: int) -> str:
    """What the chip's pins are called."""
    port = number >> 5
    pin = number & 31
    return f"P{port}.{pin:02d}"
