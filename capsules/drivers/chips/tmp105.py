"""Temperature sensor TMP105 over I2C: Texas Instruments SBOS304, section 7.5 "Register Maps".

It measures all the time; before the first measurement is read it is told to use its 12 bits.
"""

from typing import Callable

from cells import Buffer
from kernel import Callback, call_client, callback
from micropython import const

from capsules.hil.i2c import I2c

# 7.5.1 "Pointer Register"
_TEMPERATURE = const(0)
_CONFIGURATION = const(1)

_TWELVE_BITS = const(0x60)  # 7.5.3 "Configuration Register", R1 and R0
_FULL = const(0x8000)  # 7.5.2 "Temperature Register": 128 degrees, in steps of 1/256
_CENTIDEGREES = const(100)
_SHIFT = const(8)


class Tmp105:
    """A HIL TemperatureSensor. `buffer` has 2 bytes."""

    def __init__(self, i2c: I2c, address: int, buffer: Buffer) -> None:
        self._i2c = i2c
        self._address = address
        self._buffer = buffer
        self._configured = False
        self._reading = False
        self._measured: "Callback | None" = None
        i2c.set_client(self)

    def set_client(self, measured: "Callable[[int, int], None]") -> None:
        self._measured = callback(measured)

    def measure(self) -> int:
        if self._configured:
            return self._read()
        buffer = self._buffer
        buffer[0] = _CONFIGURATION
        buffer[1] = _TWELVE_BITS
        lent = buffer.move(self._i2c)
        self._reading = False
        status = self._i2c.write(self._address, lent, 2)
        if status:
            lent.give_back()
        return status

    def _read(self) -> int:
        lent = self._buffer.move(self._i2c)
        self._reading = True
        status = self._i2c.read_register(self._address, _TEMPERATURE, lent, 2)
        if status:
            lent.give_back()
        return status

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the bus."""
        if write is not None:
            write.give_back()
        if read is not None:
            read.give_back()
        if status == 0 and not self._reading:
            self._configured = True
            status = self._read()
            if status == 0:
                return
        value = 0
        if status:
            self._configured = False  # it may have been without power
        else:
            value = self._buffer[0] << 8 | self._buffer[1]
            if value >= _FULL:
                value -= 2 * _FULL
            value = int(value) * _CENTIDEGREES >> _SHIFT
        call_client(self._measured, value, status)
