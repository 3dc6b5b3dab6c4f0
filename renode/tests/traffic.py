"""For the robot tests: what goes over the UART, and whether all of it has come out."""

import re
from pathlib import Path

BLOCK = 64
LAST = b"9" * (BLOCK - 1) + b"\n"


def make_blocks(path: str, size: str) -> int:
    """So many bytes of blocks with their numbers, for the app `sink`; returns how many blocks."""
    count = int(size) // BLOCK
    Path(path).write_bytes(b"".join(b"%063d\n" % i for i in range(count - 1)) + LAST)
    return count


def check_chatter(path: str, names: list[str], least: str) -> str:
    """All that the apps `chatter` have printed must be there, whole and in order; says how much it was.

    AssertionError if not, or if it is less than `least` bytes.
    """
    text = Path(path).read_text(errors="replace")
    lines = re.findall(r"^(?:\S+: )?(.*?)\r?$", text, re.MULTILINE)
    assert lines
    seen = dict.fromkeys(names, 0)
    size = 0
    for name, line in re.findall(r"^(chatter-\d): (.*?)\r?$", text, re.MULTILINE)[:-8]:
        number = seen[name]
        expected = f"line {number:06} {'-'.join(str(number + i) for i in range(6))}."
        assert line == expected, f"{name}: {line!r} instead of {expected!r}"
        seen[name] += 1
        size += len(line)
    assert min(seen.values()) > 0, seen
    assert size >= int(least), f"only {size} bytes"
    return f"{size} bytes, lines: {seen}"
