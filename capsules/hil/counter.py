"""What a counter of hardware events is to a capsule: it counts without the processor."""

from typing import Callable, Protocol


class EventCounter(Protocol):
    """Counts events in 24 bits, and then from 0 again."""

    def now(self) -> int:
        """How many there were."""

    def set_client(self, reached: Callable[[], None]) -> None:
        """Call `reached()` when the target is reached."""

    def set_target(self, count: int) -> None:
        """Call the client once when now() is `count`, at most half a round ahead; soon, if it was already.

        Replaces an earlier target.
        """
