"""Text of others: as something that can be shown, and files of others, as something that can be read.

What an app says of itself (names, paths, texts) may hold whatever its author likes, a terminal's escape sequences
too. So whatever a tool prints goes through `printable`; `adder.output` and `adder.cli` see to it.
"""

from pathlib import Path

from adder.errors import AdderError

BOM = "\ufeff"
"""The byte order mark, which editors on Windows put before UTF-8 text."""

MEGABYTE = 1 << 20


def printable(text: str) -> str:
    """`text` as one line that no terminal obeys: what cannot be printed is written as Python writes it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines, made by the tool itself."""
    return "\n".join(map(printable, text.split("\n")))


def counted(number: int, thing: str, things: str | None = None) -> str:
    """1 app, 2 apps."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def read_file(path: Path, most: int) -> bytes:
    """A file's contents, of which there may be `most` bytes; nothing larger is read."""
    with path.open("rb") as file:
        contents = file.read(most + 1)
    if len(contents) > most:
        raise AdderError(f"{path} has more than {most // MEGABYTE} MB, which is too large for what it should be.")
    return contents


def read_text(path: Path, most: int = MEGABYTE) -> str:
    """A file's text, without its byte order mark, every line ended by a newline only."""
    contents = read_file(path, most)
    try:
        text = contents.decode()
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        raise AdderError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8.") from None
    return text.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
