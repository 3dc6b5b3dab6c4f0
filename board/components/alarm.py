"""The time stack: the alarms of user programs and of the kernel itself, on one mux."""

from typing import TYPE_CHECKING

from kernel import Grant, InterruptLine, ProcessControl

from capsules.core.alarm import AlarmDriver
from capsules.core.process_faults import ProcessFaults
from capsules.virtual.virtual_alarm import AlarmMux

if TYPE_CHECKING:
    from capsules.virtual.last_words import LastWords


def alarm_stack(
    mux: AlarmMux, grant: Grant, processes: ProcessControl, fault_line: InterruptLine, words: "LastWords | None" = None
) -> AlarmDriver:
    """Wire the stack; returns the capsule that serves the alarm's driver number."""
    ProcessFaults(processes, fault_line, mux.new_alarm(), mux.new_alarm(), words)
    return AlarmDriver(mux.for_processes, mux.new_alarm(), grant)
