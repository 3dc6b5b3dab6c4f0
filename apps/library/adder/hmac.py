"""Codes that authenticate messages: HMAC with SHA-256, computed by the kernel (driver 0x40003, permission "hmac").

    from adder import hmac
    code = hmac.compute(key, message)
"""

import syscall
from adder import upcall

_DRIVER = const(0x40003)
_RUN = const(1)
_SIZE = const(32)


def _driver():
    return upcall.requests(_DRIVER, 0)


def _lend(driver, _, lent):
    key, data, into = lent or (None, None, None)
    syscall.allow_ro(driver, 0, key)
    syscall.allow_ro(driver, 1, data)
    syscall.allow_rw(driver, 2, into)


def _lent(key, data):
    return syscall.bytes_of(key), syscall.bytes_of(data), bytearray(_SIZE)


def compute(key: bytes, data: bytes) -> bytes:
    """The code of the bytes of `data`, 32 bytes; blocks. Both have any type with a buffer."""
    lent = _lent(key, data)
    upcall.checked(_driver().ask(_RUN, 0, 0, _lend, lent))
    return bytes(lent[2])


async def get(key: bytes, data: bytes) -> bytes:
    """For `await`: the same."""
    lent = _lent(key, data)
    upcall.checked(await _driver().get(_RUN, 0, 0, _lend, lent))
    return bytes(lent[2])
