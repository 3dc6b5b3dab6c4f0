"""Sensors that give one number. Each is read with `read()`, which blocks, or `await get()`.

    from adder.sensors import temperature
    print(temperature.read())                21.5, in degrees Celsius

`temperature` (permission "temperature"): degrees Celsius, a float in steps of 0.01. `humidity`: percent, a float.
`ambient_light`: lux, an int. `proximity`: 0, far, to 255, near, an int. `pressure`: hectopascal, an int.
"""


class Sensor:
    """A sensor by its driver number; what it gives is in the driver's unit, times `scale`."""
    driver: int
    unit: str
    def __init__(self, driver: int, unit: str, scale: float = 1) -> None: ...
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
