"""An I2C bus, as its master (driver 0x20003, permission "i2c"). Addresses have 7 bits.

    from adder import i2c
    print(i2c.scan())  # [80]
    i2c.write(0x50, bytes([0x10, 0x20]))
    data = i2c.write_read(0x50, bytes([0x10]), 2)  # a register's number, then what is in it

A transfer has at most 64 bytes each way. What goes wrong raises SyscallError: NOACK if nobody has the address or the device
refused a byte, FAIL if the bus hangs, RESERVE if the kernel has the device for itself, SIZE if there are too many bytes.
"""


def write(address: int, data: bytes) -> None:
    """Send the bytes of `data`; blocks. `data` has any type with a buffer."""
    ...

def read(address: int, count: int) -> bytes:
    """So many bytes from the device; blocks."""
    ...

def write_read(address: int, data: bytes, count: int) -> bytes:
    """Send the bytes of `data`, then read so many, without leaving the bus in between; blocks."""
    ...

async def send(address: int, data: bytes) -> None:
    """For `await`: as write()."""
    ...

async def get(address: int, count: int) -> bytes:
    """For `await`: as read()."""
    ...

async def send_get(address: int, data: bytes, count: int) -> bytes:
    """For `await`: as write_read()."""
    ...

def scan() -> list[int]:
    """The addresses at which a device lets itself be read, but for those that the kernel has for itself; blocks."""
    ...
