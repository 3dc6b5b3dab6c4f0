"""The kernel with its mends taken out: holes.toml says which."""

import tomllib
from pathlib import Path
from typing import Any

from on_host import build

HOLES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "holes.toml").read_text())


def open_holes(path: str, text: str) -> str:
    """A file's text without the mends that lie in it."""
    for name, hole in HOLES.items():
        if hole.get("file") == path:
            assert text.count(hole["old"]) == 1, f"holes.toml: {name}: the mend in {path} is written otherwise now"
            text = text.replace(hole["old"], hole["new"])
    return text


def build_opened(folder: Path) -> None:
    """The kernel for this machine with all holes of the core that show there."""
    build(folder, open_holes)
