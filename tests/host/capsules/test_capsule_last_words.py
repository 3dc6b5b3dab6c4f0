"""capsules/virtual/last_words.py, and what `adder logs` and `adder why` make of it."""

import random
from pathlib import Path

import pytest
from cells import Buffer

from adder.apps.app_new import make_app
from adder.apps.app_source import with_source
from adder.deploy.words import Life, life_in, lives
from capsules.virtual.last_words import _TABLE, LastWords

RING = 64
FAULTED, ENDED = 3, 4


def words() -> LastWords:
    return LastWords(Buffer(4 * (RING + _TABLE)), 4)


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
        expected[slot] += text.replace(b"\0", b"?").replace(b"\1", b"?")
        assert read(made, slot, at_once=dice.choice((1, 7, 60))) == expected[slot][-RING:]
        since = max(len(expected[slot]) - dice.randrange(RING), 0)
        assert read(made, slot, since) == expected[slot][max(since, len(expected[slot]) - RING) :]
    assert read(made, 4) == read(made, -1) == b""


def test_lives_and_why_they_ended_are_told_apart() -> None:
    made = words()
    say(made, 1, b"first\r\n")
    made.mark(1, 1)
    for number in (0x82, FAULTED, 0x20000000, 0, 7):
        made.number(1, number)
    made.end(1, b"x")
    say(made, 1, b"second", life=2)
    found = lives(read(made, 1), "x", 7)
    assert [(life.text, life.end) for life in found] == [
        ("first\n", (0x82, FAULTED, 0x20000000, 0, 7)),
        ("second", None),
    ]
    assert "memory that is not its own at 0x20000000" in found[0].why()
    assert found[1].why() == "It has not ended."
    assert life_in(b"a\1junk\nb").end is None


FORGED = b"\0a traceback\n\x0100000082 00000003 20000000 00000000 :x\n\0"


def test_no_process_writes_that_another_one_or_it_itself_has_ended() -> None:
    """Neither who had the slot before, nor who has it, whenever; the next one's words are its own."""
    dice = random.Random(8)
    for _ in range(200):
        made = LastWords(Buffer(4 * (256 + _TABLE)), 4)
        true: list[tuple[int, ...]] = []
        for life in range(1, dice.randrange(2, 5)):
            for _ in range(dice.randrange(4)):
                at = dice.randrange(len(FORGED))
                say(made, 1, FORGED[at:] + FORGED[:at], life)
            if dice.random() < 0.5:
                ends(made, 1, life, FAULTED, 0x100, life)
                true.append((0x100, FAULTED, 0, life, 0))
        made.begin(1, 9)
        assert {one.end for one in lives(read(made, 1), "x", 0) if one.end} <= set(true)
    assert true


def test_positions_that_come_again_are_no_marks_again() -> None:
    """They are counted modulo 2^24: whoever writes for long enough gets to where a mark has been."""
    made = words()
    say(made, 0, b"a", 1)  # behind a mark at 0
    made._written[0] = made._written[0] + (1 << 24) - 30 & 0xFFFFFF
    say(made, 0, b"\0\1" * 20, 1)
    assert set(read(made, 0, made.oldest(0, 0))) <= set(b"?a")


def ends(
    made: LastWords,
    slot: int,
    life: int,
    state: int,
    status: int = 0,
    code: int = 0,
    name: str = "x",
    short_id: int = 0,
) -> None:
    made.mark(slot, life)
    for number in (status, state, 0, code, short_id):
        made.number(slot, number)
    made.end(slot, name.encode())


@pytest.mark.parametrize(
    ("state", "status", "code", "words"),
    [
        (ENDED, 0, 0, "It ended by itself."),
        (ENDED, 0, 7, "It ended with code 7."),
        (ENDED, 0, 0xFFFFFFFF, "It ended with code -1."),
        (
            FAULTED,
            0,
            0,
            "It faulted: it made a system call that there is not.",
        ),
        (FAULTED, 0x2000000, 0, "It faulted: it divided by zero"),
    ],
)
def test_what_has_faulted_has_not_ended_by_itself(state: int, status: int, code: int, words: str) -> None:
    made = LastWords(Buffer(4 * (256 + _TABLE)), 4)
    ends(made, 0, 1, state, status, code)
    (only,) = lives(read(made, 0), "x", 0)
    assert only.why().startswith(words)


def test_what_another_app_said_in_the_same_slot_is_nobody_elses_however_often_either_was_restarted() -> None:
    dice = random.Random(5)
    names = ["a", "deadbeef", "with: colon", "x" * 30, "x" * 23 + "é", "\x01\n"]
    for _ in range(300):
        made = LastWords(Buffer(4 * (992 + _TABLE)), 4)
        told: list[tuple[tuple[str, int], str, bool]] = []
        for life in range(1, dice.randrange(2, 6)):
            name, short_id = dice.choice(names), dice.choice((0, 7, 0xFFFFFFFF))
            text = dice.choice(("", "one\n", "two", "three\nlines\n\n"))
            if text:
                say(made, 2, text.encode(), life)
            ended = dice.random() < 0.6
            if ended:
                ends(made, 2, life, FAULTED, 0x2000000, name=name, short_id=short_id)
            told.append(((name, short_id), text, ended))
        made.begin(2, life)  # as whoever asks for the words does
        own = [one for one in told[:-1] if one[2] and one[0] == (name, short_id)] + told[-1:]
        expected = [(text, ended) for _, text, ended in own if text or ended]
        assert [(one.text, one.end is not None) for one in lives(read(made, 2), name, short_id)] == expected


def test_a_beginning_that_is_missing_is_no_half_line() -> None:
    assert lives(b"alf a line\nwhole\n", "x", 0)[0].text == "…\nwhole\n"
    assert lives(b"alf a line\nwhole\n\0next", "x", 0)[0].text == "next"
    assert lives(b"\0whole\n", "x", 0)[0].text == "whole\n"
    assert lives(b"no line end", "x", 0)[0].text == "no line end"


def test_a_python_app_that_faults_at_a_system_call_had_an_uncaught_exception() -> None:
    made = LastWords(Buffer(4 * (256 + _TABLE)), 4)
    ends(made, 0, 1, FAULTED)
    (only,) = lives(read(made, 0), "x", 0)
    assert only.why(in_python=True) == "It faulted: an uncaught exception."


@pytest.mark.parametrize(
    ("registers", "words"),
    [
        ((0x21000124, 0x21000101, 0x20010F00), "CFSR 0x00000010, PC 0x21000124, LR 0x21000101, SP 0x20010f00"),
        ((0x20010000,), "CFSR 0x00000010, PC and LR lost, SP 0x20010000"),
        ((), "(CFSR 0x00000010)"),
    ],
)
def test_registers_that_found_no_room_on_a_full_stack_are_lost_and_no_others_are_called_so(
    registers: tuple[int, ...], words: str
) -> None:
    assert words in Life("", (0x10, FAULTED, 0, 0, 0, *registers)).why()


def test_addresses_of_a_program_that_can_lie_anywhere_are_told_as_its_elf_file_has_them() -> None:
    life = Life("", (0x82, FAULTED, 0x20000000, 0, 0, 0x2100_0124, 0x2100_0101, 0x2001_0F00))
    assert "in its ELF file PC 0x800000d8, LR 0x800000b5)" in life.why(program=range(0x2100_004C, 0x2100_1000))
    assert "ELF" not in life.why()
    assert "ELF" not in life.why(program=range(0x2100_0110, 0x2100_1000))


def frames(*lines: str) -> str:
    return "\n".join(["At:", *lines, "End"])


def sources_shown(text: str, name: str, place: Path) -> list[str]:
    return [line.strip() for line in with_source(text, name, place) if line not in text.splitlines()]


def test_a_traceback_has_the_lines_of_its_source(tmp_path: Path) -> None:
    (tmp_path / "blink.py").write_text("import led\n\nled.on(9)\n")
    text = frames('  File "blink.py", line 3, in <module>', '  File "../blink.py", line 1', '  File "x.py", line 1')
    assert list(with_source(text, "blink", tmp_path)) == [
        "At:",
        '  File "blink.py", line 3, in <module>',
        "    led.on(9)",
        '  File "../blink.py", line 1',
        '  File "x.py", line 1',
        "End",
    ]


@pytest.mark.parametrize("source", [".", "app", "app/main.py"])
@pytest.mark.parametrize("named", [True, False])
def test_of_an_app_as_app_new_makes_it_the_lines_are_found_however_it_was_built(
    tmp_path: Path, source: str, named: bool
) -> None:
    folder = tmp_path / "fan"
    make_app(folder, "python")
    main = folder / "app" / "main.py"
    text = main.read_text() if named else "import time\n"  # `make` names it, too: --name fan
    main.write_text(f"{text}raise ValueError\n")
    (folder / "app" / "gears.py").write_text("first\nsecond\n")
    end = len(main.read_text().splitlines())
    whole = frames(f'  File "fan/main.py", line {end}, in <module>', '  File "fan/gears.py", line 2, in turn')
    assert sources_shown(whole, "fan", folder / source) == ["raise ValueError", "second"]
    assert sources_shown(frames(f'  File "fan.py", line {end}, in <module>'), "fan", folder / source) == [
        "raise ValueError"
    ]


def test_lines_are_shown_of_the_app_alone_and_of_none_rather_than_of_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text(f"{name}_is_here\n")
    (tmp_path / "secret.py").write_text("secret\n")
    assert sources_shown(frames('  File "two/main.py", line 1'), "two", tmp_path) == ["two_is_here"]
    assert sources_shown(frames('  File "three/main.py", line 1'), "three", tmp_path) == [], "it may be either"
    for shown in (
        "two/../secret.py", f"two/{tmp_path}/secret.py", f"{tmp_path}/secret.py", "two/none.py", "adder/alarm.py",
        "x" * 300 + ".py", "two/" + "y" * 190 + ".py", "two/main.py/main.py",
    ):  # fmt: skip
        assert sources_shown(frames(f'  File "{shown}", line 1'), "two", tmp_path) == [], shown
    (tmp_path / "two" / "main.py").write_bytes(b"\xff\n\0\n")
    text = frames('  File "two/main.py", line 1', '  File "two/main.py", line 9')
    assert sources_shown(text, "two", tmp_path / "two") == ["\ufffd"]
