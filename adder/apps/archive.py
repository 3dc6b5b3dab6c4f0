"""The files in a tar archive, read so that no number in it is believed: from the front to the back, once.

Python's `tarfile` goes backwards by a size that is negative, and searches some headers in quadratic time; how much of
that is mended depends on the version. A bundle needs less: plain files, named as ustar, GNU's tar or pax name them.
"""

from collections.abc import Iterator

from adder.errors import AdderError

BLOCK = 512

MOST_FILES = 100
"""Bundles for a dozen addresses of five architectures have sixty."""

MOST_HEADERS = 5 * MOST_FILES
"""Those that only say more of the next one, too."""

LONGEST_NAME = 4096
MOST_DIGITS = 20

_PLAIN = (b"0", b"\0", b"7")
_WITHOUT_CONTENTS = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders
_SPARSE = b"S"
_GNU_NAME, _GNU_LINK = b"L", b"K"
_PAX, _PAX_FOR_ALL = b"x", b"g"


class ArchiveError(AdderError):
    """An archive that is malformed, or holds what no bundle does."""


def is_tar(data: bytes) -> bool:
    """Whether it begins as an archive does."""
    return data[257:262] == b"ustar"


def files_in(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Its plain files, by their names."""
    at = files = headers = 0
    said: dict[str, str] = {}  # of the next header, and more than it says itself
    while at + BLOCK <= len(data):
        head = data[at : at + BLOCK]
        if not any(head):
            return
        _check_sum(head)
        headers += 1
        if headers > MOST_HEADERS:
            raise ArchiveError(f"it holds more than {MOST_HEADERS} headers")
        kind, size = head[156:157], _number(head[124:136])
        at += BLOCK
        if kind in (_GNU_NAME, _GNU_LINK, _PAX, _PAX_FOR_ALL):
            value = _contents(data, at, size)
            if kind == _GNU_NAME:
                said["path"] = _text(value.split(b"\0")[0])
            elif kind == _PAX:
                said |= _records(value)
            at += _whole_blocks(size)
            continue
        if "size" in said:
            size = _decimal(said["size"])
        name = said.get("path") or _name(head)
        if kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in said):
            raise ArchiveError("it holds a sparse file, which no bundle does")
        said = {}
        files += 1
        if files > MOST_FILES:
            raise ArchiveError(f"it holds more than {MOST_FILES} files")
        if kind in _WITHOUT_CONTENTS or name.endswith("/"):
            continue
        contents = _contents(data, at, size)
        if kind in _PLAIN:
            yield name, contents
        at += _whole_blocks(size)
    if at == 0:
        raise ArchiveError("it is too short")


def _check_sum(head: bytes) -> None:
    """The sum of all bytes, its own eight counted as spaces; some tools take the bytes as signed."""
    rest = head[:148] + b" " * 8 + head[156:]
    if _number(head[148:156]) not in (sum(rest), sum(byte - 256 * (byte > 127) for byte in rest)):
        raise ArchiveError("the checksum of a header is wrong")


def _number(field: bytes) -> int:
    """Octal digits, or, by the highest bit, a number in binary."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0") or b"0"
    if field[0] & 0x80 or not all(0x30 <= digit < 0x38 for digit in digits):
        raise ArchiveError("a number in a header is none")
    return int(digits, 8)


def _decimal(digits: str) -> int:
    if len(digits) > MOST_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise ArchiveError("a number in a header is none")
    return int(digits)


def _whole_blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _contents(data: bytes, at: int, size: int) -> bytes:
    if size > len(data) - at:
        raise ArchiveError("it ends inside a file")
    return data[at : at + size]


def _name(head: bytes) -> str:
    name, prefix = (part.split(b"\0")[0] for part in (head[:100], head[345:500]))
    # In the older format of GNU's tar, other things lie where the prefix does.
    return _text(prefix + b"/" + name if prefix and head[257:263] == b"ustar\0" else name)


def _text(name: bytes) -> str:
    if len(name) > LONGEST_NAME:
        raise ArchiveError(f"a name in it has more than {LONGEST_NAME} bytes")
    return name.decode(errors="surrogateescape")


def _records(value: bytes) -> dict[str, str]:
    """Those of a pax header: how long each is, a space, its key, `=`, what it says, a newline."""
    said = {}
    at = 0
    while at < len(value) and value[at]:
        space = value.find(b" ", at, at + MOST_DIGITS + 1)
        if space < 0:
            raise ArchiveError("a pax header is malformed")
        end = at + _decimal(value[at:space].decode("latin-1"))
        key, equals, what = value[space + 1 : end - 1].partition(b"=")
        if not equals or end > len(value) or value[end - 1 : end] != b"\n":
            raise ArchiveError("a pax header is malformed")
        if key in (b"path", b"size") or key.startswith(b"GNU.sparse."):
            said[_text(key)] = _text(what)
        at = end
    return said
