"""The kernel with its mends taken out: holes.toml says which."""

import tomllib
from pathlib import Path
from typing import Any

from on_host import build

HOLES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "holes.toml").read_text())


def mends(hole: dict[str, Any]) -> list[dict[str, str]]:
    """What is to be taken out for it: places in files, each with what it is replaced by."""
    return [hole, *hole.get("also", [])] if "file" in hole else []


def open_holes(path: str, text: str) -> str:
    """A file's text without the mends that lie in it."""
    for name, hole in HOLES.items():
        for mend in mends(hole):
            if mend["file"] == path:
                assert text.count(mend["old"]) == 1, f"holes.toml: {name}: the mend in {path} is written otherwise now"
                text = text.replace(mend["old"], mend["new"])
    return text


def build_opened(folder: Path) -> None:
    """The kernel for this machine with all holes of the core that show there."""
    build(folder, open_holes)
