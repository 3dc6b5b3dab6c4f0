"""Tables and lines for people; all are made so that nothing in them is obeyed by a terminal.

No other module prints, but for those that tests/host/test_printing.py lists with a reason.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from adder.files import write_text
from adder.text import printable, printable_lines

NARROWEST = 100


class _Console(Console):
    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(printable_lines(o) if isinstance(o, str) else o for o in objects), **options)


class _Table(Table):
    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(*(printable(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def tell(text: str, colour: str | None = None, *, error: bool = False, end: str = "\n") -> None:
    """A line or several, in a colour where there is a terminal; `error`: beside what a program may read."""
    click.secho(printable_lines(text) + end, fg=colour, err=error, nl=False)


def console() -> Console:
    """A console that prints text as it is: no markup, no emoji for `:100:`, no guessed colours, no cut lines."""
    made = _Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = max(made.width, NARROWEST)
    return made


def table(*left: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table: columns aligned left, then columns of numbers aligned right."""
    made = _Table(box=None, header_style="bold", pad_edge=False)
    for heading in left:
        made.add_column(heading, no_wrap=True)
    for heading in right:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values, without a heading."""
    made = _Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        made.add_row(*row)
    return made


def prompt(question: str, default: str) -> str:
    """Ask whoever is there."""
    answer: str = click.prompt(printable(question), default=default, show_default=False)
    return answer


def write_json(path: Path, contents: Any) -> None:
    """Write figures for machines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(contents, indent=2) + "\n")
