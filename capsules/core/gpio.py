"""Pins for user programs. All of them share all pins: the last one to configure a pin wins.

Driver number 0x4 (stable since Tock 1.0).

Command
    0 exists                  -> success
    1 output  pin             -> success, INVAL if the pin's number is too large, NODEVICE if the board has no such pin
    2 set     pin             -> success, INVAL, NODEVICE
    3 clear   pin             -> success, INVAL, NODEVICE
    4 toggle  pin             -> success, INVAL, NODEVICE
    5 input   pin pull        -> success, INVAL, NODEVICE, NOSUPPORT. pull: 0 none, 1 up, 2 down
    6 read    pin             -> success_u32(1 or 0), INVAL, NODEVICE
    7 enable interrupt pin edge -> success, INVAL, NODEVICE, NOSUPPORT, NOMEM. edge: 0 either, 1 rising, 2 falling
    8 disable interrupt pin   -> success, INVAL, NODEVICE; the pin is released as by 9
    9 release pin             -> success, INVAL, NODEVICE; neither input nor output
    10 count                  -> success_u32(number of pins)

Subscribe
    0 edge: (pin, its level; 0), for each process that uses this driver
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.gpio import Pin
from capsules.virtual.numbered import Numbered

DRIVER_NUM = const(0x4)

LAYOUT = Layout(upcalls=1)

# Commands
_EXISTS = const(0)
_OUTPUT = const(1)
_SET = const(2)
_CLEAR = const(3)
_TOGGLE = const(4)
_INPUT = const(5)
_READ = const(6)
_ENABLE_INTERRUPT = const(7)
_DISABLE_INTERRUPT = const(8)
_RELEASE = const(9)
_COUNT = const(10)


class GpioDriver:
    """Serves pins; None is a number without a pin, so that numbers can be those on the board."""

    def __init__(self, pins: "tuple[Pin | None, ...]", grant: Grant) -> None:
        self._pins = pins
        self._count = len(pins)
        self._grant = grant
        self._slots = grant.SLOTS
        for number in range(len(pins)):
            pin = pins[number]
            if pin is not None:
                pin.set_client(Numbered(self._edge, number).call)

    def command(self, number: int, pin: int, option: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _COUNT:
            return ErrorCode.NOSUPPORT
        if number == _COUNT:
            return success_u32(self._count)
        if pin < 0 or pin >= int(self._count):
            return ErrorCode.INVAL
        return self._serve(number, pin, option if 0 <= option <= 2 else 3, process)

    def _serve(self, number: int, index: int, option: int, process: ProcessId) -> "CommandReturn | int":
        pin = self._pins[index]
        if pin is None:
            return ErrorCode.NODEVICE
        if number == _TOGGLE:
            pin.toggle()
        elif number == _SET:
            pin.set()
        elif number == _CLEAR:
            pin.clear()
        elif number == _READ:
            return success_u32(pin.read())
        elif number == _OUTPUT:
            pin.make_output()
        elif number > _ENABLE_INTERRUPT:
            if number == _DISABLE_INTERRUPT:
                pin.disable_interrupts()
            pin.disable()
        elif option > 2:
            return ErrorCode.NOSUPPORT
        elif number == _INPUT:
            pin.make_input(option)
        else:
            if self._grant.enter(process) is None:
                return ErrorCode.NOMEM
            pin.enable_interrupts(option)
        return SUCCESS

    def _edge(self, number: int) -> None:
        """From the pin."""
        pin = self._pins[number]
        if pin is None:
            return
        level = pin.read()
        for slot in range(self._slots):
            entry = self._grant.entry(slot)
            if entry is not None:
                entry.schedule_upcall(0, number, level, 0)
