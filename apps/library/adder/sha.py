"""Hashes that the kernel computes: SHA-256 (driver 0x40005, permission "sha"); other tasks run meanwhile.

    from adder import sha
    digest = sha.compute(b"abc")

MicroPython's `hashlib` computes in the app's own time, piece by piece.
"""

import syscall
from adder import upcall

_DRIVER = const(0x40005)
_HASH = const(2)
_SIZE = const(32)


def _driver():
    return upcall.requests(_DRIVER, 0)


def _lend(driver, _, lent):
    data, into = lent or (None, None)
    syscall.allow_ro(driver, 0, data)
    syscall.allow_rw(driver, 0, into)


def compute(data: bytes) -> bytes:
    """The hash of the bytes of `data`, 32 bytes; blocks. `data` has any type with a buffer."""
    into = bytearray(_SIZE)
    upcall.checked(_driver().ask(_HASH, 0, 0, _lend, (syscall.bytes_of(data), into)))
    return bytes(into)


async def get(data: bytes) -> bytes:
    """For `await`: the same."""
    into = bytearray(_SIZE)
    upcall.checked(await _driver().get(_HASH, 0, 0, _lend, (syscall.bytes_of(data), into)))
    return bytes(into)
