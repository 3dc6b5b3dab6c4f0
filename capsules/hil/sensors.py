"""What sensors are to a capsule. A measurement is asked for, and its result comes by a call."""

from typing import Callable, Protocol


class TemperatureSensor(Protocol):
    """Measures one temperature at a time."""

    def set_client(self, measured: Callable[[int], None]) -> None:
        """Call `measured(centidegrees)` when a measurement is done: hundredths of a degree Celsius."""

    def measure(self) -> None:
        """Begin a measurement; only when none is under way."""
