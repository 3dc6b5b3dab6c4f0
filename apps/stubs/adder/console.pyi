"""The console beyond `print` and `input` (driver 0x1, permission "console"): raw bytes, and lines for `await`."""


def write(data: bytes) -> None:
    """Write bytes as they are; `print` turns line ends into CR LF. `data` has any type with a buffer."""
    ...

def read(count: int) -> bytes:
    """Read exactly so many bytes, as they come, many at a time; blocks."""
    ...

async def read_line() -> str:
    """For `await`: the next line that is typed, with neither echo nor line end (LF, CR, or both).

    Tasks that ask at once get a line each, in turn. What a cancelled one has seen of a line is the next one's; Ctrl-C drops it.
    """
    ...
