"""NIST SP 800-38A, F.1.1, F.2.1 and F.5.1: what they have encrypted, in hexadecimal."""

from cells import Buffer
from kernel import log
from micropython import const

from capsules.bench.analog import AdcBench
from capsules.hil.aes import MODE_CTR, Aes

_DIGITS = "0123456789abcdef"
_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
_IV = "000102030405060708090a0b0c0d0e0f"
_COUNTER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
_TEXT = (
    "6bc1bee22e409f96e93d7e117393172a",
    "ae2d8a571e03ac9c9eb76fac45af8e51",
    "30c81c46a35ce411e5fbc1191a0a52ef",
    "f69f2445df4f9b17ad2b417be66c3710",
)
_MODES = const(3)


class AesBench:
    """Encrypts the text by each mode, in a piece of three blocks and one of one, and decrypts the last."""

    def __init__(self, aes: Aes, following: AdcBench) -> None:
        self._aes = aes
        self._following = following
        self._small = Buffer(16)
        self._source = Buffer(64)
        self._dest = Buffer(64)
        self._mode = 0
        self._piece = 0
        aes.set_client(self)

    def _fill(self, buffer: Buffer, at: int, text: str) -> None:
        for index in range(16):
            buffer[at + index] = _DIGITS.find(text[2 * int(index)]) << 4 | _DIGITS.find(text[2 * int(index) + 1])

    def begin(self) -> None:
        self._aes.set_mode(self._mode, True)
        self._fill(self._small, 0, _KEY)
        self._aes.set_key(self._small)
        self._fill(self._small, 0, _COUNTER if self._mode == MODE_CTR else _IV)
        self._aes.set_iv(self._small)
        self._aes.start_message()
        for row in range(4):
            self._fill(self._source, 16 * int(row), _TEXT[row])
        self._piece = 0
        self._source.window(0, 48)
        self._aes.crypt(self._source.move(self._aes), self._dest.move(self._aes), 0, 48)

    def crypted(self, source: "Buffer | None", dest: Buffer, status: int) -> None:
        if source is not None:
            source.give_back()
        dest.give_back()
        if status:
            log(f"bench: aes mode {self._mode} failed {status}")
        self._piece += 1
        if self._piece == 1:
            self._source.window(48, 64)
            self._aes.crypt(self._source.move(self._aes), self._dest.move(self._aes), 48, 16)
            return
        self._source.window(0, 64)
        self._show()
        self._mode += 1
        if self._mode < _MODES:
            self.begin()
        else:
            self._aes.forget()
            refused = self._aes.crypt(None, self._dest, 0, 16)
            log(f"bench: aes without key {refused}")
            self._following.begin()

    def _show(self) -> None:
        for row in range(4):
            text = ""
            for at in range(16):
                byte = self._dest[16 * int(row) + at]
                text += f"{byte:02x}"
            log(f"bench: aes mode {self._mode} row {row} {text}")
