"""Stand-in for firmware/core/take_cell.c and firmware/objects/buffer.c: values with one owner."""

from itertools import count
from typing import Any
from weakref import WeakValueDictionary

from words import integer, truncated, unsigned

_EMPTY = object()
_MOST_HANDLES = 8
_LARGEST = 4096


class TakeCell:
    """A place for one value."""

    __slots__ = ("_value",)

    def __init__(self, value: Any = _EMPTY) -> None:
        self._value = value

    def _swap(self, value: Any) -> Any:
        old, self._value = self._value, value
        return old

    def take(self) -> Any:
        value = self._swap(_EMPTY)
        return None if value is _EMPTY else value

    def put(self, value: Any) -> None:
        self._swap(value)

    def replace(self, value: Any) -> Any:
        old = self._swap(value)
        return None if old is _EMPTY else old

    def is_none(self) -> bool:
        return self._value is _EMPTY

    def is_some(self) -> bool:
        return self._value is not _EMPTY

    def _apply(self, function: Any, otherwise: Any) -> Any:
        value = self._swap(_EMPTY)
        if value is _EMPTY:
            return otherwise()
        try:
            return function(value)
        finally:
            if self._value is _EMPTY:
                self._value = value

    def map(self, function: Any) -> Any:
        return self._apply(function, lambda: None)

    def map_or(self, default: Any, function: Any) -> Any:
        return self._apply(function, lambda: default)

    def map_or_else(self, default: Any, function: Any) -> Any:
        return self._apply(function, default)

    def and_then(self, function: Any) -> Any:
        value = self._swap(_EMPTY)
        return None if value is _EMPTY else function(value)


_addresses = count(0x20000000, _LARGEST)
_made: "WeakValueDictionary[int, _Storage]" = WeakValueDictionary()


class _Storage:
    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size)
        self.address = next(_addresses)  # as hardware sees it
        _made[self.address] = self
        self.good: Buffer | None = None
        self.handles: list[Buffer] = []
        self.locked = False


def memory(address: int, length: int) -> memoryview:
    """For models of hardware: the bytes at an address that a DMA pointer had."""
    storage = _made[address - address % _LARGEST]
    at = address % _LARGEST
    assert at + length <= len(storage.bytes), "the hardware goes beyond the buffer"
    return memoryview(storage.bytes)[at : at + length]


class Buffer:
    """Bytes with one owner: of all handles, only one is good."""

    __slots__ = ("_borrower", "_end", "_lender", "_start", "_storage")

    def __init__(self, size: int) -> None:
        if not 1 <= integer(size) <= _LARGEST:
            raise ValueError("a buffer has 1 to 4096 bytes")
        self._storage = _Storage(size)
        self._storage.good = self._new(None, None)

    def _new(self, lender: "Buffer | None", borrower: object) -> "Buffer":
        handle = self if lender is None else object.__new__(Buffer)
        handle._storage, handle._start, handle._end = self._storage, 0, len(self._storage.bytes)
        handle._lender, handle._borrower = lender, borrower
        self._storage.handles.append(handle)
        return handle

    def _check(self, reading: bool = False) -> None:
        if self is not self._storage.good:
            raise RuntimeError("the buffer was passed on")
        if not reading and self._storage.locked:
            raise RuntimeError("hardware is using the buffer")

    def range_of(self, start: int, length: int, reading: bool = False) -> tuple[int, int]:
        """C's buffer_range(): where in the storage the bytes begin, and how many there are."""
        if not isinstance(self, Buffer):
            raise TypeError("a Buffer is needed")
        self._check(reading)
        start = unsigned(start)
        size = self._end - self._start
        if start > size:
            raise IndexError
        return self._start + start, min(length, size - start)

    def get(self, start: int, length: int, reading: bool = False) -> bytes:
        """For the fakes: some bytes."""
        at, length = self.range_of(start, length, reading)
        return bytes(self._storage.bytes[at : at + length])

    def set(self, start: int, data: bytes) -> int:
        """For the fakes: store some bytes; returns how many fitted."""
        at, length = self.range_of(start, len(data))
        self._storage.bytes[at : at + length] = data[:length]
        return length

    def lock(self, length: int) -> int:
        """C's buffer_lock(): for DMA; returns the address of the first byte."""
        if not isinstance(self, Buffer):
            raise TypeError("a Buffer is needed")
        self._check()
        if not 1 <= truncated(length) <= self._end - self._start:
            raise IndexError
        self._storage.locked = True
        return self._storage.address + self._start

    def unlock(self) -> None:
        """C's buffer_unlock()."""
        self._storage.locked = False

    def is_good(self) -> bool:
        """For tests: whether this handle may be used."""
        return self is self._storage.good and not self._storage.locked

    def move(self, borrower: object) -> "Buffer":
        self._check()
        handles = self._storage.handles
        lent = next((one for one in handles if one._lender is self and one._borrower is borrower), None)
        if lent is None:
            if len(handles) == _MOST_HANDLES:
                raise RuntimeError("the buffer was passed to too many")
            lent = self._new(self, borrower)
        lent._start, lent._end = self._start, self._end
        self._storage.good = lent
        return lent

    def give_back(self) -> "Buffer":
        self._check()
        if self._lender is None:
            raise RuntimeError("the buffer has no other owner")
        self._storage.good = self._lender
        return self._lender

    def window(self, start: int, end: int) -> None:
        self._check()
        first, last = 0, len(self._storage.bytes)
        if self._lender is not None:
            first, last = self._lender._start, self._lender._end
        if not 0 <= integer(start) <= integer(end) <= last - first:
            raise IndexError
        self._start, self._end = first + start, first + end

    def copy(self, to: int, source: "Buffer | bytes", start: int, length: int) -> int:
        length = truncated(length)
        if isinstance(source, bytes):
            if unsigned(start) > len(source):
                raise IndexError
            data = source[start : start + length]
        else:
            data = Buffer.get(source, start, length, reading=True)
        return self.set(to, data)

    def __len__(self) -> int:
        self._check()
        return self._end - self._start

    def __getitem__(self, index: int) -> int:
        at, length = self.range_of(index, 1)
        if length == 0:
            raise IndexError
        return self._storage.bytes[at]

    def __setitem__(self, index: int, value: int) -> None:
        at, length = self.range_of(index, 1)
        if length == 0:
            raise IndexError
        self._storage.bytes[at] = truncated(value) & 0xFF
