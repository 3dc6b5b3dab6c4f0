"""True random bytes (driver 0x40001). For numbers that only look random, MicroPython's `random`."""

import syscall
from adder import upcall

_DRIVER = const(0x40001)
_ready = None


def _get(count):
    global _ready
    if _ready is None:
        _ready = upcall.Upcall(_DRIVER, 0)
    buffer = bytearray(count)
    syscall.allow_rw(_DRIVER, 0, buffer)
    waiter = _ready.expect()
    upcall.command(_DRIVER, 1, count, waiter=waiter)
    return buffer, waiter


def _give(buffer, arguments):
    syscall.allow_rw(_DRIVER, 0, None)
    upcall.checked(arguments)
    return bytes(buffer)


def read(count):
    """So many random bytes; blocks."""
    buffer, waiter = _get(count)
    return _give(buffer, waiter.wait())


async def get(count):
    """For `await`: the same."""
    buffer, waiter = _get(count)
    return _give(buffer, await waiter.arrive())
