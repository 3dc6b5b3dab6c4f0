"""Time (driver 0x0, permission "alarm"). `time.sleep_ms` blocks the app; `await alarm.sleep_ms` one task of it."""

from collections.abc import Awaitable
from time import ticks_add as ticks_add, ticks_diff as ticks_diff, ticks_ms as ticks_ms, ticks_us as ticks_us

def sleep_ms(milliseconds: int) -> Awaitable[None]:
    """For `await`: sleep so many milliseconds, never less."""
    ...

def sleep(seconds: float) -> Awaitable[None]:
    """For `await`: sleep so many seconds, never less."""
    ...

def frequency() -> int:
    """Ticks of the kernel's alarm per second. Raises SyscallError NODEVICE without permission."""
    ...
