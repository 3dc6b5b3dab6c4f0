"""Humidity sensor SHT40, SHT41 or SHT45 over I2C: Sensirion's data sheet "SHT4x", sections 4.4 to 4.6.

A measurement is one command, a pause, and six bytes: the temperature and its checksum, the humidity and its. The
temperature is left unread by this driver's clients.
"""

from typing import Callable

from cells import Buffer
from kernel import Callback, ErrorCode, call_client, callback
from micropython import const

from capsules.hil.i2c import I2c
from capsules.hil.time import Alarm

_MEASURE = const(0xFD)  # 4.5 "Command Overview": both quantities with high precision
_PAUSE_MS = const(10)  # table "System timings": 8.3 ms at most
_ANSWER = const(6)  # bytes
_HUMIDITY = const(3)  # where the humidity is in them

# 4.4 "Data type & length"
_CRC_START = const(0xFF)
_CRC_POLYNOMIAL = const(0x31)

# 4.6 "Conversion of Signal Output": 125 % * S / 65535 - 6 %, here in hundredths and shortened, so that it fits a word.
_FACTOR = const(2500)
_DIVISOR = const(13107)
_OFFSET = const(600)
_MOST = const(10000)

_JUSTIFY = const(8)  # an alarm's frequency is that of its counter shifted left


class Sht4x:
    """A HIL Sensor of the relative humidity in hundredths of a percent. `buffer` has 6 bytes."""

    def __init__(self, i2c: I2c, address: int, alarm: Alarm, buffer: Buffer) -> None:
        self._i2c = i2c
        self._address = address
        self._alarm = alarm
        self._pause = int(alarm.frequency >> _JUSTIFY) * _PAUSE_MS // 1000 + 1
        self._buffer = buffer
        self._measured: "Callback | None" = None
        i2c.set_client(self)
        alarm.set_client(self._is_ready)

    def set_client(self, measured: "Callable[[int, int], None]") -> None:
        self._measured = callback(measured)

    def measure(self) -> int:
        self._buffer[0] = _MEASURE
        lent = self._buffer.move(self._i2c)
        status = self._i2c.write(self._address, lent, 1)
        if status:
            lent.give_back()
        return status

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the bus: the command has been sent, or the answer is there."""
        if write is not None:
            write.give_back()
            if status == 0:
                self._alarm.set_alarm(self._pause)
                return
        if read is not None:
            read.give_back()
        self._tell(status)

    def _is_ready(self) -> None:
        lent = self._buffer.move(self._i2c)
        status = self._i2c.read(self._address, lent, _ANSWER)
        if status:
            lent.give_back()
            self._tell(status)

    def _tell(self, status: int) -> None:
        value = 0
        if status == 0 and not self._is_whole():
            status = ErrorCode.FAIL  # the bus was disturbed
        if status == 0:
            signal = self._buffer[_HUMIDITY] << 8 | self._buffer[_HUMIDITY + 1]
            value = min(max(int(signal) * _FACTOR // _DIVISOR - _OFFSET, 0), _MOST)  # 4.6: it may lie outside
        call_client(self._measured, value, status)

    def _is_whole(self) -> bool:
        """Whether the checksum of the humidity is right."""
        crc = _CRC_START
        for at in range(_HUMIDITY, _HUMIDITY + 2):
            crc ^= self._buffer[at]
            for _ in range(8):
                crc <<= 1
                if crc > 0xFF:
                    crc ^= 0x100 | _CRC_POLYNOMIAL
        return crc == self._buffer[_HUMIDITY + 2]
