"""Sensors that give one number. Each is read with `read()`, which blocks, or `await get()`.

    from adder.sensors import temperature
    print(temperature.read())                21.5, in degrees Celsius

`temperature` (permission "temperature"): degrees Celsius, a float in steps of 0.01. `humidity`: percent, a float.
`ambient_light`: lux, an int. `proximity`: 0, far, to 255, near, an int. `pressure`: hectopascal, an int.
"""

import syscall
from adder import upcall


class Sensor:
    """A sensor by its driver number; what it gives is in the driver's unit, times `scale`."""

    def __init__(self, driver: int, unit: str, scale: float = 1) -> None:
        self.driver: int = syscall.natural(driver)
        self.unit = unit
        self._scale = scale
        self._requests = None

    def exists(self) -> bool:
        """True if the board has it, and the app may use it."""
        try:
            syscall.command(self.driver, 0)
        except OSError:
            return False
        return True

    def _first(self):
        self._requests = upcall.Requests(self.driver, 0)
        return self._requests

    def _value(self, arguments):
        value, status, _ = arguments
        if status:
            raise syscall.SyscallError(status, "the sensor does not answer")
        if value > 0x7FFFFFFF:
            value -= 1 << 32
        return value * self._scale

    def read(self) -> float:
        """Measure; blocks. In the sensor's `unit`. Raises SyscallError NODEVICE if there is none, or no permission."""
        return self._value((self._requests or self._first()).ask(1))

    async def get(self) -> float:
        """For `await`: the same."""
        return self._value(await (self._requests or self._first()).get(1))


temperature = Sensor(0x60000, "degrees Celsius", 0.01)
humidity = Sensor(0x60001, "percent", 0.01)
ambient_light = Sensor(0x60002, "lux")
proximity = Sensor(0x60005, "of 255")
pressure = Sensor(0x60008, "hectopascal")
