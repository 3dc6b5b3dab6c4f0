"""AES with a key of 128 bits: nRF52840 Product Specification v1.7, "ECB", registers in its section "Registers".

The hardware encrypts one block; it cannot decrypt. So there is encryption by ECB and CBC, and both by CTR, whose two
directions are the same. It works on 48 bytes of RAM: key, cleartext, ciphertext. Those are this driver's own: no other
hardware and no other capsule sees the key. It stays there until forget(); clear- and ciphertext are overwritten after
each message.

ERRORECB says that another user of the AES core (CCM, AAR) came first. No driver has those; the block is begun again.
"""

from cells import Buffer, TakeCell
from kernel import Callback, ErrorCode, InterruptLine, Registers, call_client, callback
from micropython import const

from capsules.hil.aes import AesClient

# capsules/hil/aes.py
_BLOCK = const(16)
_MODE_ECB = const(0)
_MODE_CTR = const(1)
_MODE_CBC = const(2)

# ECB, "Registers"
_START = const(0x000)
_ERROR = const(0x104)
_INTENSET = const(0x304)

_INT_END = const(1)
_INT_ERROR = const(1 << 1)

_DATA = const(48)  # ECBDATAPTR: key, cleartext, ciphertext
_CLEARTEXT = const(16)
_CIPHERTEXT = const(32)
_ATTEMPTS = const(16)


class Ecb:
    """A HIL Aes."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._registers = registers
        self._start = registers.field(_START, 0, 32)
        self._failed = registers.field(_ERROR, 0, 1)
        self._crypted: "Callback | None" = None
        self._data = Buffer(_DATA)
        self._iv = Buffer(_BLOCK)
        self._chain = Buffer(_BLOCK)  # CBC: the last ciphertext; CTR: the next counter
        self._source: TakeCell[Buffer] = TakeCell()
        self._dest: TakeCell[Buffer] = TakeCell()
        self._has_key = False
        self._mode = _MODE_ECB
        self._busy = False
        self._stuck = False  # the hardware has the data of a message that was given up
        self._at = 0
        self._to = 0
        self._length = 0
        self._attempts = 0
        self._failed(0)
        registers.write(_INTENSET, _INT_END | _INT_ERROR)
        line.enable(self._interrupt)

    def set_client(self, client: AesClient) -> None:
        self._crypted = callback(client.crypted)

    # -- For the client --

    def set_mode(self, mode: int, encrypting: bool) -> int:
        if self._is_busy():
            return ErrorCode.BUSY
        if mode != _MODE_ECB and mode != _MODE_CTR and mode != _MODE_CBC:
            return ErrorCode.INVAL
        if not encrypting and mode != _MODE_CTR:
            return ErrorCode.NOSUPPORT
        self._mode = mode
        return 0

    def set_key(self, key: Buffer) -> int:
        if self._is_busy():
            return ErrorCode.BUSY
        if len(key) < _BLOCK:
            return ErrorCode.SIZE
        self._data.copy(0, key, 0, _BLOCK)
        self._has_key = True
        return 0

    def set_iv(self, iv: Buffer) -> int:
        if self._is_busy():
            return ErrorCode.BUSY
        if len(iv) < _BLOCK:
            return ErrorCode.SIZE
        self._iv.copy(0, iv, 0, _BLOCK)
        return 0

    def start_message(self) -> int:
        if self._is_busy():
            return ErrorCode.BUSY
        self._chain.copy(0, self._iv, 0, _BLOCK)
        return 0

    def crypt(self, source: "Buffer | None", dest: Buffer, start: int, length: int) -> int:
        if self._is_busy():
            return ErrorCode.BUSY
        if not self._has_key:
            return ErrorCode.OFF
        if source is dest or length < 1 or int(length) % _BLOCK:
            return ErrorCode.INVAL
        if start < 0 or start + length > len(dest) or (source is not None and length > len(source)):
            return ErrorCode.SIZE
        if source is not None:
            self._source.put(source.move(self))
        self._dest.put(dest.move(self))
        self._at = 0
        self._to = start
        self._length = length
        self._busy = True
        self._begin_block()
        return 0

    def forget(self) -> int:
        if self._is_busy():
            return ErrorCode.BUSY
        self._has_key = False
        for at in range(_BLOCK):
            self._data[at] = 0
            self._iv[at] = 0
            self._chain[at] = 0
        self._wipe()
        return 0

    def _is_busy(self) -> bool:
        if self._stuck:
            self._start(1)
        return self._busy or self._stuck

    def _wipe(self) -> None:
        for at in range(_CLEARTEXT, _DATA):
            self._data[at] = 0

    # -- A block --

    def _begin_block(self) -> None:
        if self._mode == _MODE_CTR:
            self._data.copy(_CLEARTEXT, self._chain, 0, _BLOCK)
            self._count()
        else:
            self._put_cleartext()
        self._attempts = 0
        self._failed(0)
        self._registers.start_dma("block", self._data, _DATA)
        self._start(1)

    def _put_cleartext(self) -> None:
        data = self._data
        source = self._source.take()
        dest = self._dest.take()
        if source is not None:
            data.copy(_CLEARTEXT, source, self._at, _BLOCK)
            self._source.put(source)
        elif dest is not None:
            data.copy(_CLEARTEXT, dest, self._to, _BLOCK)
        if dest is not None:
            self._dest.put(dest)
        if self._mode == _MODE_CBC:
            chain = self._chain
            for at in range(_BLOCK):
                data[_CLEARTEXT + at] = data[_CLEARTEXT + at] ^ chain[at]

    def _count(self) -> None:
        """The next counter, big-endian: NIST SP 800-38A, B.1, with all 128 bits."""
        chain = self._chain
        at = _BLOCK
        while at > 0:
            at -= 1
            value = chain[at] + 1
            chain[at] = value  # its lower 8 bits
            if value < 256:
                return

    def _interrupt(self) -> None:
        if self._failed():
            self._failed(0)
            self._attempts += 1
            if self._attempts < _ATTEMPTS:
                self._start(1)
            elif self._busy:
                self._stuck = True
                self._finish(ErrorCode.FAIL)
        if self._registers.end_dma("block") is None:
            return
        if self._stuck:
            self._stuck = False
            self._wipe()
            return
        self._take_ciphertext()
        self._at += _BLOCK
        self._to += _BLOCK
        if self._at < self._length:
            self._begin_block()
        else:
            self._wipe()
            self._finish(0)

    def _take_ciphertext(self) -> None:
        data = self._data
        dest = self._dest.take()
        if dest is None:
            return
        if self._mode == _MODE_CTR:
            source = self._source.take()
            to = self._to
            for at in range(_BLOCK):
                text = dest[to + at] if source is None else source[self._at + at]
                dest[to + at] = text ^ data[_CIPHERTEXT + at]
            if source is not None:
                self._source.put(source)
        else:
            dest.copy(self._to, data, _CIPHERTEXT, _BLOCK)
            self._chain.copy(0, data, _CIPHERTEXT, _BLOCK)
        self._dest.put(dest)

    def _finish(self, status: int) -> None:
        self._busy = False
        source = self._source.take()
        dest = self._dest.take()
        if dest is not None:
            call_client(self._crypted, source.give_back() if source is not None else None, dest.give_back(), status)
