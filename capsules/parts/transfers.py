"""Turns of a multiplexer whose users ask for transfers: of up to two buffers, which move to the hardware and come back."""

from typing import Any, Callable

from cells import Buffer
from kernel import ErrorCode, call_client, callback
from micropython import const

from capsules.parts.lent import give_back, is_good
from capsules.parts.turns import Turns

# What is known of a user.
_CLIENT = const(0)  # its callback, or None
_WRITE = const(1)  # our handles of the buffers, or None
_READ = const(2)
_WRITE_LENT = const(3)  # the user's own handles of them
_READ_LENT = const(4)


class Transfers:
    """`begin(index, write, read)` has the hardware make a user's transfer: as `Turns` says.

    `failed(index)` is told of a user that has failed when it was told.
    """

    def __init__(
        self, begin: "Callable[[int, Buffer | None, Buffer | None], int]", failed: "Callable[[int], None] | None" = None
    ) -> None:
        self.turns = Turns(self._begin_next, self._tell)
        self._begin = begin
        self._failed = failed
        self._users: "list[list[Any]]" = []

    def new_user(self) -> int:
        """Its number; only while the board is wired."""
        self._users.append([None, None, None, None, None])
        return self.turns.new_user()

    def set_client(self, index: int, transferred: "Callable[..., None]") -> None:
        """Whom to call with the two buffers and a status."""
        self._users[index][_CLIENT] = callback(transferred)

    def ask(self, index: int, write: "Buffer | None", read: "Buffer | None") -> None:
        """This user, who does not wait yet, wants a transfer of buffers that are good, one at least."""
        user = self._users[index]
        user[_WRITE_LENT] = write
        user[_READ_LENT] = read
        user[_WRITE] = write.move(self) if write is not None else None
        user[_READ] = read.move(self) if read is not None else None
        self.turns.wait(index)

    def _begin_next(self, index: int) -> int:
        user = self._users[index]
        write = user[_WRITE]
        read = user[_READ]
        if not is_good(read if write is None else write):
            return ErrorCode.BUSY  # the hardware has it
        return self._begin(index, write, read)

    def _tell(self, index: int, status: int) -> None:
        """Give a user its buffers back, and say how it went; once."""
        user = self._users[index]
        write = user[_WRITE_LENT]
        read = user[_READ_LENT]
        give_back(user[_WRITE])
        give_back(user[_READ])
        # Who has been told before this was cut short has taken its buffers.
        if is_good(read if write is None else write):
            failed = self._failed
            if not call_client(user[_CLIENT], write, read, status) and failed is not None:
                failed(index)
