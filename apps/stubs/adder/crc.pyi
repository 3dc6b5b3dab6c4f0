"""Checksums that the kernel computes (driver 0x40002, permission "crc"); other tasks run meanwhile.

    from adder import crc
    print(hex(crc.compute(b"123456789")))  # 0xcbf43926
"""

CRC_32: int
CRC_32C: int
CRC_16_CCITT: int

def compute(data: bytes, kind: int = CRC_32) -> int:
    """The checksum of the bytes of `data`; blocks. `data` has any type with a buffer. Raises SyscallError SIZE if it is empty."""
    ...

async def get(data: bytes, kind: int = CRC_32) -> int:
    """For `await`: the same."""
    ...
