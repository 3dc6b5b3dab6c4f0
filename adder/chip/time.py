"""The board's time: a clock, and what is to happen when."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

PER_SECOND = 10**12
"""Time is counted in picoseconds, so that neither instructions nor ticks of 32,768 Hz need fractions."""

MICROSECOND = PER_SECOND // 10**6
MILLISECOND = PER_SECOND // 1000


@dataclass(order=True)
class Event:
    """Something that happens at a moment. `cancel` makes it not happen."""

    at: int
    number: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.action = None


class Time:
    """What is to happen, in order; events of one moment happen in the order in which they were made."""

    def __init__(self) -> None:
        self.now = 0
        self._events: list[Event] = []
        self._made = 0

    def after(self, delay: int, action: Callable[[], None]) -> Event:
        """Have `action` called `delay` picoseconds from now."""
        self._made += 1
        event = Event(self.now + max(delay, 0), self._made, action)
        heapq.heappush(self._events, event)
        return event

    def next(self) -> int | None:
        """When something is to happen, if anything is."""
        while self._events and self._events[0].action is None:
            heapq.heappop(self._events)
        return self._events[0].at if self._events else None

    def fire(self) -> None:
        """Do what is due, each at its own moment: what follows is not late, though the processor stood still."""
        now = self.now
        while (at := self.next()) is not None and at <= now:
            event = heapq.heappop(self._events)
            action, event.action = event.action, None
            if action is not None:
                self.now = at
                action()
        self.now = now
