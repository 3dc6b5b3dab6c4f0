"""adder.deploy on a line to the capsules: what else comes over it is not believed, and ends no verb."""

import random
import struct
import time

import pytest
from app_flash import program
from deployed import Deployed, with_apps

from adder.apps.app_files import read_app
from adder.deploy import link as wire
from adder.deploy.link import Link
from adder.deploy.remote import Remote
from adder.deploy.words import said
from adder.errors import AdderError

NEW = program("new", 4096, fill=3)


class Port:
    """A serial port to the capsules. `before` is what an app has printed before the session."""

    timeout: float | None = 0.0

    def __init__(self, board: Deployed, before: bytes = b"") -> None:
        self.board, self.there = board, before

    def write(self, data: bytes) -> int:
        self.board.write(data)
        return len(data)

    def read(self, size: int = 1) -> bytes:
        if not self.there:
            return self.board.read(size)
        out, self.there = self.there[:size], self.there[size:]
        return out

    def close(self) -> None:
        pass


def frame(command: int, status: int, data: bytes, session: bytes = b"") -> bytes:
    return bytes((0xFC, 0x40, command)) + (session + bytes((status, len(data))) + data).replace(b"\xfc", b"\xfc\xfc")


def forged(dice: random.Random) -> bytes:
    """What an app may print: answers to all that a tool may ask, of this version and the one before, and noise."""
    out = b"\xfc\x11"
    for _ in range(dice.randrange(1, 40)):
        words = [dice.choice((0, 1, 3, 4, 5, 512, 0xFFFFFFFF)) for _ in range(dice.choice((0, 1, 2, 7, 10)))]
        data = struct.pack(f"<{len(words)}I", *words)
        session = dice.choice((b"", bytes(3), dice.randbytes(3)))
        out += frame(dice.randrange(0x40, 0x52), dice.choice((0, 0, 0, 2, 9)), data, session)
        out += dice.choice((b"", b"\xfc\x11", b"hello\r\n", b"\xfc", dice.randbytes(9)))
    return out


def use(port: object, patience: float = 5.0) -> list[str]:
    """All that verbs do."""
    with Link(port, patience) as link:  # type: ignore[arg-type]
        remote = Remote(link)
        found = remote.apps()
        names = [app.name for app in found]
        for app in found:
            remote.checksum(app)
            said(remote, app)
            remote.stop(app)
        remote.apply(install=[read_app(NEW, "new")])
        remote.verdict()
        remote.is_on_trial()
        remote.move_together()
        remote.apply(remove=[app.name for app in remote.apps() if app.is_app][:1])
    return names


@pytest.mark.parametrize("seed", range(25))
def test_what_an_app_has_printed_before_the_session_is_not_believed(seed: int) -> None:
    honest = use(Port(Deployed(with_apps()).booted()))
    data = with_apps()
    board = Deployed(data).booted()
    assert use(Port(board, forged(random.Random(seed)))) == honest
    assert "new" in board.state()


def test_a_line_on_which_an_app_alone_answers_is_told_from_a_board() -> None:
    class Evil:
        timeout = 0.0

        def write(self, data: bytes) -> int:
            return len(data)

        def read(self, size: int = 1) -> bytes:
            return (b"\xfc\x11" + frame(0x51, 0, b"", b"abc") + frame(0x40, 0, bytes(28), b"abc"))[:size]

        def close(self) -> None:
            pass

    with pytest.raises(AdderError, match="not as version 4 of the protocol has it"):
        use(Evil(), 0.3)


class Liar:
    """A board that knows the session's number, and answers whatever it likes."""

    timeout: float | None = 0.0

    def __init__(self, dice: random.Random, likely: float) -> None:
        self.dice, self.likely = dice, likely
        self.left = b""
        self.session = bytes(3)

    def write(self, data: bytes) -> int:
        command, dice = data[-1], self.dice
        if data == b"\xfc\x01":
            self.left += b"\xfc\x11"
        elif command == wire.SESSION:
            self.session = data[:3]
            self.left += frame(command, 0, b"", self.session)
        elif 0x40 <= command < 0x52:
            if command == wire.ABOUT and dice.random() < 0.9:
                words = [4, dice.choice((1, 3, 33, 1 << 31)), 1 << 19, 512, 32, 8, dice.choice((0, 1, 2))]
            else:
                size = wire.WORDS.get(command, 1) if dice.random() < self.likely else dice.randrange(12)
                words = [dice.choice((0, 1, 2, 7, 64, 0xFF, 0x1000, 0xFFFFFFFF)) for _ in range(size)]
            status = 0 if dice.random() < self.likely else dice.randrange(256)
            answer = struct.pack(f"<{len(words)}I", *words) + dice.choice((b"", b"", b"x", b"\xfc" * 30))
            if command == wire.READ:
                answer = dice.choice((NEW[:16], NEW[16:], dice.randbytes(255), b""))[:255]
            self.left += frame(command, status, answer[:255], self.session)
        return len(data)

    def read(self, size: int = 1) -> bytes:
        out, self.left = self.left[:size], self.left[size:]
        return out

    def close(self) -> None:
        pass


def test_whatever_a_board_answers_verbs_end_with_a_sentence() -> None:
    refused, begun = 0, time.process_time()
    for seed in range(400):
        dice = random.Random(seed)
        try:
            use(Liar(dice, dice.choice((0.5, 0.9, 0.99, 1))), 0.05)
        except AdderError:
            refused += 1
    assert refused > 200
    assert time.process_time() - begun < 120
