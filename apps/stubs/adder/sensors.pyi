"""Sensors that give one number. Each is read with `read()`, which blocks, or `await get()`.

    from adder.sensors import temperature
    print(temperature.read())  # 21.5, in degrees Celsius

`temperature` (permission "temperature"): degrees Celsius, a float in steps of 0.01. `humidity`: percent, a float.
`ambient_light`: lux, an int. `proximity`: 0, far, to 255, near, an int. `pressure`: hectopascal, an int. `sound_pressure`: decibels, an int.
`distance`: millimetres, an int. `moisture`: percent of the soil's volume, a float. `rainfall`: micrometres in the last hour, an int. `co2`
and `tvoc` (permission "air_quality"): parts of a million and of a billion, ints. `adder.ninedof` has what has three axes.
"""


class Sensor:
    """A sensor by its driver number; what it gives is in the driver's unit, times `scale`. `command` measures, and gets `argument`; of
    the upcall's first two numbers, `place` is the value's, the other the status.
    """
    driver: int
    unit: str
    def __init__(self, driver: int, unit: str, scale: float = 1, command: int = 1, argument: int = 0, place: int = 0) -> None: ...
    def exists(self) -> bool:
        """True if the board has it, and the app may use it."""
        ...
    def read(self) -> float:
        """Measure; blocks. In the sensor's `unit`. Raises SyscallError NODEVICE if there is none, or no permission."""
        ...
    async def get(self) -> float:
        """For `await`: the same."""
        ...
temperature: Sensor
humidity: Sensor
ambient_light: Sensor
proximity: Sensor
pressure: Sensor
sound_pressure: Sensor
co2: Sensor
tvoc: Sensor
distance: Sensor
moisture: Sensor
rainfall: Sensor
