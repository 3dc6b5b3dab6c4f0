"""An I2C bus, as its master (driver 0x20003, permission "i2c"). Addresses have 7 bits.

    from adder import i2c
    print(i2c.scan())  # [80]
    i2c.write(0x50, bytes([0x10, 0x20]))
    data = i2c.write_read(0x50, bytes([0x10]), 2)  # a register's number, then what is in it

A transfer has at most 64 bytes each way. What goes wrong raises SyscallError: NOACK if nobody has the address or the device
refused a byte, FAIL if the bus hangs, RESERVE if the kernel has the device for itself, SIZE if there are too many bytes.
"""

import syscall
from adder import upcall

_DRIVER = const(0x20003)
_WRITE = const(1)
_READ = const(2)
_WRITE_READ = const(3)
_BUFFER = const(1)
_FIRST = const(0x08)  # the others have a meaning of their own
_LAST = const(0x77)


def _bus():
    return upcall.requests(_DRIVER, 0)


def _lend(driver, _, buffer):
    syscall.allow_rw(driver, _BUFFER, buffer)


def _filled(data, count):
    # One buffer both ways; lent empty, it would be none.
    view = syscall.bytes_of(data)
    buffer = bytearray(max(len(view), syscall.natural(count), 1))
    buffer[: len(view)] = view
    return buffer, len(view)


def write(address: int, data: bytes) -> None:
    """Send the bytes of `data`; blocks. `data` has any type with a buffer."""
    buffer, length = _filled(data, 0)
    upcall.checked(_bus().ask(_WRITE, syscall.natural(address), length, _lend, buffer))


def read(address: int, count: int) -> bytes:
    """So many bytes from the device; blocks."""
    buffer = bytearray(syscall.natural(count) or 1)
    upcall.checked(_bus().ask(_READ, syscall.natural(address), count, _lend, buffer))
    return bytes(buffer[:count])


def write_read(address: int, data: bytes, count: int) -> bytes:
    """Send the bytes of `data`, then read so many, without leaving the bus in between; blocks."""
    buffer, length = _filled(data, count)
    upcall.checked(_bus().ask(_WRITE_READ, _both(address, length), count, _lend, buffer))
    return bytes(buffer[:count])


def _both(address, length):
    if syscall.natural(address) > 0x7F or length > 0xFFFF:
        raise syscall.SyscallError(syscall.INVAL, "an address has 7 bits, and a transfer 64 bytes at the most")
    return address | length << 8


async def send(address: int, data: bytes) -> None:
    """For `await`: as write()."""
    buffer, length = _filled(data, 0)
    upcall.checked(await _bus().get(_WRITE, syscall.natural(address), length, _lend, buffer))


async def get(address: int, count: int) -> bytes:
    """For `await`: as read()."""
    buffer = bytearray(syscall.natural(count) or 1)
    upcall.checked(await _bus().get(_READ, syscall.natural(address), count, _lend, buffer))
    return bytes(buffer[:count])


async def send_get(address: int, data: bytes, count: int) -> bytes:
    """For `await`: as write_read()."""
    buffer, length = _filled(data, count)
    upcall.checked(await _bus().get(_WRITE_READ, _both(address, length), count, _lend, buffer))
    return bytes(buffer[:count])


def scan() -> list[int]:
    """The addresses at which a device lets itself be read, but for those that the kernel has for itself; blocks."""
    found = []
    for address in range(_FIRST, _LAST + 1):
        try:
            read(address, 1)
        except syscall.SyscallError as error:
            if error.errno not in (syscall.NOACK, syscall.RESERVE):
                raise
        else:
            found.append(address)
    return found
