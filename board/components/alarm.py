"""The time stack: the alarms of user programs and of the kernel itself, on one mux."""

from kernel import Grant, InterruptLine, ProcessControl

from capsules.core.alarm import AlarmDriver
from capsules.core.process_faults import ProcessFaults
from capsules.virtual.virtual_alarm import AlarmMux


def alarm_stack(mux: AlarmMux, grant: Grant, processes: ProcessControl, fault_line: InterruptLine) -> AlarmDriver:
    """Wire the stack; returns the capsule that serves the alarm's driver number."""
    ProcessFaults(processes, fault_line, mux.new_alarm(), mux.new_alarm())
    return AlarmDriver(mux.for_processes, grant)
