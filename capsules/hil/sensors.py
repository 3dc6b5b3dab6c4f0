"""What sensors are to a capsule. A measurement is asked for, and its result comes by a call."""

from typing import Callable, Protocol


class Sensor(Protocol):
    """Measures one quantity, one time after the other. Its unit is that of the driver number under which it is served."""

    def set_client(self, measured: Callable[[int, int], None]) -> None:
        """Call `measured(value, status)` when a measurement is over. `status`: 0 or an ErrorCode; then the value is 0."""

    def measure(self) -> int:
        """Begin a measurement; only when none is under way. Returns 0, or an ErrorCode: no call comes then."""


class TemperatureSensor(Protocol):
    """A Sensor of the temperature, in hundredths of a degree Celsius."""

    def set_client(self, measured: Callable[[int, int], None]) -> None:
        """As a Sensor's."""

    def measure(self) -> int:
        """As a Sensor's."""
