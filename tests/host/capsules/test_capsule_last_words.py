"""capsules/virtual/last_words.py, and what `adder logs` and `adder why` make of it."""

import random

from cells import Buffer

from adder.deploy.words import lives, with_source
from capsules.virtual.last_words import LastWords

RING = 64


def words() -> LastWords:
    return LastWords(Buffer(4 * RING), 4)


class View:
    """What a process allows for reading."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        return buffer.set(start, self._text[offset : offset + length])


def say(made: LastWords, slot: int, text: bytes, life: int = 1) -> None:
    made.said(slot, life, View(text), len(text))


def read(made: LastWords, slot: int, since: int = 0, at_once: int = 60) -> bytes:
    found, buffer = b"", Buffer(64)
    while True:
        since = made.oldest(slot, since)
        count = made.read(slot, since, buffer, at_once)
        if not count:
            return found
        found += buffer.get(0, count)
        since = since + count & 0xFFFFFF


def test_the_last_bytes_of_each_process_are_there_whatever_was_before_and_whoever_reads() -> None:
    dice = random.Random(3)
    made, expected = words(), [b"", b"", b"", b""]
    for _ in range(500):
        slot = dice.randrange(4)
        text = dice.randbytes(dice.randrange(1, 33))
        if not expected[slot]:
            expected[slot] = b"\0"
        say(made, slot, text)
        expected[slot] += text
        assert read(made, slot, at_once=dice.choice((1, 7, 60))) == expected[slot][-RING:]
        since = max(len(expected[slot]) - dice.randrange(RING), 0)
        assert read(made, slot, since) == expected[slot][max(since, len(expected[slot]) - RING) :]
    assert read(made, 4) == read(made, -1) == b""


def test_lives_and_why_they_ended_are_told_apart() -> None:
    made = words()
    say(made, 1, b"first\r\n")
    made.mark(1)
    for number in (0x82, 0, 0x20000000, 0):
        made.number(1, number)
    made.end(1)
    say(made, 1, b"second", life=2)
    found = lives(read(made, 1))
    assert [(life.text, life.end) for life in found] == [
        ("first\n", (0x82, 0, 0x20000000, 0)),
        ("second", None),
    ]
    assert "memory that is not its own at 0x20000000" in found[0].why()
    assert found[1].why() == "It has not ended."
    assert lives(b"\0a\1junk\nb\0\0")[0].end is None


def test_a_traceback_has_the_lines_of_its_source(tmp_path) -> None:
    (tmp_path / "blink.py").write_text("import led\n\nled.on(9)\n")
    text = 'At:\n  File "blink.py", line 3, in <module>\n  File "../blink.py", line 1\n  File "x.py", line 1\nEnd'
    assert list(with_source(text, tmp_path)) == [
        "At:",
        '  File "blink.py", line 3, in <module>',
        "    led.on(9)",
        '  File "../blink.py", line 1',
        '  File "x.py", line 1',
        "End",
    ]
