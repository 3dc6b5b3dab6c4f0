"""For uart.robot: what goes over the line, and whether all of it has come out."""

import re
from pathlib import Path

BLOCK = 64


APPS = Path(__file__).parent / "apps"


def make_chatter(folder: str, number: str) -> str:
    """The source of the app `chatter` under another name; returns its path without the suffix."""
    path = Path(folder) / f"chatter-{number}"
    path.with_suffix(".py").write_text((APPS / "chatter.py").read_text().replace("chatter-0", path.name))
    return str(path)


def make_blocks(path: str, size: str) -> int:
    """So many bytes of blocks with their numbers, for the app `sink`; returns how many there are before the last."""
    count = int(size) // BLOCK
    blocks = [b"%063d\n" % i for i in range(count - 1)]
    Path(path).write_bytes(b"".join(blocks) + b"end".ljust(BLOCK))
    return count - 1


def check_traffic(path: str, blocks: int, printers: str) -> str:
    """The app `sink` must have found nothing wrong, and all that the apps `chatter` have printed must be there, in order.

    AssertionError if not. Says how many bytes came out, and how many lines.
    """
    text = Path(path).read_bytes().decode(errors="replace")
    found = re.findall(r"sink: end after (\d+) blocks, (\d+) wrong\r?\n", text)
    assert found == [(str(blocks), "0")], found
    assert "failed in" not in text, "a capsule has failed"
    counts: dict[str, int] = {}
    for name, number, rest in re.findall(r"(chatter-\d) (\d{6}) ([-0-9]+)\.\r?\n", text):
        assert int(number) == counts.get(name, 0), f"{name}: line {counts.get(name, 0)} is not there"
        assert rest == "-".join(str(int(number) + i) for i in range(6)), f"{name}: {number} {rest}"
        counts[name] = int(number) + 1
    assert len(counts) == int(printers), counts
    return f"{len(text)} bytes, {sum(counts.values())} lines of {min(counts.values())} to {max(counts.values())} each app"
