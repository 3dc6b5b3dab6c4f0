"""Sensors that give one number. Each is read with `read()`, which blocks, or `await get()`.

    from adder.sensors import temperature
    print(temperature.read())
"""

from adder import upcall
from syscall import command


class Sensor:
    """A sensor by its driver number; what it gives is in the driver's unit, times `scale`."""

    def __init__(self, driver, unit, scale=1):
        self.driver = driver
        self.unit = unit
        self._scale = scale
        self._measured = None

    def exists(self):
        """True if the board has it, and the app may use it."""
        try:
            command(self.driver, 0)
        except OSError:
            return False
        return True

    def _begin(self):
        if self._measured is None:
            self._measured = upcall.Upcall(self.driver, 0)
        waiter = self._measured.expect()
        upcall.command(self.driver, 1, waiter=waiter)
        return waiter

    def _value(self, arguments):
        value = arguments[0]
        if value & 0x80000000:
            value -= 1 << 32
        return value * self._scale

    def read(self):
        """Measure; blocks."""
        return self._value(self._begin().wait())

    async def get(self):
        """For `await`: measure."""
        return self._value(await self._begin().arrive())


temperature = Sensor(0x60000, "degrees Celsius", 0.01)
humidity = Sensor(0x60001, "percent", 0.01)
ambient_light = Sensor(0x60002, "lux")
proximity = Sensor(0x60005, "of 255")
pressure = Sensor(0x60008, "hectopascal")
