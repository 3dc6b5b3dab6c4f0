"""True random bytes (driver 0x40001, permission "rng"). For numbers that only look random, MicroPython's `random`.

Who asks gets as many bytes as it asked for, all of them the source's; several tasks may ask at once. Should the source
fail, SyscallError says so. `os.urandom(n)` is `read(n)`.
"""


def read(count: int) -> bytes:
    """So many random bytes; blocks. Raises SyscallError: NODEVICE, or what the source says."""
    ...

async def get(count: int) -> bytes:
    """For `await`: the same."""
    ...
