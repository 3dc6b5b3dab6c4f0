"""What an attack is given: the powers of an ordinary capsule, and some more.

The attack serves driver number 0xBAD000: each command is one attempt.
"""

from capsules.hostile.victim import Victim
from capsules.virtual.virtual_alarm import VirtualAlarm
from cells import Buffer
from kernel import Layout
from micropython import const

DRIVER_NUM = const(0xBAD000)

LAYOUT = Layout(upcalls=2, read_write=1, read_only=1, readable=1, u32=2)


class Powers:
    """All attacks get these. Without types, or CP026 would refuse to hand out so much."""

    def __init__(
        self,
        grant,
        registers,
        hardware,
        line,
        alarm: VirtualAlarm,
        victim: Victim,
        processes,
    ) -> None:
        self.grant = grant
        self.registers = registers
        self.hardware = hardware  # the timer's interrupt
        self.line = line  # a software interrupt
        self.alarm = alarm
        self.victim = victim
        self.processes = processes
        self.buffer = Buffer(64)
        self.other = Buffer(64)
