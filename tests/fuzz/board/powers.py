"""What a generated capsule is given: a grant of its own, and some of every power that an ordinary capsule may have."""

from typing import Any

from capsules.hostile.victim import Victim
from cells import TakeCell
from kernel import FlashRange, Grant, InterruptLine, Layout, ProcessControl, Registers
from micropython import const

from capsules.virtual.virtual_alarm import VirtualAlarm
from capsules.virtual.virtual_uart import UartDevice

FIRST_DRIVER = const(0xF0000)  # and up: one number for each capsule

LAYOUT = Layout(upcalls=2, read_write=2, read_only=2, readable=2, u32=3)


class Powers:
    """What a program may use; `shared` is the same cell for all programs."""

    def __init__(
        self,
        grant: Grant,
        registers: Registers,
        hardware: InterruptLine,
        line: InterruptLine,
        alarm: VirtualAlarm,
        uart: UartDevice,
        flash: FlashRange,
        victim: Victim,
        processes: ProcessControl,
        shared: "TakeCell[Any]",
    ) -> None:
        self.grant = grant
        self.registers = registers
        self.hardware = hardware  # the timer's interrupt
        self.line = line  # a software interrupt
        self.alarm = alarm
        self.uart = uart
        self.flash = flash
        self.victim = victim
        self.processes = processes
        self.shared = shared
