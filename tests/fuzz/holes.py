"""The kernel with its mends taken out: holes.toml says which."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

from on_host import FOLDER, build, translated

from adder.board import ROOT

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
    """The kernel for this machine with all holes of the core that show there; what no mend lies in is taken over."""
    if not folder.is_dir():
        whole = build(FOLDER).parent
        made = folder.with_suffix(".part")  # what was left half done must not be taken for the whole
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(whole, made, ignore=shutil.ignore_patterns("kernel-host"))
        opened = {mend["file"] for hole in HOLES.values() for mend in mends(hole) if (made / mend["file"]).is_file()}
        for name in opened:
            (made / name).write_text(translated(open_holes(name, (ROOT / name).read_text())))
            # Or make would look for names anew, and compile everything again.
            shutil.copystat(whole / name, made / name)
        for made_of in made.rglob("*.P"):
            text = made_of.read_text().replace(f"{whole}/", f"{folder}/")
            made_of.write_text(text)
            shutil.copystat(whole / made_of.relative_to(made), made_of)
            if any(str(folder / name) in text for name in opened):
                made_of.with_suffix(".o").unlink()
        made.rename(folder)
    build(folder, open_holes)
