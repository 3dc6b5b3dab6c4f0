"""LEDs for user programs.

Driver number 0x2 (stable since Tock 1.0).

Command
    0 count        -> success_u32(number of LEDs)
    1 on     led   -> success, INVAL if there is no such LED
    2 off    led   -> success, INVAL
    3 toggle led   -> success, INVAL
    4 read   led   -> success_u32(1 if lit, else 0), INVAL
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.led import Led

DRIVER_NUM = const(0x2)

LAYOUT = Layout()

# Commands
_COUNT = const(0)
_ON = const(1)
_OFF = const(2)
_TOGGLE = const(3)
_READ = const(4)


class LedDriver:
    """Serves the LEDs that the board hands it, whatever pin or polarity they have."""

    def __init__(self, leds: "tuple[Led, ...]") -> None:
        self._count = len(leds)
        self._on = tuple([led.on for led in leds])
        self._off = tuple([led.off for led in leds])
        self._toggle = tuple([led.toggle for led in leds])
        self._is_on = tuple([led.is_on for led in leds])

    def command(self, number: int, led: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _COUNT:
            return success_u32(self._count)
        if led < 0 or led >= int(self._count):
            return ErrorCode.NOSUPPORT if number < 0 or number > _READ else ErrorCode.INVAL
        if number == _TOGGLE:
            self._toggle[led]()
        elif number == _ON:
            self._on[led]()
        elif number == _OFF:
            self._off[led]()
        elif number == _READ:
            return success_u32(self._is_on[led]())
        else:
            return ErrorCode.NOSUPPORT
        return SUCCESS
