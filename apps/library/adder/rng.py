"""True random bytes (driver 0x40001, permission "rng"). For numbers that only look random, MicroPython's `random`.

Who asks gets as many bytes as it asked for, all of them the source's; several tasks may ask at once. Should the source
fail, SyscallError says so. `os.urandom(n)` is `read(n)`.
"""

import syscall
from adder import upcall

_DRIVER = const(0x40001)
_GET = const(1)


def _source():
    return upcall.requests(_DRIVER, 0)


def _put(view, at, answer):
    # A source may give fewer at a time, but none is an error.
    length = upcall.checked(answer)[0]
    if not 0 < length <= len(view) - at:
        raise syscall.SyscallError(syscall.FAIL, "the source gave no bytes")
    return at + length


def read(count: int) -> bytes:
    """So many random bytes; blocks. Raises SyscallError: NODEVICE, or what the source says."""
    data = bytearray(syscall.natural(count) + 1)
    view = memoryview(data)[:count]
    at = 0
    while at < count:
        at = _put(view, at, _source().ask(_GET, count - at, 0, syscall.allow_rw, view[at:]))
    return syscall.take_bytes(data)


async def get(count: int) -> bytes:
    """For `await`: the same."""
    data = bytearray(syscall.natural(count) + 1)
    view = memoryview(data)[:count]
    at = 0
    while at < count:
        at = _put(view, at, await _source().get(_GET, count - at, 0, syscall.allow_rw, view[at:]))
    return syscall.take_bytes(data)
