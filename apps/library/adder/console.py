"""The console beyond `print` and `input` (driver 0x1): raw bytes, and lines for `await`."""

import sys


def write(data):
    """Write bytes as they are; `print` turns line ends into CR LF."""
    sys.stdout.buffer.write(data)


def read(count):
    """Read exactly so many bytes; blocks."""
    return sys.stdin.buffer.read(count)


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
