"""Whatever a board says on its line, the tools say a sentence: no traceback, nothing that a terminal obeys, an end."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hostile import within
from hypothesis import given, settings
from hypothesis import strategies as st

from adder.bringup import command, lines
from adder.bringup.lines import Silent, converse, in_ram
from adder.cli import cli
from adder.errors import AdderError
from adder.flash import nordic_dfu

EVIL = "\x1b]0;owned\x07\x1b[2J\u202e"


class Board:
    """Says what it is told to, in pieces, and then nothing more."""

    def __init__(self, said: str, piece: int = 7) -> None:
        self.left, self.piece = said, piece
        self.typed: list[str] = []

    def more(self) -> str:
        if not self.left:
            raise Silent("Nothing more came.")
        now, self.left = self.left[: self.piece], self.left[self.piece :]
        return now

    def type(self, text: str) -> None:
        self.typed.append(text)

    def press(self, button: int) -> bool:
        return button == 1


said = st.lists(
    st.one_of(
        st.sampled_from(
            ["= ", "? ", "answer", "answer: type ", "press button ", "end: ", "bring-up of ", "ok", "FAIL", "skipped: ",
             "\n", "\r\n", "1", "9" * 5000, "-1", "\u0661", "!", EVIL, " ", "rtc0 ", "\x00", "\ud800"]
        ),
        st.text(max_size=5),
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=300)
@given(said, st.integers(1, 50))
def test_whatever_a_board_says_a_bringup_comes_to_an_end(text: str, piece: int) -> None:
    board = Board(text, piece)
    with within(10):
        heard = converse(board, lambda question: "s", lambda line: None)
    assert text.startswith(heard.said)
    assert heard.silence is not None or "= end:" in heard.said


def test_the_questions_of_a_board_are_answered() -> None:
    board = Board(
        "= bring-up of x\r\n= ? answer: type 1234\r\n= ? press button 1\r\n= ? press button 2\r\n= ? does it blink\r\n"
        "= ? press button !\r\n= ? press button 999999999999\r\n= end: x\n"
    )
    asked: list[str] = []
    shown: list[str] = []
    heard = converse(board, lambda question: asked.append(question) or "y", shown.append)
    assert heard.answered
    assert board.typed == ["1234", "y", "y", "y"]
    assert asked == ["does it blink", "press button !", "press button 999999999999"]
    assert shown.count("  (within 15 seconds)") == 1


def test_a_board_that_talks_for_ever_is_not_listened_to_for_ever() -> None:
    class Talks(Board):
        def more(self) -> str:
            return "x" * 65536

    with within(30):
        heard = converse(Talks(""), lambda question: "s", lambda line: None)
    assert heard.silence is not None
    assert "more than" in heard.silence


@given(st.binary(max_size=200), st.integers(0, 1 << 32 - 1), st.integers(0, 1 << 32 - 1), st.integers(0, 1 << 32 - 1))
def test_whatever_lies_in_a_boards_ram_is_read_or_none(data: bytes, pointer: int, size: int, written: int) -> None:
    block = b"SEGGER RTT\0".ljust(0x1C, b"\0") + b"".join(
        number.to_bytes(4, "little") for number in (pointer, size, written)
    )
    with within(5):
        assert len(in_ram(data + block + data)) <= 2 * len(data) + len(block)


def test_a_port_that_goes_away_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import serial

    class Gone:
        def read(self, size: int) -> bytes:
            raise serial.SerialException("device disconnected")

        def write(self, data: bytes) -> None:
            raise serial.SerialException("device disconnected")

    monkeypatch.setattr(serial, "Serial", lambda *_, **__: Gone())
    port = lines.SerialPort("x")
    port.type("y")
    heard = converse(port, lambda question: "s", lambda line: None)
    assert heard.silence == "The line to the board is gone: device disconnected."


@pytest.mark.parametrize(
    "text",
    [
        f"= bring-up of x\n= rtc0 {EVIL} FAIL\n= rtc1 {EVIL} ok\n= pin-{EVIL} skipped: {EVIL}\n= ? {EVIL}\n= end: x\n",
        f"= rtc0 {EVIL} FAIL\n{EVIL}\n",
        EVIL,
    ],
)
def test_nothing_that_a_bringup_shows_is_obeyed_by_a_terminal(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "build", lambda board: tmp_path / "kernel.elf")
    monkeypatch.setattr(command, "real_board", lambda *_: ("x", Board(text)))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(command, "ask_person", lambda question: command.prompt(question, "s"))
    report = tmp_path / "report.txt"
    report.write_text(text)
    for arguments in (["bringup", "-o", str(tmp_path / "out.txt")], ["bringup", "report", "--all", str(report)]):
        result = CliRunner().invoke(cli, arguments, input="s\n")
        shown = result.output + str(result.exception if isinstance(result.exception, AdderError) else "")
        assert isinstance(result.exception, SystemExit | AdderError | None), result.exception
        # What is left is made visible by adder.cli.
        assert not [c for c in result.output if not c.isprintable() and c != "\n"], shown


class Bootloader:
    """Answers each request of Nordic's protocol with what it is told to."""

    def __init__(self, answers: dict[int, bytes]) -> None:
        self.answers, self.left = answers, b""

    def write(self, data: bytes) -> int:
        operation = data[0]
        self.left += nordic_dfu.slip_encode(
            bytes((nordic_dfu.RESPONSE, operation)) + self.answers.get(operation, b"\1")
        )
        return len(data)

    def read(self, size: int = 1) -> bytes:
        out, self.left = self.left[:size], self.left[size:]
        return out


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from([1, 2, 3, 4, 6, 7, 9]), st.one_of(
    st.binary(max_size=16), st.binary(max_size=16).map(lambda data: b"\1" + data),
    st.sampled_from([b"\1" + bytes(12), b"\1\xff\xff", b"\1" + b"\xff" * 12, b"\1\4\0"]),
)))  # fmt: skip
def test_whatever_a_bootloader_answers_is_taken_or_a_sentence(answers: dict[int, bytes]) -> None:
    link = nordic_dfu.Link(Bootloader(answers), patience=0.01)
    with within(10), suppress(AdderError):
        link.begin()
        link.send_init_packet(bytes(100))
        link.send_firmware(bytes(5000), lambda count: None)


def test_a_bootloader_that_takes_nothing_at_once_is_refused() -> None:
    link = nordic_dfu.Link(Bootloader({nordic_dfu.MTU: b"\1\3\0"}), patience=0.05)
    with pytest.raises(AdderError, match="takes nothing"):
        link.begin()
    link = nordic_dfu.Link(Bootloader({nordic_dfu.MTU: b"\1\x40\0", nordic_dfu.SELECT: b"\1" + bytes(12)}), 0.05)
    link.begin()
    with pytest.raises(AdderError, match="takes nothing"):
        link.send_firmware(bytes(100), lambda count: None)
    one = struct.pack("<3I", 1, 0, 0)
    link = nordic_dfu.Link(Bootloader({nordic_dfu.MTU: b"\1\x40\0", nordic_dfu.SELECT: b"\1" + one}), 0.05)
    link.begin()
    with pytest.raises(AdderError, match="takes only 1 bytes at once"):
        link.send_firmware(bytes(100), lambda count: None)
