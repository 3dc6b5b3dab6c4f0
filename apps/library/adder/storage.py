"""Storage that keeps its contents without power (driver 0x50001): bytes at offsets.

Each write id has bytes of its own, all 0xFF at first: the app's settings must have `storage = { write_id = 7 }`.
`read` and `write` block. A write of up to 512 bytes is atomic, should the power be cut.
"""

import syscall
from adder import upcall

_DRIVER = const(0x50001)
_READ = const(2)
_WRITE = const(3)
_done = {}


def size():
    """Bytes that there are."""
    return syscall.command(_DRIVER, 1)


def _transfer(number, offset, view):
    # The kernel moves a part at a time: the upcall says how much.
    allow = syscall.allow_rw if number == _READ else syscall.allow_ro
    if number not in _done:
        _done[number] = upcall.Upcall(_DRIVER, number - _READ)
    at = 0
    while at < len(view):
        allow(_DRIVER, 0, view[at:])
        waiter = _done[number].expect()
        upcall.command(_DRIVER, number, offset + at, len(view) - at, waiter=waiter)
        moved = waiter.wait()[0]
        if moved == 0:
            break
        at += moved
    allow(_DRIVER, 0, None)
    return at


def read(offset, count):
    """So many bytes from `offset`."""
    data = bytearray(count)
    moved = _transfer(_READ, offset, memoryview(data))
    return bytes(data if moved == count else data[:moved])


def write(offset, data):
    """Write the bytes at `offset`; returns how many were written."""
    return _transfer(_WRITE, offset, memoryview(data))
