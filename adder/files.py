"""Files that the tool writes, in folders where others may have put something.

A folder that somebody else has packed may hold a link where a file will be written, and whoever follows that writes
over a file of the user's. So nothing is written through a link, and what is there is replaced only by a whole file.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adder.errors import AdderError


def leads_out(path: Path, folder: Path) -> bool:
    """Whether `path` is a link, or lies behind one, to what is not in `folder`."""
    return not path.resolve().is_relative_to(folder.resolve())


def check_plain(path: Path) -> bool:
    """Whether there is a file to replace. A link, a folder, a pipe are refused."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode):
        raise AdderError(f"{path} is a link, and no file is written through one; remove it, or name another place.")
    if not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        raise AdderError(f"{path} is there and no file; remove it, or name another place.")
    return True


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, which takes the place of `path` when it is complete; if an error comes first, nothing has changed."""
    is_there = check_plain(path)
    if is_there and path.is_char_device():  # /dev/null: it stays what it is
        with path.open("wb") as file:
            yield file
        return
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:  # new, or an error: not even a link is followed
            yield file
        if is_there:
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, contents: bytes) -> None:
    """Make `contents` the file's, which is new or replaced."""
    with replacing(path) as file:
        file.write(contents)


def write_text(path: Path, text: str) -> None:
    """The same with UTF-8 text; its lines end as they do in `text`."""
    write_bytes(path, text.encode())
