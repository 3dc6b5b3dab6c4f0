"""The bench of a bring-up, of what any board has: docs/bring-up.md."""

from typing import Any

from kernel import ProcessControl

from capsules.bringup.devices import Answer, Lights, Press
from capsules.bringup.jobs import Jobs
from capsules.bringup.programs import (
    OF_KERNEL_RAM_END,
    OF_OWN_GRANTS,
    OF_OWN_RAM_END,
    OF_WITNESS_FLASH,
    OF_WITNESS_RAM,
    Barrier,
    Doze,
    Floats,
    Privilege,
    Ram,
    Traps,
)
from capsules.bringup.report import Report
from capsules.hil.gpio import Pin
from capsules.hil.led import Led
from capsules.hil.line import Line
from capsules.virtual.virtual_alarm import AlarmMux

# Of each chip with a Cortex-M4: the private peripheral bus, what nobody has mapped, and what is whose in RAM.
ANYWHERE = (
    ("kernel-stack", 0x20000000, 0),
    ("kernel-data", 0x20002000, 0),
    ("kernel-ram-end", OF_KERNEL_RAM_END, -4),
    ("below-ram", 0x1FFFFFFC, 0),
    ("others-ram", OF_WITNESS_RAM, 64),
    ("others-flash", OF_WITNESS_FLASH, 0),
    ("own-grants", OF_OWN_GRANTS, 0),
    ("own-record", OF_OWN_RAM_END, -4),
    ("systick", 0xE000E010, 0),
    ("interrupt-controller", 0xE000E100, 0),
    ("system-control", 0xE000ED08, 0),
    ("mpu-registers", 0xE000ED94, 0),
    ("fpu-control", 0xE000EF34, 0),
    ("cycle-counter", 0xE0001000, 0),
    ("unmapped", 0x90000000, 0),
    ("last-word", 0xFFFFFFFC, 0),
)


def of_programs(report: Report, jobs: Jobs, processes: ProcessControl, places: "tuple[tuple[str, int, int], ...]") -> "tuple[Any, ...]":
    """What programs try."""
    return (
        Ram(report, jobs),
        Floats(report, jobs),
        Traps(report, jobs, processes, places + ANYWHERE),
        Barrier(report, jobs, processes),
        Privilege(report, jobs),
        Doze(report, jobs),
    )


def of_people(
    report: Report, line: Line, alarms: AlarmMux, leds: "tuple[Led, ...]", buttons: "tuple[Pin, ...]"
) -> "tuple[Any, ...]":
    """What somebody is asked for, or `adder bringup`."""
    return (
        Answer(report, line, alarms.new_alarm()),
        Lights(report, line, alarms.new_alarm(), leds),
        Press(report, alarms.new_alarm(), buttons),
    )
