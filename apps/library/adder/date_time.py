"""Date and time, from a clock that goes on without the board (driver 0x90007, permission "date_time").

    from adder import date_time
    year, month, day, hour, minute, second, weekday, yearday = date_time.read()

As in `time.localtime`: months and days count from 1, Monday is weekday 0. Raises SyscallError FAIL if the clock stood still,
since it was never set or had no power; NOACK if there is none.
"""

import syscall
from adder import upcall

_DRIVER = const(0x90007)
_GET = const(1)
_SET = const(2)

_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)  # days of a year before each month


def _clock():
    return upcall.requests(_DRIVER, 0)


def _day_of(year, month, day):
    # Days since a Sunday, 31 December of the year 0; and those of this year.
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    yearday = _BEFORE[month - 1] + day + (leap and month > 2)
    last = year - 1
    return 365 * last + last // 4 - last // 100 + last // 400 + yearday, yearday


def _moment(answer):
    date, time = upcall.checked(answer)
    year, month, day = date >> 9, date >> 5 & 15, date & 31
    if not 1 <= month <= 12:
        raise syscall.SyscallError(syscall.FAIL, "the clock has no such month")
    days, yearday = _day_of(year, month, day)
    return year, month, day, time >> 12 & 31, time >> 6 & 63, time & 63, (days - 1) % 7, yearday


def read() -> "tuple[int, int, int, int, int, int, int, int]":
    """What it is: year, month, day, hour, minute, second, weekday, yearday; blocks."""
    return _moment(_clock().ask(_GET))


async def get() -> "tuple[int, int, int, int, int, int, int, int]":
    """For `await`: the same."""
    return _moment(await _clock().get(_GET))


def _packed(year, month, day, hour, minute, second):
    limits = ((year, 4095), (month, 12), (day, 31), (hour, 23), (minute, 59), (second, 59))
    for value, most in limits:
        if syscall.natural(value) > most:
            raise syscall.SyscallError(syscall.INVAL, "there is no such date or time")
    if not year or not month or not day:
        raise syscall.SyscallError(syscall.INVAL, "there is no such date or time")
    weekday = _day_of(year, month, day)[0] % 7  # Sunday is 0
    return year << 9 | month << 5 | day, weekday << 17 | hour << 12 | minute << 6 | second


def set(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> None:
    """Set it; blocks. Raises SyscallError INVAL if there is no such moment, or the clock has no such year."""
    upcall.checked(_clock().ask(_SET, *_packed(year, month, day, hour, minute, second)))


async def put(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> None:
    """For `await`: as set()."""
    upcall.checked(await _clock().get(_SET, *_packed(year, month, day, hour, minute, second)))
