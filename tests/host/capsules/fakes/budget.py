"""What capsules may take of the host: as on the board, one that does not end, or takes all memory, is stopped.

The board gives a command 100 ms (kernel/contain.c). Here it is 0.3 to 0.6 seconds of the host's processor, however
busy the host is.
"""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

CAPSULES = str(Path(__file__).parents[4] / "capsules") + "/"
TICK_SECONDS = 0.3
MEMORY = 1 << 30
"""Bytes more than there were when the test began."""


class TimeOut(BaseException):
    """As the kernel's: no capsule catches it."""


def entered(frame: FrameType | None) -> FrameType | None:
    """The capsule's function that something else has called: the outermost."""
    found = None
    while frame is not None:
        if frame.f_code.co_filename.startswith(CAPSULES):
            found = frame
        frame = frame.f_back
    return found


@contextmanager
def budget() -> Iterator[None]:
    """Within, no call of a capsule takes longer than two ticks, and all together take no more memory than that."""
    running: FrameType | None = None

    def tick(number: int, frame: FrameType | None) -> None:
        nonlocal running
        before, running = running, entered(frame)
        if running is not None and running is before:
            code = running.f_code
            path = code.co_filename.removeprefix(CAPSULES)
            raise TimeOut(
                f"capsules/{path}: {code.co_qualname} does not come to an end; the board would end it after 100 ms"
            )

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = used + MEMORY if hard == resource.RLIM_INFINITY else min(used + MEMORY, hard)
    handler = signal.signal(signal.SIGVTALRM, tick)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    signal.setitimer(signal.ITIMER_VIRTUAL, TICK_SECONDS, TICK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGVTALRM, handler)
        running = None
