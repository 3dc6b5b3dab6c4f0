"""Where in the flash an app has room. The search goes one hole at a time, so that nobody waits for all of it."""

from micropython import const

from capsules.virtual.app_directory import AppDirectory
from capsules.virtual.app_set import AppSet
from capsules.virtual.app_list import HEAD, AppList

NOT_YET = const(-1)
NOWHERE = const(-2)


def first_covered(at: int, size: int, page: int) -> int:
    """The first page from this one on at which the MPU can cover so many bytes; -1 if there is none.

    With sixteen pieces of one size, of eight that begin at a multiple of all (firmware/arch/cortex_m4/mpu.c).
    """
    found = -1
    piece = 32
    while piece << 4 < size:
        piece <<= 1
    while piece <= size and size & (piece - 1) == 0:
        step = piece if piece > page else page
        start = at + step - 1 & ~(step - 1)
        eight = piece << 3
        if ((start & (eight - 1)) + size) > piece << 4:
            start = start + eight - 1 & ~(eight - 1)
        if found < 0 or start < found:
            found = start
        piece <<= 1
    return found


class AppPlaces:
    """Looks for room between the apps that there are, and those that are to be."""

    def __init__(self, apps: AppList, directory: AppDirectory, page: int) -> None:
        self._list = apps
        self._directory = directory
        self._page = page
        self._size = 0
        self._hole = 0  # the one before which app of the directory is next
        self._at = 0  # and where it is looked at next
        self._reached = 0  # how far padding leads from there, as far as that is known
        self._low = False
        self._below = 0  # where it has to begin before
        self._new = directory.apps  # those that are to be

    def begin(self, size: int, below: int, new: AppSet) -> None:
        """Look for so many bytes: at the end of the list, then in holes; `below`: from the beginning, up to there."""
        low = below > 0
        self._below = below if low else self._list.limit
        self._size = size
        self._low = low
        self._new = new
        self._hole = 0 if low else self._directory.apps.used
        self._reached = 0
        self._at = 0 if low else self._end_of(self._hole)

    def next(self) -> int:
        """Where there is room; or NOT_YET, and the next call goes on; or NOWHERE."""
        directory = self._directory
        last = directory.apps.used
        if self._hole > last:
            return NOWHERE
        end = directory.apps.start[self._hole] if self._hole < last else self._list.limit
        begin = self._at
        staged = -1  # the first of those that are to be in this hole
        new = self._new
        for app in range(last, new.used):
            if begin <= new.start[app] < end:
                end = new.start[app]
                staged = app
        page = int(self._page)
        size = self._size
        found = first_covered(begin + page - 1 & ~(page - 1), size, page)
        if 0 <= found < self._below and found + (size + page - 1 & ~(page - 1)) <= end:
            at = max(self._reached, begin)
            self._reached = self._list.skip(at, found)
            if at < self._reached < found:
                return NOT_YET
            if self._reaches(begin, found):
                return found
        self._reached = 0
        if staged >= 0:
            self._at = new.start[staged] + new.size[staged]
        elif self._hole == last and not self._low:
            self._low = True
            self._hole = 0
            self._at = 0
        else:
            self._hole += 1
            self._at = self._end_of(self._hole)
        return NOT_YET

    def _end_of(self, hole: int) -> int:
        """Where the app ends that lies before this hole."""
        if not 0 < hole <= self._directory.apps.used:
            return 0
        return self._directory.apps.start[hole - 1] + self._directory.apps.size[hole - 1]

    def end_of_all(self) -> int:
        """Where the last app ends, of those that are and those that are to be."""
        end = self._end_of(self._directory.apps.used)
        new = self._new
        for app in range(new.used):
            end = max(end, new.start[app] + new.size[app])
        return end

    def _reaches(self, end: int, at: int) -> bool:
        """Whether a walker of the list that comes from the app which ends there can get to the page."""
        if at == end:
            return True
        reached = self._reached
        if reached == at:
            return True
        past = int(reached) % int(self._page)
        if past == 0:
            return True  # the whole page is free: tidying writes what is to be there
        size = int(self._page) - past
        return size >= HEAD and self._list.takes_padding(reached, size)
