"""The console beyond `print` and `input` (driver 0x1, permission "console"): raw bytes, and lines for `await`."""

import sys
from syscall import natural

_typed = None
_turn = None


def write(data: bytes) -> None:
    """Write bytes as they are; `print` turns line ends into CR LF. `data` has any type with a buffer."""
    sys.stdout.buffer.write(data)


def read(count: int) -> bytes:
    """Read exactly so many bytes, as they come, many at a time; blocks."""
    return sys.stdin.buffer.read(natural(count))


async def read_line() -> str:
    """For `await`: the next line that is typed, with neither echo nor line end (LF, CR, or both).

    Tasks that ask at once get a line each, in turn. What a cancelled one has seen of a line is the next one's; Ctrl-C drops it.
    """
    global _turn, _typed
    import asyncio

    if _turn is None:
        _turn = asyncio.Lock()
        _typed = asyncio.StreamReader(sys.stdin)
    async with _turn:
        return (await _typed.readline())[:-1]
