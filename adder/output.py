"""Tables and lines for people."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

NARROWEST = 100


def console() -> Console:
    """A console that prints text as it is: no markup, no emoji for `:100:`, no guessed colours, no cut lines."""
    made = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = max(made.width, NARROWEST)
    return made


def table(*left: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table: columns aligned left, then columns of numbers aligned right."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for heading in left:
        made.add_column(heading, no_wrap=True)
    for heading in right:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def write_json(path: Path, contents: Any) -> None:
    """Write figures for machines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, indent=2) + "\n")
