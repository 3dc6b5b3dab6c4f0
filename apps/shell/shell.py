"""What the shell sets up before it shows its prompt: clock, files, apps."""

import os
import sys
import vfs

import repl
import syscall

_CONSOLE = const(0x1)
_STORAGE = const(0x50001)
_APPS = const(0x10100)
_PIECE = const(2048)
_MOST = const(14)  # pieces that there can be
_UNIT = const(64)  # bytes that the file system reads and writes at least


def start():
    """Serve the prompt until it is reset."""
    _claim()
    sys.path.append("/storage/lib")
    sys.path.append("/rom")
    sys.path.append("/rom/lib")
    sys.path.remove("/rom/lib")  # the first of two: what is installed goes to /storage/lib
    for each in (_set_clock, _mount_storage, _mount_apps):
        try:
            each()
        except OSError as error:
            print("shell: no %s: %s" % (each.__name__.split("_")[-1], error.args[-1]))
    if _begins_with_console():
        console()
    repl.run()


def console():
    """Tock's process console, until `shell` is typed there."""
    from console import run

    run()


def _claim():
    # What a tool sends while files are being found waits for the prompt, and is no other app's. A raw prompt has the line.
    if not repl.is_raw():
        try:
            syscall.command(_CONSOLE, 64, 1, 0)
        except syscall.SyscallError:
            pass  # another app is in the foreground


def _begins_with_console():
    try:
        return syscall.command(_APPS, 5) == 1
    except syscall.SyscallError:
        return False


def _set_clock():
    # A board without a clock counts from 1970, until somebody sets it.
    from adder import date_time
    from machine import RTC

    try:
        RTC().read()
    except syscall.SyscallError:
        pass


def _mount_apps():
    from app_files import AppFiles

    vfs.mount(AppFiles(), "/apps")


def _mount_storage():
    if not hasattr(vfs, "VfsLfs2"):
        return  # this board's kernel is built without
    size = syscall.command(_STORAGE, 1)
    blocks = syscall.Blocks(size)
    if not _has_files(blocks):
        blocks = _format()
    vfs.mount(vfs.VfsLfs2(blocks, readsize=_UNIT, progsize=_UNIT), "/storage")
    os.chdir("/storage")


def _has_files(blocks):
    # What littlefs begins one of its first two blocks with. What has that and can't be mounted is left alone.
    word = bytearray(8)
    for block in (0, 1):
        blocks.readblocks(block, word, 8)
        if word == b"littlefs":
            return True
    return False


def _format():
    # As large as it can be: its size is for good. Each piece is written to, so that nobody else gets it later.
    for pieces in range(_MOST, 0, -1):
        try:
            blocks = syscall.Blocks(pieces * _PIECE)
            break
        except syscall.SyscallError:
            if pieces == 1:
                raise
    for piece in range(pieces):
        blocks.writeblocks(piece * 4, b"\xff" * 8, 0)
    vfs.VfsLfs2.mkfs(blocks, readsize=_UNIT, progsize=_UNIT)
    return blocks
