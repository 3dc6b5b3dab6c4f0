"""Storage that keeps its contents without power (driver 0x50001, permission "nonvolatile_storage"): bytes at offsets.

All bytes are 0xFF at first. With the setting `storage = { write_id = 7 }` the app's bytes are its own; without, it shares them
with all apps that have no such setting. `read` and `write` block. A write of up to 512 bytes is atomic, should the power be cut.
"""


def size() -> int:
    """Bytes that there are. Raises SyscallError NODEVICE without storage or permission, NOMEM if it is all given away."""
    ...

def read(offset: int, count: int) -> bytes:
    """So many bytes from `offset`. Raises SyscallError INVAL if they are not all there."""
    ...

def write(offset: int, data: bytes) -> int:
    """Write the bytes of `data` at `offset`; returns how many. `data` has any type with a buffer; str has none.

    Raises SyscallError INVAL if they do not fit, FAIL if the flash has failed.
    """
    ...
