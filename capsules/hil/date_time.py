"""What a clock that knows the date is to a capsule.

A moment is two numbers, packed as user programs see them (Tock: capsules/extra/src/date_time.rs):

    date  year << 9 | month << 5 | day                           month and day count from 1
    time  day of the week << 17 | hour << 12 | minute << 6 | second    Sunday is 0
"""

from typing import Protocol


class DateTimeClient(Protocol):
    """Who reads and sets the clock."""

    def got(self, date: int, time: int, status: int) -> None:
        """What it is. `status`: 0, or an ErrorCode, and then both numbers are 0. FAIL: it does not know, since it stood still."""

    def was_set(self, status: int) -> None:
        """It has been set, if `status` is 0."""


class DateTime(Protocol):
    """A clock that one client uses, for one thing at a time."""

    def set_client(self, client: DateTimeClient) -> None:
        """Whom to call back."""

    def read(self) -> int:
        """Read it; got() comes. Returns 0, or an ErrorCode: no call comes then."""

    def set(self, date: int, time: int) -> int:
        """Set it to a date that there is; was_set() comes. Returns 0, or INVAL: it has no such year; or another ErrorCode."""
