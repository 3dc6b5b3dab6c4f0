"""A TAB or TBF that comes in pieces, and the app loader (driver 0x10001), to which the right part of it goes."""

import errno
import io
import struct

import syscall
from names import shown

_LOADER = const(0x10001)
_SETUP = const(1)
_WRITE = const(2)
_FINALIZE = const(3)
_LOAD = const(4)
_ABORT = const(5)
_REPLACE = const(64)

_BLOCK = const(512)  # of a tar file, and what is handed to the loader at once
_HEAD = const(16)  # of a TBF
_MEMBER = b"cortex-m4.tbf"

_NAME = const(3)  # types of a header's parts
_FIXED = const(5)

_NUMBERS = {
    "EPERM": 1,
    "ENOENT": 2,
    "EIO": 5,
    "ENOMEM": 12,
    "EACCES": 13,
    "EBUSY": 16,
    "ENODEV": 19,
    "EINVAL": 22,
    "EFBIG": 27,
    "ENOSPC": 28,
}


def refuse(name, text):
    """Raise OSError: by the name mpremote knows what to say, the text is for people."""
    number = _NUMBERS[name]
    raise OSError(number, text if number in errno.errorcode else name + ": " + text)  # MicroPython names those it knows


def failed(code, text):
    """The same for one of the kernel's codes."""
    if code == syscall.BUSY:
        refuse("EBUSY", "another one is changing the apps")
    if code == syscall.NOMEM:
        refuse("ENOSPC", text + ": there is no room in one piece in the flash")
    if code == syscall.NOSUPPORT:
        refuse("EACCES", text + ": its header asks for what this shell has not; `adder install` can install it")
    if code == syscall.ALREADY:
        refuse("EINVAL", text + ": another app has its short identifier")
    if code == syscall.INVAL:
        refuse("EINVAL", text + ": that is no app for this board")
    if code == syscall.NODEVICE:
        refuse("ENODEV", text + ": this board has no driver for it")
    refuse("EIO", text)


def _do(number, a=0, b=0):
    # The kernel's own wait: Ctrl-C does not leave the loader in the middle of something.
    try:
        syscall.command(_LOADER, number, a, b)
    except syscall.SyscallError as error:
        return error.errno
    return syscall.yield_wait_for(_LOADER, number - 1)[0] if number != _REPLACE else 0


class Upload(io.IOBase):
    """A file that is open for writing. Of a tar file, the member for this processor is taken, and no other is kept."""

    def __init__(self, own_name, find):
        self._own_name = own_name
        self._find = find
        self._block = memoryview(bytearray(_BLOCK))
        self._fill = 0
        self._wanted = _HEAD  # bytes of the block that decide what it is
        self._in_tar = False
        self._member = 0  # bytes of the member that is being read, if it is ours
        self._skip = 0
        self._left = 0  # bytes of the program that are to come
        self._offset = -1  # what the loader has; -1: it has not begun
        self._name = ""
        self._done = False
        self._open = True
        _do(_ABORT)  # what a session has left that ended in the middle

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self._give_up()

    def write(self, data):
        view = memoryview(data)
        at = 0
        if not self._open:
            refuse("EINVAL", "it has been refused")
        try:
            while at < len(view) and not self._done:
                at += self._take(view[at:])
        except:
            self._give_up()
            raise
        return len(view)

    def _take(self, view):
        if self._skip:
            count = min(len(view), self._skip)
            self._skip -= count
            return count
        goal = self._left + self._fill if self._left else self._wanted
        count = min(len(view), min(goal, _BLOCK) - self._fill)
        self._block[self._fill : self._fill + count] = view[:count]
        self._fill += count
        if self._left:
            self._left -= count
            if self._left == 0 or self._fill == _BLOCK:
                self._hand_over()
        elif self._fill == self._wanted:
            self._decide()
        return count

    def _decide(self):
        block = self._block
        if self._member or (not self._in_tar and block[0] == 2 and block[1] == 0):
            self._begin_program()
        elif self._fill < _BLOCK:
            self._wanted = _BLOCK
        else:
            self._fill = 0
            self._read_tar_header()

    def _read_tar_header(self):
        block = self._block
        self._in_tar = True
        if not any(block):
            self._done = True  # the end of the tar file
            return
        try:
            total = int(bytes(block[148:154]), 8)
            size = int(bytes(block[124:135]), 8)
        except ValueError:
            size = -1
        if size < 0 or total != sum(block) - sum(block[148:156]) + 8 * 32:
            refuse("EINVAL", "that is neither a TAB nor a TBF")
        name = bytes(block[:100]).split(b"\0")[0].split(b"/")[-1]
        if name == _MEMBER and block[156] in (0, 48):
            self._member = size
            self._wanted = _HEAD
        else:
            self._skip = size + _BLOCK - 1 & ~(_BLOCK - 1)

    def _begin_program(self):
        version, head, size = struct.unpack_from("<HHI", self._block, 0)
        if version != 2 or head < 2 * _HEAD or size < head or (self._in_tar and size > self._member):
            refuse("EINVAL", "the app's header is damaged")
        if size >> 24:
            refuse("EFBIG", "that is larger than any flash")
        self._size = size
        self._left = size - _HEAD

    def _hand_over(self):
        if self._offset < 0:
            self._begin_loading()
        syscall.allow_ro(_LOADER, 0, self._block)
        status = _do(_WRITE, self._offset, self._fill)
        syscall.allow_ro(_LOADER, 0, None)
        if status:
            failed(status, "the flash can't be written")
        self._offset += self._fill
        self._fill = 0
        self._done = self._left == 0

    def _begin_loading(self):
        self._read_header()
        if self._name == self._own_name:
            refuse("EBUSY", "that is this shell; `adder install` can replace it")
        status = _do(_SETUP, self._size)
        if status:
            failed(status, "%s needs %d bytes" % (self._name, self._size))
        self._offset = 0

    def _read_header(self):
        # As much of it as there is in the first block.
        end = min(struct.unpack_from("<H", self._block, 2)[0], self._fill)
        at = _HEAD
        while at + 4 <= end:
            kind, length = struct.unpack_from("<HH", self._block, at)
            if kind == _NAME:
                self._name = shown(self._block[at + 4 : at + 4 + length])
            elif kind == _FIXED:
                refuse("EINVAL", "that app is linked for a fixed address; `adder image` or `adder flash` installs it")
            at += 4 + (length + 3 & ~3)

    def close(self):
        if not self._open:
            return
        if self._offset < 0 or self._left:
            self._give_up()
            if self._in_tar and self._done:
                refuse("EINVAL", "the TAB has no program for a Cortex-M4")
            refuse("EINVAL", "that is no whole TAB or TBF")
        self._open = False
        old = self._find(self._name)
        status = _do(_REPLACE, old.number) if old else 0
        status = status or _do(_FINALIZE) or _do(_LOAD)
        if status:
            _do(_ABORT)
            failed(status, "not installed")
        new = self._find(self._name)
        if new and new.flags & 1 and not new.facts[3]:
            refuse("ENOMEM", "installed, but there is no RAM to start it in")

    def _give_up(self):
        self._open = False
        if self._offset >= 0:
            _do(_ABORT)
            self._offset = -1
