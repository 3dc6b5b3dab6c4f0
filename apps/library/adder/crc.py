"""Checksums that the kernel computes (driver 0x40002, permission "crc"); other tasks run meanwhile.

    from adder import crc
    print(hex(crc.compute(b"123456789")))  # 0xcbf43926
"""

import syscall
from adder import upcall

CRC_32 = const(0)
CRC_32C = const(1)
CRC_16_CCITT = const(2)

_DRIVER = const(0x40002)
_COMPUTE = const(1)


def _driver():
    return upcall.requests(_DRIVER, 0)


def _lend(driver, _, data):
    syscall.allow_ro(driver, 0, data)


def compute(data: bytes, kind: int = CRC_32) -> int:
    """The checksum of the bytes of `data`; blocks. `data` has any type with a buffer. Raises SyscallError SIZE if it is empty."""
    view = syscall.bytes_of(data)
    return upcall.checked(_driver().ask(_COMPUTE, syscall.natural(kind), len(view), _lend, view))[0]


async def get(data: bytes, kind: int = CRC_32) -> int:
    """For `await`: the same."""
    view = syscall.bytes_of(data)
    return upcall.checked(await _driver().get(_COMPUTE, syscall.natural(kind), len(view), _lend, view))[0]
