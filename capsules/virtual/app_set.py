"""Some of the apps in flash: no list of them ever grows, so that nothing a program does leaves the store without memory."""

from micropython import const

MOST = const(32)
"""Apps that a directory can hold."""

STAGED_AT_ONCE = const(8)
"""And new ones in one transaction."""

_ROOM = const(40)


class AppSet:
    """Of each, in the order of their numbers: what its lists say at that place."""

    def __init__(self) -> None:
        self.used = 0  # places, from the first one on
        self.start = [0 for _ in range(_ROOM)]  # where it begins in the flash, in bytes
        self.size = [0 for _ in range(_ROOM)]
        self.flags = [0 for _ in range(_ROOM)]
        self.mark = [0 for _ in range(_ROOM)]  # a number that its header has

    def take(self, start: int, size: int, flags: int, mark: int) -> None:
        """One more, while there is room."""
        at = self.used
        if at < _ROOM:
            self.start[at] = start
            self.size[at] = size
            self.flags[at] = flags
            self.mark[at] = mark
            self.used = at + 1

    def forget(self) -> None:
        """Be empty."""
        self.used = 0

    def become(self, other: "AppSet") -> None:
        """Be the same."""
        self.used = 0
        for app in range(other.used):
            self.take(other.start[app], other.size[app], other.flags[app], other.mark[app])
