"""Sensors that give one number. Each is read with `read()`, which blocks, or `await get()`.

    from adder.sensors import temperature
    print(temperature.read())  # 21.5, in degrees Celsius

`temperature` (permission "temperature"): degrees Celsius, a float in steps of 0.01. `humidity`: percent, a float.
`ambient_light`: lux, an int. `proximity`: 0, far, to 255, near, an int. `pressure`: hectopascal, an int. `sound_pressure`: decibels, an int.
`distance`: millimetres, an int. `moisture`: percent of the soil's volume, a float. `rainfall`: micrometres in the last hour, an int. `co2`
and `tvoc` (permission "air_quality"): parts of a million and of a billion, ints. `adder.ninedof` has what has three axes.
"""

import syscall
from adder import upcall


class Sensor:
    """A sensor by its driver number; what it gives is in the driver's unit, times `scale`. `command` measures, and gets `argument`; of
    the upcall's first two numbers, `place` is the value's, the other the status."""

    _scale = 1
    _asks = (1, 0)
    _place = 0
    _requests = None

    def __init__(
        self, driver: int, unit: str, scale: float = 1, command: int = 1, argument: int = 0, place: int = 0
    ) -> None:
        self.driver: int = syscall.natural(driver)
        self.unit = unit
        if scale != 1:
            self._scale = scale
        if command != 1 or argument:
            self._asks = (syscall.natural(command), syscall.natural(argument))
        if place:
            self._place = 1

    def exists(self) -> bool:
        """True if the board has it, and the app may use it."""
        try:
            syscall.command(self.driver, 0)
        except OSError:
            return False
        return True

    def _first(self):
        self._requests = upcall.requests(self.driver, 0)  # two sensors may share a driver
        return self._requests

    def _value(self, arguments):
        value, status, _ = arguments
        if self._place:
            value, status = status, value
        if status:
            raise syscall.SyscallError(status, "the sensor does not answer")
        if value >> 31:
            value -= 1 << 32
        return value * self._scale

    def read(self) -> float:
        """Measure; blocks. In the sensor's `unit`. Raises SyscallError NODEVICE if there is none, or no permission."""
        number, argument = self._asks
        asked = (self._requests or self._first()).begin(number, argument)
        while asked[0] is None:
            syscall.yield_wait()
        return self._value(asked[0])

    async def get(self) -> float:
        """For `await`: the same."""
        number, argument = self._asks
        return self._value(await (self._requests or self._first()).get(number, argument))


temperature = Sensor(0x60000, "degrees Celsius", 0.01)
humidity = Sensor(0x60001, "percent", 0.01)
ambient_light = Sensor(0x60002, "lux")
proximity = Sensor(0x60005, "of 255")
pressure = Sensor(0x60008, "hectopascal")
sound_pressure = Sensor(0x60006, "decibels")
co2 = Sensor(0x60007, "parts of a million", 1, 2)
tvoc = Sensor(0x60007, "parts of a billion", 1, 3)
distance = Sensor(0x60009, "millimetres", 1, 1, 0, 1)
moisture = Sensor(0x6000A, "percent", 0.01, 1, 0, 1)
rainfall = Sensor(0x6000B, "micrometres", 1, 1, 1, 1)
