"""Time (driver 0x0, permission "alarm"). `time.sleep_ms` blocks the app; `await alarm.sleep_ms` one task of it."""

import syscall
from time import ticks_add, ticks_diff, ticks_ms, ticks_us

_DRIVER = const(0x0)


def sleep_ms(milliseconds: int) -> "Awaitable[None]":
    """For `await`: sleep so many milliseconds, never less."""
    import asyncio

    return asyncio.sleep_ms(milliseconds)


def sleep(seconds: float) -> "Awaitable[None]":
    """For `await`: sleep so many seconds, never less."""
    milliseconds = (seconds + 0) * 1000
    whole = int(milliseconds)
    return sleep_ms(whole + (whole < milliseconds))


def frequency() -> int:
    """Ticks of the kernel's alarm per second. Raises SyscallError NODEVICE without permission."""
    return syscall.command(_DRIVER, 1)
