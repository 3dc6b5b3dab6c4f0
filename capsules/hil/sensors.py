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


class DistanceSensor(Protocol):
    """A Sensor of the distance, in millimetres."""

    def set_client(self, measured: Callable[[int, int], None]) -> None:
        """As a Sensor's."""

    def measure(self) -> int:
        """As a Sensor's."""

    def nearest(self) -> int:
        """The least that it can measure."""

    def farthest(self) -> int:
        """The most."""


class RainfallSensor(Protocol):
    """A sensor of rain, in micrometres."""

    def set_client(self, measured: Callable[[int, int], None]) -> None:
        """As a Sensor's."""

    def measure(self, hours: int) -> int:
        """As a Sensor's: what has fallen in the last 1 to 24 hours."""


class NineAxis(Protocol):
    """Up to three sensors of three axes each."""

    def set_client(self, measured: Callable[[int, int, int], None], failed: Callable[[int], None]) -> None:
        """Call `measured(x, y, z)` or `failed(status)` when a measurement is over."""

    def measure(self, which: int) -> int:
        """Begin a measurement; only when none is under way. Returns 0, or an ErrorCode: no call comes then.

        1: acceleration, in thousandths of the earth's; 2: magnetic field, in microtesla; 3: rotation, in thousandths of a
        degree a second. NODEVICE: it has no such sensor.
        """
