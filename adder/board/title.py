"""A board's title, which comes out in comments and texts of C, of a linker script, of make's and of Kconfig's."""

from pathlib import Path

from adder.errors import AdderError

LONGEST = 100
EXCLUDED = '"\\$%*?'
"""What would end a text or a comment in C, or is more than itself to make, to printf or in C's trigraphs."""

A_TITLE = f"one line of at most {LONGEST} characters, all printable and none of {EXCLUDED}"
"""What it must be."""


def is_title(text: str) -> bool:
    """Whether a text may stand in a comment or in quotes, whatever the language."""
    return len(text) <= LONGEST and text.isprintable() and not set(text) & set(EXCLUDED)


def check_title(file: Path, text: str) -> str:
    """`text`, with which a board's file begins."""
    if not is_title(text):
        raise AdderError(f"{file}: the comment in its first line is the board's title, which must be {A_TITLE}.")
    return text
