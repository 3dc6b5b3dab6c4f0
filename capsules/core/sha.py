"""Hashes for user programs: SHA-256.

Driver number 0x40005 (Tock: capsules/extra/src/sha256_driver.rs).

Command
    0 exists                  -> success
    1 set algorithm algorithm -> success for 0, SHA-256; NOSUPPORT for others
    2 hash                    -> success; all of the buffer. NOMEM, also if this process waits for one already

Subscribe
    0 hashed: (status, 0, 0)  status 0, or NOMEM: the place for the hash does not have 32 bytes

Allow read-only
    0 what is hashed

Allow read-write
    0 where to put the hash: 32 bytes
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.parts.piece_work import PieceWork
from capsules.virtual.sha256 import BLOCK, DIGEST, DIGEST_AT, Sha256

DRIVER_NUM = const(0x40005)

LAYOUT = Layout(upcalls=1, read_write=1, read_only=1, u32=1, answers=1, asks=b"\x02\x00")

# Commands
_EXISTS = const(0)
_SET_ALGORITHM = const(1)
_HASH = const(2)

_WAITS = const(0)  # 1 from the command to its upcall

_BLOCKS_AT_ONCE = const(8)


class ShaDriver:
    """Hashes a few blocks, then everybody else has their turn."""

    def __init__(self, grant: Grant, sha: Sha256) -> None:
        self._grant = grant
        self._work = PieceWork(grant, _WAITS, self._begin, self._step, self._answer)
        self._sha = sha
        self._at = 0  # how much of the buffer has been fed

    def command(self, number: int, algorithm: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _HASH:
            return self._ask(process)
        if number == _SET_ALGORITHM and algorithm == 0:
            return SUCCESS
        return ErrorCode.NOSUPPORT

    def _ask(self, process: ProcessId) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None or entry[_WAITS]:
            return ErrorCode.NOMEM
        # Their first use needs memory: before anything is begun that would be left half done.
        entry.read_only(0)
        entry.read_write(0)
        self._work.ask(entry, process.slot, 1)
        return SUCCESS

    def _begin(self, entry: Entry, what: int) -> None:
        self._sha.begin()
        self._at = 0

    def _step(self, entry: Entry) -> bool:
        """Whether there may be more."""
        sha = self._sha
        view = entry.read_only(0)
        for _ in range(_BLOCKS_AT_ONCE):
            count = view.read(self._at, sha.buffer, sha.at, BLOCK - sha.at)
            self._at += count
            if count == 0:
                return False
            sha.took(count)
        return True

    def _answer(self, entry: Entry) -> None:
        self._sha.finish()
        view = entry.read_write(0)
        status = 0 if len(view) == DIGEST else ErrorCode.NOMEM
        if status == 0:
            view.write(0, self._sha.buffer, DIGEST_AT, DIGEST)
        entry.schedule_upcall(0, status, 0, 0)
        entry[_WAITS] = 0
