"""Pins that make pulses (driver 0x10, permission "pwm"). A pin is this app's until it stops it.

    from adder import pwm
    pwm.pulse(0, 1000, 0.25)
"""


def count() -> int:
    """How many pins there are."""
    ...

def fastest(pin: int) -> int:
    """The highest frequency, in Hz."""
    ...

def pulse(pin: int, frequency: int, duty: float) -> None:
    """`frequency` pulses a second, high for a part of the time, 0 to 1. Raises SyscallError INVAL, or RESERVE if it is another app's."""
    ...

def stop(pin: int) -> None:
    """No more pulses. Raises SyscallError OFF if there were none."""
    ...
