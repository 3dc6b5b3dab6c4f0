"""Date and time, from a clock that goes on without the board (driver 0x90007, permission "date_time").

    from adder import date_time
    year, month, day, hour, minute, second, weekday, yearday = date_time.read()

As in `time.localtime`: months and days count from 1, Monday is weekday 0. Raises SyscallError FAIL if the clock stood still,
since it was never set or had no power; NOACK if there is none.
"""


def read() -> tuple[int, int, int, int, int, int, int, int]:
    """What it is: year, month, day, hour, minute, second, weekday, yearday; blocks."""
    ...

async def get() -> tuple[int, int, int, int, int, int, int, int]:
    """For `await`: the same."""
    ...

def set(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> None:
    """Set it; blocks. Raises SyscallError INVAL if there is no such moment, or the clock has no such year."""
    ...

async def put(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> None:
    """For `await`: as set()."""
    ...
