"""Hashes that the kernel computes: SHA-256 (driver 0x40005, permission "sha"); other tasks run meanwhile.

    from adder import sha
    digest = sha.compute(b"abc")

MicroPython's `hashlib` computes in the app's own time, piece by piece.
"""


def compute(data: bytes) -> bytes:
    """The hash of the bytes of `data`, 32 bytes; blocks. `data` has any type with a buffer."""
    ...

async def get(data: bytes) -> bytes:
    """For `await`: the same."""
    ...
