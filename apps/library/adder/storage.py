"""Storage that keeps its contents without power (driver 0x50001, permission "nonvolatile_storage"): bytes at offsets.

All bytes are 0xFF at first. With the setting `storage = { write_id = 7 }` the app's bytes are its own; without, it shares them
with all apps that have no such setting. `read` and `write` block. A write of up to 512 bytes is atomic, should the power be cut.
"""

import syscall
from adder import upcall

_DRIVER = const(0x50001)
_READ = const(2)
_WRITE = const(3)


def size() -> int:
    """Bytes that there are. Raises SyscallError NODEVICE without storage or permission, NOMEM if it is all given away."""
    return syscall.command(_DRIVER, 1)


def _finish(requests, allow):
    # However often Ctrl-C is pressed: a file system (syscall.Blocks) asks the same driver, and would take the answer for its own.
    # It takes a buffer that is lent as the sign that a request is under way.
    while True:
        try:
            while requests._asked is not None:
                syscall.yield_wait()
            return allow(_DRIVER, 0, None)
        except KeyboardInterrupt:
            pass


def _transfer(command, allow, offset, data):
    # The kernel moves a part at a time: the upcall says how much.
    requests = upcall.requests(_DRIVER, 0, 1)
    view = syscall.bytes_of(data)
    syscall.natural(offset)
    at = 0
    while at < len(view):
        try:
            moved = requests.ask(command, offset + at, len(view) - at, allow, view[at:])[0]
        except BaseException:
            _finish(requests, allow)
            raise
        if moved == 0:
            raise syscall.SyscallError(syscall.FAIL, "the flash has failed")
        at += moved
    return at


def read(offset: int, count: int) -> bytes:
    """So many bytes from `offset`. Raises SyscallError INVAL if they are not all there."""
    data = bytearray(syscall.natural(count) + 1)
    _transfer(_READ, syscall.allow_rw, offset, memoryview(data)[:count])
    return syscall.take_bytes(data)


def write(offset: int, data: bytes) -> int:
    """Write the bytes of `data` at `offset`; returns how many. `data` has any type with a buffer; str has none.

    Raises SyscallError INVAL if they do not fit, FAIL if the flash has failed.
    """
    return _transfer(_WRITE, syscall.allow_ro, offset, data)
