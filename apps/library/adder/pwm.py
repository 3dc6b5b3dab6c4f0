"""Pins that make pulses (driver 0x10, permission "pwm"). A pin is this app's until it stops it.

    from adder import pwm
    pwm.pulse(0, 1000, 0.25)
"""

import syscall

_DRIVER = const(0x10)
_PULSE = const(1)
_STOP = const(2)
_FASTEST = const(3)
_COUNT = const(4)


def count() -> int:
    """How many pins there are."""
    return syscall.command(_DRIVER, _COUNT)


def fastest(pin: int) -> int:
    """The highest frequency, in Hz."""
    return syscall.command(_DRIVER, _FASTEST, syscall.natural(pin))


def pulse(pin: int, frequency: int, duty: float) -> None:
    """`frequency` pulses a second, high for a part of the time, 0 to 1. Raises SyscallError INVAL, or RESERVE if it is another app's."""
    hundredths = syscall.natural(round(duty * 10000))
    if hundredths > 10000 or syscall.natural(pin) > 0xFFFF:
        raise syscall.SyscallError(syscall.INVAL, "there is no such pin, or part")
    syscall.command(_DRIVER, _PULSE, pin | hundredths << 16, syscall.natural(frequency))


def stop(pin: int) -> None:
    """No more pulses. Raises SyscallError OFF if there were none."""
    syscall.command(_DRIVER, _STOP, syscall.natural(pin))
