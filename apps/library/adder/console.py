"""The console beyond `print` and `input` (driver 0x1, permission "console"): raw bytes, and lines for `await`."""

import sys
from syscall import natural

_line = bytearray()  # what has been typed of the line that a task waits for
_turn = None


def write(data: bytes) -> None:
    """Write bytes as they are; `print` turns line ends into CR LF. `data` has any type with a buffer."""
    sys.stdout.buffer.write(data)


def read(count: int) -> bytes:
    """Read exactly so many bytes, as they come, many at a time; blocks."""
    return sys.stdin.buffer.read(natural(count))


async def read_line() -> str:
    """For `await`: the next line that is typed, with neither echo nor line end (LF, CR, or both).

    Tasks that ask at once get a line each, in turn. What a cancelled one has seen of a line is the next one's.
    """
    global _turn
    import asyncio

    if _turn is None:
        _turn = asyncio.Lock()
    stream = asyncio.StreamReader(sys.stdin)
    async with _turn:
        while True:
            character = await stream.read(1)
            if character == "\n":
                line = _line.decode()
                _line[:] = b""
                return line
            _line.extend(character.encode())
