"""The time stack: one hardware alarm shared by user programs and by the kernel itself."""

from kernel import Grant, InterruptLine, ProcessControl

from capsules.core.alarm import AlarmDriver
from capsules.core.process_faults import ProcessFaults
from capsules.hil.time import Alarm
from capsules.virtual.virtual_alarm import AlarmMux


def alarm(hardware: Alarm, grant: Grant, processes: ProcessControl, fault_line: InterruptLine) -> AlarmDriver:
    """Wire the stack; returns the capsule that serves the alarm's driver number."""
    mux = AlarmMux(hardware)
    ProcessFaults(processes, fault_line, mux.new_alarm(), mux.new_alarm())
    return AlarmDriver(mux.new_alarm(), grant)
