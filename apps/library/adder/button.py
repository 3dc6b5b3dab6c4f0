"""Buttons (driver 0x3, permission "button"), numbered from 0. A number that the board does not have raises SyscallError INVAL."""

from adder import upcall
from syscall import command

_DRIVER = const(0x3)
_changed = None


def count() -> int:
    """How many buttons the board has."""
    return command(_DRIVER, 0)


def is_pressed(button: int = 0) -> bool:
    """Whether it is down now."""
    return command(_DRIVER, 3, button) == 1


def _expect(button, state):
    global _changed
    if _changed is None:
        _changed = upcall.Upcall(_DRIVER, 0)
    command(_DRIVER, 1, button)
    return _changed.expect(button, state)


def wait_pressed(button: int = 0) -> None:
    """Block until the button goes down."""
    _expect(button, 1).wait()


def wait_released(button: int = 0) -> None:
    """Block until the button goes up."""
    _expect(button, 0).wait()


async def pressed(button: int = 0) -> None:
    """For `await`: the button goes down."""
    await _expect(button, 1).arrive()


async def released(button: int = 0) -> None:
    """For `await`: the button goes up."""
    await _expect(button, 0).arrive()
