"""A board with an app store on a flash whose power can be cut, and the programs in it."""

import random
import struct

from cells import Buffer
from hardware import FakeFlash, PowerCut
from kernel import ErrorCode, Machine

from capsules.virtual.app_credentials import AppCredentials
from capsules.virtual.app_directory import RECORD, AppDirectory
from capsules.virtual.app_list import HEAD, PIECE, AppList
from capsules.virtual.app_set import STAGED_AT_ONCE
from capsules.virtual.app_store import ENABLED, GONE, KEPT, TRIAL, AppStore

PAGE = 512


def program(name: str, size: int, enabled: bool = True, fill: int = 0) -> bytes:
    """A TBF file with a name and a program."""
    tlvs = struct.pack("<HHIII", 1, 12, 0, 0, 4096) + struct.pack("<HH8s", 3, 8, name.encode().ljust(8, b"_"))
    header = bytearray(struct.pack("<HHIII", 2, 16 + len(tlvs), size, enabled, 0) + tlvs)
    return checked(header) + bytes((fill + at) & 0xFF for at in range(size - len(header)))


def padding(size: int) -> bytes:
    return checked(bytearray(struct.pack("<HHIII", 2, 16, size, 0, 0))).ljust(size, b"\xff")


def checked(header: bytearray) -> bytes:
    total = 0
    for (word,) in struct.iter_unpack("<I", header):
        total ^= word
    header[12:16] = struct.pack("<I", total)
    return bytes(header)


def walk(data: bytes, page: int = PAGE) -> "dict[int, bytes] | None":
    """What any other walker finds: the apps by their addresses. None if the list is broken."""
    apps, at = {}, 0
    while at + 16 <= len(data) - 2 * page and data[at : at + 4] != b"\xff" * 4:
        version, header, size, _, _ = struct.unpack_from("<HHIII", data, at)
        if version != 2 or not 16 <= header <= size or at + size > len(data) - 2 * page:
            return None
        total = 0
        for (word,) in struct.iter_unpack("<I", data[at : at + header]):
            total ^= word
        if total:
            return None
        if header > 16:
            apps[at] = bytes(data[at : at + size])
        at += size
    return apps


class Board:
    """A machine that boots with what is in the flash."""

    def __init__(self, data: bytearray, flash: FakeFlash | None = None) -> None:
        self.machine = Machine()
        self.flash = flash or FakeFlash(data, PAGE)
        self.machine.loader.programs = Programs(data)
        directory = AppDirectory(self.flash, Buffer(RECORD))
        apps = AppList(self.flash, directory.crc, Buffer(PIECE), self.flash.length() - 2 * self.flash.page_size())
        credentials = AppCredentials(self.flash, apps, Buffer(HEAD * STAGED_AT_ONCE))
        self.store = AppStore(self.flash, self.machine.line(), self.machine.loader, directory, credentials)
        self.told: list[int] = []
        self.client = self.store.new_client(self.told.append)
        self.store.start()
        if not self.machine.loader.taken:  # the kernel's own loader
            for at, app in (walk(data, self.flash.page) or {}).items():
                if app[8] & 1:
                    self.machine.loader.load(at)

    def run(self) -> None:
        self.machine.run()
        while self.flash.step():
            self.machine.run()

    def booted(self) -> "Board":
        self.run()
        return self

    def ask(self, answer: int) -> int:
        """What is answered at once; else what is told later."""
        if answer != 0:
            return answer
        self.told.clear()
        self.run()
        assert len(self.told) == 1
        return self.told[0]

    def look(self) -> None:
        """Know which apps there are."""
        status = self.store.look(self.client)
        if status:
            assert status == ErrorCode.OFF
            assert self.store.begin(self.client) == ErrorCode.BUSY
            assert self.ask(0) == 0

    def begin(self) -> None:
        self.look()
        assert self.store.begin(self.client) == 0

    def stage(self, data: bytes) -> int:
        app = self.store.stage(self.client, len(data))
        if app < 0:
            return app
        status = self.ask(0)
        if status:
            return -status
        buffer = Buffer(PAGE)
        for at in range(0, len(data), 64):
            piece = data[at : at + 64]
            buffer.set(0, piece)
            assert self.ask(self.store.write(self.client, app, at, buffer, len(piece))) == 0
        assert self.store.finish(self.client, app) == 0
        return app

    def copy(self, app: int, low: bool) -> int:
        """Put a copy of an app elsewhere, in its place."""
        number = self.store.copy(self.client, app, low)
        if number < 0:
            self.store.abort(self.client)
            self.run()
            return -number
        status = self.ask(0)
        if status:
            return status
        data, flags = self.bytes_of(app), self.store.flags_of(app)
        buffer = Buffer(PAGE)
        for at in range(0, len(data), 64):
            buffer.set(0, data[at : at + 64])
            assert self.ask(self.store.write(self.client, number, at, buffer, len(data[at : at + 64]))) == 0
        assert self.store.finish(self.client, number) == 0
        assert self.store.set_flags(self.client, number, flags) == 0
        assert self.store.drop(self.client, app) == 0
        return 0

    def number(self, name: str, flags: int = 0) -> int:
        """Which app has this name."""
        for app in range(self.store.apps()):
            if self.store.flags_of(app) & (GONE | KEPT) == flags and name_of(self.bytes_of(app)) == name:
                return app
        raise LookupError(name)

    def bytes_of(self, app: int) -> bytes:
        at = self.store.start_of(app)
        return bytes(self.flash.data[at : at + self.store.size_of(app)])

    def change(self, *steps: "tuple[str, object]") -> int:
        """A whole transaction."""
        self.begin()
        for verb, what in steps:
            if verb == "install":
                app = self.stage(what)
                if app < 0:
                    self.store.abort(self.client)
                    self.run()
                    return -app
            elif verb == "drop":
                assert self.store.drop(self.client, self.number(what)) == 0
            elif verb == "keep":
                assert self.store.set_flags(self.client, self.number(what), KEPT) == 0
            elif verb == "back":
                current, kept = self.number(what), self.number(what, KEPT)
                assert self.store.set_flags(self.client, kept, ENABLED) == 0
                assert self.store.set_flags(self.client, current, KEPT) == 0
            elif verb == "try":
                assert self.store.set_flags(self.client, self.number(name_of(what)), KEPT | TRIAL | ENABLED) == 0
                assert self.store.set_flags(self.client, self.stage(what), TRIAL | ENABLED) == 0
            elif verb in ("down", "up"):
                status = self.copy(self.number(what), verb == "down")
                if status:
                    return status
            else:
                flags = {"enable": ENABLED, "disable": 0}[verb]
                assert self.store.set_flags(self.client, self.number(what), flags) == 0
        return self.ask(self.store.commit(self.client))

    def state(self) -> "dict[str, tuple[bytes, int, bool]]":
        """The apps: by name, their bytes, flags, and whether they run."""
        self.look()
        found = {}
        for app in range(self.store.apps()):
            if not self.store.flags_of(app) & GONE:
                data = self.bytes_of(app)
                kept = "kept " if self.store.flags_of(app) & KEPT else ""
                found[kept + name_of(data)] = data, self.store.flags_of(app), self.store.slot_of(app) >= 0
        return found


class HalfFlash(FakeFlash):
    """When the power goes, the word that is under way is half done: some of its bits are as they were."""

    def __init__(self, data: bytearray, page: int, cut: int | None, half: random.Random | None) -> None:
        super().__init__(data, page, cut)
        self._half = half

    def write(self, offset: int, buffer: Buffer, length: int) -> None:
        try:
            super().write(offset, buffer, length)
        except PowerCut:
            if self._half is not None:
                words = buffer.get(0, length)
                for at in range(0, length, 4):
                    if self.data[offset + at : offset + at + 4] != words[at : at + 4]:
                        for index in range(4):
                            keep = self._half.randrange(256)
                            self.data[offset + at + index] &= words[at + index] | keep
                        break
            raise

    def erase(self, page: int, ahead: bool = False) -> None:
        """One operation: done, not done, or, as it ends all of a page at once, with any of its bits up already."""
        if self.cut == 0 and self._half is not None:
            for at in range(page * self.page, (page + 1) * self.page):
                self.data[at] |= self._half.randrange(256)
        self._spend()
        left, self.cut = self.cut, None
        super().erase(page)
        self.cut = left


def cut_board(data: bytearray, cut: int, half: random.Random | None) -> Board:
    return Board(data, HalfFlash(data, PAGE, cut, half))


class Programs(dict):
    """What the fake loader finds in the flash."""

    def __init__(self, data: bytearray) -> None:
        super().__init__()
        self._data = data

    def get(self, at: int, default=None):
        if self._data[at : at + 2] != b"\2\0":
            return default
        return name_of(self._data[at : at + 64])


def name_of(data: bytes) -> str:
    return bytes(data[36:44]).decode("latin-1").rstrip("_")
