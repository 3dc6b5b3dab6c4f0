"""Pins that make pulses, for user programs. A pin belongs to the process that has it make some, until it stops it or ends;
then the pulses go on, as on Tock, until somebody else asks for some, of this driver or another that has pins of the same hardware.

Driver number 0x10 (Tock: doc/syscalls/00010_pwm.md).

Command
    0 exists                      -> success
    1 pulse   pin | duty << 16 Hz -> success; the duty in hundredths of a percent, up to 10,000. INVAL if there is no such pin, duty or
                                     frequency, RESERVE if the pin is another process's, or others make pulses of another frequency
                                     and the hardware has one for all; NOMEM
    2 stop    pin                 -> success, INVAL, OFF if it makes none, RESERVE
    3 fastest pin                 -> success_u32(Hz), INVAL
    4 count                       -> success_u32(number of pins)
"""

from typing import TYPE_CHECKING

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

if TYPE_CHECKING:
    from capsules.virtual.virtual_pwm import PwmShare

DRIVER_NUM = const(0x10)

LAYOUT = Layout()

# Commands
_EXISTS = const(0)
_PULSE = const(1)
_STOP = const(2)
_FASTEST = const(3)
_COUNT = const(4)


class PwmDriver:
    """Serves the pins that the board hands it."""

    def __init__(self, pwm: "PwmShare", grant: Grant) -> None:
        self._pwm = pwm
        self._grant = grant
        self._owners: "list[Entry | None]" = [None for _ in range(pwm.pins())]
        pwm.set_client(self._stop_what_nobody_owns)

    def command(self, number: int, first: int, frequency: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _COUNT:
            return success_u32(self._pwm.pins())
        if number == _PULSE:
            return self._pulse(process, first & 0xFFFF, first >> 16 & 0xFFFF, frequency)
        if number == _STOP:
            return self._stop(process, first)
        if number == _FASTEST:
            return success_u32(self._pwm.maximum_frequency()) if 0 <= first < self._pwm.pins() else ErrorCode.INVAL
        return ErrorCode.NOSUPPORT

    def _pulse(self, process: ProcessId, pin: int, duty: int, frequency: int) -> "CommandReturn | int":
        if not 0 <= pin < self._pwm.pins():
            return ErrorCode.INVAL
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        self._stop_what_nobody_owns()
        if not self._may(pin, entry):
            return ErrorCode.RESERVE
        status = self._pwm.pulse(pin, frequency, duty)
        if status:
            return status
        self._owners[pin] = entry
        return SUCCESS

    def _stop(self, process: ProcessId, pin: int) -> "CommandReturn | int":
        if not 0 <= pin < self._pwm.pins():
            return ErrorCode.INVAL
        if self._owners[pin] is None:
            return ErrorCode.OFF
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if not self._may(pin, entry):
            return ErrorCode.RESERVE
        self._owners[pin] = None
        status = self._pwm.stop(pin)
        return status if status else SUCCESS

    def _stop_what_nobody_owns(self) -> None:
        """The pulses of a process that has ended go on; but they are in nobody's way, though all pins may have one frequency."""
        for pin in range(len(self._owners)):
            owner = self._owners[pin]
            if owner is not None and not owner.alive():
                self._pwm.stop(pin)
                self._owners[pin] = None

    def _may(self, pin: int, entry: Entry) -> bool:
        owner = self._owners[pin]
        return owner is None or owner is entry or not owner.alive()
