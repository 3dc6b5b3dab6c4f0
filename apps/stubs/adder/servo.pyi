"""Servomotors (driver 0x90009, permission "servo").

    from adder import servo
    servo.turn(0, 90)
"""


def count() -> int:
    """How many there are."""
    ...

def turn(index: int, angle: int) -> None:
    """Turn to 0 to 180 degrees. Raises SyscallError NODEVICE if there is no such servo, FAIL if there is no such angle."""
    ...

def angle(index: int) -> int:
    """Where it was turned to. Raises SyscallError FAIL if it has not been."""
    ...
