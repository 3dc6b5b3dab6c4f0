"""Servomotors for user programs: each turns to an angle.

Driver number 0x90009 (Tock: doc/syscalls/90009_servo.md).

Command
    0 exists             -> success
    1 count              -> success_u32(number of servos)
    2 turn   servo angle -> success; 0 to 180 degrees. NODEVICE if there is no such servo, FAIL if there is no such angle
    3 angle  servo       -> success_u32(degrees), NODEVICE, FAIL if it has not been turned yet
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.pwm import Pwm

DRIVER_NUM = const(0x90009)

LAYOUT = Layout()

# Commands
_EXISTS = const(0)
_COUNT = const(1)
_TURN = const(2)
_ANGLE = const(3)

# A pulse every 20 ms; 0.5 ms is 0 degrees, 2.5 ms is 180: the SG90's data sheet, and others'.
_HZ = const(50)
_DUTY_AT_0 = const(250)  # hundredths of a percent
_DUTY_BEYOND = const(1000)
_LARGEST = const(180)
_UNKNOWN = const(-1)


class ServoDriver:
    """A servo on each pin of a Pwm."""

    def __init__(self, pwm: Pwm) -> None:
        self._pwm = pwm
        self._angles = [_UNKNOWN for _ in range(pwm.pins())]

    def command(self, number: int, servo: int, angle: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _COUNT:
            return success_u32(self._pwm.pins())
        if number < 0 or number > _ANGLE:
            return ErrorCode.NOSUPPORT
        if not 0 <= servo < self._pwm.pins():
            return ErrorCode.NODEVICE
        if number == _TURN:
            return self._turn(servo, angle)
        angle = self._angles[servo]
        return ErrorCode.FAIL if angle == _UNKNOWN else success_u32(angle)

    def _turn(self, servo: int, angle: int) -> "CommandReturn | int":
        if not 0 <= angle <= _LARGEST:
            return ErrorCode.FAIL
        if self._pwm.pulse(servo, _HZ, _DUTY_AT_0 + int(angle) * _DUTY_BEYOND // _LARGEST):
            return ErrorCode.FAIL
        self._angles[servo] = angle
        return SUCCESS
