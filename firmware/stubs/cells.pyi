"""The module `cells` (firmware/objects/cells_module.c): values that have one owner at a time."""

from collections.abc import Callable
from typing import Generic, TypeVar, final, overload

_Value = TypeVar("_Value")
_Result = TypeVar("_Result")

@final
class Buffer:
    """A fixed number of bytes, all 0 at first.

    Everything raises RuntimeError while the buffer is lent to somebody else, or hardware is using it; only copy() from it
    is allowed then, for a driver that knows how far the hardware is.
    """

    def __init__(self, size: int, /) -> None:
        """`size`: 1 to 4096 bytes; ValueError otherwise. RuntimeError once the board is wired: bytes are never freed."""

    def __len__(self) -> int:
        """Bytes of the window, which is the whole buffer at first."""

    def __getitem__(self, index: int, /) -> int:
        """One byte, 0 to 255. IndexError outside the window."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Set one byte to the lower 8 bits of `value`. IndexError outside the window."""

    def copy(self, to: int, source: Buffer | bytes, start: int, length: int, /) -> int:
        """Copy at most `length` bytes of `source`, from `start`, to offset `to`; returns how many it were.

        Less are copied where either end is reached. IndexError if `to` or `start` lies beyond it.
        """

    def window(self, start: int, end: int, /) -> None:
        """From now on this handle is the bytes `start` to `end` - 1 of what it was given. IndexError beyond that."""

    def move(self, borrower: object, /) -> Buffer:
        """The handle for that borrower, on the same bytes; this one raises until it comes back.

        The same borrower gets the same handle each time. RuntimeError if the buffer was passed to too many.
        """

    def give_back(self) -> Buffer:
        """The lender's handle; this one raises from now on. RuntimeError if there is none."""

@final
class TakeCell(Generic[_Value]):
    """A place for one value. Who uses the value takes it out; meanwhile the cell is empty.

    An empty one is annotated where it is made: `self._buffer: TakeCell[Buffer] = TakeCell()`.
    """

    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(self, value: _Value, /) -> None: ...
    def take(self) -> _Value | None:
        """The value, or None; the cell is empty afterwards."""

    def put(self, value: _Value, /) -> None:
        """Put a value in; what was inside is dropped."""

    def replace(self, value: _Value, /) -> _Value | None:
        """Put a value in; returns what was inside, or None."""

    def map(self, function: Callable[[_Value], _Result], /) -> _Result | None:
        """`function(value)`, or None if the cell is empty. The value comes back into the cell afterwards."""

    def map_or(self, default: _Result, function: Callable[[_Value], _Result], /) -> _Result:
        """`function(value)`, or `default` if the cell is empty. The value comes back afterwards."""

    def map_or_else(self, default: Callable[[], _Result], function: Callable[[_Value], _Result], /) -> _Result:
        """`function(value)`, or `default()` if the cell is empty. The value comes back afterwards."""

    def and_then(self, function: Callable[[_Value], _Result], /) -> _Result | None:
        """`function(value)`, or None if the cell is empty. The function keeps the value."""

    def is_none(self) -> bool:
        """Whether the cell is empty."""

    def is_some(self) -> bool:
        """Whether there is a value."""
