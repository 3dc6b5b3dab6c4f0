"""Makes the list at rest what the directory says: each hole gets one padding header, and after the last app the flash is erased.

What it does follows from the directory alone, so it can be done again from the beginning whenever it was cut.
"""

from micropython import const

from capsules.virtual.app_directory import AppDirectory
from capsules.virtual.app_list import HEAD, AppList
from capsules.virtual.app_set import MOST

DONE = const(0)
LOOK = const(1)
"""The next call looks further."""

ERASE = const(2)
"""The page at `at`; then comes a padding header of `size` bytes, or none for 0."""

PAD = const(3)
"""A padding header of `size` bytes belongs at `at`."""


class AppTidying:
    """One place after the other; who asks does what is to be done there."""

    def __init__(self, apps: AppList, directory: AppDirectory, page: int) -> None:
        self._list = apps
        self._directory = directory
        self._page = page
        self._reached = 0  # up to here the list is right
        self._app = 0  # which app comes next
        self._tries = 0
        self.at = 0
        self.size = 0

    def begin(self) -> None:
        self._reached = 0
        self._app = 0
        self._tries = 0

    def next(self) -> int:
        """What is to be done at the next place at which the list is not what it is to be."""
        directory = self._directory
        if self._app < directory.apps.used:
            start = directory.apps.start[self._app]
            at = self._list.skip(self._reached, start)
            if at < start:
                return self._go_on(at) or self._pad(at, start)
            self._reached = start + directory.apps.size[self._app]
            self._app += 1
            return LOOK
        if self._list.is_end(self._reached):
            return DONE
        past = int(self._reached) % int(self._page)
        if past == 0:
            return self._pad(self._reached, 0)
        at = self._reached + int(self._page) - past
        reached = self._list.skip(self._reached, at)
        if reached < at:  # behind an app that somebody else has put there
            return self._go_on(reached)
        self._reached = at
        return LOOK

    def _go_on(self, at: int) -> int:
        """LOOK if so much padding leads there that there may be more."""
        if at == self._reached:
            return DONE
        self._reached = at
        return LOOK

    def _pad(self, at: int, end: int) -> int:
        """A padding header there that leads to `end`, or to the next page; for 0, erased flash."""
        self._tries += 1
        page = int(self._page)
        past = int(at) % page
        if past == 0 and (end == 0 or at + page <= end) and self._tries < 2 * MOST:
            return self._do(ERASE, at, end - at if end else 0)
        size = min(end - at, page - past)
        if size >= HEAD and self._list.takes_padding(at, size) and self._tries < 2 * MOST:
            return self._do(PAD, at, size)
        if end == 0:
            return DONE
        self._reached = end  # beside an app that somebody else has put there; or the flash does not take it
        return LOOK

    def _do(self, what: int, at: int, size: int) -> int:
        self.at = at
        self.size = size
        return what
