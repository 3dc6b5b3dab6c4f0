"""Servomotors (driver 0x90009, permission "servo").

    from adder import servo
    servo.turn(0, 90)
"""

import syscall

_DRIVER = const(0x90009)
_COUNT = const(1)
_TURN = const(2)
_ANGLE = const(3)


def count() -> int:
    """How many there are."""
    return syscall.command(_DRIVER, _COUNT)


def turn(index: int, angle: int) -> None:
    """Turn to 0 to 180 degrees. Raises SyscallError NODEVICE if there is no such servo, FAIL if there is no such angle."""
    syscall.command(_DRIVER, _TURN, syscall.natural(index), syscall.natural(angle))


def angle(index: int) -> int:
    """Where it was turned to. Raises SyscallError FAIL if it has not been."""
    return syscall.command(_DRIVER, _ANGLE, syscall.natural(index))
