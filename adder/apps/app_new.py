"""Makes new apps outside of this tree: the verb `adder app new`."""

import re
from pathlib import Path
from string import Template

import click

from adder.board import ROOT
from adder.errors import AdderError
from adder.files import write_text
from adder.output import tell

TEMPLATES = Path(__file__).parents[1] / "templates" / "app"
LONGEST_NAME = 32

FILES = {
    "c": {"Makefile": "c/Makefile", "main.c": "c/main.c"},
    "python": {
        "Makefile": "python/Makefile",
        "app/main.py": "python/main.py",
        "pyproject.toml": "python/pyproject.toml",
    },
    "rust": {
        "Makefile": "rust/Makefile",
        "Cargo.toml": "rust/Cargo.toml",
        "build.rs": "rust/build.rs",
        ".cargo/config.toml": "rust/config.toml",
        "src/main.rs": "rust/main.rs",
    },
}
"""The files of a new app, and their templates, by language."""

EVERY = {"test_app.py": "test.py"}
IGNORED = "build/\n__pycache__/\ntarget/\n"


def make_app(folder: Path, language: str) -> list[Path]:
    """Write a new app into `folder`, which is made; it is called like the folder."""
    name = folder.name
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > LONGEST_NAME:
        raise AdderError(
            f"The name '{name}' must be 1 to {LONGEST_NAME} small letters, digits and single '-', "
            "and begin with a letter, as in 'air-quality'."
        )
    if folder.exists():
        raise AdderError(f"{folder} exists already; choose another name, or remove it first. Nothing was written.")
    if " " in str(ROOT):
        raise AdderError(f"Adder's folder, {ROOT}, has a space in its name, which make cannot have; move it.")
    made = []
    for path, template in {**FILES[language], **EVERY}.items():
        text = Template((TEMPLATES / f"{template}.in").read_text()).substitute(name=name, adder=ROOT)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
        made.append(target)
    write_text(folder / ".gitignore", IGNORED)
    return made


@click.command("new")
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@click.option("--c", "in_c", is_flag=True, help="In C, on the small runtime in apps/runtime.")
@click.option("--python", "in_python", is_flag=True, help="In Python; this is the default.")
@click.option("--rust", "in_rust", is_flag=True, help="In Rust, on libtock-rs.")
def new_command(folder: Path, in_c: bool, in_python: bool, in_rust: bool) -> None:
    """Make an app of your own, in a folder of that name.

    It builds (make), runs in the simulator (make run) and has a test (make test) as it stands; then change it.
    Nothing is ever overwritten.
    """
    chosen = [name for name, wanted in (("c", in_c), ("python", in_python), ("rust", in_rust)) if wanted]
    if len(chosen) > 1:
        options = " and ".join(f"--{name}" for name in chosen)
        raise AdderError(f"{options} are given, but an app has one language; choose one of them.")
    made = make_app(folder, chosen[0] if chosen else "python")
    tell("Made\n" + "".join(f"    {path}\n" for path in made), end="")
    tell(f"\nTry it, then change it:\n    cd {folder}\n    make run\n    make test")
