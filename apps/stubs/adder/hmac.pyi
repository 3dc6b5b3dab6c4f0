"""Codes that authenticate messages: HMAC with SHA-256, computed by the kernel (driver 0x40003, permission "hmac").

    from adder import hmac
    code = hmac.compute(key, message)
"""


def compute(key: bytes, data: bytes) -> bytes:
    """The code of the bytes of `data`, 32 bytes; blocks. Both have any type with a buffer."""
    ...

async def get(key: bytes, data: bytes) -> bytes:
    """For `await`: the same."""
    ...
