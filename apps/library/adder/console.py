"""The console beyond `print` and `input` (driver 0x1): raw bytes, and lines for `await`."""

import sys

import syscall

_DRIVER = const(0x1)
_READ = const(2)  # the command and its upcall
_BUFFER = const(1)
_LONGEST = const(64)  # bytes that the driver reads at a time


def write(data):
    """Write bytes as they are; `print` turns line ends into CR LF."""
    sys.stdout.buffer.write(data)


def read(count):
    """Read exactly so many bytes; blocks."""
    data = bytearray(count)
    view = memoryview(data)
    at = 0
    alone = False  # `input`, or a task, may have begun to read a byte: that comes first
    while at < count:
        if alone:
            length = min(count - at, _LONGEST)
            syscall.allow_rw(_DRIVER, _BUFFER, view[at : at + length])
            try:
                syscall.command(_DRIVER, _READ, length)
            except syscall.SyscallError as error:
                if error.args[0] != syscall.BUSY:
                    raise
                alone = False
            else:
                at += syscall.yield_wait_for(_DRIVER, _READ)[1]
        else:
            data[at] = sys.stdin.buffer.read(1)[0]
            at += 1
            alone = True
    syscall.allow_rw(_DRIVER, _BUFFER, None)
    return bytes(data)


async def read_line():
    """For `await`: the next line that is typed, as text, with neither echo nor line end."""
    import asyncio

    line = ""
    stream = asyncio.StreamReader(sys.stdin)
    while True:
        character = await stream.read(1)
        if character == "\n":
            return line
        line += character
