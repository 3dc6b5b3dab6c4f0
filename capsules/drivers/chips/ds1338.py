"""Real-time clock DS1338 over I2C, and its kin DS1307: Maxim 19-5806, tables 2 "Timekeeper Registers" and 3 "Control Register".

The years are 2000 to 2099. It always runs in its 24-hour mode, and 1 is Sunday. The clock is stopped, and so has no time to
tell, until it was first set, and after it had no power.
"""

from cells import Buffer
from kernel import Callback, ErrorCode, call_client, callback
from micropython import const

from capsules.hil.date_time import DateTimeClient
from capsules.hil.i2c import I2c

_ADDRESS = const(0x68)
_SECONDS = const(0x00)  # the first register

# Table 2: where each is, behind the number of the first register in what is written.
_SECOND = const(0)
_MINUTE = const(1)
_HOUR = const(2)
_DAY_OF_WEEK = const(3)
_DAY = const(4)
_MONTH = const(5)
_YEAR = const(6)
_COUNT = const(7)

_HALTED = const(0x80)  # SECONDS, CH: the oscillator stands still
_TWELVE_HOURS = const(0x40)  # HOURS
_AFTERNOON = const(0x20)

_FIRST_YEAR = const(2000)
_LAST_YEAR = const(2099)


def _to_bcd(number: int) -> int:
    return number // 10 << 4 | int(number) % 10


def _from_bcd(byte: int) -> int:
    return int(byte >> 4) * 10 + (byte & 0xF)


class Ds1338:
    """A HIL DateTime. `buffer` has 8 bytes."""

    def __init__(self, i2c: I2c, buffer: Buffer) -> None:
        self._i2c = i2c
        self._buffer = buffer
        self._got: "Callback | None" = None
        self._was_set: "Callback | None" = None
        i2c.set_client(self)

    def set_client(self, client: DateTimeClient) -> None:
        self._got = callback(client.got)
        self._was_set = callback(client.was_set)

    def read(self) -> int:
        lent = self._buffer.move(self._i2c)
        status = self._i2c.read_register(_ADDRESS, _SECONDS, lent, _COUNT)
        if status:
            lent.give_back()
        return status

    def set(self, date: int, time: int) -> int:
        year = date >> 9
        if not _FIRST_YEAR <= year <= _LAST_YEAR:
            return ErrorCode.INVAL
        buffer = self._buffer
        buffer[0] = _SECONDS
        buffer[1 + _SECOND] = _to_bcd(time & 0x3F)
        buffer[1 + _MINUTE] = _to_bcd(time >> 6 & 0x3F)
        buffer[1 + _HOUR] = _to_bcd(time >> 12 & 0x1F)
        buffer[1 + _DAY_OF_WEEK] = (time >> 17 & 7) + 1
        buffer[1 + _DAY] = _to_bcd(date & 0x1F)
        buffer[1 + _MONTH] = _to_bcd(date >> 5 & 0xF)
        buffer[1 + _YEAR] = _to_bcd(year - _FIRST_YEAR)
        lent = buffer.move(self._i2c)
        status = self._i2c.write(_ADDRESS, lent, 1 + _COUNT)
        if status:
            lent.give_back()
        return status

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the bus."""
        if write is not None:
            write.give_back()
            call_client(self._was_set, status)
            return
        if read is not None:
            read.give_back()
        if status == 0 and self._buffer[_SECOND] & _HALTED:
            status = ErrorCode.FAIL
        if status:
            call_client(self._got, 0, 0, status)
        else:
            call_client(self._got, self._date(), self._time(), 0)

    def _date(self) -> int:
        buffer = self._buffer
        year = _FIRST_YEAR + _from_bcd(buffer[_YEAR])
        return year << 9 | _from_bcd(buffer[_MONTH] & 0x1F) << 5 | _from_bcd(buffer[_DAY] & 0x3F)

    def _time(self) -> int:
        buffer = self._buffer
        hour = buffer[_HOUR]
        if hour & _TWELVE_HOURS:  # as somebody else has set it
            hours = _from_bcd(hour & 0x1F)
            if hours == 12:
                hours = 0
            if hour & _AFTERNOON:
                hours += 12
        else:
            hours = _from_bcd(hour & 0x3F)
        day = (buffer[_DAY_OF_WEEK] & 7) - 1
        return max(day, 0) << 17 | hours << 12 | _from_bcd(buffer[_MINUTE] & 0x7F) << 6 | _from_bcd(buffer[_SECOND] & 0x7F)
