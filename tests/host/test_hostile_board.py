"""A board that means ill, on a line as it is: every verb that speaks to one ends soon, and with a sentence."""

import os
import pty
import random
import re
import signal
import struct
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_tbf

from adder.board import ROOT
from adder.bringup import lines
from adder.bringup.lines import converse
from adder.cli import cli
from adder.deploy import link as wire
from adder.deploy import trial
from adder.deploy.words import said
from adder.errors import AdderError
from adder.flash import console, method, nordic_dfu, serial_port
from adder.flash.image import Image, Piece
from adder.flash.method import Device
from adder.run.port import Port

PATIENCE = 0.1
SOON = 60
"""Seconds of the host that no verb comes near if it has an end at all."""

COMMANDS = range(0x40, 0x52)
HONEST, SILENT, DEAF, FLOOD, REFUSES, SHORT, HUGE, RANDOM, TWICE, OTHERS, CUT = range(11)
WAYS = range(11)

APP = make_tbf("app", 4096)
"""What the peer says lies in its flash, too."""


class Peer:
    """Speaks the protocol well enough to be believed; then goes its way with each command."""

    def __init__(self, ways: dict[int, int], about: list[int], words: int, more: bytes, seed: int = 0) -> None:
        self.ways, self.about, self.words, self.more = ways, about, words, more
        self.dice = random.Random(seed)
        self.session = bytes(3)
        self.frames = 0
        self.ended = False
        self.deaf = False
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        tty.setraw(self.master)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self.slave)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.ended = True
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)

    def _serve(self) -> None:
        held = bytearray()
        escaped = False
        while not self.ended:
            try:
                data = b"" if self.deaf else os.read(self.master, 4096)
            except BlockingIOError:
                data = b""
            if not data:
                time.sleep(0.0005)
            for byte in data:
                if not escaped:
                    escaped = byte == 0xFC
                    if not escaped:
                        held.append(byte)
                    continue
                escaped = False
                if byte == 0xFC:
                    held.append(byte)
                else:
                    self._obey(byte, bytes(held))
                    held.clear()

    def _put(self, data: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while data and not self.ended and time.monotonic() < end:
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:
                time.sleep(0.0005)

    def _answer(self, command: int, data: bytes = b"", status: int = 0) -> None:
        body = bytes((status, len(data))) + data
        self._put(bytes((0xFC, 0x40, command)) + self.session + body.replace(b"\xfc", b"\xfc\xfc"))

    def _honest(self, command: int, payload: bytes) -> bytes:
        if command == wire.ABOUT:
            return struct.pack("<7I", *self.about)
        if command == wire.APP:
            return struct.pack("<10I", 0x1000 * int.from_bytes(payload[:4], "little"), 4096, 1, 1, 1, 0, 0, 0, 0, 0)
        if command == wire.READ and len(payload) == 12:
            _, offset, length = struct.unpack("<3I", payload)
            return APP[offset : offset + min(length, 64)]
        if command == wire.SAID:
            return payload[4:8] + self.more
        return struct.pack("<2I", 1, 1)

    def _obey(self, command: int, payload: bytes) -> None:
        self.frames += 1
        way = self.ways.get(command, HONEST)
        if command == 0x01:
            self._put(b"\xfc\x11")
        elif command == wire.SESSION:
            self.session = payload[:3]
            self._answer(command)
        elif command not in COMMANDS or way == SILENT:
            pass
        elif way == DEAF:
            self._answer(command, self._honest(command, payload))
            self.deaf = True
        elif way == FLOOD:
            self._put(self.dice.randbytes(1 << 16))
        elif way == REFUSES:
            self._answer(command, status=self.dice.randrange(1, 256))
        elif way == SHORT:
            self._answer(command, self._honest(command, payload)[: self.dice.randrange(8)])
        elif way == HUGE:
            self._answer(command, b"\xff" * 60)
        elif way == RANDOM:
            self._answer(command, b"".join(struct.pack("<I", self.words >> self.dice.randrange(32)) for _ in range(12)))
        elif way == OTHERS:
            for other in COMMANDS:
                self._answer(other, self._honest(command, payload))
        elif way == CUT:
            self._put(bytes((0xFC, 0x40, command)) + self.session + b"\0\xff")
        else:
            for _ in range(1 + (way == TWICE)):
                self._answer(command, self._honest(command, payload))


@contextmanager
def soon() -> Iterator[None]:
    def stop(_: int, __: object) -> None:
        raise AssertionError(f"It has not ended after {SOON} s.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SOON)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "app.tbf").write_bytes(make_tbf("app", 4096))
    (folder / "large.tbf").write_bytes(make_tbf("large", 1 << 16))
    (folder / "set.toml").write_text('only = true\n[apps]\napp = "app.tbf"\nother = false\n')
    return folder


VERBS = [
    "apps", "apps --json", "install app.tbf", "install large.tbf", "install app.tbf large.tbf --keep",
    "install app.tbf --trial 1s", "remove app", "remove 0x0 --force", "start app", "stop app", "stop app --disable",
    "logs app", "logs -f app", "why app", "apply set.toml", "apply set.toml --dry-run", "rollback app", "compact",
]  # fmt: skip

FAIR = [wire.VERSION, 2, 1 << 19, 512, 32, 8, 2]


def ends(peer: Peer, verb: str, files: Path) -> str:
    """What is said to a person; it is checked that it is a sentence, and comes soon."""
    words = [str(files / word) if (files / word).is_file() else word for word in verb.split()]
    with pytest.MonkeyPatch.context() as patch, soon():
        patch.setattr(wire, "PATIENCE", PATIENCE)
        patch.setattr(trial, "MORE", 0.5)
        patch.setattr(trial, "SLOWEST", 1)
        patch.setattr(trial, "POLL", 0.05)
        patch.setattr("adder.deploy.words.POLL", 0)
        if "-f" in words:  # which goes on as long as somebody wants it to
            left = iter(range(3))

            def another(remote: object, app: object, since: int = 0) -> tuple[int, bytes]:
                if next(left, None) is None:
                    raise AdderError("Ctrl-C.")
                return said(remote, app, since)  # type: ignore[arg-type]

            patch.setattr("adder.deploy.words.said", another)
        try:
            result = CliRunner().invoke(cli, [words[0], *words[1:], "--port", peer.name])
        finally:
            peer.close()
    error = result.exception
    assert error is None or isinstance(error, AdderError | SystemExit), (verb, peer.ways, repr(error))
    assert "Traceback" not in result.output
    assert "\n" not in str(error or "")
    assert error is None or isinstance(error, SystemExit) or str(error).rstrip().endswith((".", ")", "?", "once")), (
        error
    )
    return str(error or "")


ways = st.dictionaries(st.sampled_from(COMMANDS), st.sampled_from(WAYS), max_size=4)
numbers = st.sampled_from([0, 1, 2, 8, 9, 32, 33, 1 << 16, 1 << 31, (1 << 32) - 2, (1 << 32) - 1])
abouts = st.one_of(
    st.just(FAIR),
    st.tuples(numbers, numbers).map(lambda two: [wire.VERSION, two[0] % 33, 1 << 19, 512, 32, 1 + two[1] % 8, 1]),
    st.lists(numbers, min_size=6, max_size=6).map(lambda rest: [wire.VERSION, *rest]),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(VERBS), ways, abouts, numbers, st.sampled_from([b"", b"x", b"\0\1", b"y" * 60]))
def test_whatever_a_peer_answers_to_whichever_verb_it_ends(
    files: Path, verb: str, ways: dict[int, int], about: list[int], words: int, more: bytes
) -> None:
    ends(Peer(ways, about, words, more), verb, files)


@pytest.mark.parametrize("way", [SILENT, DEAF, FLOOD, HUGE, CUT])
@pytest.mark.parametrize("verb", VERBS)
def test_a_peer_that_does_one_thing_to_all_commands_is_told_from_a_board(files: Path, verb: str, way: int) -> None:
    assert ends(Peer(dict.fromkeys(COMMANDS, way), FAIR, 0, b""), verb, files)


@pytest.mark.parametrize(
    ("verb", "ways", "about", "says"),
    [
        ("install large.tbf", {wire.STAGE: DEAF}, FAIR, "has stopped answering"),
        ("install large.tbf", {}, [4, 0, 1 << 19, 512, 32, 8, (1 << 32) - 1], "which no board can"),
        ("apps", {}, [4, (1 << 32) - 2, 1 << 19, 512, (1 << 32) - 1, 8, 2], "which no board can"),
        ("apps", {}, [4, 33, 1 << 19, 512, 32, 8, 2], "has 33 apps"),
        ("install app.tbf", {}, [4, 2, 1 << 19, 512, 32, 0, 2], "which no board can"),
        ("install app.tbf --trial 1s", {wire.TRIAL: HONEST}, FAIR, "does not come to a verdict"),
        ("install app.tbf --trial 1s", {wire.TRIAL: HUGE}, FAIR, "which means nothing"),
    ],
)
def test_what_is_wrong_with_a_peer_is_said(
    files: Path, verb: str, ways: dict[int, int], about: list[int], says: str
) -> None:
    assert says in ends(Peer(ways, about, 0, b""), verb, files)


def test_a_peer_that_reads_nothing_more_is_not_written_to_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PATIENCE", PATIENCE)
    with Raw(lambda _: None) as peer, soon():
        link = wire.Link(wire.open_port(peer.name))
        for what in (
            lambda: [link.send(wire.WRITE, data=bytes(512)) for _ in range(1000)],
            lambda: link.send(wire.ABORT),
        ):
            with pytest.raises(AdderError, match="takes in nothing more"):
                what()


def test_a_peer_that_always_has_more_to_say_is_not_listened_to_for_ever(files: Path) -> None:
    peer = Peer({}, FAIR, 0, b"x")
    assert "comes to no end" in ends(peer, "logs app", files)
    assert peer.frames < 65536, "it was time that ended it, since a byte came with each answer"


def test_the_limits_are_those_of_the_kernel() -> None:
    text = (ROOT / "capsules" / "virtual" / "app_set.py").read_text()
    known = dict(re.findall(r"^(\w+) = const\((\d+)\)", text, re.MULTILINE))
    assert (int(known["MOST"]), int(known["STAGED_AT_ONCE"])) == (wire.MOST_APPS, wire.MOST_AT_ONCE)


# ---------------------------------------------------------------------------- other lines


class Raw:
    """Whoever opens the port gets what `says` makes of what it sends; None: nothing is read any more."""

    def __init__(self, says: Callable[[bytes], bytes | None], first: bytes = b"") -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        tty.setraw(self.master)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self.slave)
        self.ended = False
        self.says, self.first = says, first
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)

    def _serve(self) -> None:
        left: bytes | None = self.first
        while not self.ended:
            with suppress(BlockingIOError):
                if left is not None:
                    left = left[os.write(self.master, left) :]
            if left == b"":
                data = b""
                with suppress(BlockingIOError):
                    data = os.read(self.master, 4096)
                left = self.says(data)
            time.sleep(0.0005)


def dfu(data: bytes, answers: dict[int, bytes | None]) -> bytes | None:
    """What a bootloader with these answers says to frames; None: it reads no more."""
    out = b""
    for frame in data.split(b"\xc0"):
        answer = answers.get(frame[0], b"\1") if frame else b""
        if answer is None:
            return None
        if frame and frame[0] != nordic_dfu.WRITE:
            out += nordic_dfu.slip_encode(bytes((nordic_dfu.RESPONSE, frame[0])) + answer)
    return out


FIRM = Image((Piece("kernel", 0x1000, bytes(40000)),))
GOOD = {nordic_dfu.MTU: b"\1\x83\0", nordic_dfu.SELECT: b"\1" + struct.pack("<3I", 4096, 0, 0)}


def write_by_dfu(says: Callable[[bytes], bytes | None], first: bytes, folder: Path) -> str:
    with Raw(says, first) as peer, soon(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(nordic_dfu, "PATIENCE", PATIENCE)
        patch.setattr(serial_port, "PATIENCE", PATIENCE)
        with pytest.raises(AdderError) as refused:
            serial_port.Dfu().write(FIRM, Device(peer.name, "", "nordic"), folder)
    return str(refused.value)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({nordic_dfu.PING: None}, "does not answer"),
        ({**GOOD, nordic_dfu.CREATE: None}, "takes in nothing|does not answer"),
        ({**GOOD, nordic_dfu.MTU: b"\1\4\0"}, "takes nothing"),
        ({**GOOD, nordic_dfu.SELECT: b"\1" + b"\xff" * 12}, "other bytes|cut short"),
        (GOOD, "cut short"),
    ],
)
def test_what_is_wrong_with_a_bootloader_is_said(answers: dict[int, bytes | None], says: str, tmp_path: Path) -> None:
    assert re.search(says, write_by_dfu(lambda data: dfu(data, answers), b"", tmp_path))


def test_a_bootloader_that_says_anything_for_ever_is_not_listened_to_for_ever(tmp_path: Path) -> None:
    assert write_by_dfu(lambda _: b"\xc0\x60\x09" * 1000, b"", tmp_path)
    assert write_by_dfu(lambda _: b"x" * 1000, b"", tmp_path)


@pytest.mark.parametrize(
    ("says", "first", "silence"),
    [
        (lambda _: b"", b"", "said nothing"),
        (lambda _: b"= rtc0 ok\n", b"", "more than|no end|not come to an end"),
        (lambda _: None, b"= ? answer: type 1234\n" * 20000, "takes in no answer"),
        (lambda _: b"x", b"", "not come to an end"),
    ],
)
def test_a_bringup_of_whatever_board_comes_to_an_end(
    says: Callable[[bytes], bytes | None], first: bytes, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(lines, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(lines, "LONGEST", 1)
    with Raw(says, first) as peer, soon():
        heard = converse(lines.SerialPort(peer.name), lambda question: "s", lambda line: None)
    assert re.search(silence, heard.silence or ""), heard.silence


def test_a_probe_tool_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(lines, "SILENT_SECONDS", 0)
    monkeypatch.setattr(lines.PyOcd, "missing", lambda self: None)
    monkeypatch.setattr(lines.PyOcd, "devices", lambda self: [Device("1", "")])
    monkeypatch.setattr(lines.Probe, "command", lambda self, file: ["sleep", "1000"])
    with soon():
        heard = converse(lines.Probe(None), lambda question: "s", lambda line: None)
    assert "pyOCD says: nothing" in (heard.silence or "")


def test_a_tool_that_hangs_or_talks_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "LONGEST_STEP", 0.5)
    for command in (["sleep", "1000"], ["yes"]):
        with soon(), pytest.raises(AdderError, match="has come to no end"):
            method.run_step(method.Step(command, quiet=True))


def test_a_port_on_which_an_arduino_is_to_be_restarted_may_be_none(tmp_path: Path) -> None:
    (tmp_path / "port").write_bytes(b"")
    with pytest.raises(AdderError, match="cannot be used"):
        serial_port.Bossac()._enter_bootloader(Device(str(tmp_path / "port"), "", "sketch"))


def test_a_console_that_takes_in_nothing_is_left_with_a_sentence() -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with Raw(lambda _: None) as peer, soon():
        command = [*console.serial_command(peer.name)[:-1], "115200"]
        shown = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True)
        time.sleep(0.1)
        while shown.poll() is None:
            with suppress(BlockingIOError):
                os.write(ours, b"x" * 1000)
            with suppress(BlockingIOError):
                os.read(ours, 4096)
            time.sleep(0.01)
        assert shown.stderr is not None
        said = shown.stderr.read()
    assert shown.returncode == 1
    assert "takes in nothing." in said
    assert "Traceback" not in said
    os.close(ours)
    os.close(theirs)


def test_a_program_that_does_not_read_holds_a_simulation_up_once() -> None:
    with Port() as port:
        theirs = os.open(port.name, os.O_RDWR | os.O_NOCTTY)
        begun = time.monotonic()
        with soon():
            for _ in range(100):
                assert port.write(bytes(4096))
        assert time.monotonic() - begun < 20, "not a second for each"
        os.set_blocking(theirs, False)
        with suppress(BlockingIOError):
            while os.read(theirs, 4096):
                pass
        assert port.write(b"again")
        assert os.read(theirs, 4096) == b"again"
        os.close(theirs)
