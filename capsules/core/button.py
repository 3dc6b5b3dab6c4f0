"""Buttons for user programs.

Driver number 0x3 (stable since Tock 1.0).

Command
    0 count          -> success_u32(number of buttons)
    1 enable  button -> success, INVAL if there is no such button, NOMEM; upcalls for this button from now on
    2 disable button -> success, INVAL, NOMEM
    3 read    button -> success_u32(1 if pressed, else 0), INVAL

Subscribe
    0 changed: (button, 1 if pressed, else 0; 0), for each process that enabled it
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.gpio import EDGE_EITHER, PULL_DOWN, PULL_UP, Pin
from capsules.virtual.numbered import Numbered

DRIVER_NUM = const(0x3)

LAYOUT = Layout(upcalls=1, u32=1)

# Commands
_COUNT = const(0)
_ENABLE = const(1)
_DISABLE = const(2)
_READ = const(3)

_ENABLED = const(0)  # one bit a button


class ButtonDriver:
    """Serves up to 30 pins as buttons; `pressed` is the level of a pressed one, and the pull is the opposite."""

    def __init__(self, pins: "tuple[Pin, ...]", pressed: int, grant: Grant) -> None:
        self._pins = pins
        self._count = len(pins)
        self._pressed = pressed
        self._grant = grant
        self._slots = grant.SLOTS
        self._down = 0  # which buttons are pressed, as far as programs have been told
        for button in range(len(pins)):
            pins[button].set_client(Numbered(self._changed, button).call)
            pins[button].make_input(PULL_DOWN if pressed else PULL_UP)

    def command(self, number: int, button: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _COUNT:
            return success_u32(self._count)
        if button < 0 or button >= int(self._count):
            return ErrorCode.NOSUPPORT if number < 0 or number > _READ else ErrorCode.INVAL
        if number == _READ:
            return success_u32(self._is_pressed(button))
        if number == _ENABLE:
            return self._enable(process, button)
        if number == _DISABLE:
            return self._disable(process, button)
        return ErrorCode.NOSUPPORT

    def _is_pressed(self, button: int) -> int:
        return 1 if self._pins[button].read() == self._pressed else 0

    def _enable(self, process: ProcessId, button: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        self._pins[button].enable_interrupts(EDGE_EITHER)
        self._tell(button)  # an edge from before is for those who wait for it, and not lost with this
        entry[_ENABLED] |= 1 << button
        return SUCCESS

    def _disable(self, process: ProcessId, button: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        entry[_ENABLED] &= ~(1 << button)
        for slot in range(self._slots):
            entry = self._grant.entry(slot)
            if entry is not None and entry[_ENABLED] >> button & 1:
                return SUCCESS
        self._pins[button].disable_interrupts()
        return SUCCESS

    def _changed(self, button: int) -> None:
        """From the pin."""
        if not self._tell(button):  # who had enabled it has ended
            self._pins[button].disable_interrupts()

    def _tell(self, button: int) -> bool:
        """Tell who has it enabled of an edge that they don't know of. False if nobody is left to be told."""
        pressed = self._is_pressed(button)
        if pressed == self._down >> button & 1:  # there and back again, before anybody looked
            return True
        self._down = self._down & ~(1 << button) | pressed << button
        told = False
        for slot in range(self._slots):
            entry = self._grant.entry(slot)
            if entry is not None and entry[_ENABLED] >> button & 1:
                entry.schedule_upcall(0, button, pressed, 0)
                told = True
        return told
