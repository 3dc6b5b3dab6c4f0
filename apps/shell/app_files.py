"""The installed apps as files: `/apps`.

Reading one as text says how it is; its bytes are its TBF. A TAB or TBF that is written here is installed, in place of an app
of the same name, and started, when it is closed; to remove a file removes the app.
"""

import io
import struct
import sys

import syscall
from names import shown
from upload import Upload, failed, refuse

_APPS = const(0x10100)
_COUNT = const(1)
_DESCRIBE = const(2)
_READ = const(3)
_REMOVE = const(4)
_REMOVED = const(0)

_PAGE = const(4096)
_AT_ONCE = const(64)
_TRIES = const(200)

_ENABLED = const(1)
_HIDDEN = const(4 | 8 | 16)  # kept to go back to, removed, damaged

_DIR = const(0x4000)
_FILE = const(0x8000)

_STATES = ("running", "waiting", "waiting", "stopped", "faulted", "ended")
# The causes in a Cortex-M's fault status.
_CAUSES = (
    (0x00000082, "data access violation"),
    (0x00000001, "instruction access violation"),
    (0x00000018, "stack overflow"),
    (0x00008200, "bus error"),
    (0x00010000, "undefined instruction"),
    (0x00020000, "invalid state"),
    (0x00080000, "no coprocessor"),
    (0x01000000, "unaligned access"),
    (0x02000000, "division by zero"),
)

own_name = sys.argv[0]


def _ask(number, a=0, b=0):
    for _ in range(_TRIES):
        try:
            return syscall.command(_APPS, number, a, b)
        except syscall.SyscallError as error:
            if error.errno != syscall.BUSY:
                failed(error.errno, "the apps can't be read")
            syscall.yield_wait(5)  # another one changes them, or the kernel looks which there are
    refuse("EBUSY", "another one is changing the apps")


class App:
    """One that is installed; its number holds until apps come or go."""

    def __init__(self, number):
        self.number = number
        values = bytearray(40)
        syscall.allow_rw(_APPS, 0, values)
        try:
            _ask(_DESCRIBE, number)
        finally:
            syscall.allow_rw(_APPS, 0, None)
        self.facts = struct.unpack("<10I", values)
        self.size, self.flags = self.facts[1:3]

    def read_into(self, offset, view):
        """Bytes of its TBF: how many."""
        at = 0
        try:
            while at < len(view):
                syscall.allow_rw(_APPS, 0, view[at : at + _AT_ONCE])
                count = _ask(_READ, self.number, offset + at)
                if count == 0:
                    break
                at += count
        finally:
            syscall.allow_rw(_APPS, 0, None)
        return at

    def name(self):
        """As its header has it, made fit to be shown."""
        head = memoryview(bytearray(_AT_ONCE))
        self.read_into(0, head[:16])
        end = struct.unpack_from("<H", head, 2)[0]
        at = 16
        while at + 4 <= end:
            self.read_into(at, head[:4])
            kind, length = struct.unpack_from("<HH", head, 0)
            if kind == 3:
                length = min(length, _AT_ONCE)
                self.read_into(at + 4, head[:length])
                return shown(head[:length])
            at += 4 + (length + 3 & ~3)
        return "app-%d" % self.number

    def text(self):
        """How it is, for people."""
        start, size, flags, identifier, state, restarts, ram, used, status, address = self.facts
        if identifier:
            state = _STATES[state] if state < len(_STATES) else str(state)
            state += ", process %d" % identifier
        else:
            state = "not running" if flags & _ENABLED else "disabled"
        lines = ["state:      " + state, "flash:      %d bytes" % size]
        if identifier:
            lines.append("memory:     %d of %d bytes" % (used, ram))
            lines.append("restarts:   %d" % restarts)
            lines.append("last fault: " + _cause(status, address))
        return "\n".join(lines) + "\n"


def _cause(status, address):
    for bits, text in _CAUSES:
        if status & bits & ~0x8080:
            return text + (" at 0x%08x" % address if status & 0x8080 else "")
    return "status 0x%08x" % status if status else "none"


def apps():
    """All that are installed."""
    for number in range(_ask(_COUNT)[0]):
        app = App(number)
        if not app.flags & _HIDDEN:
            yield app


def find(name):
    """The app with this name, or None."""
    for app in apps():
        if app.name() == name:
            return app
    return None


class _Bytes(io.IOBase):
    def __init__(self, app):
        self._app = app
        self._at = 0

    def readinto(self, buffer):
        count = self._app.read_into(self._at, memoryview(buffer))
        self._at += count
        return count

    def read(self, count=-1):
        left = self._app.size - self._at
        data = bytearray(left if count < 0 else min(left, count))
        self.readinto(data)
        return bytes(data)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class AppFiles:
    """The file system."""

    def __repr__(self):
        return "<AppFiles>"

    def mount(self, readonly, mkfs):
        syscall.allow_rw(_APPS, 0, None)  # raises if there is no such driver

    def umount(self):
        pass

    def chdir(self, path):
        if path.strip("/"):
            refuse("ENOENT", "there are no folders in /apps")

    def getcwd(self):
        return "/"

    def _find(self, path):
        app = find(path.strip("/"))
        return app or refuse("ENOENT", "no app has this name")

    def stat(self, path):
        if not path.strip("/"):
            return (_DIR, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return (_FILE, 0, 0, 0, 0, 0, self._find(path).size, 0, 0, 0)

    def ilistdir(self, path):
        if path.strip("/"):
            refuse("ENOENT", "there are no folders in /apps")
        return ((app.name(), _FILE, 0, app.size) for app in apps())

    def statvfs(self, path):
        pages = _ask(_COUNT)[1] // _PAGE
        free = pages - sum((app.size + _PAGE - 1) // _PAGE for app in apps())
        return (_PAGE, _PAGE, pages, free, free, 0, 0, 0, 0, 64)

    def open(self, path, mode):
        if "a" in mode or "+" in mode:
            refuse("EPERM", "an app can't be changed; write a new TAB or TBF")
        if "w" in mode:
            return Upload(own_name, find)
        app = self._find(path)
        return _Bytes(app) if "b" in mode else io.StringIO(app.text())

    def remove(self, path):
        app = self._find(path)
        if path.strip("/") == own_name:
            refuse("EBUSY", "that is this shell; `adder remove` can remove it")
        _ask(_REMOVE, app.number)
        status = syscall.yield_wait_for(_APPS, _REMOVED)[0]
        if status:
            failed(status, "not removed")

    def rename(self, old, new):
        refuse("EPERM", "apps are called what their header says")

    def mkdir(self, path):
        refuse("EPERM", "there are no folders in /apps")

    def rmdir(self, path):
        self.mkdir(path)
